"""A grid of cells to a typed table: roles, units, keys, and matrices of years turned into panels.

A panel has one row a company and fiscal year and one column a measure. A grid whose column headers
are years is turned into that form; any other keeps a label column and its measures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pyarrow as pa

from specialists.foundation.errors import IngestError
from specialists.workspace.batch import NewTable
from specialists.workspace.catalogue import Column, Role, Table
from specialists.workspace.ingest import cells, headers
from specialists.workspace.snapshot import KNOWN_AT, SOURCE

MAX_CELL = 100_000
"""Characters. A longer cell is a document that strayed into a table."""
_MOSTLY = 0.9
"""A column is numeric when so many of its cells are; the others become empty, and are noted."""

_COMPANY = re.compile(r"(?:company|issuer|firm|entity|corporation)(?:[ _]name)?|name of company")
_TICKER = re.compile(r"ticker(?:[ _]symbol)?|symbol")
_PERIOD = re.compile(
    r"(?:fiscal|financial)?[ _]*(?:year|yr|fy)|period|year ended.*|years? ending.*"
)
_KNOWN = re.compile(r"known[ _]at|fil(?:ing|ed)[ _]?(?:date|on|at)?|date[ _]filed|report[ _]date")
_CHANGE = re.compile(r"change|growth|increase|decrease|variance|\bvs\b|%|percent")


@dataclass(frozen=True)
class Grid:
    """A header and rows of raw cells, with where they came from."""

    name: str
    """What the table is called: a file's stem, a sheet's name, a heading."""
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    source: str
    caption: str = ""
    """Words above the table: they may tell its unit and scale."""
    first_line: int = 2
    """Where the first row stands in the source, for messages."""
    title: str = ""
    description: str = ""


@dataclass
class Context:
    """How a grid is to be read, and what was noted on the way."""

    known_at: date
    """For rows that do not say themselves when they became known."""
    company: str | None = None
    """The one company all is about, where the caller says so."""
    repair: bool = False
    """Mend repeated and unnamed columns rather than refuse them (machine-made pages)."""
    one_company: bool = False
    """All rows are the company's even where they name others: peers, an index, subsidiaries."""
    notes: list[str] = field(default_factory=list[str])


@dataclass
class _Draft:
    """A column on its way."""

    title: str
    values: list[Any]
    type: Literal["number", "text", "date"] = "text"
    unit: str = ""
    scale: float = 1.0
    role: Role = "attribute"


def make(grid: Grid, context: Context) -> NewTable:
    """A table from a grid.

    Raises:
        IngestError: no rows, repeated or unnamed columns, an oversized cell, or no usable column.
    """
    grid = _checked(grid, context)
    years = _year_columns(grid)
    drafts = _pivot(grid, years, context) if years else _columns(grid, context)
    _assign_roles(drafts, context.one_company)
    return _finish(grid, drafts, context)


# --- the grid itself ------------------------------------------------------------------------------


def _checked(grid: Grid, context: Context) -> Grid:
    if not grid.rows:
        raise IngestError(f"{grid.source}: table {grid.name} has a header but no rows")
    width = len(grid.header)
    filled = [i for i in range(width) if any(not cells.is_blank(r[i]) for r in grid.rows)]
    titles = [" ".join(h.split()) for h in grid.header]
    keep = [i for i in range(width) if i in filled or titles[i]]
    for i in keep:
        _check_sizes(grid, i)
    seen: dict[str, int] = {}
    named: list[str] = []
    for place, i in enumerate(keep):
        title = titles[i]
        if not title:
            if place > 0 and not context.repair:
                raise IngestError(
                    f"{grid.source}: column {i + 1} of table {grid.name} has no name: "
                    "give each column a header (only the first may be empty, for row labels)"
                )
            title = "item" if place == 0 else f"column {i + 1}"
        same = title.lower()
        if same in seen and not context.repair:
            raise IngestError(
                f"{grid.source}: columns {seen[same] + 1} and {i + 1} of table {grid.name} are "
                f"both named {title!r}: rename one of them"
            )
        seen.setdefault(same, i)
        named.append(title)
    rows = [[row[i] for i in keep] for row in grid.rows]
    return Grid(
        grid.name, named, rows, grid.source, grid.caption, grid.first_line, grid.title,
        grid.description,
    )  # fmt: skip


