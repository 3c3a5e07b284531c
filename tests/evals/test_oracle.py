from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from evals import questions, rehearsal
from evals.gold import BooleanPart, NumberPart, TextPart
from evals.oracle import Unknown, execute
from specialists.foundation.contracts import Plan, Quantity, Ref, Subtask
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.toolbox import Toolbox

SNAPSHOT = make_snapshot(3, split="heldout", companies=5, years=range(2019, 2023))
LINKER = Linker(SNAPSHOT.catalogue)
FIRM = SNAPSHOT.catalogue.companies[0].name
ROWS = {
    row["fiscal_year"]: row
    for row in SNAPSHOT.tables["income_statement"].to_pylist()
    if row["company"] == FIRM
}
COLUMN = next(
    c
    for t in SNAPSHOT.catalogue.tables
    if t.name == "income_statement"
    for c in t.columns
    if c.name == "revenue"
)


@pytest.fixture
async def tools() -> AsyncIterator[Toolbox]:
    sandbox = Sandbox()
    yield Toolbox(SNAPSHOT, sandbox)
    await sandbox.aclose()


def look(id: str, period: str, **inputs: Any) -> Subtask:
    return Subtask(
        id=id,
        specialist="table_qa",
        instruction=f"What was the revenue of {FIRM} in {period}?",
        inputs={"measure": "revenue", "company": FIRM, "period": period, **inputs},
    )


def reckon(operation: str, *refs: str, text: str = "", **inputs: Any) -> Subtask:
    named = {chr(97 + n): Ref(ref=ref) for n, ref in enumerate(refs)}
    return Subtask(
        id="r",
        specialist="calculation",
        instruction=text or "?",
        inputs={"operation": operation, **named, **inputs},
    )


def revenue(year: int) -> float:
    return float(ROWS[year]["revenue"])


async def value(tools: Toolbox, *steps: Subtask) -> Quantity | str:
    found = await execute(Plan(subtasks=steps), tools, LINKER)
    return found[steps[-1].id]


async def test_values_and_aggregates_are_read_off_the_rows(tools: Toolbox) -> None:
    one = await value(tools, look("a", "2021"))
    assert one == Quantity(value=revenue(2021), unit=COLUMN.unit, scale=COLUMN.scale)
    mean = await value(tools, look("a", "2020 to 2022", aggregate="average"))
    assert isinstance(mean, Quantity)
    assert mean.value == pytest.approx(sum(revenue(y) for y in (2020, 2021, 2022)) / 3)


async def test_arithmetic_is_done_by_the_oracle_itself(tools: Toolbox) -> None:
    steps = (look("a", "2020"), look("b", "2022"))
    change = (revenue(2022) - revenue(2020)) / revenue(2020) * 100
    growth = await value(tools, *steps, reckon("growth", "a", "b"))
    assert isinstance(growth, Quantity)
    assert (growth.value, growth.unit) == (pytest.approx(change), "%")
    text = "What was the compound annual growth rate from 2020 to 2022?"
    cagr = await value(tools, *steps, reckon("cagr", "a", "b", text=text))
    assert isinstance(cagr, Quantity)
    yearly = ((revenue(2022) / revenue(2020)) ** 0.5 - 1) * 100
    assert cagr.value == pytest.approx(yearly)
    more = await value(tools, *steps, reckon("greater", "b", "a"))
    assert more == ("yes" if revenue(2022) > revenue(2020) else "no")
    limit = revenue(2020) * COLUMN.scale + 1
    above = reckon("greater", "a", unit=COLUMN.unit, limit=limit, side="above")
    assert await value(tools, look("a", "2020"), above) == "no"


async def test_screens_are_run_by_the_code_that_serves_them(tools: Toolbox) -> None:
    step = Subtask(
        id="a",
        specialist="table_qa",
        instruction="In which year was the revenue highest?",
        inputs={
            "screen": "peak",
            "measure": "revenue",
            "company": FIRM,
            "period": "2019 to 2022",
        },
    )
    assert str(max(ROWS, key=revenue)) in str(await value(tools, step))


@pytest.mark.parametrize(
    "steps",
    [
        (look("a", "1999"),),
        (look("a", "2021", measure="happiness"),),
        (look("a", "2021", company=None),),
        (look("a", "2021", row="Cloud"),),
        (look("a", "2020 to 2021"),),
        (look("a", "2020"), reckon("growth", "a")),
        (Subtask(id="a", specialist="sentiment", instruction="?"),),
    ],
)
async def test_what_it_does_not_know_for_certain_it_refuses(
    tools: Toolbox, steps: tuple[Subtask, ...]
) -> None:
    with pytest.raises(Unknown):
        await value(tools, *steps)


async def test_generated_questions_come_with_gold_and_a_workspace() -> None:
    (stage,) = await rehearsal.stages(6, workspaces=1)
    assert 2 <= len(stage.questions) <= 6
    assert stage.workspace.snapshot().catalogue.workspace == stage.workspace.name
    parts = [part for question in stage.questions for part in question.gold or ()]
    assert any(isinstance(part, NumberPart | TextPart | BooleanPart) for part in parts)
    assert all(question.answerable == bool(question.gold) for question in stage.questions)


def test_no_frame_both_calibrates_and_tests() -> None:
    fitted = {e.template for e in questions.calibration("sentiment", 60).questions}
    papers = {p.name: p for p in questions.generated("sentiment", 60)}
    tested = {e.template for e in papers["templates"].questions}
    assert fitted
    assert tested
    assert not fitted & tested
    assert len(papers["templates"].questions) == 60
