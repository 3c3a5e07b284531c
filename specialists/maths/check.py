"""Is an answer right? Against gold by exact numeric equality; without gold by its own equations.

A reply is one JSON object with the answer as a number, and nothing beside it. What could be read in
two ways is no answer: two objects, a key said twice, a number in a string or in words.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from specialists.foundation.errors import AnswerError
from specialists.maths.render import in_digits, number
from specialists.replies import one_object
from specialists.task import Form, Score

DIGITS = 15
"""Significant digits of a number, at most: so many a float holds exactly."""
EQUATIONS = 40
"""Equations of a working that are checked; of a longer one nothing is believed."""

_NUMBER = r"\d+(?:\.\d+)?"
_EQUATION = re.compile(
    rf"(?<![\d.*/+-])(?P<left>-?{_NUMBER}(?:[*/+-]{_NUMBER})+)=(?P<right>-?{_NUMBER})(?!\.?\d|[*/+=-])"
)
_BARE = re.compile(r"[\d\s.,;*/+=-]+")
"""A working without words: its last equation gives the answer."""
_SPACED = re.compile(r"\s*([*/+=-])\s*")
_NOISE = re.compile(r"(?<=\d),(?=\d{3}\b)|\$(?=\s*\.?\d)")
_CROSS = re.compile(r"(?<=\d)\s*[x×]\s*(?=\d)")


class MathsAnswer(BaseModel):
    """What the problem comes to, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    working: StrictStr = ""
    """Equations, ``7+5=12, 12-3=9``, or steps in words that hold some."""
    answer: StrictInt | StrictFloat

    @model_validator(mode="after")
    def _finite(self) -> Self:
        plain(Decimal(repr(self.answer)))
        return self


def plain(number: Decimal) -> int | float:
    """A number as an answer holds it.

    Raises:
        ValueError: not finite, or of more digits than are told apart exactly.
    """
    if not number.is_finite():
        raise ValueError(f"{number} is not a number to reckon with")
    number = number.normalize() if number else Decimal(0)
    if len(number.as_tuple().digits) > DIGITS or abs(number.adjusted()) >= DIGITS:
        raise ValueError(f"{str(number)[:40]} has more than {DIGITS} digits")
    return int(number) if number == number.to_integral_value() else float(number)


def read(text: str, form: Form = "full") -> MathsAnswer:
    """A reply as an answer.

    In compact form numbers are said in handles, ``"<n12>"``; those that have none in digits.

    Raises:
        AnswerError: not one JSON object with the number.
    """
    data = one_object(text)
    if form == "compact":
        data = _in_digits(data)
    try:
        return MathsAnswer.model_validate(data)
    except ValidationError as error:
        raise AnswerError(f"not a JSON object with the answer: {text[:200]!r}") from error


def _in_digits(data: dict[str, Any]) -> dict[str, Any]:
    told = dict(data)
    if isinstance(told.get("working"), str):
        told["working"] = in_digits(told["working"])
    if isinstance(told.get("answer"), str):
        meant = number(told["answer"])
        told["answer"] = told["answer"] if meant is None else meant
    return told


def equations(working: str) -> list[bool]:
    """Whether each equation of a working holds, in order; what is no equation is passed over.

    Several operations are done in the usual order, exactly; a result may be rounded to the decimals
    it is given in.
    """
    return [
        _comes_to(m["left"]) is not None and _same(_comes_to(m["left"]), m["right"])
        for m in _found(working)
    ]


def _found(working: str) -> list[re.Match[str]]:
    told = _CROSS.sub("*", _NOISE.sub("", working))
    return list(_EQUATION.finditer(_SPACED.sub(r"\1", told)))


def _same(value: Fraction | None, told: str) -> bool:
    if value is None:
        return False
    exponent = Decimal(told).as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    slack = Fraction(1, 2 * 10**places) if places else Fraction(0)
    return abs(value - Fraction(told)) <= slack


def _comes_to(left: str) -> Fraction | None:
    """Products before sums, exactly (2/126*63 is 1); None where it divides by zero."""
    parts = re.findall(rf"(\A-?{_NUMBER}|{_NUMBER}|[*/+-])", left)
    terms: list[Fraction] = [Fraction(parts[0])]
    for sign, told in zip(parts[1::2], parts[2::2], strict=True):
        value = Fraction(told)
        if sign in "+-":
            terms.append(value if sign == "+" else -value)
        elif sign == "*":
            terms[-1] *= value
        elif not value:
            return None
        else:
            terms[-1] /= value
    return sum(terms, Fraction(0))


def consistent(answer: MathsAnswer) -> bool:
    """The working has equations, all hold, and the last comes to the answer."""
    found = _found(answer.working)
    if not found or len(found) > EQUATIONS or not all(equations(answer.working)):
        return False
    return Decimal(found[-1]["right"]) == Decimal(repr(answer.answer))


def score(gold: MathsAnswer, answer: MathsAnswer | None, level: int = 0) -> Score:
    """Right when the numbers are equal. Parts: ``parses``, ``right``, ``working`` (it is
    consistent), and whether it was right under the name of its level (``level3``)."""
    right = answer is not None and answer.answer == gold.answer
    parts = {
        "parses": float(answer is not None),
        "right": float(right),
        "working": float(answer is not None and consistent(answer)),
    }
    if level:
        parts[f"level{level}"] = float(right)
    note = ""
    if answer is None:
        note = "no answer"
    elif not right:
        note = f"{answer.answer}, not {gold.answer}"
    return Score(right, parts, note)


def validate(answer: MathsAnswer) -> list[str]:
    """What is wrong with an answer as far as can be told without gold."""
    faults: list[str] = []
    found = _found(answer.working)
    if len(found) > EQUATIONS:
        return [f"the working has {len(found)} equations, more than {EQUATIONS}"]
    for match, holds in zip(found, equations(answer.working), strict=True):
        if not holds:
            faults.append(f"{match[0]} is false")
    ends = Decimal(found[-1]["right"]) if found and _BARE.fullmatch(answer.working) else None
    if ends is not None and ends != Decimal(repr(answer.answer)):
        faults.append(f"the working ends in {found[-1]['right']}, the answer is {answer.answer}")
    return faults
