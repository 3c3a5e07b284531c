"""Numbers put beside the words that ask for them: ``did <c1> grow from <p1> <n1> to <p2> <n2> ?``.

A fact whose measure, owner and year the question names is written where the question names it, so
that a small model reads operation and operands in one place. Facts the question does not name in
full stay as lines of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A fact as handles: what it measures, whose, when; empty where it has none."""

    number: str
    measure: str
    entity: str
    period: str
    year: int | None


def place(question: str, marks: Sequence[Mark]) -> tuple[str, frozenset[str]]:
    """The question with the numbers it asks for beside their words, and which were placed.

    Args:
        question: words and handles, separated by spaces.
        marks: the facts, years of one measure in order.
    """
    words = question.split()
    said = frozenset(words)
    named = [m for m in marks if m.measure in said and (not m.entity or _owner(m, marks, said))]
    years = sorted({m.year for m in marks if m.period in said and m.year is not None})
    asked = [m for m in named if not years or m.period in said or _between(m, years)]
    if len({m.entity for m in asked if m.entity not in said}) > 1:
        return question, frozenset()
    anchors = {m.number: _anchor(m, asked, years) for m in asked}
    spots = {m.number: words.index(a) for m in asked if (a := anchors[m.number]) in said}
    order = sorted(
        (m for m in asked if m.number in spots),
        key=lambda m: (spots[m.number], m.year or 0, words.index(m.measure), _at(words, m.entity)),
    )
    placed: list[str] = []
    for at, word in enumerate(words):
        placed += [word, *(m.number for m in order if spots[m.number] == at)]
    return " ".join(placed), frozenset(spots)


def _owner(mark: Mark, marks: Sequence[Mark], said: frozenset[str]) -> bool:
    """Whose it is, is said; or nobody is named at all."""
    return mark.entity in said or not any(m.entity in said for m in marks if m.entity)


def _between(mark: Mark, years: Sequence[int]) -> bool:
    """Its year is no end of the range that the question tells, but lies in it."""
    return mark.year is not None and len(years) > 1 and years[0] < mark.year < years[-1]


def _anchor(mark: Mark, asked: Sequence[Mark], years: Sequence[int]) -> str:
    """The word a number stands beside: what tells the asked facts apart, years before measures."""
    if len(years) > 1 and mark.year is not None:
        if mark.year in years:
            return mark.period
        return next((m.period for m in asked if m.year == years[0]), mark.measure)
    if len({m.measure for m in asked}) > 1:
        return mark.measure
    if len({m.entity for m in asked}) > 1:
        return mark.entity
    return mark.measure


def _at(words: Sequence[str], handle: str) -> int:
    return words.index(handle) if handle in words else -1
