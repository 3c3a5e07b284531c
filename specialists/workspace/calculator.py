"""The calculator: expressions, and FinQA's programs (``subtract(5829, 5735), divide(#0, 5735)``).

FinQA's operations are those of the data set's own executor (github.com/czyssrs/FinQA,
``code/evaluate/evaluate.py``): a percentage literal is its hundredth, ``#k`` is the result of step
k, ``table_*`` work on the numbers of one row. Results are not rounded here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from specialists.foundation.contracts import Step
from specialists.foundation.errors import ExpressionError
from specialists.workspace.expressions import MAX_DIGITS, evaluate

__all__ = ["MAX_STEPS", "OPERATIONS", "TABLE_OPERATIONS", "Outcome", "evaluate", "run_program"]

OPERATIONS: dict[str, str] = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "exp": "{} ** {}",
    "greater": "{} > {}",
}
"""FinQA's operations of two numbers, as the expressions they are."""
TABLE_OPERATIONS: dict[str, str] = {
    "table_sum": "sum",
    "table_average": "avg",
    "table_max": "max",
    "table_min": "min",
}
"""FinQA's operations on a row, as the functions they are."""
MAX_STEPS = 32
"""Steps of one program."""

_STEP = re.compile(r"\s*([a-z_]+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*(?:,|$)", re.IGNORECASE)
_LITERAL = re.compile(r"-?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?%?", re.IGNORECASE)
_CONSTANT = re.compile(r"const_(m?)(\d+(?:\.\d+)?)", re.IGNORECASE)
_REFERENCE = re.compile(r"#(\d+)")


@dataclass(frozen=True)
class Outcome:
    """What a program comes to. ``greater`` answers yes or no and ends a program."""

    value: float | Literal["yes", "no"]
    steps: tuple[Step, ...]
    """One a step, in infix with earlier results filled in; ``greater`` results in 1 or 0."""


def run_program(program: str, rows: Mapping[str, Sequence[float]] | None = None) -> Outcome:
    """Run a FinQA program.

    Args:
        program: steps ``operation(argument, argument)`` joined by commas. An argument is a number,
            a percentage, ``const_100``, ``const_m1`` or ``#0``, the result of the first step.
        rows: numbers by row label, for ``table_sum(label, none)`` and its like.

    Raises:
        ExpressionError: not a program, unknown operation, label or step, or no finite result.
    """
    steps: list[Step] = []
    answer: float | Literal["yes", "no"] = 0.0
    for operation, arguments in parse(program):
        if operation in TABLE_OPERATIONS:
            expression = _on_row(operation, arguments, rows or {})
            answer = evaluate(expression)
            steps.append(Step(expression=expression, result=answer))
            continue
        if answer in ("yes", "no"):
            raise ExpressionError("greater() answers yes or no: no step can follow it")
        left, right = (_argument(a, steps) for a in arguments)
        expression = OPERATIONS[operation].format(_text(left), _text(right, right=True))
        if operation == "greater":
            answer = "yes" if left > right else "no"
            steps.append(Step(expression=expression, result=float(left > right)))
        else:
            power = f"({_text(left)}) ** ({_text(right)})"
            answer = evaluate(power if operation == "exp" else expression)
            steps.append(Step(expression=expression, result=answer))
    return Outcome(answer, tuple(steps))


def parse(program: str) -> list[tuple[str, tuple[str, str]]]:
    """A program's steps: operation and its two arguments, as written.

    Raises:
        ExpressionError: not a program.
    """
    program = program.strip()
    steps: list[tuple[str, tuple[str, str]]] = []
    position = 0
    while position < len(program):
        match = _STEP.match(program, position)
        if match is None:
            raise ExpressionError(
                f"cannot read {program[position : position + 40]!r}: a step is written "
                "operation(argument, argument)"
            )
        operation = match[1].lower()
        if operation not in OPERATIONS and operation not in TABLE_OPERATIONS:
            known = ", ".join([*OPERATIONS, *TABLE_OPERATIONS])
            raise ExpressionError(f"unknown operation {operation[:40]!r}; there are {known}")
        first, comma, second = match[2].rpartition(", ")
        if not comma:
            first, comma, second = match[2].partition(",")
        if not comma or not first.strip() or not second.strip():
            raise ExpressionError(f"{operation}() takes two arguments")
        steps.append((operation, (first.strip(), second.strip())))
        position = match.end()
    if not steps:
        raise ExpressionError("the program is empty")
    if len(steps) > MAX_STEPS:
        raise ExpressionError(f"the program has {len(steps)} steps; {MAX_STEPS} are allowed")
    return steps


def _argument(text: str, steps: Sequence[Step]) -> float:
    if reference := _REFERENCE.fullmatch(text):
        index = int(reference[1][:6])
        if index >= len(steps):
            raise ExpressionError(f"{text[:10]} refers to a step that has not run")
        return steps[index].result
    if constant := _CONSTANT.fullmatch(text):
        text = ("-" if constant[1] else "") + constant[2]
    if not _LITERAL.fullmatch(text) or sum(c.isdigit() for c in text) > MAX_DIGITS:
        raise ExpressionError(f"{text[:40]!r} is not a number, a constant or a step like #0")
    return evaluate(text.replace(",", ""))


def _on_row(operation: str, arguments: tuple[str, str], rows: Mapping[str, Sequence[float]]) -> str:
    label = arguments[0]
    numbers = rows.get(label)
    if not numbers:
        known = ", ".join(list(rows)[:20]) or "none"
        raise ExpressionError(f"no numbers in a row {label[:80]!r}; the rows are {known}")
    return f"{TABLE_OPERATIONS[operation]}({', '.join(_text(n) for n in numbers)})"


def _text(value: float, *, right: bool = False) -> str:
    """A number as an expression: the shortest that reads back as the same float."""
    text = repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return f"({text})" if right and value < 0 else text
