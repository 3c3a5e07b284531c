"""What column headers and captions say: SQL names, fiscal years, units and scales."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from specialists.workspace.ingest.cells import CURRENCIES

_YEAR = re.compile(r"(?<!\d)(?:19[5-9]\d|20[0-7]\d)(?!\d)")
_GLUED = re.compile(r"(?<=\d)((?:19[5-9]\d|20[0-7]\d))(?!\d)")  # "december 312013"
_NEW_YEAR = re.compile(r"(?<![\d/])(?:0?1/0?[1-7]/|jan(?:uary)? 0?[1-7] ?,? )(\d{4})(?!\d)")
"""A year that ends in the first days of January is the one before."""
_MONTH_YEAR = re.compile(r"(?<![\d/])(?:0?[1-9]|1[0-2])/(?:\d{1,2}/)?(\d{2})(?![\d/])")
_SHORT_YEAR = re.compile(r"\bfy\s?'?(\d{2})\b")
_MONTHS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sept sep oct nov dec"
)
_CALENDAR = (
    "for the year years fiscal fy ended ending end as of at and on in twelve months month 12 "
    "actual restated audited a e"
)
_PLAIN = frozenset(f"{_MONTHS} {_CALENDAR}".split())
_SCALE_WORDS = (
    (1e9, re.compile(r"\b(?:billions?|bn|bln)\b|[$€£]\s?b\b")),
    (
        1e6,
        re.compile(
            r"\b(?:millions?|mn|mm|mio|mln|\d?inmillions)\b|[$€£]\s?m\b|\b(?:usd|eur|gbp) m\b"
        ),
    ),
    (1e3, re.compile(r"\b(?:thousands?|000s?|k)\b|[$€£]\s?000|'000")),
)
_PER_UNIT = re.compile(r"\bper\b|\beps\b|\bprice\b|\brate\b|\bratio\b|\bpercent|%|\bmargin\b")
_COUNTED = re.compile(
    r"\b(?:shares?|employees|headcount|stores?|barrels|units|customers|subscribers|members|patents|"
    r"square|footage|feet|gallons|tons|number|options|awards|rsus)\b"
)
_SIZE = r"(?:thousands|millions|billions)"
_SET_FORM = re.compile(
    rf"(?:(?:u\.?s\.? )?(?:dollars|\$|usd|eur|gbp|€|£|amounts)\s*)?\bin (?:u\.?s\.? ?)?{_SIZE}"
    rf"(?: of (?:u\.?s\.? )?dollars)?|{_SIZE} of (?:u\.?s\.? )?dollars|\(\s*\$?\s*{_SIZE}\b"
)
_ASIDE = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Measure:
    """Unit and scale as far as words tell them; None where they do not."""

    unit: str | None = None
    scale: float | None = None


def slug(title: str, fallback: str) -> str:
    """A SQL identifier: lower case, digits and underscores, at most 60, beginning with a letter."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    plain = plain.replace("&", " and ").replace("%", " percent ").replace("'", "")
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:60].rstrip("_")
    if not name:
        return fallback
    return name if name[0].isalpha() else f"c_{name}"[:60]


def column_slug(title: str, fallback: str) -> str:
    """A column's SQL name: its title without what it says of units in brackets."""
    bare = _ASIDE.sub(lambda m: " " if _speaks_of_units(m[1] or m[2] or "") else m[0], title)
    said = title.strip() and not re.search(r"\w", bare)
    return slug(bare, "amount" if said else fallback)


def _speaks_of_units(text: str) -> bool:
    said = measure(text)
    return said.unit is not None or said.scale is not None or bool(re.fullmatch(r"\s*\w?\s*", text))


def distinct(names: Sequence[str]) -> list[str]:
    """The names with a number behind each repeat."""
    taken: set[str] = set()
    made: list[str] = []
    for name in names:
        free, count = name, 1
        while free in taken:
            count += 1
            free = f"{name[:56]}_{count}"
        taken.add(free)
        made.append(free)
    return made


def year(text: object) -> int | None:
    """The fiscal year that a header or cell *is*, as in ``2013``, ``FY13``, ``December 31, 2013``.

    None where other words stand beside the year, or there are two years.
    """
    if isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return int(text) if text == int(text) and 1950 <= text < 2080 else None
    found = _split_year(text) if isinstance(text, str) else None
    return found[0] if found and not found[1] else None


def year_and_rest(text: str) -> tuple[int, str] | None:
    """The one year in a header and the words beside it that are not of the calendar."""
    return _split_year(text)


def _split_year(text: str) -> tuple[int, str] | None:
    low = _GLUED.sub(r" \1", text.lower())
    low = _NEW_YEAR.sub(lambda m: str(int(m[1]) - 1), low)
    low = re.sub(r"\(\s*\w\s*\)|\*", " ", low)
    years = {int(y) for y in _YEAR.findall(low)}
    rest = _YEAR.sub(" ", low)
    if not years:
        for pattern in (_MONTH_YEAR, _SHORT_YEAR):
            short = pattern.findall(low)
            if len(short) == 1:
                years = {int(short[0]) + (1900 if int(short[0]) > 60 else 2000)}
                rest = pattern.sub(" ", low)
    if len(years) != 1:
        return None
    rest = re.sub(r"\b\d{1,2}(?:/\d{1,2})?/?(?=\s|$|,)", " ", rest)  # the day of the month
    words = [w for w in re.findall(r"[^\s,.:;()\[\]/]+", rest) if w not in _PLAIN]
    if words and _only_units(" ".join(words)):
        words = []
    return years.pop(), " ".join(words)


def _only_units(text: str) -> bool:
    left = text
    for _, pattern in _SCALE_WORDS:
        left = pattern.sub(" ", left)
    said = r"\b(?:in|of|u\.?s\.?|dollars?|usd|eur|gbp|except|and|data)\b|[$€£%]"
    return not re.sub(said, " ", left).strip()


def measure(*texts: str) -> Measure:
    """Unit and scale that a header or caption tells, the first text that speaks being heard."""
    unit: str | None = None
    scale: float | None = None
    for text in texts:
        low = text.lower()
        if unit is None:
            unit = _unit(low)
        if scale is None:
            scale = next((size for size, pattern in _SCALE_WORDS if pattern.search(low)), None)
    return Measure(unit, scale)


def _unit(low: str) -> str | None:
    if "%" in low or re.search(r"\bper ?cent(?:age)?\b", low):
        return "%"
    for sign, code in CURRENCIES.items():
        if sign.isalpha():
            if re.search(rf"\b{sign}\b", low):
                return code
        elif sign in low:
            return code
    return "USD" if re.search(r"\bdollars?\b", low) else None


def only_units(title: str) -> bool:
    """Whether a header says nothing but a unit: ``( in millions )`` over the row labels."""
    return column_slug(title, "amount") == "amount" and "amount" not in title.lower()


def aside(text: str) -> str:
    """What a running text tells of units in set forms: ``(in millions)``, ``dollars in thousands``.

    Sums that the text merely mentions are not heard.
    """
    low = text.lower()
    bracketed = [m[1] or m[2] or "" for m in _ASIDE.finditer(low)]
    told = [b for b in bracketed if b.strip() and _only_units(b)]
    return " ".join([*told, *(m[0] for m in _SET_FORM.finditer(low))])


def scales_itself(title: str) -> bool:
    """Whether a table's "(in millions)" is not for this measure: per share, rates, ratios."""
    return bool(_PER_UNIT.search(title.lower()))


def is_counted(title: str) -> bool:
    """Whether a measure counts things, so that a table's currency is not its unit."""
    return bool(_COUNTED.search(title.lower()))
