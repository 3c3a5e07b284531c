"""What a gold plan comes to, without a model: lookups and aggregates read off the rows, arithmetic
done here, screens run by the code that serves them.

It knows the steps that generated plans are made of and refuses the others, rather than guess: a
plan it executes makes a question with a gold answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from specialists.foundation.contracts import Plan, Quantity, Ref, Subtask
from specialists.foundation.errors import FinrouteError
from specialists.table_qa import screen
from specialists.workspace.catalogue import Column
from specialists.workspace.links import Linker, Measure
from specialists.workspace.tools import Tools

Value = Quantity | str


class Unknown(FinrouteError):
    """The plan asks for something the oracle does not know how to do, or the rows do not say."""


async def execute(plan: Plan, tools: Tools, linker: Linker) -> dict[str, Value]:
    """The value of every step.

    Raises:
        Unknown: a step it cannot do for certain.
    """
    found: dict[str, Value] = {}
    for step in plan.subtasks:
        if step.specialist == "calculation":
            found[step.id] = _calculated(step, found)
        elif step.specialist != "table_qa":
            raise Unknown(f"{step.specialist} has no oracle")
        elif "screen" in step.inputs:
            found[step.id] = await _screened(step, tools, linker)
        else:
            found[step.id] = _looked_up(step, tools, linker)
    return found


async def _screened(step: Subtask, tools: Tools, linker: Linker) -> Value:
    try:
        conclusion = await screen.settle(step, tools, linker)
    except FinrouteError as error:
        raise Unknown(str(error)) from error
    if conclusion is None or conclusion.status != "ok" or conclusion.value is None:
        raise Unknown("the screen found nothing")
    return conclusion.value


# --- rows ---------------------------------------------------------------------------------------


def _looked_up(step: Subtask, tools: Tools, linker: Linker) -> Value:
    company, row = step.inputs.get("company"), step.inputs.get("row")
    table, column = _column(str(step.inputs.get("measure", "")), row is not None, tools, linker)
    catalogue = {t.name: t for t in tools.snapshot.catalogue.tables}[table]
    who, when, label = (catalogue.column(role) for role in ("company", "period", "label"))
    if not isinstance(company, str) or who is None or (label is not None) != (row is not None):
        raise Unknown("which row is meant cannot be said for certain")
    rows = [r for r in tools.snapshot.tables[table].to_pylist() if r[who.name] == company]
    if label is not None:
        rows = [r for r in rows if r[label.name] == row]
    if when is not None:
        years = [int(y) for y in str(step.inputs.get("period", "")).split(" to ") if y.isdigit()]
        rows = [r for r in rows if years and years[0] <= r[when.name] <= years[-1]]
        if not years or len(rows) != years[-1] - years[0] + 1:
            raise Unknown("no year is asked for, one is missing, or one is told twice")
    told = [r[column.name] for r in rows]
    if not told or any(value is None for value in told):
        raise Unknown("the rows do not say")
    return _reduced(told, column, step.inputs.get("aggregate"))


def _column(label: str, parts: bool, tools: Tools, linker: Linker) -> tuple[str, Column]:
    """The table and the column of a measure; ``parts``: of a segment, say."""
    linked = linker.link(label)
    meant = [t.value for _, t in linked.handles.items() if t.kind == "c"]
    if len(meant) != 1 or not isinstance(meant[0], Measure):
        raise Unknown(f"{label!r} is no single column")
    labelled = {t.name for t in tools.snapshot.catalogue.tables if t.column("label") is not None}
    options = [(t, c) for t, c in meant[0].options if (t in labelled) == parts]
    if parts and not options:
        options = [o for name in labelled for o in _part_of(name, label, tools, linker)]
    if not options:
        raise Unknown(f"no table tells {label!r} so")
    table, name = options[0]
    columns = {t.name: t.columns for t in tools.snapshot.catalogue.tables}[table]
    return table, next(c for c in columns if c.name == name)


def _part_of(table: str, label: str, tools: Tools, linker: Linker) -> list[tuple[str, str]]:
    """The column of a table of parts that is told as ``segment <measure>``."""
    catalogue = {t.name: t for t in tools.snapshot.catalogue.tables}[table]
    part = catalogue.column("label")
    titles = {c.title.casefold(): c.name for c in catalogue.columns}
    name = titles.get(f"{part.title} {label}".casefold()) if part is not None else None
    return [(table, name)] if name is not None else []


def _reduced(told: Sequence[object], column: Column, aggregate: object) -> Value:
    if aggregate is None and len(told) == 1 and isinstance(told[0], str):
        return told[0]
    numbers = [float(v) for v in told if isinstance(v, int | float)]
    if len(numbers) != len(told):
        raise Unknown("not all are numbers")
    reduce: Mapping[object, Callable[[list[float]], float]] = {
        None: lambda n: n[0],
        "average": lambda n: math.fsum(n) / len(n),
        "total": math.fsum,
        "sum": math.fsum,
        "highest": max,
        "lowest": min,
    }
    if aggregate not in reduce or (aggregate is None and len(numbers) > 1):
        raise Unknown(f"no aggregate {aggregate!r}")
    value = reduce[aggregate](numbers)
    return Quantity(value=value, unit=column.unit, scale=column.scale)


# --- arithmetic ---------------------------------------------------------------------------------


def _calculated(step: Subtask, found: Mapping[str, Value]) -> Value:
    values = [found[v.ref] for v in step.inputs.values() if isinstance(v, Ref)]
    numbers = [v for v in values if isinstance(v, Quantity)]
    units = {n.unit for n in numbers}
    if len(numbers) != len(values) or len(units) != 1:
        raise Unknown("not numbers of one unit")
    unit = units.pop()
    amounts = [n.amount for n in numbers]
    operation = step.inputs.get("operation")
    if operation == "greater":
        return _greater(step, amounts, unit)
    if operation in {"sum", "average", "maximum", "minimum"}:
        many = {"sum": math.fsum, "maximum": max, "minimum": min}
        mean = math.fsum(amounts) / len(amounts)
        value = mean if operation == "average" else many[str(operation)](amounts)
        return Quantity(value=value, unit=unit)
    if len(amounts) != 2:
        raise Unknown(f"{operation} takes two numbers")
    return _of_two(str(operation), amounts[0], amounts[1], unit, step)


def _of_two(operation: str, a: float, b: float, unit: str, step: Subtask) -> Quantity:
    if operation == "difference":
        return Quantity(value=a - b, unit=unit)
    if operation in {"ratio", "share"} and b != 0:
        of_percents = unit == "%" and operation == "share"
        if of_percents:
            raise Unknown("a share of percentages")
        hundred = 100.0 if operation == "share" else 1.0
        return Quantity(value=a / b * hundred, unit="%" if operation == "share" else "x")
    if operation == "growth" and a > 0:
        return Quantity(value=(b - a) / a * 100, unit="%")
    if operation == "cagr" and a > 0 and b > 0:
        years = _between(step.instruction)
        return Quantity(value=((b / a) ** (1 / years) - 1) * 100, unit="%")
    raise Unknown(f"{operation} of {a:g} and {b:g} means nothing")


def _between(instruction: str) -> int:
    """Years from the first to the last that a step's instruction names."""
    years = [int(word) for word in instruction.replace("?", " ").split() if _year(word)]
    if len(years) < 2 or max(years) == min(years):
        raise Unknown("no two years are named")
    return max(years) - min(years)


def _year(word: str) -> bool:
    return len(word) == 4 and word.isdigit() and word[:2] in {"19", "20"}


def _greater(step: Subtask, amounts: Sequence[float], unit: str) -> str:
    limit = step.inputs.get("limit")
    if len(amounts) == 2:
        return "yes" if amounts[0] > amounts[1] else "no"
    if len(amounts) != 1 or not isinstance(limit, int | float):
        raise Unknown("nothing to compare with")
    if step.inputs.get("unit") not in ("", unit):
        raise Unknown("a limit in another unit")
    above = amounts[0] > limit
    return "yes" if above == (step.inputs.get("side") != "below") else "no"
