"""The program behind a known answer: tried out over the numbers, kept only if it is the one.

FinQA gives some questions an answer and no program. Programs of one or two steps are enumerated;
two different programs that come to the answer leave the question without one. Deterministic and
cheap.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from specialists.calculation.program import Op, Program, render

MAX_NUMBERS = 14
"""Beyond this, coincidences outnumber programs."""


def induce(numbers: Mapping[str, float], gold: float, rounding: float = 0.0) -> Program | None:
    """The one program over these numbers that comes to ``gold``.

    Args:
        numbers: the value behind each handle, in one scale.
        gold: the answer by FinQA's convention, rounded to five decimals.
        rounding: how far off it may be where it was rounded more.

    Returns:
        None where no program fits, or several do.
    """
    if not 2 <= len(numbers) <= MAX_NUMBERS or gold == 0:
        return None
    found: dict[str, Program] = {}
    for program, value in _programs(numbers):
        if _same(value, gold, rounding):
            found[render(program)] = program
            if len(found) > 1:
                return None
    return next(iter(found.values()), None)


def _same(value: float, gold: float, rounding: float) -> bool:
    return abs(value - gold) <= max(5.1e-6, 1e-7 * abs(gold), rounding)


def _programs(numbers: Mapping[str, float]) -> Iterator[tuple[Program, float]]:
    for (a, x), (b, y) in itertools.permutations(numbers.items(), 2):
        yield (Op("subtract", (a, b)),), x - y
        if y:
            yield (Op("divide", (a, b)),), x / y
            yield (Op("subtract", (a, b)), Op("divide", ("#0", b))), (x - y) / y
    for (a, x), (b, y) in itertools.combinations(numbers.items(), 2):
        yield (Op("add", (a, b)),), x + y
        yield (Op("multiply", (a, b)),), x * y
        yield (Op("table_average", (a, b)),), (x + y) / 2
    for size in (3, 4):
        for group in itertools.combinations(numbers.items(), size):
            handles, values = tuple(h for h, _ in group), [v for _, v in group]
            yield (Op("table_sum", handles),), sum(values)
            yield (Op("table_average", handles),), sum(values) / size
    for (a, x), (b, y) in itertools.combinations(numbers.items(), 2):
        for c, z in numbers.items():
            if c not in (a, b):
                if z:
                    yield (Op("add", (a, b)), Op("divide", ("#0", c))), (x + y) / z
                if x + y:
                    yield (Op("add", (a, b)), Op("divide", (c, "#0"))), z / (x + y)
