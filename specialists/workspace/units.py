"""The unit and scale of a query's columns, read off its expressions.

``revenue`` in USD millions stays so through sum, average, maximum, difference; ``revenue /
total_assets`` is a ratio, a hundred times a ratio is a percentage, a count is a count. What cannot
be told is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from specialists.workspace.catalogue import Catalogue, Table


@dataclass(frozen=True)
class Unit:
    """``value × scale`` of ``unit``, as in ``contracts.Quantity``."""

    unit: str
    scale: float


_KEEPING = (
    exp.Alias,
    exp.Paren,
    exp.Cast,
    exp.Round,
    exp.Abs,
    exp.Ceil,
    exp.Floor,
    exp.Neg,
    exp.Sum,
    exp.Avg,
    exp.Min,
    exp.Max,
    exp.Median,
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.AnyValue,
    exp.First,
    exp.Last,
    exp.Quantile,
    exp.PercentileCont,
    exp.ArgMax,
    exp.ArgMin,
    exp.Filter,
    exp.IgnoreNulls,
    exp.Window,
    exp.Lag,
    exp.Lead,
    exp.FirstValue,
    exp.LastValue,
    exp.Nullif,
)
_POWERS = {100.0, 1e3, 1e6, 1e9}


def units(query: exp.Query, catalogue: Catalogue) -> list[Unit | None]:
    """The unit of each column of a resolved query."""
    tables = {table.name.lower(): table for table in catalogue.tables}
    return _Reader(tables).columns(query, {})


class _Reader:
    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def columns(self, query: exp.Expr, known: Mapping[str, exp.Expr]) -> list[Unit | None]:
        """Units of a query's columns. ``known``: common table expressions in reach."""
        if isinstance(query, exp.Subquery):
            return self.columns(query.this, known)
        known = {**known, **{cte.alias: cte.this for cte in getattr(query, "ctes", ())}}
        if isinstance(query, exp.SetOperation):
            left, right = self.columns(query.left, known), self.columns(query.right, known)
            return [a if a == b else None for a, b in zip(left, right, strict=False)]
        sources = {source.alias_or_name: source for source in _sources(query)}
        return [self._of(e, sources, known) for e in query.expressions]

    def _of(
        self,
        node: exp.Expr,
        sources: Mapping[str, exp.Expr],
        known: Mapping[str, exp.Expr],
    ) -> Unit | None:
        if isinstance(node, exp.Column):
            return self._column(node, sources, known)
        if isinstance(node, exp.Count):
            return Unit("count", 1.0)
        if isinstance(node, _KEEPING):
            return self._of(node.this, sources, known)
        if isinstance(node, exp.Subquery):
            return (self.columns(node.this, known) or [None])[0]
        if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
            return self._shared([node.this, *node.expressions], sources, known)
        if isinstance(node, exp.Case):
            values = [branch.args["true"] for branch in node.args["ifs"]]
            return self._shared([*values, node.args.get("default")], sources, known)
        if isinstance(node, exp.Add | exp.Sub):
            left = self._of(node.left, sources, known)
            return left if left == self._of(node.right, sources, known) else None
        if isinstance(node, exp.Mul):
            return self._product(node, sources, known)
        if isinstance(node, exp.Div):
            return self._quotient(node, sources, known)
        return None

    def _column(
        self,
        node: exp.Column,
        sources: Mapping[str, exp.Expr],
        known: Mapping[str, exp.Expr],
    ) -> Unit | None:
        source = sources.get(node.table)
        if source is None:
            return None
        inner = source.this if isinstance(source, exp.Subquery) else known.get(source.name)
        if inner is not None:
            reachable = {k: v for k, v in known.items() if v is not inner}
            names = [e.alias_or_name for e in getattr(inner, "selects", ())]
            columns = self.columns(inner, reachable)
            return columns[names.index(node.name)] if node.name in names else None
        table = self._tables.get(source.name)
        found = next(
            (c for c in table.columns if c.name.lower() == node.name) if table else iter(()), None
        )
        if found is None or found.role != "measure" or found.type != "number":
            return None
        return Unit(found.unit, found.scale)

    def _shared(
        self,
        nodes: Iterable[exp.Expr | None],
        sources: Mapping[str, exp.Expr],
        known: Mapping[str, exp.Expr],
    ) -> Unit | None:
        """The unit that all of them have; literals have none and do not count."""
        found = {
            self._of(node, sources, known)
            for node in nodes
            if node is not None and not isinstance(node, exp.Literal | exp.Null)
        }
        return found.pop() if len(found) == 1 else None

    def _product(
        self, node: exp.Mul, sources: Mapping[str, exp.Expr], known: Mapping[str, exp.Expr]
    ) -> Unit | None:
        left, right = self._of(node.left, sources, known), self._of(node.right, sources, known)
        number = _number(node.right) if left else _number(node.left)
        unit = left or right
        if unit is None or number is None:
            return None
        return _settled(unit.unit, unit.scale / number) if number in _POWERS else unit

    def _quotient(
        self, node: exp.Div, sources: Mapping[str, exp.Expr], known: Mapping[str, exp.Expr]
    ) -> Unit | None:
        left, right = self._of(node.left, sources, known), self._of(node.right, sources, known)
        if left is None:
            return None
        if right is not None:
            same = left.unit == right.unit
            return _settled("x", left.scale / right.scale) if same else None
        number = _number(node.right)
        if number is None:
            return None
        return _settled(left.unit, left.scale * number) if number in _POWERS else left


def _settled(unit: str, scale: float) -> Unit:
    """A hundredth of a ratio is a per cent."""
    if unit == "x" and abs(scale - 0.01) < 1e-12:
        return Unit("%", 1.0)
    if unit == "%" and abs(scale - 100) < 1e-9:
        return Unit("x", 1.0)
    return Unit(unit, scale)


def _number(node: exp.Expr) -> float | None:
    while isinstance(node, exp.Paren | exp.Cast):
        node = node.this
    return float(node.name) if isinstance(node, exp.Literal) and not node.is_string else None


def _sources(query: exp.Expr) -> list[exp.Expr]:
    start = query.args.get("from_")
    joins: list[exp.Expr] = query.args.get("joins") or []
    return [] if start is None else [start.this, *(join.this for join in joins)]
