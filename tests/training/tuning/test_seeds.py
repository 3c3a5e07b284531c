"""Several seeds of a recipe: their folders, failures, stopping and going on, and their summary."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord
from training.tuning import cost, seeds
from training.tuning.recipe import load

RECIPE = load("sentiment/sft/embedded")
CPU = cost.device("cpu-2")
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def go(tmp_path: Path, said: list[str]) -> Callable[..., int]:
    def run(*overrides: str, count: int = 3, **options: object) -> int:
        job = seeds.Job(
            recipe="sentiment/sft/embedded",
            overrides=overrides,
            out=tmp_path,
            data=None,
            seeds=seeds.chosen(RECIPE, count),
            command=STAND_IN,
        )
        return seeds.run(job, RECIPE, CPU, say=said.append, **options)  # type: ignore[arg-type]

    return run


def summary(folder: Path) -> seeds.SeedsRecord:
    return seeds.SeedsRecord.read(folder / seeds.SUMMARY)


def test_each_seed_has_a_folder_and_they_are_summed_up(
    go: Callable[..., int], tmp_path: Path, said: list[str]
) -> None:
    assert go() == 0
    record = summary(tmp_path)
    assert [run.seed for run in record.runs] == [11, 12, 13]
    assert {run.status for run in record.runs} == {"finished"}
    assert len({run.digest for run in record.runs}) == 3
    right = record.metrics["right"]
    assert (right.count, right.least, right.most) == (3, 1.1, 1.3)
    assert right.mean == pytest.approx(1.2)
    assert right.sd == pytest.approx(0.1)
    assert "watched.loss" in record.metrics
    assert "readings" not in record.metrics
    assert (record.usd, record.device_hours) == (1.5, 0.75)
    assert record.recipe_digest == RECIPE.digest
    assert any(line.startswith("right: 1.2 ± 0.1") for line in said)
    assert "seed 12: learning with sentiment/sft/embedded, 1 threads" in said


def test_runs_side_by_side_are_processes_of_their_own(
    go: Callable[..., int], tmp_path: Path
) -> None:
    assert go("wait=4", count=2, parallel=2) == 0
    told = [
        RunRecord.read(tmp_path / f"seed-{seed}" / "adapter" / "run.json").environment
        for seed in (11, 12)
    ]
    assert len({each["process"] for each in told} | {os.getpid()}) == 3
    last, first = max(e["began"] for e in told), min(e["ended"] for e in told)
    assert last < first, "they waited for each other"


def test_one_that_fails_is_told_while_the_others_finish(
    go: Callable[..., int], tmp_path: Path, said: list[str]
) -> None:
    assert go("fail=12") == 1
    first, failed, last = summary(tmp_path).runs
    assert (first.status, failed.status, last.status) == ("finished", "failed", "finished")
    assert failed.error.endswith("the disk is on fire\nexit status 7")
    assert summary(tmp_path).metrics["right"].count == 2
    assert any("seed 12 failed" in line and "on fire" in line for line in said)
    said.clear()
    assert go(resume=True) == 0
    assert "seed 11: finished before" in said
    assert not any(line.startswith("seed 13: learning") for line in said)
    assert {run.status for run in summary(tmp_path).runs} == {"finished"}


def test_what_is_there_is_kept_unless_it_is_said_to_go(
    go: Callable[..., int], tmp_path: Path
) -> None:
    assert go(count=2) == 0
    with pytest.raises(ConfigError, match=r"seed-11 holds a run: --resume .* --again"):
        go(count=2)
    mine = tmp_path / "seed-11" / "notes.txt"
    mine.write_text("mine")
    before = summary(tmp_path).runs[0]
    assert go(count=2, again=True) == 0
    assert mine.read_text() == "mine", "only what a run made is removed"
    assert summary(tmp_path).runs[0] == before, "the same seed makes the same again"


def test_an_unfinished_one_is_not_started_over(go: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "seed-12" / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    with pytest.raises(ConfigError, match="seed-12 holds a run"):
        go()


def test_seeds_that_would_be_the_same_are_refused() -> None:
    same = replace_seeds(order=1, init=2, sampler=3)
    with pytest.raises(ConfigError, match="runs would be the same"):
        seeds.chosen(same, 2)
    assert seeds.chosen(same, 1) == (11,)
    assert seeds.fixed(replace_seeds(init=7)) == {"init": 7}


def replace_seeds(**told: int):
    return RECIPE.model_copy(update={"seeds": RECIPE.seeds.model_copy(update=told)})


def test_a_job_says_each_runs_command(tmp_path: Path) -> None:
    job = seeds.Job(
        recipe="mine.toml",
        overrides=("learning.rate=1e-3",),
        out=tmp_path,
        data=Path("public"),
        seeds=(11, 12),
        options=("--device", "h200"),
    )
    words = job.words(12, job.folder(12), resume=True)
    assert words[1:4] == ["-m", "training", "run"]
    assert words[4:] == [
        *("mine.toml", "--out", str(tmp_path / "seed-12"), "--data", "public"),
        *("--device", "h200", "--resume", "learning.rate=1e-3", "seed=12"),
    ]
    assert replace(job, data=None).words(11, tmp_path)[-2:] == ["learning.rate=1e-3", "seed=11"]


DRIVER = """
import sys
from pathlib import Path
from training.tuning import cost, seeds
from training.tuning.recipe import load
recipe = load("sentiment/sft/embedded")
job = seeds.Job("sentiment/sft/embedded", ("wait=60",), Path(sys.argv[1]), None, (11, 12, 13),
                command=(sys.executable, sys.argv[2]))
say = lambda line: print(line, flush=True)
sys.exit(seeds.run(job, recipe, cost.device("cpu-2"), parallel=2, say=say))
"""


def test_ctrl_c_lets_each_save_and_starts_no_more(tmp_path: Path) -> None:
    lines: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), STAND_IN[1]],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        asked = False
        for line in process.stdout:
            lines.append(line)
            if not asked and sum("learning with" in told for told in lines) == 2:
                asked = True
                process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    text = "".join(lines)
    assert text.count("checkpoint saved") == 2
    assert "seed 13: learning" not in text
    assert "--resume goes on" in text
    assert [run.status for run in summary(tmp_path).runs] == ["interrupted"] * 3
