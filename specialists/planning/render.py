"""How a question and a catalogue are put to a planner: compact, or in full for any chat model.

Never a document's text, never a number from a table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from specialists.planning.pointing import Case
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.handles import Handles
from specialists.workspace.links import Linked, Linker, spaced

JOBS: Mapping[str, str] = {
    "table_qa": "answers one question from the tables: a value, an aggregate over years, a ranking",
    "extraction": "finds one figure that documents tell: headcount, backlog, guidance …",
    "sentiment": "judges the tone of the news about one company, perhaps in one year",
    "calculation": "computes from earlier findings, which are its inputs a, b, c …",
}
MAX_CASES = 3
UNKNOWN = "unknown"
"""Stands for a name or a time the workspace has not, in the compact form."""


@dataclass(frozen=True)
class PlanningInputs:
    """What is asked, and of what."""

    question: str
    catalogue: Catalogue
    linker: Linker
    """Made from the same catalogue."""
    specialists: tuple[str, ...] = tuple(JOBS)
    cases: tuple[Case, ...] = ()
    """Worked cases that stand before the question, at most ``MAX_CASES``."""

    @cached_property
    def linked(self) -> Linked:
        """The question with its handles numbered in order."""
        return compact(self, Handles())[1]


def compact(inputs: PlanningInputs, handles: Handles) -> tuple[str, Linked]:
    """The question as the small model reads it: handles, and ``unknown`` where nothing is meant.

    Worked cases stand before it: ``<o2> revenue of alpha corp in 2018 ; <o1> … | question``.
    """
    linked = inputs.linker.link(inputs.question, handles)
    told = " ; ".join(case.question for case in inputs.cases).lower()
    strange = tuple(u for u in linked.unknown if spaced(u) not in told)
    if strange != linked.unknown:  # a case tells what it means
        linked = replace(linked, unknown=strange)
    text = _signed(linked)
    for phrase in sorted(linked.unknown, key=len, reverse=True):
        words = spaced(phrase)
        if words:
            text = f" {text} ".replace(f" {words} ", f" {UNKNOWN} ").strip()
    before = [
        f"{handles.bind('o', case.pattern, case.question)} {case.question.lower()}"
        for case in inputs.cases[:MAX_CASES]
    ]
    return (f"{' ; '.join(before)} | {text}" if before else text), linked


_ASKS_WHO = re.compile(r"\b(?:which|how many|who|whose|list|count|name)\b")
_LOSS = re.compile(r"(?:a |any |some )?(?:loss|losses|lost money|losing money|lose money)")


def _signed(linked: Linked) -> str:
    """The text, a loss among companies told as what it is: a negative measure."""
    text = linked.text
    if not _ASKS_WHO.search(text):
        return text
    for mention in linked.mentions:
        alone = sum(m.handles == mention.handles for m in linked.mentions) == 1
        if alone and len(mention.handles) == 1 and _LOSS.fullmatch(mention.text.lower()):
            (handle,) = mention.handles
            text = text.replace(handle, f"negative {handle}")
    return text


def in_full(inputs: PlanningInputs) -> str:
    """The question and everything a chat model may know of the workspace."""
    catalogue = inputs.catalogue
    lines = [f"Question: {inputs.question}", "", f"Data as of {catalogue.as_of}.", "Companies:"]
    lines += [
        f"- {c.name}"
        + (f" ({c.ticker})" if c.ticker else "")
        + (f", {c.sector}" if c.sector else "")
        for c in catalogue.companies
    ]
    lines.append("Tables:")
    for table in catalogue.tables:
        years = f", fiscal years {table.periods[0]}–{table.periods[-1]}" if table.periods else ""
        about = f", about {table.company}" if table.company else ""
        lines.append(f"- {table.title or table.name}{about}{years}:")
        lines.append("    " + ", ".join(c.title or c.name for c in table.columns))
        for column in table.columns:
            if column.role == "label" and column.values:
                lines.append(f"    {column.title or column.name}: {', '.join(column.values[:60])}")
    kinds: dict[str, int] = {}
    for document in catalogue.documents:
        kinds[document.kind] = kinds.get(document.kind, 0) + 1
    if kinds:
        lines.append("Documents: " + ", ".join(f"{n} × {kind}" for kind, n in kinds.items()))
    lines.append("Specialists:")
    lines += [f"- {name}: {JOBS.get(name, '')}" for name in inputs.specialists]
    return "\n".join(lines)
