"""Whether a table answer is right: against gold, and without gold by the cells it stands on.

A number matches within 0.1 % of gold; its amount (value × scale), its sign and its unit count, so
that thousands for millions, a fraction for a percentage or the wrong currency are errors. A name
matches exactly, but for case and spaces around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from specialists.foundation.contracts import Cell, Evidence, Quantity, Step
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.task import Example, Score
from specialists.workspace.catalogue import Period
from specialists.workspace.links import Measure, RowKey

RELATIVE = 1e-3


def score(example: Example[TableQuestion, TableAnswer], answer: TableAnswer | None) -> Score:
    """Value match."""
    gold = example.answer.value
    value = answer.value if answer is not None else None
    if value is None or gold is None:
        right = value is None and gold is None
        return Score(right, {"answered": float(value is not None)}, "" if right else f"gold {gold}")
    right = _matched(example.source, gold, value)
    return Score(right, {"answered": 1.0}, "" if right else f"{value} is not {gold}")


def _matched(source: str, gold: Quantity | str, value: Quantity | str) -> bool:
    """Public data sets tell numbers without our units: their own conventions hold.

    FinQA's numbers are in their table's scale and its percentages are fractions; TAT-QA tells a
    scale and no currency.
    """
    if isinstance(gold, Quantity) and isinstance(value, Quantity) and source == "finqa":
        told = value.value / 100.0 if value.unit == "%" else value.value
        return _near(gold.value, told) or _near(gold.value, value.value)
    return match(gold, value, units=source != "tatqa")


def match(gold: Quantity | str, value: Quantity | str, *, units: bool = True) -> bool:
    """Whether two values are the same (see the module)."""
    if isinstance(gold, str) or isinstance(value, str):
        return (
            isinstance(gold, str)
            and isinstance(value, str)
            and gold.strip().casefold() == value.strip().casefold()
        )
    if units and gold.unit != value.unit:
        return False
    return _near(gold.amount, value.amount)


def _near(gold: float, value: float) -> bool:
    return math.isfinite(value) and abs(gold - value) <= max(RELATIVE * abs(gold), 1e-12)


def validate(inputs: TableQuestion, answer: TableAnswer, evidence: Sequence[Evidence]) -> list[str]:
    """What is wrong with an answer, judged from the cells it stands on."""
    if answer.value is None:
        return []
    wrong: list[str] = []
    cells = answer.cells
    steps = [e for e in answer.evidence if isinstance(e, Step)]
    if isinstance(answer.value, Quantity):
        if not cells:
            wrong.append("the number stands on no cell")
        if not math.isfinite(answer.value.value):
            wrong.append("the number is not finite")
        elif steps:
            if not any(_same(answer.value.value, s.result) for s in steps):
                wrong.append("the number is no calculator result")
        elif len(cells) == 1:
            wrong += _cell(answer.value, cells[0])
    return wrong + _places(inputs, cells) + _unused(inputs, cells)


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(1.0, abs(a))


def _cell(value: Quantity, cell: Cell) -> list[str]:
    number = cell.value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return ["the cell holds no number"]
    wrong = [] if _same(value.value, float(number)) else ["the number is not the cell's"]
    if (value.unit, value.scale) != (cell.unit, cell.scale):
        wrong.append(f"the cell is in {cell.unit} × {cell.scale:g}")
    return wrong


def _places(inputs: TableQuestion, cells: Sequence[Cell]) -> list[str]:
    """Cells of companies, years, rows or measures that the question did not name."""
    targets = [t for _, t in inputs.linked.handles.items()]
    companies = {t.value for t in targets if t.kind == "e"}
    periods: list[Period] = [t.value for t in targets if t.kind == "p"]
    measures: list[Measure] = [t.value for t in targets if t.kind == "c"]
    options = {o for m in measures for o in m.options}
    tables = {t.name: t for t in inputs.catalogue.tables}
    wrong: dict[str, None] = {}
    for cell in cells:
        table = tables.get(cell.table)
        if table is None:
            wrong[f"no table {cell.table}"] = None
            continue
        if options and (cell.table, cell.column) not in options:
            wrong[f"{cell.column} of {cell.table} was not asked for"] = None
        company, year = _at(cell, table.column("company")), _at(cell, table.column("period"))
        if companies and company is not None and company not in companies:
            wrong[f"a cell is about {company}"] = None
        if not _within(year, periods):
            wrong[f"a cell is of {year}"] = None
    return list(wrong)


def _within(year: str | None, periods: Sequence[Period]) -> bool:
    if year is None or not periods:
        return True
    return any(p.first <= int(year) <= p.last for p in periods)


def _at(cell: Cell, column: object) -> str | None:
    name = getattr(column, "name", None)
    value = cell.row.get(name) if isinstance(name, str) else None
    return None if value is None else str(value)


def _unused(inputs: TableQuestion, cells: Sequence[Cell]) -> list[str]:
    """Companies, measures and segments that the question names and no cell is about."""
    if not cells:
        return []
    wrong: list[str] = []
    values = {str(v) for c in cells for v in c.row.values()}
    owners = {t.name: t.company for t in inputs.catalogue.tables}
    about = values | {str(o) for c in cells if (o := owners.get(c.table))}
    columns = {(c.table, c.column) for c in cells}
    ranked = len(inputs.linked.handles.of("e")) > 1
    for _, target in inputs.linked.handles.items():
        if target.kind == "e" and not ranked and target.value not in about:
            wrong.append(f"no cell is about {target.value}")
        elif isinstance(target.value, Measure) and not columns & set(target.value.options):
            wrong.append(f"no cell holds {target.label}")
        elif (
            isinstance(target.value, RowKey)
            and _is_label(inputs, target.value)
            and target.value.value not in values
        ):
            wrong.append(f"no cell is about {target.value.value}")
    return wrong


def _is_label(inputs: TableQuestion, row: RowKey) -> bool:
    return any(
        (c := t.column("label")) is not None and c.name == row.column
        for t in inputs.catalogue.tables
        if t.name in row.tables
    )
