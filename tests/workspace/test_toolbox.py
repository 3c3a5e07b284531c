"""The tools, as a model meets them."""

from __future__ import annotations

import json

import pytest

from specialists.foundation.contracts import Cell, Span, Step
from specialists.foundation.errors import ConfigError
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.toolbox import MAX_TEXT, TOOL_NAMES, Toolbox
from specialists.workspace.tools import Tools


@pytest.fixture
def toolbox(synthetic: Snapshot, sandbox: Sandbox) -> Toolbox:
    return Toolbox(synthetic, sandbox)


def test_is_the_contract(toolbox: Toolbox, synthetic: Snapshot) -> None:
    tools: Tools = toolbox
    assert tools.snapshot is synthetic
    specs = tools.specs(TOOL_NAMES)
    assert [s.name for s in specs] == [
        "list_tables", "describe_table", "sql", "calculator", "search",
    ]  # fmt: skip
    for spec in specs:
        assert spec.parameters["type"] == "object"
        assert spec.parameters["additionalProperties"] is False
        assert all(p.get("description") for p in spec.parameters["properties"].values())
    with pytest.raises(ConfigError, match="unknown tools shell"):
        tools.specs(["shell"])


async def test_lists_tables(toolbox: Toolbox, synthetic: Snapshot) -> None:
    result = await toolbox.call("list_tables", {})
    assert {"table": "segments", "title": "Segments", "company": None} in [
        {**row, "title": "Segments"} if row["table"] == "segments" else row for row in result.data
    ]
    assert len(result.data) == len(synthetic.catalogue.tables)
    ticker = synthetic.catalogue.companies[0].ticker
    assert (await toolbox.call("list_tables", {"company": ticker})).data == result.data
    unknown = await toolbox.call("list_tables", {"company": "Nobody & Sons"})
    assert unknown.data is None
    assert "not in this workspace" in (unknown.error or "")


async def test_describes_without_numbers(toolbox: Toolbox, synthetic: Snapshot) -> None:
    data = (await toolbox.call("describe_table", {"table": "SEGMENTS"})).data
    assert set(data) == {"table", "description", "rows", "periods", "columns"}
    by_name = {c["name"]: c for c in data["columns"]}
    assert by_name["segment_revenue"]["role"] == "measure"
    assert "values" not in by_name["segment_revenue"]
    assert synthetic.catalogue.companies[0].name in by_name["company"]["values"]
    error = (await toolbox.call("describe_table", {"table": "segmnts"})).error
    assert error == "unknown table 'segmnts'; there are segments"


async def test_sql_has_units_and_cells(toolbox: Toolbox) -> None:
    result = await toolbox.call(
        "sql", {"query": "SELECT company, revenue FROM income_statement WHERE fiscal_year = 2020"}
    )
    assert result.error is None
    assert result.data["columns"] == ["company", "revenue"]
    assert result.data["units"][0] is None
    assert set(result.data["units"][1]) == {"unit", "scale"}
    assert len(result.data["rows"]) == len(result.evidence) == 12
    assert all(isinstance(e, Cell) for e in result.evidence)
    assert json.loads(result.text) == result.data
    assert result.seconds > 0


async def test_errors_are_results(toolbox: Toolbox) -> None:
    for name, arguments, message in (
        ("sql", {"query": "SELECT * FROM companies"}, "name the columns"),
        ("sql", {"query": "SELECT CAST(company AS DATE) FROM companies LIMIT 1"}, "Conversion"),
        ("sql", {}, "query: Field required"),
        ("sql", {"query": "SELECT 1", "database": "x"}, "database"),
        ("calculator", {"expression": "1 / 0"}, "division by zero"),
        ("search", {"query": "x", "limit": 999}, "less than or equal to 20"),
        ("shell", {"command": "ls"}, "there is no tool 'shell'"),
    ):
        result = await toolbox.call(name, arguments)
        assert message in (result.error or "")
        assert result.text == f"error: {result.error}"
        assert result.data is None
        assert result.evidence == ()


async def test_calculates(toolbox: Toolbox) -> None:
    result = await toolbox.call("calculator", {"expression": "(5829 - 5735) / 5735 * 100"})
    assert result.data["result"] == pytest.approx(1.639058)
    assert result.evidence == (
        Step(expression="(5829 - 5735) / 5735 * 100", result=result.data["result"]),
    )


async def test_searches(toolbox: Toolbox, synthetic: Snapshot) -> None:
    company = synthetic.catalogue.companies[0]
    result = await toolbox.call(
        "search", {"query": "revenue", "company": company.ticker, "year": 2020, "limit": 3}
    )
    assert 0 < len(result.data) <= 3
    assert {hit["year"] for hit in result.data} == {2020}
    assert {hit["company"] for hit in result.data} == {company.name}
    texts = {d.id: d.text for d in synthetic.documents}
    for hit, span in zip(result.data, result.evidence, strict=True):
        assert isinstance(span, Span)
        assert span.text == hit["text"] == texts[hit["document"]][span.start : span.end]


async def test_long_results_are_cut_with_a_note(toolbox: Toolbox) -> None:
    columns = (
        "company, ticker, sector, revenue, net_income, income_tax, gross_profit, pretax_income"
    )
    result = await toolbox.call(
        "sql", {"query": f"SELECT {columns}, {columns} FROM income_statement WHERE fiscal_year > 0"}
    )
    assert len(result.text) == MAX_TEXT
    assert "… cut:" in result.text[-60:]
    assert len(result.data["rows"]) == 72


async def test_no_rows_is_said(toolbox: Toolbox) -> None:
    query = "SELECT revenue FROM income_statement WHERE company = 'Nobody'"
    result = await toolbox.call("sql", {"query": query})
    assert result.data["rows"] == []
    assert "no row matches" in result.text
