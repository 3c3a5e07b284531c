"""Parquet files to grids: their own types are kept where a table has such a type."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from specialists.foundation.errors import IngestError
from specialists.workspace.ingest.tables import Grid

_parquet: Any = pq


def read(path: Path, notes: list[str]) -> list[Grid]:
    """The one grid of a Parquet file.

    Raises:
        IngestError: damaged, no rows, or a column of a nested or binary type.
    """
    try:
        table = _parquet.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise IngestError(f"{path.name} is a damaged Parquet file: {error}") from error
    if table.num_rows == 0:
        raise IngestError(f"{path.name}: the table has no rows")
    columns: list[list[object]] = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            raise IngestError(
                f"{path.name}: column {field.name!r} is of type {field.type}; numbers, texts, "
                "dates and booleans are read"
            )
        index = table.schema.get_field_index(field.name)
        if index < 0:
            raise IngestError(f"{path.name}: two columns are named {field.name!r}: rename one")
        columns.append([_plain(v) for v in table.column(index).to_pylist()])
    rows = [list(row) for row in zip(*columns, strict=True)]
    return [Grid(path.stem, table.column_names, rows, path.name, "", 1)]


def _plain(value: Any) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return str(value).lower() if isinstance(value, bool) else value
