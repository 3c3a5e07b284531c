"""Which cells a query's result comes from.

An admitted query is rewritten so that each result row also carries the positions of the rows that
contributed to it: a plain row its own, an aggregate those of its group, a scalar subquery its own
again. The positions, and the columns the query speaks of, give the cells.

Rows that only a filter's subquery (``WHERE x > (SELECT …)``), INTERSECT or EXCEPT looked at are not
traced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from specialists.foundation.contracts import Cell, Scalar
from specialists.workspace.admission import Admitted
from specialists.workspace.catalogue import Column, Table
from specialists.workspace.dialect import AGGREGATES
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE, Snapshot

_KEYS = ("company", "period", "label")
_NEIGHBOUR = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)


@dataclass(frozen=True)
class Carrier:
    """A hidden column of the rewritten query: positions of rows of one table."""

    table: str
    """Lower-case name."""
    columns: tuple[str, ...]
    """Columns of it that this part of the query speaks of, lower-case."""
    shown: tuple[str, ...]
    """Those of them that its SELECT list speaks of."""


@dataclass(frozen=True)
class Traced:
    """A query that carries its provenance in its last ``len(carriers)`` columns."""

    query: exp.Query
    carriers: tuple[Carrier, ...]
    distinct: bool = False
    """Equal rows must be merged by whoever reads the result."""


@dataclass(frozen=True)
class _Hidden:
    carrier: Carrier
    name: str
    many: bool
    """It holds a list of positions."""


def trace(admitted: Admitted, rows: int) -> Traced:
    """Rewrite an admitted query to carry the rows it comes from.

    Args:
        admitted: the query.
        rows: how many contributing rows of a group are kept.
    """
    query = admitted.query.copy()
    distinct = False
    if isinstance(query, exp.Union) and query.args.get("distinct") and not query.args.get("limit"):
        query.set("distinct", False)
        distinct = True
    hidden = _Tracer(rows).carry(query, {})
    if not hidden:
        return Traced(admitted.query, ())
    return Traced(query, tuple(h.carrier for h in hidden), distinct)


class _Tracer:
    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._count = 0

    def carry(self, query: exp.Expr, ctes: Mapping[str, Sequence[_Hidden]]) -> list[_Hidden]:
        """Append hidden columns to a query, in place; which, in order."""
        known = dict(ctes)
        for cte in query.ctes if isinstance(query, exp.Query) else ():
            found = self.carry(cte.this, known)
            known[cte.alias] = found
            alias = cte.args.get("alias")
            if alias is not None and alias.args.get("columns"):
                for hidden in found:
                    alias.append("columns", exp.to_identifier(hidden.name, quoted=True))
        if isinstance(query, exp.Select):
            return self._carry_select(query, known)
        if isinstance(query, exp.Union) and not query.args.get("distinct"):
            left, right = self.carry(query.left, known), self.carry(query.right, known)
            nothing = [exp.Null() for _ in left]
            _append(query.left, right, [exp.Null() for _ in right])
            _insert(query.right, left, nothing, before=len(right))
            return [*left, *right]
        return []

    def _carry_select(
        self, select: exp.Select, ctes: Mapping[str, Sequence[_Hidden]]
    ) -> list[_Hidden]:
        shown = list(select.expressions)
        sources = [s for source in _sources(select) for s in self._source(select, source, ctes)]
        windows = [w for e in shown for w in _own(e, exp.Window)]
        grouped = bool(select.args.get("group")) or any(
            _aggregates(e) for e in (*shown, *filter(None, (select.args.get("having"),)))
        )
        if select.args.get("distinct") and not grouped and not windows:
            select.set("distinct", None)
            select.set("group", exp.Group(expressions=[e.unalias().copy() for e in shown]))
            grouped = True
        columns: list[tuple[_Hidden, exp.Expr]] = []
        for carrier, value, many in sources:
            for window in windows if not many else ():
                around = _around(window, value, self._rows)
                if around is not None:
                    columns.append((self._hide(carrier, not _is_neighbour(window)), around))
            if grouped:
                columns.append((self._hide(carrier, True), _gather(value, many, self._rows)))
            else:
                columns.append((self._hide(carrier, many), value))
        for expression in shown:
            for subquery in _own(expression, exp.Subquery):
                columns += self._from_subquery(subquery, ctes)
        hidden = [h for h, _ in columns]
        _append(select, hidden, [value for _, value in columns])
        return hidden

    def _source(
        self, select: exp.Select, source: exp.Expr, ctes: Mapping[str, Sequence[_Hidden]]
    ) -> Iterator[tuple[Carrier, exp.Expr, bool]]:
        alias = source.alias_or_name
        if isinstance(source, exp.Subquery):
            inner = self.carry(source.this, ctes)
        elif isinstance(source, exp.Table) and source.name in ctes:
            inner = ctes[source.name]
        else:
            carrier = Carrier(
                source.name,
                _columns_of(alias, [v for v in _parts(select)]),
                _columns_of(alias, select.expressions),
            )
            yield carrier, exp.column(ROW, alias, quoted=True), False
            return
        for hidden in inner:
            yield hidden.carrier, exp.column(hidden.name, alias, quoted=True), hidden.many

    def _from_subquery(
        self, subquery: exp.Expr, ctes: Mapping[str, Sequence[_Hidden]]
    ) -> Iterator[tuple[_Hidden, exp.Expr]]:
        inner = subquery.this.copy()
        for hidden in self.carry(inner, ctes):
            self._count += 1
            alias = f"_s{self._count}"
            column = exp.column(hidden.name, alias, quoted=True)
            again = exp.select(column).from_(exp.Subquery(this=inner.copy(), alias=_alias(alias)))
            yield self._hide(hidden.carrier, hidden.many), exp.Subquery(this=again)

    def _hide(self, carrier: Carrier, many: bool) -> _Hidden:
        self._count += 1
        return _Hidden(carrier, f"_h{self._count}", many)


def cells(
    snapshot: Snapshot,
    traced: Traced,
    rows: Sequence[Sequence[Any]],
    ids: Sequence[Sequence[Sequence[int]]],
    limit: int,
) -> tuple[Cell, ...]:
    """The cells behind a result, those whose values stand in the result first.

    Args:
        snapshot: what the query ran on.
        traced: the query.
        rows: the result.
        ids: for each row, for each carrier, positions of contributing rows.
        limit: how many cells at most.
    """
    tables = {table.name.lower(): table for table in snapshot.catalogue.tables}
    results = {value for row in rows for value in row if value is not None}
    for choose in (_telling, _spoken_of):
        columns = [choose(tables[c.table], c) for c in traced.carriers]
        shown: list[Cell] = []
        others: list[Cell] = []
        for table, column, position in _positions(traced.carriers, columns, ids, 4 * limit):
            cell = _cell(snapshot, tables[table], column, position)
            (shown if cell.value in results else others).append(cell)
        if shown or others:
            return tuple([*shown, *others][:limit])
    return ()


def _positions(
    carriers: Sequence[Carrier],
    columns: Sequence[Sequence[Column]],
    ids: Sequence[Sequence[Sequence[int]]],
    limit: int,
) -> Iterator[tuple[str, Column, int]]:
    """The first ``limit`` cells' places, each once."""
    seen: set[tuple[str, str, int]] = set()
    for of_row in ids:
        for carrier, chosen, positions in zip(carriers, columns, of_row, strict=True):
            for position in positions:
                for column in chosen:
                    key = (carrier.table, column.name, position)
                    if len(seen) >= limit:
                        return
                    if key not in seen:
                        seen.add(key)
                        yield carrier.table, column, position


