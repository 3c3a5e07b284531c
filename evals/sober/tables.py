"""Samples as a cube of the questions, runs and draws that all arms have.

A decision refuses samples that are not whole. A check reads what there is, and says how much: the
questions that some arm lacks, and draws beyond those that every arm has, are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from evals.decision.outcomes import Cell, Cube, cube
from evals.decision.samples import Sample
from specialists.foundation.errors import DataError


def name(sample: Sample) -> str:
    """A question's name over all papers."""
    return f"{sample.paper}/{sample.question}"


def tabled(samples: Sequence[Sample], arms: Sequence[str] = (), draws: int | None = None) -> Cube:
    """The samples of one way to decode.

    Args:
        arms: which; empty: all there are.
        draws: of each question, at most; None: as many as every arm has of every question.

    Raises:
        DataError: nothing is left, or samples of several ways to decode.
    """
    judged = [s for s in samples if s.score is not None and (not arms or s.arm in arms)]
    if len({s.decode for s in judged}) > 1:
        raise DataError("samples of several ways to decode are no one table")
    runs: dict[str, set[int]] = defaultdict(set)
    held: dict[str, dict[tuple[str, int], set[int]]] = defaultdict(lambda: defaultdict(set))
    for sample in judged:
        runs[sample.arm].add(sample.run)
        held[name(sample)][sample.arm, sample.run].add(sample.draw)
    missing = set(arms) - set(runs)
    if missing or not runs:
        raise DataError(f"no judged samples of {', '.join(sorted(missing)) or 'any arm'}")
    cells = {(arm, run) for arm, numbers in runs.items() for run in numbers}
    whole = {
        question: min(_unbroken(each[cell]) for cell in cells)
        for question, each in held.items()
        if cells <= set(each)
    }
    whole = {question: count for question, count in whole.items() if count}
    if not whole:
        raise DataError("there is no question that every arm has answered")
    count = min(whole.values()) if draws is None else min(draws, *whole.values())
    kept = [
        Cell(s.arm, s.run, name(s), s.company or name(s), s.template, s.draw, s.score, s.error)
        for s in judged
        if name(s) in whole and s.draw < count
    ]
    return cube(kept, {arm: len(each) for arm, each in runs.items()}, count, sorted(whole))


def _unbroken(draws: set[int]) -> int:
    """How many draws there are from the first on, without a gap."""
    count = 0
    while count in draws:
        count += 1
    return count
