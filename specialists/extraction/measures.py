"""The measures a passage names, by the finance lexicon or the question's own words; their units.

Knows words only. Which figure belongs to which measure is the model's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from specialists.foundation.contracts import Quantity
from specialists.workspace.lexicon import Words, fold, lexicon, words
from specialists.workspace.masking import plain
from specialists.workspace.numbers import Number, scan

_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|&")
_STOP = frozenset(
    {"of", "the", "a", "an", "in", "for", "and", "to", "total", "'s", "by", "on", "at"}
)


@cache
def _phrases() -> dict[Words, str]:
    """Known phrases -> the key of the measure they name; document-only measures win."""
    book = lexicon()
    known: dict[Words, str] = {}
    for term in (*book.documents.values(), *book.measures.values()):
        for phrase in (words(term.label), *term.phrases):
            known.setdefault(phrase, term.key)
    known.setdefault(("effective", "tax", "rate"), "effective_tax_rate")
    known.setdefault(("tax", "rate"), "effective_tax_rate")
    return known


@cache
def _keys() -> frozenset[str]:
    return frozenset(_phrases().values())


_VAGUE = frozenset(
    {
        ("income",),
        ("guidance",),
        ("restructuring",),
        ("overhead",),
        ("profit", "for", "the", "year"),
    }
)
"""Too general to mark in a passage."""


_PLANS = {"revenue_guidance": "revenue", "capex_guidance": "capital_expenditure"}
"""What the known plans are plans of."""


def planned(key: str) -> str:
    """The measure that a plan's figure is one of, by their keys; empty for what is no plan."""
    return _PLANS.get(key, "")


_END = re.compile(
    r"^(?:the )?(?:low|lower|bottom|high|higher|upper|top) end of (?:the )?", re.IGNORECASE
)


def concept(metric: str) -> str:
    """The key of the known measure these words name, else the words themselves.

    ``high end of revenue guidance`` is the concept of ``revenue guidance``.
    """
    bare = words(_END.sub("", metric.strip()))
    return _phrases().get(bare) or " ".join(bare)


def label(metric: str) -> str:
    """How the question calls a metric: one way for each known measure, else its own words."""
    key, book = concept(metric), lexicon()
    term = book.documents.get(key) or book.measures.get(key)
    end = _END.match(metric.strip())
    return plain((end[0] if end else "") + term.label if term else metric)


def clues(metric: str) -> frozenset[str]:
    """The telling words of all the metric's names, folded; for some the words of filings too."""
    key, book = concept(metric), lexicon()
    term = book.documents.get(key) or book.measures.get(key)
    phrases = [words(metric), *((words(term.label), *term.phrases) if term else ())]
    return frozenset(w for p in phrases for w in p if w not in _IDLE) | _VERBS.get(key, frozenset())


_IDLE_WORDS = (
    "of the a an in for to on and & by number total rate count size expense end high low upper"
)
_IDLE = frozenset(_IDLE_WORDS.split())
"""Words of metrics that tell nothing by themselves."""


_VERBS: dict[str, frozenset[str]] = {
    "employees": frozenset({"people", "employed", "team", "work", "worked"}),
    "stores": frozenset({"location", "store", "shop"}),
    "order_backlog": frozenset({"order", "contract", "unfilled"}),
    "customers": frozenset({"customer", "client", "served", "user"}),
    "subscribers": frozenset({"subscribed", "membership", "subscription", "subscriber"}),
    "restructuring_charge": frozenset({"restructure", "severance", "reorganization", "closure"}),
    "capex_guidance": frozenset({"capital", "invest", "capex", "spending"}),
    "revenue_guidance": frozenset({"revenue", "sale", "top"}),
    "patents": frozenset({"patent", "patented"}),
    "churn_rate": frozenset({"churn", "left", "lost", "cancelled", "cancellation", "attrition"}),
    "effective_tax_rate": frozenset({"tax", "taxed", "taxe", "rate"}),
    "litigation_provision": frozenset({"litigation", "legal", "lawsuit", "claim", "action"}),
}


def unit_of(metric: str) -> str:
    """``count``, ``%``, ``money``, or empty when the measure is not known."""
    key, book = concept(metric), lexicon()
    term = book.documents.get(key) or book.measures.get(key)
    return term.unit if term else ""


@lru_cache(maxsize=256)
def measures(text: str, metric: str) -> tuple[tuple[int, int, str], ...]:
    """``(start, end, key)`` of the measures a passage names, the longest phrases first."""
    return tuple(_measures(text, metric))


