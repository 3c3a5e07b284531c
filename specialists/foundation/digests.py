"""What identifies content: canonical JSON, and SHA-256 of values, files and folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from specialists.foundation.errors import RecordError

DIGITS = 12
"""Significant digits of a float in canonical JSON: the same value gives the same bytes anywhere."""


def canonical(value: Any) -> bytes:
    """A value as canonical JSON: keys sorted, no spaces, floats rounded, UTF-8.

    Raises:
        RecordError: not JSON, or a number that is not finite.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    try:
        text = json.dumps(
            _rounded(value),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )
    except (TypeError, ValueError) as error:
        raise RecordError(f"not a value that can be recorded: {error}") from error
    return text.encode()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        short = float(f"{value:.{DIGITS}g}")
        return int(short) if short.is_integer() and abs(short) < 2**53 else short
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        RecordError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error


def file_digests(folder: Path, *, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative path with ``/``; hidden files are not read.

    Args:
        leave_out: names of files that are not part of the content, such as records about it.

    Raises:
        RecordError: no such folder, or a link in it: what a link leads to is not the folder's.
    """
    if not folder.is_dir():
        raise RecordError(f"there is no folder {folder}")
    skip = frozenset(leave_out)
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.name in skip or any(part.startswith((".", "__")) for part in name.parts):
            continue
        if path.is_symlink():
            raise RecordError(f"{path} is a link")
        if path.is_file():
            found[name.as_posix()] = file_digest(path)
    return found


def folder_digest(folder: Path, *, leave_out: Iterable[str] = ()) -> str:
    """SHA-256 over a folder's file names and contents; see ``file_digests``."""
    return digest(file_digests(folder, leave_out=leave_out))
