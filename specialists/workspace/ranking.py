"""Which lines of a page a question speaks of: rows of a table and sentences, the likeliest first.

Words, years and places in the page decide, weighed by coefficients (``ranking.json``) that
``training/ranking.py`` fits on public questions with known evidence; an encoder's similarity may be
one more feature.
It ranks what one page holds and names nothing: names are the linker's business (``links.py``).

Shapes: L lines of a page · F features of a line · C cells · G features of a cell
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.workspace.lexicon import Words, fold, lexicon

Array = NDArray[np.float64]
Similarity = Callable[[str, Sequence[str]], Array]
"""A question and L texts -> (L,) similarities, -1 … 1."""


@dataclass(frozen=True)
class Line:
    """A row of a table, or a sentence beside it."""

    text: str
    """The row's label, or the sentence."""
    headers: tuple[str, ...] = ()
    """What stands above each of the row's numbers."""
    heading: str = ""
    """The line above that opens the row's part of the table: ``Current assets:``."""
    table: bool = True

    @property
    def told(self) -> str:
        """The line as an encoder reads it."""
        if not self.table:
            return self.text[:400]
        above = f"{self.heading} " if self.heading else ""
        heads = " | ".join(dict.fromkeys(h for h in self.headers if h))
        return f"{above}{self.text} ; {heads}" if heads else f"{above}{self.text}"


@dataclass(frozen=True)
class Ranked:
    """A line, by its place in the page. Scores compare within one question."""

    line: int
    score: float


@dataclass(frozen=True)
class RankedCell:
    """A number of a row, by its places in the page and in the row's ``headers``."""

    line: int
    column: int
    score: float


LINE_FEATURES = (
    *("label_covered", "question_covered", "bm25", "bm25_best", "run", "run_whole", "concept"),
    *("fuzzy", "year_here", "year_elsewhere", "heading_covered", "headers_covered", "empty"),
    *("sentence", "sentence_covered", "sentence_year", "sentence_numbers", "length", "total"),
    *("total_asked", "first_best", "part_asked", "fresh", "similar", "similar_best"),
)
CELL_FEATURES = ("year_here", "year_within", "year_other", "covered", "missed", "first", "percent")

_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
_YEAR = re.compile(r"(?<![\d.,])((?:19|20)\d\d)(?![\d%]|[.,]\d)")
_SHORT_YEAR = re.compile(r"\b(?:fy|cy)\s?[’']?(\d\d)\b|[’'](\d\d)\b", re.I)
_RANGE = re.compile(r"((?:19|20)\d\d)\s*(?:-|–|to|through|and)\s*((?:19|20)?\d\d)\b")
_STOP_WORDS = (
    "a an the of in on for to by at from with as and or is are was were be been what which how"
    " much many did do does its it their this that these those there s year years ended ending"
    " end fiscal during between million thousand billion dollar dollars usd respectively company"
    " if had has have will would than per into over under about all any each both also not"
)
_STOP = frozenset(map(fold, re.findall(r"\w+", _STOP_WORDS)))
_PART = re.compile(r"percent(?:age)? of|portion|proportion|share of|as a percent|how much of|% of")
K1, B = 1.4, 0.6
"""BM25's saturation and length normalisation, on lines of a page."""


def rank(
    question: str, lines: Sequence[Line], similarity: Similarity | None = None
) -> list[Ranked]:
    """All lines, the likeliest evidence first; equal scores in the page's order."""
    if not lines:
        return []
    scores = line_scores(question, lines, similarity)
    return [Ranked(int(i), float(scores[i])) for i in np.argsort(-scores, kind="stable")]


def rank_cells(
    question: str, lines: Sequence[Line], similarity: Similarity | None = None
) -> list[RankedCell]:
    """The numbers of all rows, the likeliest first: the row's score and the column's together."""
    places = [(i, j) for i, line in enumerate(lines) for j in range(len(line.headers))]
    if not places:
        return []
    scores = line_scores(question, lines, similarity)
    held = coefficients()
    total = scores[[i for i, _ in places]] * held["line_in_cell"]
    total = total + cell_features(question, lines, places) @ _vector(held["cell"], CELL_FEATURES)
    order = np.argsort(-total, kind="stable")
    return [RankedCell(places[i][0], places[i][1], float(total[i])) for i in order]


