"""Two processes under `accelerate launch` learn what one does: side by side (DDP), and in shards
(FSDP), through the configurations that are shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from specialists.foundation.records import RunRecord
from training.tuning import run
from training.tuning.recipe import load

CONFIGS = Path(__file__).parents[3] / "training" / "accelerate"
SHARDED = Path(__file__).with_name("sharded_here.py")
RECIPE = "sentiment/sft/embedded"
SHORT = (
    *("data.count=24", "watch.count=6", "watch.every=1", "data.length=200", "learning.rate=5e-3"),
    *("learning.steps=3", "learning.bf16=false", "checkpoint.every=2"),
)


@pytest.fixture(scope="module")
def one(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process; eight dialogues a step."""
    out = tmp_path_factory.mktemp("one")
    made = load(RECIPE, [f"base.source={base}", "learning.batch=8", *SHORT])
    assert run.make(made, out, None, say=lambda line: None) is not None
    return out


def launch(out: Path, base: Path, config: str, *words: str) -> str:
    """Two processes of four dialogues a step; what they said."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "accelerate.commands.launch"),
            *("--config_file", str(CONFIGS / config), "--num_processes", "2"),
            *words,
            *("run", RECIPE, "--out", str(out), "--base.source", str(base)),
            *("--learning.batch=4", *SHORT),
        ],
        env={k: v for k, v in os.environ.items() if k != "FINROUTE_DATA"}  # as the one has none
        | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def record(out: Path) -> RunRecord:
    return RunRecord.read(out / "adapter" / "run.json")


def assert_same(one: Path, two: Path) -> None:
    """The same losses on the way, and the same adapter in the end."""
    a, b = record(one), record(two)
    assert (a.metrics["steps"], a.metrics["tokens"]) == (b.metrics["steps"], b.metrics["tokens"])
    losses = [[r["loss"] for r in each.metrics["readings"]] for each in (a, b)]
    assert losses[0][0] - losses[0][-1] > 0.05, "nothing was learned"
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert a.metrics["train_loss"] == pytest.approx(b.metrics["train_loss"], abs=2e-4)
    weights = [load_file(out / "adapter" / "adapter_model.safetensors") for out in (one, two)]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        assert value.sub(weights[1][name]).abs().max() < 1e-3, name
    assert (a.digests, a.base, a.recipe["data"]) == (b.digests, b.base, b.recipe["data"])


def test_two_gloo_processes_learn_what_one_does(base: Path, one: Path, tmp_path: Path) -> None:
    said = launch(tmp_path, base, "cpu.yaml", "-m", "training")
    assert_same(one, tmp_path)
    assert said.count("watched: loss") == 4, "the second process said it too"
    made = record(tmp_path)
    assert made.environment["processes"] == 2
    assert (made.spent["units"], made.spent["unit"]) == (2, "core")


def test_in_shards_it_is_the_same(base: Path, one: Path, tmp_path: Path) -> None:
    said = launch(tmp_path, base, "fsdp.yaml", str(SHARDED))
    assert_same(one, tmp_path)
    assert said.count("watched: loss") == 4
    checkpoint = tmp_path / "checkpoints" / "checkpoint-2"
    whole = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    saved = load_file(checkpoint / "adapter_model.safetensors")
    assert {n: v.shape for n, v in saved.items()} == {n: v.shape for n, v in whole.items()}
    assert (checkpoint / "pytorch_model_fsdp.bin").exists(), "it did not learn in shards"
