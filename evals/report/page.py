"""A decision's page: one HTML file that needs nothing else and is the same for the same record.

It opens from disk, runs no script, fetches nothing (its own policy forbids both), and is readable
in light, dark and print. The verdict comes first, then why, then what it rests on.
"""

from __future__ import annotations

from evals.report import annex, evidence
from evals.report.blocks import Block, Items, Section, Text
from evals.report.rendering import html
from evals.report.seen import Seen
from evals.report.wording import as_filed, design, sentence, short, standing
from specialists.foundation.decisions import DecisionRecord

TONES = {
    "adopt": "good",
    "keep the start": "calm",
    "insufficient evidence": "open",
    "descriptive only": "faint",
}
"""Of a verdict, in the style sheet."""
REPLAY = "finroute evals replay FOLDER"
"""FOLDER is that of the page."""


def page(record: DecisionRecord, seen: Seen | None = None, *, replay: str = REPLAY) -> str:
    """The page of a decision.

    Args:
        seen: what the samples show beyond the record; None: the plots that need them are left out.
        replay: the command that computes the verdict anew.

    Raises:
        RecordError: the record's design is none that this release reads.
    """
    record = as_filed(record)
    told = design(record)
    sections = [
        *_why(record, seen),
        *evidence.sections(record, told, seen),
        *annex.sections(record, told, seen, replay),
    ]
    return html(
        "page.html",
        title=f"{record.specialist}: {record.verdict}",
        eyebrow=f"Decision {record.id} on {record.specialist}",
        verdict=record.verdict,
        tone=TONES[record.verdict],
        quick=record.quick,
        sentence=sentence(record),
        standing=standing(record),
        facts=annex.facts(record),
        decided=record.decided,
        about=told.about,
        sections=sections,
        footer=f"Record {record.id} · design {short(record.design)} · samples "
        f"{short(record.samples.digest)} · decided {record.decided}",
    )


def _why(record: DecisionRecord, seen: Seen | None) -> list[Section]:
    found = [Section("why", "Why", (Items(record.reasons),))]
    if record.needs:
        found.append(Section("needs", "What would settle it", (Items(record.needs),)))
    limits: list[Block] = [Items(record.limits)] if record.limits else []
    if seen is None:
        limits.append(Text("The samples were not at hand: plots that need them are left out."))
    if limits:
        found.append(Section("limits", "What this does not speak of", tuple(limits)))
    return found
