"""The store of samples: one writer, nothing twice, nothing half, nothing of another design."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evals.decision.design import Arm, Contrast, Decode, Design, Paper, Registered, Rule
from evals.decision.samples import GREEDY, PARQUET, STUDY, Asked, Sample, Samples, content
from specialists.foundation.errors import DataError, RecordError

QUESTIONS = ("q1", "q2", "q3")


def registered(delta: float = 3.0) -> Registered:
    design = Design(
        specialist="sentiment",
        start="base",
        arms=(Arm(name="base", kind="base"), Arm(name="sft", runs=2)),
        contrasts=(Contrast(arm="sft", against="base"),),
        papers=(Paper(name="sealed"),),
        decode=Decode(samples=2),
        study="somewhere",
        rule=Rule(delta=delta),
    )
    written = design.model_dump(mode="json", exclude_unset=True)
    return Registered(design=design, name="d", path=Path("d.toml"), written=written, study={})


def row(arm: str = "base", run: int = 1, question: str = "q1", draw: int = 0, **fields: object):
    told = {
        "arm": arm,
        "run": run,
        "paper": "sealed",
        "question": question,
        "company": f"company of {question}",
        "template": "t",
        "draw": draw,
        "draw_seed": 100 + draw,
        "messages_digest": f"words of {question}",
        "output": '{"sentiment": "positive"} ✓',
        "score": 1.0,
        "figures": {"holds": 1.0, "recovered": None},
    }
    return Sample.model_validate(told | fields)


def everything() -> list[Sample]:
    runs = [("base", 1), ("sft", 1), ("sft", 2)]
    return [
        row(arm, run, question, draw, score=float((len(arm) + run + draw) % 2))
        for arm, run in runs
        for question in QUESTIONS
        for draw in range(2)
    ]


def note_questions(samples: Samples) -> None:
    places = {"q1": "b", "q2": "c", "q3": "a"}
    asked = [Asked(q, f"company of {q}", "t", place) for q, place in places.items()]
    samples.note(questions={"sealed": [list(a) for a in asked]})


def test_rows_come_back_as_they_were_and_order_does_not_matter(tmp_path: Path) -> None:
    rows = everything()
    with Samples.open(tmp_path / "a.duckdb", registered()) as one:
        one.add(rows)
        assert one.rows() == sorted(rows, key=lambda r: r.key)
        assert one.done() == {r.key for r in rows}
        first = one.digest()
    random.Random(0).shuffle(rows)
    with Samples.open(tmp_path / "b.duckdb", registered()) as other:
        for each in rows:
            other.add([each])
        assert other.digest() == first


def test_no_sample_twice_and_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with Samples.open(tmp_path / "a.duckdb", registered()) as samples:
        samples.add([row()])
        with pytest.raises(DataError, match="there already"):
            samples.add([row(question="q2"), row()])
        assert len(samples) == 1
        samples.add([row(question="q2")])
        assert len(samples) == 2


def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with Samples.open(path, registered()):
        with pytest.raises(DataError, match=r"a\.duckdb is being written to by another process"):
            Samples.open(path, registered())
        code = (
            "import sys; from pathlib import Path; from evals.decision.samples import Samples\n"
            "Samples.open(Path(sys.argv[1]))"
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
        assert "is being written to by another process" in done.stderr
    Samples.open(path, registered()).close()


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_decision_samples import registered, row
from evals.decision.samples import Samples
samples = Samples.open(Path(sys.argv[1]), registered())
for batch in range(100_000):
    samples.add([row(question=f"{batch}-{n}") for n in range(20)])
    print(batch, flush=True)
"""


