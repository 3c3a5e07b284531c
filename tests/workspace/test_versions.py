"""Stored workspaces: versions, two times, sharing, damage, locks, and adds that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from specialists.foundation.errors import InputError, NotFound, WorkspaceError
from specialists.workspace.batch import Batch, NewTable
from specialists.workspace.catalogue import Column, Company, Document, Table
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE
from specialists.workspace.versions import Workspace

COLUMNS = (
    Column(name="company", role="company", type="text"),
    Column(name="fiscal_year", role="period", type="number"),
    Column(name="revenue", role="measure", type="number", unit="USD", scale=1e6),
)
KEY = ("company", "fiscal_year")


def table(rows, name="income", columns=COLUMNS, key=KEY, company=None, source="a.csv"):
    """``rows``: the columns' values, then the day they became known."""
    data = {c.name: [r[i] for r in rows] for i, c in enumerate(columns)}
    data[KNOWN_AT] = pa.array([r[len(columns)] for r in rows], type=pa.date32())
    data[SOURCE] = [source] * len(rows)
    entry = Table(name=name, title=name, columns=columns, rows=len(rows), company=company)
    return NewTable(entry, pa.table(data), key)


def document(id="d1", text="Acme had 10 employees.", day=date(2022, 3, 1)):
    return Document(
        id=id, title="note", kind="note", company="Acme", year=2021, published=day, text=text
    )


FIRST = Batch(
    tables=(
        table([("Acme", 2021, 10.0, date(2022, 3, 1)), ("Bolt", 2021, 20.0, date(2022, 3, 9))]),
    ),
    documents=(document(),),
    companies=(Company(name="Acme", ticker="ACM"), Company(name="Bolt")),
)
RESTATED = Batch(tables=(table([("Acme", 2021, 9.0, date(2022, 8, 1))], source="b.csv"),))


def values(space, as_of=None, name="income"):
    rows = space.snapshot(as_of).tables[name].to_pylist()
    return {(r["company"], r["fiscal_year"]): r["revenue"] for r in rows}


@pytest.fixture
def space(tmp_path):
    return Workspace.create("w", tmp_path, FIRST)


def test_what_was_added_comes_back(space, tmp_path):
    again = Workspace.open("w", tmp_path)
    assert values(again) == {("Acme", 2021): 10.0, ("Bolt", 2021): 20.0}
    entry = again.catalogue
    assert [c.name for c in entry.companies] == ["Acme", "Bolt"]
    assert entry.tables[0].periods == (2021,)
    assert entry.tables[0].columns[0].values == ("Acme", "Bolt")
    assert again.snapshot().documents == FIRST.documents
    assert again.snapshot().tables["income"].column_names[-3:] == [ROW, KNOWN_AT, SOURCE]


def test_an_empty_workspace_can_be_read_and_filled(tmp_path):
    space = Workspace.create("empty", tmp_path)
    assert space.catalogue.tables == ()
    assert space.snapshot().documents == ()
    assert space.add(FIRST) == "000002"
    assert values(space)[("Acme", 2021)] == 10.0


def test_a_restatement_hides_the_old_value_from_its_day_on(space):
    space.add(RESTATED)
    assert values(space)[("Acme", 2021)] == 9.0
    assert values(space, date(2022, 7, 31))[("Acme", 2021)] == 10.0
    assert values(space, date(2022, 8, 1))[("Acme", 2021)] == 9.0
    assert space.manifest.stored("income").next_row == 3  # all three rows are kept


def test_an_older_filing_added_later_does_not_win(space):
    space.add(Batch(tables=(table([("Acme", 2021, 7.0, date(2021, 12, 1))]),)))
    assert values(space)[("Acme", 2021)] == 10.0
    assert values(space, date(2022, 1, 1)) == {("Acme", 2021): 7.0}


def test_known_the_same_day_the_later_added_wins(space):
    space.add(Batch(tables=(table([("Acme", 2021, 8.0, date(2022, 3, 1))]),)))
    assert values(space)[("Acme", 2021)] == 8.0


def test_before_anything_was_known_there_is_nothing(space):
    snapshot = space.snapshot(date(2020, 1, 1))
    assert snapshot.catalogue.tables == ()
    assert snapshot.catalogue.companies == ()
    assert snapshot.documents == ()


def test_the_catalogue_of_a_date_names_nothing_known_later(space):
    snapshot = space.snapshot(date(2022, 3, 5))
    assert [c.name for c in snapshot.catalogue.companies] == ["Acme"]
    assert snapshot.catalogue.tables[0].columns[0].values == ("Acme",)


