"""A page of a report as lines and the numbers in them, each with the words that say what it is.

A table's row is a line, a sentence is a line, the question is the last line. A number in a table
has its row's label and its column's header; a number in prose has the words around it. Numbers
keep the scale their page writes them in. Which numbers a question needs is decided elsewhere
(``ranker.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from specialists.workspace.lexicon import fold
from specialists.workspace.numbers import scan

Kind = Literal["cell", "prose", "question"]

AROUND = 60
"""Characters of prose on each side of a number that tell what it is."""

_YEAR = re.compile(r"(?<![\d.,/])((?:19|20)\d\d)(?![\da-z]|[.,/]\d)")
_DAY = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?\s*$",
    re.IGNORECASE,
)
_MONTHS = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"fiscal|years?|ended|ending|total|thereafter|fy|quarter|first|second|third|fourth)\b"
)
"""Words beside a year that still say only when."""
_WORD = re.compile(r"[a-z]+(?:&[a-z]+)?|\d{4}|%")
_STATED = re.compile(r"([^;]*?)\bthe ([^;]+?) is ([^;]*?) ;")
_CHUNK = re.compile(r"(text|table)_(\d+): ")
_SENTENCE = re.compile(r"(?<=[a-z0-9)%]) \. |(?<=\w\w)\. (?=[A-Z\w])")
_SCALE = re.compile(r"\s*(thousand|million|billion|trillion)s?\b", re.IGNORECASE)
_STOP = frozenset(
    word
    for line in (
        "the of a an in for to and & or on at by with from as is was were are be its their this",
        "that what how much many which who did do does than it",
    )
    for word in line.split()
)


@dataclass(frozen=True)
class Number:
    """A number of a page."""

    value: float
    """As written; percentages in percent points."""
    percent: bool
    money: bool
    line: int
    """Index of its line."""
    place: int
    """Its column, or its turn in its sentence, from 0."""
    kind: Kind
    label: str
    """Its row's label, or the words before it."""
    header: str
    """Its column's header, or the words after it."""
    years: tuple[int, ...] = ()
    """The years it is about, as far as its own words tell."""


@dataclass(frozen=True)
class Line:
    """A row, a sentence or the question."""

    name: str
    """``table_3`` or ``text_12`` as FinQA names them; ``question``."""
    text: str
    kind: Kind


@dataclass(frozen=True)
class Page:
    """What a question is asked over, and the question."""

    question: str
    lines: tuple[Line, ...]
    numbers: tuple[Number, ...]

    def with_numbers(self, kept: Sequence[int]) -> Page:
        """The page with some of its numbers, in their order; all its lines stay."""
        return Page(self.question, self.lines, tuple(self.numbers[i] for i in sorted(kept)))

    def only(self, lines: Sequence[int]) -> Page:
        """The page cut to some of its lines, in their order; the question stays."""
        last = len(self.lines) - 1
        kept = [*sorted({i for i in lines if i != last}), last]
        new = {old: i for i, old in enumerate(kept)}
        return Page(
            self.question,
            tuple(self.lines[i] for i in kept),
            tuple(replace(n, line=new[n.line]) for n in self.numbers if n.line in new),
        )


@lru_cache(maxsize=200_000)
def stems(text: str) -> tuple[str, ...]:
    """The content words of a text, folded and cut to their stem."""
    return tuple(
        _stem(w) for t in _WORD.findall(text.lower()) if (w := fold(t)) not in _STOP and len(w) > 1
    )