def _check_sizes(grid: Grid, i: int) -> None:
    for line, row in enumerate(grid.rows, start=grid.first_line):
        cell = row[i]
        if isinstance(cell, str) and len(cell) > MAX_CELL:
            raise IngestError(
                f"{grid.source}, row {line}, column {i + 1}: a cell of {len(cell):,} characters; a "
                f"table's cells have at most {MAX_CELL:,}: add long texts as a .txt or .md file"
            )


# --- matrices of years ----------------------------------------------------------------------------


def _year_columns(grid: Grid) -> dict[int, int]:
    """Column position → fiscal year, where the headers are years and nothing else is a measure."""
    if len(grid.header) < 2 or headers.year(grid.header[0]) is not None:
        return {}
    found = {i: headers.year_and_rest(h) for i, h in enumerate(grid.header) if i > 0}
    years = {i: y for i, y in found.items() if y is not None}
    rests = {rest for _, rest in years.values()}
    if not years or len(rests) != 1 or len({y for y, _ in years.values()}) != len(years):
        return {}
    if any(cells.number(r[0]) for r in grid.rows if not cells.is_blank(r[0])):
        return {}
    for i, title in enumerate(grid.header):
        if i == 0 or i in years or _CHANGE.search(title.lower()):
            continue
        if any(cells.number(r[i]) for r in grid.rows):
            return {}  # "thereafter", "total": the columns are not a time series alone
    return {i: y for i, (y, _) in years.items()}


def _pivot(grid: Grid, years: dict[int, int], context: Context) -> list[_Draft]:
    order = sorted(years, key=lambda i: years[i])
    dropped = [h for i, h in enumerate(grid.header) if i > 0 and i not in years]
    if dropped:
        context.notes.append(
            f"{grid.source}: columns not kept beside the years: {', '.join(dropped)}"
        )
    spoken = [grid.header[0], *(grid.header[i] for i in order)]
    rest = headers.year_and_rest(grid.header[order[0]])
    hints = [*spoken, *dropped, headers.aside(grid.caption)]
    drafts = [_Draft("Fiscal year", [years[i] for i in order], "number", role="period")]
    section = rest[1] if rest else ""
    names = [_label(row[0]) for row in grid.rows]
    for row, name in zip(grid.rows, names, strict=True):
        values = [row[i] for i in order]
        if all(cells.is_blank(v) for v in values):
            if name and all(cells.is_blank(v) or v == "" for v in row[1:]):
                section = name.rstrip(": ")
            continue
        if not name:
            continue
        title = f"{section}: {name}" if section and names.count(name) > 1 else name
        draft = _Draft(title, values)
        _type(draft, grid, context, hints)
        drafts.append(draft)
    if len(drafts) == 1:
        raise IngestError(f"{grid.source}: table {grid.name} has years but no line with values")
    # Statements show the currency's sign on their first and last lines only.
    shown = next((d.unit for d in drafts if d.unit not in {"", "%", "count"}), "")
    for draft in drafts:
        if draft.role == "measure" and not draft.unit and not headers.scales_itself(draft.title):
            draft.unit = shown
    return drafts


def _label(cell: object) -> str:
    return "" if cells.is_blank(cell) else " ".join(str(cell).split())


# --- columns --------------------------------------------------------------------------------------


def _columns(grid: Grid, context: Context) -> list[_Draft]:
    drafts: list[_Draft] = []
    hints = [grid.header[0], headers.aside(grid.caption)]
    for i, title in enumerate(grid.header):
        for draft in _parted(_Draft(title, [row[i] for row in grid.rows])):
            _type(draft, grid, context, hints)
            if draft.type == "text" and headers.only_units(title):
                draft.title = "item"
            drafts.append(draft)
    return drafts


