"""Discipline, read off dialogues held with the real tools, in the short form and in full."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from specialists.agent import Run, Specialist, answer_one
from specialists.engines.template import parse_reply
from specialists.foundation.contracts import Completion, Message, ReplySchema, Sampling, ToolSpec
from specialists.table_qa.discipline import Discipline, discipline
from specialists.table_qa.inputs import TableQuestion, link
from specialists.table_qa.task import TableTask
from specialists.task import Form
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.toolbox import Toolbox

TASK = TableTask()
SNAPSHOT = make_snapshot(7, split="train", companies=4, years=(2020, 2021, 2022))
COMPANY = SNAPSHOT.catalogue.companies[0].name
TABLES = [t.name for t in SNAPSHOT.catalogue.tables]
NULL = '{"value": null}'
FOUND = '{"value": "<n1>"}'
LIST, DESCRIBE, QUERY = ("list_tables", "describe_table", "sql")


class Replay:
    """An engine whose replies are written out; each is read as a model's text is."""

    model = "replay"

    def __init__(self, replies: Sequence[str]) -> None:
        self._replies = iter(replies)

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        message = parse_reply(next(self._replies))
        return Completion(
            message=message, finish_reason="tool_calls" if message.tool_calls else "stop"
        )

    async def aclose(self) -> None: ...


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    asyncio.run(made.aclose())


def question(snapshot: Snapshot = SNAPSHOT) -> TableQuestion:
    catalogue = snapshot.catalogue
    return link(
        f"What was the revenue of {COMPANY} in 2021?",
        Linker(catalogue),
        catalogue,
        snapshot=snapshot,
    )


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


async def held(sandbox: Sandbox, form: Form, *replies: str) -> Discipline:
    return read(await hold(sandbox, form, *replies))


def read(run: Run) -> Discipline:
    return discipline(run.outcome.inputs, run.messages, run.answer)


async def hold(sandbox: Sandbox, form: Form, *replies: str) -> Run:
    specialist = Specialist(TASK, Replay(replies), form=form)
    return await answer_one(specialist, question(), Toolbox(SNAPSHOT, sandbox))


def short(handle: str = "<t1>", measure: str = "<c1>") -> str:
    return call(QUERY, query=f"SELECT {measure} FROM {handle} WHERE <e1> AND <p1>")


async def holder(sandbox: Sandbox) -> tuple[str, str]:
    """The handles of a table that holds the measure and of one that does not."""
    run = await hold(sandbox, "compact", call(LIST, company="<e1>"), NULL)
    (listing,) = [m.content for m in run.messages if m.role == "tool"]
    parts = listing.split(" ; ")
    right = next(p.split()[-1] for p in parts if "<c1>" in p)
    return right, next(p.split()[-1] for p in parts if "<c1>" not in p)


async def test_an_orderly_dialogue(sandbox: Sandbox) -> None:
    right, _ = await holder(sandbox)
    one = await held(
        sandbox,
        "compact",
        call(LIST, company="<e1>"),
        call(DESCRIBE, table=right),
        short(right),
        FOUND,
    )
    assert one == Discipline(
        listed=True,
        described=True,
        errors=0,
        recovered=None,
        invented=0,
        malformed=0,
        answered=True,
        turns=4,
        queries=1,
    )
    assert one.disciplined


async def test_asking_at_once_is_no_discipline(sandbox: Sandbox) -> None:
    one = await held(sandbox, "compact", short("<t1>"), NULL)
    assert (one.listed, one.described, one.errors, one.invented) == (False, False, 1, 1)
    assert one.recovered is False
    assert not one.answered
    assert not one.disciplined


async def test_querying_a_table_that_was_not_described(sandbox: Sandbox) -> None:
    right, _ = await holder(sandbox)
    one = await held(sandbox, "compact", call(LIST), short(right), FOUND)
    assert (one.listed, one.described, one.invented) == (True, False, 0)
    assert not one.looked


async def test_what_one_reply_calls_is_not_looked_at_before(sandbox: Sandbox) -> None:
    right, _ = await holder(sandbox)
    one = await held(
        sandbox,
        "compact",
        call(LIST, company="<e1>"),
        call(DESCRIBE, table=right) + short(right),
        FOUND,
    )
    assert (one.listed, one.described) == (True, False)
    at_once = call(LIST, company="<e1>") + call(DESCRIBE, table=right)
    one = await held(sandbox, "compact", at_once, NULL)
    assert not one.listed
    assert one.invented == 1