def _stem(word: str) -> str:
    for ending in ("ization", "ations", "ation", "ments", "ment", "ings", "ing", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def years(text: str) -> tuple[int, ...]:
    """The years a text names, in its order; not ``2019s``, FinQA's lost apostrophe."""
    return tuple(int(y) for y in _YEAR.findall(text))


def finqa(record: Mapping[str, Any]) -> Page:
    """A FinQA record's whole page."""
    lines: list[Line] = []
    numbers: list[Number] = []
    sentences = [
        s
        for text in (record["pre_text"], record["post_text"])
        for s in _sentences(text if isinstance(text, str) else " . ".join(text))
    ]
    header, *body = record["table"]
    if _is_data(header[1:]):  # a table without a header
        _row(header, [""] * len(header), "table_0", lines, numbers)
    for i, row in enumerate(body, start=1):
        _row(row, header, f"table_{i}", lines, numbers)
    for i, sentence in enumerate(sentences):
        _prose(sentence, f"text_{i}", lines, numbers)
    return _asked(record["question"], lines, numbers)


def told(question: str, context: str) -> Page:
    """A page of evidence told in words: ``table_3: the goodwill of 2015 is $ 482 ; text_4: …``."""
    lines: list[Line] = []
    numbers: list[Number] = []
    parts = _CHUNK.split(context)
    for kind, index, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        stated = _STATED.findall(text) if kind == "table" else []
        if not stated:
            for sentence in _sentences(text):
                _prose(sentence, f"{kind}_{index}", lines, numbers)
            continue
        label, columns = _apart([what for _, what, _ in stated])
        if _is_data(columns) and not any(line.name == "table_0" for line in lines):
            top = [stated[0][0].strip(), *columns]
            _row(top, [""] * len(top), "table_0", lines, numbers)
        cells = [label, *(cell for *_, cell in stated)]
        _row(cells, ["", *columns], f"{kind}_{index}", lines, numbers)
    return _asked(question, lines, numbers)


def _apart(told: Sequence[str]) -> tuple[str, list[str]]:
    """``goodwill of 2015``, ``goodwill of 2014``: the row's label, and each column's header."""
    common = _prefix(told)
    cut = common.rfind(" of ") if len(told) > 1 else told[0].find(" of ")
    if cut < 0:
        return told[0], [""] * len(told)
    return told[0][:cut].strip(), [what[cut + 4 :].strip() for what in told]


def _prefix(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    first, last = min(texts), max(texts)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first if length is None else first[:length]


def report(question: str, table: Sequence[Sequence[str]], paragraphs: Sequence[str]) -> Page:
    """A page whose table may have several rows of headers (TAT-QA)."""
    lines: list[Line] = []
    numbers: list[Number] = []
    header, body = _headed(table)
    section = ""
    for i, row in enumerate(body, start=1):
        if row and row[0].strip() and not any(c.strip() for c in row[1:]):
            section = row[0].strip().rstrip(":")
            continue
        label = row[0].strip() or section
        full = f"{label} ( {section} )" if section and row[0].strip() else label
        _row([full, *row[1:]], header, f"table_{i}", lines, numbers)
    for i, paragraph in enumerate(paragraphs):
        for sentence in re.split(r"(?<=[a-z0-9)%]{2})\.\s+(?=[A-Z(])", paragraph):
            _prose(sentence, f"text_{i}", lines, numbers)
    return _asked(question, lines, numbers)


def _headed(table: Sequence[Sequence[str]]) -> tuple[list[str], list[Sequence[str]]]:
    """One header a column, and the rows below the headers."""
    width = max((len(r) for r in table), default=0)
    depth = 0
    for row in table:
        filled = [c for c in row[1:] if c.strip()]
        if any(_cell(c) is not None for c in filled):
            break
        if row and row[0].strip() and not filled and depth:
            break
        depth += 1
    depth = depth or 1
    header: list[str] = []
    for j in range(width):
        parts: list[str] = []
        for row in table[:depth]:
            cell = row[j].strip() if j < len(row) else ""
            if not cell and j > 1 and not parts:  # a header over several columns
                cell = next(
                    (row[k].strip() for k in range(min(j, len(row)) - 1, 0, -1) if row[k].strip()),
                    "",
                )
                cell = cell if not _YEAR.fullmatch(cell) else ""
            if cell:
                parts.append(cell)
        header.append(" ".join(parts))
    return header, list(table[depth:])


def _is_data(header: Sequence[str]) -> bool:
    """Whether a table's first row holds figures and not headers."""
    return any(
        re.fullmatch(r"\$?\s*-?[\d.,]+\s*%?(?:\s*\(.*\))?", h.strip()) and not _YEAR.search(h)
        for h in header
    )


def _sentences(text: str) -> list[str]:
    return [s.strip() for s in _SENTENCE.split(text) if len(s.strip()) > 2]


def _cell(text: str) -> tuple[float, bool, bool] | None:
    """A cell's number: its value, whether it is a percentage, whether money."""
    text = text.strip()
    if not text or text.strip("$% ") in ("2014", "-", "—", "–"):  # FinQA's dash
        return None
    found = [n for n in scan(text) if not n.is_year or text.replace(",", "") != n.text]
    if not found:
        if re.fullmatch(r"\$?\s*\(?(?:19|20)\d\d\)?", text):
            return None
        if not (found := scan(text)):
            return None
    quantity = found[0].quantity
    value = quantity.value
    if re.match(r"\$?\s*\(\s*[\d,.]+\s*\)", text) and value > 0:
        value = -value
    percent = quantity.unit == "%" or "%" in text
    return value, percent, "$" in text


def _row(
    cells: Sequence[str],
    header: Sequence[str],
    name: str,
    lines: list[Line],
    numbers: list[Number],
) -> None:
    label = cells[0].strip()
    row_years = years(label)
    shown: list[str] = []
    for j in range(1, min(len(cells), len(header))):
        read = _cell(cells[j])
        if read is None:
            continue
        value, percent, money = read
        head = header[j].strip()
        own = years(head)
        numbers.append(
            Number(
                value=value,
                percent=percent or "%" in head,
                money=money,
                line=len(lines),
                place=j - 1,
                kind="cell",
                label=label,
                header=head,
                years=own + row_years if _only_a_year(label) else row_years + own,
            )
        )
        shown.append(f"{head} {cells[j]}")
    lines.append(Line(name, f"{label} : {' ; '.join(shown)}", "cell"))


def _only_a_year(label: str) -> bool:
    """Whether a row's label says when, and its column what."""
    return bool(_YEAR.search(label)) and not stems(_YEAR.sub("", _MONTHS.sub("", label)))


def _prose(sentence: str, name: str, lines: list[Line], numbers: list[Number]) -> None:
    _read(sentence, name, "prose", lines, numbers)


def _asked(question: str, lines: list[Line], numbers: list[Number]) -> Page:
    _read(question, "question", "question", lines, numbers)
    return Page(question, tuple(lines), tuple(numbers))


def _read(text: str, name: str, kind: Kind, lines: list[Line], numbers: list[Number]) -> None:
    found = [
        n
        for n in scan(text)
        if not n.is_year
        and not _DAY.search(text[: n.start])
        and not (n.quantity.value in (2014.0, 2019.0, 2022.0) and n.quantity.unit == "")
    ]
    dates = [(m.start(), int(m[1])) for m in _YEAR.finditer(text)]
    told_years = _dated([(n.start, n.end) for n in found], dates, "respectively" in text)
    for turn, n in enumerate(found):
        after = _SCALE.sub("", text[n.end : n.end + AROUND])
        numbers.append(
            Number(
                value=n.quantity.value,
                percent=n.quantity.unit == "%",
                money=n.quantity.unit not in ("", "%", "x", "count"),
                line=len(lines),
                place=turn,
                kind=kind,
                label=text[max(0, n.start - AROUND) : n.start],
                header=after,
                years=told_years[turn],
            )
        )
    lines.append(Line(name, text, kind))


def _dated(
    spans: Sequence[tuple[int, int]], dates: Sequence[tuple[int, int]], respectively: bool
) -> list[tuple[int, ...]]:
    """The year of each number of a sentence: in turn where the sentence says so, else the year
    that follows before the next number, else the nearest before it."""
    if not dates:
        return [()] * len(spans)
    unique = list(dict.fromkeys(y for _, y in dates))
    if len(unique) == 1:
        return [(unique[0],)] * len(spans)
    if respectively and spans and len(spans) % len(unique) == 0:
        return [(unique[i % len(unique)],) for i in range(len(spans))]
    told: list[tuple[int, ...]] = []
    for i, (start, end) in enumerate(spans):
        following = spans[i + 1][0] if i + 1 < len(spans) else 10**9
        later = [y for at, y in dates if end <= at < min(following, end + 40)]
        earlier = [y for at, y in dates if at < start]
        told.append((later[0],) if later else (earlier[-1],) if earlier else (unique[0],))
    return told
