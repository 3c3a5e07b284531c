"""The short SQL a small model writes, read and turned into real SQL.

``SELECT AVG(<c1>) FROM <t1> WHERE <e1> AND <p1>`` · ``SELECT <c1>, <c2> FROM <t1> WHERE <e1> AND
ENDS(<p1>)`` · ``SELECT company, <c1> FROM <t1> WHERE <p1> AND <r1> ORDER BY <c1> DESC LIMIT 1`` ·
``SELECT company, <c1>, <c2> FROM <t1> WHERE <p1> ORDER BY <c1> / <c2> DESC LIMIT 1`` · ``SELECT
<c1> FROM <t1> WHERE <p1> AND ( <e1> OR <e2> )``. ``ENDS`` means the first and the last year of a
range. Whatever this writes is still hostile input to the sandbox; nothing here runs it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from specialists.foundation.errors import AnswerError
from specialists.workspace.catalogue import Catalogue, Column, Period, Role, Table
from specialists.workspace.handles import Handles
from specialists.workspace.links import Measure, RowKey

AGGREGATES = ("SUM", "AVG", "MIN", "MAX")
KEYS: dict[str, Role] = {"company": "company", "fiscal_year": "period", "label": "label"}
"""The bare words of the short SQL, and the part of a table's key they mean."""
LIMIT_ROWS = 50

_QUERY = re.compile(
    r"SELECT (?P<select>.+?) FROM (?P<table><t\d+>)(?: WHERE (?P<where>.+?))?"
    r"(?: ORDER BY (?P<order>\S+)(?: / (?P<over><c\d+>))? (?P<way>DESC|ASC) LIMIT 1)?"
)
_AGGREGATE = re.compile(r"(SUM|AVG|MIN|MAX)\((<c\d+>)\)")
_ENDS = re.compile(r"ENDS\((<p\d+>)\)")
_EITHER = re.compile(r"\( (<[epr]\d+>(?: OR <[epr]\d+>)+) \)")


@dataclass(frozen=True)
class Condition:
    """Rows whose ``column`` is one of ``values``, or between the first and the last of them."""

    column: Column | None
    """None where the table has no such column and every row fits (a table about one company)."""
    values: tuple[str | int, ...]
    between: bool = False
    key: bool = False
    """The values are wanted one by one, in this order: each is a row of the answer."""


@dataclass(frozen=True)
class Lookup:
    """A query, resolved against one catalogue."""

    table: Table
    columns: tuple[Column, ...]
    """What is shown, in order."""
    aggregate: str | None = None
    where: tuple[Condition, ...] = ()
    order: Column | None = None
    over: Column | None = None
    """What ``order`` is divided by, where rows are ranked by a ratio."""
    way: Literal["ASC", "DESC"] = "DESC"

    @property
    def keys(self) -> tuple[Condition, ...]:
        """The conditions whose values name the rows wanted."""
        return tuple(c for c in self.where if c.key and c.column is not None)

    @property
    def years(self) -> int | None:
        """How many rows an aggregate over years should have; None where that is not known."""
        spans = [c for c in self.where if c.between]
        whose = [c for c in self.where if c.column is None or c.column.role != "period"]
        labels = self.table.column("label") is not None
        if self.aggregate is None or len(spans) != 1 or not whose or labels:
            return None
        first, last = spans[0].values
        return int(last) - int(first) + 1


def read(query: str, handles: Handles, catalogue: Catalogue) -> Lookup:
    """Resolve a short query.

    Raises:
        AnswerError: not in the short language, or the table has not what it asks for.
    """
    match = _QUERY.fullmatch(query.strip())
    if match is None:
        raise AnswerError("cannot read this query")
    table = _table(match["table"], handles, catalogue)
    aggregate = _AGGREGATE.fullmatch(match["select"])
    items = [aggregate[2]] if aggregate else match["select"].split(", ")
    columns = tuple(_column(i, match["table"], table, handles) for i in items)
    where = [_condition(c, match["table"], table, handles) for c in _conjuncts(match["where"])]
    order = _column(match["order"], match["table"], table, handles) if match["order"] else None
    over = _column(match["over"], match["table"], table, handles) if match["over"] else None
    if not where and order is None and aggregate is None:
        raise AnswerError("a query needs WHERE or an aggregate")
    way = "ASC" if match["way"] == "ASC" else "DESC"
    return Lookup(
        table, columns, aggregate[1] if aggregate else None, tuple(where), order, over, way
    )


def _conjuncts(text: str | None) -> list[str]:
    return text.split(" AND ") if text else []


def _table(handle: str, handles: Handles, catalogue: Catalogue) -> Table:
    name = handles.resolve(handle).value
    found = next((t for t in catalogue.tables if t.name == name), None)
    if found is None:
        raise AnswerError(f"no table {handle}")
    return found


def _column(item: str, where: str, table: Table, handles: Handles) -> Column:
    role = KEYS.get(item)
    measure = None if role else handles.resolve(item).value
    column = table.column(role) if role else None
    if isinstance(measure, Measure):
        column = held(measure, table)
    if column is None:
        raise AnswerError(f"{where} has no {item}")
    return column


def held(measure: Measure, table: Table) -> Column | None:
    """The column of a table that holds a measure."""
    names = [c for t, c in measure.options if t == table.name]
    return table.named(names[0]) if names else None


