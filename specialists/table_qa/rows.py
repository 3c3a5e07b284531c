"""The tools over a snapshot's rows in plain Python, for making examples by the hundred thousand.

It answers the same resolved queries as the real toolbox, with the same results (a test compares
them); it runs no SQL and guards nothing, so it is for the project's own generated workspaces alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import pyarrow as pa

from specialists.foundation.contracts import Cell, Scalar, Step
from specialists.table_qa.query import Condition, Lookup
from specialists.workspace.calculator import evaluate
from specialists.workspace.catalogue import Catalogue, Column, Table
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE, Snapshot
from specialists.workspace.tools import ToolResult

Row = dict[str, Any]

_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum,
    "AVG": fmean,
    "MIN": min,
    "MAX": max,
}


class Rows:
    """A workspace's rows by table. The catalogue and the rows may be thinned out for an example."""

    def __init__(self, catalogue: Catalogue, tables: dict[str, list[Row]]) -> None:
        self.catalogue = catalogue
        self.tables = tables

    @classmethod
    def of(cls, snapshot: Snapshot) -> Rows:
        """All rows of a snapshot."""
        return cls(snapshot.catalogue, {n: t.to_pylist() for n, t in snapshot.tables.items()})

    def snapshot(self, like: Snapshot, digest: str) -> Snapshot:
        """These rows as a snapshot; columns are stored as another has them."""
        types = {f.name: f.type for t in like.tables.values() for f in t.schema}
        tables: dict[str, pa.Table] = {}
        for table in self.catalogue.tables:
            names = [*(c.name for c in table.columns), ROW, KNOWN_AT, SOURCE]
            schema = pa.schema([pa.field(name, types[name]) for name in names])
            tables[table.name] = pa.Table.from_pylist(self.tables[table.name], schema=schema)
        return Snapshot(self.catalogue, tables, (), digest)

    def list_tables(self, company: str | None) -> ToolResult:
        tables = [t for t in self.catalogue.tables if company is None or self._about(t, company)]
        data = [{"table": t.name, "title": t.title, "company": t.company} for t in tables]
        return ToolResult("list_tables", {"company": company} if company else {}, data)

    def _about(self, table: Table, company: str) -> bool:
        column = table.column("company")
        if column is None:
            return table.company in (None, company)
        return any(row[column.name] == company for row in self.tables[table.name])

    def describe_table(self, table: str) -> ToolResult:
        return ToolResult("describe_table", {"table": table}, {"table": table})

    def calculator(self, expression: str) -> ToolResult:
        value = float(evaluate(expression))
        step = Step(expression=expression, result=value)
        return ToolResult("calculator", {"expression": expression}, {"result": value}, "", (step,))

    def sql(self, lookup: Lookup) -> ToolResult:
        """The rows of a resolved query, with the cells behind them."""
        rows = [r for r in self.tables[lookup.table.name] if _fits(r, lookup.where)]
        if lookup.aggregate:
            return self._aggregate(lookup, rows)
        keys = [c.column for c in lookup.keys if c.column is not None]
        order = lookup.order or lookup.table.column("period")
        if lookup.order is not None:
            rows = [r for r in rows if r[lookup.order.name] is not None]
        over = lookup.over
        if over is not None:
            rows = [r for r in rows if r[over.name]]
        if order is not None:
            down = lookup.order is not None and lookup.way == "DESC"
            rows.sort(
                key=lambda r: r[order.name] / r[over.name] if over is not None else r[order.name],
                reverse=down,
            )
        rows = rows[:1] if lookup.order is not None else rows
        shown = [*keys, *lookup.columns]
        data = {
            "columns": [c.name for c in shown],
            "rows": [[r[c.name] for c in shown] for r in rows],
            "units": [_unit(c) for c in shown],
        }
        cells = tuple(
            _cell(lookup.table, c, r)
            for r in rows
            for c in lookup.columns
            if c.role in ("measure", "attribute")
        )
        return ToolResult("sql", {}, data, "", cells[:200])

    def _aggregate(self, lookup: Lookup, rows: list[Row]) -> ToolResult:
        (column,) = lookup.columns
        rows = [r for r in rows if r[column.name] is not None]
        values = [r[column.name] for r in rows]
        assert lookup.aggregate is not None
        value = _AGGREGATES[lookup.aggregate](values) if values else None
        data = {"columns": [], "rows": [[value, len(values)]], "units": [_unit(column), None]}
        cells = tuple(_cell(lookup.table, column, r) for r in rows)
        return ToolResult("sql", {}, data, "", cells[:200])


def _fits(row: Row, where: Sequence[Condition]) -> bool:
    for condition in where:
        if condition.column is None:
            continue
        value = row[condition.column.name]
        if condition.between:
            first, last = condition.values
            if value is None or not first <= value <= last:
                return False
        elif value not in condition.values:
            return False
    return True


def _unit(column: Column) -> dict[str, Any] | None:
    return {"unit": column.unit, "scale": column.scale} if column.role == "measure" else None


def _cell(table: Table, column: Column, row: Row) -> Cell:
    keys: dict[str, Scalar] = {
        c.name: row[c.name] for c in table.columns if c.role in ("company", "period", "label")
    }
    return Cell.model_construct(
        table=table.name,
        column=column.name,
        row=keys,
        value=row[column.name],
        unit=column.unit,
        scale=column.scale,
        known_at=row.get("_known_at"),
        source=row.get("_source") or "",
    )
