"""Data of one's own: what a job's file of inputs and answers holds, column by column.

A job says its columns, and how one checked row becomes an example (``<job>/own.py``). Reading
files, annotators and their agreement are not here: that is ``training/tuning/own.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.task import Example, Task
from specialists.workspace.links import Linker
from specialists.workspace.snapshot import Snapshot

Kind = Literal["text", "number", "year", "scale", "choice", "value", "facts"]
"""What a cell may be. number: digits with a point, commas between thousands · year: four digits ·
scale: a number, or thousand, million, billion · choice: one of the column's choices · value: a
number, a text or ``none`` · facts: lines ``label = number``, or (JSON) objects"""

NONE = "none"
"""The answer where there is none to be had: said, so that a cell left empty is an oversight."""
SCALES = {"": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}
SOURCE = "own"


@dataclass(frozen=True)
class Column:
    """One column of a file."""

    name: str
    about: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    answer: bool = False
    """Part of the answer: every annotator gives one."""


Row = Mapping[str, Any]
"""The values of a row by column; columns left empty are not in it."""


class Format(Protocol):
    """A job's module ``own``."""

    COLUMNS: tuple[Column, ...]
    """The first of those that are answers may be called ``answer`` as well."""
    WORKSPACE: bool
    """Whether its questions are about a workspace."""

    def example(
        self, task: Task[Any, Any], name: str, row: Row, workspace: Snapshot | None
    ) -> Example[Any, Any]:
        """The example a row tells.

        Args:
            name: the example's id.

        Raises:
            AnswerError: the row's answer does not fit its question; says how.
            InputError: the row asks for what is not there.
        """
        ...

    def meaning(self, row: Row) -> str:
        """The row's answer, so that two annotators who mean the same say the same."""
        ...


def seed_of(name: str) -> int:
    """The seed of an example's handles, which follows from its id."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def worth(value: float, row: Row) -> str:
    """A number with its unit and scale, as one amount."""
    amount = value * float(row.get("scale", 1.0))
    return f"{amount:.12g} {row.get('unit', '')}".strip()


def quantity(value: float, row: Row) -> Quantity:
    """A number with the unit and scale of its row."""
    return Quantity(value=value, unit=row.get("unit", ""), scale=float(row.get("scale", 1.0)))


def one(found: Sequence[str], what: str, among: Sequence[str]) -> str:
    """The only one found.

    Raises:
        AnswerError: none, or several.
    """
    if len(found) == 1:
        return found[0]
    there = ", ".join(dict.fromkeys(among)) or "nothing"
    trouble = "stands for several of them" if found else "is none of them"
    raise AnswerError(f"{what} {trouble}: {there}")


_LINKERS: dict[str, Linker] = {}
_KEPT = 4


def linker_of(workspace: Snapshot) -> Linker:
    """The linker of a workspace; a few are kept, since building one takes some milliseconds."""
    linker = _LINKERS.get(workspace.digest)
    if linker is None or linker.catalogue is not workspace.catalogue:
        linker = Linker(workspace.catalogue, workspace.documents)
        while len(_LINKERS) >= _KEPT:
            _LINKERS.pop(next(iter(_LINKERS)))
        _LINKERS[workspace.digest] = linker
    return linker
