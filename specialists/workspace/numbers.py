"""Numbers in prose and cells: found with unit and scale, marked by handles, written for people.

This reads how a number is written, never what it measures: ``12,400 employees`` is 12,400 with no
unit. It knows filings' habits: ``$ ( 123 )`` and ``-123 ( 123 )`` are negative, ``( 1 )`` in prose
is a footnote mark and stays positive, ``2021`` bare is a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.workspace.handles import Handles

Years = Literal["text", "handles"]
"""What ``mark`` does with years: leave them as text, or give them handles as well."""


@dataclass(frozen=True)
class Number:
    """A number as written: ``text[start:end]``, with sign, currency, scale word and unit in it."""

    start: int
    end: int
    text: str
    quantity: Quantity
    is_year: bool = False


_CURRENCIES = {
    "us$": "USD",
    "u.s.$": "USD",
    "usd": "USD",
    "$": "USD",
    "c$": "CAD",
    "ca$": "CAD",
    "cad": "CAD",
    "a$": "AUD",
    "au$": "AUD",
    "aud": "AUD",
    "hk$": "HKD",
    "hkd": "HKD",
    "s$": "SGD",
    "sgd": "SGD",
    "r$": "BRL",
    "brl": "BRL",
    "€": "EUR",
    "eur": "EUR",
    "£": "GBP",
    "gbp": "GBP",
    "¥": "JPY",
    "jpy": "JPY",
    "cny": "CNY",
    "rmb": "CNY",
    "chf": "CHF",
    "sek": "SEK",
    "nok": "NOK",
    "dkk": "DKK",
    "₹": "INR",
    "rs.": "INR",
    "rs": "INR",
    "inr": "INR",
    "krw": "KRW",
    "₩": "KRW",
}
_CURRENCY_WORDS = {
    "dollars": "USD",
    "dollar": "USD",
    "euros": "EUR",
    "euro": "EUR",
    "pounds": "GBP",
    "yen": "JPY",
    "yuan": "CNY",
    "rupees": "INR",
    "francs": "CHF",
}
_SCALES = {
    "thousand": 1e3,
    "thousands": 1e3,
    "k": 1e3,
    "lakh": 1e5,
    "million": 1e6,
    "millions": 1e6,
    "mln": 1e6,
    "mn": 1e6,
    "mm": 1e6,
    "m": 1e6,
    "crore": 1e7,
    "crores": 1e7,
    "billion": 1e9,
    "billions": 1e9,
    "bln": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
    "trillions": 1e12,
    "trn": 1e12,
    "tn": 1e12,
}
_MINUS = "-−–"  # hyphen, minus sign, en dash


def _either(words: dict[str, object]) -> str:
    return "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))


_LONG_SCALES = {w: s for w, s in _SCALES.items() if len(w) > 1}
_CODES = {w: c for w, c in _CURRENCIES.items() if w.isalpha() and w != "rs"}
_NUMBER = re.compile(
    rf"""
    (?<![\w.,/$€£¥₹₩])
    (?P<year_word>(?:fy|cy)\ ?(?=(?:19|20)\d\d\b))?
    (?P<open>\(\s*)?
    (?P<sign>(?:[{_MINUS}]|(?<!.)[{_MINUS}]\ )(?=[\d.$€£¥₹₩a-z]))?
    (?:(?P<currency>{_either(dict(_CURRENCIES))})\s*(?P<inner>\(\s*)?(?P<sign2>[{_MINUS}]\ ?)?)?
    (?P<digits>\d{{1,3}}(?:,\d{{2,3}})*,\d{{3}}(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
    (?P<close_early>(?(open)\s*\)|(?(inner)\s*\)|(?!)))(?=\s*(?:%|percent\b|[a-z]+illion|thousand)))?
    (?:\s?-?\s?(?P<scale>{_either(dict(_LONG_SCALES))})\b|(?P<letter>[kmb])\b)?
    (?:\s*(?P<unit>%|percentage\ points?\b|percent\b|per\ cent\b|bps\b|basis\ points?\b|cents?\b)
      |\ ?(?P<ratio>x)\b|\ (?P<times>times)\b
      |\s(?:(?:u\.?s\.?|us)\s)?(?P<currency_word>{_either(dict(_CURRENCY_WORDS))})\b
      |\s?(?P<code>{_either(dict(_CODES))})\b
    )?
    (?P<close>\s*\))?
    (?![\w]|[.,]\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\S*)?|\d{1,2}/\d{1,2}/\d{2,4}")
_FORM = re.compile(r"(?:10-[kq]|8-k|20-f|6-k|s-1)(?:/a)?\b", re.IGNORECASE)
_REPEATED = re.compile(r"\s*\(\s*\$?\s*([\d.,]+)\s*%?\s*\)\s?%?")


def scan(text: str) -> list[Number]:
    """Every number in a text, in order, without overlaps. Dates and form names are passed over."""
    return list(_scan(text))


def _scan(text: str) -> Iterator[Number]:
    taken = [m.span() for m in _DATE.finditer(text)] + [m.span() for m in _FORM.finditer(text)]
    position = 0
    while match := _NUMBER.search(text, position):
        start, end = match.start("year_word"), match.end()
        start = match.end("year_word") if start >= 0 else match.start()
        covering = next((e for s, e in taken if s < end and start < e), None)
        if covering is not None:
            position = max(covering, match.start() + 1)
            continue
        number = _read(text, match, start, end)
        yield number
        position = max(number.end, position + 1)


def _read(text: str, match: re.Match[str], start: int, end: int) -> Number:
    part = match.groupdict()
    opened = bool(part["open"] or part["inner"])
    closed = bool(part["close"] or part["close_early"])
    if part["open"] and not closed:  # the parenthesis belongs to the sentence
        start, opened = match.end("open"), bool(part["inner"])
    if part["close"] and not opened:
        end, closed = match.start("close"), False
    value = float(part["digits"].replace(",", ""))
    unit, scale = _unit(part)
    dressed = bool(unit or scale != 1 or part["sign"] or part["sign2"])
    whole = text.strip() == text[start:end]
    is_year = (
        not dressed and part["digits"].isdigit() and len(part["digits"]) == 4
    ) and 1900 <= value <= 2099
    bracketed = opened and closed
    if bracketed and not dressed and not whole and (is_year or _small(part["digits"])):
        start, end = match.span("digits")  # a footnote mark, or a year in passing
        bracketed = False
    negative = bracketed or bool(part["sign"] or part["sign2"])
    is_year = is_year and not negative
    again = _REPEATED.match(text, end) if negative or unit == "%" else None
    if again and again[1] == part["digits"]:  # filings' own redundancy: -4.5 ( 4.5 ), 8% ( 8 % )
        end = again.end()
        end -= len(text[:end]) - len(text[:end].rstrip())
        if unit == "" and "%" in again[0]:
            unit = "%"
    signed = -value if negative and value else value
    return Number(
        start, end, text[start:end], Quantity(value=signed, unit=unit, scale=scale), is_year
    )


def _small(digits: str) -> bool:
    return digits.isdigit() and len(digits) <= 2


def _unit(part: dict[str, str | None]) -> tuple[str, float]:
    word = part["scale"] or part["letter"]
    scale = _SCALES[word.lower()] if word else 1.0
    if part["unit"]:
        written = part["unit"].lower()
        if written.startswith(("bp", "basis")):
            return "%", 0.01
        if written.startswith("cent"):
            return "USD", 0.01
        return "%", scale
    if part["ratio"]:
        return "x", scale
    if part["times"] and not part["currency"]:
        return "x", scale
    for code in (part["currency"], part["code"]):
        if code:
            return _CURRENCIES[code.lower()], scale
    if part["currency_word"]:
        return _CURRENCY_WORDS[part["currency_word"].lower()], scale
    return "", scale


def mark(text: str, handles: Handles, *, years: Years = "text") -> str:
    """The text with its numbers replaced by ``<n…>`` handles; the same writing, the same handle.

    Once the dialogue holds no more free handles, further numbers stay as they are written.
    """
    parts: list[str] = []
    position = 0
    for number in scan(text):
        if number.is_year and years == "text":
            continue
        try:
            handle = handles.bind("n", number.quantity, number.text)
        except AnswerError:
            continue
        parts += [text[position : number.start], handle]
        position = number.end
    return "".join([*parts, text[position:]])


_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_SCALE_WORDS = {1e3: "thousand", 1e6: "million", 1e9: "billion", 1e12: "trillion"}


def format_quantity(quantity: Quantity) -> str:
    """A quantity as a person writes it: ``-$1,234.5 million``, ``12.5%``, ``1.2x``, ``12,400``.

    Figures of at most four decimals are shown as they are; longer ones, which were calculated, are
    rounded to two decimals, or to four significant digits below 1.
    """
    value, unit, scale = quantity.value, quantity.unit, quantity.scale
    if scale not in (1.0, *_SCALE_WORDS):
        value, scale = value * scale, 1.0
    if scale == 1.0 and abs(value) >= 1e7 and unit not in ("", "%", "x", "count"):
        value, scale = value / 1e6, 1e6
    figure = _figure(abs(value))
    sign = "-" if value < 0 and figure.strip("0.,") else ""
    words = f" {_SCALE_WORDS[scale]}" if scale != 1.0 else ""
    if unit in ("%", "x"):
        return f"{sign}{figure}{words}{unit}"
    if unit in _SYMBOLS:
        return f"{sign}{_SYMBOLS[unit]}{figure}{words}"
    if unit in ("", "count"):
        return f"{sign}{figure}{words}"
    return f"{sign}{unit} {figure}{words}"


def _figure(value: float) -> str:
    if abs(value - round(value, 4)) > 1e-9 * max(1.0, value):
        value = round(value, 2) if value >= 1 else float(f"{value:.4g}")
    else:
        value = round(value, 4)
    text = f"{value:,.4f}" if value == 0 or value >= 1 else f"{value:.10f}"
    return text.rstrip("0").rstrip(".")
