"""Whether a calculation is right: against gold by execution, without gold by its sources.

A result matches within 0.1 % of gold, or within half a unit of gold's last decimal where gold was
rounded. Sign, scale, unit and the confusion of percent with fraction are errors. FinQA's own
convention is the one exception: where a FinQA question asks for a percentage, its gold is a
fraction in some pages and a percentage in others, so that both forms of the same number count
(``0.139`` and ``13.9``).
"""

from __future__ import annotations

import math

from specialists.calculation import planned
from specialists.calculation.execute import wants_percent
from specialists.calculation.facts import CalculationInputs
from specialists.calculation.task import Calculation, run
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.task import Example, Score

RELATIVE = 1e-3
RAW_SOURCES = ("finqa", "xbrl_formula")
"""Data sets whose gold is a bare number without a unit."""


def score(example: Example[CalculationInputs, Calculation], answer: Calculation | None) -> Score:
    """Execution match."""
    gold = example.answer
    if answer is None or answer.raw is None:
        right = gold.raw is None
        return Score(right, {"answered": 0.0}, "" if right else "no answer")
    if gold.raw is None:
        return Score(False, {"answered": 1.0}, "gold is: not to be had from these numbers")
    parts = {"answered": 1.0, "program": float(answer.program == gold.program)}
    if example.source in RAW_SOURCES:
        right = raw_match(gold.raw, answer.raw, example.inputs.question)
        return Score(right, parts, "" if right else f"{answer.raw} is not {gold.raw}")
    right = match(gold.value, answer.value)
    return Score(right, parts, "" if right else f"{answer.value} is not {gold.value}")


def match(gold: Quantity | str | None, value: Quantity | str | None) -> bool:
    """Whether two results are the same: amount within tolerance, sign and unit equal."""
    if not isinstance(gold, Quantity) or not isinstance(value, Quantity):
        return gold == value
    return gold.unit == value.unit and near(gold.amount, value.amount)


def near(gold: float, value: float, rounding: float = 0.0) -> bool:
    """Whether ``value`` is ``gold`` within 0.1 %, or within gold's own rounding."""
    if not math.isfinite(value):
        return False
    return abs(value - gold) <= max(RELATIVE * abs(gold), rounding, 1e-12)


def raw_match(gold: float | str, value: float | str | None, question: str) -> bool:
    """A match by the data set's convention (see the module)."""
    if isinstance(gold, str) or isinstance(value, str) or value is None:
        return gold == value
    rounding = _rounding(gold)
    if near(gold, value, rounding):
        return True
    if not wants_percent(question):
        return False
    return near(gold, value * 100.0, rounding) or near(gold, value / 100.0, rounding)


def _rounding(gold: float) -> float:
    """Half a unit of gold's last decimal where it has 2 or more; 0 for whole numbers."""
    decimals = len(f"{gold!r}".partition(".")[2]) if "e" not in repr(gold) else 5
    return 0.5 * 10.0**-decimals if gold != round(gold) and decimals >= 2 else 0.0


def validate(inputs: CalculationInputs, answer: Calculation) -> list[str]:
    """What is wrong with an answer, judged from its own facts, the question and the plan."""
    if answer.program is None:
        return []
    wrong: list[str] = []
    if not answer.used:
        wrong.append("the program uses none of the numbers given")
    if isinstance(answer.value, Quantity) and not math.isfinite(answer.value.value):
        wrong.append("the result is not a finite number")
    known = {fact.quantity.model_dump_json() for fact in inputs.facts}
    named = [fact for fact in answer.used if fact.measure]
    wrong += [
        f"{fact.label} is none of the numbers given"
        for fact in named
        if fact.quantity.model_dump_json() not in known
    ]
    wrong += _against_plan(inputs, answer)
    if inputs.facts and len(inputs.facts) <= 3 and all(f.name for f in inputs.facts):
        unused = [f.label for f in inputs.facts if f not in answer.used]
        wrong += [f"{label} was asked for and not used" for label in unused]
    return wrong


def _against_plan(inputs: CalculationInputs, answer: Calculation) -> list[str]:
    """The plan named an operation when it saw the whole question: a vote of its own."""
    if not inputs.operation or not inputs.facts:
        return []
    names = [f"<n{i}>" for i in range(1, len(inputs.facts) + 1)]
    facts = dict(zip(names, inputs.facts, strict=True))
    try:
        expected = run(planned.written(inputs.operation, names), inputs.question, facts)
    except AnswerError:
        return []
    if isinstance(answer.raw, float) and isinstance(expected.raw, float):
        same = near(expected.raw, answer.raw)
    else:
        same = expected.raw == answer.raw
    return (
        [] if same else [f"the plan asks for a {inputs.operation}, which comes to another number"]
    )
