"""One cell's text to a number with its unit, a date, or neither.

The forms of financial tables: ``$ 1,234.5`` · ``(123)`` · ``12%`` · ``1.2 billion`` · ``n/a``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime

BLANK = frozenset(
    {"", "-", "--", "–", "—", "n/a", "na", "n.a.", "nm", "n.m.", "null", "nan", "none", "*", ".."}
)
"""Cells that say that there is no value."""

CURRENCIES = {
    "us$": "USD",
    "c$": "CAD",
    "a$": "AUD",
    "hk$": "HKD",
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "usd": "USD",
    "eur": "EUR",
    "gbp": "GBP",
    "jpy": "JPY",
    "chf": "CHF",
    "cad": "CAD",
    "aud": "AUD",
}
SCALES = {
    "thousand": 1e3,
    "thousands": 1e3,
    "k": 1e3,
    "million": 1e6,
    "millions": 1e6,
    "mn": 1e6,
    "mm": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "billions": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
}

_CURRENCY = "|".join(re.escape(c) for c in sorted(CURRENCIES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+−–])?\s*(?P<unit>{_CURRENCY})?\s*(?P<open2>\()?\s*"
    r"(?P<sign2>[-−–])?\s*(?P<digits>\d[\d,. '\u00a0]*|[.,]\d+)(?:e(?P<power>[+-]?\d{1,2}))?\s*"
    rf"(?P<scale>thousand|million|billion|trillion|bn|mn)?\s*(?P<percent>%)?\s*(?P<close>\)+)?\s*"
    rf"(?P<after>%|{_CURRENCY})?",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"^(.*?\d.*?)\s*\(\s*([\d.,]+)\s*%?\s*\)$")
_FOOTNOTE = re.compile(
    r"(?<=[\d)%])\s*(?:\(\s*[a-z]\s*\)|\[\s*\w\s*\]|\*+|[†‡])\s*$", re.IGNORECASE
)
_GROUPED = re.compile(r"\d{1,3}(?:[, '\u00a0]\d{3})+(?:\.\d+)?")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d-%b-%Y", "%d-%b-%y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y")


@dataclass(frozen=True)
class Number:
    """A number as a cell states it: with the cell's own scale word, without its column's."""

    value: float
    unit: str = ""
    """ISO currency code, ``%`` or empty."""
    worded: bool = False
    """Whether the cell says its scale itself, as in ``1.2 billion``; the value includes it."""


def is_blank(cell: object) -> bool:
    """Whether a cell has no value."""
    if isinstance(cell, float):
        return math.isnan(cell)
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in BLANK)


def number(cell: object) -> Number | None:
    """The number a cell states, or None. Booleans and dates are no numbers."""
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, int | float):
        return Number(float(cell)) if math.isfinite(cell) else None
    if not isinstance(cell, str):
        return None
    text = _FOOTNOTE.sub("", cell.strip())
    text = re.sub(r"\(\s*%\s*\)", "", text).strip()  # "( 0.4 ) % (  % )"
    again = _AGAIN.match(text)
    if again and _digits(again[2]) is not None and again[2] in again[1]:
        text = again[1]  # "-12 ( 12 )", "62.0% ( 62.0 % )": the value told twice
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    value = _digits(found["digits"].strip())
    if value is None:
        return None
    if bool(found["open"] or found["open2"]) != bool(found["close"]):
        return None
    value *= SCALES.get((found["scale"] or "").lower(), 1.0)
    if found["power"]:
        value *= 10.0 ** int(found["power"])
    if found["open"] or found["open2"] or found["sign"] in {"-", "−", "–"} or found["sign2"]:
        value = -value
    after = (found["after"] or "").lower()
    unit = CURRENCIES.get((found["unit"] or after).lower(), "")
    if found["percent"] or after == "%":
        unit = "%"
    return Number(value, unit, bool(found["scale"]))


def _digits(text: str) -> float | None:
    if _EUROPEAN.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(text):
        text = re.sub(r"[, '\u00a0]", "", text)
    try:
        return float(text)
    except ValueError:
        return None


def day(cell: object) -> date | None:
    """The calendar date a cell states, or None."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str) or not 8 <= len(cell.strip()) <= 20:
        return None
    text = cell.strip()
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None
