"""Episodes one after the other against episodes in batches, and the environment's share of a step.

Ratios of one run on one machine. Prints, never gates.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from specialists.engines.local import LocalEngine
from specialists.weights import WEIGHTS
from specialists.workspace.sandbox import Sandbox
from training import jobs
from training.tuning import recipe as recipes
from training.tuning import run, template
from training.tuning.recipe import RolloutSection
from training.tuning.rollouts import Rollouts, Wish, seed_of

QUESTIONS, GROUP = 8, 8
pytestmark = pytest.mark.bench


def test_episodes_in_batches():
    """The same 64 episodes of eight questions, side by side and one by one."""
    task = jobs.task("table_qa")
    examples = list(task.examples("dev", QUESTIONS, 5))
    wishes = [Wish(e, seed_of(e.id, n)) for e in examples for n in range(GROUP)]
    seconds: dict[int, float] = {}
    drawn = {}
    for parallel in (1, 8, 64):
        rollouts = _rollouts(task, parallel)
        with asyncio.Runner() as runner:
            runner.run(rollouts.draw(wishes[:2]))  # processes and kernels are warm
            begun = time.perf_counter()
            drawn[parallel] = runner.run(rollouts.draw(wishes))
            seconds[parallel] = time.perf_counter() - begun
            runner.run(rollouts.aclose())
    print("\nGRPO rollouts, 64 episodes of table_qa, embedded base, one thread")
    for parallel, spent in seconds.items():
        print(
            f"  {parallel:3} at once: {len(wishes) / spent:6.1f} episodes/s, "
            f"{seconds[1] / spent:.2f} x one by one"
        )
    # whoever else is in the batch, the same is said
    assert [r.completion for r in drawn[1]] == [r.completion for r in drawn[64]]


def test_the_environments_share_of_a_step(tmp_path: Path):
    """What the tools cost of a GRPO run: time in which episodes waited for them."""
    made = recipes.load(
        "table_qa/grpo/embedded",
        ("learning.steps=4", "data.count=64", "watch.count=4", "watch.every=100"),
    )
    record = run.make(made, tmp_path / "run", None, say=lambda _: None)
    assert record is not None
    told = record.metrics
    print(
        f"\nGRPO, table_qa on the embedded base, 4 steps of 64 episodes: "
        f"{told['learning_seconds']:.1f} s, {told['seconds_of_rollouts']:.1f} s drawing; tools "
        f"{told['share_of_tools']:.1%} of the time (aim: at most 5 %)"
    )


def _rollouts(task, parallel: int) -> Rollouts:
    engine = LocalEngine.load(WEIGHTS / "base", rows=64)
    end = engine.text.tokenizer.eos_token_id
    assert isinstance(end, int)
    return Rollouts(
        task,
        engine,
        RolloutSection(parallel=parallel),
        partial(template.bridge, engine.text.tokenizer),
        form="compact",
        sandbox=Sandbox(),
        end=end,
    )
