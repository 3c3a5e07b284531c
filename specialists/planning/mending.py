"""What a linked question itself says of a reply, put right before the reply is read.

A measure that stands only inside ``( <c1> as a share of <c2> )`` means that ratio, whatever a model
wrote of it; of ``what share of <c1> was <c2>`` the whole is ``<c1>``; a handle listed twice counts
once. Nothing else of a reply is touched: which operation is meant stays the model's word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from specialists.planning.clauses import FORMS, NONE, SIDES, TURNS, VERBS

_FORM = {"as a share of": "share", "divided by": "over", "plus": "plus", "minus": "less"}
_MADE = re.compile(
    r"\( (<[cd]\d+>|\x02\d+\x03) (as a share of|divided by|plus|minus) (<[cd]\d+>|\x02\d+\x03) \)"
)
_PLACE = re.compile(r"\x02(\d+)\x03")
_MEASURE = re.compile(r"<[cd]\d+>")
_OF = r"(?: (?:its|their|the|this|total|all|whole|every|each|<e\d+>|<p\d+>|'s|'|dollar|of))*"
_WHOLE = re.compile(
    r"\b(?:share|proportion|percentage|percent|portion|part|slice|chunk|fraction|much|%) of"
    rf"{_OF} (<[cd]\d+>)(?! (?:in|to|relative|over|as)\b)"
)
_EACH = re.compile(rf"\b(?:for each|for every|per) (?:dollar|unit|euro) of{_OF} (<[cd]\d+>)")


_PLACES = {"second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5}
_PLACED = re.compile(
    rf"\b({'|'.join(_PLACES)}) - ?(?:highest|largest|biggest|greatest|best|most|strongest|lowest|"
    r"smallest|least|worst|weakest)\b".replace(" - ?", "(?: - | )")
)
_UNDONE = re.compile(
    r"\b(median|percentile|quartile|decile|standard deviation|variance|correlation|correlated?|"
    r"regression|forecasts?|predict(?:ed|ion)?|originally|first (?:published|reported|disclosed)|"
    r"(?:before|prior to) (?:the|any|its|their) restatements?|weighted average|rolling average|"
    r"(?:would|will) <e\d+> .*\bif\b|would .* be .*\bif\b)"
)


def place(text: str) -> int:
    """Which place of a ranking a text asks for: 2 for the *second highest*; else 1."""
    found = _PLACED.search(text)
    return _PLACES[found[1]] if found is not None else 1


def undone(text: str) -> str:
    """Words that ask for what no verb does; empty where there are none."""
    found = _UNDONE.search(text)
    return found[1] if found is not None else ""


def mended(reply: str, text: str) -> str:
    """The reply with what the linked text decides put right.

    Args:
        text: the question as the model read it, without worked cases.
    """
    if reply.strip() == NONE:
        return reply
    made, bare = _expressions(text)
    parts = [_clause(part.split(), text, made, bare) for part in reply.split(";")]
    return " ; ".join(" ".join(words) for words in parts)


def _expressions(text: str) -> tuple[list[list[str]], str]:
    """The made measures of a text as a reply writes them, and the text without them."""
    made: list[list[str]] = []

    def written(place: str) -> list[str]:
        match = _PLACE.fullmatch(place)
        return made[int(match[1])] if match else [place]

    def fold(match: re.Match[str]) -> str:
        made.append([_FORM[match[2]], *written(match[1]), *written(match[3])])
        return f"\x02{len(made) - 1}\x03"

    folded = ""
    while folded != text:
        folded, text = text, _MADE.sub(fold, text)
    outer = [int(m[1]) for m in _PLACE.finditer(text)]
    return [made[i] for i in dict.fromkeys(outer)], _PLACE.sub(" ", text)


def _clause(words: list[str], text: str, made: Sequence[list[str]], bare: str) -> list[str]:
    start = next((i for i, w in enumerate(words) if w in FORMS or _MEASURE.fullmatch(w)), None)
    if start is None or not words or words[0] not in VERBS:
        return _once(words)
    end = start
    while end < len(words) and (words[end] in FORMS or _MEASURE.fullmatch(words[end])):
        end += 1
    head, what, tail = words[:start], words[start:end], words[end:]
    if head in (["which"], ["count"]) and any(w.startswith("<r") for w in tail):
        # companies of a sector or a seat: what the row is of says nothing more
        return [*head, *(w for w in _once(tail) if w.startswith("<r"))]
    if any(w not in (*VERBS, *SIDES, *TURNS) for w in head):
        return words
    return [*head, *_measures(what, text, made, bare), *_once(tail)]


def _measures(what: list[str], text: str, made: Sequence[list[str]], bare: str) -> list[str]:
    """The measures of a clause: a made one as the text has it, a share with its whole last."""
    named = {w for w in what if _MEASURE.fullmatch(w)}
    fits = [e for e in made if named <= set(e)]
    if len(fits) == 1 and not any(handle in bare for handle in named):
        return fits[0]
    if what[0] not in FORMS:
        return _once(what)
    if len(what) == 3 and what[0] in {"share", "over"} and len(named) == 2:
        found = (_WHOLE if what[0] == "share" else _EACH).search(text)
        if found is not None and found[1] in named:
            (other,) = named - {found[1]}
            return [what[0], other, found[1]]
    return what


def _once(words: Sequence[str]) -> list[str]:
    return [w for i, w in enumerate(words) if not w.startswith("<") or w not in words[:i]]
