"""Which cases are like a question: by sentence vectors, or by BM25 where there is no encoder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from specialists.cases.features import Array

if TYPE_CHECKING:
    from specialists.engines.encoder import Encoder


class Retriever(Protocol):
    """Compares a question with the cases of a library, in the library's order."""

    def read(self, text: str) -> tuple[Array | None, Array]:
        """The question's vector (None: no encoder) and its similarity to each case, at most 1."""
        ...


class ByVector:
    """Cosines of sentence vectors."""

    def __init__(self, encoder: Encoder, vectors: Array) -> None:
        """``vectors`` (cases, dim) have length one and come from the same encoder."""
        self._encoder = encoder
        self._vectors = vectors

    def read(self, text: str) -> tuple[Array | None, Array]:
        vector = self._encoder.encode([text])[0]
        return vector, self._vectors @ vector


class ByWords:
    """BM25 scores, each as a share of what the best case scores against itself."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells of every index it makes
        words = [text.lower().split() for text in texts]
        self._index: Any = bm25s.BM25()
        self._index.index(words, show_progress=False)
        self._known = {word for each in words for word in each}
        self._words = words
        self._count = len(texts)

    def read(self, text: str) -> tuple[Array | None, Array]:
        words = [word for word in text.lower().split() if word in self._known]
        if not words:
            return None, np.zeros(self._count, dtype=np.float32)
        scores = np.asarray(self._index.get_scores(words), dtype=np.float32)
        top = int(scores.argmax())
        own = np.asarray(self._index.get_scores(self._words[top]), dtype=np.float32)[top]
        return None, np.minimum(scores / max(float(own), 1e-6), 1.0)
