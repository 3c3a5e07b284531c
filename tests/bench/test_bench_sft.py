"""Supervised learning: real tokens a second, against TRL as it comes, on the same model and data.

Both get the embedded base, the same adapter and the same dialogues. TRL keeps its own defaults
(batch, activation checkpointing, bfloat16, loss on every token, padding as it falls); ours runs the
recipe, with the allocator settings that its command starts itself with. The runs take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from training.allocator import SETTINGS

SCRIPT = Path(__file__).with_name("sft_speed.py")
ROUNDS, TOKENS = 3, 30_000
HOW = {"TRL": ("trl", {}), "TRL, our allocator": ("trl", SETTINGS), "ours": ("ours", SETTINGS)}


def measure(how: str, job: str, threads: int, settings: dict[str, str]) -> tuple[float, float]:
    """Tokens a second and tokens a second of the processor, padding apart."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), how, job, str(TOKENS), str(threads)],
        env={**os.environ, **settings, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return found["tokens"] / found["seconds"], found["tokens"] / found["cpu"]


@pytest.mark.bench
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("job", ["table_qa", "planning"])
def test_tokens_a_second_against_trl_as_it_comes(job: str) -> None:
    threads = int(os.environ.get("FINROUTE_BENCH_THREADS", str(min(2, os.cpu_count() or 1))))
    rounds = [
        {name: measure(how, job, threads, env) for name, (how, env) in HOW.items()}
        for _ in range(ROUNDS)
    ]
    print(f"\nSFT, {job}, embedded base, {threads} threads, {ROUNDS} rounds in turn:")
    for name in HOW:
        wall, cpu = (median(each[name][i] for each in rounds) for i in (0, 1))
        ratios = [[each[name][i] / each["TRL"][i] for each in rounds] for i in (0, 1)]
        print(
            f"  {name:20} {wall:7,.0f} tokens/s, {median(ratios[0]):.2f} x TRL "
            f"({', '.join(f'{ratio:.2f}' for ratio in ratios[0])}); "
            f"{cpu:7,.0f} a processor's second, {median(ratios[1]):.2f} x TRL"
        )
