"""SQL over a snapshot, from a model's text to rows with their cells.

Joins three rooms: ``admission`` decides whether a statement may run, ``provenance`` makes it carry
where its values come from, ``sandbox_pool`` runs it in a limited child process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp

from specialists.foundation.contracts import Cell
from specialists.foundation.errors import QueryFailed
from specialists.workspace import provenance, units
from specialists.workspace.admission import Admission, write
from specialists.workspace.sandbox_pool import Pool, QueryLate, RawRows, SandboxSettings
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.units import Unit

__all__ = ["Rows", "Sandbox", "SandboxSettings"]


@dataclass(frozen=True)
class Rows:
    """A query's result."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    """JSON values; dates in ISO form."""
    units: tuple[Unit | None, ...]
    """Of each column; None where it has none or cannot be told."""
    cells: tuple[Cell, ...]
    """The cells the values come from, those that are shown first."""
    truncated: bool = False
    """There were more rows than may come back."""


@dataclass(frozen=True)
class _Ready:
    """A statement made ready to run."""

    columns: tuple[str, ...]
    units: tuple[Unit | None, ...]
    traced: provenance.Traced
    sql: str
    """The traced query, limited."""
    query: exp.Query
    """The query alone."""
    rows: int

    @property
    def plain(self) -> str:
        """The query alone, limited. Written only where the traced one fails."""
        return _limited(self.query, self.rows)


class _Gate:
    """What is prepared once for a snapshot: its admission, and the statements seen last."""

    def __init__(self, snapshot: Snapshot, settings: SandboxSettings) -> None:
        self._catalogue = snapshot.catalogue
        self._admission = Admission(snapshot.catalogue)
        self._settings = settings
        self.ready = lru_cache(maxsize=512)(self._ready)

    def _ready(self, sql: str) -> _Ready:
        admitted = self._admission.admit(sql)
        rows = self._settings.rows
        traced = provenance.trace(admitted, self._settings.evidence)
        return _Ready(
            admitted.columns,
            tuple(units.units(admitted.query, self._catalogue)),
            traced,
            _limited(traced.query, rows),
            admitted.query,
            rows,
        )


class Sandbox:
    """Runs models' SQL. Any number of queries may run at once; processes start when needed."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self.pool = Pool(self.settings)
        self._gates = lru_cache(maxsize=64)(self._gate)

    async def query(self, snapshot: Snapshot, sql: str) -> Rows:
        """Run one SELECT.

        Raises:
            QueryRefused: it may not run; the message says what would be right.
            QueryFailed: it did not run: an error in it, a time, memory or size limit.
        """
        ready = self._prepare(snapshot, sql)
        traced = ready.traced
        cells: tuple[Cell, ...] = ()
        try:
            raw = await self.pool.run(snapshot, ready.sql, len(traced.carriers))
            if traced.distinct:
                raw = _merged(raw)
            cells = provenance.cells(snapshot, traced, raw.rows, raw.ids, self.settings.evidence)
        except QueryLate:
            raise
        except QueryFailed:
            if not traced.carriers:
                raise
            raw = await self.pool.run(
                snapshot, ready.plain
            )  # its own error, or its rows without cells
        return Rows(
            ready.columns,
            tuple(tuple(row) for row in raw.rows),
            ready.units,
            cells,
            raw.truncated,
        )

    async def aclose(self) -> None:
        """End all child processes."""
        await self.pool.aclose()

    def _prepare(self, snapshot: Snapshot, sql: str) -> _Ready:
        return self._gates(_Same(snapshot)).ready(sql)

    def _gate(self, same: _Same) -> _Gate:
        return _Gate(same.snapshot, self.settings)


class _Same:
    """A snapshot as a dictionary key: by its digest, or by identity where it has none."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._key = snapshot.digest or id(snapshot.tables)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._key == self._key


def _limited(query: exp.Query, rows: int) -> str:
    """The query's text, with a LIMIT of one row more than may come back or its own smaller one."""
    limit = query.args.get("limit")
    if limit is not None and int(limit.expression.name) <= rows:
        return write(query)
    return write(query.limit(rows + 1, copy=True))


def _merged(raw: RawRows) -> RawRows:
    """Equal rows made one, their contributing rows joined."""
    merged: dict[str, tuple[list[Any], list[list[int]]]] = {}
    for row, ids in zip(raw.rows, raw.ids, strict=True):
        _, known = merged.setdefault(repr(row), (row, [[] for _ in ids]))
        for kept, more in zip(known, ids, strict=True):
            kept += more
    rows = [row for row, _ in merged.values()]
    return RawRows(raw.types, rows, [ids for _, ids in merged.values()], raw.truncated)
