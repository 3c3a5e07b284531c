"""What a table question is: its words, linked, and the catalogue they were linked to."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from specialists.foundation.contracts import Cell, Evidence, Quantity, Value
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.handles import PATTERN, Handles
from specialists.workspace.lexicon import fold, lexicon
from specialists.workspace.links import Linked, Linker, Measure
from specialists.workspace.snapshot import Snapshot


@dataclass(frozen=True)
class TableQuestion:
    """A question about tables. ``linked.handles`` are only read; each dialogue numbers its own."""

    question: str
    linked: Linked
    catalogue: Catalogue
    company: str | None = None
    """A hint from the plan, where the words themselves name no company."""
    snapshot: Snapshot | None = field(default=None, compare=False, repr=False)
    """The workspace asked about: what an evaluation gives its toolbox. No dialogue reads it."""


class TableAnswer(Value):
    """What the tables say. ``value`` is None where they do not say it."""

    value: Quantity | str | None = None
    label: str = ""
    """``revenue of Acme Corp in 2022``."""
    evidence: tuple[Evidence, ...] = ()
    """The cells and calculator steps this value comes from, and no others."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(e for e in self.evidence if isinstance(e, Cell))


def link(
    question: str,
    linker: Linker,
    catalogue: Catalogue,
    *,
    company: str | None = None,
    snapshot: Snapshot | None = None,
) -> TableQuestion:
    """Link a question's words. A company hint counts where the words name none."""
    linked = linker.link(question)
    if company and not linked.handles.of("e"):
        hinted = linker.link(f"{question.rstrip(' ?.')} for {company} ?")
        if hinted.handles.of("e"):
            linked = hinted
    linked = _with_parts(linked, catalogue)
    return TableQuestion(question, linked, catalogue, company, snapshot)


def _with_parts(linked: Linked, catalogue: Catalogue) -> Linked:
    """Measures mean the columns of a company's parts where the words speak of parts, only there.

    ``Which segment had the highest revenue?`` does; ``revenue of the Utilities sector`` does not.
    """
    labels = {t.name: c.name for t in catalogue.tables if (c := t.column("label")) is not None}
    handles = linked.handles
    rows = {handles.resolve(h).value.column for h in handles.of("r")}
    said = {fold(word) for word in linked.text.split()}
    meant = {t for t, column in labels.items() if column in rows or fold(column) in said}
    fresh = Handles()
    renamed: dict[str, str] = {}
    for name, target in handles.items():
        value = target.value
        if isinstance(value, Measure):
            value = _meant(value, meant, labels, catalogue)
        renamed[name] = fresh.bind(target.kind, value, target.label, key=name)
    return replace(linked, text=_renamed(linked.text, renamed), handles=fresh)


def _meant(
    measure: Measure, meant: set[str], labels: Mapping[str, str], catalogue: Catalogue
) -> Measure:
    columns = {c for _, c in measure.options}
    terms = lexicon().measures
    parts = [
        (t.name, c.name)
        for t in catalogue.tables
        if t.name in meant
        for c in t.columns
        if c.name in terms and terms[c.name].parent in columns
    ]
    whole = [o for o in measure.options if o[0] in meant or o[0] not in labels]
    return Measure(tuple(dict.fromkeys((*parts, *(whole or measure.options)))))


def begin(linked: Linked, seed: int | None) -> tuple[str, Handles]:
    """The linked text over a fresh set of handles: in order, or shuffled by ``seed``."""
    handles = Handles(random.Random(seed) if seed is not None else None)
    renamed = {
        name: handles.bind(target.kind, target.value, target.label, key=name)
        for name, target in linked.handles.items()
    }
    return _renamed(linked.text, renamed), handles


def _renamed(text: str, names: dict[str, str]) -> str:
    return PATTERN.sub(lambda m: names.get(m[0], m[0]), text)
