"""Excel workbooks to grids, one a sheet. Formulas count as the values Excel last saved for them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

from specialists.foundation.errors import IngestError
from specialists.workspace.ingest.cells import is_blank
from specialists.workspace.ingest.tables import Grid

_ERRORS = frozenset({"#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#N/A", "#NUM!", "#NULL!"})


def read(path: Path, notes: list[str]) -> list[Grid]:
    """The grids of a workbook's filled sheets; captions above the header are kept apart.

    Raises:
        IngestError: not a workbook, or no sheet with a header and a row.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations that openpyxl does not know
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise IngestError(f"{path.name} is a ZIP archive but no Excel workbook: {error}") from error
    grids: list[Grid] = []
    try:
        for sheet in book.worksheets:
            rows = [
                (number, list(row))
                for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
                if not all(is_blank(cell) for cell in row)
            ]
            grid = _grid(path, sheet.title, rows, len(book.worksheets) > 1, notes)
            if grid is not None:
                grids.append(grid)
    finally:
        book.close()
    if not grids:
        raise IngestError(f"{path.name}: no sheet has a header and at least one row")
    return grids


def _grid(
    path: Path,
    sheet: str,
    rows: Sequence[tuple[int, Sequence[object]]],
    many: bool,
    notes: list[str],
) -> Grid | None:
    source = f"{path.name}#{sheet}" if many else path.name
    rows = list(rows)
    captions: list[str] = []
    while len(rows) > 1 and _filled(rows[0][1]) == 1 and _filled(rows[1][1]) > 1:
        captions.append(next(str(c) for c in rows.pop(0)[1] if not is_blank(c)))
    if len(rows) < 2:
        if rows:
            notes.append(f"{source}: skipped, it has no header with rows under it")
        return None
    width = max(len(row) for _, row in rows)
    padded = [[*row, *[None] * (width - len(row))] for _, row in rows]
    broken = sum(cell in _ERRORS for row in padded for cell in row if isinstance(cell, str))
    if broken:
        notes.append(f"{source}: {broken} cells hold an Excel error and were left empty")
    header = ["" if cell is None else _title(cell) for cell in padded[0]]
    body = [[None if isinstance(c, str) and c in _ERRORS else c for c in row] for row in padded[1:]]
    name = f"{path.stem} {sheet}" if many else path.stem
    return Grid(name, header, body, source, " ".join(captions), rows[1][0])


def _filled(row: Sequence[object]) -> int:
    return sum(not is_blank(cell) for cell in row)


def _title(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a year typed as a number
    return str(cell)
