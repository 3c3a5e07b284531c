"""Screens: rankings, filters, counts and best years, run by code over whole columns.

A step that a plan wrote from one clause says all of its query: which measure (perhaps made of
others), whose values, which years, what is asked of them. So no model writes SQL for it. The rows
still come through the sandboxed ``sql`` tool, with their cells; what lacks a figure takes no part.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specialists.foundation.contracts import Cell, Evidence, Quantity, Scalar, Subtask
from specialists.foundation.errors import NotFound
from specialists.task import Conclusion
from specialists.workspace.catalogue import Catalogue, Column, Period, Table
from specialists.workspace.links import Linker
from specialists.workspace.numbers import format_quantity
from specialists.workspace.tools import Tools

CITED = 40
"""Cells a screen cites at most."""
_AGGREGATES = {"mean": "average", "sum": "sum", "max": "highest", "min": "lowest"}
_Key = tuple[str, int]
"""Whose value, and of which fiscal year (0: of none)."""


@dataclass(frozen=True)
class Figure:
    """A value with what it stands on."""

    amount: float
    unit: str
    scale: float = 1.0
    cells: tuple[Cell, ...] = ()

    @property
    def quantity(self) -> Quantity:
        return Quantity(value=self.amount / self.scale, unit=self.unit, scale=self.scale)


@dataclass(frozen=True)
class Request:
    """What a screen is asked, read from a subtask's inputs."""

    verb: str
    measure: str
    formula: Any
    """A label, or ``[form, formula, formula]``."""
    company: str | None
    companies: tuple[str, ...]
    row: str | None
    period: Period | None
    turn: str | None
    count: int
    side: str | None
    limits: tuple[float, ...]
    unit: str
    than: str | None
    place: int = 1
    """Of a ranking: 2 for the second."""
    shown: str | None = None
    """The measure that is told of whoever has the most or the least."""


