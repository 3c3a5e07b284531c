"""The audit: a random sample of answers in service, judged by a person.

What is judged is what the model said, held back or not, since that is what a decision record's
accuracy is of. The order of the draw is a digest of seed and part: it does not depend on what else
is in the store, nobody can choose it, and tomorrow's draw goes on where today's ended.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.drift.live import WHOLE, Part
from specialists.foundation.errors import InputError

Key = tuple[str, str]
"""Answer and part."""
COLUMNS: tuple[str, ...] = (
    "answer", "part", "specialist", "adapter", "created", "question", "asked", "reply",
    "status", "escalated", "right",
)  # fmt: skip
YES, NO = (
    frozenset({"1", "yes", "y", "true", "right"}),
    frozenset({"0", "no", "n", "false", "wrong"}),
)


def draw(
    lived: Sequence[Part], count: int, *, seed: int, labelled: Mapping[Key, bool] | None = None
) -> list[Part]:
    """A sample to be judged, as many of each specialist as of any other where there are so many.

    Args:
        labelled: parts that have been judged; they are not drawn again.
    """
    known = labelled or {}
    strata: dict[str, list[Part]] = {}
    for part in sorted(lived, key=lambda p: _lot(p, seed)):
        if (part.answer, part.part) not in known:
            strata.setdefault(part.specialist, []).append(part)
    drawn: list[Part] = []
    left = {name: iter(parts) for name, parts in sorted(strata.items())}
    while left and len(drawn) < count:
        for name in list(left):
            part = next(left[name], None)
            if part is None:
                del left[name]
            elif len(drawn) < count:
                drawn.append(part)
    return sorted(drawn, key=lambda p: (p.specialist, _lot(p, seed)))


def write(drawn: Sequence[Part], path: Path) -> None:
    """The sheet to be filled in: ``right`` is empty.

    Raises:
        InputError: the file is there already; labels in it would be lost.
    """
    if path.exists():
        raise InputError(f"{path} is there already; name another file for the new sample")
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.DictWriter(file, COLUMNS)
        sheet.writeheader()
        for part in drawn:
            row = part.model_dump(mode="json", include=set(COLUMNS))
            sheet.writerow({**row, "escalated": "yes" if part.escalated else "", "right": ""})


def read(path: Path) -> dict[Key, bool]:
    """The labels of a sheet; rows that are not filled in are left out.

    Two columns are enough: ``answer`` and ``right``, which then judge whole answers.

    Raises:
        InputError: no such file or columns, a label that is neither yes nor no, or two that differ.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read labels from {path}: {error}") from error
    if not rows or not {"answer", "right"} <= set(rows[0]):
        raise InputError(f"{path} needs the columns answer and right, and a row at least")
    labels: dict[Key, bool] = {}
    for number, row in enumerate(rows, 2):
        told = (row["right"] or "").strip().casefold()
        if not told:
            continue
        if told not in YES | NO:
            raise InputError(f"{path}, line {number}: right is {told!r}; it takes yes or no")
        key = (row["answer"], row.get("part") or WHOLE)
        if labels.setdefault(key, told in YES) != (told in YES):
            raise InputError(f"{path}, line {number}: answer {key[0]} is judged both ways")
    return labels


def _lot(part: Part, seed: int) -> str:
    return hashlib.sha256(f"{seed}\n{part.answer}\n{part.part}".encode()).hexdigest()
