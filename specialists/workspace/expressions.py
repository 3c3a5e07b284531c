"""Arithmetic in words: ``(5829 - 5735) / 5735 * 100`` parsed and worked out, with bounded cost.

A small recursive-descent parser over decimal arithmetic. It is not Python's ``eval``: there are no
names but the functions below, no attributes, no strings, and no number grows beyond its bounds.

::

    sum      = term { ("+" | "-") term }
    term     = factor { ("*" | "/") factor }
    factor   = ("+" | "-") factor | power
    power    = percent [ "**" factor ]
    percent  = atom { "%" }
    atom     = number | "(" sum ")" | name "(" sum { "," sum } ")"
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from specialists.foundation.errors import ExpressionError

MAX_LENGTH = 1_000
"""Characters of an expression."""
MAX_DEPTH = 32
"""Nested parentheses, functions and signs."""
MAX_DIGITS = 40
"""Digits of one number."""
MAX_EXPONENT = 64
"""Largest power, and largest exponent of a number written as ``1e6``, by absolute value."""
MAX_MAGNITUDE = Decimal("1e300")
"""Largest result at any step; beyond it a float would not hold what follows."""

_CONTEXT = decimal.Context(
    prec=34,
    Emax=400,
    Emin=-400,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<op>\*\*|.))",
    re.DOTALL | re.ASCII,  # digits of other scripts are no numbers here
)
_SAME = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "\u00a0": " "})


def _average(values: Sequence[Decimal]) -> Decimal:
    return _CONTEXT.divide(_total(values), Decimal(len(values)))


def _total(values: Sequence[Decimal]) -> Decimal:
    result = Decimal(0)
    for value in values:
        result = _CONTEXT.add(result, value)
    return result


def _rounded(values: Sequence[Decimal]) -> Decimal:
    digits = values[1] if len(values) > 1 else Decimal(0)
    if digits != int(digits) or abs(digits) > 12:
        raise ExpressionError("round() takes a whole number of decimals between -12 and 12")
    step = Decimal(1).scaleb(-int(digits))
    if abs(values[0]) >= Decimal("1e20"):
        return values[0]  # finer than 34 digits hold
    return values[0].quantize(step, rounding=decimal.ROUND_HALF_UP, context=_CONTEXT)


_FUNCTIONS: dict[str, tuple[int, int, Callable[[Sequence[Decimal]], Decimal]]] = {
    "min": (1, 64, min),
    "max": (1, 64, max),
    "sum": (1, 64, _total),
    "avg": (1, 64, _average),
    "abs": (1, 1, lambda values: abs(values[0])),
    "round": (1, 2, _rounded),
}
"""Name to fewest arguments, most arguments, and what it does."""


def evaluate(expression: str) -> float:
    """The value of an arithmetic expression; ``12.5%`` is 0.125.

    Raises:
        ExpressionError: not an expression of this language, out of bounds, or without a finite
            value. The message says what would be right.
    """
    if len(expression) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(expression)} characters; {MAX_LENGTH} are allowed"
        )
    if not expression.strip():
        raise ExpressionError("the expression is empty")
    parser = _Parser(expression.translate(_SAME))
    value = parser.sum(0)
    parser.expect_end()
    return float(value)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                break  # only white space is left
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        self._next = 0

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self, *texts: str) -> str:
        text = self._peek()
        if text and text in texts:
            self._next += 1
            return text
        return ""

    def expect_end(self) -> None:
        if text := self._peek():
            raise ExpressionError(_unexpected(text))

    def sum(self, depth: int) -> Decimal:
        value = self._term(depth)
        while op := self._take("+", "-"):
            other = self._term(depth)
            value = _bounded(_CONTEXT.add if op == "+" else _CONTEXT.subtract, value, other)
        return value

    def _term(self, depth: int) -> Decimal:
        value = self._factor(depth)
        while op := self._take("*", "/"):
            other = self._factor(depth)
            if op == "/" and other == 0:
                raise ExpressionError("division by zero")
            value = _bounded(_CONTEXT.multiply if op == "*" else _CONTEXT.divide, value, other)
        return value

    def _factor(self, depth: int) -> Decimal:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH}")
        if sign := self._take("+", "-"):
            value = self._factor(depth + 1)
            return -value if sign == "-" else value
        base = self._percent(depth)
        if not self._take("**"):
            return base
        return power(base, self._factor(depth + 1))

    def _percent(self, depth: int) -> Decimal:
        value = self._atom(depth)
        while self._take("%"):
            value = _bounded(_CONTEXT.divide, value, Decimal(100))
        return value

    def _atom(self, depth: int) -> Decimal:
        if self._next >= len(self._tokens):
            raise ExpressionError("the expression ends where a number is missing")
        kind, text = self._tokens[self._next]
        self._next += 1
        if kind == "number":
            return number(text)
        if kind == "name":
            return self._call(text, depth)
        if text != "(":
            raise ExpressionError(_unexpected(text))
        value = self.sum(depth + 1)
        self._close()
        return value

    def _call(self, name: str, depth: int) -> Decimal:
        if name.lower() not in _FUNCTIONS:
            known = ", ".join(_FUNCTIONS)
            raise ExpressionError(f"unknown name {name[:40]!r}; the functions are {known}")
        fewest, most, function = _FUNCTIONS[name.lower()]
        if not self._take("("):
            raise ExpressionError(f"{name} is a function: write {name}(…)")
        values = [self.sum(depth + 1)]
        while self._take(","):
            values.append(self.sum(depth + 1))
        self._close()
        if not fewest <= len(values) <= most:
            allowed = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ExpressionError(f"{name}() takes {allowed} numbers, not {len(values)}")
        return _bounded(lambda v, _: function(v), values, None)

    def _close(self) -> None:
        if not self._take(")"):
            text = self._peek()
            raise ExpressionError(_unexpected(text) if text else "a closing ) is missing")


def _unexpected(text: str) -> str:
    if text == ",":
        return "unexpected ',': write numbers without thousands separators"
    if text == "^":
        return "unexpected '^': write a power as **"
    return f"unexpected {text[:40]!r}: only numbers, + - * / ** % ( ) and functions are allowed"


def number(text: str) -> Decimal:
    """A literal without sign, separators or unit.

    Raises:
        ExpressionError: more digits, or a larger exponent, than is allowed.
    """
    digits, _, exponent = text.lower().partition("e")
    if sum(c.isdigit() for c in digits) > MAX_DIGITS:
        raise ExpressionError(f"a number has more than {MAX_DIGITS} digits")
    if exponent and (len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT):
        raise ExpressionError(f"an exponent is beyond ±{MAX_EXPONENT}")
    return Decimal(text)


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """``base ** exponent``.

    Raises:
        ExpressionError: exponent out of bounds, or no real or finite result.
    """
    if abs(exponent) > MAX_EXPONENT:
        raise ExpressionError(f"a power is beyond ±{MAX_EXPONENT}")
    if base == 0 and exponent < 0:
        raise ExpressionError("division by zero")
    if base < 0 and exponent != int(exponent):
        raise ExpressionError("a negative number has no real fractional power")
    if base == 0 and exponent == 0:
        return Decimal(1)
    return _bounded(_CONTEXT.power, base, exponent)


def _bounded(operation: Callable[..., Decimal], left: object, right: object) -> Decimal:
    """One operation, with its result held to ``MAX_MAGNITUDE``."""
    try:
        value = operation(left, right)
    except (decimal.Overflow, decimal.InvalidOperation):
        raise ExpressionError("the result is too large") from None
    if abs(value) > MAX_MAGNITUDE:
        raise ExpressionError("the result is too large")
    return value
