"""Fiscal years in a question: ``2022``, ``FY22``, ``from 2019 to 2023``, ``the last three years``.

Relative words count from the workspace's latest fiscal year: ``last year`` is the last one it
holds, the ``prior year`` is the one before the year named just before it (or before the latest). A
quarter, a month or a half-year is found and has no period: the tables are annual.
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
_FY = (
    r"(?:(?:the\s+)?(?:fiscal|financial|calendar)(?:[\s-]+(?:years?|yr))?(?:\s+of)?|the\s+years?|years?|"
    r"f\.?\s?y\.?e?|c\.?y\.?)"
)
_YEAR = (
    rf"(?:(?:(?:year[\s-]?end(?:\s+of)?|end-(?:of-)?|{_FY})\s*[’']?\s*)?((?:19|20)\d\d)"
    rf"(?:[\s-]+year[\s-]?end)?|{_FY}\s*[’']?\s*(\d\d)|[’'](\d\d))"
    r"(?![\d%]|[.,]\d)"
)
_MONTHS = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
_ENDED = (
    r"(?:(?:the\s+)?(?:fiscal\s+|financial\s+)?year[\s-]+)?(?:ended|ending|end)\s+(?:on\s+|in\s+)?"
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"(?:\s+\d{1,2})?\s*,?\s*|\d{1,2}\s+(?:december|june|march|september)\s+)?((?:19|20)\d\d)"
)
_ON = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"\s+\d{1,2}\s*,?\s*((?:19|20)\d\d)"
)
_N = r"(\d{1,2}|" + "|".join(_COUNT) + ")"
_LINK = (
    r"(?:\s*(?:[-–—→]|->|=>|\.\.)\s*|\s+(?:all\s+the\s+way\s+|right\s+|up\s+)?"
    r"(?:to|through|till|until|up\s+to|thru)\s+(?:(?:the\s+)?end\s+of\s+)?)"
)
_QUARTER = (
    r"(?:(?:the\s+)?(?:first|second|third|fourth|last|latest|next|1st|2nd|3rd|4th)(?:\s+|-)(?:fiscal\s+)?quarter|"
    r"this\s+quarter|(?<![a-z])q[1-4]|(?<![a-z])h[12]|(?<!\d)[1-4]q|(?<!\d)[12]h|"
    r"(?:first|second)\s+half)"
    r"(?:\s*(?:of\s+)?(?:" + _FY + r"\s*)?(?:(?:19|20)\d\d|[’']?\d\d))?(?!\w)"
)
_YEARS_WORD = r"(?:(?:fiscal|financial|calendar|full|reported|reporting)\s+)*(?:years|periods|yrs)"
_LATEST = (
    r"(?:the\s+|its\s+|their\s+)?(?:last|latest|most\s+recent|newest|current|this|final|past)\s+"
    r"(?:available\s+|reported\s+|full\s+|completed\s+)*(?:(?:fiscal|financial|calendar|reporting)\s+)?"
    r"(?:year|yr|period|fy|annual\s+report)(?:\s+(?:available|on\s+(?:file|record)|reported))?(?!\w)(?!\s+(?:before|earlier))"
)
_BEFORE = (
    r"(?:(?:the\s+|its\s+)?(?:prior|previous|preceding)\s+(?:(?:fiscal|financial)\s+)?(?:year|yr|period|fy)"
    r"|(?:the\s+|a\s+|one\s+)year\s+(?:before|earlier|prior|previously)(?:\s+that)?"
    r"|(?:the\s+)?year[\s-]ago\s+(?:period|figure|number|level|value)"
    r"|(?:the\s+)?year\s+before\s+last)(?!\w)"
)
_WHOLE = (
    r"(?:over\s+time|over\s+the\s+years|through\s+the\s+years|across\s+the\s+years|"
    r"(?:in\s+|of\s+|over\s+|across\s+|for\s+)?(?:all|every|each|any)\s+(?:of\s+the\s+|single\s+)?"
    r"(?:available\s+|reported\s+|recorded\s+)?(?:fiscal\s+|financial\s+)?years?"
    r"(?:\s+(?:available|on\s+(?:file|record)|we\s+have))?|"
    r"(?:over|across|in|for|during)\s+the\s+(?:whole|entire|full)\s+(?:period|time|history)|"
    r"(?:over|in|during)\s+(?:its|their|the)\s+(?:recorded\s+|reported\s+)?history)"
    r"(?!\w)(?!\s+(?:from|since|between|over|during|for|across|through|within|until|on\s+average|in\s+(?:the|f|[’'\d])|[’'\d]))"
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
    named: bool = False
    """Whether the anchor is a year the text names before."""
    ahead: int = 0
    """How many years after the last may be meant: what guidance is for."""

    def clip(self, first: int, last: int) -> Period | None:
        first, last = min(first, last), max(first, last)
        if first == last and self.last < last <= self.last + self.ahead:
            return Period(first=first, last=last)
        if last < self.first or first > self.last:
            return None
        return Period(first=max(first, self.first), last=min(last, self.last))

    def after(self, count: int) -> Period | None:
        """So many years after the anchor, if one is named; else after the last."""
        year = (self.anchor if self.named else self.last) + count
        return self.clip(year, year)


Reading = Callable[[re.Match[str], _Years], "Period | None"]


def _count(text: str) -> int:
    return _COUNT.get(text) or int(text)


def _range(m: re.Match[str], years: _Years) -> Period | None:
    first = _first(m, (1, 2, 3))
    text = next(m[g] for g in (4, 5, 6, 7) if m[g])
    last = int(text) if len(text) == 4 else first // 100 * 100 + int(text)
    both = max(first, last) > years.last or min(first, last) < years.first
    return None if both else years.clip(first, last)


_TENS = {"twenty": 20, "thirty": 30}
_UNITS = {
    **_COUNT,
    **{
        w: i
        for i, w in enumerate(
            ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"), 11
        )
    },
    "eighteen": 18,
    "nineteen": 19,
}
_WORDED = (
    r"(?:two\s+thousand(?:\s+and)?|twenty)\s+"
    r"(?:(twenty|thirty)(?:[\s-]+(one|two|three|four|five|six|seven|eight|nine))?|("
    + "|".join(sorted(_UNITS, key=len, reverse=True))
    + r"))"
)
"""``two thousand twenty-two``, ``twenty nineteen``."""


def _worded(m: re.Match[str], years: _Years) -> Period | None:
    year = 2000 + (_UNITS[m[3]] if m[3] else _TENS[m[1]] + (_UNITS[m[2]] if m[2] else 0))
    return years.clip(year, year)


def _month(m: re.Match[str], years: _Years) -> Period | None:
    """A month's figures are not held; December's end is the year's."""
    return years.clip(int(m[2]), int(m[2])) if m[1].startswith("dec") else None


