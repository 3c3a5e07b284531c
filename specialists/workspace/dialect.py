"""The SQL a model may write, as data: which syntax nodes, with which parts, and which functions.

Everything that is not listed is refused. A node is listed with the parts (sqlglot's ``args``) it
may have, so that an option nobody thought of (a sample, a lock, a pivot) is refused as well.
"""

from __future__ import annotations

from sqlglot import exp

_BINARY = frozenset({"this", "expression"})
_UNARY = frozenset({"this"})
_LIST = frozenset({"expressions"})
_SET = frozenset({"this", "expression", "distinct", "order", "limit", "offset", "with_"})

SYNTAX: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset"}
        | {"distinct", "with_"}
    ),
    exp.From: _UNARY,
    exp.Join: frozenset({"this", "on", "using", "side", "kind"}),
    exp.Table: frozenset({"this", "alias"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.With: _LIST,
    exp.CTE: frozenset({"this", "alias"}),
    exp.Union: _SET,
    exp.Intersect: _SET,
    exp.Except: _SET,
    exp.Where: _UNARY,
    exp.Group: frozenset({"expressions", "all"}),
    exp.Having: _UNARY,
    exp.Order: _LIST,
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"expression"}),
    exp.Offset: frozenset({"expression"}),
    exp.Distinct: _LIST,
    exp.Alias: frozenset({"this", "alias"}),
    exp.Column: frozenset({"this", "table"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Boolean: _UNARY,
    exp.Null: frozenset(),
    exp.Star: frozenset(),
    exp.Tuple: _LIST,
    exp.Paren: _UNARY,
    exp.And: _BINARY,
    exp.Or: _BINARY,
    exp.Not: _UNARY,
    exp.EQ: _BINARY,
    exp.NEQ: _BINARY,
    exp.GT: _BINARY,
    exp.GTE: _BINARY,
    exp.LT: _BINARY,
    exp.LTE: _BINARY,
    exp.NullSafeEQ: _BINARY,
    exp.NullSafeNEQ: _BINARY,
    exp.Is: _BINARY,
    exp.Between: frozenset({"this", "low", "high"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Exists: _UNARY,
    exp.Like: frozenset({"this", "expression", "negate"}),
    exp.ILike: frozenset({"this", "expression", "negate"}),
    exp.Add: _BINARY,
    exp.Sub: _BINARY,
    exp.Mul: _BINARY,
    exp.Div: frozenset({"this", "expression", "typed", "safe"}),
    exp.IntDiv: _BINARY,
    exp.Mod: _BINARY,
    exp.Neg: _UNARY,
    exp.DPipe: frozenset({"this", "expression", "safe"}),
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.If: frozenset({"this", "true", "false"}),
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "requires_string", "safe"}),
    exp.DataType: frozenset({"this", "expressions", "nested"}),
    exp.DataTypeParam: _UNARY,
    exp.Window: frozenset({"this", "partition_by", "order", "over", "spec"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
    exp.Filter: _BINARY,
    exp.IgnoreNulls: _UNARY,
}

AGGREGATES: dict[type[exp.Expr], frozenset[str]] = {
    exp.Count: frozenset({"this", "big_int"}),
    exp.Sum: _UNARY,
    exp.Avg: _UNARY,
    exp.Min: _UNARY,
    exp.Max: _UNARY,
    exp.Median: _UNARY,
    exp.Stddev: _UNARY,
    exp.StddevPop: _UNARY,
    exp.StddevSamp: _UNARY,
    exp.Variance: _UNARY,
    exp.VariancePop: _UNARY,
    exp.ArgMax: _BINARY,
    exp.ArgMin: _BINARY,
    exp.AnyValue: _UNARY,
    exp.First: _UNARY,
    exp.Last: _UNARY,
    exp.PercentileCont: _BINARY,
    exp.Quantile: _BINARY,
    exp.Corr: _BINARY,
}
"""Many rows to one value. Those that build lists or strings of any length are not here."""

WINDOW_FUNCTIONS: dict[type[exp.Expr], frozenset[str]] = {
    exp.RowNumber: frozenset(),
    exp.Rank: frozenset(),
    exp.DenseRank: frozenset(),
    exp.PercentRank: frozenset(),
    exp.CumeDist: frozenset(),
    exp.Lag: frozenset({"this", "offset", "default"}),
    exp.Lead: frozenset({"this", "offset", "default"}),
    exp.FirstValue: _UNARY,
    exp.LastValue: _UNARY,
}

SCALARS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Abs: _UNARY,
    exp.Ceil: _UNARY,
    exp.Floor: _UNARY,
    exp.Round: frozenset({"this", "decimals"}),
    exp.Sign: _UNARY,
    exp.Sqrt: _UNARY,
    exp.Pow: _BINARY,
    exp.Exp: _UNARY,
    exp.Ln: _UNARY,
    exp.Log: _BINARY,
    exp.Greatest: frozenset({"this", "expressions", "ignore_nulls"}),
    exp.Least: frozenset({"this", "expressions", "ignore_nulls"}),
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.Nullif: _BINARY,
    exp.Lower: _UNARY,
    exp.Upper: _UNARY,
    exp.Trim: _UNARY,
    exp.Length: _UNARY,
    exp.Substring: frozenset({"this", "start", "length"}),
    exp.Left: _BINARY,
    exp.Right: _BINARY,
    exp.StartsWith: _BINARY,
    exp.EndsWith: _BINARY,
    exp.Contains: frozenset({"this", "expression"}),
    exp.Extract: _BINARY,
    exp.Var: _UNARY,
    exp.Year: _UNARY,
    exp.Quarter: _UNARY,
    exp.Month: _UNARY,
}
"""One row's values to one value, none of them larger than what goes in."""

ALLOWED = SYNTAX | AGGREGATES | WINDOW_FUNCTIONS | SCALARS

TYPES = frozenset(
    {
        exp.DataType.Type.TINYINT,
        exp.DataType.Type.SMALLINT,
        exp.DataType.Type.INT,
        exp.DataType.Type.BIGINT,
        exp.DataType.Type.INT128,
        exp.DataType.Type.FLOAT,
        exp.DataType.Type.DOUBLE,
        exp.DataType.Type.DECIMAL,
        exp.DataType.Type.BOOLEAN,
        exp.DataType.Type.TEXT,
        exp.DataType.Type.VARCHAR,
        exp.DataType.Type.DATE,
    }
)
"""What a value may be cast to."""

FUNCTION_NAMES = (
    "count, sum, avg, min, max, median, stddev, variance, arg_max, arg_min, any_value, first, "
    "last, quantile_cont, corr, row_number, rank, dense_rank, lag, lead, first_value, last_value, "
    "abs, ceil, floor, round, sign, sqrt, power, exp, ln, log, greatest, least, coalesce, nullif, "
    "lower, upper, trim, length, substring, left, right, starts_with, contains, year, cast"
)
"""For people and models: what a refusal names."""
