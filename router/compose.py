"""From findings to an answer: sentences by rule, numbered sources, and no number without a finding.

No model writes here. What a step said of itself (its label, its reason) is let in only where every
number in it is carried: by a finding's value, by its evidence, by the question or by the names and
fiscal years of the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.contracts import Answer, AnswerStatus, Claim, Planning, Source
from router.statements import plain, statement, value_text
from specialists.foundation.contracts import (
    Cell,
    Evidence,
    Finding,
    Plan,
    Quantity,
    Span,
    Step,
    Subtask,
    Usage,
)
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.numbers import format_quantity

CITED = 6
"""Sources cited singly in a sentence; more are cited as a range."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Material:
    """All that an answer is made of."""

    id: str
    question: str
    plan: Plan
    findings: Mapping[str, Finding]
    catalogue: Catalogue
    created: datetime
    planning: Planning = Planning()  # noqa: RUF009 - frozen
    gaps: tuple[str, ...] = ()
    """What the question names and the plan leaves out."""
    notes: tuple[str, ...] = ()
    """What checks found, without refusing anything for it."""
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    seconds: float = 0.0


def compose(material: Material) -> Answer:
    """The answer. Deterministic: the same material gives the same answer."""
    plan, findings = material.plan, material.findings
    found = [s for s in plan.subtasks if findings[s.id].status == "ok"]
    used = {ref for s in found for ref in s.parents()}  # those who used them speak for them
    heads = [s for s in found if s.id not in used]
    numbering = _Numbering()
    claims = {s.id: _claim(s, material, numbering) for s in (*heads, *found)}
    lost = _lost(plan, findings)
    notes = [*material.notes, *material.gaps, *lost]
    if plan.note and plan.subtasks:
        notes.append(plan.note)
    status: AnswerStatus = "abstained"
    if heads:
        status = "partial" if lost or plan.note or material.gaps else "complete"
    lines = [" ".join(claims[s.id].text for s in heads)] if heads else []
    supports = [_inside(claims[s.id].text) for s in found if s.id in used]
    if supports:
        lines.append(f"Based on: {'; '.join(supports)}.")
    lines += _shortcomings(material, status)
    return Answer(
        id=material.id,
        question=material.question,
        text="\n".join(lines),
        status=status,
        claims=tuple(claims.values()),
        sources=tuple(numbering.sources),
        plan=plan,
        findings=tuple(findings[s.id] for s in plan.subtasks),
        planning=material.planning,
        notes=tuple(dict.fromkeys(notes)),
        provisional=_provisional(material),
        workspace=material.catalogue.workspace,
        version=material.catalogue.version,
        as_of=material.catalogue.as_of,
        created=material.created,
        usage=material.usage,
        seconds=material.seconds,
    )


def _inside(sentence: str) -> str:
    """A sentence as part of a longer one."""
    text = sentence.removesuffix(".")
    return "the " + text[4:] if text.startswith("The ") else text


def _provisional(material: Material) -> tuple[str, ...]:
    """Whose adapters took part without a record that adopts them; the planner is one of them."""
    took_part = [(f.specialist, f.served_by) for f in material.findings.values()]
    return tuple(
        sorted(
            {
                name
                for name, served in [("planning", material.planning.served_by), *took_part]
                if served is not None and served.adapter is not None and served.decision is None
            }
        )
    )


# --- claims -------------------------------------------------------------------------------------


def _claim(subtask: Subtask, material: Material, numbering: _Numbering) -> Claim:
    finding = material.findings[subtask.id]
    sources = numbering.cite(e for e in finding.evidence if not isinstance(e, Step))
    shown = value_text(finding)
    admitted = carried(finding, material.question, material.catalogue)
    parents = [material.findings[ref] for ref in subtask.parents()]
    admitted |= _numbers(value_text(f) for f in parents)
    if "screen" in subtask.inputs:  # code wrote its label, from cells it cites
        admitted |= _numbers([finding.label])
    wordings = (
        statement(subtask, finding, material.findings),
        plain(finding.label, shown),
        plain(f"the {finding.specialist.replace('_', ' ')} step found", shown),
    )
    text = next((w for w in wordings if not foreign(w, admitted)), wordings[-1])
    marks = _marks(sources)
    return Claim(
        text=f"{text} {marks}." if marks else f"{text}.",
        finding=subtask.id,
        value=finding.value,
        confidence=finding.confidence,
        sources=tuple(sources),
        calculation=tuple(
            f"{e.expression} = {e.result:.10g}" for e in finding.evidence if isinstance(e, Step)
        ),
    )


