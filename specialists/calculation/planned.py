"""Calculations that a plan names by their operation: code writes their program, no model does.

A plan that says *growth* of two findings has decided the arithmetic. What its inputs mean, in their
order, stands here; carrying it out is ``execute.py``'s business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from specialists.calculation import program
from specialists.foundation.errors import AnswerError

PLANNED = {
    "growth": "subtract(b, a), divide(#0, a)",
    "difference": "subtract(a, b)",
    "ratio": "divide(a, b)",
    "share": "divide(a, b)",
    "cagr": "cagr(b, a)",
    "sum": "table_sum(*)",
    "average": "table_average(*)",
    "maximum": "table_max(*)",
    "minimum": "table_min(*)",
    "greater": "greater(a, b)",
    "largest": "table_max(*)",
    "smallest": "table_min(*)",
}
"""What a plan means by its operations, over its inputs in order. Of the last two the answer is
whose number it is."""
IN_PERCENT = frozenset({"growth", "share", "cagr"})
"""Operations whose result is told in percent."""


def written(operation: str, numbers: Sequence[str]) -> program.Program:
    """The program of an operation over the handles of its numbers, in order.

    Raises:
        AnswerError: no such operation, or not the numbers it takes.
    """
    text = PLANNED.get(operation)
    if text is None:
        raise AnswerError(f"no operation {operation!r} is planned")
    if "*" not in text and len(numbers) != 2:
        raise AnswerError(f"{operation} takes two numbers, not {len(numbers)}")
    text = text.replace("*", ", ".join(numbers))
    for letter, number in zip("ab", numbers, strict=False):
        text = re.sub(rf"\b{letter}\b", number, text)
    return program.parse(text)