def test_digests_tell_contents_and_dates_apart(space, tmp_path):
    one, day = space.snapshot().digest, space.snapshot(date(2022, 3, 5)).digest
    same = Workspace.create("w", tmp_path / "other", FIRST)
    assert same.snapshot().digest == one != day
    space.add(RESTATED)
    assert space.snapshot().digest != one


def test_rows_without_a_key_are_replaced_by_a_later_load_of_their_source(tmp_path):
    def load(amounts, source, day):
        rows = [("Acme", 2021, a, day) for a in amounts]
        return Batch(tables=(table(rows, key=(), source=source),))

    space = Workspace.create("w", tmp_path, load([1.0, 1.0], "jan.csv", date(2022, 1, 1)))
    space.add(load([2.0], "feb.csv", date(2022, 2, 1)))
    space.add(load([3.0, 4.0], "jan.csv", date(2022, 3, 1)))
    now = space.snapshot().tables["income"]["revenue"].to_pylist()
    assert sorted(now) == [2.0, 3.0, 4.0]
    then = space.snapshot(date(2022, 2, 15)).tables["income"]["revenue"].to_pylist()
    assert sorted(then) == [1.0, 1.0, 2.0]


def test_a_document_published_again_replaces_its_former_text(space):
    space.add(Batch(documents=(document(text="Acme had 11 employees.", day=date(2023, 1, 1)),)))
    assert [d.text for d in space.snapshot().documents] == ["Acme had 11 employees."]
    assert [d.text for d in space.snapshot(date(2022, 6, 1)).documents] == [FIRST.documents[0].text]


def test_unchanged_files_are_shared_with_the_version_before(space):
    space.add(Batch(tables=(table([("Acme", 2022, 5.0, date(2023, 1, 1))], name="other"),)))
    old, new = (space.folder / "versions" / v for v in ("000001", "000002"))
    assert (old / "tables/income.parquet").samefile(new / "tables/income.parquet")
    assert (old / "documents.parquet").samefile(new / "documents.parquet")
    assert space.snapshot().index.parent == new
    assert space.verify() == len(space.manifest.files)


def test_old_versions_are_never_written(space):
    folder = space.folder / "versions" / "000001"
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    space.add(RESTATED + Batch(documents=(document("d2"),)))
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_taken_table_name_gets_the_companys_name_in_front(tmp_path):
    columns = COLUMNS[1:]
    rows = [(2021, 1.0, date(2022, 1, 1))]
    made = [table(rows, "costs", columns, ("fiscal_year",), c) for c in ("Acme Ltd", "Bolt")]
    space = Workspace.create("w", tmp_path, Batch(tables=(made[0],)))
    space.add(Batch(tables=(made[1],)))
    assert [t.name for t in space.catalogue.tables] == ["costs", "bolt_costs"]


@pytest.mark.parametrize("change", [{"unit": "EUR"}, {"scale": 1e3}, {"type": "text"}])
def test_a_column_of_another_unit_scale_or_type_is_refused(space, change):
    other = COLUMNS[2].model_copy(update=change)
    value = "x" if change.get("type") == "text" else 1.0
    rows = [("Acme", 2022, value, date(2023, 1, 1))]
    with pytest.raises(InputError, match="column revenue"):
        space.add(Batch(tables=(table(rows, columns=(*COLUMNS[:2], other)),)))
    assert space.version == "000001"
    assert values(space)[("Acme", 2021)] == 10.0


def test_a_further_column_is_empty_for_older_rows(space):
    columns = (*COLUMNS, Column(name="costs", role="measure", type="number", unit="USD", scale=1e6))
    rows = [("Acme", 2022, 1.0, 2.0, date(2023, 1, 1))]
    space.add(Batch(tables=(table(rows, columns=columns),)))
    assert space.snapshot().tables["income"]["costs"].to_pylist() == [None, None, 2.0]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65, "a b"])
def test_names_that_are_no_plain_file_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="not a workspace name"):
        Workspace.create(name, tmp_path)


def test_an_unknown_workspace_is_told_with_those_that_exist(space, tmp_path):
    with pytest.raises(NotFound, match=r"no workspace x .*there are: w"):
        Workspace.open("x", tmp_path)


def test_a_name_is_given_once(space, tmp_path):
    with pytest.raises(WorkspaceError, match="exists already"):
        Workspace.create("w", tmp_path)
    assert Workspace.names(tmp_path) == ["w"]


def test_a_refused_first_batch_leaves_no_workspace(tmp_path):
    keyless = table([("Acme", 2021, 1.0, date(2022, 1, 1))], key=())
    clash = Batch(tables=(*FIRST.tables, keyless))
    with pytest.raises(InputError, match="rows of table income"):
        Workspace.create("w", tmp_path, clash)
    assert list(tmp_path.iterdir()) == []


