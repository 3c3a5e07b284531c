"""Screens: rankings, filters, counts and best years come to what plain rows say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from specialists.foundation.contracts import Cell, Quantity, Ref, Scalar, Subtask
from specialists.foundation.errors import NotFound
from specialists.table_qa import screen
from specialists.task import Conclusion
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.toolbox import Toolbox

YEAR = 2021


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(7, split="train", companies=9, years=(2019, 2020, 2021, 2022))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def toolbox(snapshot: Snapshot) -> AsyncIterator[Toolbox]:
    sandbox = Sandbox()
    yield Toolbox(snapshot, sandbox)
    await sandbox.aclose()


pytestmark = pytest.mark.asyncio(loop_scope="module")


def values(snapshot: Snapshot, column: str, year: int = YEAR) -> dict[str, float]:
    """A measure of every company in a year, as the rows have it."""
    rows = snapshot.tables["income_statement"].to_pylist()
    return {
        r["company"]: r[column] for r in rows if r["fiscal_year"] == year and r[column] is not None
    }


async def run(toolbox: Toolbox, **inputs: Any) -> Conclusion:
    told = {"measure": "revenue", "period": str(YEAR), **inputs}
    step = Subtask(id="s1", specialist="table_qa", instruction="?", inputs=told)
    conclusion = await screen.settle(step, toolbox, Linker(toolbox.snapshot.catalogue))
    assert conclusion is not None
    return conclusion


async def test_a_ranking_names_as_many_as_are_asked_for(
    toolbox: Toolbox, snapshot: Snapshot
) -> None:
    known = values(snapshot, "revenue")
    best = sorted(known, key=lambda e: -known[e])
    (top, three, last) = [
        await run(toolbox, screen="top"),
        await run(toolbox, screen="top", count=3),
        await run(toolbox, screen="bottom"),
    ]
    assert top.value == best[0]
    assert three.value == f"{best[0]}, {best[1]} and {best[2]}"
    assert last.value == best[-1]
    assert {c.value for c in three.evidence if isinstance(c, Cell)} == {known[e] for e in best[:3]}
    assert (await run(toolbox, screen="top", place=2)).value == best[1]


async def test_filters_and_counts_hold_values_against_a_number(
    toolbox: Toolbox, snapshot: Snapshot
) -> None:
    known = values(snapshot, "revenue")
    middle = sorted(known.values())[4]
    limit = (middle + 0.5) * 1e6
    above = {e for e, v in known.items() if v * 1e6 > limit}
    found = await run(toolbox, screen="which", side="above", limit=limit, unit="USD")
    assert set(str(found.value).replace(" and ", ", ").split(", ")) == above
    count = await run(toolbox, screen="count", side="below", limit=limit, unit="USD")
    assert count.value == Quantity(value=len(known) - len(above), unit="count")
    none = await run(toolbox, screen="which", side="above", limit=1e18, unit="USD")
    assert none.value == "none"
    assert none.evidence


async def test_a_limit_in_another_unit_is_refused(toolbox: Toolbox) -> None:
    for limit, unit in ((5.0, "%"), (5e9, "EUR"), (5.0, "")):
        with pytest.raises(NotFound):
            await run(toolbox, screen="which", side="above", limit=limit, unit=unit)


async def test_ratios_growth_and_rank(toolbox: Toolbox, snapshot: Snapshot) -> None:
    one, two = values(snapshot, "net_income"), values(snapshot, "revenue")
    margins = {e: one[e] / two[e] for e in one.keys() & two.keys()}
    formula = json.dumps(["share", "net income", "revenue"])
    best = await run(toolbox, screen="top", measure="net margin", formula=formula)
    assert best.value == max(margins, key=lambda e: margins[e])
    mean = await run(toolbox, screen="mean", measure="net margin", formula=formula)
    assert isinstance(mean.value, Quantity)
    assert mean.value.value == pytest.approx(100 * sum(margins.values()) / len(margins))
    before = values(snapshot, "revenue", YEAR - 1)
    growth = {e: two[e] / before[e] for e in two.keys() & before.keys()}
    fastest = await run(toolbox, screen="top", turn="growth", period=f"{YEAR - 1} to {YEAR}")
    assert fastest.value == max(growth, key=lambda e: growth[e])
    company = sorted(two, key=lambda e: -two[e])[3]
    rank = await run(toolbox, screen="rank", company=company)
    assert rank.value == Quantity(value=4)


async def test_years_of_one_company(toolbox: Toolbox, snapshot: Snapshot) -> None:
    company = snapshot.catalogue.companies[0].name
    years = {y: v for y in range(2019, 2023) if (v := values(snapshot, "revenue", y).get(company))}
    period = "2019 to 2022"
    peak = await run(toolbox, screen="peak", company=company, period=period)
    assert peak.value == str(max(years, key=lambda y: years[y]))
    shown = await run(toolbox, screen="trough", company=company, period=period, shown="net income")
    low = min(years, key=lambda y: years[y])
    assert isinstance(shown.value, Quantity)
    assert shown.value.value == values(snapshot, "net_income", low)[company]


async def test_members_of_a_sector(toolbox: Toolbox, snapshot: Snapshot) -> None:
    sector = snapshot.catalogue.companies[0].sector
    names = sorted(c.name for c in snapshot.catalogue.companies if c.sector == sector)
    step: dict[str, Scalar | Ref] = {"screen": "count", "row": sector}
    asked = Subtask(id="s1", specialist="table_qa", instruction="?", inputs=step)
    linker = Linker(snapshot.catalogue)
    count = await screen.settle(asked, toolbox, linker)
    assert count is not None
    assert count.value == Quantity(value=len(names), unit="count")
    within = await run(toolbox, screen="bottom", row=sector)
    known = {e: v for e, v in values(snapshot, "revenue").items() if e in names}
    assert within.value == min(known, key=lambda e: known[e])


async def test_what_no_table_holds_is_not_found(toolbox: Toolbox, snapshot: Snapshot) -> None:
    with pytest.raises(NotFound):
        await run(toolbox, screen="top", measure="order backlog")
    other = Subtask(id="s1", specialist="table_qa", instruction="?", inputs={"measure": "revenue"})
    assert await screen.settle(other, toolbox, Linker(snapshot.catalogue)) is None
