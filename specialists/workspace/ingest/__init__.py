"""Files to batches: what a person has, in the form a workspace stores.

A file becomes tables or documents, or an ``IngestError`` that names the file, the place and what
would be right. Mended on the way, and noted: lines in Windows-1252, stray texts in numeric columns,
Excel errors. Not mended: repeated or unnamed columns, ragged rows, a file that is not what its
ending says.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from specialists.foundation.errors import IngestError
from specialists.workspace.batch import Batch, NewTable
from specialists.workspace.catalogue import Company
from specialists.workspace.ingest.kinds import kind_of


def read(path: Path, *, company: str | None = None, known_at: date | None = None) -> Batch:
    """One file as a batch.

    Args:
        company: the company all of it is about, where the file has no company column.
        known_at: when it became known (default: today); the file's own filing-date column wins.

    Raises:
        IngestError: it cannot be read; the message says where and what would be right.
    """
    from specialists.workspace.ingest import columnar, delimited, excel, prose, tables

    kind = kind_of(path)
    day = known_at or date.today()
    context = tables.Context(known_at=day, company=company)
    batch = Batch()
    if kind in {"text", "markdown"}:
        found = prose.read(
            path,
            markdown=kind == "markdown",
            company=company,
            known_at=day,
            notes=context.notes,
        )
        grids = list(found.grids)
        batch = Batch(documents=found.documents)
    else:
        reader = {"delimited": delimited, "parquet": columnar, "excel": excel}[kind]
        grids = reader.read(path, context.notes)
    made = tuple(tables.make(grid, context) for grid in grids)
    _check_names(path, made)
    firms = (Company(name=company),) if company else ()
    return batch + Batch(tables=made, companies=firms, notes=tuple(context.notes))


def _check_names(path: Path, made: tuple[NewTable, ...]) -> None:
    names = [new.table.name for new in made]
    for name in names:
        if names.count(name) > 1:
            raise IngestError(
                f"{path.name}: two of its tables would be named {name}: rename a sheet or heading"
            )
