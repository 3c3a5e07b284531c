"""The files of one version: Parquet in and out, merging rows, sharing what did not change."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from specialists.foundation.errors import InputError
from specialists.workspace import manifest
from specialists.workspace.batch import Batch, NewTable
from specialists.workspace.catalogue import Column, Company, Document, Table
from specialists.workspace.manifest import DOCUMENTS, INDEX, File, Stored
from specialists.workspace.search import SearchIndex
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE
from specialists.workspace.visible import ADDED, describe

_compute: Any = pc
_parquet: Any = pq
_DOCUMENT = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("kind", pa.string()),
        ("company", pa.string()),
        ("year", pa.int32()),
        ("published", pa.date32()),
        ("text", pa.string()),
        ("source", pa.string()),
        (ADDED, pa.int32()),
    ]
)


def merge_tables(
    folder: Path, before: Path | None, old: Sequence[Stored], batch: Batch, number: int
) -> tuple[Stored, ...]:
    """Write or link the tables of version ``number`` into its ``folder``.

    Raises:
        InputError: rows that do not fit the table they are for.
    """
    merged = {s.table.name: s for s in old}
    for stored in old:
        if before is not None:
            _share(before / stored.file, folder / stored.file)
    for new in batch.tables:
        name = _free_name(new.table, merged)
        stored = merged.get(name)
        table = new.table.model_copy(update={"name": name})
        rows = _stamped(new, stored.next_row if stored else 0, number)
        key = new.key
        if stored is not None:
            table, key = _fit(stored, table, new.key), stored.key
            rows = _concat([read_table(folder, stored), rows])
        rows = rows.select([*(c.name for c in table.columns), ROW, KNOWN_AT, SOURCE, ADDED])
        file = f"tables/{name}.parquet"
        _write(rows, folder / file)
        count = (stored.next_row if stored else 0) + new.rows.num_rows
        merged[name] = Stored(table=describe(table, rows), key=key, file=file, next_row=count)
    return tuple(merged.values())


def _free_name(table: Table, taken: dict[str, Stored]) -> str:
    """The table's name, with its company in front where another company's table has it."""
    other = taken.get(table.name)
    if other is None or other.table.company == table.company or table.company is None:
        return table.name
    word = "".join(ch if ch.isalnum() else "_" for ch in table.company.lower())
    return f"{word.strip('_')}_{table.name}"[:63]


def _fit(stored: Stored, table: Table, key: Sequence[str]) -> Table:
    """The stored table with the new one's further columns."""
    old = stored.table
    if old.company != table.company:
        raise InputError(
            f"table {old.name} is about {old.company or 'many companies'}; the new rows are about "
            f"{table.company or 'many companies'}: give them another table name"
        )
    if tuple(key) != stored.key:
        raise InputError(
            f"rows of table {old.name} are known by {', '.join(stored.key) or 'nothing'}, the new "
            f"ones by {', '.join(key) or 'nothing'}: give them another table name"
        )
    extra: list[Column] = []
    for column in table.columns:
        before = old.named(column.name)
        if before is None:
            extra.append(column)
            continue
        for what in ("type", "unit", "scale"):
            had, has = getattr(before, what), getattr(column, what)
            if had != has:
                raise InputError(
                    f"table {old.name}, column {column.name}: the stored {what} is "
                    f"{had or 'none'}, the new one {has or 'none'}: make them equal, or give the "
                    "new rows another table name"
                )
    return old.model_copy(update={"columns": (*old.columns, *extra)})


def _stamped(new: NewTable, first_row: int, number: int) -> pa.Table:
    count = new.rows.num_rows
    rows = new.rows
    if ROW in rows.column_names:
        rows = rows.drop_columns([ROW])
    rows = rows.append_column(ROW, pa.array(range(first_row, first_row + count), type=pa.int64()))
    return rows.append_column(ADDED, pa.array([number] * count, type=pa.int32()))


def _concat(parts: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks()


def read_table(folder: Path, stored: Stored) -> pa.Table:
    """All rows ever known, with the provenance columns and ``_added``."""
    return _parquet.read_table(folder / stored.file, memory_map=False, partitioning=None)


def latest(rows: pa.Table) -> date:
    """The last date any of these rows became known."""
    return _compute.max(rows[KNOWN_AT]).as_py()


def merge_documents(
    folder: Path, before: Path | None, new: Sequence[Document], number: int
) -> list[Document]:
    """Write or link the documents; all of them, in the order they were added."""
    target = folder / DOCUMENTS
    if not new:
        if before is not None and (before / DOCUMENTS).exists():
            _share(before / DOCUMENTS, target)
            return read_documents(folder)
        return []
    columns: dict[str, list[Any]] = {
        name: [getattr(d, name) for d in new] for name in _DOCUMENT.names if name != ADDED
    }
    rows = pa.table({**columns, ADDED: [number] * len(new)}, schema=_DOCUMENT)
    if before is not None and (before / DOCUMENTS).exists():
        rows = _concat([_parquet.read_table(before / DOCUMENTS), rows])
    _write(rows, target)
    return read_documents(folder)


def read_documents(folder: Path) -> list[Document]:
    """All documents ever added, in order."""
    path = folder / DOCUMENTS
    if not path.exists():
        return []
    rows = _parquet.read_table(path).drop_columns([ADDED])
    # The rows were validated when they were written and are vouched for by the manifest.
    return [Document.model_construct(**row) for row in rows.to_pylist()]


def index(
    folder: Path,
    before: Path | None,
    documents: Sequence[Document],
    companies: Sequence[Company],
) -> None:
    """Build the full-text index, or link the one of ``before``, whose documents are the same."""
    target = folder / INDEX
    if before is not None and (before / INDEX).is_dir():
        target.mkdir()
        for path in sorted((before / INDEX).iterdir()):
            if not path.name.startswith(".tantivy"):
                _share(path, target / path.name)
        return
    newest = {d.id: d for d in documents}
    SearchIndex.build(newest.values(), companies, target)
    for path in target.glob(".tantivy*"):
        path.unlink()  # locks of the writer that is gone


def files(folder: Path) -> dict[str, File]:
    """Sizes and hashes of all files under a folder, each pushed to the disk."""
    found: dict[str, File] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        manifest.sync(path)
        found[path.relative_to(folder).as_posix()] = manifest.hash_file(path)
    for path in (p for p in folder.rglob("*") if p.is_dir()):
        manifest.sync(path)
    return found


def _write(rows: pa.Table, path: Path) -> None:
    # A linked file belongs to older versions too: never write into it, put a new one in its place.
    path.unlink(missing_ok=True)
    _parquet.write_table(rows.combine_chunks(), path, compression="zstd")


def _share(source: Path, target: Path) -> None:
    """The same file in two versions: a hard link, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
