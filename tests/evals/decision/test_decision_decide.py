"""From one's own CSV to a verdict with one command, again to the same bytes, and never from what
was tampered with. Real training, real samples, in the quick form."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evals.decision import decide as deciding
from evals.decision.design import load
from evals.decision.samples import PARQUET, STUDY
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import DataError, RecordError
from specialists.registry import task

DESIGN = """
specialist = "sentiment"
study = "study"
start = "constrained"
papers = [{ name = "sealed", fold = "own", file = "sealed.csv", count = 400 }]
arms = [
  { name = "constrained", kind = "base", method = "prompt" },
  { name = "classical", kind = "classical" },
  { name = "sft", runs = 3 },
  { name = "placebo", method = "grpo_placebo", runs = 3, control = true },
]
contrasts = [{ arm = "sft", against = "constrained" }]
[decode]
samples = 3
[gates]
timed = 4
[quick]
questions = 40
overrides = ["learning.steps=2", "watch.count=4", "watch.every=2"]
"""
STUDY_TOML = """
specialist = "sentiment"
first = 5
[[arms]]
name = "sft"
[[arms]]
name = "placebo"
"""


def finroute(*words: str, folder: Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "router.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        env={k: v for k, v in os.environ.items() if k != "FINROUTE_DATA"},
    )
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def write(path: Path, fold: str, count: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["headline", "company", "others", "sentiment"])
        for example in task("sentiment").examples(fold, count, 77):
            inputs = example.inputs
            others = ";".join(inputs.others)
            rows.writerow([inputs.text, inputs.entity, others, example.answer.sentiment])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a decision was made from two CSV files."""
    folder = tmp_path_factory.mktemp("decided")
    write(folder / "learn.csv", "train", 240)
    write(folder / "sealed.csv", "templates", 400)
    finroute("train", "own", "learn.csv", "--specialist", "sentiment", folder=folder)
    (folder / "study").mkdir()
    (folder / "study" / "study.toml").write_text(STUDY_TOML, encoding="utf-8")
    for arm, words in (
        ("sft", "[data]\nheld = 0.1\n"),
        ("placebo", 'method = "grpo_placebo"\n[learning]\nbatch = 8\naccumulate = 1\n'),
    ):
        text = f'extends = "../learn.toml"\n{words}'
        (folder / "study" / f"{arm}.toml").write_text(text, encoding="utf-8")
    (folder / "mine.toml").write_text(DESIGN, encoding="utf-8")
    told = finroute("evals", "decide", "mine.toml", "--quick", "--home", "home", folder=folder)
    assert "sentiment: descriptive only" in told
    assert "not for stopping" in told
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """The decision's folder, to be tampered with."""
    shutil.copytree(made / "home" / "decision", tmp_path / "decision")
    return tmp_path / "decision"


def test_the_record_holds_all_that_was_asked(made):
    record = DecisionRecord.read(made / "home" / "decision" / "decision.json")
    assert record.quick
    assert record.design == load(made / "mine.toml", quick=True).digest
    assert [arm.name for arm in record.arms] == ["constrained", "classical", "sft", "placebo"]
    sft = record.finding("sft")
    assert [run.seed for run in sft.runs] == [5, 6]
    assert len({run.adapter for run in sft.runs}) == 2
    assert sft.accuracy.questions == 40
    assert sft.p95_s is not None
    assert sft.usd is not None
    assert [point.k for point in sft.curve] == [1, 2]
    assert {attempt.status for attempt in record.attempts} == {"done"}
    assert len(record.attempts) == 4
    assert record.small is not None
    assert record.contamination is None  # one's own file cannot be made again from the record
    assert record.environment.versions["torch"]
    # 4 arms × runs × 40 questions × 2 samples, greedy ones, timed ones
    runs = sum(len(arm.runs) for arm in record.arms)
    assert record.samples.count == runs * (40 * 3 + 4)


