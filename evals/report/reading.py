"""What a report is made from, read and held against each other: record, samples, adapter."""

from __future__ import annotations

from pathlib import Path

from evals.report.seen import Seen, seen
from evals.report.wording import short
from specialists.foundation import signing
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import DataError, RecordError
from specialists.foundation.records import CARD, DECISION, RUN, RunRecord


def place(told: Path) -> Path:
    """The record's file, from it or from the folder it is in."""
    return told / DECISION if told.is_dir() else told


def record(path: Path) -> DecisionRecord:
    """A record whose id and signatures fit its content.

    Raises:
        RecordError: missing, edited, or signed as something else.
    """
    told = DecisionRecord.read(path)
    signing.check(told, ())
    return told


def seen_of(folder: Path, told: DecisionRecord) -> Seen:
    """What the exported samples of a decision show, of the questions that it was made on.

    Raises:
        DataError: no export, a damaged one, or one of other samples than the record's.
    """
    from evals.decision.samples import SAMPLED, Samples

    with Samples.read(folder) as samples:
        found = str(samples.study["samples"]["digest"])  # of what was read: ``read`` checks it
        if found != told.samples.digest:
            raise DataError(
                f"the samples in {folder} have digest {short(found)}; the record was made from "
                f"{short(told.samples.digest)}"
            )
        papers = [paper.name for paper in samples.design.papers]
        asked = samples.asked(papers)
        if told.gains:
            asked = asked[: told.gains[0].questions]
        kept = {(paper, each.question) for paper, each in asked}
        return seen(
            row
            for paper in papers
            for row in samples.rows(paper=paper, decode=SAMPLED)
            if (row.paper, row.question) in kept
        )


def adapter(folder: Path, told: DecisionRecord, *, needed: bool) -> tuple[RunRecord | None, str]:
    """The run record and the model card of an adapter's folder; None and empty where it has none.

    Args:
        needed: the folder was named: a run record that is missing is an error.

    Raises:
        RecordError: it is of another adapter than the decision, cannot be read, or is missing.
    """
    run, card = folder / RUN, folder / CARD
    if not run.is_file():
        if needed:
            raise RecordError(f"there is no {RUN} in {folder}: an adapter's folder has one")
        return None, ""
    made = RunRecord.read(run)
    if made.digest != told.adapter:
        raise RecordError(
            f"{run} is of {made.name} {short(made.digest)}; the decision is on "
            f"{short(told.adapter)}"
        )
    return made, card.read_text(encoding="utf-8") if card.is_file() else ""
