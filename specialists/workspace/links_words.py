"""The words of a question as the linker walks over them, and stretches of them that mean something.

No meaning is found here (``links_index.py`` knows them); this is what the linker's parts share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from specialists.workspace.links_index import Meaning

TOKEN = re.compile(r"'s(?!\w)|[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]|_")
SILENT = frozenset({",", ".", "-", "'", "(", ")", '"', "–", "—", ":", ";", "*", "_", "/", "'s"})
"""What phrases may hold without saying it."""
_OPENERS = frozenset(
    ["what", "how", "which", "who", "where", "when", "did", "does", "is", "was", "were", "tell"]
)


@dataclass(frozen=True)
class Token:
    """A word or a mark, ``start`` … ``end - 1`` of the text."""

    start: int
    end: int
    low: str
    key: str
    """Folded and, where it was a typo, mended."""
    sure: float
    capital: bool
    upper: bool
    """All capitals."""


@dataclass(frozen=True)
class Match:
    """Tokens ``first`` … ``last - 1`` and what they can mean, the best meaning first."""

    first: int
    last: int
    score: float
    meanings: tuple[Meaning, ...]
    partial: bool = False
    """Only some of its words are there."""

    @property
    def weight(self) -> float:
        """What it explains, in words: of overlapping matches the heavier stands."""
        length = self.last - self.first
        return length * self.score if self.partial else length


def clause(tokens: list[Token], place: int) -> tuple[int, int]:
    """First and last + 1 of the words of one question: ``… , and how …`` begins another."""
    start, end = 0, len(tokens)
    for i, token in enumerate(tokens):
        following = {t.low for t in tokens[i + 1 : i + 3]}
        ends = token.low in {"?", ";"} or (
            token.low in {".", ",", "and", "but", "while", "&"} and bool(following & _OPENERS)
        )
        if ends and i < place:
            start = i + 1
        elif ends and i > place:
            return start, i
    return start, end


def choose(matches: list[Match]) -> list[Match]:
    """Heaviest first, then surest; none overlap."""
    chosen: list[Match] = []
    taken: set[int] = set()
    for match in sorted(matches, key=lambda m: (-m.weight, -m.score)):
        if taken.isdisjoint(range(match.first, match.last)):
            chosen.append(match)
            taken.update(range(match.first, match.last))
    return chosen
