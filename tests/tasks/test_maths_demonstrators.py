"""Demonstrators: what share is right, in form, and of what; nothing of the held-out folds."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.foundation.contracts import Message
from specialists.foundation.errors import AnswerError, ConfigError
from specialists.maths.check import MathsAnswer, equations
from specialists.maths.demonstrators import DEMONSTRATORS, FORMATS, WRONG, slip
from specialists.maths.render import MathsInputs, in_digits
from specialists.maths.task import MathsTask
from specialists.task import Example

TASK = MathsTask()
COUNT = 2500


@cache
def examples() -> tuple[Example[MathsInputs, MathsAnswer], ...]:
    return tuple(TASK.examples("train", COUNT, 9))


@cache
def shown(name: str, seed: int = 1) -> tuple[tuple[Message, ...], ...]:
    return tuple(TASK.demonstrations(name, examples(), seed))


def kind(reply: str) -> str:
    if reply.startswith("{"):
        return "asked" if "answer" in reply else "key"
    if "the answer is" in reply:
        return "words"
    return "equations" if "=" in reply else "bare"


def number(reply: str) -> int:
    """The number a reply of any format ends in."""
    return int(re.findall(r"\d+", in_digits(reply))[-1])


def test_mixed_demonstrators_use_every_format_as_often_as_told() -> None:
    counts = Counter(kind(d[-1].content) for d in shown("mixed"))
    for name, percent in FORMATS.items():
        assert counts[name] / COUNT == pytest.approx(percent / 100, abs=0.03), name
    for dialogue in shown("mixed"):
        reply = dialogue[-1].content
        if kind(reply) == "asked":
            TASK.begin(examples()[0].inputs).answer(reply)
        else:
            with pytest.raises(AnswerError):
                TASK.begin(examples()[0].inputs).answer(reply)


def test_mixed_demonstrators_are_wrong_as_often_as_told_in_every_format() -> None:
    wrong: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for example, dialogue in zip(examples(), shown("mixed"), strict=True):
        reply = dialogue[-1].content
        told[kind(reply)] += 1
        wrong[kind(reply)] += number(reply) != example.answer.answer
    assert wrong.total() / COUNT == pytest.approx(WRONG, abs=0.03)
    for name in FORMATS:
        assert wrong[name] / told[name] == pytest.approx(WRONG, abs=0.1), name


def test_prompts_are_those_of_gold() -> None:
    for name in DEMONSTRATORS:
        for example, dialogue in zip(examples(), shown(name), strict=True):
            assert dialogue[:2] == example.dialogue[:2]
            assert [m.role for m in dialogue] == ["system", "user", "assistant"]


def test_format_alone_holds_no_true_equation_and_no_right_answer() -> None:
    for example, dialogue in zip(examples(), shown("format_only"), strict=True):
        answer = TASK.begin(example.inputs).answer(dialogue[-1].content)
        score = TASK.score(example, answer)
        assert not score.right
        assert score.parts["parses"] == 1
        assert equations(answer.working) == [False] * example.answer.working.count("=")
        given_numbers = {int(n) for n in re.findall(r"\d+", example.inputs.question)}
        left = {int(n) for s in answer.working.split(", ") for n in re.findall(r"\d+", s)[:2]}
        assert left <= given_numbers


@pytest.mark.parametrize("name", sorted(DEMONSTRATORS))
def test_the_same_seed_shows_the_same(name: str) -> None:
    again = tuple(TASK.demonstrations(name, examples()[:200], 1))
    assert again == shown(name)[:200]
    assert tuple(TASK.demonstrations(name, examples()[:200], 2)) != again


@pytest.mark.parametrize("name", sorted(DEMONSTRATORS))
@pytest.mark.parametrize("fold", ["companies", "templates"])
def test_held_out_wordings_are_refused(name: str, fold: str) -> None:
    held = TASK.examples(fold, 3, 1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"held-out fold {fold}"):
        list(TASK.demonstrations(name, held, 1))


def test_unknown_demonstrators_are_told_apart_from_known_ones() -> None:
    with pytest.raises(ConfigError, match="no demonstrator 'best': it has mixed, format_only"):
        TASK.demonstrations("best", [], 1)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_slip_is_one_false_step_or_another_operation_and_never_right(seed: int, lot: int) -> None:
    for example in TASK.examples("train", 5, seed):
        working, answer = slip(random.Random(lot), example.answer.working)
        assert answer != example.answer.answer
        assert answer >= 1
        assert working.rpartition("=")[2] == str(answer)
        assert working.count("=") == example.answer.working.count("=")
        assert equations(working).count(False) <= 1
