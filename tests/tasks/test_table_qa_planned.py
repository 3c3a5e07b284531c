"""Look-ups that a plan says in full: the one cell, an aggregate over years, or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from specialists.foundation.contracts import Cell, Quantity, Subtask
from specialists.foundation.errors import NotFound
from specialists.table_qa import planned
from specialists.task import Conclusion
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.toolbox import Toolbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(7, split="train", companies=5, years=(2019, 2020, 2021, 2022))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def toolbox(snapshot: Snapshot) -> AsyncIterator[Toolbox]:
    sandbox = Sandbox()
    yield Toolbox(snapshot, sandbox)
    await sandbox.aclose()


async def run(toolbox: Toolbox, **inputs: Any) -> Conclusion | None:
    step = Subtask(id="s1", specialist="table_qa", instruction="?", inputs=inputs)
    return await planned.settle(step, toolbox, Linker(toolbox.snapshot.catalogue))


def row(snapshot: Snapshot, table: str, **where: Any) -> dict[str, Any]:
    rows = snapshot.tables[table].to_pylist()
    return next(r for r in rows if all(r[k] == v for k, v in where.items()))


async def test_one_cell(toolbox: Toolbox, snapshot: Snapshot) -> None:
    company = snapshot.catalogue.companies[1].name
    found = await run(toolbox, measure="revenue", company=company, period="2021")
    assert found is not None
    held = row(snapshot, "income_statement", company=company, fiscal_year=2021)["revenue"]
    assert found.value == Quantity(value=held, unit="USD", scale=1e6)
    (cell,) = found.evidence
    assert isinstance(cell, Cell)
    assert cell.value == held


async def test_a_segment_and_a_text(toolbox: Toolbox, snapshot: Snapshot) -> None:
    company = snapshot.catalogue.companies[0].name
    segment = row(snapshot, "segments", company=company, fiscal_year=2021)
    found = await run(
        toolbox, measure="revenue", company=company, row=segment["segment"], period="2021"
    )
    assert found is not None
    assert isinstance(found.value, Quantity)
    assert found.value.value == segment["segment_revenue"]
    sector = await run(toolbox, measure="sector", company=company)
    assert sector is not None
    assert sector.value == snapshot.catalogue.companies[0].sector


async def test_an_aggregate_needs_every_year(toolbox: Toolbox, snapshot: Snapshot) -> None:
    company = snapshot.catalogue.companies[2].name
    years = [
        row(snapshot, "income_statement", company=company, fiscal_year=y)["revenue"]
        for y in (2019, 2020, 2021)
    ]
    asked = {"measure": "revenue", "company": company, "aggregate": "average"}
    if None not in years:
        found = await run(toolbox, **asked, period="2019 to 2021")
        assert found is not None
        assert isinstance(found.value, Quantity)
        assert found.value.value == pytest.approx(sum(years) / 3)
    with pytest.raises(NotFound):
        await run(toolbox, **asked, period="2017 to 2021")


async def test_what_is_not_said_in_full_is_left_to_the_model(
    toolbox: Toolbox, snapshot: Snapshot
) -> None:
    company = snapshot.catalogue.companies[0].name
    assert await run(toolbox, measure="warranty reserve", company=company, period="2021") is None
    assert await run(toolbox, measure="revenue", period="2021") is None
    assert await run(toolbox, measure="revenue", company=company, period="recently") is None
    assert await run(toolbox, measure="revenue", company=company, period="2019 to 2021") is None