@lru_cache(maxsize=256)
def figures(text: str) -> tuple[Number, ...]:
    """The numbers of a passage, years among them; one passage is asked many times."""
    return tuple(scan(text))


def _measures(text: str, metric: str) -> Iterator[tuple[int, int, str]]:
    tokens = [(m.start(), m.end(), fold(m[0].lower())) for m in _WORD.finditer(text)]
    own, asked = words(_END.sub("", metric.strip())), concept(metric)
    known = {**_phrases(), own: asked} if own and own not in _phrases() else _phrases()
    bare = tuple(w for w in own if w not in _STOP)
    if bare and asked == " ".join(own) and bare not in known:
        known = {**known, bare: asked}
    longest, free = max(7, len(own)), asked not in _keys()
    taken: set[int] = set()
    if free:
        for first, last in _loosely(tokens, own, 2 / 3, taken):
            taken.update(range(first, last + 1))
            yield tokens[first][0], tokens[last][1], asked
    met = bool(taken)
    for size in range(longest, 0, -1):
        for first in range(len(tokens) - size + 1):
            part = tokens[first : first + size]
            key = known.get(tuple(word for _, _, word in part))
            if (
                key is None
                or tuple(w for _, _, w in part) in _VAGUE
                or not taken.isdisjoint(range(first, first + size))
            ):
                continue
            taken.update(range(first, first + size))
            yield part[0][0], part[-1][1], key
            met = met or key == asked
    if free and not met:
        for first, last in _loosely(tokens, own, 1 / 2, taken):
            yield tokens[first][0], tokens[last][1], asked


Token = tuple[int, int, str]
"""start, end, folded word"""


def _loosely(
    tokens: Sequence[Token], own: Words, least: float, taken: set[int]
) -> Iterator[tuple[int, int]]:
    """The stretches (first and last token) that say the most of a free metric.

    A stretch is words of the metric, in whatever order and ending, with idle words between them:
    ``rental costs`` for ``rent expense``. It holds at least this share of the metric's telling
    words, and two of them where there are more than two.
    """
    telling = [w for w in dict.fromkeys(own) if w not in _IDLE and w not in _STOP and len(w) > 2]
    runs: list[tuple[list[int], set[str]]] = []
    for place, (_, _, word) in enumerate(tokens):
        like = {w for w in telling if _alike(w, word)} if place not in taken else set[str]()
        if not like:
            continue
        between = tokens[runs[-1][0][-1] + 1 : place] if runs else tokens[:0]
        if runs and len(between) <= 2 and all(w in _STOP or w in _IDLE for *_, w in between):
            runs[-1][0].append(place)
            runs[-1][1].update(like)
        else:
            runs.append(([place], like))
    most = max((len(met) for _, met in runs), default=0)
    if most and most >= max(len(telling) * least, min(2, len(telling) - 1)):
        yield from ((places[0], places[-1]) for places, met in runs if len(met) == most)


def _alike(first: str, second: str) -> bool:
    """Whether two folded words have one stem: ``rental`` and ``rent``, ``amortized`` and
    ``amortization``."""
    if first == second:
        return True
    short, long = sorted((first, second), key=len)
    return len(short) >= 4 and (
        long.startswith(short) or (len(short) > 6 and short[:6] == long[:6])
    )


_IN = re.compile(
    r"\(?\b(?:amounts? |dollars |figures |\$ ?)?(?:are |stated |expressed )?"
    r"in (thousands|millions|billions)\b",
    re.IGNORECASE,
)
_SCALE = {"thousands": 1e3, "millions": 1e6, "billions": 1e9}


def dressed(number: Number, metric: str, text: str) -> Quantity:
    """A figure with the unit and scale it has by its own writing, its passage and its measure."""
    quantity, kind = number.quantity, unit_of(metric)
    unit, scale = quantity.unit, quantity.scale
    heading = _IN.search(text)
    if scale == 1.0 and heading and unit not in ("%", "x") and kind not in ("%", "count"):
        scale = _SCALE[heading[1].lower()]
    if not unit and kind in ("%", "count"):
        unit = kind
    elif not unit and (kind == "money" or scale != quantity.scale):
        units = (n.quantity.unit for n in figures(text))
        unit = next((u for u in units if len(u) == 3 and u.isalpha()), "")
    return Quantity(value=quantity.value, unit=unit, scale=scale)
