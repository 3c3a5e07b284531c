"""A version's table of contents, written last: that it exists means that the version is whole."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from specialists.foundation.contracts import Value
from specialists.foundation.errors import WorkspaceError
from specialists.workspace.catalogue import Company, Table

SCHEMA_VERSION = 1
NAME = "manifest.json"
DOCUMENTS = "documents.parquet"
INDEX = "index"


class File(Value):
    """One file of a version."""

    sha256: str
    bytes: int


class Stored(Value):
    """A table as stored: all rows ever known, restatements included."""

    table: Table
    key: tuple[str, ...]
    file: str
    """Path inside the version's folder."""
    next_row: int
    """The row id the next added row gets."""


class Manifest(Value):
    """One immutable version of a workspace."""

    schema_version: int
    workspace: str
    version: int
    parent: int | None
    created: datetime
    tables: tuple[Stored, ...]
    companies: tuple[Company, ...]
    documents: int
    """How many documents, all ever known."""
    files: dict[str, File]
    """By path inside the version's folder; the manifest itself is vouched for by the pointer."""

    @property
    def content(self) -> str:
        """SHA-256 over what the version says: tables and documents, not the index or the clock."""
        parts = [f"{p} {f.sha256}" for p, f in sorted(self.files.items()) if _says(p)]
        parts += [s.model_dump_json() for s in self.tables]
        parts += [c.model_dump_json() for c in self.companies]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def stored(self, table: str) -> Stored | None:
        """The stored table of this name."""
        return next((s for s in self.tables if s.table.name == table), None)


def _says(path: str) -> bool:
    return not path.startswith(f"{INDEX}/")


def read(folder: Path, sha256: str) -> Manifest:
    """A version's manifest.

    Args:
        sha256: what the pointer says the manifest's bytes hash to.

    Raises:
        WorkspaceError: the manifest is missing, altered, or of a schema this release cannot read.
    """
    path = folder / NAME
    try:
        text = path.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(text).hexdigest() != sha256:
        raise WorkspaceError(f"{path} was altered: its hash is not the one the pointer names")
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise WorkspaceError(f"{path} is not a manifest this release can read: {error}") from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise WorkspaceError(
            f"{path} has schema version {manifest.schema_version}, this release reads "
            f"{SCHEMA_VERSION}"
        )
    return manifest


def hash_file(path: Path) -> File:
    """Size and SHA-256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return File(sha256=digest, bytes=path.stat().st_size)


def damage(folder: Path, manifest: Manifest) -> list[str]:
    """What is wrong with a version's files, in words; empty when nothing is."""
    wrong: list[str] = []
    for name, expected in manifest.files.items():
        path = folder / name
        try:
            found = hash_file(path)
        except OSError as error:
            wrong.append(f"{path}: {error.strerror}")
            continue
        if found.bytes != expected.bytes:
            wrong.append(f"{path}: {found.bytes} bytes, the manifest says {expected.bytes}")
        elif found.sha256 != expected.sha256:
            wrong.append(f"{path}: content was altered")
    return wrong


def sync(path: Path) -> None:
    """Push a file's or folder's bytes to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)
    sync(path.parent)
