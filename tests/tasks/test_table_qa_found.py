"""What a chat model has found: numbers of the rows, and not those it wrote itself."""

from __future__ import annotations

from typing import Any

import pytest

from specialists.foundation.contracts import Cell, Quantity, Step
from specialists.table_qa.found import Found, from_rows
from specialists.workspace.calculator import evaluate
from specialists.workspace.tools import ToolResult

QUERY = "SELECT company, revenue FROM income WHERE fiscal_year = 2021"
USD = {"unit": "USD", "scale": 1e6}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("revenue", True),
        ("revenue / 1000", True),
        ("ROUND((MAX(revenue) - MIN(revenue)) / MIN(revenue) * 100, 11)", True),
        ("MAX(CASE WHEN fiscal_year = 2021 THEN revenue END)", True),
        ("SUM(revenue) FILTER (WHERE fiscal_year BETWEEN 2019 AND 2021)", True),
        ("CAST(revenue AS DECIMAL(18, 2))", True),
        ("POWER(MAX(revenue) / MIN(revenue), 1.0 / 4) - 1", True),
        ("COUNT(*)", True),
        ("LAG(revenue, 1) OVER (ORDER BY fiscal_year DESC)", True),
        ("42", False),
        ("40 + 2", False),
        ("5", False),
        ("revenue * 0 + 42", False),
        ("revenue - revenue + 9 * 9 * 9 * 9 * 9", False),
        ("COALESCE(revenue, 42.5)", False),
        ("CASE WHEN revenue > 0 THEN 7 END", False),
        ("GREATEST(revenue, 42.5)", False),
        ("'Acme'", False),
        ("CASE WHEN revenue > 0 THEN 'Acme' ELSE company END", False),
    ],
)
def test_a_column_is_of_the_rows_or_the_models_own(columns: str, told: bool) -> None:
    assert from_rows(f"SELECT {columns} AS a FROM income WHERE fiscal_year = 2021", 1) == [told]
    both = from_rows(f"SELECT revenue, {columns} AS a FROM income WHERE fiscal_year = 2021", 2)
    assert both == [True, told]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT revenue FROM income LIMIT 5 UNION ALL SELECT 42 AS revenue", False),
        ("WITH w AS (SELECT 42 AS x FROM income) SELECT x FROM w", False),
        ("SELECT x FROM (SELECT revenue + 41 AS x FROM income LIMIT 3)", False),
        ("SELECT a.revenue FROM income AS a, (SELECT 5 AS y) AS b LIMIT 3", False),
        ("WITH w AS (SELECT revenue AS x FROM income LIMIT 9) SELECT MAX(x) FROM w", True),
        ("SELECT revenue FROM income UNION ALL SELECT cash FROM balance LIMIT 9", True),
        ("SELECT revenue FROM income WHERE x = (SELECT MAX(x) FROM income)", True),
        ("not a query", False),
    ],
)
def test_a_query_of_queries_is_believed_as_a_whole(query: str, told: bool) -> None:
    assert from_rows(query, 1) == [told]


def found(*amounts: float) -> Found:
    """After a query that gave these amounts, in millions of dollars."""
    cells = [
        Cell(table="income", column="revenue", row={"n": n}, value=v, unit="USD", scale=1e6)
        for n, v in enumerate(amounts)
    ]
    rows = [["Acme", v] for v in amounts]
    data: dict[str, Any] = {"columns": ["company", "revenue"], "rows": rows, "units": [None, USD]}
    made = Found()
    made.rows(QUERY, ToolResult("sql", {}, data, "", tuple(cells)))
    return made


def worked(made: Found, expression: str) -> float:
    result = evaluate(expression)
    step = Step(expression=expression, result=result)
    made.worked_out(expression, ToolResult("calculator", {}, {"result": result}, "", (step,)))
    return result


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("(60 - 48.5) / 48.5 * 100", True),
        ("60 - 48.49", True),
        ("60000000 / 48500000", True),
        ("(60 / 48.5) ** (1/4) - 1", True),
        ("avg(60, 48.5)", True),
        ("23.71", False),
        ("23.71 + 0 * 60", False),
        ("60 - 60 + 23.71", False),
        ("60 / 60 * (9 * 9 + 9 * 9 + 9)", False),
        ("100 * 3", False),
    ],
)
def test_arithmetic_counts_where_its_numbers_were_found(expression: str, told: bool) -> None:
    made = found(60.0, 48.5)
    result = worked(made, expression)
    meant = made.meant(Quantity(value=result, unit="%"), scaled=True)
    assert (meant is not None) == told
    if meant is not None:
        assert meant.quantity == Quantity(value=result, unit="%")
        held = {e.value for e in meant.evidence if isinstance(e, Cell)}
        assert held == {60.0, 48.5} or "48" not in expression
        assert meant.evidence[-1] == Step(expression=expression, result=result)


def test_a_result_can_be_worked_on_and_stands_on_its_own_cells() -> None:
    made = found(60.0, 48.5, 7.25)
    difference = worked(made, "60 - 48.5")
    share = worked(made, f"{difference} / 48.5")
    meant = made.meant(Quantity(value=share, unit="x"), scaled=True)
    assert meant is not None
    assert {e.value for e in meant.evidence if isinstance(e, Cell)} == {60.0, 48.5}


@pytest.mark.parametrize(
    ("value", "unit", "scale", "told"),
    [
        (60, "USD", 1e6, True),
        (60_000, "USD", 1e3, True),
        (60.05, "USD", 1e6, True),
        (60, "USD", None, True),
        (60, "USD", 1e3, False),
        (60, "USD", 1e9, False),
        (60, "EUR", 1e6, False),
        (60.07, "USD", 1e6, False),
        (-60, "USD", 1e6, False),
        (0, "USD", 1e6, False),
    ],
)
def test_an_answer_repeats_a_columns_amount_and_unit(
    value: float, unit: str, scale: float | None, told: bool
) -> None:
    said = Quantity(value=value, unit=unit, scale=scale or 1.0)
    meant = found(60.0, 48.5).meant(said, scaled=scale is not None)
    assert (meant.quantity if meant else None) == (
        Quantity(value=60, unit="USD", scale=1e6) if told else None
    )


def test_names_come_with_the_cells_of_their_query() -> None:
    made = found(60.0)
    assert [c.value for c in made.texts["Acme"] if isinstance(c, Cell)] == [60.0]
    assert set(made.texts) == {"Acme", "60.0"}
