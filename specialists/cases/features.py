"""What a classifier sees of a masked question: its sentence vector beside its word n-grams.

The vector says what a question is about; the n-grams tell *at least* from *at most*, which sentence
vectors blur. Without an encoder the n-grams stand alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
LONGEST = 3
"""Words an n-gram has at most."""


class Grams:
    """Weights of word n-grams, TF-IDF with sublinear counts, rows of length one."""

    def __init__(self, idf: dict[str, float]) -> None:
        self.idf = idf
        self._place = {gram: i for i, gram in enumerate(idf)}

    @classmethod
    def of(cls, texts: Sequence[str], most: int) -> Grams:
        """The ``most`` n-grams that most of the texts have, at least two of them."""
        held = Counter(gram for text in texts for gram in set(_grams(text)))
        ranked = sorted((g for g, n in held.items() if n > 1), key=lambda g: (-held[g], g))
        return cls({g: math.log((1 + len(texts)) / (1 + held[g])) + 1 for g in ranked[:most]})

    def extended(self, texts: Sequence[str]) -> Grams:
        """With the words of further texts, which count as rare; known n-grams keep their place."""
        rarest = max(self.idf.values(), default=1.0)
        new = dict.fromkeys(word for text in texts for word in text.lower().split())
        return Grams(self.idf | {word: rarest for word in new if word not in self.idf})

    def rows(self, texts: Sequence[str]) -> Array:
        """The texts as rows (n, n-grams)."""
        found = np.zeros((len(texts), len(self.idf)), dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            for gram, count in Counter(_grams(text)).items():
                place = self._place.get(gram)
                if place is not None:
                    row[place] = (1 + math.log(count)) * self.idf[gram]
            length = float(np.linalg.norm(row))
            if length > 0:
                row /= length
        return found


def _grams(text: str) -> Iterator[str]:
    words = ["^", *text.lower().split(), "$"]
    for length in range(1, LONGEST + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def beside(grams: Array, vectors: Array | None) -> Array:
    """Both views of each question as one row."""
    return grams if vectors is None else np.hstack([vectors, grams])
