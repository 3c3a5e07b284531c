"""The maths recipes: GSM8K for hub bases, the study's start for the embedded one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from training.tuning import data, recipe, study

START = study.FOLDER / "maths" / "start.toml"


def test_hub_bases_learn_from_gsm8k() -> None:
    root = os.environ.get("FINROUTE_DATA")
    if not root or not Path(root, "gsm8k", "train.jsonl").is_file():
        pytest.skip("FINROUTE_DATA does not point to a folder with gsm8k/train.jsonl")
    for method in ("sft", "grpo"):
        made = recipe.load(f"maths/{method}/qwen3-0.6b", ["watch.count=4"])
        assert made.base.form == "full"
        material = data.gather(made, Path(root))
        assert {e.source for e in material.train} == {"gsm8k"}
        assert len(material.train) == made.data.count
        (known,) = material.about["public"]
        assert "gsm8k" in str(known)


def test_the_start_is_shown_by_demonstrators_of_mixed_quality() -> None:
    made = recipe.load(START)
    assert (made.specialist, made.method, made.base.name) == ("maths", "sft", "maths-small")
    assert made.data.demonstrator == "mixed"
    small = recipe.load(START, ["data.count=40", "watch.count=8"])
    material = data.gather(small, None)
    shown = list(
        data.task(small).demonstrations(small.data.demonstrator, material.train, small.data.seed)
    )
    assert len(shown) == 40
    replies = [d[-1].content for d in shown]
    assert replies != [e.dialogue[-1].content for e in material.train]