def _telling(table: Table, carrier: Carrier) -> list[Column]:
    """The columns worth citing: measures anywhere in the query, attributes in its SELECT list."""
    return [
        column
        for column in table.columns
        if (column.role == "measure" and column.name.lower() in carrier.columns)
        or (column.role == "attribute" and column.name.lower() in carrier.shown)
    ]


def _spoken_of(table: Table, carrier: Carrier) -> list[Column]:
    """Where nothing of that is there: the columns shown, or spoken of, or the first one."""
    for names in (carrier.shown, carrier.columns):
        if found := [column for column in table.columns if column.name.lower() in names]:
            return found
    return list(table.columns[:1])


def _cell(snapshot: Snapshot, table: Table, column: Column, position: int) -> Cell:
    rows = snapshot.tables[table.name]
    row: dict[str, Scalar] = {"company": table.company} if table.company else {}
    for key in table.columns:
        if key.role in _KEYS:
            row[key.name] = _scalar(rows.column(key.name)[position].as_py())
    return Cell(
        table=table.name,
        column=column.name,
        row=row,
        value=_scalar(rows.column(column.name)[position].as_py()),
        unit=column.unit,
        scale=column.scale,
        known_at=rows.column(KNOWN_AT)[position].as_py(),
        source=rows.column(SOURCE)[position].as_py() or "",
    )


