"""A passage as the model reads it: companies, periods, figures and measures are handles.

Line one is the question, line two the passage, behind the company and fiscal year it was filed by::

    number of employees <d1> of <e1> in <p1> ?
    <e1> <p1> : at the end of <p1> , we had about <n1> <d1> , up from <n2> <p2> .

``the prior year`` becomes the handle of the year it means. A measure the passage names in known words,
or in the question's own, is marked in both lines; the other measures it names get handles too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from specialists.foundation.contracts import Quantity, Span, Value
from specialists.foundation.errors import AnswerError
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import Handles
from specialists.workspace.lexicon import Words, fold, lexicon, words
from specialists.workspace.masking import Mark, apart, masked, mentions, plain
from specialists.workspace.numbers import Number, scan

LONGEST = 900
"""Characters of a passage that are read: some 200 tokens."""


class ExtractionInputs(Value):
    """One passage and what is asked of it."""

    text: str
    metric: str
    """In words: ``number of employees``."""
    entity: str = ""
    """The company asked about; empty: whoever the passage is about."""
    year: int | None = None
    """The fiscal year asked about; None: the latest the passage tells."""
    owner: str = ""
    """The company whose document this is."""
    about: int | None = None
    """The fiscal year of the document."""
    forms: tuple[str, ...] = ()
    """What else the company asked about is called."""
    others: tuple[str, ...] = ()
    """Names of other companies that may occur."""
    span: Span | None = None
    """Where the passage was found."""


@dataclass(frozen=True)
class Passage:
    """A rendered passage, and what its handles stand for in the text."""

    prompt: str
    handles: Handles
    numbers: dict[str, Number]
    """By handle; ``start`` and ``end`` are offsets in the inputs' text."""

    def number(self, handle: str) -> Number:
        """The figure behind a handle.

        Raises:
            AnswerError: no such figure in this passage.
        """
        if handle not in self.numbers:
            raise AnswerError(f"{handle} is no figure of this passage")
        return self.numbers[handle]


def render(inputs: ExtractionInputs, rng: random.Random | None = None) -> Passage:
    """The question and the passage in handles, numbered at random with ``rng``."""
    text, handles = inputs.text[:LONGEST], Handles(rng)
    asked = concept(inputs.metric)
    entity = inputs.entity or inputs.owner
    who = handles.bind("e", entity.casefold(), entity) if entity else ""
    when = _year(handles, inputs.year) if inputs.year is not None else ""
    marks: list[Mark] = []
    if who:
        marks += [Mark(s, e, who) for s, e in mentions(text, (entity, *inputs.forms))]
    for start, end in mentions(text, (*inputs.others, inputs.owner)):
        if handles.room("e"):
            name = text[start:end]
            marks.append(
                Mark(start, end, handles.bind("e", name.casefold(), name, name.casefold()))
            )
    for start, end, year in years(text, inputs.about):
        if handles.room("p"):
            marks.append(Mark(start, end, _year(handles, year)))
    marks = apart(marks)
    numbers: dict[str, Number] = {}
    for number in scan(text):
        free = all(number.end <= m.start or number.start >= m.end for m in marks)
        if not number.is_year and handles.room("n") and free:
            handle = handles.bind("n", number.quantity, number.text, f"{number.start}")
            numbers[handle] = number
            marks.append(Mark(number.start, number.end, handle))
    named = ""
    for start, end, key in measures(text, inputs.metric):
        if handles.room("d") and all(end <= m.start or start >= m.end for m in marks):
            handle = handles.bind("d", key, key)
            marks.append(Mark(start, end, handle))
            named = handle if key == asked else named
    question = [label(inputs.metric), named, who and f"of {who}", when and f"in {when}", "?"]
    owner = handles.bind("e", inputs.owner.casefold(), inputs.owner) if inputs.owner else ""
    head = [owner, _year(handles, inputs.about) if inputs.about is not None else ""]
    front = " ".join(part for part in head if part)
    body = f"{front} : {masked(text, marks)}" if front else masked(text, marks)
    return Passage(" ".join(part for part in question if part) + "\n" + body, handles, numbers)


def _year(handles: Handles, year: int) -> str:
    return handles.bind("p", Period(first=year, last=year), str(year))


