"""Two processes under `accelerate launch` learn what one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from specialists.foundation.records import RunRecord

CPU = Path(__file__).parents[3] / "training" / "accelerate" / "cpu.yaml"
SHORT = (
    *("data.count=24", "watch.count=6", "watch.every=1", "data.length=200", "learning.rate=5e-3"),
    *("learning.steps=3", "learning.bf16=false", "checkpoint.every=2", "watch.keep=last"),
)


def told(out: Path, base: Path, batch: int, *launcher: str) -> tuple[RunRecord, str]:
    """Run the command and read its record."""
    ran = subprocess.run(
        [
            *(sys.executable, *launcher, "-m", "training", "run", "sentiment/sft/embedded"),
            *("--out", str(out), "--base.source", str(base), f"learning.batch={batch}", *SHORT),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return RunRecord.read(out / "adapter" / "run.json"), ran.stdout


@pytest.fixture(scope="module")
def runs(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[RunRecord, str]]:
    """By number of processes; both take eight dialogues a step."""
    root = tmp_path_factory.mktemp("processes")
    launch = ("-m", "accelerate.commands.launch", "--config_file", str(CPU))
    return {
        1: told(root / "one", base, 8),
        2: told(root / "two", base, 4, *launch),
    }


def test_two_gloo_processes_learn_what_one_does(
    runs: dict[int, tuple[RunRecord, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    one, two = runs[1][0].metrics, runs[2][0].metrics
    assert (one["steps"], one["tokens"]) == (two["steps"], two["tokens"])
    losses = [[r["loss"] for r in metrics["readings"]] for metrics in (one, two)]
    assert losses[0][0] != pytest.approx(losses[0][-1], abs=0.05), "nothing was learned"
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert one["train_loss"] == pytest.approx(two["train_loss"], abs=2e-4)
    root = tmp_path_factory.getbasetemp()
    weights = [
        load_file(next(root.glob(f"processes*/{name}/adapter/adapter_model.safetensors")))
        for name in ("one", "two")
    ]
    for name, value in weights[0].items():
        assert value.sub(weights[1][name]).abs().max() < 1e-3, name


def test_the_first_process_alone_says_and_writes(runs: dict[int, tuple[RunRecord, str]]) -> None:
    record, said = runs[2]
    assert said.count("watched: loss") == 4, "the second one said it too"
    assert record.environment["processes"] == 2
    assert (record.spent["units"], record.spent["unit"]) == (2, "core")
    assert record.reload["mean_error"] <= 1e-3
    assert runs[1][0].digests == record.digests
    assert runs[1][0].base == record.base
