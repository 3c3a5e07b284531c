"""What is added to a workspace at once: tables with their rows, documents, companies.

Ingest makes batches, ``versions`` stores them. A batch knows nothing of versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from specialists.workspace.catalogue import Company, Document, Table


@dataclass(frozen=True)
class NewTable:
    """Rows for one table."""

    table: Table
    rows: pa.Table
    """The catalogue's columns plus ``_known_at`` (date32) and ``_source`` (string)."""
    key: tuple[str, ...]
    """Columns that identify a row: a later-known row with the same key restates it. Empty: rows
    have no identity, and a later load of the same source replaces the earlier one as a whole."""


@dataclass(frozen=True)
class Batch:
    """All of one ``add``: it becomes visible as a whole or not at all."""

    tables: tuple[NewTable, ...] = ()
    documents: tuple[Document, ...] = ()
    companies: tuple[Company, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What was skipped or mended on the way in, for people to read."""

    def __add__(self, other: Batch) -> Batch:
        return Batch(
            self.tables + other.tables,
            self.documents + other.documents,
            self.companies + other.companies,
            self.notes + other.notes,
        )

    @property
    def empty(self) -> bool:
        return not (self.tables or self.documents or self.companies)
