"""What speaks for a number, and for a pair of numbers, as the arguments of a question's arithmetic.

Plain features of words, years, places and sizes, as arrays; their weights are learned elsewhere
and applied in ``ranker.py``. Nothing here knows an answer.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.calculation.page import Number, Page, stems, years

Array = NDArray[np.float32]
SINGLE = 46
"""Features of a number."""
PAIR = 38
"""Features of an ordered pair."""

CUES: tuple[tuple[str, str], ...] = (
    ("percent", r"percent|%|percentual"),
    ("portion", r"\bportion|proportion|fraction|\bshare of\b"),
    ("ratio", r"\bratio\b|\btimes\b|multiple"),
    ("change", r"\bchang|variation|differ|fluctuat|variance"),
    ("rise", r"increas|grow|rise|rose|gain|improve|expan|higher|exceed|greater|more than"),
    ("fall", r"decreas|declin|drop|reduc|fell|lower|less\b|loss"),
    ("growth", r"\bgrowth|growth rate|\brate\b|\breturn\b|\broi\b|performance"),
    ("average", r"average|mean\b"),
    ("total", r"\btotal|combined|\bsum\b|altogether|overall|cumulative|aggregate"),
    ("maximum", r"maximum|highest|largest|peak"),
    ("minimum", r"minimum|lowest|smallest"),
    ("per", r"\bper\b|\beach\b"),
    ("price", r"price|cost|value|worth"),
    ("of total", r"of (?:the )?(?:\w+ ){0,2}total|of all|of the (?:overall|aggregate)"),
    ("from to", r"\bfrom\b.*\bto\b|between\b.*\band\b"),
    ("versus", r"compare|versus|\bvs\b|relative to|relation to"),
    ("relate", r"related to|due to|attribut|comprised|represent|consist|made up|account"),
    ("if", r"\bif\b|assum|would|suppose"),
    ("yes or no", r"^\s*(?:did|do|does|was|were|is|are|has|have|had|could|would|will|can)\b"),
    ("how much", r"how much|how many|what amount|in millions|in thousands|in billions|in dollars"),
    ("net", r"\bnet\b"),
    ("remaining", r"remain|left|after|excluding|without|not\b|other than|outstanding"),
    ("both", r"\bboth\b|\band\b"),
    ("tax", r"tax"),
    ("years", r"years|annual|year over year|last|past|prior|previous"),
    ("points", r"points|basis"),
    ("margin", r"margin"),
    ("by how", r"by how|by what"),
    ("expected", r"expected|projected|next|will be|in the future"),
    ("in what", r"which|who|when|where|why"),
)
_CUES = tuple(re.compile(pattern, re.IGNORECASE) for _, pattern in CUES)
_SAID = re.compile(r"[a-z]+|\d+|%|\$")


@dataclass(frozen=True)
class Features:
    """A page's arrays. ``n`` numbers."""

    asked: Array
    """Of the question, [len(CUES) + 6]."""
    single: Array
    """Of each number, [n, SINGLE]."""
    pair: Array
    """Of each ordered pair, [n, n, PAIR]."""


def of(page: Page) -> Features:
    """The features of a page's numbers for its question."""
    reading = _Reading(page)
    single = reading.single()
    return Features(reading.asked(), single, reading.pair(single))


def single(page: Page) -> Array:
    """The features of each number alone, [n, SINGLE]."""
    return _Reading(page).single()


def grams(question: str) -> tuple[str, ...]:
    """The one- and two-word runs of a question, figures and years masked: what says which
    arithmetic is meant."""
    said = ["#" if w.isdigit() else w for w in _SAID.findall(question.lower())]
    said = ["<", *said, ">"]
    return tuple(dict.fromkeys([*said, *(f"{a} {b}" for a, b in itertools.pairwise(said))]))


