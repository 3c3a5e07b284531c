"""What the router's store tells of answers in service, part by part.

A part is a whole answer, its plan, or a step that a model did; steps that code settled are nobody's
job. What became of an answer without an end is not told: it holds no findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from router.contracts import Answer
from router.state import State, default_url
from router.statements import value_text
from specialists.foundation.contracts import Finding, Value
from specialists.foundation.errors import InputError

WHOLE, PLAN = "", "plan"
"""Parts that are no step."""
ANSWERS, PLANNING = "answers", "planning"
"""Who is judged by them."""
MOST = 1_000_000
"""Answers that are read, at most: the latest."""


class Part(Value):
    """One part of an answer in service."""

    answer: str
    """Its id."""
    part: str
    """``""`` (the whole), ``plan``, or the step's id."""
    specialist: str
    """Who did it: a job's name, ``planning`` or ``answers``."""
    adapter: str | None = None
    """Digest of the adapter that answered; None: not told, or a model without one."""
    created: datetime
    question: str
    asked: str
    """What the step was to find."""
    reply: str
    """What the model said last, held back or not."""
    status: str
    confidence: float | None = None
    escalated: bool = False
    """The large model was asked after the specialist."""
    refused: bool = False
    """A check found fault: the task's own, or the router's verification."""


def read(
    url: str = "", *, since: datetime | None = None, until: datetime | None = None
) -> list[Part]:
    """The parts of all answers in a store, eldest first.

    Args:
        url: SQLAlchemy URL of the store; empty: this user's own.
        since, until: of the answers' creation; the first counts, the last does not.

    Raises:
        InputError: there is no store.
        ConfigError: not an SQLite URL, or a file that is no store.
    """
    place = sa.make_url(url or default_url()).database
    if place and not Path(place).is_file():  # opening it would make an empty one
        raise InputError(f"there is no store of answers at {place}")
    state = State(url)
    try:
        recorded = state.latest(MOST)
    finally:
        state.close()
    return [
        part
        for each in reversed(recorded)
        if each.answer is not None
        and (since is None or each.answer.created >= since)
        and (until is None or each.answer.created < until)
        for part in parts(each.answer)
    ]


def parts(answer: Answer) -> Iterator[Part]:
    """The parts of one answer."""
    whole = Part(
        answer=answer.id,
        part=WHOLE,
        specialist=ANSWERS,
        created=answer.created,
        question=answer.question,
        asked=answer.question,
        reply=" ".join(answer.text.split()),
        status=answer.status,
        confidence=answer.confidence,
    )
    yield whole
    yield whole.model_copy(
        update={
            "part": PLAN,
            "specialist": PLANNING,
            "reply": " | ".join(answer.planning.replies),
            "status": "ok" if answer.plan.subtasks else "abstained",
            "confidence": answer.planning.confidence,
        }
    )
    instructions = {step.id: step.instruction for step in answer.plan.subtasks}
    for finding in answer.findings:
        served = finding.served_by
        if served is not None:
            yield Part(
                answer=answer.id,
                part=finding.subtask,
                specialist=finding.specialist,
                adapter=served.adapter,
                created=answer.created,
                question=answer.question,
                asked=instructions.get(finding.subtask, ""),
                reply=_said(finding),
                status=finding.status,
                confidence=finding.confidence,
                escalated=finding.attempts > 1 and served.adapter is None,
                refused=finding.refused or "did not pass verification" in finding.reason,
            )


def of(lived: Sequence[Part], specialist: str, adapter: str | None) -> list[Part]:
    """A specialist's parts: what its adapter answered, or was asked before the large model was."""
    return [
        part
        for part in lived
        if part.specialist == specialist and (adapter is None or part.adapter in (adapter, None))
    ]


def _said(finding: Finding) -> str:
    value = "" if finding.value is None else value_text(finding)
    return " | ".join(filter(None, [value, *finding.replies[-1:]]))
