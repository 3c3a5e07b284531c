"""The maths job: a word problem → its answer, a number, with the working.

A job for studies of training methods at small scale: its answers are decided by arithmetic, its
levels are graded, and a small model's start can be made to order (``demonstrators.py``). It is not
served, not planned with and not part of a release: it works on words alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from specialists.foundation.contracts import Evidence, Finding, Message, Subtask
from specialists.foundation.errors import ConfigError, NotFound
from specialists.maths import check
from specialists.maths.check import MathsAnswer
from specialists.maths.demonstrators import DEMONSTRATORS
from specialists.maths.examples import LEVELS, generate
from specialists.maths.render import LARGEST, MathsInputs, in_handles, render
from specialists.task import (
    Conclusion,
    Episode,
    Example,
    Fold,
    Form,
    Outcome,
    Score,
    SingleReply,
    Task,
    system,
)
from specialists.workspace.tools import Tools


def _schema(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"working": {"type": "string"}, "answer": answer},
        "required": ["working", "answer"],
        "additionalProperties": False,
    }


HANDLES = [f"<n{number}>" for number in range(1, LARGEST + 1)]
SCHEMAS: Mapping[Form, dict[str, Any]] = {
    "compact": _schema({"anyOf": [{"type": "string", "enum": HANDLES}, {"type": "number"}]}),
    "full": _schema({"type": "number"}),
}


class MathsTask(Task[MathsInputs, MathsAnswer]):
    """Arithmetic word problems."""

    name = "maths"
    instructions = (
        "You solve arithmetic word problems. Work step by step; some numbers of a problem may have "
        "nothing to do with it. Reply with one JSON object on one line and nothing else: "
        '{"working": "...", "answer": ...}. The working holds the steps with their equations, such '
        'as "7+5=12, 12-3=9"; the answer is the final number alone, without a unit and not in '
        "quotes."
    )
    answer_type = MathsAnswer
    slices = tuple(str(level) for level in LEVELS)

    def begin(
        self, inputs: MathsInputs, *, form: Form = "compact", seed: int | None = None
    ) -> Episode[MathsAnswer]:
        """Open a dialogue. Handles are never shuffled (see ``render``): ``seed`` is ignored."""
        asked = render(inputs) if form == "compact" else inputs.question
        messages = [
            system(self.name, self.instructions, form),
            Message(role="user", content=asked),
        ]
        return SingleReply(messages, SCHEMAS[form], partial(check.read, form=form))

    async def gather(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Sequence[MathsInputs]:
        """The subtask's own words.

        Raises:
            NotFound: it has none.
        """
        if not subtask.instruction.strip():
            raise NotFound("a word problem must be told in the subtask's instruction")
        return [MathsInputs(question=subtask.instruction)]

    def conclude(
        self, subtask: Subtask, outcomes: Sequence[Outcome[MathsInputs, MathsAnswer]]
    ) -> Conclusion:
        """The one answer."""
        for outcome in outcomes:
            if outcome.answer is not None:
                value = str(outcome.answer.answer)
                return Conclusion("ok", value=value, confidence=outcome.confidence)
        return Conclusion("abstained", reason=f"no answer to: {subtask.instruction}")

    def examples(
        self, fold: Fold, count: int, seed: int
    ) -> Iterator[Example[MathsInputs, MathsAnswer]]:
        return generate(self, fold, count, seed, int(self.slice) if self.slice else None)

    def demonstrations(
        self, name: str, examples: Iterable[Example[MathsInputs, MathsAnswer]], seed: int
    ) -> Iterator[tuple[Message, ...]]:
        """See ``demonstrators.py``."""
        if name not in DEMONSTRATORS:
            known = ", ".join(DEMONSTRATORS)
            raise ConfigError(f"{self.name} has no demonstrator {name!r}: it has {known}")
        return DEMONSTRATORS[name](examples, seed)

    def score(
        self, example: Example[MathsInputs, MathsAnswer], answer: MathsAnswer | None
    ) -> Score:
        return check.score(example.answer, answer, example.inputs.level)

    def validate(
        self, inputs: MathsInputs, answer: MathsAnswer, evidence: Sequence[Evidence]
    ) -> list[str]:
        return check.validate(answer)

    def written(self, example: Example[MathsInputs, MathsAnswer]) -> str:
        return said(example.answer, "full")

    def solved(
        self, inputs: MathsInputs, answer: MathsAnswer, form: Form = "compact"
    ) -> tuple[Message, ...]:
        """The whole gold dialogue."""
        reply = Message(role="assistant", content=said(answer, form))
        return (*self.begin(inputs, form=form).messages, reply)


def said(answer: MathsAnswer, form: Form = "compact") -> str:
    """An answer as a reply."""
    working: str = answer.working
    number: int | float | str = answer.answer
    if form == "compact":
        working = in_handles(working)
        number = f"<n{number}>" if f"<n{number}>" in HANDLES else number
    return json.dumps({"working": working, "answer": number}, ensure_ascii=False)
