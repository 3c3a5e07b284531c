"""Which SQL may run: one SELECT, over known tables and columns, in the dialect of ``dialect.py``.

A statement is parsed, checked node by node, resolved (every column gets its table) and written out
again; what runs is the text written here, never the text that came in. Refusals say what would be
right, because a model reads them and tries again. Nothing is executed here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from specialists.foundation.errors import QueryRefused
from specialists.workspace.catalogue import Catalogue, Table
from specialists.workspace.dialect import AGGREGATES, ALLOWED, FUNCTION_NAMES, TYPES
from specialists.workspace.dialect import WINDOW_FUNCTIONS as WINDOWED

MAX_LENGTH = 4_000
"""Characters of a statement."""
MAX_NESTING = 16
"""Open parentheses at once."""
MAX_NODES = 800
"""Nodes of the syntax tree."""
MAX_TABLES = 8
"""Tables read, counting one that is read twice as two."""
MAX_SELECTS = 12
MAX_STRING = 200
"""Characters of a text literal."""
MAX_DIGITS = 40
"""Characters of a number literal."""
MAX_WILDCARDS = 6
"""``%`` in one LIKE pattern."""
MAX_LIMIT = 1_000_000_000

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ufeff]")
PARSER_ERRORS = (
    SqlglotError,
    RecursionError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
)
"""What sqlglot raises on text that is no SQL: its own errors, and those of a parser surprised."""
_OPENING = re.compile(r"[\s;(]*(?:select\b|with\b|from\b|--|/\*)", re.IGNORECASE)
"""How a SELECT begins. Anything else is refused unparsed (sqlglot would log it as a command)."""
_SIDES = {"", "LEFT", "RIGHT", "FULL"}
_KINDS = {"", "INNER", "CROSS", "OUTER"}


@dataclass(frozen=True)
class Admitted:
    """A statement that may run."""

    query: exp.Query
    """Resolved: every column names its table, every identifier is lower-case and quoted. Shared:
    copy before changing it."""
    columns: tuple[str, ...]
    """The result's column names, as the statement wrote them."""

    def sql(self) -> str:
        """The text that runs."""
        return write(self.query)


class Admission:
    """The gate to one catalogue's tables. Remembers the statements it admitted."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._tables = {table.name.lower(): table for table in catalogue.tables}
        self._schema = {
            name: {c.name.lower(): _type(c.type) for c in table.columns}
            for name, table in self._tables.items()
        }
        self._known = MappingSchema({**self._schema}, dialect="duckdb")
        self.admit = lru_cache(maxsize=512)(self._admit)

    def _admit(self, sql: str) -> Admitted:
        """Check a statement.

        Raises:
            QueryRefused: it is not of the allowed language, or speaks of what is not there.
        """
        query = parse(sql)
        self._check_tables(query)
        self._check_columns(query)
        _check_bounded(query)
        try:
            columns = tuple(_name(column) for column in query.selects)
            named = _with_names(query.copy())
            resolved = qualify(named, dialect="duckdb", schema=self._known)
        except OptimizeError as error:
            raise QueryRefused(self._unresolved(str(error), query)) from None
        except PARSER_ERRORS as error:
            raise QueryRefused(_explain(error)) from None
        if not isinstance(resolved, exp.Select | exp.SetOperation) or len(resolved.selects) != len(
            columns
        ):
            raise QueryRefused("the query cannot be resolved; name its columns one by one")
        return Admitted(resolved, columns)

    def _unresolved(self, message: str, query: exp.Query) -> str:
        named = re.search(r"'([^']+)'", message)
        name = named[1].lower() if named else ""
        read = sorted({table.name.lower() for table in query.find_all(exp.Table)})
        holders = [table for table in read if name in self._schema.get(table, {})]
        if len(holders) > 1:
            return (
                f"the column {name!r} is in the tables {', '.join(holders)}: write it as "
                "table.column"
            )
        return _explain(OptimizeError(message))

    def _check_tables(self, query: exp.Query) -> None:
        known = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
        tables = list(query.find_all(exp.Table))
        if len(tables) > MAX_TABLES:
            raise QueryRefused(f"the query reads {len(tables)} tables; {MAX_TABLES} are allowed")
        for table in tables:
            name = table.name.lower()
            if name not in known and name not in self._tables:
                raise QueryRefused(self._no_table(table.name))

    def _check_columns(self, query: exp.Query) -> None:
        """A first look that can name what exists; ``qualify`` then resolves each for good."""
        read = [
            self._tables[name]
            for name in dict.fromkeys(t.name.lower() for t in query.find_all(exp.Table))
            if name in self._tables
        ]
        known = {c.name.lower() for table in read for c in table.columns}
        known |= {alias.alias.lower() for alias in query.find_all(exp.Alias)}
        for alias in query.find_all(exp.TableAlias):
            known |= {column.name.lower() for column in alias.columns}
        for column in query.find_all(exp.Column):
            if column.name.lower() not in known:
                raise QueryRefused(self._no_column(column.name, read))

    def _no_table(self, name: str) -> str:
        names = [table.name for table in self._tables.values()]
        if len(names) > 30:
            near = difflib.get_close_matches(name.lower(), names, n=10, cutoff=0.4)
            return (
                f"unknown table {name[:60]!r}; of {len(names)} tables the nearest are "
                f"{', '.join(near) or ', '.join(names[:10])}; list_tables names them all"
            )
        return f"unknown table {name[:60]!r}; the tables are {', '.join(names) or 'none'}"

    def _no_column(self, name: str, read: Sequence[Table]) -> str:
        if not read:
            return f"unknown column {name[:60]!r}: the query reads no table"
        there = "; ".join(
            f"table {table.name} has the columns {', '.join(c.name for c in table.columns)}"
            for table in read[:4]
        )
        return f"unknown column {name[:60]!r}; {there[:2000]}"


def parse(sql: str) -> exp.Query:
    """Parse a statement and check all that can be checked without knowing the tables.

    Raises:
        QueryRefused: not one SELECT of the allowed language.
    """
    if not sql.strip():
        raise QueryRefused("the query is empty")
    if len(sql) > MAX_LENGTH:
        raise QueryRefused(f"the query has {len(sql)} characters; {MAX_LENGTH} are allowed")
    if _CONTROL.search(sql):
        raise QueryRefused("the query contains control characters")
    if _nesting(sql) > MAX_NESTING:
        raise QueryRefused(f"the query is nested deeper than {MAX_NESTING} parentheses")
    if not _OPENING.match(sql):
        raise QueryRefused("only SELECT is allowed")
    try:
        statements = [s for s in sqlglot.parse(sql, dialect="duckdb") if s is not None]
    except PARSER_ERRORS as error:
        raise QueryRefused(_explain(error)) from None
    if len(statements) != 1:
        raise QueryRefused(f"{len(statements)} statements in one query; one SELECT is allowed")
    query = statements[0]
    if isinstance(query, exp.Subquery) and not query.alias:
        query = query.unnest()
    if not isinstance(query, exp.Select | exp.SetOperation):
        raise QueryRefused("only SELECT is allowed")
    nodes = list(_walk(query))
    for node in nodes:
        _check_node(node)
    _check_size(query, nodes)
    return query


def write(query: exp.Query) -> str:
    """A query's text, without the comments it came with."""
    return query.sql(dialect="duckdb", comments=False)


