"""Rows of a page that a question means without naming them: by ranking (``ranking.py``).

For tables of one company with a label in each row, as filings have them; where the rules found a
row already, it stays.
"""

from __future__ import annotations

from specialists.workspace.links_index import LinkIndex
from specialists.workspace.links_words import Match, Token

LIKELY, ROWS = 0.25, 3
"""A page's row is linked, where ranking alone finds it, from this probability on; so many at
most."""


def with_rows(index: LinkIndex, text: str, chosen: list[Match], tokens: list[Token]) -> list[Match]:
    """The chosen, and the rows of a page that the question most likely means, by ranking."""
    page = index.page_rows
    if not page:
        return chosen
    import numpy as np

    from specialists.workspace import ranking

    scores = ranking.line_scores(text, [line for line, _ in page])
    likely = np.exp(scores - scores.max())
    likely = likely / likely.sum()
    held = {m.meanings[0].key for m in chosen}
    taken = {i for m in chosen for i in range(m.first, m.last)}
    kept = list(chosen)
    for place in np.argsort(-likely, kind="stable")[:ROWS]:
        line, meaning = page[place]
        if likely[place] < LIKELY or meaning.key in held:
            continue
        window = _window(tokens, taken, frozenset(ranking.tokens(line.text)))
        if window is not None:
            score = min(float(likely[place]), 0.9)
            kept.append(Match(*window, score, (meaning,)))
            taken.update(range(*window))
    return sorted(kept, key=lambda m: m.first)


def _window(tokens: list[Token], taken: set[int], label: frozenset[str]) -> tuple[int, int] | None:
    """The stretch of free words that holds most of a label's."""
    from specialists.workspace import ranking

    best: tuple[int, int, int] | None = None
    first = last = held = 0
    for i, token in enumerate(tokens):
        hit = i not in taken and not label.isdisjoint(ranking.tokens(token.low))
        if i in taken or (held and i - last > 2):
            held = 0
        if hit:
            first, held = (i, 1) if not held else (first, held + 1)
            last = i
            if best is None or held > best[0]:
                best = (held, first, last + 1)
    return None if best is None else best[1:]
