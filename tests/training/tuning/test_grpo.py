"""GRPO runs in all its variants, changes the adapter alone, and goes on where it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord, artefact_digest
from specialists.weights import WEIGHTS
from training.tuning import grpo, padding, run
from training.tuning import recipe as recipes

SMALL = (
    "data.count=24",
    "watch.count=6",
    "watch.every=4",
    "learning.batch=8",
    "learning.accumulate=2",
    "learning.steps=2",
    "learning.rate=1e-3",
    "learning.warmup=0",
    "grpo.group=4",
    "checkpoint.every=1",
    "learning.bf16=false",
)


def make(out: Path, name: str = "calculation/grpo/embedded", *overrides: str) -> RunRecord:
    made = run.make(recipes.load(name, (*SMALL, *overrides)), out, None, say=lambda _: None)
    assert made is not None
    return made


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "adapter" / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> tuple[Path, RunRecord]:
    before = artefact_digest(WEIGHTS / "base")
    out = tmp_path_factory.mktemp("grpo") / "run"
    record = make(out)
    assert artefact_digest(WEIGHTS / "base") == before == record.base
    return out, record


def test_a_run_is_recorded(plain):
    out, record = plain
    assert (record.method, record.name) == ("grpo", "calculation")
    assert record.metrics["steps"] == 2
    assert record.metrics["episodes"] >= 2 * 16
    assert record.metrics["generated"] > 0
    assert len(record.metrics["rewards"]) >= 1
    assert record.reload["mean_error"] <= 1e-3
    assert [reading["step"] for reading in record.metrics["readings"]] == [0, 2]
    assert any((out / "logs").iterdir())
    moved = [t.abs().max() for name, t in weights(out).items() if "lora_B" in name]
    assert max(moved) > 0  # a new adapter's B is zero


@pytest.mark.parametrize("variant", ["grpo_dapo", "grpo_dr", "grpo_gspo", "grpo_placebo"])
def test_variants_run(variant, tmp_path, plain):
    more = ("learning.accumulate=1", "grpo.generations=2") if variant == "grpo_gspo" else ()
    record = make(tmp_path / "run", f"calculation/{variant}/embedded", *more)
    assert record.metrics["steps"] == 2
    mine, theirs = weights(tmp_path / "run"), weights(plain[0])
    assert any(not torch.equal(mine[name], theirs[name]) for name in mine)
    if variant == "grpo_placebo":
        assert 0 <= record.metrics["luck"] <= 1


def test_less_padding_gives_the_same_gradient(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(padding, "fitted", lambda batches, *, alike: list(batches))
    make(tmp_path / "run")
    mine, theirs = weights(tmp_path / "run"), weights(plain[0])
    # Adam's first steps have the size of the rate whatever the gradient's: compare what moved
    for name in mine:
        assert torch.allclose(mine[name], theirs[name], atol=2e-4), name


def test_a_grammar_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"rollout\.held"):
        make(tmp_path / "run", "calculation/grpo/embedded", "rollout.held=true")


def test_too_few_questions_are_told(tmp_path):
    with pytest.raises(ConfigError, match="fewer than"):
        make(tmp_path / "run", "calculation/grpo/embedded", "data.count=3")


def test_broken_groups_are_refused_with_the_recipe():
    with pytest.raises(ConfigError, match="whole groups"):
        recipes.load("calculation/grpo/embedded", (*SMALL, "grpo.group=3"))


def test_a_killed_run_goes_on_to_the_same_adapter(tmp_path):
    """SIGKILL between two checkpoints; the generation after the last one is drawn again."""
    words = ("learning.steps=4", "learning.accumulate=1", "watch.every=2", "checkpoint.keep=9")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    uncut = make(whole, "calculation/grpo/embedded", *words)
    command = [sys.executable, "-m", "training", "run", "calculation/grpo/embedded"]
    command += ["--out", str(cut), *SMALL, *words]
    without = {k: v for k, v in os.environ.items() if k != "FINROUTE_DATA"}  # as `make` has none
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**without, "OMP_NUM_THREADS": "1"}
    )
    reached = cut / "checkpoints" / "checkpoint-2"
    deadline = time.monotonic() + 120
    while not reached.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert reached.exists()
    assert not (cut / "adapter").exists()
    recipe = recipes.load("calculation/grpo/embedded", (*SMALL, *words))
    said: list[str] = []
    record = run.make(recipe, cut, None, resume=True, say=said.append)
    assert record is not None
    assert any("going on from checkpoint-" in line for line in said)
    for figure in ("steps", "tokens", "episodes", "generated", "readings"):
        assert record.metrics[figure] == uncut.metrics[figure], figure
    mine, theirs = weights(cut), weights(whole)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_rewards_come_with_the_rollouts_and_judge_failures_are_none():
    told: dict[str, float] = {}
    rewards = grpo._rewards(
        ["0", "1"],
        ["a", "b"],
        reward=[1.0, None],
        parts=[{"right": 1.0}, {"right": None}],
        log_metric=told.__setitem__,
        trainer_state=None,
    )
    assert rewards == [1.0, None]
    assert told == {"parts/right": 1.0}
    assert json.dumps(told)
