"""Every row's cells: right ones, all of them, and no others."""

from __future__ import annotations

import pytest

from specialists.workspace.sandbox import Rows, Sandbox
from specialists.workspace.snapshot import KNOWN_AT, SOURCE, Snapshot


@pytest.fixture
def ask(sandbox: Sandbox, synthetic: Snapshot):
    async def query(sql: str) -> Rows:
        companies = [c.name.replace("'", "''") for c in synthetic.catalogue.companies]
        return await sandbox.query(synthetic, sql.format(*companies))

    return query


@pytest.fixture
def facts(synthetic: Snapshot):
    """(company, year, column) to value, of the income statements."""
    rows = synthetic.tables["income_statement"].to_pylist()
    return {(r["company"], r["fiscal_year"], c): r[c] for r in rows for c in r}


def keys(rows: Rows) -> set[tuple[object, ...]]:
    return {(c.column, *c.row.values()) for c in rows.cells}


async def test_one_cell_in_full(ask, synthetic: Snapshot) -> None:
    rows = await ask("SELECT revenue FROM income_statement WHERE company='{0}' AND "
                     "fiscal_year=2020")  # fmt: skip
    (cell,) = rows.cells
    company = synthetic.catalogue.companies[0].name
    stored = next(
        r
        for r in synthetic.tables["income_statement"].to_pylist()
        if r["company"] == company and r["fiscal_year"] == 2020
    )
    column = synthetic.catalogue.tables[1].named("revenue")
    assert column is not None
    assert cell.table == "income_statement"
    assert cell.column == "revenue"
    assert cell.row == {"company": company, "fiscal_year": 2020}
    assert cell.value == stored["revenue"] == rows.rows[0][0]
    assert (cell.unit, cell.scale) == (column.unit, column.scale)
    assert cell.known_at == stored[KNOWN_AT]
    assert cell.source == stored[SOURCE]


async def test_aggregate_carries_its_group(ask, synthetic: Snapshot, facts) -> None:
    rows = await ask("SELECT sum(revenue) FROM income_statement WHERE fiscal_year = 2021")
    names = {c.name for c in synthetic.catalogue.companies}
    assert keys(rows) == {("revenue", name, 2021) for name in names}
    assert sum(c.value for c in rows.cells) == rows.rows[0][0]


async def test_group_by_carries_only_the_groups_shown(ask) -> None:
    rows = await ask(
        "SELECT company, avg(net_income) AS a FROM income_statement GROUP BY company "
        "HAVING count(*) > 1 ORDER BY a DESC LIMIT 1"
    )
    assert {c.row["company"] for c in rows.cells} == {rows.rows[0][0]}
    assert len(rows.cells) == 6
    assert sum(c.value for c in rows.cells) / 6 == pytest.approx(rows.rows[0][1])


async def test_superlative_cites_the_measure_not_the_name(ask) -> None:
    rows = await ask(
        "SELECT company FROM income_statement WHERE fiscal_year=2020 ORDER BY revenue DESC LIMIT 1"
    )
    assert keys(rows) == {("revenue", rows.rows[0][0], 2020)}


async def test_scalar_subqueries_each_carry_theirs(ask, synthetic: Snapshot, facts) -> None:
    rows = await ask(
        "SELECT (SELECT revenue FROM income_statement WHERE company='{0}' AND fiscal_year=2021) - "
        "(SELECT net_income FROM income_statement WHERE company='{1}' AND fiscal_year=2020) AS d"
    )
    one, two = (c.name for c in synthetic.catalogue.companies[:2])
    assert keys(rows) == {("revenue", one, 2021), ("net_income", two, 2020)}
    assert rows.rows[0][0] == facts[one, 2021, "revenue"] - facts[two, 2020, "net_income"]


async def test_join_carries_both_sides(ask, synthetic: Snapshot) -> None:
    rows = await ask(
        "SELECT i.net_income / b.total_assets FROM income_statement i JOIN balance_sheet b "
        "USING (company, fiscal_year) WHERE i.company = '{2}' AND i.fiscal_year = 2022"
    )
    name = synthetic.catalogue.companies[2].name
    assert keys(rows) == {("net_income", name, 2022), ("total_assets", name, 2022)}


