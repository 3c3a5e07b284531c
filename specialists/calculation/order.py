"""Code puts the two years of a change in order, where the model named only one of them.

``subtract(<n2>, <n2>), divide(#0, <n2>)`` says that a growth is meant and not of what: a number
less itself is no question. Where the question stands beside just two numbers, one measure of one
owner in two years, those are meant, the later less the earlier. Other programs stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from specialists.calculation.facts import Fact
from specialists.calculation.program import Op, Program


def chronological(program: Program, asked: Collection[str], facts: Mapping[str, Fact]) -> Program:
    """The program, its change put in order.

    Args:
        asked: handles of the numbers that stand beside the question's words.
        facts: what each handle stands for.
    """
    pair = sorted((h for h in asked if facts[h].year is not None), key=lambda h: facts[h].year or 0)
    if len(asked) != 2 or len(pair) != 2:
        return program
    earlier, later = pair
    first, second = facts[earlier], facts[later]
    same = (first.measure, first.entity) == (second.measure, second.entity)
    if not same or first.year == second.year or not program:
        return program
    change = program[0]
    if change.name not in ("subtract", "cagr") or change.args not in [(h, h) for h in pair]:
        return program
    ordered = Op(change.name, (later, earlier))
    if len(program) == 1:
        return (ordered,)
    rest = program[1]
    if len(program) == 2 and rest.name == "divide" and rest.args in [("#0", h) for h in pair]:
        return (ordered, Op("divide", ("#0", earlier)))
    return program
