"""What goes into the router and what comes out: a question, events on the way, an answer.

Values only. The verbs live with the rooms that use them.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from specialists.foundation.contracts import (
    Evidence,
    Finding,
    Plan,
    Quantity,
    ServedBy,
    Signals,
    Subtask,
    ToolEvent,
    Usage,
    Value,
)
from specialists.foundation.errors import QuestionError

MAX_CHARACTERS = 2_000
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that show a text in another order than it is read in."""


class Question(Value):
    """A question that can be asked: not empty, not huge, printable."""

    text: str
    as_of: date | None = None
    """Only what was known on this day counts; None: all that is known now."""

    @classmethod
    def of(cls, text: str, as_of: date | None = None) -> Self:
        """Check and tidy a text: line ends and runs of space become single spaces.

        Raises:
            QuestionError: empty, more than 2,000 characters, or with control characters.
        """
        if len(text) > MAX_CHARACTERS:
            raise QuestionError(
                f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read"
            )
        tidy = " ".join(text.split())
        for character in tidy:
            if unicodedata.category(character) in {"Cc", "Cs"} or character in _BIDI:
                raise QuestionError(
                    f"the question contains the control character U+{ord(character):04X}"
                )
        if not any(character.isalnum() for character in tidy):
            raise QuestionError("the question is empty")
        return cls(text=tidy, as_of=as_of)


class Source(Value):
    """A numbered source of an answer."""

    number: int
    """1, 2 … as the text cites it: ``[1]``."""
    title: str
    """Where to look, in words: table, row and column; or the document."""
    evidence: Evidence
    known_at: date | None = None


class Claim(Value):
    """A statement of the answer and what carries it."""

    text: str
    """The sentence, with its ``[n]`` marks."""
    finding: str
    """Id of the subtask whose finding it states."""
    value: Quantity | str | None = None
    confidence: float | None = None
    sources: tuple[int, ...] = ()
    """Numbers of the sources behind it."""
    calculation: tuple[str, ...] = ()
    """The calculator's steps, in order: ``subtract(130, 100) = 30``."""


class Planning(Value):
    """How the plan came to be, for the trace."""

    served_by: ServedBy | None = None
    """The weights that planned."""
    confidence: float | None = None
    """Probability of being the right plan, where a calibration exists; else the model's own."""
    signals: Signals | None = None
    """What the confidence was made of."""
    replies: tuple[str, ...] = ()
    """The planner's replies, verbatim, in order."""


AnswerStatus = Literal["complete", "partial", "abstained"]
"""complete: every part is answered · partial: some parts are · abstained: none is"""


class Answer(Value):
    """What a question came to. Every number of ``text`` is carried by a finding."""

    id: str
    """Trace id: what ``finroute trace`` takes."""
    question: str
    text: str
    status: AnswerStatus
    claims: tuple[Claim, ...] = ()
    sources: tuple[Source, ...] = ()
    plan: Plan
    findings: tuple[Finding, ...] = ()
    """What every step found: the trace. Of an answer withheld, too."""
    planning: Planning = Planning()
    confidence: float | None = None
    """Probability that all of the answer is right; None: not known."""
    notes: tuple[str, ...] = ()
    """What the reader should know: parts left out and why, checks that did not pass."""
    provisional: tuple[str, ...] = ()
    """Specialists served without a decision record that adopts their adapter."""
    workspace: str
    version: str
    as_of: date
    """No fact that became known later was seen."""
    created: datetime
    usage: Usage = Usage()
    seconds: float = 0.0
    """Wall time from question to answer, without waiting for an approval."""


class Started(Value):
    """The question was accepted. ``id`` names the answer to come."""

    event: Literal["started"] = "started"
    id: str
    question: str


class Planned(Value):
    """A sound plan. A second one means that the first was mended after its steps had run."""

    event: Literal["plan"] = "plan"
    plan: Plan


class ApprovalAsked(Value):
    """The run rests until ``Router.resume(id, approved=…)`` is called."""

    event: Literal["approval"] = "approval"
    id: str
    plan: Plan


class StepStarted(Value):
    """A subtask's parents are done and its specialist begins."""

    event: Literal["step_started"] = "step_started"
    subtask: Subtask


class ToolCalled(Value):
    """A tool was used."""

    event: Literal["tool_call"] = "tool_call"
    subtask: str
    tool: ToolEvent


class StepFinished(Value):
    """A subtask came to a finding: ok, abstained or failed."""

    event: Literal["step_finished"] = "step_finished"
    finding: Finding


class Answered(Value):
    """The end: the answer, already recorded."""

    event: Literal["answer"] = "answer"
    answer: Answer


Event = Annotated[
    Started | Planned | ApprovalAsked | StepStarted | ToolCalled | StepFinished | Answered,
    Field(discriminator="event"),
]
"""What ``Router.astream`` yields, in the order things happen."""