def line_scores(
    question: str, lines: Sequence[Line], similarity: Similarity | None = None
) -> Array:
    """(L,) scores in the page's order."""
    similar = None
    if similarity is not None:
        similar = similarity(question, [line.told for line in lines])
    kind = "line" if similar is None else "line_with_encoder"
    return line_features(question, lines, similar) @ _vector(coefficients()[kind], LINE_FEATURES)


@lru_cache(maxsize=1)
def coefficients() -> Mapping[str, Any]:
    """What was fitted: by feature, for lines without and with an encoder, and for cells."""
    return json.loads((Path(__file__).parent / "ranking.json").read_text(encoding="utf-8"))


def _vector(values: Mapping[str, float], names: Sequence[str]) -> Array:
    return np.array([values.get(name, 0.0) for name in names])


# --- features -----------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    """A word's beginning: ``operating`` and ``operations`` are one."""
    word = fold(word)
    return word[:6] if len(word) > 6 and word.isalpha() else word


_ASKING_WORDS = (
    "percentage percent change average difference increase decrease growth rate portion share"
    " ratio higher lower larger greater highest lowest most value amount"
)
_ASKING = frozenset(map(_stem, re.findall(r"\w+", _ASKING_WORDS)))
"""Words that say what is asked of a number, not of which: they count less."""
_TOTALS = frozenset(map(_stem, ("total", "sum", "aggregate", "overall", "combined")))


@lru_cache(maxsize=16384)
def tokens(text: str) -> Words:
    """The telling words of a text, folded and cut to their stems, in order."""
    found = _WORD.findall(text.lower().replace("’", "'"))
    return tuple(_stem(w) for w in found if fold(w) not in _STOP)


@lru_cache(maxsize=4096)
def years(text: str) -> frozenset[int]:
    """The years a text names, short ones too; of a range its two ends."""
    found = {int(y) for y in _YEAR.findall(text)}
    found |= {2000 + int(a or b) for a, b in _SHORT_YEAR.findall(text)}
    for first, last in _RANGE.findall(text):
        found |= {int(first), int(last) if len(last) == 4 else int(first[:2] + last)}
    return frozenset(found)


def _run(asked: Words, label: Words) -> int:
    """How many words of a label stand side by side in the question, in its order."""
    best = 0
    ends = [0] * (len(label) + 1)
    for word in asked:
        fresh = [0] * (len(label) + 1)
        for j, other in enumerate(label, 1):
            if word == other:
                fresh[j] = ends[j - 1] + 1
                best = max(best, fresh[j])
        ends = fresh
    return best


@lru_cache(maxsize=8192)
def concepts(text: str) -> frozenset[str]:
    """The lexicon's measures that a text's words name, longest phrases first."""
    held = lexicon()
    keys = [fold(w) for w in re.findall(r"[^\W\d_]+|&", text.lower())]
    found: set[str] = set()
    i = 0
    while i < len(keys):
        for n in range(min(7, len(keys) - i), 0, -1):
            key = held.concepts.get(tuple(keys[i : i + n]))
            if key is not None:
                found.add(key)
                i += n - 1
                break
        i += 1
    return frozenset(found)


