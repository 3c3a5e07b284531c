"""Changes between two years: the model says which two numbers, code says which comes first.

The model writes ``growth(<n2>, <n1>)`` and ``change(<n2>, <n1>)`` for the relative and the absolute
change between two numbers. Where both are dated, one measure of one owner in two years, it names
them as they stand in its prompt, and code puts the years in order; other pairs it writes as
``growth(earlier, later)``. ``expanded`` turns what was written into FinQA's operations,
``contracted`` turns a gold program into what a model should write.
"""

from __future__ import annotations

from collections.abc import Mapping

from specialists.calculation.facts import Fact
from specialists.calculation.program import ORDERED, Op, Program
from specialists.foundation.errors import AnswerError


def expanded(written: Program, facts: Mapping[str, Fact]) -> Program:
    """The program in FinQA's operations, dated changes in order.

    Args:
        written: what a model wrote; programs without changes come back as they are.
        facts: what each handle stands for.

    Raises:
        AnswerError: a change of a number to itself.
    """
    meant: list[Op] = []
    place: list[str] = []
    for op in written:
        args = tuple(place[int(a[1:])] if a.startswith("#") else a for a in op.args)
        if op.name not in ORDERED:
            meant.append(Op(op.name, args))
        else:
            earlier, later = _in_order(args[0], args[1], facts)
            if earlier == later:
                raise AnswerError(f"{op} is the change of a number to itself")
            if op.name == "cagr":
                meant.append(Op("cagr", (later, earlier)))
            else:
                meant.append(Op("subtract", (later, earlier)))
            if op.name == "growth":
                meant.append(Op("divide", (f"#{len(meant) - 1}", earlier)))
        place.append(f"#{len(meant) - 1}")
    return tuple(meant)


def contracted(meant: Program, facts: Mapping[str, Fact], text: str) -> Program:
    """The shortest way to write a program: the inverse of ``expanded``.

    A difference taken against the order of its years (how much more it was before) stays one.

    Args:
        meant: a program in FinQA's operations.
        facts: what each handle stands for.
        text: the prompt, whose order dated numbers keep.
    """
    written: list[Op] = []
    place: list[str] = []
    skip = False
    for k, op in enumerate(meant):
        if skip:
            skip = False
            place.append(place[-1])
            continue
        args = tuple(place[int(a[1:])] if a.startswith("#") else a for a in op.args)
        if op.name == "cagr":
            args = _as_told(args[1], args[0], facts, text)
        elif op.name == "subtract" and all(a.startswith("<") for a in args):
            later, earlier = args
            told = _in_order(earlier, later, facts) == (earlier, later)
            skip = told and _grows(meant, k)
            if told and (skip or _dated(later, earlier, facts)):
                args = _as_told(earlier, later, facts, text)
                op = Op("growth" if skip else "change", args)
        written.append(Op(op.name, args))
        place.append(f"#{len(written) - 1}")
    return tuple(written)


def _grows(meant: Program, k: int) -> bool:
    """Whether step ``k``, a difference, is used once: by the next step, over its own base."""
    uses = [op for op in meant if f"#{k}" in op.args]
    return (
        len(uses) == 1
        and k + 1 < len(meant)
        and meant[k + 1] == Op("divide", (f"#{k}", meant[k].args[1]))
    )


def _dated(one: str, other: str, facts: Mapping[str, Fact]) -> bool:
    """Whether two numbers are one measure of one owner in two known years."""
    a, b = facts.get(one), facts.get(other)
    if a is None or b is None or a.year is None or b.year is None or a.year == b.year:
        return False
    return (a.measure, a.entity) == (b.measure, b.entity)


def _in_order(one: str, other: str, facts: Mapping[str, Fact]) -> tuple[str, str]:
    """Earlier, later: by their years, else as written."""
    if _dated(one, other, facts) and (facts[one].year or 0) > (facts[other].year or 0):
        return other, one
    return one, other


def _as_told(earlier: str, later: str, facts: Mapping[str, Fact], text: str) -> tuple[str, str]:
    if _dated(earlier, later, facts) and text.find(later) < text.find(earlier):
        return later, earlier
    return earlier, later
