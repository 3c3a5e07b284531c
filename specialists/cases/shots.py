"""Worked cases as examples for a chat model: a question with stand-ins, and its plan in full.

The plan is the one that code makes of the case's clauses, over companies and years that are
stand-ins too, so that an example is as sound as any plan and speaks of no workspace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date

from specialists.cases.case import Case
from specialists.foundation.contracts import Plan, Quantity
from specialists.foundation.errors import AnswerError
from specialists.planning import clauses
from specialists.planning.clauses import Clause
from specialists.planning.expand import Expander
from specialists.planning.task import written
from specialists.workspace.catalogue import Catalogue, Company, Period
from specialists.workspace.handles import Handles, Kind
from specialists.workspace.links import Measure, RowKey
from specialists.workspace.standins import COMPANIES, FIRST_YEAR, GROUPS, MADE, MEASURES, PLAIN_ROWS

YEARS = 8
_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("m", (*MEASURES, *(name for names in MADE.values() for name in names))),
    ("e", COMPANIES),
    ("g", GROUPS),
    ("r", PLAIN_ROWS),
)
_LETTER: dict[str, Kind] = {"m": "c", "e": "e", "g": "r", "r": "r"}
_PLACES = re.compile(
    "|".join(
        [
            *(
                f"(?P<{kind}>{'|'.join(re.escape(n) for n in sorted(names, key=len)[::-1])})"
                for kind, names in _NAMES
            ),
            r"from (?P<first>\d{4}) to (?P<last>\d{4})",
            r"(?P<year>\b20[123]\d\b)",
            r"(?P<money>\$ 500 million)",
            r"(?P<percent>10 %)",
            r"(?P<count>\b3\b)",
        ]
    )
)


def shot(case: Case) -> tuple[str, Plan] | None:
    """A case's question and full plan; None where it asks for nothing or its words hide a slot."""
    handles = Handles()
    written: dict[str, list[str]] = {}
    for match in _PLACES.finditer(case.question):
        letter, handle = _bound(match, case.question, handles)
        held = written.setdefault(letter, [])
        if handle not in held:
            held.append(handle)
    wanted = case.counts
    if any(len(written.get(letter, ())) != count for letter, count in wanted.items()):
        return None
    names = {
        f"{letter}{place}": handle
        for letter, held in written.items()
        for place, handle in enumerate(held, 1)
    }
    text = " ".join(names.get(word, word) for word in case.plan.split())
    try:
        plan = _expanded(clauses.parse(text, handles))
    except AnswerError:
        return None
    return (case.question, plan) if plan.subtasks else None


def shots(cases: Iterable[Case], count: int) -> list[tuple[str, Plan]]:
    """The first ``count`` of the cases that make an example, no two of them of the same shape."""
    found: dict[str, tuple[str, Plan]] = {}
    for case in cases:
        if len(found) == count:
            break
        made = shot(case) if case.shape not in found else None
        if made is not None:
            found[case.shape] = made
    return list(found.values())


def reply(plan: Plan) -> str:
    """A plan as a chat model writes it (``planning.task.WrittenPlan``)."""
    return json.dumps(written(plan))


def _bound(match: re.Match[str], text: str, handles: Handles) -> tuple[str, str]:
    """The slot's letter and the handle of what stands there."""
    kind, said = str(match.lastgroup), match[0]
    if kind in _LETTER:
        value: object = {"m": Measure(()), "e": said}.get(kind)
        if kind in {"g", "r"}:
            noun = re.match(r"\s*(segment|sector|industry|division)", text[match.end() :])
            value = RowKey(noun[1] if noun else "line", said, ())
        return "r" if kind == "g" else kind, handles.bind(_LETTER[kind], value, said)
    if match["year"] or kind == "last":
        first, last = (match["first"], match["last"]) if kind == "last" else (said, said)
        period = Period(first=int(first), last=int(last))
        return "p", handles.bind("p", period, period.label)
    number = {
        "money": Quantity(value=500, unit="USD", scale=1e6),
        "percent": Quantity(value=10, unit="%"),
        "count": Quantity(value=3),
    }[kind]
    return "n", handles.bind("n", number, said)


def _expanded(parts: tuple[Clause, ...]) -> Plan:
    catalogue = Catalogue(
        workspace="examples",
        version="1",
        as_of=date(FIRST_YEAR + YEARS, 1, 1),
        companies=tuple(Company(name=name) for name in COMPANIES),
        tables=(),
    )
    return Expander(catalogue, FIRST_YEAR, FIRST_YEAR + YEARS - 1).plan(parts)
