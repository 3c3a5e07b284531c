"""What a phrase could mean in a workspace, ranked, where the linker's rules are not sure.

Tables, measures, rows, companies and figures that documents tell, by the likeness of their names:
fuzzy, by shared words (BM25) and, if given, an encoder's similarity. The linker itself does not use
it: it is for asking back (*did you mean*) and for measuring. A score says how alike, and is below
the scores of what rules find.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.workspace.catalogue import Catalogue
from specialists.workspace.handles import Kind
from specialists.workspace.lexicon import Words, lexicon, words
from specialists.workspace.links_index import LinkIndex, Meaning
from specialists.workspace.ranking import Similarity, tokens

WEIGHTS = (0.55, 0.45)
"""Of fuzzy likeness and of shared words, without an encoder; with one, half of it all is its."""
MOST = 0.9
"""The highest score that likeness alone can have."""


@dataclass(frozen=True)
class Candidate:
    """One thing a phrase could mean."""

    kind: Kind
    label: str
    value: Any
    """As a handle's target has it; the table's name for a table."""
    key: str
    score: float
    """0 … 0.9; how alike the names are, no probability."""


@dataclass(frozen=True)
class _Item:
    kind: Kind
    label: str
    value: Any
    key: str
    texts: tuple[str, ...]


class Candidates:
    """Everything one catalogue could mean, ready to be searched."""

    def __init__(self, catalogue: Catalogue, index: LinkIndex) -> None:
        self._items = list(_items(catalogue, index))
        self._texts = [(i, t) for i, item in enumerate(self._items) for t in item.texts]
        self._words = [
            Counter(w for text in item.texts for w in set(tokens(text))) for item in self._items
        ]
        held = Counter(w for counted in self._words for w in counted)
        self._rare = {w: math.log(1.0 + len(self._items) / n) for w, n in held.items()}

    def find(
        self, phrase: str, k: int = 5, similarity: Similarity | None = None
    ) -> tuple[Candidate, ...]:
        """The ``k`` likeliest meanings, best first; equal scores in the catalogue's order."""
        if not self._items or not phrase.strip():
            return ()
        fuzzy, shared = self._fuzzy(phrase), self._shared(phrase)
        scores = WEIGHTS[0] * fuzzy + WEIGHTS[1] * shared
        if similarity is not None:
            alike = similarity(phrase, [item.label for item in self._items])
            scores = (scores + np.clip(alike, 0.0, 1.0)) / 2
        scores = scores * MOST
        order = np.argsort(-scores, kind="stable")[:k]
        return tuple(
            Candidate(
                self._items[i].kind,
                self._items[i].label,
                self._items[i].value,
                self._items[i].key,
                round(float(scores[i]), 4),
            )
            for i in order
        )

    def _fuzzy(self, phrase: str) -> NDArray[np.float64]:
        """The best likeness of any of an item's names."""
        from rapidfuzz import fuzz, process

        said = " ".join(words(phrase)) or phrase.lower()
        likeness = process.cdist([said], [t for _, t in self._texts], scorer=fuzz.token_sort_ratio)
        best = np.zeros(len(self._items))
        np.maximum.at(best, [i for i, _ in self._texts], likeness[0] / 100.0)
        return best

    def _shared(self, phrase: str) -> NDArray[np.float64]:
        """How much of the phrase's telling words an item's names hold, rare ones counting more."""
        asked = set(tokens(phrase))
        total = sum(self._rare.get(w, 1.0) for w in asked) or 1.0
        return np.array([sum(self._rare[w] for w in asked & c.keys()) / total for c in self._words])


def _items(catalogue: Catalogue, index: LinkIndex) -> Iterator[_Item]:
    book = lexicon()
    entries = {
        **{**book.measures, **book.attributes, **book.documents},
        **{**book.ratios, **book.compounds},
    }

    def named(meaning: Meaning, value: Any) -> _Item:
        entry = entries.get(meaning.key)
        texts = [_text(p) for p in entry.phrases] if entry is not None else []
        every = tuple(dict.fromkeys([_text(words(meaning.label)), *texts]))
        return _Item(meaning.kind, meaning.label, value, meaning.key, every)

    for table in catalogue.tables:
        text = _text(words(table.title or table.name))
        yield _Item("t", table.title or table.name, table.name, table.name, (text,))
    for meaning in (*index.concepts.values(), *index.derived.values(), *index.nested.values()):
        yield named(meaning, meaning.value or tuple(m.value for m in meaning.leaves()))
    seen: set[tuple[str, str]] = set()
    for held in index.phrases.values():
        for meaning in held:
            if meaning.kind in {"d", "r", "e"} and (meaning.kind, meaning.key) not in seen:
                seen.add((meaning.kind, meaning.key))
                yield named(meaning, meaning.value)


def _text(phrase: Words) -> str:
    return " ".join(phrase)
