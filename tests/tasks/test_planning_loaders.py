"""Real questions whose plan can be told; whole clusters of words held out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specialists.planning.loaders import load
from specialists.planning.task import TASK

DATA = os.environ.get("FINROUTE_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="FINROUTE_DATA names no folder of public data")


def test_real_questions_have_plans_and_clusters_are_apart() -> None:
    root = Path(DATA or "")
    train = list(load(TASK, root, "train", ("finqa",)))
    held = list(load(TASK, root, "test", ("finqa",)))
    assert len(train) > 40
    assert held
    assert not {e.template for e in train} & {e.template for e in held}
    for example in train[:30]:
        assert example.dialogue[2].content != "none"
        assert not any(
            ch.isdigit()
            for w in example.dialogue[1].content.split()
            for ch in w
            if not w.startswith("<")
        )
        assert TASK.validate(example.inputs, example.answer, ()) == []