def _parted(draft: _Draft) -> list[_Draft]:
    """A column that states sums in some rows and percentages in others, as one column each."""
    found = [cells.number(v) for v in draft.values]
    percent = [f is not None and f.unit == "%" for f in found]
    sums = [f is not None and f.unit not in {"", "%"} for f in found]
    unread = any(
        f is None and not cells.is_blank(v) for f, v in zip(found, draft.values, strict=True)
    )
    if not any(percent) or not any(sums) or unread:
        return [draft]
    amounts = [None if p else v for p, v in zip(percent, draft.values, strict=True)]
    shares = [v if p else None for p, v in zip(percent, draft.values, strict=True)]
    return [_Draft(draft.title, amounts), _Draft(f"{draft.title}, %", shares)]


def _type(draft: _Draft, grid: Grid, context: Context, hints: Sequence[str]) -> None:
    """Find a column's type and unit; its values become floats, dates or strings."""
    given = [(n, v) for n, v in enumerate(draft.values) if not cells.is_blank(v)]
    if given and all(cells.day(v) is not None for _, v in given):
        draft.type, draft.values = "date", [cells.day(v) for v in draft.values]
        return
    numbers = {n: cells.number(v) for n, v in given}
    bad = [n for n, found in numbers.items() if found is None]
    few = len(given) < 10
    if not given or (bad and (few or len(bad) > (1 - _MOSTLY) * len(given))):
        draft.values = [None if cells.is_blank(v) else _text(v) for v in draft.values]
        return
    if bad:
        where = grid.first_line + bad[0]
        context.notes.append(
            f"{grid.source}, row {where}: {draft.values[bad[0]]!r} in column {draft.title!r} is no "
            f"number; left empty ({len(bad)} such cells)"
        )
    found = [numbers.get(n) for n in range(len(draft.values))]
    draft.type, draft.role = "number", "measure"
    draft.values = [None if f is None else f.value for f in found]
    units = [f.unit for f in found if f is not None and f.unit]
    _measure(draft, units, hints)
    if any(f is not None and f.worded for f in found):
        draft.scale = 1.0


def _measure(draft: _Draft, units: Sequence[str], hints: Sequence[str]) -> None:
    own = headers.measure(draft.title)
    if own.unit == "%" or (units and max(set(units), key=units.count) == "%"):
        draft.unit = "%"
        return
    told = headers.measure(*hints)
    currency = units[0] if units else own.unit
    if currency is None and not headers.is_counted(draft.title):
        currency = told.unit if told.unit != "%" else headers.measure(_no_percent(hints)).unit
        if headers.scales_itself(draft.title):
            currency = None
    draft.unit = currency or ("count" if headers.is_counted(draft.title) else "")
    if own.scale is not None:
        draft.scale = own.scale
    elif told.scale is not None and not headers.scales_itself(draft.title):
        draft.scale = told.scale


def _no_percent(hints: Sequence[str]) -> str:
    return re.sub(r"%|percent(?:ages?)?", " ", " ".join(hints), flags=re.IGNORECASE)


def _text(cell: object) -> str:
    return " ".join(str(cell).split())


# --- roles and keys -------------------------------------------------------------------------------


