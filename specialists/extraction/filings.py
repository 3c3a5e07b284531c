"""What sentences of real filings tell by their form alone: a measure, its years, its figures.

``amortization expense was $8 million and $6 million in 2019 and 2018, respectively`` tells two
figures whatever amortization is. Only plain forms are read: one list of figures and one list of
years of equal length; all else is left alone. This labels text for training; it serves no question.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from specialists.extraction.render import LONGEST
from specialists.extraction.years import years
from specialists.workspace.numbers import Number, scan

SHORTEST = 40
"""Characters of a sentence below which it is a heading or a list's mark."""


@dataclass(frozen=True)
class Told:
    """One figure that a stretch of text tells."""

    text: str
    metric: str
    year: int
    place: Number


_SENTENCE = re.compile(r"(?<=[a-z0-9)%])\s?\.\s+(?=[A-Za-z(])|\n+")
_BETWEEN = re.compile(r"[\s,]*(?:and|,|&)?[\s,]*(?:fiscal\s|year\s)*", re.IGNORECASE)
_SUM = re.compile(
    r"\b(?:was|were|is|are|totaled|totalled|amounted\sto|aggregated|approximated|of)"
    r"(?:\sa\stotal\sof)?\s*(?:approximately|about|roughly|only)?\s*$",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"^.*\b(?:recorded|recognized|recognised|incurred|had|have|paid|reported|made|includes?|"
    r"included|contributed|received|generated|realized|accrued|record|recognize|incur|that)\b\s*",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\s*,?\s*\b(?:for|in|during|at|as\s(?:of|at)|of|on)\s(?:the\s)?"
    r"(?:(?:fiscal|financial)\s)?(?:years?\s)?(?:ended|ending)?\s*$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\s*(?:of|in)\s(?:the\s|our\s|its\s)?(?P<np>[a-z][a-z&'/ -]{4,70}?)"
    r"(?=\s*(?:,|\.|;|\(|\b(?:in|for|during|at|as|related|which|on|was|were|is|and|that|from|to)\b)"
    r"|$)",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:the|our|its|a|an|this|these|their|total|we|also|and|of)\s+", re.IGNORECASE)
_NO_NOUN = re.compile(
    r"^(?:there|it|which|this|that|for|from|in|on|at|by|to|with|as|under|through|additionally|"
    r"however|respectively|per|approximately)\b",
    re.IGNORECASE,
)
_CELL = re.compile(
    r"the (?P<row>[a-z][^;:\n]{2,80}?) of (?P<col>[^;:\n]{0,40}?(?:19|20)\d\d[^;:\n]{0,20}?) is "
    r"(?P<cell>[^;:]{1,30}?) ;"
)


def told(text: str) -> Iterator[Told]:
    """The figures that a text's sentences tell in a plain form, with text around them."""
    cuts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    for first, last in pairwise(cuts):
        if SHORTEST < last - first < LONGEST:
            yield from _of(text, first, last)


def _of(text: str, first: int, last: int) -> Iterator[Told]:
    sentence = text[first:last]
    when = years(sentence, None)
    figures = [n for n in scan(sentence) if not n.is_year]
    numbers = [n for n in figures if all(n.end <= s or n.start >= e for s, e, _ in when)]
    listed, dated = (
        _run([(n.start, n.end) for n in numbers], sentence),
        _run([(s, e) for s, e, _ in when], sentence),
    )
    if not numbers or len(listed) != len(numbers) or len(dated) != len(when):
        return
    if len(numbers) != len(when) or len({year for *_, year in when}) != len(when):
        return
    metric = _measure(sentence, numbers, when)
    if metric is None:
        return
    window = _window(text, first, last)
    shift = first - window[0]
    around = text[window[0] : window[1]]
    places = {n.start: n for n in scan(around)}
    for number, (_, _, year) in zip(numbers, when, strict=True):
        place = places.get(number.start + shift)
        if place is not None:
            yield Told(around, metric, year, place)


def _run(places: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The places, if nothing but commas and ``and`` stands between each and the next."""
    for (_, end), (start, _) in pairwise(places):
        if not _BETWEEN.fullmatch(text[end:start]):
            return []
    return list(places)


def _measure(
    sentence: str, numbers: Sequence[Number], when: Sequence[tuple[int, int, int]]
) -> str | None:
    before, after = sentence[: numbers[0].start], sentence[numbers[-1].end :]
    verb = _SUM.search(before)
    if verb is not None:
        noun = before[: verb.start()]
        if when[-1][1] <= verb.start():  # the years stand between the measure and the verb
            noun = _WHEN.sub("", noun[: when[0][0]]) or noun[when[-1][1] :]
        noun = noun.split(",")[-1] if "," in noun else noun
    else:
        following = _AFTER.match(after)
        if following is None:
            return None
        noun = following["np"]
    noun = _SAYS.sub("", re.sub(r"\([^)]*\)", " ", noun)).strip(" ,:")
    while _LEAD.match(noun):
        noun = _LEAD.sub("", noun)
    said = noun.split()
    plain = 1 <= len(said) <= 10 and len(noun) > 4 and not re.search(r"\d|[:;$%]", noun)
    if not plain or _NO_NOUN.match(noun):
        return None
    return " ".join(said)


def _window(text: str, first: int, last: int) -> tuple[int, int]:
    """The sentence with as much around it as is read; where it begins follows from the text."""
    room = LONGEST - (last - first)
    lead = int(hashlib.sha256(text[first:last].encode()).hexdigest(), 16) % (room + 1)
    start = max(0, first - lead)
    while start > 0 and text[start - 1] not in " \n":
        start += 1
    return min(start, first), min(len(text), start + LONGEST)


def cells(text: str) -> Iterator[Told]:
    """Cells of a table told in words: ``the goodwill of 2015 is $ 3514 ;``."""
    found = list(_CELL.finditer(text))
    for match in found:
        stated = {int(y) for y in re.findall(r"(?:19|20)\d\d", match["col"])}
        if len(stated) != 1:
            continue
        start = max(0, match.start() - LONGEST // 2)
        while start > 0 and text[start - 1] not in " \n":
            start += 1
        around = text[start : start + LONGEST]
        inside = (match.start("cell") - start, match.end("cell") - start)
        given = [
            n
            for n in scan(around)
            if not n.is_year and inside[0] <= n.start and n.end <= inside[1] + 1
        ]
        if given:
            yield Told(around, match["row"], stated.pop(), given[0])