async def test_recovery_is_a_later_query_that_worked(sandbox: Sandbox) -> None:
    right, wrong = await holder(sandbox)
    looked = [
        call(LIST, company="<e1>"),
        call(DESCRIBE, table=right),
        call(DESCRIBE, table=wrong),
    ]
    mended = await held(sandbox, "compact", *looked, short(wrong), short(right), FOUND)
    assert (mended.errors, mended.recovered, mended.invented) == (1, True, 0)
    assert mended.disciplined
    given_up = await held(sandbox, "compact", *looked, short(wrong), NULL)
    assert (given_up.recovered, given_up.answered) == (False, False)
    lucky = await held(sandbox, "compact", *looked, short(right), short(wrong), FOUND)
    assert lucky.recovered is False


async def test_names_that_are_nowhere_are_counted_once_each(sandbox: Sandbox) -> None:
    right, _ = await holder(sandbox)
    looked = [call(LIST, company="<e1>"), call(DESCRIBE, table=right)]
    one = await held(
        sandbox,
        "compact",
        *looked,
        short(right, "<c7>"),
        short(right, "<c7>"),
        call(QUERY, query=f"SELECT profitability FROM {right} WHERE <e1>"),
        call("calculator", expression="<n9> / <n8>"),
        NULL,
    )
    assert one.invented == 4
    assert one.errors == 4


async def test_calls_that_nobody_can_read_are_counted(sandbox: Sandbox) -> None:
    broken = '<tool_call>{"name": "list_tables", "arguments": {"company": "<e1>"}</tool_call>'
    run = await hold(sandbox, "compact", broken)
    one = read(run)
    assert (one.malformed, one.turns, one.listed, one.answered) == (1, 1, False, False)
    assert run.answer is None
    odd = await held(sandbox, "compact", call(LIST, company=["<e1>"]), NULL)
    assert odd.errors == 1


FULL_TABLE = "income_statement"
GOOD = f"SELECT revenue FROM income_statement WHERE company = '{COMPANY}' AND fiscal_year = 2021"
FULL = [call(LIST, company=COMPANY), call(DESCRIBE, table=FULL_TABLE)]
NOTHING = '{"value": null, "unit": null, "scale": 1}'


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        ([*FULL, call(QUERY, query=GOOD)], {"looked": True, "invented": 0, "errors": 0}),
        (
            [*FULL, call(QUERY, query=GOOD.replace("income_statement", "INCOME_STATEMENT"))],
            {"looked": True, "invented": 0, "errors": 0},
        ),
        ([call(QUERY, query=GOOD)], {"listed": False, "described": False, "invented": 0}),
        (
            [*FULL, call(QUERY, query=GOOD.replace("SELECT revenue", "SELECT turnover"))],
            {"looked": True, "invented": 1, "errors": 1, "recovered": False},
        ),
        (
            [*FULL, call(QUERY, query=GOOD.replace(COMPANY, "Acme Holdings"))],
            {"looked": True, "invented": 1, "errors": 0},
        ),
        (
            [*FULL, call(QUERY, query="SELECT revenue FROM incomes LIMIT 1"), *FULL],
            {"listed": True, "described": False, "invented": 1, "errors": 1},
        ),
        (
            [*FULL, call(QUERY, query="SELECT * FROM income_statement"), call(QUERY, query=GOOD)],
            {"looked": True, "invented": 0, "errors": 1, "recovered": True},
        ),
        (
            [
                *FULL,
                call(
                    QUERY,
                    query="WITH w AS (SELECT revenue AS r, fiscal_year AS y FROM income_statement "
                    "LIMIT 5) SELECT MAX(r) AS most FROM w WHERE y > 2000",
                ),
            ],
            {"looked": True, "invented": 0, "errors": 0},
        ),
        ([call(LIST, company="Acme Holdings")], {"listed": False, "invented": 1, "errors": 1}),
        ([call(LIST), call(DESCRIBE, table="incomes")], {"invented": 1, "errors": 1}),
        ([call(QUERY, query=f"{GOOD} {'(' * 400}")], {"errors": 1, "described": False}),
    ],
)
async def test_the_full_dialogue_is_read_by_its_names(
    sandbox: Sandbox, replies: list[str], told: dict[str, Any]
) -> None:
    one = await held(sandbox, "full", *replies, NOTHING)
    assert {name: getattr(one, name) for name in told} == told


def test_every_gold_dialogue_is_disciplined() -> None:
    for example in TASK.examples("train", 200, 6):
        one = discipline(example.inputs, example.dialogue, example.answer)
        assert one.disciplined, example.dialogue
        assert one.malformed == 0
        assert one.recovered in (None, True)
        assert one.turns == sum(m.role == "assistant" for m in example.dialogue)