def _condition(text: str, where: str, table: Table, handles: Handles) -> Condition:
    if ends := _ENDS.fullmatch(text):
        period: Period = handles.resolve(ends[1]).value
        years = tuple(dict.fromkeys((period.first, period.last)))
        return Condition(_period(where, table), years, key=True)
    either = _EITHER.fullmatch(text)
    parts = either[1].split(" OR ") if either else [text]
    if len({p[:2] for p in parts}) != 1:
        raise AnswerError("cannot mix kinds in OR")
    found = [_single(p, where, table, handles) for p in parts]
    if len(found) == 1:
        return found[0]
    if any(c.between for c in found):
        raise AnswerError("OR takes single years")
    values = tuple(v for c in found for v in c.values)
    if found[0].column is not None and found[0].column.role == "period":
        values = tuple(sorted(values))
    return Condition(found[0].column, values, key=True)


def _single(handle: str, where: str, table: Table, handles: Handles) -> Condition:
    value = handles.resolve(handle).value
    if isinstance(value, Period):
        column = _period(where, table)
        if value.first == value.last:
            return Condition(column, (value.first,))
        return Condition(column, (value.first, value.last), between=True)
    if isinstance(value, RowKey):
        column = table.named(value.column)
        if column is None or table.name not in value.tables:
            raise AnswerError(f"{where} has no {handle}")
        return Condition(column, (value.value,))
    if not isinstance(value, str):
        raise AnswerError(f"{handle} is no condition")
    column = table.column("company")
    if column is None and table.company != value:
        raise AnswerError(f"{where} has no {handle}")
    return Condition(column, (value,))


def _period(where: str, table: Table) -> Column:
    column = table.column("period")
    if column is None:
        raise AnswerError(f"{where} has no fiscal_year")
    return column


# --- real SQL -----------------------------------------------------------------------------------


def sql(lookup: Lookup) -> str:
    """The query as DuckDB takes it. Key columns of wanted rows come before the columns shown."""
    shown = [_name(c) for c in lookup.columns]
    if lookup.aggregate:
        shown = [f"{lookup.aggregate}({shown[0]})", f"COUNT({shown[0]})"]
    keys = [_name(c.column) for c in lookup.keys if c.column is not None]
    if lookup.aggregate:
        keys = []
    conditions = [t for c in lookup.where if (t := _where(c))]
    if lookup.order is not None:
        conditions.append(f"{_name(lookup.order)} IS NOT NULL")
    if lookup.over is not None:
        conditions.append(f"{_name(lookup.over)} <> 0")
    text = f"SELECT {', '.join([*keys, *shown])} FROM {_quoted(lookup.table.name)}"
    if conditions:
        text += f" WHERE {' AND '.join(conditions)}"
    if lookup.order is not None:
        by = _name(lookup.order)
        if lookup.over is not None:
            by = f"{by} / {_name(lookup.over)}"
        return f"{text} ORDER BY {by} {lookup.way} LIMIT 1"
    if lookup.aggregate:
        return text
    period = lookup.table.column("period")
    if period is not None:
        text += f" ORDER BY {_name(period)}"
    return f"{text} LIMIT {LIMIT_ROWS}"


def _where(condition: Condition) -> str:
    column = condition.column
    if column is None:
        return ""
    name = f"year({_name(column)})" if column.type == "date" else _name(column)
    values = [_literal(v, column) for v in condition.values]
    if condition.between:
        return f"{name} BETWEEN {values[0]} AND {values[1]}"
    if len(values) == 1:
        return f"{name} = {values[0]}"
    return f"{name} IN ({', '.join(values)})"


def _literal(value: str | int, column: Column) -> str:
    if isinstance(value, int) and column.type != "text":
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _name(column: Column) -> str:
    return _quoted(column.name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# --- the grammar --------------------------------------------------------------------------------


def pattern(tables: Sequence[tuple[str, Table]], handles: Handles) -> str | None:
    """A regular expression of all queries that make sense over these tables; None where none does.

    Args:
        tables: handle and table of each table already described.
    """
    options = [p for handle, table in tables if (p := _table_pattern(handle, table, handles))]
    return "|".join(f"({o})" for o in options) if options else None


def _table_pattern(handle: str, table: Table, handles: Handles) -> str | None:
    measures = [h for h in handles.of("c") if held(handles.resolve(h).value, table) is not None]
    if not measures:
        return None
    one = f"({'|'.join(measures)})"
    shown = [one, f"{one}, {one}", rf"({'|'.join(AGGREGATES)})\({one}\)"]
    keys = [word for word, role in KEYS.items() if table.column(role) is not None]
    if keys:
        shown.append(f"({'|'.join(keys)}), {one}(, {one})?")
    conditions = _conditions(table, handles)
    by = "|".join([*measures, *(["fiscal_year"] if "fiscal_year" in keys else [])])
    text = f"SELECT ({'|'.join(shown)}) FROM {handle}"
    if conditions:
        any_of = f"({'|'.join(conditions)})"
        text += f"( WHERE {any_of}( AND {any_of}){{0,3}})?"
    return f"{text}( ORDER BY ({by})( / {one})? (DESC|ASC) LIMIT 1)?"


def _conditions(table: Table, handles: Handles) -> list[str]:
    found: list[str] = []
    for kind in ("e", "p", "r"):
        fit = [h for h in handles.of(kind) if _fits(h, table, handles)]
        single = fit
        if kind == "p":
            single = [h for h in fit if _is_year(handles.resolve(h).value)]
            found += [rf"ENDS\({h}\)" for h in fit if h not in single]
        found += fit
        if len(single) > 1:
            one = f"({'|'.join(single)})"
            found.append(rf"\( {one} OR {one} \)")
    return found


def _is_year(period: Period) -> bool:
    return period.first == period.last


def _fits(handle: str, table: Table, handles: Handles) -> bool:
    try:
        _single(handle, "", table, handles)
    except AnswerError:
        return False
    return True
