"""Many queries over few processes: what is remembered, who is served first, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from specialists.foundation.errors import QueryFailed
from specialists.workspace import sandbox_pool
from specialists.workspace.sandbox import Sandbox, SandboxSettings
from specialists.workspace.sandbox_pool import Pool
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot

SNAPSHOTS = [
    make_snapshot(seed, split="heldout", companies=3, years=(2019, 2020, 2021)) for seed in range(4)
]
SLOW = (
    "SELECT sum(a._row + b._row + c._row + d._row + e._row + f._row + g._row + h._row) AS n FROM "
    + ", ".join(f"segments AS {name}" for name in "abcdefgh")
)
"""More combinations of rows than can be counted in a minute."""


def query(year: int, company: str = "") -> str:
    about = f" AND company = '{company}'" if company else ""
    return f"SELECT company, revenue FROM income_statement WHERE fiscal_year = {year}{about}"


class Counted:
    """How often processes took in a snapshot and ran a query."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loads: list[str] = []
        self.queries = 0
        child: Any = vars(sandbox_pool)["_Child"]
        load, ask = child.load, child.query

        def loaded(this: Any, content: str, snapshot: Snapshot) -> None:
            self.loads.append(content)
            load(this, content, snapshot)

        def asked(this: Any, sql: str, hidden: int) -> Any:
            self.queries += 1
            return ask(this, sql, hidden)

        monkeypatch.setattr(child, "load", loaded)
        monkeypatch.setattr(child, "query", asked)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    made = Pool(SandboxSettings(children=1, deadline_s=60))
    yield made
    await made.aclose()


async def test_the_same_query_over_the_same_rows_runs_once(pool: Pool, counted: Counted) -> None:
    snapshot = SNAPSHOTS[0]
    first = await pool.run(snapshot, query(2020))
    again = await asyncio.gather(*(pool.run(snapshot, query(2020)) for _ in range(8)))
    assert counted.queries == 1
    assert all(raw == first for raw in again)
    await pool.run(snapshot, query(2021))
    await pool.run(SNAPSHOTS[1], query(2020))
    assert counted.queries == 3


async def test_queries_asked_at_once_run_once_too(pool: Pool, counted: Counted) -> None:
    raws = await asyncio.gather(*(pool.run(SNAPSHOTS[0], query(2020)) for _ in range(8)))
    assert counted.queries == 1
    assert len({repr(raw) for raw in raws}) == 1


async def test_other_rows_of_the_same_name_are_another_query(pool: Pool) -> None:
    """Nothing is shared between contents; a snapshot without a digest shares nothing at all."""
    first, other = SNAPSHOTS[0], SNAPSHOTS[1]
    assert (await pool.run(first, query(2020))).rows != (await pool.run(other, query(2020))).rows
    bare = replace(first, digest="")
    before = await pool.run(bare, query(2020))
    table = first.tables["income_statement"]
    column = table.column_names.index("revenue")
    doubled = table.set_column(
        column, "revenue", pa.array([2 * v for v in table.column("revenue").to_pylist()])
    )
    changed = replace(bare, tables={**first.tables, "income_statement": doubled})
    after = await pool.run(changed, query(2020))
    assert [r[1] for r in after.rows] == [2 * r[1] for r in before.rows]


async def test_failures_and_large_results_are_not_remembered(pool: Pool, counted: Counted) -> None:
    for _ in range(2):
        with pytest.raises(QueryFailed, match="nowhere"):
            await pool.run(SNAPSHOTS[0], "SELECT a FROM nowhere")
    assert counted.queries == 2
    many = "SELECT a._row AS x FROM segments AS a, segments AS b, segments AS c LIMIT 200"
    for _ in range(2):
        assert len((await pool.run(SNAPSHOTS[0], many)).rows) == 200
    assert counted.queries == 4


async def test_few_results_are_kept_and_none_where_none_shall_be(counted: Counted) -> None:
    for remembered, ran in ((2, 5), (0, 6)):
        counted.queries = 0
        pool = Pool(SandboxSettings(children=1, remembered=remembered))
        for year in (2019, 2020, 2021, 2021, 2020, 2019):
            await pool.run(SNAPSHOTS[0], query(year))
        await pool.aclose()
        assert counted.queries == (4 if remembered else ran)


async def test_dialogues_over_several_snapshots_do_not_load_them_in_turn(
    pool: Pool, counted: Counted
) -> None:
    names = [[c.name for c in s.catalogue.companies] for s in SNAPSHOTS]
    await asyncio.gather(
        *(
            pool.run(snapshot, query(year, names[number][place]))
            for place in range(3)
            for year in (2019, 2020, 2021)
            for number, snapshot in enumerate(SNAPSHOTS)
        )
    )
    assert counted.queries == 36
    assert len(counted.loads) == len(SNAPSHOTS)


async def test_nobody_waits_for_ever(pool: Pool, counted: Counted, monkeypatch: Any) -> None:
    monkeypatch.setattr(sandbox_pool, "_PASSED_OVER", 3)
    names = [c.name for c in SNAPSHOTS[0].catalogue.companies]
    done: list[str] = []

    async def ask(snapshot: Snapshot, sql: str, name: str) -> None:
        await pool.run(snapshot, sql)
        done.append(name)

    await pool.run(SNAPSHOTS[0], query(2019))  # its rows are held from now on
    later = [
        ask(SNAPSHOTS[0], query(year, name), "held")
        for year in (2019, 2020, 2021)
        for name in names
    ]
    await asyncio.gather(ask(SNAPSHOTS[1], query(2019), "other"), *later)
    assert done.index("other") <= 4


async def test_a_table_that_cannot_be_taken_in_leaves_the_process_in_step(pool: Pool) -> None:
    """All answers to a load are read: the next query is not told an old one."""
    broken = replace(SNAPSHOTS[0], digest="broken", catalogue=twice(SNAPSHOTS[0]))
    with pytest.raises(QueryFailed, match="already exists"):
        await pool.run(broken, query(2020))
    raw = await pool.run(SNAPSHOTS[1], query(2020))
    assert len(raw.rows) == 3


def twice(snapshot: Snapshot) -> Any:
    """A catalogue that names its first table twice."""
    catalogue = snapshot.catalogue
    return catalogue.model_copy(update={"tables": (catalogue.tables[0], *catalogue.tables)})


async def test_whoever_waits_when_it_closes_is_told() -> None:
    sandbox = Sandbox(SandboxSettings(children=1, deadline_s=60))
    await sandbox.pool.run(SNAPSHOTS[0], query(2019))
    tasks = [
        asyncio.create_task(sandbox.pool.run(SNAPSHOTS[0], sql))
        for sql in (SLOW, query(2020), query(2021))
    ]
    await asyncio.sleep(0.3)
    await sandbox.aclose()
    told = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
    assert [isinstance(each, QueryFailed) for each in told] == [True, True, True]


async def test_a_query_that_is_given_up_while_it_waits_is_not_run(
    pool: Pool, counted: Counted
) -> None:
    await pool.run(SNAPSHOTS[0], query(2019))
    slow = asyncio.create_task(pool.run(SNAPSHOTS[0], SLOW))
    await asyncio.sleep(0.2)
    waiting = asyncio.create_task(pool.run(SNAPSHOTS[0], query(2020)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    slow.cancel()
    await asyncio.gather(waiting, slow, return_exceptions=True)
    await pool.run(SNAPSHOTS[0], query(2021))
    assert counted.queries == 3
