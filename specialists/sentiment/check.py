"""Is a sentiment right? Against gold by its label alone; without gold by its evidence.

Not the scorer that decides between adapters: that one lives in ``evals``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from specialists.foundation.contracts import Evidence, Span
from specialists.foundation.errors import AnswerError
from specialists.replies import one_object
from specialists.sentiment.render import SentimentInputs
from specialists.task import Score
from specialists.workspace.masking import mentions

Label = Literal["positive", "neutral", "negative"]
LABELS: tuple[Label, ...] = ("positive", "neutral", "negative")


class SentimentAnswer(BaseModel):
    """How the text bears on the company."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sentiment: Label


def read(text: str) -> SentimentAnswer:
    """A reply as an answer; a code fence around it and the label's case are forgiven.

    Raises:
        AnswerError: not a JSON object with one of the three labels.
    """
    data = one_object(text)
    if isinstance(data.get("sentiment"), str):
        data = {**data, "sentiment": data["sentiment"].strip().lower()}
    try:
        return SentimentAnswer.model_validate(data)
    except ValidationError as error:
        raise AnswerError(f"not a sentiment answer: {text[:200]!r}") from error


def score(gold: SentimentAnswer, answer: SentimentAnswer | None) -> Score:
    """Right when the labels are the same; ``parts`` tell how far off on the scale."""
    if answer is None:
        return Score(False, {"distance": 1.0}, "no answer")
    gap = abs(LABELS.index(gold.sentiment) - LABELS.index(answer.sentiment)) / 2
    note = "" if gap == 0 else f"{answer.sentiment}, not {gold.sentiment}"
    return Score(gap == 0, {"distance": gap}, note)


def validate(
    inputs: SentimentInputs, answer: SentimentAnswer, evidence: Sequence[Evidence]
) -> list[str]:
    """What is wrong with an answer as far as can be told without gold."""
    faults: list[str] = []
    if not inputs.text.strip():
        faults.append("there is no text to judge")
    named = mentions(inputs.text, (inputs.entity, *inputs.forms))
    if inputs.entity and not named:
        faults.append(f"the text does not name {inputs.entity}")
    spans = [e for e in evidence if isinstance(e, Span)]
    if evidence and not any(s.text.strip() in inputs.text or inputs.text in s.text for s in spans):
        faults.append("the evidence is not the text that was judged")
    return faults