def asked(inputs: Mapping[str, Any]) -> Request | None:
    """The screen that a subtask's inputs ask for; None where they ask for none."""
    verb = inputs.get("screen")
    if not isinstance(verb, str):
        return None
    measure = str(inputs.get("measure") or "")
    formula = inputs.get("formula")
    return Request(
        verb=verb,
        measure=measure,
        formula=json.loads(formula) if isinstance(formula, str) else measure,
        company=_text(inputs.get("company")),
        companies=tuple(json.loads(str(inputs.get("companies") or "[]"))),
        row=_text(inputs.get("row")),
        period=_period(inputs.get("period")),
        turn=_text(inputs.get("turn")),
        count=int(inputs.get("count") or 1),
        side=_text(inputs.get("side")),
        limits=tuple(float(inputs[k]) for k in ("limit", "upper") if inputs.get(k) is not None),
        unit=str(inputs.get("unit") or ""),
        than=_text(inputs.get("than")),
        place=int(inputs.get("place") or 1),
        shown=_text(inputs.get("shown")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _period(value: object) -> Period | None:
    years = [int(y) for y in str(value or "").split(" to ") if y.strip().isdigit()]
    return Period(first=years[0], last=years[-1]) if years else None


async def settle(subtask: Subtask, tools: Tools, linker: Linker) -> Conclusion | None:
    """The conclusion of a subtask that asks for a screen; None for any other.

    Raises:
        NotFound: the tables lack the measure, or figures to compare.
    """
    request = asked(subtask.inputs)
    if request is None:
        return None
    screen = _Screen(request, tools, linker)
    if not request.measure:
        return await screen.members()
    return await screen.conclude()


class _Screen:
    def __init__(self, request: Request, tools: Tools, linker: Linker) -> None:
        self.request = request
        self.tools = tools
        self.catalogue: Catalogue = tools.snapshot.catalogue
        self.index = linker.index
        self.group: frozenset[str] | None = None
        """Companies of the sector asked for."""

    # --- companies of a sector ------------------------------------------------------------------

    async def members(self) -> Conclusion:
        """Which companies there are, or in a sector; or how many."""
        row = self.request.row
        cells = await self._members(row)
        names = sorted({str(next(iter(c.row.values()))) for c in cells})
        value: Quantity | str = _listing(names)
        if self.request.verb == "count":
            value = Quantity(value=float(len(names)), unit="count")
        label = f"companies in {row}" if row else "companies"
        return Conclusion(status="ok", value=value, label=label, evidence=_once(cells))

    async def _members(self, row: str | None) -> list[Cell]:
        """A cell for each company, or each of a sector.

        Raises:
            NotFound: no table tells.
        """
        for table in sorted(self.catalogue.tables, key=lambda t: bool(t.periods)):
            company = table.column("company")
            group = next((c for c in table.columns if row and _holds(c, row)), company)
            if company is None or group is None or (row and group == company):
                continue
            query = f"SELECT DISTINCT {_quoted(company.name)} FROM {_quoted(table.name)}"
            value = next((v for v in group.values if row and _same(v, row)), "")
            query += f" WHERE {_quoted(group.name)} " + (f"= {_literal(value)}" if row else "<> ''")
            result = await self.tools.call("sql", {"query": query})
            if result.error is None and result.data["rows"]:
                return [
                    Cell(
                        table=table.name,
                        column=group.name,
                        row={company.name: found[0]},
                        value=value or found[0],
                    )
                    for found in result.data["rows"]
                ]
        raise NotFound(f"no company is known to be in {row}" if row else "no company is known")

    # --- figures --------------------------------------------------------------------------------

    async def conclude(self) -> Conclusion:
        request = self.request
        if request.row is not None and not self._part:
            cells = await self._members(request.row)
            self.group = frozenset(str(v) for c in cells for v in c.row.values())
        figures = await self._evaluated(request.formula)
        if request.turn is not None:
            figures = self._turned(figures, request.turn)
        if not figures:
            raise NotFound(f"the tables hold no {request.measure} to compare")
        if request.verb in {"which", "count"}:
            return await self._filtered(figures)
        if request.verb in _AGGREGATES:
            return self._aggregated(figures)
        if request.verb == "rank":
            return self._ranked(figures)
        if request.shown is not None:
            return self._shown(figures, await self._column(request.shown))
        return self._extreme(figures)

    async def _evaluated(self, formula: Any) -> dict[_Key, Figure]:
        """The values of a formula, by company (or segment) and year."""
        if isinstance(formula, str):
            return await self._column(formula)
        form, one, two = formula
        left, right = await self._evaluated(one), await self._evaluated(two)
        made: dict[_Key, Figure] = {}
        for key, a in left.items():
            b = right.get(key)
            figure = _combined(form, a, b) if b is not None else None
            if figure is not None:
                made[key] = figure
        return made

    async def _column(self, label: str) -> dict[_Key, Figure]:
        """One measure's values, read through the ``sql`` tool."""
        table, column = self._held(label)
        names = table.column("label") if self._by_label(table) else table.column("company")
        period = table.column("period")
        shown = [c for c in (names, period, column) if c is not None]
        query = f"SELECT {', '.join(_quoted(c.name) for c in shown)} FROM {_quoted(table.name)}"
        where = [*self._where(table), f"{_quoted(column.name)} IS NOT NULL"]
        result = await self.tools.call("sql", {"query": f"{query} WHERE {' AND '.join(where)}"})
        if result.error is not None:
            raise NotFound(f"the tables could not be searched: {result.error[:200]}")
        if result.data.get("truncated"):
            raise NotFound(f"too many rows hold {label}")
        cells = _cells(result.evidence, column.name)
        found: dict[_Key, Figure] = {}
        for row in result.data["rows"]:
            told = dict(zip((c.name for c in shown), row, strict=True))
            name = str(told[names.name]) if names is not None else (table.company or "")
            year = int(told[period.name]) if period is not None else 0
            if self._within(name):
                amount = float(told[column.name]) * column.scale
                cell = cells.get((name if names is not None else "", year))
                basis = (cell,) if cell is not None else ()
                found[name, year] = Figure(amount, column.unit, column.scale, basis)
        return found

    def _held(self, label: str) -> tuple[Table, Column]:
        """The table and the column of a measure that fit what is screened."""
        options: list[tuple[str, str]] = []
        for key, meaning in self.index.concepts.items():
            if _same(meaning.label, label):
                options += [*meaning.value.options, *self.index.children.get(key, ())]
        tables = {t.name: t for t in self.catalogue.tables}
        for name, column in dict.fromkeys(options):
            table = tables[name]
            held = table.named(column)
            if held is not None and held.type == "number" and self._fits(table):
                return table, held
        raise NotFound(f"no table holds {label} of what is compared")

    @property
    def _segments(self) -> bool:
        """Whether the parts of one company are compared."""
        return self.request.verb in {"top", "bottom"} and self.request.company is not None

    def _by_label(self, table: Table) -> bool:
        return self._segments and table.column("label") is not None

    def _fits(self, table: Table) -> bool:
        """Whether a table's rows are what is compared."""
        label = table.column("label")
        if self._part is not None:
            return label is not None and _holds(label, self._part)
        if (label is not None) != self._segments:
            return False
        company = self.request.company
        return table.column("company") is not None or (company or "") == table.company

    @property
    def _part(self) -> str | None:
        """The segment whose years are compared."""
        row = self.request.row
        labels = [c for t in self.catalogue.tables if (c := t.column("label")) is not None]
        return row if row and any(_holds(c, row) for c in labels) else None

    def _where(self, table: Table) -> list[str]:
        request = self.request
        conditions: list[str] = []
        company, period = table.column("company"), table.column("period")
        names = request.companies or ((request.company,) if request.company else ())
        if request.verb == "rank":
            names = ()
        if company is not None and names:
            conditions.append(f"{_quoted(company.name)} IN ({', '.join(map(_literal, names))})")
        label = table.column("label")
        if label is not None and self._part is not None:
            value = next(v for v in label.values if _same(v, self._part))
            conditions.append(f"{_quoted(label.name)} = {_literal(value)}")
        if period is not None and request.period is not None:
            first = request.period.first
            if request.turn is not None and request.verb in {"peak", "trough"}:
                first -= 1  # the first year's growth needs the year before
            name = _quoted(period.name)
            conditions.append(f"{name} BETWEEN {first} AND {request.period.last}")
        return conditions

    def _within(self, name: str) -> bool:
        """Whether a company is in the sector asked for."""
        return self.group is None or name in self.group or self.request.than == name

    def _turned(self, figures: dict[_Key, Figure], turn: str) -> dict[_Key, Figure]:
        """Growth or change: of each year over the one before, or between the ends of the period."""
        period = self.request.period
        yearly = self._years or period is None
        made: dict[_Key, Figure] = {}
        for (name, year), last in figures.items():
            before = year - 1 if yearly or period is None else period.first
            first = figures.get((name, before))
            if first is None or before == year:
                continue
            if not yearly and period is not None and year != period.last:
                continue
            figure = _moved(turn, first, last)
            if figure is not None:
                made[name, year] = figure
        return made

    @property
    def _years(self) -> bool:
        """Whether the years of one company are compared."""
        request = self.request
        one = request.company is not None and request.verb in {"which", "count"}
        return request.verb in {"peak", "trough"} or one

    # --- conclusions ----------------------------------------------------------------------------

    def _extreme(self, figures: Mapping[_Key, Figure]) -> Conclusion:
        """The companies, segments or years with the most or the least."""
        down = self.request.verb in {"top", "peak"}
        ranked = _sorted(figures, down)
        if self.request.place > 1:
            return self._placed(ranked)
        chosen = ranked[: self.request.count]
        while len(ranked) > len(chosen) and _near(ranked[len(chosen)][1], chosen[-1][1]):
            chosen.append(ranked[len(chosen)])  # equals are not told apart
        return self._told(chosen, _listing([self._name(key) for key, _ in chosen]))

    def _placed(self, ranked: Sequence[tuple[_Key, Figure]]) -> Conclusion:
        """Who takes a place below the first.

        Raises:
            NotFound: the place is shared, or there are not so many.
        """
        at = self.request.place - 1
        beside = [*ranked[max(0, at - 1) : at], *ranked[at + 1 : at + 2]]
        if at >= len(ranked) or any(_near(f, ranked[at][1]) for _, f in beside):
            raise NotFound(f"nobody takes place {at + 1} alone")
        key, figure = ranked[at]
        return self._told([(key, figure)], self._name(key))

    def _shown(self, figures: Mapping[_Key, Figure], others: Mapping[_Key, Figure]) -> Conclusion:
        """Another measure of whoever, or of the year that, had the most or the least."""
        request = self.request
        key, best = _sorted(figures, request.verb in {"top", "peak"})[0]
        figure = others.get(key)
        if figure is None:
            raise NotFound(f"the tables hold no {request.shown} of {self._name(key)}")
        return Conclusion(
            status="ok",
            value=figure.quantity,
            label=f"{request.shown} of {self._name(key)}",
            evidence=_joined([figure, best]),
        )

    def _ranked(self, figures: Mapping[_Key, Figure]) -> Conclusion:
        wanted = self.request.company
        own = next((f for (name, _), f in figures.items() if name == wanted), None)
        if own is None:
            raise NotFound(f"the tables hold no {self.request.measure} of {wanted}")
        place = 1 + sum(f.amount > own.amount for f in figures.values())
        return Conclusion(
            status="ok",
            value=Quantity(value=float(place), unit=""),
            label=f"{place} of {len(figures)}, with {format_quantity(own.quantity)}",
            evidence=own.cells,
        )

    def _aggregated(self, figures: Mapping[_Key, Figure]) -> Conclusion:
        request = self.request
        values = list(figures.values())
        units = {f.unit for f in values}
        if len(units) != 1:
            raise NotFound(f"{request.measure} is told in {' and '.join(sorted(units))}")
        amounts = [f.amount for f in values]
        amount = {
            "mean": lambda: math.fsum(amounts) / len(amounts),
            "sum": lambda: math.fsum(amounts),
            "max": lambda: max(amounts),
            "min": lambda: min(amounts),
        }[request.verb]()
        made = Figure(amount, values[0].unit, values[0].scale)
        return Conclusion(
            status="ok",
            value=made.quantity,
            label=f"{_AGGREGATES[request.verb]} {request.measure} of {len(values)} companies",
            evidence=_joined(values),
        )

    async def _filtered(self, figures: Mapping[_Key, Figure]) -> Conclusion:
        request = self.request
        limits = self._limits(next(iter(figures.values())))
        if request.than is not None:
            own = next((f for (name, _), f in figures.items() if name == request.than), None)
            if own is None:
                raise NotFound(f"the tables hold no {request.measure} of {request.than}")
            limits = (own.amount,)
            figures = {k: f for k, f in figures.items() if k[0] != request.than}
        hits = [(k, f) for k, f in figures.items() if _lies(f.amount, request.side, limits)]
        hits = [(k, f) for k, f in _sorted(dict(hits), request.side != "below")]
        if self._years:
            hits.sort(key=lambda h: h[0][1])
        names = [self._name(key) for key, _ in hits]
        if request.verb == "which":
            return self._told(hits, _listing(names) or "none", _joined(list(figures.values())))
        return Conclusion(
            status="ok",
            value=Quantity(value=float(len(hits)), unit="count"),
            label=self._label(hits),
            evidence=_joined([f for _, f in hits] or list(figures.values())),
        )

    def _limits(self, example: Figure) -> tuple[float, ...]:
        """The numbers that values are held against, in the values' own unit.

        Raises:
            NotFound: their units do not fit.
        """
        request = self.request
        if not request.limits:
            return (0.0,)
        unit = request.unit.replace("count", "")
        small = max(map(abs, request.limits)) < example.scale
        if unit not in {"", example.unit.partition("/")[0], example.unit}:
            raise NotFound(f"{request.measure} is told in {example.unit}, the limit in {unit}")
        if not unit and example.unit not in {"", "%", "x", "count"} and small:
            raise NotFound("the limit says neither a currency nor millions or billions")
        return request.limits

    def _told(
        self,
        chosen: Sequence[tuple[_Key, Figure]],
        value: str,
        otherwise: tuple[Evidence, ...] = (),
    ) -> Conclusion:
        evidence = _joined([f for _, f in chosen]) or otherwise[:1]
        return Conclusion(status="ok", value=value, label=self._label(chosen), evidence=evidence)

    def _label(self, chosen: Sequence[tuple[_Key, Figure]]) -> str:
        """``Acme: $5 million; Bolt: $4 million``."""
        return "; ".join(f"{self._name(k)}: {format_quantity(f.quantity)}" for k, f in chosen)

    def _name(self, key: _Key) -> str:
        return str(key[1]) if self._years else key[0]


def _combined(form: str, a: Figure, b: Figure) -> Figure | None:
    """Two figures as one; None where that is not a number, or units do not fit."""
    cells = (*a.cells, *b.cells)
    if form in {"plus", "less"}:
        if a.unit != b.unit:
            return None
        amount = a.amount + b.amount if form == "plus" else a.amount - b.amount
        return Figure(amount, a.unit, max(a.scale, b.scale), cells)
    if b.amount == 0:
        return None
    ratio = a.amount / b.amount
    if form == "share":
        return Figure(ratio * 100.0, "%", 1.0, cells)
    return Figure(ratio, "x" if a.unit == b.unit else a.unit, 1.0, cells)


def _moved(turn: str, first: Figure, last: Figure) -> Figure | None:
    cells = (*first.cells, *last.cells)
    if turn == "change":
        return Figure(last.amount - first.amount, last.unit, last.scale, cells)
    if first.amount <= 0:  # growth from a loss says nothing
        return None
    return Figure((last.amount - first.amount) / first.amount * 100.0, "%", 1.0, cells)


def _lies(amount: float, side: str | None, limits: Sequence[float]) -> bool:
    if side == "between":
        return min(limits) <= amount <= max(limits)
    return amount > limits[0] if side == "above" else amount < limits[0]


def _near(a: Figure, b: Figure) -> bool:
    return math.isclose(a.amount, b.amount, rel_tol=1e-12)


def _sorted(figures: Mapping[_Key, Figure], down: bool) -> list[tuple[_Key, Figure]]:
    return sorted(figures.items(), key=lambda kf: (-kf[1].amount if down else kf[1].amount, kf[0]))


def _joined(figures: Sequence[Figure]) -> tuple[Evidence, ...]:
    return _once([c for f in figures for c in f.cells])


def _once(cells: Sequence[Cell]) -> tuple[Evidence, ...]:
    return tuple({c.model_dump_json(): c for c in cells}.values())[:CITED]


def _holds(column: Column, value: str) -> bool:
    return column.type == "text" and any(_same(v, value) for v in column.values)


def _cells(evidence: Sequence[Evidence], column: str) -> dict[tuple[str, int], Cell]:
    """The cells of a column, by whom and of which year they are."""
    found: dict[tuple[str, int], Cell] = {}
    for cell in evidence:
        if isinstance(cell, Cell) and cell.column == column:
            years = [v for v in cell.row.values() if isinstance(v, int)]
            for name in (*(v for v in cell.row.values() if isinstance(v, str)), ""):
                found[name, years[0] if years else 0] = cell
    return found


def _listing(names: Sequence[str]) -> str:
    return (
        names[0]
        if len(names) == 1
        else " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
    )


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Scalar) -> str:
    return "'" + str(value).replace("'", "''") + "'"