def _scalar(value: Any) -> Scalar:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def _sources(select: exp.Select) -> list[exp.Expr]:
    start = select.args.get("from_")
    joins: list[exp.Expr] = select.args.get("joins") or []
    return [] if start is None else [start.this, *(join.this for join in joins)]


def _parts(select: exp.Select) -> Iterator[exp.Expr]:
    """A SELECT's clauses, without what it reads from."""
    for name in ("where", "group", "having", "order"):
        if (part := select.args.get(name)) is not None:
            yield part
    yield from select.expressions


def _own(expression: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Nodes of a kind that belong to this SELECT, not to one inside it."""
    for node in expression.walk(prune=lambda n: isinstance(n, exp.Subquery | exp.Select)):
        if isinstance(node, kind):
            yield node


def _columns_of(alias: str, expressions: Sequence[exp.Expr]) -> tuple[str, ...]:
    found = (c for e in expressions for c in _own(e, exp.Column) if c.text("table") == alias)
    return tuple(dict.fromkeys(column.name for column in found))


def _aggregates(expression: exp.Expr) -> bool:
    for node in _own(expression, exp.Expr):
        if type(node) in AGGREGATES:
            outer = node.parent
            while isinstance(outer, exp.Filter | exp.IgnoreNulls):
                outer = outer.parent
            if not isinstance(outer, exp.Window):
                return True
    return False


def _gather(value: exp.Expr, many: bool, rows: int) -> exp.Expr:
    """At most ``rows`` positions of a group, as a list, in memory that does not grow with it."""
    if not many:
        return exp.Anonymous(this="min", expressions=[value, exp.Literal.number(rows)])
    lists = exp.Anonymous(this="list", expressions=[value])
    flat = exp.Anonymous(this="flatten", expressions=[lists])
    first, last = exp.Literal.number(1), exp.Literal.number(rows)
    return exp.Anonymous(this="list_slice", expressions=[flat, first, last])


def _is_neighbour(window: exp.Expr) -> bool:
    inner = window.this
    return isinstance(inner.this if isinstance(inner, exp.IgnoreNulls) else inner, _NEIGHBOUR)


def _around(window: exp.Expr, value: exp.Expr, rows: int) -> exp.Expr | None:
    """The rows that a window function looked at, by the same window; None for ranks."""
    copy = window.copy()
    inner = copy.this
    while isinstance(inner, exp.IgnoreNulls | exp.Filter):
        inner = inner.this
    if isinstance(inner, _NEIGHBOUR):
        inner.set("this", value.copy())
        inner.set("default", None)
        return copy
    if type(inner) in AGGREGATES:
        inner.replace(_gather(value.copy(), False, rows))
        return copy
    return None


def _append(query: exp.Expr, hidden: Sequence[_Hidden], values: Sequence[exp.Expr]) -> None:
    _insert(query, hidden, values, before=0)


def _insert(
    query: exp.Expr, hidden: Sequence[_Hidden], values: Sequence[exp.Expr], *, before: int
) -> None:
    """Add columns to a query, in each arm of a set operation, before its last ``before`` ones."""
    if isinstance(query, exp.SetOperation):
        _insert(query.left, hidden, values, before=before)
        _insert(query.right, hidden, values, before=before)
        return
    if isinstance(query, exp.Subquery):
        _insert(query.this, hidden, values, before=before)
        return
    added = [
        exp.alias_(value.copy(), h.name, quoted=True)
        for h, value in zip(hidden, values, strict=True)
    ]
    there = list(query.expressions)
    at = len(there) - before
    query.set("expressions", [*there[:at], *added, *there[at:]])


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name, quoted=True))
