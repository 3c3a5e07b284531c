"""Questions over a workspace with their gold answers, as ``evals/questions/README.md`` describes.

It reads files; what is right is ``grading.py``'s business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from specialists.foundation.contracts import Value
from specialists.foundation.errors import InputError


class NumberPart(Value):
    """A figure: ``value × scale`` in ``unit``, right within ``tolerance`` × ``|value|``."""

    type: Literal["number"]
    value: float
    unit: str = ""
    """``USD``, ``%``, ``x``, ``count``, ``year``, ``USD/share``, or empty: any."""
    scale: float = 1.0
    tolerance: float = 0.005


class TextPart(Value):
    """One of several names."""

    type: Literal["text"]
    any: tuple[str, ...]


class ListPart(Value):
    """Exactly these names, in any order."""

    type: Literal["list"]
    all: tuple[str, ...]


class BooleanPart(Value):
    """Yes or no."""

    type: Literal["boolean"]
    value: bool


class TonePart(Value):
    """The tone of the news."""

    type: Literal["tone"]
    value: Literal["positive", "neutral", "negative"]


Part = Annotated[
    NumberPart | TextPart | ListPart | BooleanPart | TonePart, Field(discriminator="type")
]


class GoldQuestion(Value):
    """A question and what answers it: nothing where the workspace has no answer."""

    id: str
    question: str
    answerable: bool
    kind: str
    hard: bool = False
    gold: tuple[Part, ...] | None = None


def read(path: Path) -> tuple[GoldQuestion, ...]:
    """The questions of a file of JSON lines.

    Raises:
        InputError: a file that cannot be read, or a line that is no such question.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read questions from {path}: {error}") from error
    questions: list[GoldQuestion] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = GoldQuestion.model_validate_json(line)
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "(top)"
            raise InputError(f"{path}, line {number}: {place} is not as it must be") from error
        if question.answerable != bool(question.gold):
            raise InputError(f"{path}, line {number}: gold and answerable contradict each other")
        questions.append(question)
    if not questions:
        raise InputError(f"{path} holds no question")
    return tuple(questions)
