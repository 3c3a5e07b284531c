"""Look-ups that a plan says in full: one cell, or an aggregate over one company's years.

Measure, company, row and year are the plan's own words, so nothing is left for a model to decide.
What does not name exactly one column of one table here is left to the model; what names one and
finds no figure there is not found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from specialists.foundation.contracts import Cell, Quantity, Subtask
from specialists.foundation.errors import NotFound
from specialists.task import Conclusion
from specialists.workspace.catalogue import Catalogue, Column, Period, Table
from specialists.workspace.links import Linker
from specialists.workspace.tools import Tools

_KEYS = {"measure", "company", "row", "period", "aggregate"}
_AGGREGATES: Mapping[str, Any] = {
    "average": lambda values: math.fsum(values) / len(values),
    "sum": math.fsum,
    "highest": max,
    "lowest": min,
}


async def settle(subtask: Subtask, tools: Tools, linker: Linker) -> Conclusion | None:
    """The conclusion of a look-up that a subtask's inputs say in full; None for any other.

    Raises:
        NotFound: the table that would hold it has no such figure.
    """
    inputs = subtask.inputs
    texts = {k: v for k, v in inputs.items() if isinstance(v, str)}
    company, measure = texts.get("company"), texts.get("measure")
    if company is None or measure is None or len(texts) != len(inputs) or set(texts) - _KEYS:
        return None
    period = _period(texts.get("period"))
    aggregate = texts.get("aggregate")
    if aggregate is not None and aggregate not in _AGGREGATES:
        return None
    single = period is None or period.first == period.last
    if ("period" in texts and period is None) or (aggregate is None and not single):
        return None
    found = held(tools.snapshot.catalogue, linker, measure, company, texts.get("row"))
    if found is None or (period is None) != (found[0].column("period") is None):
        return None
    table, column = found
    query, shown = _query(table, column, company, texts.get("row"), period)
    result = await tools.call("sql", {"query": query})
    if result.error is not None:
        return None
    rows: list[Sequence[Any]] = [r for r in result.data["rows"] if r[len(shown) - 1] is not None]
    wanted = 1 if period is None else period.last - period.first + 1
    what = _named(measure, company, texts.get("row"), period)
    if len(rows) > wanted:
        return None
    if len(rows) < wanted:
        raise NotFound(f"the tables hold no {what}" if not rows else f"some years of {what}: none")
    cells = tuple(e for e in result.evidence if isinstance(e, Cell) and e.column == column.name)
    values = [row[len(shown) - 1] for row in rows]
    value: Quantity | str = str(values[0])
    if column.type == "number":
        worked = _AGGREGATES[aggregate](values) if aggregate else float(values[0])
        value = Quantity(value=worked, unit=column.unit, scale=column.scale)
    word = f"{aggregate} " if aggregate else ""
    return Conclusion(status="ok", value=value, label=f"{word}{what}", evidence=cells)


def held(
    catalogue: Catalogue, linker: Linker, measure: str, company: str, row: str | None
) -> tuple[Table, Column] | None:
    """The likeliest table and column that hold a measure of a company, or of a part of it."""
    options: list[tuple[str, str]] = []
    for key, meaning in linker.index.concepts.items():
        if meaning.label.casefold() == measure.casefold():
            options += [*meaning.value.options, *linker.index.children.get(key, ())]
    tables = {t.name: t for t in catalogue.tables}
    for name, column_name in dict.fromkeys(options):
        table = tables[name]
        column = table.named(column_name)
        label = table.column("label")
        whose = table.company == company or table.column("company") is not None
        part = (label is not None and value_of(label, row) != "") if row else label is None
        if column is not None and whose and part:
            return table, column
    return None


def value_of(column: Column, value: str) -> str:
    """A value of a text column as the table spells it; empty where it has none."""
    return next((v for v in column.values if v.casefold() == value.strip().casefold()), "")


def _period(text: str | None) -> Period | None:
    years = [int(y) for y in (text or "").split(" to ") if y.strip().isdigit()]
    return Period(first=years[0], last=years[-1]) if years else None


def _query(
    table: Table, column: Column, company: str, row: str | None, period: Period | None
) -> tuple[str, list[Column]]:
    owner, label, year = (table.column(r) for r in ("company", "label", "period"))  # type: ignore[arg-type]
    where: list[str] = []
    if owner is not None:
        where.append(f"{_quoted(owner.name)} = {_literal(company)}")
    if label is not None and row is not None:
        where.append(f"{_quoted(label.name)} = {_literal(value_of(label, row))}")
    if year is not None and period is not None:
        name = f"year({_quoted(year.name)})" if year.type == "date" else _quoted(year.name)
        where.append(f"{name} BETWEEN {period.first} AND {period.last}")
    shown = [c for c in (year, column) if c is not None]
    names = ", ".join(_quoted(c.name) for c in shown)
    condition = f" WHERE {' AND '.join(where)}" if where else " LIMIT 3"
    return f"SELECT {names} FROM {_quoted(table.name)}{condition}", shown


def _named(measure: str, company: str, row: str | None, period: Period | None) -> str:
    part = f" of {row}" if row else ""
    when = f" in {period.label}" if period is not None else ""
    return f"{measure}{part} of {company}{when}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