def _assign_roles(drafts: Sequence[_Draft], one_company: bool) -> None:
    def first(pattern: re.Pattern[str], *types: str) -> _Draft | None:
        return next(
            (d for d in drafts if d.type in types and pattern.fullmatch(d.title.strip().lower())),
            None,
        )

    company = first(_COMPANY, "text") or first(_TICKER, "text")
    if company is not None and not one_company:
        company.role = "company"
    if not any(d.role == "period" for d in drafts):
        candidates = [d for d in drafts if _PERIOD.fullmatch(d.title.strip().lower().strip(",:. "))]
        candidates += [d for d in drafts if d.type == "date"][:1]
        candidates += [d for d in drafts[:1] if d.type == "number" and len(drafts) > 1]
        for draft in candidates:
            years = [headers.year(_year_cell(v)) for v in draft.values]
            # Unless it is named so, a column is a period only where each row has its own year.
            named = _PERIOD.fullmatch(draft.title.strip().lower().strip(",:. "))
            fits = all(y is not None for y in years) and not _KNOWN.fullmatch(draft.title.lower())
            if fits and (named or len(set(years)) == len(years)):
                draft.type, draft.role, draft.values = "number", "period", years
                draft.unit, draft.scale = "", 1.0
                break
    texts = [d for d in drafts if d.type == "text" and d.role == "attribute" and _complete(d)]
    if not any(d.role in {"company", "period"} for d in drafts) and texts:
        texts.pop(0).role = "label"
    while not _identified(drafts) and texts:
        texts.pop(0).role = "label"


def _year_cell(value: Any) -> object:
    return value.year if isinstance(value, date) else value


def _complete(draft: _Draft) -> bool:
    return all(v is not None for v in draft.values)


def _identified(drafts: Sequence[_Draft]) -> bool:
    keys = [d.values for d in drafts if d.role in {"company", "period", "label"}]
    rows = list(zip(*keys, strict=True))
    return bool(keys) and len(set(rows)) == len(rows)


def _finish(grid: Grid, drafts: list[_Draft], context: Context) -> NewTable:
    fallback = [f"column_{i + 1}" for i in range(len(drafts))]
    names = headers.distinct(
        [headers.column_slug(d.title, f) for d, f in zip(drafts, fallback, strict=True)]
    )
    for i, draft in enumerate(drafts):
        if draft.role in {"company", "period"}:
            wanted = "company" if draft.role == "company" else "fiscal_year"
            if wanted not in names:
                names[i] = wanted
    columns: list[Column] = []
    data: dict[str, Any] = {}
    for draft, name in zip(drafts, names, strict=True):
        columns.append(
            Column(
                name=name,
                title=draft.title,
                role=draft.role,
                type=draft.type,
                unit=draft.unit,
                scale=draft.scale,
            )
        )
        data[name] = pa.array(draft.values, type=_arrow(draft))
    known = next(
        (d for d in drafts if d.type == "date" and _KNOWN.fullmatch(d.title.lower())), None
    )
    days = known.values if known else [None] * len(drafts[0].values)
    data[KNOWN_AT] = pa.array([d or context.known_at for d in days], type=pa.date32())
    data[SOURCE] = pa.array([grid.source] * len(days), type=pa.string())
    has_company = any(d.role == "company" for d in drafts)
    if has_company and context.company:
        context.notes.append(
            f"{grid.source}: the table has its own company column; {context.company} is not used"
        )
    periods = [d.values for d in drafts if d.role == "period"]
    key = tuple(
        n for n, d in zip(names, drafts, strict=True) if d.role in {"company", "period", "label"}
    )
    # The day a row became known parts restatements from duplicates.
    stamped = list(zip(*(data[n].to_pylist() for n in (*key, KNOWN_AT)), strict=True))
    if not key or len(set(stamped)) != len(stamped):
        key = ()
        context.notes.append(f"{grid.source}: no columns identify the rows of table {grid.name}")
    table = Table(
        name=headers.slug(grid.name, "table"),
        title=grid.title or grid.name,
        description=grid.description or grid.caption[:300],
        company=None if has_company else context.company,
        columns=tuple(columns),
        periods=tuple(sorted({int(y) for y in periods[0]})) if periods else (),
        rows=len(days),
        source=grid.source,
    )
    return NewTable(table, pa.table(data), key)


def _arrow(draft: _Draft) -> pa.DataType:
    if draft.role == "period":
        return pa.int64()
    return {"number": pa.float64(), "text": pa.string(), "date": pa.date32()}[draft.type]
