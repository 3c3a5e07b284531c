"""The whole way of a judgement, with the weights that come with the project."""

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from evals import baselines, questions
from evals.accuracy import ask
from evals.arms import ARMS, Arms, randomised
from evals.questions import Paper
from specialists import registry
from specialists.workspace.sandbox import Sandbox

data = pytest.mark.skipif("FINROUTE_DATA" not in os.environ, reason="FINROUTE_DATA is not set")


@pytest.mark.parametrize("job", registry.TASKS)
def test_papers_are_held_out_and_always_the_same(job):
    first, again = (list(questions.generated(job, 12)) for _ in range(2))
    assert [p.name for p in first] == ["companies", "templates"]
    for paper, twin in zip(first, again, strict=True):
        assert [q.id for q in paper.questions] == [q.id for q in twin.questions]
        assert all(q.fold == paper.name for q in paper.questions)
        assert len(paper.questions) == 12


def test_a_random_adapter_has_the_real_ones_shape_and_spread(tmp_path):
    real = registry.WEIGHTS / "sentiment"
    made = randomised(real, tmp_path / "random", seed=1)
    a, b = (load_file(folder / "adapter_model.safetensors") for folder in (real, made))
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].shape == b[name].shape
        assert np.std(b[name]) == pytest.approx(np.std(a[name]), rel=0.2)
        assert abs(np.corrcoef(a[name].ravel(), b[name].ravel())[0, 1]) < 0.2


async def test_every_arm_answers_and_the_real_adapter_is_right_most():
    arms = Arms.open(registry.WEIGHTS, threads=1)
    sandbox = Sandbox()
    try:
        paper = Paper("sentiment", "companies", tuple(
            registry.task("sentiment").examples("companies", 60, 5)
        ))  # fmt: skip
        results = {arm: await ask(arms, arm, paper, sandbox) for arm in ARMS}
    finally:
        await arms.aclose()
        await sandbox.aclose()
    assert all(result.count == 60 for result in results.values())
    assert all(result.calls == 60 for result in results.values())
    assert results["adapter"].accuracy > 0.6
    assert results["adapter"].accuracy > results["grammar"].accuracy + 0.1
    assert results["grammar"].accuracy < 0.6


async def test_table_questions_are_asked_with_the_real_tools():
    arms = Arms.open(registry.WEIGHTS, threads=1)
    sandbox = Sandbox()
    try:
        paper = Paper("table_qa", "companies", tuple(
            registry.task("table_qa").examples("companies", 6, 5)
        ))  # fmt: skip
        result = await ask(arms, "adapter", paper, sandbox)
    finally:
        await arms.aclose()
        await sandbox.aclose()
    assert result.calls > 6


@data
def test_the_classical_arm_beats_the_largest_class():
    root = Path(os.environ["FINROUTE_DATA"])
    paper = next(p for p in questions.public("sentiment", root, 300) if p.name == "sentfin")
    marks = baselines.classical(paper, root)
    assert marks is not None
    labels = [q.answer.sentiment for q in paper.questions]
    largest = max(labels.count(label) for label in set(labels)) / len(labels)
    assert sum(marks) / len(marks) > largest + 0.1


def test_jobs_without_a_classical_arm_have_none(tmp_path):
    assert baselines.classical(Paper("planning", "x", ()), tmp_path) is None
