"""What one tenant may see at one date: a catalogue with its rows and texts, in memory.

A snapshot is what every tool works on. ``versions.py`` cuts one from a stored workspace;
``synthetic.py`` makes one for training examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from specialists.workspace.catalogue import Catalogue, Document

ROW, KNOWN_AT, SOURCE = "_row", "_known_at", "_source"
"""Provenance columns every table carries: row id (int64), date it became known (date32), source
(string). Names that begin with an underscore are never visible to SQL."""


@dataclass(frozen=True)
class Snapshot:
    """Immutable. Of several versions of a row (restatements) only the last known one is in it."""

    catalogue: Catalogue
    tables: Mapping[str, pa.Table]
    """By table name; the catalogue's columns plus the three provenance columns."""
    documents: tuple[Document, ...] = ()
    digest: str = ""
    """Identifies the content: pools and caches are keyed by it."""
    index: Path | None = None
    """Folder of the stored full-text index; None: search builds one in memory."""