# --- periods --------------------------------------------------------------------------------------

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
)
_YEAR = re.compile(
    rf"""(?<![\w$€£¥.,%])
    (?:(?:the\ )?(?:fiscal\ |financial\ |calendar\ )?(?:years?\ )?(?:ended|ending)\ )?
    (?:{_MONTH}\ \d{{1,2}}\ ?,?\ |\d{{1,2}}\ {_MONTH}\ |(?:fiscal|financial|calendar)\ (?:years?\ )?|fy\ ?'?)?
    (?:(?P<long>(?:19|20)\d\d)|(?<=fy)(?P<short>\d\d)|(?<=fy\ )(?P<short2>\d\d))
    (?![\w%]|[.,]\d|\ (?:million|billion|thousand|percent|employees|people|stores))""",
    re.IGNORECASE | re.VERBOSE,
)
_RELATIVE = re.compile(
    r"""(?<!\w)(?:
    (?P<before>(?:the|its|our)\ (?:prior|previous|preceding)(?:\ (?:fiscal|financial))?[\ -](?:year|period)
      |(?:prior|previous)[\ -]year|(?:a|one|the)\ year\ (?:earlier|before|ago|prior)|last\ year|year-ago)
    |(?P<after>next\ (?:fiscal\ |financial\ )?year|the\ (?:coming|following)\ (?:fiscal\ )?year)
    |(?P<now>this\ (?:fiscal\ )?year|the\ current\ (?:fiscal\ )?year|the\ year\ under\ review)
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE_END = re.compile(r"[.;!?](?=\s|$)")


def years(text: str, about: int | None) -> list[tuple[int, int, int]]:
    """``(start, end, year)`` of every fiscal year a passage names, in order.

    Relative years count from the last year named before them in the same sentence, else from the
    document's own; where neither is known they stay words.
    """
    found: list[tuple[int, int, int]] = []
    for match in _YEAR.finditer(text):
        written = match["long"] or match["short"] or match["short2"]
        found.append((*match.span(), int(written) + (2000 if len(written) == 2 else 0)))
    explicit = list(found)
    for match in _RELATIVE.finditer(text):
        cut = max((m.end() for m in _SENTENCE_END.finditer(text, 0, match.start())), default=0)
        inside = [year for start, _, year in explicit if cut <= start < match.start()]
        anchor = inside[-1] if inside else about
        if anchor is not None:
            shift = -1 if match["before"] else 1 if match["after"] else 0
            base = about if shift >= 0 and about is not None else anchor
            found.append((*match.span(), base + shift))
    return sorted(found)


# --- measures -------------------------------------------------------------------------------------

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
    """Every word that any name of the metric holds, folded; verbs of filings for some included."""
    key, book = concept(metric), lexicon()
    term = book.documents.get(key) or book.measures.get(key)
    phrases = [words(metric), *((words(term.label), *term.phrases) if term else ())]
    return frozenset(w for p in phrases for w in p) | _VERBS.get(key, frozenset())


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


def measures(text: str, metric: str) -> Iterator[tuple[int, int, str]]:
    """``(start, end, key)`` of the measures a passage names, the longest phrases first."""
    tokens = [(m.start(), m.end(), fold(m[0].lower())) for m in _WORD.finditer(text)]
    own, asked = words(_END.sub("", metric.strip())), concept(metric)
    known = {**_phrases(), own: asked} if own and own not in _phrases() else _phrases()
    bare = tuple(w for w in own if w not in _STOP)
    if bare and asked == " ".join(own) and bare not in known:
        known = {**known, bare: asked}
    longest = max(7, len(own))
    taken: set[int] = set()
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


# --- units and scales -----------------------------------------------------------------------------

_IN = re.compile(
    r"\(?\b(?:amounts? |dollars |figures |\$ ?)?(?:are |stated |expressed )?in (thousands|millions|billions)\b",
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
    if not unit:
        if kind in ("%", "count"):
            unit = kind
        elif kind == "money" or scale != quantity.scale:
            unit = next(
                (
                    n.quantity.unit
                    for n in scan(text)
                    if n.quantity.unit.isalpha() and len(n.quantity.unit) == 3
                ),
                "",
            )
        else:
            unit = "count"
    return Quantity(value=quantity.value, unit=unit, scale=scale)
