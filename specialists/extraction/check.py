"""Is an extracted figure right? Against gold by what it is worth; without gold by its source.

Equal worth is equal: 1.2 billion is 1,200 million, 12.0 % is 12 %. Another unit, sign, scale,
digit or year is wrong. Not the scorer that decides between adapters: that one lives in ``evals``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache

from pydantic import BaseModel, ConfigDict

from specialists.extraction.measures import (
    clues,
    concept,
    dressed,
    figures,
    label,
    measures,
    unit_of,
)
from specialists.extraction.render import ExtractionInputs, Passage
from specialists.extraction.years import years
from specialists.foundation.contracts import Evidence, Quantity, Span
from specialists.task import Score
from specialists.workspace.lexicon import fold, lexicon, words
from specialists.workspace.masking import mentions
from specialists.workspace.numbers import Number, scan

TOLERANCE = 1e-9
"""Relative difference of two amounts that count as the same: that of floating point, no more."""

_NOUN = re.compile(r"\s+([A-Za-z]{4,})")
_SAME_UNIT = {"count": "", "percent": "%", "": ""}


class ExtractionAnswer(BaseModel):
    """What the passage tells about the metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    found: bool
    metric: str = ""
    entity: str = ""
    period: int | None = None
    """Fiscal year."""
    value: float | None = None
    unit: str = ""
    """ISO currency code, ``%``, ``x``, ``count``, or empty when unknown."""
    scale: float = 1.0
    start: int | None = None
    """Where the figure stands in the passage: ``text[start:end]``."""
    end: int | None = None

    @property
    def quantity(self) -> Quantity | None:
        """The figure, when there is one."""
        if self.value is None:
            return None
        return Quantity(value=self.value, unit=self.unit, scale=self.scale)


NOT_FOUND = ExtractionAnswer(found=False)


def score(gold: ExtractionAnswer, answer: ExtractionAnswer | None) -> Score:
    """Right when found and worth, unit, metric, entity and period agree; or rightly not found."""
    if answer is None:
        return Score(not gold.found, {"found": float(not gold.found)}, "no answer")
    if gold.found != answer.found:
        return Score(False, {"found": 0.0}, "not told" if answer.found else "told, but not found")
    if not gold.found:
        return Score(True, {"found": 1.0})
    parts = {
        "found": 1.0,
        "value": float(same_amount(gold.quantity, answer.quantity)),
        "unit": float(same_unit(gold.unit, answer.unit)),
        "period": float(gold.period == answer.period),
        "metric": float(concept(gold.metric) == concept(answer.metric)),
        "entity": float(gold.entity.casefold().strip() == answer.entity.casefold().strip()),
    }
    wrong = [name for name, right in parts.items() if not right]
    return Score(not wrong, parts, f"wrong {', '.join(wrong)}" if wrong else "")


def same_amount(gold: Quantity | None, other: Quantity | None) -> bool:
    """Whether two figures are worth the same, whatever the scale they are told in."""
    if gold is None or other is None or not math.isfinite(other.amount):
        return gold is other
    return math.isclose(gold.amount, other.amount, rel_tol=TOLERANCE, abs_tol=1e-9)


def same_unit(gold: str, other: str) -> bool:
    """Whether two units are the same; a plain count needs no unit."""
    first, second = gold.strip(), other.strip()
    return _SAME_UNIT.get(first.lower(), first.upper()) == _SAME_UNIT.get(
        second.lower(), second.upper()
    )


def validate(
    inputs: ExtractionInputs, answer: ExtractionAnswer, evidence: Sequence[Evidence]
) -> list[str]:
    """What is wrong with an answer as far as can be told without gold; empty when nothing is.

    The figure must stand in the passage as it is given, the passage must speak of the metric and
    the year, the unit must fit the metric, the evidence must hold the figure.
    """
    if not answer.found:
        return [] if answer.value is None else ["a figure is given although none was found"]
    quantity = answer.quantity
    if quantity is None or not math.isfinite(quantity.amount):
        return ["no figure is given"]
    faults: list[str] = []
    if concept(answer.metric) != concept(inputs.metric):
        faults.append(f"the figure is of {answer.metric}, not of {inputs.metric}")
    if inputs.entity and answer.entity.casefold() != inputs.entity.casefold():
        faults.append(f"the figure is of {answer.entity}, not of {inputs.entity}")
    written = [
        n
        for n in figures(inputs.text)
        if (answer.start is None or (n.start, n.end) == (answer.start, answer.end))
        and same_amount(dressed(n, inputs.metric, inputs.text), quantity)
    ]
    if not written:
        faults.append("the passage does not hold this figure")
    elif not any(
        same_unit(dressed(n, inputs.metric, inputs.text).unit, answer.unit) for n in written
    ):
        faults.append(f"the passage does not give the figure in {answer.unit or 'no unit'}")
    faults += _misfit(inputs, answer)
    if not _near(inputs):
        faults.append(f"the passage does not speak of {label(inputs.metric)}")
    if answer.period is not None:
        told = {year for _, _, year in years(inputs.text, inputs.about)} | {inputs.about}
        if answer.period not in told:
            faults.append(f"the passage does not speak of {answer.period}")
        if inputs.year is not None and answer.period != inputs.year and not _ahead(inputs, answer):
            faults.append(f"the figure is of {answer.period}, not of {inputs.year}")
    spans = [e for e in evidence if isinstance(e, Span)]
    if evidence and not any(_holds(span, inputs, answer, quantity) for span in spans):
        faults.append("the evidence does not hold the figure")
    foreign = inputs.owner and inputs.entity.casefold() != inputs.owner.casefold()
    if inputs.entity and foreign and not mentions(inputs.text, (inputs.entity, *inputs.forms)):
        faults.append(f"the passage does not name {inputs.entity}")
    return faults


