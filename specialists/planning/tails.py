"""Second halves of questions: ``and how much was it?``, ``and in dollars?``, ``and in 2020?``.

A tail names nothing of its own but perhaps a year or a company: what it asks hangs on the question
before it.
"""

from __future__ import annotations

import random
from dataclasses import replace

from specialists.planning.asked import Asked
from specialists.planning.clauses import Clause, Verb
from specialists.planning.surfaces import Cast
from specialists.planning.surroundings import bare
from specialists.workspace.catalogue import Period

_HOW_MUCH = (
    *("and how much was it", "and how much", "how much was it", "and what was the figure"),
    *("and what's the number", "and by the way how much was that", "and what amount", "how much"),
    *("and what did it come to", "and with how much", "and what was the value", "and the figure"),
)
_WHO = (
    *("and who was it", "and which company was that", "and whose was it", "who was that"),
    *("and which one", "and what's the name of the company", "and at which company"),
)
_WHEN = (
    *("and in which year", "and when was that", "which year was that", "and in what year"),
    *("and when", "when was it"),
)
_IN_DOLLARS = (
    *("and in dollars", "and how much is that in dollars", "and in absolute terms"),
    *("and by how many dollars", "also the absolute change", "plus the dollar change"),
)
_IN_PERCENT = (
    *(
        "and in percent",
        "and what is that in percent",
        "and percentage-wise",
        "and in relative terms",
    ),
    *("also as a percentage", "plus the percentage change", "and by what percentage"),
)
_ALSO_YEAR = ("and in {y}", "and {y}", "and for {y}", "also {y}", "and what about {y}", "plus {y}")
_ALSO_COMPANY = (
    "and {e}",
    "and for {e}",
    "and at {e}",
    "also {e}",
    "and what about {e}",
    "plus {e}",
)
_TOO = (
    *("and its {m} too", "and its {m} as well", "and {m} too", ", and its {m}", "and also its {m}"),
    *(", and did its {m} as well", "? and its {m}", "along with its {m}", "and so did its {m}"),
)
_SAME: dict[Verb, tuple[Verb, tuple[str, ...]]] = {
    "top": ("max", _HOW_MUCH),
    "bottom": ("min", _HOW_MUCH),
    "peak": ("max", _HOW_MUCH),
    "trough": ("min", _HOW_MUCH),
    "growth": ("change", _IN_DOLLARS),
    "change": ("growth", _IN_PERCENT),
}


def followed(rng: random.Random, cast: Cast, asked: Asked) -> Asked:
    """The question with a tail, where one fits; else as it is."""
    if len(asked.clauses) != 1:
        return asked
    (clause,) = asked.clauses
    if clause.verb in {"more", "fewer"} and not clause.numbers and clause.turn is None:
        return _too(rng, cast, asked, clause)
    if clause.verb == "get" and clause.companies and len(clause.periods) == 1:
        return _also(rng, cast, asked, clause)
    if clause.verb in _SAME and clause.turn is None and not clause.numbers:
        if clause.verb in {"top", "bottom"} and clause.companies:
            return asked  # a segment's or one of several companies' own value
        verb, words = _SAME[clause.verb]
        return _joined(rng, asked, rng.choice(words), replace(clause, verb=verb))
    if clause.verb in {"max", "min"} and clause.form is None:
        verb = "top" if clause.verb == "max" else "bottom"
        if len(clause.companies) == 1:
            yearly: Verb = "peak" if clause.verb == "max" else "trough"
            return _joined(rng, asked, rng.choice(_WHEN), replace(clause, verb=yearly))
        if not clause.companies:
            return _joined(rng, asked, rng.choice(_WHO), replace(clause, verb=verb))
    return asked


def _joined(rng: random.Random, asked: Asked, tail: str, second: Clause) -> Asked:
    joint = rng.choice((", ", "? ", " ", "? ", " - ", "; ", ", "))
    return replace(
        asked, text=f"{bare(asked.text)}{joint}{tail}?", clauses=(*asked.clauses, second)
    )


def _too(rng: random.Random, cast: Cast, asked: Asked, clause: Clause) -> Asked:
    """The same yes or no of another measure."""
    if len(clause.companies) != 1 or len(clause.measures) > 1:
        return asked
    other = cast.plain(rng)
    if other.nouns == clause.measures:
        return asked
    tail = rng.choice(_TOO).format(m=other.text)
    return replace(
        asked,
        text=f"{bare(asked.text)} {tail}?",
        clauses=(clause, replace(clause, measures=other.nouns)),
    )


def _also(rng: random.Random, cast: Cast, asked: Asked, clause: Clause) -> Asked:
    """The same of another year or another company: one clause of both."""
    if clause.periods[0].first != clause.periods[0].last:
        return asked
    joint = rng.choice((", ", "? ", " ", "? "))
    if rng.random() < 0.5:
        known = {p.first for p in clause.periods}
        year = rng.choice([y for y in range(cast.first, cast.last + 1) if y not in known])
        tail = rng.choice(_ALSO_YEAR).format(y=year)
        both = replace(clause, periods=(*clause.periods, Period(first=year, last=year)))
    else:
        others = [c for c in cast.catalogue.companies if c.name not in clause.companies]
        company = rng.choice(others)
        tail = rng.choice(_ALSO_COMPANY).format(e=cast.call(rng, company))
        both = replace(clause, companies=(*clause.companies, company.name))
    return replace(asked, text=f"{bare(asked.text)}{joint}{tail}?", clauses=(both,))