# --- damage ---------------------------------------------------------------------------------------


def test_verify_names_an_altered_and_a_missing_file(space):
    folder = space.folder / "versions" / "000001"
    path = folder / "tables" / "income.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    (folder / "documents.parquet").unlink()
    with pytest.raises(WorkspaceError, match=r"(?s)documents\.parquet.*income\.parquet.*altered"):
        Workspace(space.folder).verify()


def test_an_altered_manifest_is_found_when_opening(space, tmp_path):
    path = space.folder / "versions" / "000001" / "manifest.json"
    path.write_text(path.read_text().replace('"Acme"', '"Acne"'))
    with pytest.raises(WorkspaceError, match="altered"):
        Workspace.open("w", tmp_path)


def test_a_pointer_to_nothing_is_found_when_opening(space, tmp_path):
    (space.folder / "CURRENT").write_text("hello")
    with pytest.raises(WorkspaceError, match="does not name a version"):
        Workspace.open("w", tmp_path)


def test_a_broken_table_is_an_error_not_an_empty_answer(space):
    (space.folder / "versions" / "000001" / "tables" / "income.parquet").write_bytes(b"PAR1junk")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        Workspace(space.folder).snapshot()


# --- two writers, and killed writers --------------------------------------------------------------

_WRITER = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_versions as t
from specialists.workspace.versions import Workspace

space, point, count = Workspace(Path({folder!r})), int(sys.argv[1]), 0

def counted(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        global count
        count += 1
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(os, name, call)

for name in ("fsync", "rename", "replace", "link"):
    counted(name)
space.add(t.RESTATED + t.Batch(documents=(t.document("d2"),)))
print(count)
"""


def writer(space, point):
    """Add to the workspace in another process, killed before its ``point``-th durable step."""
    here = Path(__file__).parent
    code = textwrap.dedent(_WRITER).format(tests=str(here), folder=str(space.folder))
    return subprocess.run(
        [sys.executable, "-c", code, str(point)],
        capture_output=True,
        text=True,
        cwd=here.parents[1],
        env={**os.environ, "PYTHONPATH": str(here.parents[1])},
        check=False,
    )


def test_an_add_killed_at_any_point_leaves_the_old_version_whole(space, tmp_path):
    steps = int(writer(Workspace.create("probe", tmp_path, FIRST), 0).stdout)
    assert steps > 10
    points = sorted({1, 2, steps // 4, steps // 2, 3 * steps // 4, *range(steps - 6, steps + 1)})
    outcomes = set()
    for point in points:
        if space.version != "000001":
            break
        done = writer(space, point)
        assert done.returncode == -signal.SIGKILL, done.stderr
        again = Workspace.open("w", tmp_path)
        assert again.verify() == len(again.manifest.files)
        whole = {("Acme", 2021): 10.0 if again.version == "000001" else 9.0, ("Bolt", 2021): 20.0}
        assert values(again) == whole
        assert len(again.snapshot().documents) == (1 if again.version == "000001" else 2)
        outcomes.add(again.version)
    # The last step is pushing the swapped pointer to the disk: by then the new version is current.
    assert outcomes == {"000001", "000002"}


def test_the_next_add_removes_what_a_killed_one_left(space):
    steps = 18
    assert writer(space, steps // 2).returncode == -signal.SIGKILL
    left = {p.name for p in (space.folder / "versions").iterdir()}
    assert left > {"000001"}
    space.add(RESTATED)
    assert {p.name for p in (space.folder / "versions").iterdir()} == {"000001", "000002"}
    assert values(space)[("Acme", 2021)] == 9.0
    assert space.verify()


def test_what_a_killed_creation_left_does_not_stand_in_the_way(tmp_path):
    left = tmp_path / ".w.partial"
    (left / "versions" / "000001.partial" / "tables").mkdir(parents=True)
    (left / "lock").touch()
    assert Workspace.names(tmp_path) == []
    assert values(Workspace.create("w", tmp_path, FIRST))[("Acme", 2021)] == 10.0
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


def test_a_second_writer_is_refused_and_readers_go_on(space):
    code = (
        "import fcntl, sys\n"
        f"lock = open({str(space.folder / 'lock')!r}, 'a')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError, match="another process is adding"):
            space.add(RESTATED)
        assert values(space)[("Acme", 2021)] == 10.0
        other.stdin.close()
        other.wait()
    assert space.add(RESTATED) == "000002"


def test_another_process_add_is_seen_by_an_open_workspace(space):
    assert values(space)[("Acme", 2021)] == 10.0
    assert writer(space, 0).returncode == 0
    assert space.version == "000002"
    assert values(space)[("Acme", 2021)] == 9.0
