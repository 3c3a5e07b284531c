"""A run that is killed, stopped or out of room goes on to the same adapter as one that was not."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from specialists.foundation.errors import ConfigError, FinrouteError
from training.tuning import checkpoints, faithful, rendering
from training.tuning.checkpoints import Checkpoints
from training.tuning.watching import Gauge, Watcher, randomness_apart

SCRIPT = Path(__file__).with_name("tuned_run.py")
run = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


@pytest.fixture(scope="module")
def said(dialogues, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("said") / "dialogues.json"
    rows = [[m.model_dump(mode="json") for m in d] for d in dialogues[:90]]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def start(tiny_base, said) -> Callable[..., tuple[Any, dict[str, Any] | None]]:
    """Runs it in this process; gives its folder and what was measured."""

    def begin(
        out: Path,
        *overrides: str,
        resume: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> tuple[Any, dict[str, Any] | None]:
        work = run.shop(run.recipe(tiny_base, overrides), out, resume=resume, say=say)
        return work, run.learn(work, run.dialogues(said))

    return begin


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory) -> tuple[Any, dict[str, Any]]:
    """A run that nothing happened to."""
    work, metrics = start(tmp_path_factory.mktemp("whole") / "run")
    assert metrics is not None
    return work, metrics


def assert_same(folder: Path, metrics: dict[str, Any], whole: tuple[Any, dict[str, Any]]) -> None:
    work, other = whole
    mine, theirs = (
        load_file(f / "adapter" / "adapter_model.safetensors") for f in (folder, work.folder)
    )
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    timed = {"seconds", "learning_seconds"}
    assert {k: v for k, v in metrics.items() if k not in timed} == {
        k: v for k, v in other.items() if k not in timed
    }


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / checkpoints.FOLDER).iterdir())


# --- what a run leaves --------------------------------------------------------------------------


def test_it_learns_and_leaves_its_last_checkpoints_and_charts(whole) -> None:
    work, metrics = whole
    assert names(work.folder) == ["checkpoint-12", "checkpoint-8"]
    readings = metrics["readings"]
    assert [reading["step"] for reading in readings] == [0, 3, 6, 9, 12]
    assert min(r["loss"] for r in readings) < readings[0]["loss"]
    best = min(readings[1:], key=lambda reading: reading["loss"])
    assert metrics["best_step"] == best["step"]
    assert metrics["steps"] == 12
    assert metrics["examples"] == 12 * 8
    assert metrics["tokens"] > 12 * 8 * 20
    assert list((work.folder / "logs").glob("events.out.tfevents.*"))


def test_a_checkpoint_holds_the_adapter_and_not_the_base(whole, tiny_base) -> None:
    folder = whole[0].folder / checkpoints.FOLDER / "checkpoint-12"
    tensors = load_file(folder / "adapter_model.safetensors")
    assert tensors
    assert all("lora_" in name for name in tensors)
    size = sum(p.stat().st_size for p in folder.iterdir())
    assert size < 20 * (folder / "adapter_model.safetensors").stat().st_size
    assert not list(folder.glob("tokenizer*"))


def test_progress_tells_share_loss_speed_and_time_left(start, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("training.tuning.trainer.TELL_S", 0.0)
    told: list[str] = []
    start(tmp_path / "run", "learning.steps=2", say=told.append)
    (line,) = [text for text in told if "step 2 of 2" in text]
    for part in ("small: ", "(100%)", "loss ", "tokens/s", "s a step", "0:00 left"):
        assert part in line


# --- killed -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def killed(tiny_base, said, tmp_path_factory) -> Path:
    """A run killed while it wrote the checkpoint of step 8."""
    out = tmp_path_factory.mktemp("killed") / "run"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPT)),
            *map(str, (tiny_base, said, out)),
            *("--killed-writing", "8"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return out


def test_killed_while_writing_the_checkpoint_before_is_whole_and_it_goes_on_bit_for_bit(
    killed, start, whole
) -> None:
    assert names(killed) == [checkpoints.PART, "checkpoint-4"]
    assert not checkpoints.damage(killed / checkpoints.FOLDER / "checkpoint-4")
    told: list[str] = []
    _, metrics = start(killed, resume=True, say=told.append)
    assert any("going on from checkpoint-4" in text for text in told)
    assert_same(killed, metrics, whole)
    assert names(killed) == ["checkpoint-12", "checkpoint-8"]


def test_resumed_after_its_end_it_gives_the_same_again(start, whole, tmp_path) -> None:
    folder = whole[0].folder
    _, metrics = start(folder, resume=True)
    assert_same(folder, metrics, whole)


def test_a_damaged_checkpoint_is_passed_over(start, whole, tmp_path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole[0].folder, folder)
    newest = folder / checkpoints.FOLDER / "checkpoint-12" / "optimizer.pt"
    newest.write_bytes(newest.read_bytes()[:-100])
    told: list[str] = []
    _, metrics = start(folder, resume=True, say=told.append)
    assert any("checkpoint-12 is damaged (optimizer.pt)" in text for text in told)
    assert any("going on from checkpoint-8" in text for text in told)
    assert_same(folder, metrics, whole)


# --- stopped ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_saves_a_checkpoint_and_goes_on_bit_for_bit(
    number, start, whole, tmp_path
) -> None:
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if "step 6, watched" in text:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    _, metrics = start(tmp_path / "run", say=say)
    assert metrics is None
    assert signal.getsignal(number) is before
    assert any("with a checkpoint" in text for text in told)
    assert names(tmp_path / "run") == ["checkpoint-4", "checkpoint-6"]
    _, metrics = start(tmp_path / "run", resume=True)
    assert_same(tmp_path / "run", metrics, whole)


def test_a_second_time_it_stops_at_once(start, tmp_path) -> None:
    def say(text: str) -> None:
        if "step 3, watched" in text:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "run", say=say)
    assert not Checkpoints(tmp_path / "run").all()


# --- out of room --------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("a small disk cannot be made here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_disk_that_fills_leaves_the_last_checkpoint_whole(start, whole, tmp_path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "8m"):
        folder, ballast = disk / "run", disk / "ballast"

        def say(text: str) -> None:
            if "step 6, watched" in text:  # other people's files
                fill(ballast)

        with pytest.raises(FinrouteError, match=r"no space left.*checkpoint-4.*--resume") as told:
            start(folder, say=say)
        assert str(folder) in str(told.value)
        assert names(folder) == ["checkpoint-4"]
        ballast.unlink()
        _, metrics = start(folder, resume=True)
        assert_same(folder, metrics, whole)


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), RuntimeError("I/O error: No space left on device")],
)
def test_however_a_library_says_that_the_disk_is_full(error, tmp_path) -> None:
    there = Checkpoints(tmp_path)
    with there.writing(3) as part:
        (part / "checkpoint-3").mkdir()
        (part / "checkpoint-3" / "weights").write_text("whole", "utf-8")
    with pytest.raises(FinrouteError, match=r"no space left.*checkpoint-3"), there.writing(6):
        raise error
    assert names(tmp_path) == ["checkpoint-3"]
    assert there.newest() == tmp_path / checkpoints.FOLDER / "checkpoint-3"


def test_other_errors_stay_what_they_are(tmp_path) -> None:
    there = Checkpoints(tmp_path)
    with pytest.raises(PermissionError), there.writing(6):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(RuntimeError, match="shape"), there.writing(6):
        raise RuntimeError("shape")
    assert there.newest() is None


# --- whose run it is ----------------------------------------------------------------------------


def test_a_started_run_is_not_overwritten(killed, start) -> None:
    with pytest.raises(ConfigError, match="go on with --resume"):
        start(killed)


def test_it_is_not_resumed_with_another_recipe_or_seed(whole, start) -> None:
    with pytest.raises(ConfigError, match=r"learning\.rate was 0\.001, is 0\.002"):
        start(whole[0].folder, "learning.rate=2e-3", resume=True)
    with pytest.raises(ConfigError, match=r"seeds\.order was 11, is 5"):
        start(whole[0].folder, "seeds.order=5", resume=True)


def test_it_is_not_resumed_with_other_data_or_base(whole) -> None:
    work = whole[0]
    for what in ("data", "base"):
        with pytest.raises(ConfigError, match=f"begun with another {what}"):
            checkpoints.begin(work.folder, work.recipe, resume=True, **{what: "other"})


def test_there_must_be_something_to_resume(tiny_base, tmp_path) -> None:
    made = run.recipe(tiny_base)
    with pytest.raises(ConfigError, match="no run to go on with"):
        checkpoints.begin(tmp_path, made, resume=True)
    checkpoints.begin(tmp_path, made, resume=False)
    told: list[str] = []
    checkpoints.begin(tmp_path, made, resume=True, say=told.append)
    assert "no checkpoint yet" in told[0], "killed before the first one: from the beginning"


# --- watching -----------------------------------------------------------------------------------


def test_it_stops_when_nothing_gets_better(start, tmp_path) -> None:
    told: list[str] = []
    _, metrics = start(
        tmp_path / "run",
        "learning.rate=0",
        "learning.steps=60",
        "watch.every=2",
        "watch.patience=2",
        say=told.append,
    )
    assert metrics is not None
    assert metrics["steps"] == 6
    assert metrics["best_step"] == 2
    assert any("nothing better in 2 readings" in text for text in told)


def test_the_best_adapter_is_the_one_that_stays(start, said, tmp_path) -> None:
    watched = run.dialogues(said)[: run.WATCHED]
    for keep in ("best", "last"):
        work, metrics = start(
            tmp_path / keep,
            "learning.rate=0.1",  # bound to get worse
            "learning.schedule='constant'",
            "learning.steps=4",
            "watch.every=1",
            f"watch.keep={keep}",
        )
        losses = {r["step"]: r["loss"] for r in metrics["readings"] if r["step"]}
        assert metrics["best_step"] == min(losses, key=lambda step: losses[step])
        assert metrics["best_step"] < 4
        rendered = [rendering.render(work.student.tokenizer, d) for d in watched]
        found = faithful.logprobs(work.student.model, rendered)
        loss = -sum(map(sum, found)) / sum(map(len, found))
        kept = losses[metrics["best_step"] if keep == "best" else 4]
        assert loss == pytest.approx(kept, abs=2e-4)


def test_measuring_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    first = torch.rand(1)
    with randomness_apart():
        torch.rand(5)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_more_may_be_better_and_the_last_may_be_kept(whole) -> None:
    model, section = whole[0].student.model, whole[0].recipe.watch
    values = iter((0.1, 0.5, 0.7, 0.7, float("nan")))
    gauge = Gauge(lambda: {"right": next(values)}, by="right", more=True)
    watcher = Watcher(gauge, section.model_copy(update={"patience": 2, "keep": "last"}), model)
    spent = []
    for step in range(0, 10, 2):
        watcher.measure(step)
        spent.append(watcher.spent)
    assert watcher.best_step == 4
    assert spent == [False, False, False, False, True], "no number is no gain"
    watcher.restore()  # nothing is put back where the last is kept
