"""Worked cases in a plan: a case's clauses with what is particular to it left open.

``<o3> <c1> <e1> <p1>`` means: as in case 3, for this measure, company and year. So an operation
that no verb names can be used as soon as one case of it is known. A pattern holds no handle and no
number of any dialogue; finding the cases that fit a question is not its business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.planning.clauses import Clause, Noun, Row, made, spoken
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import Handles
from specialists.workspace.standins import Masked


@dataclass(frozen=True)
class Pattern:
    """A case's clauses, and what of them stands for something of the next question.

    Each slot is named by what stood there in the case. What the clauses name and no slot does is
    part of the operation and stays.
    """

    clauses: tuple[Clause, ...]
    measures: tuple[Noun, ...] = ()
    companies: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    periods: tuple[Period, ...] = ()
    numbers: tuple[Quantity, ...] = ()

    @classmethod
    def of(cls, clauses: Sequence[Clause], named: Sequence[Noun]) -> Pattern:
        """The pattern of solved clauses, slots in the order the clauses name them.

        Args:
            named: the measures that the case's question names; a ratio it names is one of them.
        """
        found = (n for c in clauses for m in expressions(c) for n in _slots(m, named))
        return cls(
            clauses=tuple(clauses),
            measures=_once(found),
            companies=_once(e for c in clauses for e in c.companies),
            rows=_once(r for c in clauses for r in c.rows),
            periods=_once(p for c in clauses for p in c.periods),
            numbers=_once(n for c in clauses for n in c.numbers),
        )

    @property
    def operation(self) -> tuple[object, ...]:
        """What it does, whatever to: equal for cases of the same operation."""
        return tuple(_operation(clause) for clause in self.clauses)

    def applied(self, given: Clause) -> tuple[Clause, ...]:
        """The clauses with the slots filled by what ``given`` names, in order.

        Companies and periods may be fewer (none) or, where the case has one, more than its own.

        Raises:
            AnswerError: what is given does not fit the slots.
        """
        return tuple(
            replace(
                self._measured(clause, expressions(given)),
                companies=_filled(clause.companies, self.companies, given.companies, "companies"),
                rows=_filled(clause.rows, self.rows, given.rows, "rows"),
                periods=_filled(clause.periods, self.periods, given.periods, "periods"),
                numbers=_filled(clause.numbers, self.numbers, given.numbers, "numbers"),
            )
            for clause in self.clauses
        )

    def _measured(self, clause: Clause, given: tuple[Noun, ...]) -> Clause:
        filled = tuple(n for m in expressions(clause) for n in _measures(m, self.measures, given))
        if len(filled) == 1 and filled[0].form is not None:
            return replace(clause, form=filled[0].form, measures=filled[0].parts)
        return replace(clause, form=None, measures=filled)


@dataclass(frozen=True)
class Case:
    """A worked case as a planner reads it: its question, masked, and its pattern."""

    question: str
    """As ``standins.masked`` writes it."""
    pattern: Pattern


def named(masked: Masked, handles: Handles) -> tuple[Noun, ...]:
    """The measures that a masked question names, in the order of first mention."""
    return tuple(spoken(s.written, handles) for s in masked.slots if s.kind == "m")


def expressions(clause: Clause) -> tuple[Noun, ...]:
    """A clause's measures, one where its form makes one of two."""
    if clause.form is None:
        return clause.measures
    return (made(clause.form, clause.measures[0], clause.measures[1]),)


def slots(clause: Clause, known: Sequence[Noun]) -> tuple[Noun, ...]:
    """The measures of a clause that its question names, as a clause that points writes them."""
    return _once(n for m in expressions(clause) for n in _slots(m, known))


def _slots(noun_: Noun, known: Sequence[Noun]) -> Iterator[Noun]:
    if noun_ in known:
        yield noun_
    else:
        for part in noun_.parts:
            yield from _slots(part, known)


_PAIRED = frozenset(["diff", "times", "more", "fewer"])
_LISTED = _PAIRED | {"top", "bottom", "which", "count", "sum", "mean", "max", "min"}
"""Verbs that do something else with two companies than with one or none."""


def _operation(clause: Clause) -> tuple[object, ...]:
    return (
        *(clause.verb, clause.side, clause.turn),
        min(2, len(clause.companies)) if clause.verb in _LISTED else 0,
        min(2, len(clause.periods)) if clause.verb in _PAIRED else 0,
        *(bool(clause.rows), len(clause.numbers)),
    )


def _once(items: Iterable[Any]) -> Any:
    return tuple(dict.fromkeys(items))


def _measures(own: Noun, slots_: tuple[Noun, ...], given: tuple[Noun, ...]) -> tuple[Noun, ...]:
    if own in slots_:
        return _filled((own,), slots_, given, "measures")
    if own.form is None:
        return (own,)
    parts = tuple(p for part in own.parts for p in _measures(part, slots_, given))
    if len(parts) != 2:
        raise AnswerError("the measures do not fit the case")
    return (made(own.form, parts[0], parts[1]),)


def _filled(own: Any, slots_: Any, given: Any, what: str) -> Any:
    """A clause's own items with its slots filled."""
    if not slots_:
        if given:
            raise AnswerError(f"the case takes no {what}")
        return own
    if own == slots_ and (len(given) == len(slots_) or what in {"companies", "periods"}):
        return given
    if len(given) == len(slots_):
        return tuple(given[slots_.index(item)] if item in slots_ else item for item in own)
    if len(slots_) == 1 and given:
        return tuple(g for item in own for g in (given if item in slots_ else (item,)))
    raise AnswerError(f"the case takes {len(slots_)} {what}, not {len(given)}")