def test_it_can_be_computed_again_to_the_same_bytes(made, copied):
    before = (copied / "decision.json").read_bytes()
    assert "descriptive only" in finroute("evals", "replay", str(copied), folder=made)
    finroute("evals", "replay", "--write", str(copied), folder=made)
    assert (copied / "decision.json").read_bytes() == before
    page = (copied / "decision.html").read_text(encoding="utf-8")
    assert page == (made / "home" / "decision" / "decision.html").read_text(encoding="utf-8")


def test_the_same_command_does_nothing_twice(made):
    stored = (made / "home" / "decision" / "decision.json").read_bytes()
    told = finroute("evals", "decide", "mine.toml", "--quick", "--home", "home", folder=made)
    assert "nothing to take" in told
    assert "learning" not in told
    assert (made / "home" / "decision" / "decision.json").read_bytes() == stored


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("mine.toml", ("delta = 3", "delta = 1")),
        ("study/sft.toml", ("held = 0.1", "held = 0.2")),
    ],
)
def test_a_design_changed_after_the_run_is_refused(made, file, change):
    path = made / file
    before = path.read_text(encoding="utf-8")
    try:
        if file == "mine.toml":
            path.write_text(before + "[rule]\ndelta = 1\n", encoding="utf-8")
        else:
            path.write_text(before.replace(*change), encoding="utf-8")
        told = finroute(
            *("evals", "decide", "mine.toml", "--quick", "--home", "home"), folder=made, status=6
        )
    finally:
        path.write_text(before, encoding="utf-8")
    assert "the design was changed after the run" in told


def test_runs_made_for_another_design_are_refused(made, tmp_path):
    """The samples' folder is new, the adapters are those of the old design."""
    shutil.copytree(made, tmp_path / "again")
    home = tmp_path / "again" / "home"
    for path in home.glob("*.duckdb"):
        path.unlink()
    words = ("evals", "decide", "mine.toml", "--quick", "--home", "home", "rule.delta=2")
    told = finroute(*words, folder=tmp_path / "again", status=6)
    assert "was made for the design" in told


def test_samples_that_were_edited_are_refused(copied):
    path = copied / "samples" / PARQUET
    table = pq.read_table(path)
    scores = table.column("score").to_pylist()
    edited = table.set_column(
        table.schema.get_field_index("score"), table.schema.field("score"), [[1.0] * len(scores)]
    )
    pq.write_table(edited, path)
    with pytest.raises(DataError, match=r"is not what study\.json speaks of"):
        deciding.replay(copied)


def test_samples_that_were_cut_off_are_refused(copied):
    path = copied / "samples" / PARQUET
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged"):
        deciding.replay(copied)


def test_a_record_that_was_edited_is_refused(copied):
    path = copied / "decision.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["verdict"], told["adopted"] = "adopt", "sft"
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(RecordError, match="it was edited"):
        deciding.replay(copied)


def test_a_record_with_another_verdict_than_its_samples_give_is_refused(copied):
    """Whoever edits it so that its content and its id agree."""
    path = copied / "decision.json"
    record = DecisionRecord.read(path)
    DecisionRecord(**record.body() | {"verdict": "adopt", "adopted": "sft"}).write(path)
    with pytest.raises(RecordError, match=r"give another record .* verdict"):
        deciding.replay(copied)


def test_notes_that_were_edited_are_refused(copied):
    path = copied / "samples" / STUDY
    told = json.loads(path.read_text(encoding="utf-8"))
    told["arms"]["sft"]["runs"][0]["device_hours"] = 0.001
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(RecordError, match="give another record"):
        deciding.replay(copied)


def test_an_adapter_gets_its_own_record(made, tmp_path):
    adapter = tmp_path / "adapter"
    shutil.copytree(made / "home" / "adapters" / "sft" / "seed-6" / "adapter", adapter)
    (written,) = deciding.install(made / "home" / "decision", [adapter])
    record = DecisionRecord.read(written)
    assert (record.arm, record.run) == ("sft", 2)
    assert not record.adopts


def test_an_adapter_that_was_not_compared_gets_none(made):
    with pytest.raises(RecordError, match="decides on no adapter"):
        deciding.install(made / "home" / "decision", [Path("specialists/weights/sentiment")])
