"""The job ``table_qa``: a question about tables → tool calls → a value with its cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from specialists.foundation.contracts import (
    Evidence,
    Finding,
    Message,
    Quantity,
    Subtask,
    ToolSpec,
)
from specialists.foundation.errors import NotFound
from specialists.table_qa import planned, screen
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.full import FullEpisode
from specialists.table_qa.inputs import TableAnswer, TableQuestion, link
from specialists.task import Conclusion, Episode, Example, Fold, Form, Outcome, Score, Task
from specialists.workspace.links import Linker
from specialists.workspace.tools import Tools


class TableTask(Task[TableQuestion, TableAnswer]):
    """Questions about tables."""

    name = "table_qa"
    instructions = (
        "Answer the question from the tables, with the tools. First list_tables, then "
        "describe_table for a table that can hold the answer, then sql with a filter or an "
        "aggregate (never SELECT *), then calculator if arithmetic is needed. Never guess a "
        "table's or a column's name. After each result check company, period, column and "
        'unit; mend a query that failed. Finish with one JSON object: {"value": number or '
        'text or null, "unit": unit or null, "scale": number}. The value must be a result a '
        'tool returned; unit and scale are those of its column, a percentage has unit "%" and'
        ' scale 1, a ratio unit "x". Use null when the tables do not hold the answer.'
    )
    tool_names = ("list_tables", "describe_table", "sql", "calculator")
    max_turns = 9
    answer_type = TableAnswer
    slices = ("one", "several")
    """Answered questions that are worked from one table, and from at least two."""

    def begin(
        self, inputs: TableQuestion, *, form: Form = "compact", seed: int | None = None
    ) -> Episode[TableAnswer]:
        if form == "compact":
            return self.compact(inputs, seed=seed)
        return FullEpisode(self.instructions, inputs)

    def compact(self, inputs: TableQuestion, *, seed: int | None = None) -> CompactEpisode:
        """The dialogue in handles."""
        return CompactEpisode(self.name, self.instructions, inputs, seed)

    async def gather(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Sequence[TableQuestion]:
        snapshot = tools.snapshot
        company = subtask.inputs.get("company")
        inputs = link(
            subtask.instruction,
            _linker(tools),
            snapshot.catalogue,
            company=company if isinstance(company, str) else None,
            snapshot=snapshot,
        )
        if not snapshot.catalogue.tables:
            raise NotFound("this workspace has no tables")
        if inputs.linked.unknown:
            raise NotFound(f"this workspace has nothing on {', '.join(inputs.linked.unknown)}")
        return [inputs]

    async def settle(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Conclusion | None:
        """Screens and look-ups that a plan says in full need no model."""
        linker = _linker(tools)
        if screen.asked(subtask.inputs) is not None:
            return await screen.settle(subtask, tools, linker)
        return await planned.settle(subtask, tools, linker)

    def conclude(
        self, subtask: Subtask, outcomes: Sequence[Outcome[TableQuestion, TableAnswer]]
    ) -> Conclusion:
        for outcome in outcomes:
            answer = outcome.answer
            if answer is None or answer.value is None:
                continue
            return Conclusion(
                status="ok",
                value=answer.value,
                label=_label(subtask.instruction, answer),
                evidence=answer.evidence,
                confidence=outcome.confidence,
            )
        errors = [o.error for o in outcomes if o.error]
        why = errors[0] if errors else "the tables do not hold it"
        return Conclusion(status="abstained", reason=f"{_subject(subtask.instruction)}: {why}")

    def examples(
        self, fold: Fold, count: int, seed: int
    ) -> Iterator[Example[TableQuestion, TableAnswer]]:
        from specialists.table_qa.examples import generate

        return generate(self, fold, count, seed)

    async def demonstrate(
        self,
        example: Example[TableQuestion, TableAnswer],
        *,
        form: Form = "full",
        tools: Tools | None = None,
    ) -> tuple[tuple[Message, ...], tuple[ToolSpec, ...]]:
        """In full form: the same calls on the real tools, their results in full."""
        if form == "compact":
            return example.dialogue, ()
        from specialists.table_qa.replay import replay

        return await replay(self, example, tools)

    def demonstrations(
        self, name: str, examples: Iterable[Example[TableQuestion, TableAnswer]], seed: int
    ) -> Iterator[tuple[Message, ...]]:
        """``mixed``: as a general model works, with and without discipline."""
        from specialists.table_qa.demonstrators import demonstrations

        return (shown.messages for shown in demonstrations(self, name, examples, seed))

    def score(
        self, example: Example[TableQuestion, TableAnswer], answer: TableAnswer | None
    ) -> Score:
        from specialists.table_qa.check import score

        return score(example, answer)

    def validate(
        self, inputs: TableQuestion, answer: TableAnswer, evidence: Sequence[Evidence]
    ) -> list[str]:
        from specialists.table_qa.check import validate

        return validate(inputs, answer, evidence)


_LINKERS: dict[str, Linker] = {}
_KEPT = 8


def _linker(tools: Tools) -> Linker:
    """The linker of a snapshot; a few are kept, since building one takes some milliseconds."""
    snapshot = tools.snapshot
    linker = _LINKERS.get(snapshot.digest)
    if linker is None or linker.catalogue is not snapshot.catalogue:
        linker = Linker(snapshot.catalogue, snapshot.documents)
        while len(_LINKERS) >= _KEPT:
            _LINKERS.pop(next(iter(_LINKERS)))
        _LINKERS[snapshot.digest] = linker
    return linker


def _subject(instruction: str) -> str:
    """``What was the revenue of Acme in 2022?`` -> ``revenue of Acme in 2022``."""
    text = instruction.strip().rstrip("?. ")
    for opening in ("What was the ", "What is the ", "What were the ", "What was ", "What is "):
        if text.startswith(opening):
            return text.removeprefix(opening)
    return text


def _label(instruction: str, answer: TableAnswer) -> str:
    """The instruction where it names a value, else what was looked up."""
    subject = _subject(instruction)
    named = subject != instruction.strip().rstrip("?. ")
    return subject if named and isinstance(answer.value, Quantity) else answer.label or subject
