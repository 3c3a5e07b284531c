"""Measures that a question says otherwise than by their whole names.

*Gross* of ``gross and operating margin``; *cash* that is *burned*; ``how much did Acme earn``. The
plain phrases are found by ``links.py``; this adds to them and changes them.
"""

from __future__ import annotations

from specialists.workspace.links_index import UNHELD, LinkIndex
from specialists.workspace.links_words import SILENT, Match, Token, choose, clause

_ASKS = frozenset(
    [
        *("how", "much", "many", "what", "which", "who", "whose", "when", "whats", "amount"),
        *("more", "most", "less", "least", "fewer", "fewest", "total", "figure", "number"),
        *("average", "compare", "higher", "lower", "highest", "lowest", "did", "does", "do"),
        *("is", "are", "was", "were", "has", "have", "where", "sum", "show", "give", "tell"),
        *("list", "count", "percentage", "share", "proportion"),
    ]
)
"""Words of which a clause holds one, if a verb of it can mean a measure."""
_JOINS = frozenset(["and", "&", "or", "vs", "versus", "minus", "less", "to", "than"])
"""Words between two measures of which the first leaves out what both end in."""
_ASKED = frozenset(["we", "i", "you", "one", "analyst", "market", "consensus"])
"""Whose expectations are no company's guidance."""


def shared(
    index: LinkIndex, heard: list[int], tokens: list[Token], matches: list[Match]
) -> list[Match]:
    """*Gross* of ``gross and operating margin``, *short* of ``short- and long-term debt``."""
    taken = {i for m in matches if m.meanings[0].kind != "v" for i in range(m.first, m.last)}
    tails: dict[int, list[tuple[str, ...]]] = {}
    for match in matches:
        if match.meanings[0].kind in {"c", "d"} and not match.meanings[0].weak:
            tail = tuple(t.key for t in tokens[match.first + 1 : match.last] if t.low not in SILENT)
            if tail:
                tails.setdefault(match.first, []).append(tail)
    found: list[Match] = []
    for place in range(len(heard) - 2, -1, -1):
        i, j = heard[place], heard[place + 1]
        joined = tokens[j].low in _JOINS and place + 2 < len(heard)
        comma = any(t.low == "," for t in tokens[i + 1 : j])
        if i in taken or not (joined or comma):
            continue
        for tail in tails.get(heard[place + 2] if joined else j, ()):
            meanings = index.phrases.get((tokens[i].key, *tail), ())
            fit = tuple(m for m in meanings if m.kind in {"c", "d"} and not m.weak)
            if fit:
                found.append(Match(i, i + 1, fit[0].score * 0.9, fit))
                tails.setdefault(i, []).append(tail)  # ``operating, investing and …``
                break
    return found


def turned(index: LinkIndex, match: Match, tokens: list[Token]) -> Match:
    """*Cash* that is *burned* is free cash flow; *revenue* that is *expected*, guidance."""
    best = match.meanings[0]
    turns = index.turns.get(best.key, ()) if best.kind == "c" else ()
    if not turns:
        return match
    start, end = clause(tokens, match.first)
    for triggers, into in turns:
        for i in range(start, end):
            inside = match.first <= i < match.last
            if tokens[i].key in triggers and not inside:
                before = tokens[i - 1].key if i else ""
                if before not in _ASKED:
                    return Match(match.first, match.last, match.score * 0.9, (into, best))
    return match


def with_verbs(chosen: list[Match], verbs: list[Match], tokens: list[Token]) -> list[Match]:
    """The chosen, and verbs that mean a measure where their clause has no other."""
    if not verbs:
        return chosen
    taken = {i for m in chosen for i in range(m.first, m.last)}
    free = [m for m in choose(verbs) if taken.isdisjoint(range(m.first, m.last))]
    kept: list[Match] = []
    for match in free:
        start, end = clause(tokens, match.first)
        asked = any(t.key in _ASKS for t in tokens[start:end])
        named = any(
            (m.meanings[0].kind in {"c", "d"} or m.meanings[0] is UNHELD) and start <= m.first < end
            for m in (*chosen, *kept)
        )
        if asked and not named:
            kept.append(match)
    return sorted([*chosen, *kept], key=lambda m: m.first)