def test_a_kill_at_any_moment_loses_the_batch_under_way_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    env = os.environ | {"PYTHONPATH": os.getcwd()}
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, path, here], stdout=subprocess.PIPE, text=True, env=env
    )
    assert process.stdout is not None
    with process.stdout as said:
        last = -1
        until = time.monotonic() + 20
        while last < 30 and time.monotonic() < until:
            last = int(said.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        last = max([last, *(int(line) for line in said.read().split())])
    with Samples.open(path, registered()) as samples:
        assert len(samples) in (20 * (last + 1), 20 * (last + 2))
        assert samples.done() >= {
            row(question=f"{b}-{n}").key for b in range(last + 1) for n in range(20)
        }
        samples.add([row(question="after")])


def test_a_changed_design_is_refused_with_both_digests(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with Samples.open(path, registered()) as samples:
        samples.add([row()])
        samples.export(tmp_path / "out")
    was, now = registered().digest[:12], registered(delta=1.0).digest[:12]
    told = f"changed after the run: registered {was} at 20.*, now {now}"
    with pytest.raises(RecordError, match=told):
        Samples.open(path, registered(delta=1.0))
    with pytest.raises(RecordError, match=told):
        Samples.read(tmp_path / "out", registered(delta=1.0))
    with Samples.open(path) as again:  # whoever only looks need not have the design
        assert again.design == registered().design


def test_what_is_no_database_of_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    path.write_bytes(b"words")
    with pytest.raises(DataError, match="no database of samples"):
        Samples.open(path, registered())
    with pytest.raises(DataError, match="there are no samples"):
        Samples.open(tmp_path / "none.duckdb")
    with pytest.raises(ValidationError):
        row(score=math.nan)


def test_an_export_gives_the_same_rows_and_digest(tmp_path: Path) -> None:
    with Samples.open(tmp_path / "a.duckdb", registered()) as samples:
        samples.add(everything())
        note_questions(samples)
        told = samples.export(tmp_path / "out")
        first = (tmp_path / "out" / PARQUET).read_bytes()
        assert samples.export(tmp_path / "out") == told
        assert (tmp_path / "out" / PARQUET).read_bytes() == first
        rows, cube = samples.rows(), samples.cube("sealed")
    with Samples.read(tmp_path / "out", registered()) as back:
        assert (
            back.digest()
            == told
            == json.loads((tmp_path / "out" / STUDY).read_text())["samples"]["digest"]
        )
        assert back.rows() == rows
        assert np.array_equal(back.cube("sealed").arms["sft"], cube.arms["sft"])
        with pytest.raises(DataError, match="is an export"):
            back.add([row(question="new")])


def _truncated(folder: Path) -> None:
    path = folder / PARQUET
    path.write_bytes(path.read_bytes()[:-100])


def _edited(folder: Path) -> None:
    table = pq.read_table(folder / PARQUET)
    scores = pa.array([1.0] * len(table))
    place = table.schema.get_field_index("score")
    pq.write_table(table.set_column(place, table.schema.field("score"), scores), folder / PARQUET)


def _shortened(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / PARQUET).slice(1), folder / PARQUET)


def _no_number(folder: Path) -> None:
    table = pq.read_table(folder / PARQUET)
    scores = pa.array([math.nan] * len(table))
    place = table.schema.get_field_index("score")
    pq.write_table(table.set_column(place, table.schema.field("score"), scores), folder / PARQUET)


def _not_json(folder: Path) -> None:
    (folder / STUDY).write_text("{")


def _gone(folder: Path) -> None:
    (folder / PARQUET).unlink()


@pytest.mark.parametrize(
    "harm",
    [_truncated, _edited, _shortened, _no_number, _not_json, _gone],
    ids=lambda h: h.__name__,
)
def test_a_harmed_export_is_refused(tmp_path: Path, harm) -> None:
    with Samples.open(tmp_path / "a.duckdb", registered()) as samples:
        samples.add(everything())
        samples.export(tmp_path / "out")
    harm(tmp_path / "out")
    with pytest.raises(DataError):
        Samples.read(tmp_path / "out")


def test_a_cube_is_in_the_order_of_looking_and_pairs_the_arms(tmp_path: Path) -> None:
    with Samples.open(tmp_path / "a.duckdb", registered()) as samples:
        note_questions(samples)
        samples.add(everything())
        made = samples.cube(["sealed"])
        assert made.sheet.questions == ("sealed/q3", "sealed/q1", "sealed/q2")
        assert {arm: scores.shape for arm, scores in made.arms.items()} == {
            "base": (1, 3, 2),
            "sft": (2, 3, 2),
        }
        assert samples.cube("sealed", ["base"], questions=2).arms["base"].shape == (1, 2, 2)
        with pytest.raises(DataError, match="missing"):
            samples.cube("sealed", decode=GREEDY)
        with pytest.raises(DataError, match="no questions were drawn for other"):
            samples.cube("other")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"messages_digest": "other words"}, "put in other words"),
        ({"draw_seed": 7}, "drawn by other lots"),
        ({"score": None, "error": "the judge broke"}, "was not judged"),
        ({"company": "another"}, "different questions under one id"),
    ],
)
def test_arms_on_different_data_make_no_cube(tmp_path: Path, fields: dict, why: str) -> None:
    with Samples.open(tmp_path / "a.duckdb", registered()) as samples:
        note_questions(samples)
        rows = everything()
        samples.add([*rows[:-1], rows[-1].model_copy(update=fields)])
        with pytest.raises(DataError, match=why):
            samples.cube("sealed")


def test_failed_samples_are_kept_and_what_replaces_them_too(tmp_path: Path) -> None:
    broken = row(score=None, finish="error", error="the engine is on fire")
    with Samples.open(tmp_path / "a.duckdb", registered()) as samples:
        samples.add([broken, row(question="q2", finish="error", score=0.0, error="too long")])
        assert samples.failed() == [broken]
        samples.replace([row()])
        assert samples.failed() == []
        assert samples.retried() == [broken]
        assert len(samples) == 2
        samples.export(tmp_path / "out")
    told = json.loads((tmp_path / "out" / STUDY).read_text())["retried"]
    assert [(t["question"], t["error"]) for t in told] == [("q1", "the engine is on fire")]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda question, output, seconds, score: row(
                question=question, output=output, seconds=seconds, score=score
            ),
            texts,
            texts,
            st.floats(0, 1e6, allow_nan=False),
            st.none() | st.sampled_from([0.0, 1.0]),
        ),
        max_size=8,
        unique_by=lambda r: r.question,
    )
)
def test_any_rows_survive_the_way_out_and_back(tmp_path_factory, rows: list[Sample]) -> None:
    folder = tmp_path_factory.mktemp("samples")
    with Samples.open(folder / "a.duckdb", registered()) as samples:
        samples.add(rows)
        told = samples.export(folder / "out")
        kept = samples.rows()
    with Samples.read(folder / "out") as back:
        assert sorted(back.rows(), key=lambda r: r.key) == sorted(kept, key=lambda r: r.key)
        assert {r.key for r in kept} == {r.key for r in rows}
        assert content(back.table()) == told
