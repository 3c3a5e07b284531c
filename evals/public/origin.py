"""Where a set's rows come from: a file, the data folder, or the hub.

No environment variable is read here: the data folder is told by whoever calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evals.public import rows
from evals.public.catalogue import Published
from evals.public.rows import Row
from specialists.foundation.errors import InputError

HUB = "hub"
"""As a source: the set's own repository on the hub."""


def read(published: Published, source: str | Path | None, data: Path | None) -> Iterator[Row]:
    """The rows of a set, their fields there.

    Args:
        source: a file, a folder laid out as the data folder, a hub id (``owner/name``), ``hub`` for
            the set's own, or None for the data folder.
        data: the data folder; None: there is none.

    Raises:
        ConfigError: the library for the hub is not installed.
        InputError: no such file, a row without a field, or the hub cannot be reached.
    """
    for row in _read(published, source, data):
        flat = Row({**nested(row), **row.values}, row.where)
        for field in published.fields:
            flat.get(field)
        yield flat


def nested(row: Row) -> dict[str, object]:
    """What FinQA's authors keep one level down, under ``qa``."""
    inner = row.values.get("qa")
    return dict(inner) if isinstance(inner, dict) else {}


def _read(published: Published, source: str | Path | None, data: Path | None) -> Iterator[Row]:
    at_home = file_at_home(published, source, data)
    if at_home is not None:
        return rows.read(at_home)
    told = str(source)
    if told == HUB:
        return rows.from_hub(published)
    path = Path(told)
    if path.is_file():
        return rows.read(path)
    is_id = told.count("/") == 1 and not told.startswith((".", "/", "~")) and not path.suffix
    if is_id:
        return rows.from_hub(published, told)
    raise InputError(f"there is no file {told}, and it is no hub id (owner/name)")


def file_at_home(published: Published, source: str | Path | None, data: Path | None) -> Path | None:
    """The set's file in a data folder, where a folder is the source.

    Raises:
        InputError: the folder has no such file, or there is neither a source nor a folder.
    """
    folder = data if source is None else Path(source) if Path(source).is_dir() else None
    if folder is not None and published.at_home and (folder / published.at_home).is_file():
        return folder / published.at_home
    if source is not None and folder is None:
        return None
    lacks = f"{folder} has no {published.at_home}" if folder and published.at_home else ""
    why = lacks or f"{published.title} is not kept in the data folder"
    raise InputError(f"{why}: name a file, or a hub id such as {published.hub or 'owner/name'}")