def _rules() -> list[tuple[re.Pattern[str], Reading, float]]:
    end = rf"(?:{_YEAR}|(\d\d)(?![\d%]|[.,]\d))"
    rules: list[tuple[str, Reading, float]] = [
        (_QUARTER, lambda m, y: None, 1.0),
        (
            r"(?:ytd|ltm|ttm|year[\s-]to[\s-]date|(?:trailing|last|past)\s+twelve\s+months|"
            r"(?:last|this|next|past|coming)\s+(?:month|week)|yesterday|tomorrow)",
            lambda m, y: None,
            1.0,
        ),
        (
            rf"(?:the\s+)?(?:next|coming|following)\s+(?:{_N}|few|couple\s+of|several)\s+{_YEARS_WORD}",
            lambda m, y: None,
            1.0,
        ),
        (
            rf"(?:(?:over|for|in|across|during)\s+)?(?:the\s+)?(?:last\s+)?{_N}(?:\s+|-)"
            rf"(?:fiscal\s+)?years?(?:\s+period)?\s+(?:to|through|ended|ending(?:\s+in)?|up\s+to)\s+"
            rf"(?:{_FY}\s*)?((?:19|20)\d\d)",
            lambda m, y: y.clip(int(m[2]) - _count(m[1]) + 1, int(m[2])),
            0.9,
        ),
        (rf"(?:from\s+|between\s+)?(?<!\d){_YEAR}{_LINK}{end}", _range, 1.0),
        (
            rf"between\s+(?:the\s+)?(?:end\s+of\s+)?{_YEAR}\s+and\s+(?:the\s+)?(?:end\s+of\s+)?{end}",
            _range,
            1.0,
        ),
        (rf"from\s+(?:the\s+)?end\s+of\s+{_YEAR}{_LINK}{end}", _range, 1.0),
        (
            rf"(?:before|prior\s+to|pre-)\s*{_YEAR}",
            lambda m, y: (
                y.clip(y.first, _first(m, (1, 2, 3)) - 1)
                if _first(m, (1, 2, 3)) > y.first
                else None
            ),
            0.8,
        ),
        (
            rf"(?:after|post-)\s*{_YEAR}",
            lambda m, y: y.clip(_first(m, (1, 2, 3)) + 1, max(y.last, _first(m, (1, 2, 3)) + 1)),
            0.8,
        ),
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
            rf"(?:last|past|latest|most\s+recent|recent|trailing|previous)\s+{_N}\s*-?\s*(?:{_YEARS_WORD}|years?)"
            r"(?!\s+(?:to|through|ended|ending)\s)",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1]) + 1), y.last),
            1.0,
        ),
        (
            rf"(?:the\s+)?{_N}(?:\s+|-)?(?:years?|yr|y)(?=\s+(?:\w+\s+)?(?:cagr|growth|change|compound))",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1])), y.last),
            0.9,
        ),
        (
            rf"(?:the\s+)?{_N}(?:\s+|-)?(?:years?|yr|y)(?=\s+(?:\w+\s+)?(?:average|mean|sum|total))",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1]) + 1), y.last),
            0.9,
        ),
        (
            r"(?:over|in|during)\s+(?:the\s+|its\s+)?(?:last|past|recent)\s+(?:few\s+|several\s+)?years",
            lambda m, y: y.clip(y.first, y.last),
            0.7,
        ),
        (
            r"(?:(?:over|in|during|for)\s+)?(?:the\s+|its\s+)?(?:last|past)\s+couple\s+of\s+years",
            lambda m, y: y.clip(y.last - 1, y.last),
            0.8,
        ),
        (
            rf"(?:(?:over|across|in|for|during)\s+)?(?:all\s+)?(?:of\s+)?(?:the\s+)?{_N}\s+{_YEARS_WORD}\s+"
            r"(?:on\s+(?:file|record)|available|we\s+have|you\s+have|held|covered|of\s+(?:data|history)|"
            r"in\s+(?:the\s+)?(?:data|file|database|tables))",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1]) + 1), y.last),
            0.9,
        ),
        (
            rf"(?:(?:over|across|in|for|during)\s+)?all\s+(?:the\s+|of\s+the\s+)?{_N}\s+{_YEARS_WORD}",
            lambda m, y: y.clip(max(y.first, y.last - _count(m[1]) + 1), y.last),
            0.8,
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
        (
            rf"(?:a|{_N})\s+years?\s+ago",
            lambda m, y: y.clip(y.last, y.last),
            0.7,
        ),
        (
            rf"{_N}\s+years?\s+(?:before|earlier|prior|previously)(?:\s+that)?",
            lambda m, y: y.clip(y.anchor - _count(m[1]), y.anchor - _count(m[1])),
            0.8,
        ),
        (
            rf"{_N}\s+years?\s+(?:later|after(?:\s+that)?|afterwards)",
            lambda m, y: y.after(_count(m[1])),
            0.8,
        ),
        (
            r"(?:(?:the|a|one)\s+)?(?:year\s+(?:later|after(?:\s+that)?|afterwards)|"
            r"(?:following|subsequent)\s+(?:(?:fiscal|financial)\s+)?year)",
            lambda m, y: y.after(1),
            0.8,
        ),
        (_WHOLE, lambda m, y: y.clip(y.first, y.last), 0.9),
        (r"(?:the\s+)?year\s+before\s+last", lambda m, y: y.clip(y.last - 1, y.last - 1), 0.9),
        (_BEFORE, lambda m, y: y.clip(y.anchor - 1, y.anchor - 1), 0.9),
        (_LATEST, lambda m, y: y.clip(y.last, y.last), 1.0),
        (
            r"(?:the\s+)?(?:next|coming|upcoming)\s+(?:(?:fiscal|financial)\s+)?(?:years?|yr|fy)",
            lambda m, y: y.clip(y.last + 1, y.last + 1),
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
        (
            rf"(?:(?:in|of|during|for|since|by|until|at|as\s+of)\s+(?:the\s+)?(?:end\s+of\s+)?)"
            rf"({_MONTHS})\.?,?\s+(?:of\s+)?((?:19|20)\d\d)",
            _month,
            0.9,
        ),
        (_WORDED, _worded, 0.9),
        (_YEAR, lambda m, y: y.clip(_first(m, (1, 2, 3)), _first(m, (1, 2, 3))), 1.0),
    ]
    return [
        (re.compile(rf"(?<![\w$€£¥.,]){p}(?!\w)"), reading, score) for p, reading, score in rules
    ]


_RULES = _rules()
_HINT = re.compile(
    r"\d|year|period|time|fy|yr|decade|quarter|half|history|recorded|annual report|twenty|thousand|"
    r"month|week|ytd|ttm|ltm|yesterday|tomorrow"
)
_SINGLE = re.compile(rf"(?<![\w$€£¥.,]){_YEAR}(?!\w)")


def find_periods(text: str, first: int, last: int, *, ahead: int = 0) -> list[PeriodMention]:
    """Every stretch of a lower-case text that names fiscal years, in order, never overlapping.

    Args:
        first, last: the years the data hold; ranges are cut to them.
        ahead: how many single years after them may be meant.
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
                years = _Years(first, last, anchor, bool(before), ahead)
                taken.append(PeriodMention(start, end, reading(match, years), score))
    return sorted(taken, key=lambda m: m.start)
