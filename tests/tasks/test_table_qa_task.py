"""The table task at its edges: what it gathers, concludes, and how a large model is spoken to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from specialists.foundation.contracts import Cell, Quantity, Step, Subtask, ToolCall, ToolSpec
from specialists.foundation.errors import AnswerError, NotFound
from specialists.table_qa.check import score
from specialists.table_qa.inputs import TableAnswer, TableQuestion, link
from specialists.table_qa.loaders import load
from specialists.table_qa.task import TableTask
from specialists.task import Outcome
from specialists.workspace.links import Linker
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.tools import ToolResult

TASK = TableTask()
SNAPSHOT = make_snapshot(5, split="train", companies=4)
COMPANY = SNAPSHOT.catalogue.companies[0].name


class Sight:
    """Tools that are only looked at."""

    @property
    def snapshot(self) -> Snapshot:
        return SNAPSHOT

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        raise AssertionError("nothing is specified here")

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        raise AssertionError("nothing is called here")


def subtask(instruction: str, **inputs: Any) -> Subtask:
    return Subtask(id="s1", specialist="table_qa", instruction=instruction, inputs=inputs)


async def gathered(instruction: str, **inputs: Any) -> TableQuestion:
    (question,) = await TASK.gather(subtask(instruction, **inputs), {}, Sight())
    return question


async def test_an_instruction_is_linked() -> None:
    question = await gathered(f"What was the revenue of {COMPANY} in 2021?")
    assert question.linked.text == "what was the <c1> of <e1> in <p1> ?"
    assert question.snapshot is SNAPSHOT


async def test_a_company_hint_counts_where_the_words_name_none() -> None:
    question = await gathered("What was the revenue in 2021?", company=COMPANY)
    assert [question.linked.handles.resolve(h).value for h in question.linked.handles.of("e")] == [
        COMPANY
    ]


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        ("What was the revenue of Zorblatt Corp in 2021?", "zorblatt"),
        (f"What was the revenue of {COMPANY} in 2031?", "2031"),
    ],
)
async def test_what_the_workspace_has_not_is_said(instruction: str, told: str) -> None:
    with pytest.raises(NotFound, match=told):
        await gathered(instruction)


async def test_which_segment_means_the_segments_table() -> None:
    question = await gathered(f"Which segment of {COMPANY} had the highest revenue in 2021?")
    (measure,) = (question.linked.handles.resolve(h) for h in question.linked.handles.of("c"))
    assert measure.value.options[0] == ("segments", "segment_revenue")


def _question() -> TableQuestion:
    catalogue = SNAPSHOT.catalogue
    return link(f"What was the revenue of {COMPANY} in 2021?", Linker(catalogue), catalogue)


def test_a_conclusion_is_named_by_its_instruction() -> None:
    answer = TableAnswer(value=Quantity(value=5, unit="USD", scale=1e6), label="Revenue")
    done = TASK.conclude(
        subtask("What was the revenue of Acme in 2021?"),
        [Outcome(_question(), answer, confidence=0.8)],
    )
    assert (done.status, done.label, done.confidence) == ("ok", "revenue of Acme in 2021", 0.8)
    which = TASK.conclude(
        subtask("Which company had the highest revenue in 2021?"),
        [Outcome(_question(), TableAnswer(value="Acme", label="Acme"))],
    )
    assert (which.value, which.label) == ("Acme", "Acme")


def test_no_answer_abstains_and_says_what_is_missing() -> None:
    done = TASK.conclude(
        subtask("What was the revenue of Acme in 2021?"), [Outcome(_question(), TableAnswer())]
    )
    assert done.status == "abstained"
    assert done.reason == "revenue of Acme in 2021: the tables do not hold it"


def _sql(rows: list[list[Any]], *cells: Cell) -> ToolResult:
    units = [None, {"unit": "USD", "scale": 1e6}]
    data = {"columns": ["company", "revenue"], "rows": rows, "units": units}
    return ToolResult("sql", {}, data, "company | revenue\nAcme | 5", cells)


def test_a_large_model_is_given_names_and_held_to_what_tools_returned() -> None:
    episode = TASK.begin(_question(), form="full")
    assert COMPANY in episode.messages[1].content
    assert {t.name for t in episode.tools()} == set(TASK.tool_names)
    call = ToolCall(id="1", name="sql", arguments={"query": "SELECT …"})
    cell = Cell(
        table="t", column="revenue", row={"company": "Acme"}, value=5.0, unit="USD", scale=1e6
    )
    assert episode.expand(call) == call
    assert "Acme | 5" in episode.observe(call, _sql([["Acme", 5.0]], cell)).content
    answer = episode.answer('{"value": 5, "unit": "USD", "scale": 1000000}')
    assert answer.value == Quantity(value=5, unit="USD", scale=1e6)
    assert answer.evidence == (cell,)
    assert episode.answer('{"value": "Acme", "unit": null, "scale": 1}').value == "Acme"
    assert episode.answer('{"value": null, "unit": null, "scale": 1}').value is None
    for reply in (
        '{"value": 6, "unit": "USD", "scale": 1000000}',
        '{"value": 5, "unit": "EUR", "scale": 1000000}',
        '{"value": "Other", "unit": null, "scale": 1}',
        "5",
    ):
        with pytest.raises(AnswerError):
            episode.answer(reply)
    step = Step(expression="5 / 2 * 100", result=250.0)
    done = ToolResult("calculator", {}, {"result": 250.0}, "250", (step,))
    worked = {"expression": step.expression}
    episode.observe(ToolCall(id="2", name="calculator", arguments=worked), done)
    share = episode.answer('{"value": 250, "unit": "%", "scale": 1}')
    assert share.value == Quantity(value=250, unit="%")
    assert step in share.evidence


@pytest.fixture(scope="module")
def data() -> Path:
    root = os.environ.get("FINROUTE_DATA")
    if not root:
        pytest.skip("FINROUTE_DATA is not set: the public data sets are read from there")
    return Path(root)


@pytest.mark.parametrize(("source", "least"), [("finqa", 100), ("tatqa", 500)])
def test_public_table_questions_come_with_their_table(data: Path, source: str, least: int) -> None:
    examples = list(load(TASK, data, "test", (source,)))
    assert len(examples) >= least
    assert not list(load(TASK, data, "train", (source,)))
    for example in examples:
        assert score(example, example.answer).right
        assert not score(example, TableAnswer(value="no such answer")).right
        assert example.inputs.snapshot is not None
        assert len(example.inputs.snapshot.tables) == 1