def _walk(query: exp.Query) -> Iterator[exp.Expr]:
    for count, node in enumerate(query.walk()):
        if count >= MAX_NODES:
            raise QueryRefused("the query is too long; ask for less at once")
        yield node


def _check_node(node: exp.Expr) -> None:
    parts = ALLOWED.get(type(node))
    if parts is None:
        raise QueryRefused(_not_allowed(node))
    for name, value in node.args.items():
        if value not in (None, False, "", []) and name not in parts:
            raise QueryRefused(f"{_words(name)} is not allowed in {_text(node)}")
    check = _CHECKS.get(type(node))
    if check is not None:
        check(node)


def _not_allowed(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name().lower()
        return f"the function {name[:40]} is not allowed; there are {FUNCTION_NAMES}"
    if isinstance(node, exp.Query | exp.Values | exp.Table):
        return f"{_text(node)} is not allowed: read the tables by name"
    return f"{type(node).__name__} is not allowed: {_text(node)}"


def _check_identifier(node: exp.Expr) -> None:
    name = node.name
    if name.startswith("_"):
        raise QueryRefused(f"unknown name {name[:60]!r}: no name begins with an underscore")
    if not name or len(name) > MAX_STRING:
        raise QueryRefused("a name is empty or too long")


def _check_literal(node: exp.Expr) -> None:
    if node.args.get("is_string"):
        if len(node.name) > MAX_STRING:
            raise QueryRefused(f"a text literal has more than {MAX_STRING} characters")
    elif len(node.name) > MAX_DIGITS:
        raise QueryRefused(f"a number has more than {MAX_DIGITS} digits")


def _check_star(node: exp.Expr) -> None:
    if not isinstance(node.parent, exp.Count):
        raise QueryRefused("SELECT * is not allowed: name the columns you need")


def _check_table(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Identifier):
        raise QueryRefused(f"{_text(node)} is not a table: read the tables by name")


def _check_column(node: exp.Expr) -> None:
    if isinstance(node.this, exp.Star):
        raise QueryRefused("SELECT * is not allowed: name the columns you need")


def _check_join(node: exp.Expr) -> None:
    if node.text("side").upper() not in _SIDES or node.text("kind").upper() not in _KINDS:
        raise QueryRefused("only INNER, LEFT, RIGHT, FULL and CROSS joins are allowed")


def _check_cast(node: exp.Expr) -> None:
    target = node.args["to"]
    if not isinstance(target, exp.DataType) or target.this not in TYPES:
        raise QueryRefused(f"cannot cast to {_text(target)}; cast to INTEGER, DOUBLE or VARCHAR")


def _check_type(node: exp.Expr) -> None:
    for parameter in node.expressions:
        number = parameter.this
        if not isinstance(number, exp.Literal) or not number.name.isdigit() or len(number.name) > 2:
            raise QueryRefused(f"{_text(node)} is not a plain type")


def _check_like(node: exp.Expr) -> None:
    pattern = node.args["expression"]
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise QueryRefused("LIKE takes a text literal")
    if pattern.name.count("%") > MAX_WILDCARDS:
        raise QueryRefused(f"a LIKE pattern has more than {MAX_WILDCARDS} wildcards")


def _check_count(node: exp.Expr) -> None:
    """LIMIT and OFFSET take a plain whole number."""
    number = node.args.get("expression")
    if (
        not isinstance(number, exp.Literal)
        or not number.name.isdigit()
        or int(number.name) > MAX_LIMIT
    ):
        raise QueryRefused("LIMIT and OFFSET take a whole number")


def _check_windowed(node: exp.Expr) -> None:
    parent = node.parent
    if isinstance(parent, exp.IgnoreNulls):
        parent = parent.parent
    if not isinstance(parent, exp.Window):
        raise QueryRefused(f"{_text(node)} needs an OVER (…)")


def _check_window(node: exp.Expr) -> None:
    inner = node.this
    while isinstance(inner, exp.Filter | exp.IgnoreNulls):
        inner = inner.this
    if type(inner) not in WINDOWED and type(inner) not in AGGREGATES:
        raise QueryRefused(f"{_text(node)} is not a window over an aggregate or a rank")


def _check_round(node: exp.Expr) -> None:
    digits = node.args.get("decimals")
    if digits is not None and not isinstance(digits, exp.Literal | exp.Neg):
        raise QueryRefused("round() takes a number of decimals")


_CHECKS = {
    exp.Identifier: _check_identifier,
    exp.Literal: _check_literal,
    exp.Star: _check_star,
    exp.Table: _check_table,
    exp.Column: _check_column,
    exp.Join: _check_join,
    exp.Cast: _check_cast,
    exp.TryCast: _check_cast,
    exp.DataType: _check_type,
    exp.Like: _check_like,
    exp.ILike: _check_like,
    exp.Limit: _check_count,
    exp.Offset: _check_count,
    exp.Window: _check_window,
    exp.Round: _check_round,
    **dict.fromkeys(WINDOWED, _check_windowed),
}


def _check_size(query: exp.Query, nodes: Sequence[exp.Expr]) -> None:
    selects = sum(isinstance(node, exp.Select) for node in nodes)
    if selects > MAX_SELECTS:
        raise QueryRefused(f"the query has {selects} SELECTs; {MAX_SELECTS} are allowed")
    for node in nodes:
        if isinstance(node, exp.Select) and not node.expressions:
            raise QueryRefused("SELECT names no column")
    if any(isinstance(node, exp.Star) for node in query.selects):
        raise QueryRefused("SELECT * is not allowed: name the columns you need")


def _check_bounded(query: exp.Query) -> None:
    """Refuse to read a whole table: a query filters, aggregates or limits."""
    if not query.find(exp.Table):
        return
    bounding = (exp.Where, exp.Group, exp.Having, exp.Limit, exp.Distinct, *AGGREGATES)
    if not query.find(*bounding):
        raise QueryRefused(
            "the query would read a whole table: add a filter (WHERE company = … AND "
            "fiscal_year = …), an aggregate or a LIMIT"
        )


def _nesting(sql: str) -> int:
    """The deepest nesting of brackets, without regard to text literals: an upper bound."""
    depth = deepest = 0
    for character in sql:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth = max(0, depth - 1)
    return deepest


def _with_names(query: exp.Query) -> exp.Query:
    """Wrap and name subqueries in SELECT lists: ``qualify`` trips over ORDER BY 1 of a bare one."""
    for select in list(query.find_all(exp.Select)):
        for at, column in enumerate(select.expressions):
            if isinstance(column, exp.Subquery):
                name = column.alias or f"column{at + 1}"
                column.set("alias", None)
                wrapped = exp.Paren(this=column.copy())
                column.replace(exp.alias_(wrapped, name, quoted=True))
    return query


def _name(column: exp.Expr) -> str:
    if isinstance(column, exp.Alias | exp.Column) or column.alias:
        return column.alias_or_name
    return column.sql(dialect="duckdb").lower()[:60]


def _type(kind: str) -> str:
    return {"number": "DOUBLE", "date": "DATE"}.get(kind, "TEXT")


def _words(part: str) -> str:
    return part.strip("_").replace("_", " ").upper()


def _text(node: exp.Expr) -> str:
    try:
        return node.sql(dialect="duckdb")[:60]
    except PARSER_ERRORS:  # too deep or too odd to write out
        return type(node).__name__


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _explain(error: Exception) -> str:
    """sqlglot's complaint in one line."""
    if isinstance(error, RecursionError):
        return "the query is nested too deeply"
    text = _ANSI.sub("", str(error)).split("\n")[0].strip()
    return f"the query cannot be read: {text[:300]}"
