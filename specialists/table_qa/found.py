"""What a chat model has found in a full dialogue: the numbers and names that tools returned.

A number counts as found only where it comes from the rows. One that the model wrote into a query or
an expression itself comes back from the tool all the same: ``SELECT 42``, ``42 + 0``. Small
constants that arithmetic needs (100 for a percentage) are let through, a few at a time. Whether a
number found is the right one is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from specialists.foundation.contracts import Cell, Evidence, Quantity, Step
from specialists.foundation.errors import QueryRefused
from specialists.workspace import admission
from specialists.workspace.tools import ToolResult

CONSTANTS = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 100, 365, 1000, 1e6, 1e9))
"""Numbers a model may write itself."""
MAX_CONSTANTS = 4
"""How many of them in one column or expression: with more, any number can be made."""
NEAR = 1e-3
"""Relative; how exactly a number that was read must be written again."""

_NUMBER = re.compile(r"(?<![\w.])(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BESIDE = (exp.Predicate, exp.Where, exp.Having, exp.Order, exp.DataType)
"""What decides which rows are meant, in which order, and how a value is written: no part of it."""


@dataclass(frozen=True)
class Number:
    """A number that was found, and what it comes from. Without a unit: told by no column."""

    quantity: Quantity
    evidence: tuple[Evidence, ...]


class Found:
    """What one dialogue has found so far."""

    def __init__(self) -> None:
        self.numbers: list[Number] = []
        self.texts: dict[str, tuple[Evidence, ...]] = {}

    def rows(self, query: str, result: ToolResult) -> None:
        """Take in the rows of a query."""
        cells = tuple(e for e in result.evidence if isinstance(e, Cell))
        taken = from_rows(query, len(result.data["columns"]))
        for row in result.data["rows"]:
            for name, value, unit, kept in zip(
                result.data["columns"], row, result.data["units"], taken, strict=True
            ):
                if kept and not isinstance(value, bool) and value is not None:
                    self._keep(name, value, unit or {}, cells)

    def _keep(self, column: str, value: Any, unit: dict[str, Any], cells: Sequence[Cell]) -> None:
        self.texts[str(value)] = tuple(cells)
        if isinstance(value, str):
            return
        own = tuple(c for c in cells if c.column == column and c.value == value)
        quantity = Quantity(
            value=float(value), unit=unit.get("unit") or "", scale=unit.get("scale") or 1.0
        )
        self.numbers.append(Number(quantity, own or tuple(cells)))

    def worked_out(self, expression: str, result: ToolResult) -> None:
        """Take in the result of an expression, where it is made of numbers that were found."""
        evidence: list[Evidence] = []
        constants = operands = 0
        for written in _NUMBER.findall(expression):
            value = float(written)
            number = self._read(value)
            if number is not None:
                operands += 1
                evidence += number.evidence
            elif value in CONSTANTS:
                constants += 1
            else:
                return
        if not operands or constants > MAX_CONSTANTS:
            return
        evidence += [e for e in result.evidence if isinstance(e, Step)]
        quantity = Quantity(value=float(result.data["result"]))
        self.numbers.append(Number(quantity, _unique(evidence)))

    def _read(self, value: float) -> Number | None:
        """The number that a literal was read from. A constant must be that number exactly."""
        slack = 0.0 if value in CONSTANTS else NEAR
        for number in reversed(self.numbers):
            quantity = number.quantity
            if any(near(abs(a), value, slack) for a in (quantity.value, quantity.amount)):
                return number
        return None

    def meant(self, said: Quantity, *, scaled: bool) -> Number | None:
        """The number that an answer repeats: the latest of the same worth and unit.

        A number without a unit takes the answer's, and its scale.

        Args:
            scaled: the answer tells a scale; else it may mean the column's.
        """
        for number in reversed(self.numbers):
            known = number.quantity
            if not known.unit:
                if near(known.value, said.value) or near(known.value, said.amount):
                    return Number(said, number.evidence)
            elif known.unit == said.unit and (
                near(known.amount, said.amount) or (not scaled and near(known.value, said.value))
            ):
                return number
        return None


def near(known: float, value: float, slack: float = NEAR) -> bool:
    """Whether a number repeats a known one."""
    return abs(known - value) <= slack * abs(known)


def _unique(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple({e.model_dump_json(): e for e in evidence}.values())


# --- queries ------------------------------------------------------------------------------------


def from_rows(query: str, columns: int) -> list[bool]:
    """Of each column of a query that ran: whether its values come from the rows.

    Where a query reads other queries, one column that does not is enough to believe none.
    """
    try:
        parsed = admission.parse(query)
    except QueryRefused:
        return [False] * columns
    selects = list(parsed.find_all(exp.Select))
    told = [[_from_rows(column) for column in select.selects] for select in selects]
    if len(selects) == 1 and len(told[0]) == columns:
        return told[0]
    return [all(all(each) for each in told)] * columns


def _from_rows(column: exp.Expr) -> bool:
    """Whether one selected column is made of the tables' columns and a few constants."""
    parts = [each for each in column.walk() if _is_value(each, column)]
    literals = [each for each in parts if isinstance(each, exp.Literal)]
    return (
        any(isinstance(each, exp.Column | exp.Count) for each in parts)
        and all(not each.is_string and float(each.name) in CONSTANTS for each in literals)
        and len(literals) <= MAX_CONSTANTS
    )


def _is_value(node: exp.Expr, column: exp.Expr) -> bool:
    """Whether a node is part of what a column shows."""
    while node is not column and node.parent is not None:
        above = node.parent
        if isinstance(above, _BESIDE) or (isinstance(above, exp.Round) and above.this is not node):
            return False
        node = above
    return not isinstance(node, _BESIDE)
