"""Units of expressions."""

from __future__ import annotations

import pytest

from specialists.workspace.admission import Admission
from specialists.workspace.catalogue import Catalogue, Column, Table
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.units import Unit, units

USD = Unit("USD", 1e6)


@pytest.fixture(scope="module")
def catalogue(synthetic: Snapshot) -> Catalogue:
    table = Table(
        name="t",
        title="t",
        rows=1,
        columns=(
            Column(name="company", role="company", type="text"),
            Column(name="year", role="period", type="number"),
            Column(name="a", role="measure", type="number", unit="USD", scale=1e6),
            Column(name="b", role="measure", type="number", unit="USD", scale=1e6),
            Column(name="thousands", role="measure", type="number", unit="USD", scale=1e3),
            Column(name="rate", role="measure", type="number", unit="%"),
        ),
    )
    return synthetic.catalogue.model_copy(update={"tables": (table,)})


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("a", USD),
        ("max(a)", USD),
        ("round(avg(a), 2)", USD),
        ("a - b", USD),
        ("-(a + b)", USD),
        ("a / 2", USD),
        ("a * 1.1", USD),
        ("a / 1000", Unit("USD", 1e9)),
        ("a * 1000000", Unit("USD", 1)),
        ("a / b", Unit("x", 1)),
        ("a / b * 100", Unit("%", 1)),
        ("100.0 * (a - b) / b", Unit("%", 1)),
        ("a / thousands", Unit("x", 1000)),
        ("a - thousands", None),
        ("a * b", None),
        ("a + 1", None),
        ("a / rate", None),
        ("rate - rate", Unit("%", 1)),
        ("count(*)", Unit("count", 1)),
        ("coalesce(a, b, 0)", USD),
        ("CASE WHEN year = 1 THEN a END", USD),
        ("CASE WHEN year = 1 THEN a ELSE rate END", None),
        ("max(a) FILTER (WHERE year = 1) - max(b)", USD),
        ("lag(a) OVER (ORDER BY year)", USD),
        ("arg_max(company, a)", None),
        ("arg_max(a, year)", USD),
        ("(SELECT max(a) FROM t)", USD),
        ("company", None),
        ("year", None),
        ("1", None),
    ],
)
def test_units(catalogue: Catalogue, expression: str, unit: Unit | None) -> None:
    query = Admission(catalogue).admit(f"SELECT {expression} FROM t LIMIT 1").query
    assert units(query, catalogue) == [unit]


@pytest.mark.parametrize(
    ("sql", "unit"),
    [
        ("WITH s AS (SELECT sum(a) AS x FROM t) SELECT x / 10 FROM s", USD),
        ("SELECT s.x FROM (SELECT a - b AS x FROM t LIMIT 1) AS s", USD),
        ("SELECT a FROM t LIMIT 1 UNION ALL SELECT b FROM t", USD),
        ("SELECT max(a) FROM t UNION ALL SELECT max(rate) FROM t", None),
    ],
)
def test_through_queries(catalogue: Catalogue, sql: str, unit: Unit | None) -> None:
    sql = sql.replace("t LIMIT 1 UNION", "t UNION") + ("" if "max(" in sql else " LIMIT 5")
    assert units(Admission(catalogue).admit(sql).query, catalogue) == [unit]
