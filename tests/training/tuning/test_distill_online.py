"""On-policy distillation on a tiny model: an untrained base learns to speak as the same base does
with an adapter."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from specialists.engines.text import Text
from specialists.foundation.errors import ConfigError
from training.tuning import data, distill_online, loading
from training.tuning.recipe import Recipe, load
from training.tuning.watching import adapter_of
from training.tuning.workshop import Workshop


def recipe(base: Path, teacher: Path, *more: str) -> Recipe:
    return load(
        "sentiment/distill_online/embedded",
        [
            f"base.source={base}",
            f"teacher.adapter={teacher}",
            "data.count=48",
            "data.public=0",
            "data.length=120",
            "watch.count=8",
            "watch.every=100",
            "learning.batch=8",
            "learning.steps=12",
            "learning.rate=0.02",
            "lora.rank=8",
            "rollout.reply=8",
            *more,
        ],
    )


def workshop(
    made: Recipe, folder: Path, say: Callable[[str], None] = lambda text: None
) -> Workshop:
    task, material = data.task(made), data.gather(made, None)
    student = loading.student(made, tools=False, turns=False)
    return Workshop(made, folder, task, material, student, None, False, say)


def learned(made: Recipe, folder: Path, **more: Any) -> tuple[Workshop, dict[str, Any]]:
    shop = dataclasses.replace(workshop(made, folder), **more)
    metrics = distill_online.train(shop)
    assert metrics is not None
    return shop, metrics


def test_the_student_comes_to_speak_as_the_teacher(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    shop, metrics = learned(recipe(base, adapters["alpha"]), tmp_path)
    first, last = metrics["readings"][0], metrics["readings"][-1]
    assert last["divergence"] < 0.7 * first["divergence"]
    assert metrics["steps"] == 12
    # On what it is asked itself, too, not only on the gold words that are watched.
    assert metrics["train_loss"] < 0.9 * first["divergence"]
    assert metrics["generated"] <= 12 * 8 * 8
    assert metrics["teacher"]["adapter"] is not None
    assert not any("teacher" in name for name in adapter_of(shop.student.model))


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_other_divergences_bring_it_nearer_as_well(
    base: Path, adapters: dict[str, Path], tmp_path: Path, beta: float
) -> None:
    made = recipe(base, adapters["alpha"], f"teacher.beta={beta}", "learning.bf16=false")
    _, metrics = learned(made, tmp_path)
    first, last = metrics["readings"][0], metrics["readings"][-1]
    assert last["divergence"] < 0.85 * first["divergence"]


def test_a_student_that_is_the_teacher_has_nothing_to_learn(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    made = recipe(
        base, adapters["alpha"], f"start={adapters['alpha']}", "learning.steps=2",
        "learning.bf16=false", "learning.rate=0.0",
    )  # fmt: skip
    _, metrics = learned(made, tmp_path)
    assert metrics["readings"][0]["divergence"] == pytest.approx(0.0, abs=1e-4)
    assert metrics["train_loss"] == pytest.approx(0.0, abs=1e-3)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    made = recipe(base, adapters["alpha"], "learning.accumulate=2", "learning.batch=4")
    whole, _ = learned(made, tmp_path / "whole")

    def stop(text: str) -> None:
        if "watched" in text:  # the first reading, before the first step
            signal.raise_signal(signal.SIGINT)

    part = workshop(made, tmp_path / "part", stop)
    assert distill_online.train(part) is None
    rest, metrics = learned(made, tmp_path / "part", resume=True)
    assert metrics["steps"] == 12
    ours, theirs = adapter_of(rest.student.model), adapter_of(whole.student.model)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_questions_are_read_as_they_are_served(
    base: Path, adapters: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    real = distill_online._Trainer._generate_single_turn

    def watched(self: Any, prompt_ids: Any, *args: Any, **options: Any) -> Any:
        seen.extend(prompt_ids)
        return real(self, prompt_ids, *args, **options)

    monkeypatch.setattr(distill_online._Trainer, "_generate_single_turn", watched)
    shop, _ = learned(recipe(base, adapters["alpha"], "learning.steps=1"), tmp_path)
    text = Text.load(base)
    served = [
        text.encode(text.render(shop.task.begin(e.inputs).messages)) for e in shop.material.train
    ]
    assert len(seen) == 8
    assert all(prompt in served for prompt in seen)


@pytest.mark.parametrize(
    ("name", "more", "wrong"),
    [
        (  # the named recipe is not even there; a file of one's own may say it all the same
            "calculation/distill_online/embedded",
            ["specialist=table_qa"],
            "TRL's tools know nothing of a question's own",
        ),
        (
            "sentiment/distill_online/embedded",
            ["teacher.engine=langchain", "teacher.source=m"],
            r'teacher\.engine = "local"',
        ),
        ("sentiment/distill_online/embedded", ["teacher.form=full"], "of the form 'compact'"),
    ],
)
def test_what_cannot_be_done_is_said(name: str, more: list[str], wrong: str) -> None:
    made = load(name, more)
    with pytest.raises(ConfigError, match=wrong):
        distill_online.check(made, data.task(made))


def test_a_teacher_with_other_tokens_is_refused(
    base: Path, likenesses: dict[str, Path], adapters: dict[str, Path]
) -> None:
    other = next(iter(likenesses.values()))
    made = recipe(base, adapters["alpha"], f"teacher.source={other}", "teacher.adapter=")
    student = loading.student(made, tools=False, turns=False)
    with pytest.raises(ConfigError, match="are not the student's"):
        distill_online.open_teacher(made, student)


def test_too_few_or_too_long_questions_are_refused(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"48 questions do not fill one step of 64"):
        distill_online.train(
            workshop(recipe(base, adapters["alpha"], "learning.batch=64"), tmp_path)
        )
    with pytest.raises(ConfigError, match="leave no room for a question"):
        distill_online.train(
            workshop(recipe(base, adapters["alpha"], "rollout.reply=120"), tmp_path)
        )
