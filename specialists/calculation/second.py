"""The ranker's opinion of a served calculation: a vote beside the language model's.

It reads the same facts as a small table and says how probable the model's result is among all
short programs over them. It changes no answer; ``CalculationTask.signals`` tells it to the
calibration. Without the ranker's coefficients it has no opinion.
"""

from __future__ import annotations

import math
import re

from specialists.calculation import page, ranker
from specialists.calculation.facts import CalculationInputs, Fact
from specialists.calculation.page import Page
from specialists.calculation.ranker import Choice
from specialists.calculation.task import Calculation
from specialists.foundation.contracts import Quantity, Signals

SAME = 1e-4
"""Relative difference of two results that are one."""


def opinion(inputs: CalculationInputs, answer: Calculation) -> Signals:
    """Whether the ranker says the same as the model, and how probable it holds that to be."""
    result = in_scale(inputs, answer)
    if result is None or not ranker.WEIGHTS.exists():
        return Signals()
    choices = ranker.default().choose(read(inputs))
    if not choices:
        return Signals()
    chance = sum(c.probability for c in choices if says(c, result, answer))
    vote = says(choices[0], result, answer)
    return Signals(vote=vote, vote_probability=min(chance, 1.0))


def says(choice: Choice, result: float | str, answer: Calculation) -> bool:
    """Whether a choice is the model's result; points of percentages may be told either way."""
    if same(choice.value, result):
        return True
    points = isinstance(answer.value, Quantity) and answer.value.unit == "%"
    if not points or choice.fraction or isinstance(result, str):
        return False
    return same(choice.value, result * 100.0)


def in_scale(inputs: CalculationInputs, answer: Calculation) -> float | str | None:
    """A result in the scale that ``read`` shows its facts in; shares and growth as fractions."""
    value = answer.value
    if isinstance(value, Quantity) and value.unit not in ("%", "x") and inputs.facts:
        return value.amount / _scale(inputs)
    return answer.raw


def same(one: float | str, other: float | str) -> bool:
    """Whether two results are one."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=SAME, abs_tol=1e-9)


def read(inputs: CalculationInputs) -> Page:
    """Facts as the rows of a table with years for columns; the question's ``$names`` in words."""
    question = inputs.question
    for fact in sorted(inputs.facts, key=lambda f: -len(f.name)):
        if fact.name:
            question = re.sub(rf"\$\{{?{re.escape(fact.name)}\b\}}?", fact.label, question)
    scale = _scale(inputs)
    years = sorted({f.year or 0 for f in inputs.facts}, reverse=True)
    rows: dict[str, list[str]] = {}
    for fact in inputs.facts:
        label = f"{fact.measure} of {fact.entity}" if fact.entity else fact.measure
        row = rows.setdefault(label, [""] * len(years))
        while row[years.index(fact.year or 0)]:  # another number of the same name
            label += " "
            row = rows.setdefault(label, [""] * len(years))
        row[years.index(fact.year or 0)] = _cell(fact, scale)
    header = ["", *(str(y) if y else "amount" for y in years)]
    return page.report(question, [header, *([k, *v] for k, v in rows.items())], inputs.context)


def _scale(inputs: CalculationInputs) -> float:
    return max((f.quantity.scale for f in inputs.facts if f.quantity.unit != "%"), default=1.0)


def _cell(fact: Fact, scale: float) -> str:
    percent = fact.quantity.unit == "%"
    value = fact.quantity.value if percent else fact.quantity.amount / scale
    return f"{value:.9f}".rstrip("0").rstrip(".") + ("%" if percent else "")
