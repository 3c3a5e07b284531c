"""Calculator expressions over handles, ``( <n2> - <n1> ) / <n1> * 100``, and their units.

Code writes the digits and reconciles scales; the model never does. Evaluating is the calculator
tool's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError

_TOKEN = re.compile(r"<n\d+>|\d+(?:\.\d+)?|[()+\-*/]", re.ASCII)
CONSTANTS = ("100", "2", "3")
"""The numbers an expression may hold beside handles: no answer is made of a model's own digits."""
LONGEST = 60
"""Parts of an expression, at most."""
NUMBER = "number"
"""The unit of a bare constant."""


@dataclass(frozen=True)
class Expression:
    """An expression in digits; ``unit`` and ``scale`` are those of its result."""

    text: str
    unit: str
    scale: float
    used: tuple[str, ...]


def write(expression: str, numbers: Mapping[str, Quantity]) -> Expression:
    """Put the numbers in, in one common scale.

    Raises:
        AnswerError: not an expression over these handles, or units that do not fit.
    """
    tokens = _TOKEN.findall(expression)
    if "".join(tokens) != expression.replace(" ", ""):
        raise AnswerError("cannot read this expression")
    used = tuple(dict.fromkeys(t for t in tokens if t.startswith("<")))
    if not used:
        raise AnswerError("an expression needs a number's handle")
    if len(tokens) > LONGEST:
        raise AnswerError("the expression is too long")
    for token in tokens:
        if token[0].isdigit() and token not in CONSTANTS:
            raise AnswerError(f"{token[:20]} is no constant here; there are {', '.join(CONSTANTS)}")
    for handle in used:
        if handle not in numbers:
            raise AnswerError(f"{handle} is no number here")
    scales = {numbers[h].scale for h in used}
    scale = scales.pop() if len(scales) == 1 else 1.0
    unit = _Units(tokens, numbers).read()
    whole = [_digits(numbers[t], scale) if t.startswith("<") else t for t in tokens]
    scaled = unit not in ("x", "%", NUMBER)
    if len({numbers[h].unit for h in used}) > 1 and scale != 1.0:
        whole = [_digits(numbers[t], 1.0) if t.startswith("<") else t for t in tokens]
        scale = 1.0
    return Expression(
        " ".join(whole), "" if unit == NUMBER else unit, scale if scaled else 1.0, used
    )


def _digits(quantity: Quantity, scale: float) -> str:
    value = quantity.value * (quantity.scale / scale)
    return f"({value:.15g})" if value < 0 else f"{value:.15g}"


class _Units:
    """Recursive descent over units instead of values."""

    def __init__(self, tokens: Sequence[str], numbers: Mapping[str, Quantity]) -> None:
        self._tokens = list(tokens)
        self._numbers = numbers
        self._at = 0

    def read(self) -> str:
        unit = self._sum()
        if self._at != len(self._tokens):
            raise AnswerError("cannot read this expression")
        return unit

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _sum(self) -> str:
        unit = self._product()
        while self._peek() in ("+", "-"):
            self._at += 1
            other = self._product()
            if unit != other and unit and other:
                raise AnswerError(f"cannot add {unit} and {other}")
            unit = unit or other
        return unit

    def _product(self) -> str:
        unit = self._factor()
        while self._peek() in ("*", "/"):
            times = self._peek() == "*"
            self._at += 1
            hundred = self._peek() == "100"
            other = self._factor()
            unit = _times(unit, other, hundred) if times else _over(unit, other)
        return unit

    def _factor(self) -> str:
        token = self._peek()
        self._at += 1
        if token.startswith("<"):
            return self._numbers[token].unit
        if token and token[0].isdigit():
            return NUMBER
        if token == "(":
            unit = self._sum()
            if self._peek() == ")":
                self._at += 1
                return unit
        raise AnswerError("cannot read this expression")


def _times(unit: str, other: str, hundred: bool) -> str:
    if other == NUMBER:
        return "%" if unit == "x" and hundred else unit
    if unit == NUMBER:
        return other
    return other if unit in ("x", "count") else unit


def _over(unit: str, other: str) -> str:
    if other in (NUMBER, "x"):
        return unit
    if not unit or not other or unit in (other, NUMBER):
        return "x"
    if other == "count":
        return unit
    raise AnswerError(f"cannot divide {unit} by {other}")


def pattern(numbers: Sequence[str]) -> str:
    """A regular expression of the expressions the calculator may be given."""
    one = f"({'|'.join(numbers)})"
    group = rf"\( {one} [-+] {one} \)"
    return rf"({one}|{group})( [-+*/] ({one}|{group}|{'|'.join(CONSTANTS)})){{1,6}}"
