"""Fiscal years in a question: ``2022``, ``FY22``, ``from 2019 to 2023``, ``the last three years``.

Relative words count from the workspace's latest fiscal year: ``last year`` is the last one it
holds, the ``prior year`` is the one before the year named just before it (or before the latest). A
quarter is found and has no period: the tables are annual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from specialists.workspace.catalogue import Period


@dataclass(frozen=True)
class PeriodMention:
    """A stretch ``text[start:end]`` that names fiscal years."""

    start: int
    end: int
    period: Period | None
    """None: it names a time the data do not hold, or a part of a year."""
    score: float = 1.0


NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNT = {w: i for i, w in enumerate(NUMERALS, 1)}
_FY = r"(?:(?:the\s+)?(?:fiscal|financial|calendar)(?:\s+years?)?|the\s+years?|years?|f\.?\s?y\.?)"
_YEAR = (
    rf"(?:(?:{_FY}\s*[’']?\s*)?((?:19|20)\d\d)|{_FY}\s*[’']?\s*(\d\d)|[’'](\d\d))"
    r"(?![\d%]|[.,]\d)"
)
_ENDED = (
    r"(?:(?:the\s+)?(?:fiscal\s+|financial\s+)?year\s+)?(?:ended|ending|end)\s+(?:on\s+|in\s+)?"
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"(?:\s+\d{1,2})?\s*,?\s*|\d{1,2}\s+(?:december|june|march|september)\s+)?((?:19|20)\d\d)"
)
_ON = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"\s+\d{1,2}\s*,?\s*((?:19|20)\d\d)"
)
_N = r"(\d{1,2}|" + "|".join(_COUNT) + ")"
_LINK = r"(?:\s*[-–—]\s*|\s+(?:to|through|till|until|up\s+to|thru)\s+)"
_QUARTER = (
    r"(?:(?:the\s+)?(?:first|second|third|fourth|last|latest|next|1st|2nd|3rd|4th)(?:\s+|-)(?:fiscal\s+)?quarter|"
    r"(?<![a-z])q[1-4]|(?<![a-z])h[12]|(?:first|second)\s+half)"
    r"(?:\s+(?:of\s+)?(?:" + _FY + r"\s*)?(?:(?:19|20)\d\d|[’']?\d\d))?(?!\w)"
)
_YEARS_WORD = r"(?:(?:fiscal|financial|calendar|full|reported|reporting)\s+)*(?:years|periods|yrs)"
_LATEST = (
    r"(?:the\s+|its\s+|their\s+)?(?:last|latest|most\s+recent|newest|current|this|final|past)\s+"
    r"(?:available\s+|reported\s+|full\s+|completed\s+)*(?:(?:fiscal|financial|calendar|reporting)\s+)?"
    r"(?:year|period|fy|annual\s+report)(?:\s+(?:available|on\s+(?:file|record)|reported))?(?!\w)(?!\s+(?:before|earlier))"
)
_BEFORE = (
    r"(?:(?:the\s+|its\s+)?(?:prior|previous|preceding)\s+(?:(?:fiscal|financial)\s+)?(?:year|period|fy)"
    r"|(?:the\s+|a\s+|one\s+)year\s+(?:before|earlier|prior)(?:\s+that)?"
    r"|(?:the\s+)?year\s+before\s+last)(?!\w)"
)
_WHOLE = (
    r"(?:over\s+time|over\s+the\s+years|through\s+the\s+years|across\s+the\s+years|"
    r"(?:in\s+|of\s+|over\s+|across\s+|for\s+)?(?:all|every|each|any)\s+(?:of\s+the\s+|single\s+)?"
    r"(?:available\s+|reported\s+|recorded\s+)?(?:fiscal\s+|financial\s+)?years?"
    r"(?:\s+(?:available|on\s+(?:file|record)|we\s+have))?|"
    r"(?:over|across|in|for|during)\s+the\s+(?:whole|entire|full)\s+(?:period|time|history)|"
    r"(?:over|in|during)\s+(?:its|their|the)\s+(?:recorded\s+|reported\s+)?history)"
    r"(?!\w)(?!\s+(?:from|since|between|over|during|for|across|through|within|until|in\s+(?:the|f|[’'\d])|[’'\d]))"
)


def _first(match: re.Match[str], groups: Sequence[int]) -> int:
    text = next(match[g] for g in groups if match[g])
    return int(text) if len(text) == 4 else 2000 + int(text)


@dataclass(frozen=True)
class _Years:
    """The years the data hold, and the year relative words count from."""

    first: int
    last: int
    anchor: int

    def clip(self, first: int, last: int) -> Period | None:
        first, last = min(first, last), max(first, last)
        if last < self.first or first > self.last:
            return None
        return Period(first=max(first, self.first), last=min(last, self.last))


Reading = Callable[[re.Match[str], _Years], "Period | None"]


def _count(text: str) -> int:
    return _COUNT.get(text) or int(text)


def _range(m: re.Match[str], years: _Years) -> Period | None:
    first = _first(m, (1, 2, 3))
    text = next(m[g] for g in (4, 5, 6, 7) if m[g])
    last = int(text) if len(text) == 4 else first // 100 * 100 + int(text)
    both = max(first, last) > years.last or min(first, last) < years.first
    return None if both else years.clip(first, last)


def _rules() -> list[tuple[re.Pattern[str], Reading, float]]:
    end = rf"(?:{_YEAR}|(\d\d)(?![\d%]|[.,]\d))"
    rules: list[tuple[str, Reading, float]] = [
        (_QUARTER, lambda m, y: None, 1.0),
        (rf"(?:from\s+|between\s+)?(?<!\d){_YEAR}{_LINK}{end}", _range, 1.0),
        (rf"between\s+{_YEAR}\s+and\s+{end}", _range, 1.0),
        (
            rf"(?:ever\s+)?(?:since|from)\s+{_YEAR}(?:\s+(?:on(?:wards?)?|till\s+now|until\s+now|to\s+date"
            r"|until\s+today))",
            lambda m, y: y.clip(_first(m, (1, 2, 3)), y.last),
            1.0,
        ),
        (
            rf"(?:ever\s+)?since\s+{_YEAR}",
            lambda m, y: y.clip(_first(m, (1, 2, 3)), max(y.last, _first(m, (1, 2, 3)))),
            1.0,
        ),
        (
            rf"{_YEAR}\s+(?:onwards?|till\s+now|until\s+now|to\s+date)",
            lambda m, y: y.clip(_first(m, (1, 2, 3)), y.last),
            1.0,
        ),
        (
            rf"(?:until|up\s+to|through|up\s+until)\s+{_YEAR}",
            lambda m, y: y.clip(y.first, _first(m, (1, 2, 3))),
            0.9,
        ),
        (
            rf"(?:(?:over|in|for|during|across|within)\s+)?(?:the\s+|its\s+|their\s+)?"
            rf"(?:last|past|latest|most\s+recent|recent|trailing|previous)\s+{_N}\s*-?\s*(?:{_YEARS_WORD}|years?)",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1]) + 1), y.last),
            1.0,
        ),
        (
            rf"(?:the\s+)?{_N}(?:\s+|-)years?(?=\s+(?:\w+\s+)?(?:cagr|growth|change|compound))",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1])), y.last),
            0.9,
        ),
        (
            rf"(?:the\s+)?{_N}(?:\s+|-)years?(?=\s+(?:\w+\s+)?(?:average|mean|sum|total))",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1]) + 1), y.last),
            0.9,
        ),
        (
            r"(?:over|in|during)\s+(?:the\s+|its\s+)?(?:last|past|recent)\s+(?:few\s+|several\s+)?years",
            lambda m, y: y.clip(y.first, y.last),
            0.7,
        ),
        (
            r"(?:the\s+|this\s+|over\s+the\s+)?(?:last|past)\s+decade",
            lambda m, y: y.clip(y.last - 9, y.last),
            0.8,
        ),
        (
            rf"{_N}\s+years?\s+(?:ago|back)",
            lambda m, y: y.clip(y.last - _count(m[1]) + 1, y.last - _count(m[1]) + 1),
            0.8,
        ),
        (_WHOLE, lambda m, y: y.clip(y.first, y.last), 0.9),
        (r"(?:the\s+)?year\s+before\s+last", lambda m, y: y.clip(y.last - 1, y.last - 1), 0.9),
        (_BEFORE, lambda m, y: y.clip(y.anchor - 1, y.anchor - 1), 0.9),
        (_LATEST, lambda m, y: y.clip(y.last, y.last), 1.0),
        (
            r"(?:the\s+)?(?:next|coming|following|upcoming)\s+(?:(?:fiscal|financial)\s+)?years?",
            lambda m, y: None,
            1.0,
        ),
        (
            r"(?:the\s+)?(?:first|earliest|oldest)\s+(?:available\s+)?(?:fiscal\s+)?year"
            r"(?:\s+(?:available|on\s+(?:file|record)))?",
            lambda m, y: y.clip(y.first, y.first),
            0.9,
        ),
        (_ENDED, lambda m, y: y.clip(int(m[1]), int(m[1])), 1.0),
        (_ON, lambda m, y: y.clip(int(m[1]), int(m[1])), 1.0),
        (_YEAR, lambda m, y: y.clip(_first(m, (1, 2, 3)), _first(m, (1, 2, 3))), 1.0),
    ]
    return [
        (re.compile(rf"(?<![\w$€£¥.,]){p}(?!\w)"), reading, score) for p, reading, score in rules
    ]


_RULES = _rules()
_HINT = re.compile(r"\d|year|period|time|fy|yrs|decade|quarter|half|history|recorded|annual report")
_SINGLE = re.compile(rf"(?<![\w$€£¥.,]){_YEAR}(?!\w)")


def find_periods(text: str, first: int, last: int) -> list[PeriodMention]:
    """Every stretch of a lower-case text that names fiscal years, in order, never overlapping.

    Args:
        first, last: the years the data hold; ranges are cut to them.
    """
    if not _HINT.search(text):
        return []
    named = [(m.start(), _first(m, (1, 2, 3))) for m in _SINGLE.finditer(text)]
    named = [(start, year) for start, year in named if first <= year <= last]
    taken: list[PeriodMention] = []
    for pattern, reading, score in _RULES:
        for match in pattern.finditer(text):
            start, end = match.span()
            if all(end <= m.start or start >= m.end for m in taken):
                before = [year for place, year in named if place < start]
                anchor = before[-1] if before else named[0][1] if named else last
                years = _Years(first, last, anchor)
                taken.append(PeriodMention(start, end, reading(match, years), score))
    return sorted(taken, key=lambda m: m.start)
