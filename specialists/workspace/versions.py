"""Stored workspaces: a folder of immutable versions and a pointer to the current one.

::

    demo/
      CURRENT                    "000002 <sha256 of its manifest>", swapped atomically
      lock                       held by the one process that adds
      versions/000002/
        tables/income_statement.parquet    all rows ever known
        documents.parquet · index/         texts and their full-text index
        manifest.json                      written last

An ``add`` builds the next version beside the others, hard-links what did not change, and swaps the
pointer as its last act: a crash at any point leaves the old version current and whole. Any number
of processes read; one adds. It is not a database: no row is ever changed in place.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from specialists.foundation.errors import InputError, NotFound, WorkspaceError
from specialists.workspace import home, manifest
from specialists.workspace.batch import Batch
from specialists.workspace.catalogue import Catalogue, Company
from specialists.workspace.manifest import INDEX, Manifest
from specialists.workspace.snapshot import Snapshot

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_POINTER = re.compile(r"(\d{6,}) ([0-9a-f]{64})\n?")
_SNAPSHOTS_KEPT = 4


class Workspace:
    """A stored workspace. Every call reads the pointer, so that another process's add is seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._manifests: dict[str, Manifest] = {}
        self._snapshots: dict[tuple[str, date | None], Snapshot] = {}

    # --- finding and making -----------------------------------------------------------------------

    @classmethod
    def create(cls, name: str, root: Path | None = None, batch: Batch = Batch()) -> Workspace:  # noqa: B008 - frozen and empty
        """A new workspace whose first version holds ``batch``; it exists as a whole or not at all.

        Raises:
            InputError: a name that is not a plain file name.
            WorkspaceError: it exists already.
        """
        folder = _folder(name, root)
        if folder.exists():
            raise WorkspaceError(f"workspace {name} exists already, in {folder}")
        partial = folder.with_name(f".{name}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        made = cls(partial)
        made.name = name
        with made._writing():
            try:
                # Whoever held the lock before may have finished, or crashed.
                if folder.exists():
                    raise WorkspaceError(f"workspace {name} exists already, in {folder}")
                shutil.rmtree(partial / "versions", ignore_errors=True)
                (partial / "versions").mkdir()
                made._write(None, batch)
                os.rename(partial, folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        manifest.sync(folder.parent)
        return cls(folder)

    @classmethod
    def open(cls, name: str, root: Path | None = None) -> Workspace:
        """A workspace that exists.

        Raises:
            NotFound: it does not; the message names those that do.
            WorkspaceError: it is damaged.
        """
        folder = _folder(name, root)
        if not (folder / "CURRENT").is_file():
            names = ", ".join(cls.names(root)) or "none yet"
            raise NotFound(f"there is no workspace {name} in {folder.parent}; there are: {names}")
        made = cls(folder)
        made.manifest  # noqa: B018 - reads and checks it
        return made

    @staticmethod
    def names(root: Path | None = None) -> list[str]:
        """The workspaces of a root folder, by name."""
        base = home.workspaces() if root is None else root
        if not base.is_dir():
            return []
        found = (p for p in base.iterdir() if not p.name.startswith("."))
        return sorted(p.name for p in found if (p / "CURRENT").is_file())

    # --- reading ----------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """The current version's name: six digits."""
        return self._pointer()[0]

    @property
    def manifest(self) -> Manifest:
        """The current version's manifest, checked against the pointer's hash."""
        version, digest = self._pointer()
        if version not in self._manifests:
            self._manifests[version] = manifest.read(self._version(version), digest)
        return self._manifests[version]

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of everything known."""
        return self.snapshot().catalogue

    def snapshot(self, as_of: date | None = None) -> Snapshot:
        """What was known at a date; None means everything the current version holds.

        Raises:
            WorkspaceError: a file of the version is missing or not readable.
        """
        now = self.manifest
        cached = self._snapshots.get((now.content, as_of))
        if cached is None:
            cached = self._cut(now, as_of)
            self._snapshots[now.content, as_of] = cached
            while len(self._snapshots) > _SNAPSHOTS_KEPT:
                self._snapshots.pop(next(iter(self._snapshots)))
        return cached

    def verify(self) -> int:
        """Hash every file of the current version; how many there are.

        Raises:
            WorkspaceError: files missing or altered; the message names each.
        """
        now = self.manifest
        if wrong := manifest.damage(self._version(_digits(now.version)), now):
            raise WorkspaceError(f"workspace {self.name} is damaged:\n  " + "\n  ".join(wrong))
        return len(now.files)

    # --- writing ----------------------------------------------------------------------------------

    def add(self, batch: Batch) -> str:
        """Add tables' rows, documents and companies; the new version's name.

        Rows of a table that exists are appended to it: with an equal key and a later known date
        they restate it. A table whose name is taken by another company's table gets its own
        company's name in front.

        Raises:
            InputError: the batch does not fit a stored table: a column's type, unit or scale.
            WorkspaceError: another process is adding.
        """
        with self._writing():
            return self._write(self.manifest, batch)

    @contextmanager
    def _writing(self) -> Generator[None]:
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WorkspaceError(
                    f"another process is adding to workspace {self.name}: try again later"
                ) from error
            yield

    def _write(self, parent: Manifest | None, batch: Batch) -> str:
        from specialists.workspace import store

        number = parent.version + 1 if parent else 1
        self._sweep(number)
        version = _digits(number)
        folder = self.folder / "versions" / f"{version}.partial"
        (folder / "tables").mkdir(parents=True)
        before = self._version(_digits(parent.version)) if parent else None
        tables = store.merge_tables(folder, before, parent.tables if parent else (), batch, number)
        companies = _merge_companies(parent.companies if parent else (), batch.companies)
        documents = store.merge_documents(folder, before, batch.documents, number)
        again = parent is not None and parent.companies == companies and not batch.documents
        store.index(folder, before if again else None, documents, companies)
        files = store.files(folder)
        made = Manifest(
            schema_version=manifest.SCHEMA_VERSION,
            workspace=self.name,
            version=number,
            parent=parent.version if parent else None,
            created=datetime.now(UTC),
            tables=tables,
            companies=companies,
            documents=len(documents),
            files=files,
        )
        text = (made.model_dump_json(indent=1) + "\n").encode()
        manifest.replace(folder / manifest.NAME, text)
        os.rename(folder, self._version(version))
        manifest.sync(self.folder / "versions")
        pointer = f"{version} {hashlib.sha256(text).hexdigest()}\n"
        manifest.replace(self.folder / "CURRENT", pointer.encode())
        return version

    def _sweep(self, number: int) -> None:
        """Remove what crashed adds left: versions unfinished, or never reached by the pointer."""
        for path in (self.folder / "versions").iterdir():
            digits = path.name.removesuffix(".partial")
            unfinished = path.name != digits
            if digits.isdigit() and (unfinished or int(digits) >= number):
                shutil.rmtree(path)
        (self.folder / "CURRENT.partial").unlink(missing_ok=True)

    # --- inside -----------------------------------------------------------------------------------

    def _cut(self, now: Manifest, as_of: date | None) -> Snapshot:
        from specialists.workspace import store, visible

        folder = self._version(_digits(now.version))
        tables: dict[str, Any] = {}
        entries: list[Any] = []
        latest = date.min
        try:
            for stored in now.tables:
                rows = visible.rows_at(store.read_table(folder, stored), stored.key, as_of)
                if rows.num_rows == 0:
                    continue
                latest = max(latest, store.latest(rows))
                tables[stored.table.name] = rows
                entries.append(visible.describe(stored.table, rows))
            documents = visible.documents_at(store.read_documents(folder), as_of)
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"workspace {self.name} cannot be read: {error}") from error
        latest = max([latest, *(d.published for d in documents)])
        day = as_of or (latest if latest > date.min else now.created.date())
        version = _digits(now.version)
        entry = visible.catalogue(self.name, version, day, now.companies, entries, documents)
        digest = hashlib.sha256(f"{self.name} {now.content} {as_of}".encode()).hexdigest()
        return Snapshot(entry, tables, documents, digest, folder / INDEX)

    def _version(self, version: str) -> Path:
        return self.folder / "versions" / version

    def _pointer(self) -> tuple[str, str]:
        path = self.folder / "CURRENT"
        try:
            text = path.read_text()
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
        found = _POINTER.fullmatch(text)
        if not found:
            raise WorkspaceError(f"{path} does not name a version: {text[:80]!r}")
        return found[1], found[2]


def _folder(name: str, root: Path | None) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is not a workspace name: letters, digits, dot, dash and underscore, "
            "at most 64, beginning with a letter or digit"
        )
    return (home.workspaces() if root is None else root) / name


def _digits(number: int) -> str:
    return f"{number:06d}"


def _merge_companies(old: Sequence[Company], new: Sequence[Company]) -> tuple[Company, ...]:
    """Companies by name; what a newer entry leaves open is kept from the older one."""
    merged = {c.name: c for c in old}
    for company in new:
        before = merged.get(company.name)
        if before is not None:
            company = Company(
                name=company.name,
                ticker=company.ticker or before.ticker,
                aliases=tuple(dict.fromkeys((*before.aliases, *company.aliases))),
                sector=company.sector or before.sector,
            )
        merged[company.name] = company
    return tuple(merged.values())
