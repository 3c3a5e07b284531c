"""Whether an answer is right: the judge of decisions.

Written from each job's README and the form of its answers, and from nothing else: adapters are
trained on rewards that come from the jobs' own ``score``, so that an adapter which learned a flaw
of that score must not be judged by it. No code is shared with ``specialists/*/check.py``; a test
holds the two judges against each other, answer by answer.

An answer that did not come is wrong, also where the right one is "not to be had": saying so is what
is asked for. Numbers are compared as exact decimals after scale and unit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from specialists.foundation.contracts import Plan, Quantity, Ref, Subtask
from specialists.foundation.errors import ConfigError
from specialists.task import Example

NEAR = Decimal("0.001")
"""Relative: how far a result of arithmetic may lie from gold, as the jobs' READMEs say."""
SAME = Decimal("1e-9")
"""Relative: how far a figure that was only read may lie from gold; floating point, no more."""
_PERCENT = re.compile(
    r"%|per ?cent|share|portion|proportion|margin|\brates?\b|grow|grew|yield|fraction|shr[aiu]nk",
    re.IGNORECASE,
)
_RATIO = re.compile(r"\bratio\b|\btimes\b|\bmultiple\b|turnover|coverage", re.IGNORECASE)


def right(job: str, example: Example[Any, Any], answer: Any) -> bool:
    """Whether an answer is right.

    Args:
        answer: as the job's episode read it; None: no answer came.

    Raises:
        ConfigError: no judge for this job.
    """
    judge = JUDGES.get(job)
    if judge is None:
        raise ConfigError(f"decisions have no judge for {job!r}; they have {', '.join(JUDGES)}")
    return answer is not None and judge(example, answer)


# --- numbers ------------------------------------------------------------------------------------


def _decimal(number: float) -> Decimal | None:
    """A number exactly; None where it is none."""
    value = Decimal(repr(number))
    return value if value.is_finite() else None


def _worth(quantity: Quantity) -> Decimal | None:
    """Value times scale."""
    value, scale = _decimal(quantity.value), _decimal(quantity.scale)
    return None if value is None or scale is None else value * scale


def _close(
    gold: Decimal | None, said: Decimal | None, within: Decimal, least: Decimal = Decimal("1e-12")
) -> bool:
    if gold is None or said is None:
        return False
    return abs(gold - said) <= max(within * abs(gold), least)


def _result(gold: Any, said: Any) -> bool:
    """Two results of arithmetic: worth the same in the same unit; or the same words."""
    if isinstance(gold, Quantity) and isinstance(said, Quantity):
        return gold.unit == said.unit and _close(_worth(gold), _worth(said), NEAR)
    if isinstance(gold, str) and isinstance(said, str):
        return " ".join(gold.lower().split()) == " ".join(said.lower().split())
    return gold is None and said is None


# --- the jobs -----------------------------------------------------------------------------------


def _sentiment(example: Example[Any, Any], answer: Any) -> bool:
    """The same one of three labels."""
    return bool(answer.sentiment == example.answer.sentiment)


def _maths(example: Example[Any, Any], answer: Any) -> bool:
    """The same number, exactly."""
    gold = _decimal(example.answer.answer)
    return gold is not None and gold == _decimal(answer.answer)


def _extraction(example: Example[Any, Any], answer: Any) -> bool:
    """Not told, or the same figure: worth, unit and fiscal year.

    Metric and company are the question's own in every answer: nobody chooses them.
    """
    gold = example.answer
    if not gold.found or not answer.found:
        return bool(gold.found == answer.found)
    return (
        gold.period == answer.period
        and _plain(gold.unit) == _plain(answer.unit)
        and gold.value is not None
        and answer.value is not None
        and _close(_worth(gold.quantity), _worth(answer.quantity), SAME, SAME)
    )


def _plain(unit: str) -> str:
    """A unit by one name: a bare number is a count."""
    return {"": "count", "percent": "%"}.get(unit.strip().lower(), unit.strip().lower())