def _misfit(inputs: ExtractionInputs, answer: ExtractionAnswer) -> list[str]:
    kind, unit = unit_of(inputs.metric), answer.unit
    if not _fits(kind, unit):
        return [f"{label(inputs.metric)} is not told in {unit or 'bare numbers'}"]
    if kind == "count" and answer.quantity is not None and answer.quantity.amount < 0:
        return [f"{label(inputs.metric)} cannot be negative"]
    numbers = [n for n in figures(inputs.text) if not n.is_year]
    here = next((n for n in numbers if (n.start, n.end) == (answer.start, answer.end)), None)
    things = _counted(inputs, here, numbers) if here is not None and kind == "money" else ""
    if things:
        return [f"the figure counts {things}, it is no {label(inputs.metric)}"]
    return []


def unfit(number: Number, inputs: ExtractionInputs) -> bool:
    """Whether a figure of the passage cannot be the metric's by its kind alone."""
    kind, quantity = unit_of(inputs.metric), dressed(number, inputs.metric, inputs.text)
    if not _fits(kind, quantity.unit) or (kind == "count" and quantity.amount < 0):
        return True
    numbers = [n for n in figures(inputs.text) if not n.is_year]
    return kind == "money" and bool(_counted(inputs, number, numbers))


def _fits(kind: str, unit: str) -> bool:
    currency = len(unit) == 3 and unit.isalpha()
    return {
        "count": unit in ("", "count"),
        "%": unit == "%",
        "money": currency or unit == "",
    }.get(kind, True)


def _counted(inputs: ExtractionInputs, here: Number, numbers: Sequence[Number]) -> str:
    """What a bare figure counts (``employees``), where money is written with its currency."""
    bare = not here.quantity.unit and here.quantity.scale == 1.0
    if not bare or not any(len(n.quantity.unit) == 3 for n in numbers):
        return ""
    following = _NOUN.match(inputs.text, here.end)
    return following[1] if following and fold(following[1].lower()) in _countable() else ""


@cache
def _countable() -> frozenset[str]:
    """Words for what measures count: employees, stores, subscribers …, folded."""
    counts = (t for t in lexicon().documents.values() if t.unit == "count")
    return frozenset(w for t in counts for w in clues(t.label)) | {fold("people")}


def _near(inputs: ExtractionInputs) -> bool:
    """Whether the passage names the metric or shares a telling word with any of its names."""
    asked, telling = concept(inputs.metric), clues(inputs.metric)
    if not telling or not telling.isdisjoint(words(inputs.text)):
        return True
    return any(key == asked for *_, key in measures(inputs.text, inputs.metric))


def _ahead(inputs: ExtractionInputs, answer: ExtractionAnswer) -> bool:
    """A plan told in the asked year for the year after it."""
    plan = "guidance" in concept(inputs.metric)
    return plan and inputs.about == inputs.year and answer.period == (inputs.year or 0) + 1


def _holds(
    span: Span, inputs: ExtractionInputs, answer: ExtractionAnswer, quantity: Quantity
) -> bool:
    if answer.start is not None and inputs.text[answer.start : answer.end] in span.text:
        return True
    found = (dressed(n, inputs.metric, inputs.text) for n in scan(span.text))
    return any(same_amount(q, quantity) for q in found)


def answer_of(
    inputs: ExtractionInputs, passage: Passage, value: str, period: str | None
) -> ExtractionAnswer:
    """The answer behind two handles.

    Raises:
        AnswerError: a handle that stands for nothing in this passage.
    """
    number = passage.number(value)
    quantity = dressed(number, inputs.metric, inputs.text)
    year = passage.handles.resolve(period).value.first if period else None
    return ExtractionAnswer(
        found=True,
        metric=inputs.metric,
        entity=inputs.entity or inputs.owner,
        period=year,
        value=quantity.value,
        unit=quantity.unit,
        scale=quantity.scale,
        start=number.start,
        end=number.end,
    )
