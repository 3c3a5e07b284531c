"""The file of traces: one line a question, whatever came of it. Lines are only ever added.

It knows no teacher and asks nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from specialists.foundation.contracts import Message, Usage, Value
from specialists.foundation.errors import RecordError
from training.tuning.teachers import Way

SYNC_S = 2.0
"""Seconds between writes that are forced to the disk, at least."""


class Trace(Value):
    """What came of one question: a line of the file."""

    id: str
    question: str
    """SHA-256 of the prompt: another question under the same id is asked anew."""
    kept: tuple[tuple[Message, ...], ...] = ()
    """Right dialogues, in the student's form."""
    ways: tuple[Way, ...] = ()
    """How each became the student's."""
    tries: int = 0
    right: int = 0
    """Tries whose answer checked out."""
    usage: Usage = Usage()
    seconds: float = 0.0
    reason: str = ""
    """Why none is kept: what was wrong with the last try."""
    error: str = ""
    """What broke; the question is asked again when the collection is resumed."""


class Book:
    """The file of traces. What a crash left unfinished at its end is dropped when it is opened."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        """``writes``: it may be added to; else it is only read."""
        self._path, self._writes = path, writes
        self.traces: list[Trace] = []
        self._synced = time.monotonic()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Book:
        whole = self._read()
        if not self._writes:
            return self
        with self._disk():
            self._file = self._path.open("ab")
            self._file.truncate(whole)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with self._disk():
                self._file.close()

    def _read(self) -> int:
        """Read what there is. Returns how many bytes of it are whole lines."""
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                self.traces.append(Trace.model_validate_json(line))
            except ValidationError as error:
                raise RecordError(
                    f"{self._path} is damaged in line {number}; remove that line, and its question "
                    f"is asked again"
                ) from error
        return whole

    def add(self, trace: Trace) -> None:
        assert self._file is not None
        line = trace.model_dump_json(exclude_defaults=True).encode() + b"\n"
        with self._disk():
            self._file.write(line)
            self._file.flush()
        if time.monotonic() - self._synced >= SYNC_S:
            self.sync()

    def sync(self) -> None:
        """Have the disk hold all of it."""
        if self._file is None:
            return
        with self._disk():
            os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _disk(self) -> AbstractContextManager[None]:
        return _disk(self._path)


@contextmanager
def _disk(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"cannot write {path}: {error.strerror}; what is in it stands, and asking goes on from "
            "there when there is room"
        ) from error


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Written beside and moved into place: the old one stands until the new one is whole."""
    part = path.with_suffix(".part")
    with _disk(path):
        part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