def _table_qa(example: Example[Any, Any], answer: Any) -> bool:
    """The same value. FinQA tells its table's numbers, and percentages as fractions; TAT-QA tells
    no currency."""
    gold, said = example.answer.value, answer.value
    if isinstance(gold, Quantity) and isinstance(said, Quantity):
        if example.source == "finqa":
            number = _decimal(said.value)
            share = number / 100 if number is not None and said.unit == "%" else number
            told = _decimal(gold.value)
            return _close(told, number, NEAR) or _close(told, share, NEAR)
        if example.source == "tatqa":
            return _close(_worth(gold), _worth(said), NEAR)
    return _result(gold, said)


def _calculation(example: Example[Any, Any], answer: Any) -> bool:
    """The same result. FinQA and XBRL tell bare numbers, rounded; FinQA's percentages are told now
    as a fraction, now in points."""
    gold = example.answer
    if example.source not in ("finqa", "xbrl_formula"):
        return _result(gold.value, answer.value)
    if isinstance(gold.raw, str) or isinstance(answer.raw, str) or None in (gold.raw, answer.raw):
        return bool(gold.raw == answer.raw)
    told, said = _decimal(gold.raw), _decimal(answer.raw)
    if told is None or said is None:
        return False
    slack = max(_rounded(told), Decimal("1e-12"))
    asked = example.inputs.question
    points = bool(_PERCENT.search(asked)) and (
        bool(re.search(r"%|per ?cent", asked, re.IGNORECASE)) or not _RATIO.search(asked)
    )
    forms = (said, said * 100, said / 100) if points else (said,)
    return any(_close(told, form, NEAR, slack) for form in forms)


def _rounded(told: Decimal) -> Decimal:
    """Half a unit of the last decimal told, where there are two or more."""
    exponent = told.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent > -2:
        return Decimal(0)
    return Decimal(1).scaleb(exponent) / 2


# --- plans --------------------------------------------------------------------------------------

_UNORDERED = frozenset({"sum", "average", "maximum", "minimum", "largest", "smallest"})
_LISTS = frozenset({"companies", "names"})


def _planning(example: Example[Any, Any], answer: Any) -> bool:
    """Two plans are one where they come to the same values.

    What a plan comes to are its ends: steps that no other step uses. Each is expanded into one
    expression over look-ups; how steps are called, ordered or shared means nothing.
    """
    return _ends(example.answer) == _ends(answer)


def _ends(plan: Plan) -> frozenset[str]:
    steps = {step.id: step for step in plan.subtasks}
    used = {parent for step in plan.subtasks for parent in step.parents()}
    return frozenset(
        _expanded(step, steps, frozenset()) for step in plan.subtasks if step.id not in used
    )


def _expanded(step: Subtask, steps: Mapping[str, Subtask], above: frozenset[str]) -> str:
    """A step as one expression. A reference to nothing, or in a circle, stands as it is."""
    values: list[str] = []
    words: list[str] = []
    for name, value in step.inputs.items():
        if not isinstance(value, Ref):
            words.append(f"{name}={_literal(name, value)}")
        elif value.ref in steps and value.ref not in above | {step.id}:
            values.append(_expanded(steps[value.ref], steps, above | {step.id}))
        else:
            values.append(f"?{value.ref}")
    if step.inputs.get("operation") in _UNORDERED:
        values.sort()
    if step.specialist != "sentiment" and not {"measure", "operation"} & step.inputs.keys():
        words.append(" ".join(step.instruction.lower().split()))
    return f"{step.specialist}[{'; '.join(sorted(words))}]({'; '.join(values)})"


def _literal(name: str, value: object) -> str:
    text = " ".join(str(value).lower().split())
    if name not in _LISTS:
        return text
    try:
        return ", ".join(sorted(map(str, json.loads(text))))
    except (TypeError, ValueError):
        return text


JUDGES: Mapping[str, Callable[[Example[Any, Any], Any], bool]] = {
    "sentiment": _sentiment,
    "extraction": _extraction,
    "table_qa": _table_qa,
    "calculation": _calculation,
    "planning": _planning,
    "maths": _maths,
}