async def test_through_common_tables_and_windows(ask) -> None:
    rows = await ask(
        "WITH t AS (SELECT company, fiscal_year, revenue, lag(revenue) OVER (PARTITION BY company "
        "ORDER BY fiscal_year) AS before FROM income_statement) "
        "SELECT company, revenue - before FROM t WHERE fiscal_year = 2022 AND company = '{0}'"
    )
    name, difference = rows.rows[0]
    values = {c.row["fiscal_year"]: c.value for c in rows.cells}
    assert set(values) == {2021, 2022}
    assert values[2022] - values[2021] == pytest.approx(difference)
    assert {c.row["company"] for c in rows.cells} == {name}


async def test_nested_aggregates_carry_the_base_rows(ask, synthetic: Snapshot) -> None:
    rows = await ask(
        "SELECT max(t.total) FROM (SELECT sector, sum(revenue) AS total FROM income_statement "
        "WHERE fiscal_year = 2020 GROUP BY sector) AS t"
    )
    revenue = [c for c in rows.cells if c.column == "revenue"]
    assert len(revenue) == len(synthetic.catalogue.companies)


@pytest.mark.parametrize("operator", ["UNION", "UNION ALL"])
async def test_unions_carry_each_arm(ask, synthetic: Snapshot, operator: str) -> None:
    arm = "SELECT company, {} FROM income_statement WHERE company='{{0}}' AND fiscal_year=2020"
    rows = await ask(f" {operator} ".join(arm.format(c) for c in ("revenue", "net_income")))
    name = synthetic.catalogue.companies[0].name
    assert len(rows.rows) == 2
    assert keys(rows) == {("revenue", name, 2020), ("net_income", name, 2020)}


async def test_union_merges_equal_rows(ask) -> None:
    arm = "SELECT sector FROM income_statement WHERE company='{0}' AND fiscal_year="
    rows = await ask(f"{arm}2020 UNION {arm}2021")
    assert len(rows.rows) == 1
    assert {c.row["fiscal_year"] for c in rows.cells} == {2020, 2021}


async def test_distinct_stays_distinct(ask, synthetic: Snapshot) -> None:
    rows = await ask("SELECT DISTINCT sector FROM income_statement")
    sectors = [r[0] for r in rows.rows]
    assert sorted(sectors) == sorted({c.sector for c in synthetic.catalogue.companies})
    assert rows.cells


async def test_count_cites_the_rows_counted(ask, synthetic: Snapshot) -> None:
    rows = await ask("SELECT count(*) FROM companies")
    assert rows.rows == ((len(synthetic.catalogue.companies),),)
    assert {c.value for c in rows.cells} == {c.name for c in synthetic.catalogue.companies}


async def test_what_is_shown_comes_first(ask) -> None:
    rows = await ask("SELECT max(revenue) FROM income_statement")
    assert rows.cells[0].value == rows.rows[0][0]
    assert len(rows.cells) == 72


async def test_evidence_is_bounded(ask, sandbox: Sandbox) -> None:
    rows = await ask("SELECT sum(revenue), sum(net_income), sum(income_tax), sum(gross_profit) "
                     "FROM income_statement")  # fmt: skip
    assert len(rows.cells) == sandbox.settings.evidence == 200


async def test_tracing_never_changes_the_rows(ask, sandbox: Sandbox, synthetic: Snapshot) -> None:
    """The traced statement gives what the statement alone gives."""
    for sql in (
        "SELECT sector, count(*) FROM income_statement GROUP BY ALL ORDER BY 1",
        "SELECT DISTINCT sector, fiscal_year FROM income_statement ORDER BY 2, 1 LIMIT 7",
        "SELECT company, rank() OVER (ORDER BY revenue) AS r FROM income_statement "
        "WHERE fiscal_year = 2020 ORDER BY r",
        "SELECT company FROM companies WHERE founded < 1960 UNION SELECT company FROM segments "
        "WHERE fiscal_year = 2020 ORDER BY company",
        "SELECT company FROM companies EXCEPT SELECT company FROM segments WHERE "
        "segment_revenue > 500 ORDER BY company",
        "SELECT c.company, s.n FROM companies c LEFT JOIN (SELECT company, count(*) AS n FROM "
        "segments GROUP BY company) AS s USING (company) ORDER BY c.company LIMIT 5",
        "SELECT avg(revenue) FILTER (WHERE fiscal_year = 2020) FROM income_statement",
    ):
        ready = sandbox._prepare(synthetic, sql)
        plain = await sandbox.pool.run(synthetic, ready.plain)
        traced = await sandbox.query(synthetic, sql)
        assert [tuple(r) for r in plain.rows] == list(traced.rows), sql
