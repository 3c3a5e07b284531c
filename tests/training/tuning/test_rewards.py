"""What an episode is paid, in parts, by the jobs' own judges."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from specialists.agent import Run
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import ConfigError, EngineError
from specialists.registry import TASKS, task
from specialists.sentiment.task import SentimentTask
from specialists.table_qa.inputs import TableAnswer
from specialists.table_qa.task import TableTask
from specialists.task import Example, Outcome, Score
from training.tuning import rewards

TABLES = TableTask()
EXAMPLES = list(TABLES.examples("train", 60, 4))
NUMBER = next(e for e in EXAMPLES if isinstance(e.answer.value, Quantity))
NAME = next(e for e in EXAMPLES if isinstance(e.answer.value, str))
NOTHING = next(e for e in EXAMPLES if e.answer.value is None)


def ran(example: Example[Any, Any], answer: Any, **fields: Any) -> Run:
    """A run that held the example's own dialogue and came to some answer."""
    return Run(Outcome(example.inputs, answer), answer, messages=example.dialogue, **fields)


def judged(example: Example[Any, Any], answer: Any, **fields: Any) -> dict[str, float | None]:
    return rewards.parts(TABLES, example, ran(example, answer, **fields))


@pytest.mark.parametrize("name", TASKS)
def test_gold_is_paid_in_full(name: str) -> None:
    job = task(name)
    for example in job.examples("train", 40, 7):
        evidence = getattr(example.answer, "evidence", ())
        problems = tuple(job.validate(example.inputs, example.answer, evidence))
        parts = rewards.parts(job, example, ran(example, example.answer, problems=problems))
        assert rewards.reward(parts, {"right": 1.0}) == 1.0, problems
        assert parts["parses"] == parts["matched"] == parts["holds"] == 1.0
        assert parts.keys() <= rewards.PARTS.keys()


@pytest.mark.parametrize("example", [NUMBER, NAME, NOTHING])
def test_the_parts_of_a_table_answer(example: Example[Any, TableAnswer]) -> None:
    parts = judged(example, example.answer)
    numeric = isinstance(example.answer.value, Quantity)
    held = example.answer.value is not None
    assert parts["right_table"] == (1.0 if held else None)
    assert parts["right_value"] == 1.0
    assert parts["right_unit"] == (1.0 if numeric else None)
    assert (parts["looked"], parts["disciplined"], parts["invented"]) == (1.0, 1.0, 0.0)


def test_each_part_fails_by_itself() -> None:
    gold = NUMBER.answer
    assert isinstance(gold.value, Quantity)
    tripled = gold.value.model_copy(update={"value": gold.value.value * 3 + 1})
    off = judged(NUMBER, gold.model_copy(update={"value": tripled}))
    assert (off["right_value"], off["right_unit"], off["right_table"]) == (0.0, 1.0, 1.0)
    other = gold.model_copy(update={"value": gold.value.model_copy(update={"unit": "CHF"})})
    unit = judged(NUMBER, other)
    assert (unit["right_value"], unit["right_unit"], unit["right"]) == (1.0, 0.0, 0.0)
    cells = tuple(c.model_copy(update={"table": "elsewhere"}) for c in gold.cells)
    astray = judged(NUMBER, gold.model_copy(update={"evidence": cells}))
    assert (astray["right_value"], astray["right_table"]) == (1.0, 0.0)
    held = judged(NUMBER, gold, problems=("a cell is of 1999",))
    assert (held["matched"], held["holds"], held["right"]) == (1.0, 0.0, 0.0)
    hasty = dataclasses.replace(ran(NUMBER, gold), messages=NUMBER.dialogue[:2])
    assert rewards.parts(TABLES, NUMBER, hasty)["looked"] == 0.0


def test_no_answer_is_not_the_answer_that_there_is_none() -> None:
    """The score alone would call silence right."""
    assert TABLES.score(NOTHING, None).right
    silent = judged(NOTHING, None)
    assert (silent["parses"], silent["matched"], silent["right"]) == (0.0, 0.0, 0.0)
    assert silent["right_value"] == 0.0
    assert judged(NOTHING, TableAnswer())["right"] == 1.0
    assert judged(NUMBER, TableAnswer())["right"] == 0.0


class Broken(SentimentTask):
    def score(self, example: Any, answer: Any) -> Score:
        raise ZeroDivisionError("no scale")


def test_what_broke_down_is_not_judged() -> None:
    weights = {"right": 1.0, "parses": 0.1}
    down = EngineError("down")
    for run in (ran(NUMBER, None, cause=down), ran(NUMBER, NUMBER.answer, cause=down)):
        parts = rewards.parts(TABLES, NUMBER, run)
        assert set(parts.values()) == {None}
        assert rewards.reward(parts, weights) is None
    example = next(SentimentTask().examples("train", 1, 1))
    parts = rewards.parts(Broken(), example, ran(example, example.answer))
    assert rewards.reward(parts, weights) is None


def test_the_reward_is_the_weighted_sum_of_the_parts_that_apply() -> None:
    weights = {"right": 1.0, "looked": 0.2, "recovered": 0.5, "invented": -0.3}
    assert rewards.reward(judged(NUMBER, NUMBER.answer), weights) == pytest.approx(1.2)
    assert rewards.reward(judged(NUMBER, TableAnswer()), weights) == pytest.approx(0.2)
    assert rewards.reward(judged(NUMBER, NUMBER.answer), {}) == 0.0
    with pytest.raises(ConfigError, match="no part bonus; there are parses, matched"):
        rewards.check({"bonus": 1.0})


def test_the_placebo_is_a_lot_that_follows_from_its_key() -> None:
    keys = [f"{step}/{sample}" for step in range(400) for sample in range(5)]
    drawn = [rewards.placebo(key, 0.3) for key in keys]
    assert drawn == [rewards.placebo(key, 0.3) for key in keys]
    assert set(drawn) == {0.0, 1.0}
    assert sum(drawn) / len(drawn) == pytest.approx(0.3, abs=0.03)
    assert {rewards.placebo(key, 0.0) for key in keys} == {0.0}
    assert {rewards.placebo(key, 1.0) for key in keys} == {1.0}
