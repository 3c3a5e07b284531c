"""What was known at a date: from all rows ever stored to the rows and the catalogue of one moment.

Facts have two times: the period they are about (a column), and when they became known
(``_known_at``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from specialists.workspace.catalogue import Catalogue, Company, Document, Table, Title
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE

ADDED = "_added"
"""Version that brought a row; in storage only. Known the same day, the later added wins."""
MAX_VALUES = 500
_compute: Any = pc


def rows_at(rows: pa.Table, key: Sequence[str], as_of: date | None) -> pa.Table:
    """The visible rows: of those with the same key only the last known by ``as_of``.

    Rows without a key are visible as the last known load of their source.
    """
    if as_of is not None:
        rows = rows.filter(_compute.less_equal(rows[KNOWN_AT], pa.scalar(as_of, pa.date32())))
    if rows.num_rows:
        rows = _last(rows, key) if key else _last_load(rows)
    return rows.drop_columns([ADDED])


def _last(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    order = [(KNOWN_AT, "ascending"), (ADDED, "ascending"), (ROW, "ascending")]
    ranked = rows.sort_by(order)
    ranked = ranked.append_column("_rank", pa.array(range(ranked.num_rows), type=pa.int64()))
    last = ranked.group_by(list(key)).aggregate([("_rank", "max")])["_rank_max"]
    if len(last) == rows.num_rows:
        return rows
    return ranked.take(last).drop_columns(["_rank"]).sort_by(ROW)


def _last_load(rows: pa.Table) -> pa.Table:
    load = [KNOWN_AT, ADDED]
    newest: dict[str, tuple[Any, Any]] = {}
    loads = rows.select([SOURCE, *load]).group_by([SOURCE, *load]).aggregate([])
    for item in loads.to_pylist():
        stamp = (item[KNOWN_AT], item[ADDED])
        newest[item[SOURCE]] = max(stamp, newest.get(item[SOURCE], stamp))
    if len(newest) == loads.num_rows:
        return rows
    kept = [
        newest[s] == (k, a)
        for s, k, a in zip(*(rows[c].to_pylist() for c in (SOURCE, *load)), strict=True)
    ]
    return rows.filter(pa.array(kept))


def documents_at(documents: Iterable[Document], as_of: date | None) -> tuple[Document, ...]:
    """The visible documents: of those with the same id only the last published by ``as_of``.

    ``documents`` come in the order they were added.
    """
    known: dict[str, Document] = {}
    for document in documents:
        if as_of is not None and document.published > as_of:
            continue
        before = known.get(document.id)
        if before is None or before.published <= document.published:
            known[document.id] = document
    return tuple(known.values())


def describe(table: Table, rows: pa.Table) -> Table:
    """The table's entry as these rows justify it: periods, distinct values, number of rows."""
    columns = tuple(
        c.model_copy(update={"values": _distinct(rows[c.name])}) if c.type == "text" else c
        for c in table.columns
    )
    period = table.column("period")
    years: tuple[int, ...] = ()
    if period is not None and period.type == "number":
        found = _compute.unique(rows[period.name]).to_pylist()
        years = tuple(sorted(int(y) for y in found if y is not None))
    return table.model_copy(update={"columns": columns, "periods": years, "rows": rows.num_rows})


def _distinct(column: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(v for v in _compute.unique(column).to_pylist() if v))[:MAX_VALUES]


def catalogue(
    workspace: str,
    version: str,
    as_of: date,
    companies: Sequence[Company],
    tables: Sequence[Table],
    documents: Sequence[Document],
) -> Catalogue:
    """The catalogue of what is visible; a company of which nothing is visible is not in it."""
    seen = {t.company for t in tables} | {d.company for d in documents}
    for table in tables:
        column = table.column("company")
        seen.update(column.values if column else ())
    named = {c.name for c in companies}
    extra = [Company(name=n) for n in sorted(x for x in seen if x and x not in named)]
    return Catalogue(
        workspace=workspace,
        version=version,
        as_of=as_of,
        companies=(*(c for c in companies if c.name in seen), *extra),
        tables=tuple(tables),
        documents=tuple(
            Title(
                id=d.id,
                title=d.title,
                kind=d.kind,
                company=d.company,
                year=d.year,
                published=d.published,
            )
            for d in documents
        ),
    )
