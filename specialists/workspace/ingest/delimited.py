"""CSV and its relatives to a grid: separator found, captions above the header kept apart."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from specialists.foundation.errors import IngestError
from specialists.workspace.ingest.encoding import read_text
from specialists.workspace.ingest.tables import MAX_CELL, Grid

_SEPARATORS = (",", "\t", ";", "|")


def read(path: Path, notes: list[str]) -> list[Grid]:
    """The one grid of a delimited file.

    Raises:
        IngestError: no rows, rows of differing width, quotes that never close.
    """
    text = read_text(path, notes)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    csv.field_size_limit(4 * MAX_CELL)
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        place = f"{path.name}, line {reader.line_num}"
        if "field limit" in str(error):
            raise IngestError(
                f"{place}: a cell of more than {4 * MAX_CELL:,} characters; a quote that never "
                "closes, or a text that belongs in a .txt file"
            ) from error
        raise IngestError(f"{place}: {error}; a quote inside a cell is written twice") from error
    captions: list[str] = []
    while len(rows) > 1 and _filled(rows[0][1]) == 1 and _filled(rows[1][1]) > 1:
        captions.append(next(c.strip() for c in rows.pop(0)[1] if c.strip()))
    if len(rows) < 2:
        raise IngestError(f"{path.name}: a header and at least one row are needed")
    _, header = rows[0]
    width = len(header)
    body: list[list[object]] = []
    for line, row in rows[1:]:
        extra = row[width:]
        if len(row) < width or any(cell.strip() for cell in extra):
            raise IngestError(
                f"{path.name}, line {line}: {len(row)} cells where the header has {width} "
                f"(separator {separator!r}): quote cells that contain the separator"
            )
        body.append(list(row[:width]))
    first = rows[1][0]
    return [Grid(path.stem, header, body, path.name, " ".join(captions), first)]


def _filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _separator(text: str) -> str:
    """The separator that splits the first lines into the most columns of equal number."""
    lines = [line for line in text.split("\n", 40)[:40] if line.strip()]
    if not lines:
        return ","

    def width(separator: str) -> tuple[int, int]:
        try:
            rows = list(csv.reader(lines, delimiter=separator))
        except csv.Error:
            return (0, 0)
        widths = [len(r) for r in rows]
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual) if usual > 1 else 0, usual)

    return max(_SEPARATORS, key=width)