def line_features(question: str, lines: Sequence[Line], similar: Array | None = None) -> Array:
    """(L, F) features, all about 0 … 1."""
    from rapidfuzz import fuzz

    asked = tokens(question)
    telling = [w for w in asked if not w.isdigit()]
    wanted = {w: 0.4 if w in _ASKING else 1.0 for w in telling}
    when = years(question)
    meant = concepts(question)
    sums = not _TOTALS.isdisjoint(asked)
    part = bool(_PART.search(question.lower()))
    count = len(lines)
    texts = [tokens(line.text) for line in lines]
    frequency = Counter(w for text in texts for w in set(text))
    rare = {w: math.log(1.0 + count / n) for w, n in frequency.items()}
    on_page = sum(wanted[w] * rare[w] for w in wanted if w in rare) or 1.0
    middle = sum(len(text) for text in texts) / count or 1.0
    rows = np.zeros((count, len(LINE_FEATURES)))
    lowered = " ".join(telling)
    for i, (line, text) in enumerate(zip(lines, texts, strict=True)):
        label = [w for w in text if not w.isdigit()]
        shared = set(label) & wanted.keys()
        weight = sum(rare[w] for w in shared)
        whole = sum(rare[w] for w in set(label)) or 1.0
        counted = Counter(label)
        bm25 = sum(
            wanted[w] * rare[w] * counted[w] * (K1 + 1)
            / (counted[w] + K1 * (1 - B + B * len(text) / middle))
            for w in shared
        )  # fmt: skip
        run = _run(asked, tuple(label))
        own = years(line.text)
        above = set(tokens(line.heading))
        heads = {w for h in line.headers for w in tokens(h) if not w.isdigit()}
        said = sum(rare.get(w, 0.0) * wanted[w] for w in shared) / on_page
        prose = 0.0 if line.table else 1.0
        is_total = bool(_TOTALS & set(label)) and line.table
        rows[i] = (
            weight / whole * (1.0 - prose),
            said,
            bm25 / (bm25 + 4.0),
            bm25,
            min(run, 6) / 6,
            run / max(len(label), 1) * (1.0 - prose),
            bool(meant & concepts(line.text)) * (1.0 - prose),
            fuzz.token_set_ratio(lowered, " ".join(label)) / 100 if label else 0.0,
            bool(own & when) * (1.0 - prose),
            bool(own and when and not own & when) * (1.0 - prose),
            len(above & wanted.keys()) / len(above) if above else 0.0,
            len(heads & wanted.keys()) / len(heads) if heads else 0.0,
            not line.text.strip(),
            prose,
            prose * said,
            prose * bool(own & when),
            prose * bool(re.search(r"\d", _YEAR.sub(" ", line.text))),
            min(len(text), 40) / 40,
            is_total,
            is_total and sums,
            0.0,
            is_total and part,
            0.0,
            0.0,
            0.0,
        )
    best = LINE_FEATURES.index("bm25_best")
    top = rows[:, best].max()
    rows[:, best] = rows[:, best] / top if top > 0 else 0.0
    rows[:, LINE_FEATURES.index("first_best")] = _first(rows[:, best])
    covered = set(texts[int(rows[:, best].argmax())]) & wanted.keys()
    for i, text in enumerate(texts):  # what the best line leaves out
        fresh = (set(text) & wanted.keys()) - covered
        rows[i, LINE_FEATURES.index("fresh")] = sum(wanted[w] * rare[w] for w in fresh) / on_page
    if similar is not None:
        rows[:, -2] = similar
        rows[:, -1] = similar - similar.max()
    return rows


def _first(scores: Array) -> Array:
    """1 at the first of the lines with the best score, if it is above 0."""
    found = np.zeros(len(scores))
    if scores.max() > 0:
        found[int(scores.argmax())] = 1.0
    return found


def cell_features(question: str, lines: Sequence[Line], places: Sequence[tuple[int, int]]) -> Array:
    """(C, G) features of the columns that cells stand in."""
    wanted = {w for w in tokens(question) if not w.isdigit()}
    when = years(question)
    rows = np.zeros((len(places), len(CELL_FEATURES)))
    for k, (i, j) in enumerate(places):
        header = lines[i].headers[j]
        own = years(header) or years(lines[i].text)
        words = {w for w in tokens(header) if not w.isdigit()}
        inside = any(min(when) < y < max(when) for y in own) if len(when) > 1 else False
        rows[k] = (
            bool(own & when),
            inside and not own & when,
            bool(own and when and not own & when and not inside),
            len(words & wanted) / len(words) if words else 0.0,
            bool(words and not words & wanted),
            j == 0,
            "%" in header or "percent" in header.lower() or "change" in header.lower(),
        )
    return rows