def carried(finding: Finding, question: str, catalogue: Catalogue) -> set[str]:
    """The numbers, as written, that a sentence about a finding may hold."""
    texts = [question, value_text(finding), *names(catalogue)]
    if isinstance(finding.value, Quantity):
        size = finding.value.model_copy(update={"value": abs(finding.value.value)})
        texts.append(format_quantity(size))
    for evidence in finding.evidence:
        if isinstance(evidence, Cell):
            texts += [str(v) for v in evidence.row.values()]
    return _numbers(texts)


def names(catalogue: Catalogue) -> list[str]:
    """What the workspace calls things, and its fiscal years: numbers in them are no figures."""
    return [
        *(c.name for c in catalogue.companies),
        *(str(year) for table in catalogue.tables for year in table.periods),
        *(c.title for table in catalogue.tables for c in table.columns),
    ]


def foreign(text: str, admitted: set[str]) -> list[str]:
    """The numbers of a text that are not admitted."""
    return [n for n in _NUMBER.findall(text) if _normal(n) not in admitted]


def _numbers(texts: Iterable[str]) -> set[str]:
    return {_normal(n) for text in texts for n in _NUMBER.findall(text)}


def _normal(number: str) -> str:
    return number.replace(",", "")


# --- what is missing ----------------------------------------------------------------------------


def _lost(plan: Plan, findings: Mapping[str, Finding]) -> list[str]:
    """What was asked and not found: the last steps of each broken line, with the reason."""
    barren = [s for s in plan.subtasks if findings[s.id].status != "ok"]
    inner = {ref for s in barren for ref in s.parents()}
    return [
        f"not answered: {s.instruction} ({_reason(s, findings[s.id])})"
        for s in barren
        if s.id not in inner
    ]


def _reason(subtask: Subtask, finding: Finding) -> str:
    """Why there is no finding, without saying again what was asked."""
    reason = finding.reason or finding.status
    for asked in (subtask.instruction, subtask.instruction.rstrip("?. ")):
        reason = reason.removeprefix(f"{asked}: ").removesuffix(f": {asked}")
    return reason


def _shortcomings(material: Material, status: AnswerStatus) -> list[str]:
    """Sentences on what is left open. A reason with a number of its own stays in the notes."""
    catalogue = material.catalogue
    admitted = _numbers([material.question, *names(catalogue)])
    where = f"the workspace {catalogue.workspace!r}"
    said = [material.plan.note] if material.plan.note else []
    said += [*material.gaps, *_lost(material.plan, material.findings)]
    if not said:
        return []
    told: list[str] = []
    for whole in said:
        bare = whole.partition(" (")[0]  # what was asked, without why
        told += [text for text in (whole, bare) if not foreign(text, admitted)][:1]
    told = list(dict.fromkeys(told))
    opening = f"This cannot be answered from {where}" if status == "abstained" else "Left open"
    rest = "; ".join(told) if told else "see the notes"
    return [f"{opening}: {rest}" if rest.endswith(("?", ".")) else f"{opening}: {rest}."]


# --- sources ------------------------------------------------------------------------------------


class _Numbering:
    """Numbers evidence in the order it is first cited."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self._known: dict[str, int] = {}

    def cite(self, evidence: Iterable[Evidence]) -> list[int]:
        numbers: list[int] = []
        for item in evidence:
            key = item.model_dump_json()
            if key not in self._known:
                number = len(self.sources) + 1
                self._known[key] = number
                known_at = None if isinstance(item, Step) else item.known_at
                self.sources.append(
                    Source(number=number, title=title(item), evidence=item, known_at=known_at)
                )
            numbers.append(self._known[key])
        return sorted(set(numbers))


def title(evidence: Evidence) -> str:
    """Where to look, in words."""
    if isinstance(evidence, Cell):
        row = ", ".join(str(v) for v in evidence.row.values() if v is not None)
        return (
            f"{evidence.table} · {evidence.column} · {row}"
            if row
            else (f"{evidence.table} · {evidence.column}")
        )
    if isinstance(evidence, Span):
        return evidence.title or evidence.document
    return evidence.expression


def _marks(numbers: Sequence[int]) -> str:
    """``[1][2]``, or ``[1–9]`` for many."""
    if len(numbers) <= CITED:
        return "".join(f"[{n}]" for n in numbers)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return "".join(f"[{a}]" if a == b else f"[{a}–{b}]" for a, b in runs)
