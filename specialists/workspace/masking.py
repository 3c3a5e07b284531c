"""Texts as small models read them: marked stretches become handles, the rest is plain lower case.

It replaces what it is told to replace and finds nothing by itself. A text cannot smuggle a handle
or a control token in: its own ``<`` and ``>`` end up as words of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"'s(?!\w)|n't(?!\w)|[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]|_")


@dataclass(frozen=True)
class Mark:
    """A stretch ``text[start:end]`` and the handle that takes its place."""

    start: int
    end: int
    handle: str


def plain(text: str) -> str:
    """Lower case, every word and mark of punctuation set apart by one space."""
    return " ".join(_TOKEN.findall(text.lower().replace("’", "'").replace("‘", "'")))


def masked(text: str, marks: Sequence[Mark]) -> str:
    """The text with its marks replaced. Of overlapping marks the earlier in the sequence stays."""
    parts: list[str] = []
    position = 0
    for mark in sorted(apart(marks), key=lambda m: m.start):
        parts += [plain(text[position : mark.start]), mark.handle]
        position = mark.end
    parts.append(plain(text[position:]))
    return " ".join(part for part in parts if part)


def apart(marks: Iterable[Mark]) -> list[Mark]:
    """Those marks that overlap no earlier one of the sequence."""
    kept: list[Mark] = []
    for mark in marks:
        if all(mark.end <= k.start or mark.start >= k.end for k in kept):
            kept.append(mark)
    return kept


def mentions(text: str, names: Iterable[str]) -> list[tuple[int, int]]:
    """Where any of the names stands in a text as whole words, whatever the case; longest first."""
    forms = sorted({n.strip() for n in names if n.strip()}, key=len, reverse=True)
    if not forms:
        return []
    pattern = "|".join(re.escape(form) for form in forms)
    return [m.span() for m in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)]