class _Reading:
    """One page read against its question."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.numbers = page.numbers
        self.q = list(stems(page.question))
        self.q_set = {w for w in self.q if not w.isdigit()}
        self.q_years = sorted(set(years(page.question)))
        self.at = {w: i for i, w in reversed(list(enumerate(self.q)))}
        self.lines = [set(stems(line.text)) for line in page.lines]
        common = Counter(w for line in self.lines[:-1] for w in line)
        self.weight = {w: 1.0 / (1.0 + 0.35 * common[w]) for w in self.q_set | set(common)}
        self.q_total = sum(self.weight[w] for w in self.q_set) or 1.0
        self.labels = [self._words(n.label) for n in self.numbers]
        self.headers = [self._words(n.header) for n in self.numbers]
        self.text = page.question.lower()

    def _words(self, text: str) -> frozenset[str]:
        return frozenset(w for w in stems(text) if not w.isdigit())

    def _cover(self, words: frozenset[str] | set[str]) -> tuple[float, float]:
        """How much of the words is asked for, and how much of the question they tell."""
        hit = sum(self.weight[w] for w in words if w in self.q_set)
        mass = sum(self.weight.get(w, 1.0) for w in words)
        return (hit / mass if mass else 0.0), hit / self.q_total

    def asked(self) -> Array:
        cues = [float(bool(c.search(self.page.question))) for c in _CUES]
        count = len(self.q_years)
        spread = self.q_years[-1] - self.q_years[0] if count else 0
        rest = [count == 0, count == 1, count == 2, count > 2, spread == 1, spread > 1]
        return np.array([*cues, *map(float, rest)], np.float32)

    def single(self) -> Array:
        page, numbers = self.page, self.numbers
        last = len(page.lines) - 1
        told = [self._cover({w for w in line if not w.isdigit()})[1] for line in self.lines]
        told[last] = 0.0
        order = sorted(range(last), key=lambda i: -told[i])
        rank = {line: r for r, line in enumerate(order)}
        best = told[order[0]] if order else 0.0
        values = Counter(abs(n.value) for n in numbers)
        latest: dict[int, list[int]] = {}
        width: dict[int, int] = {}
        for n in numbers:
            latest.setdefault(n.line, []).extend(n.years)
            width[n.line] = max(width.get(n.line, 0), n.place)
        tables = [i for i, line in enumerate(page.lines) if line.kind == "cell"]
        quoted = {float(m) for m in re.findall(r"\d+(?:\.\d+)?", self.text.replace(",", ""))}
        rows: list[list[float]] = []
        for i, n in enumerate(numbers):
            label_in, label_out = self._cover(self.labels[i])
            header_in, header_out = self._cover(self.headers[i])
            both = self._cover(self.labels[i] | self.headers[i])[1]
            year = n.years[-1] if n.years else 0
            asked = bool(set(n.years) & set(self.q_years))
            known, wanted = bool(n.years), bool(self.q_years)
            near = self._nearest(n)
            place = [self.at[w] for w in self.labels[i] | self.headers[i] if w in self.at]
            total_label = "total" in self.labels[i]
            total_header = "total" in self.headers[i]
            magnitude = np.log10(abs(n.value) + 1e-3) / 6.0
            rows.append(
                [
                    1.0,
                    label_in,
                    label_out,
                    header_in,
                    header_out,
                    both,
                    told[n.line],
                    told[n.line] / best if best else 0.0,
                    1.0 / (1.0 + rank.get(n.line, 9)),
                    float(rank.get(n.line, 9) == 0),
                    self._fuzzy(n.label if n.kind == "cell" else n.label[-30:]),
                    self._fuzzy(n.header if n.kind == "cell" else n.header[:30]),
                    near,
                    float(asked),
                    float(known and wanted and not asked),
                    float(not known and wanted),
                    float(known and not wanted),
                    float(wanted and year == self.q_years[-1]),
                    float(wanted and year == self.q_years[0]),
                    float(wanted and self.q_years[0] < year < self.q_years[-1]),
                    float(wanted and year == self.q_years[0] - 1),
                    float(wanted and year == self.q_years[-1] + 1),
                    float(known and year == max(latest[n.line])),
                    float(known and year == min(latest[n.line])),
                    float(n.percent),
                    float(n.money),
                    float(n.kind == "cell"),
                    float(n.kind == "prose"),
                    float(n.kind == "question"),
                    float(magnitude),
                    float(n.value < 0),
                    float(float(n.value).is_integer() and abs(n.value) <= 12),
                    float(n.value == 0),
                    float(total_label),
                    float(total_header),
                    float(total_label and "total" in self.q_set),
                    float(n.place == 0),
                    float(n.place == width[n.line]),
                    float(bool(tables) and n.line == tables[-1]),
                    float(bool(tables) and n.line == tables[0]),
                    float(values[abs(n.value)] > 1),
                    float(n.kind != "question" and n.value in quoted and n.value > 12),
                    (min(place) / len(self.q)) if place else 0.5,
                    (max(place) / len(self.q)) if place else 0.5,
                    float(n.value == 100.0),
                    min(len(self.labels[i]), 10) / 10.0,
                ]
            )
        return np.array(rows, np.float32).reshape(len(rows), SINGLE)

    def _nearest(self, n: Number) -> float:
        """In prose, the question's words nearest to a number count most."""
        if n.kind == "cell":
            return 0.0
        before = list(reversed(stems(n.label)))
        after = list(stems(n.header))
        score = sum(self.weight[w] * 0.8**k for k, w in enumerate(before) if w in self.q_set)
        score += sum(self.weight[w] * 0.7**k for k, w in enumerate(after) if w in self.q_set)
        return score / self.q_total

    def _fuzzy(self, text: str) -> float:
        """The share of a text's character trigrams that the question has."""
        text = re.sub(r"[^a-z ]", " ", text.lower())
        found = {text[i : i + 3] for i in range(len(text) - 2)} - {"   "}
        return sum(t in self.text for t in found) / len(found) if found else 0.0

    def pair(self, single: Array) -> Array:
        numbers = self.numbers
        n = len(numbers)
        value = np.array([x.value for x in numbers], np.float64)
        line = np.array([x.line for x in numbers])
        place = np.array([x.place for x in numbers])
        cell = np.array([x.kind == "cell" for x in numbers], bool)
        percent = np.array([x.percent for x in numbers], bool)
        money = np.array([x.money for x in numbers], bool)
        year = np.array([x.years[-1] if x.years else 0 for x in numbers])
        said = list(years(self.page.question))
        told = np.array([said.index(y) if y in said else -1 for y in year.tolist()])
        label, header = _numbered(self.labels), _numbered(self.headers)
        total = np.array(
            ["total" in a or "total" in b for a, b in zip(self.labels, self.headers, strict=True)],
            bool,
        )
        a, b = (slice(None), None), (None, slice(None))
        both_cells = cell[a] & cell[b]
        same_line = line[a] == line[b]
        same_column = both_cells & (place[a] == place[b]) & ~same_line
        same_label = (label[a] == label[b]) & ~same_line
        known = (year[a] > 0) & (year[b] > 0)
        gap = np.where(known, year[a] - year[b], 0)
        first, last = (self.q_years[0], self.q_years[-1]) if self.q_years else (-1, -1)
        one = len(self.q_years) == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.log10((np.abs(value[a]) + 1e-6) / (np.abs(value[b]) + 1e-6))
        words = [self.labels[i] | self.headers[i] for i in range(n)]
        hits = [w & self.q_set for w in words]
        label_words = [x & self.q_set for x in self.labels]
        cover = np.zeros((n, n, 5), np.float32)
        for i in range(n):
            for j in range(i + 1, n):
                union = self.labels[i] | self.labels[j]
                shared = len(self.labels[i] & self.labels[j]) / len(union) if union else 1.0
                only_i, only_j = hits[i] - hits[j], hits[j] - hits[i]
                whole = sum(self.weight[w] for w in hits[i] | hits[j]) / self.q_total
                own_i = sum(self.weight[w] for w in only_i) / self.q_total
                own_j = sum(self.weight[w] for w in only_j) / self.q_total
                by_label_i, by_label_j = (
                    label_words[i] - label_words[j],
                    label_words[j] - label_words[i],
                )
                order = 0.0
                if by_label_i and by_label_j:
                    before = min(self.at[w] for w in by_label_i) < min(
                        self.at[w] for w in by_label_j
                    )
                    order = 1.0 if before else -1.0
                elif only_i and only_j:
                    before = min(self.at[w] for w in only_i) < min(self.at[w] for w in only_j)
                    order = 0.7 if before else -0.7
                cover[i, j] = shared, whole, own_i, own_j, order
                cover[j, i] = shared, whole, own_j, own_i, -order
        features = [
            same_line,
            same_column,
            same_label,
            both_cells,
            cell[a] & ~cell[b],
            ~cell[a] & cell[b],
            same_line & (place[a] < place[b]),
            same_line & (np.abs(place[a] - place[b]) == 1),
            ~same_line & (line[a] < line[b]),
            ~same_line & (np.abs(line[a] - line[b]) == 1),
            gap > 0,
            gap < 0,
            np.abs(gap) == 1,
            known & (gap == 0),
            (year[a] == last) & (year[b] == first) & (first != last),
            (year[a] == first) & (year[b] == last) & (first != last),
            one & (year[a] == last) & (year[b] == last - 1),
            one & (year[a] == last - 1) & (year[b] == last),
            one & (year[a] == last) & (year[b] == last),
            (header[a] == header[b]) & both_cells,
            np.clip(size, -3, 3) / 3.0,
            np.abs(np.clip(size, -3, 3)) / 3.0,
            np.abs(value[a]) < np.abs(value[b]),
            np.abs(size) < 0.3,
            np.abs(size) < 0.02,
            percent[a] & percent[b],
            percent[a] ^ percent[b],
            money[a] == money[b],
            total[b] & ~total[a],
            total[a] & ~total[b],
            (value[a] == value[b]),
            known & (told[a] >= 0) & (told[b] >= 0) & (told[a] < told[b]),
            known & (told[a] >= 0) & (told[b] >= 0) & (told[a] > told[b]),
        ]
        stacked = np.stack([np.broadcast_to(f, (n, n)).astype(np.float32) for f in features], -1)
        return np.concatenate([stacked, cover], -1) if n else np.zeros((0, 0, PAIR), np.float32)


def _numbered(texts: Sequence[frozenset[str]]) -> NDArray[np.int64]:
    """Equal word sets, equal numbers."""
    known: dict[frozenset[str], int] = {}
    return np.array([known.setdefault(t, len(known)) for t in texts], np.int64)
