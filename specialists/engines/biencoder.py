"""The embedded base as a sentence encoder: a LoRA, a mean over tokens, one matrix.

It was trained to bring a question near the rows and sentences that answer it
(``training/biencoder.py``) and is good for nothing else. The pretrained encoder of ``encoder.py``
is the larger stand-in with the same methods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from specialists.engines.lora import Lora
from specialists.engines.qwen3 import Chunk, Qwen3
from specialists.engines.text import Text
from specialists.foundation.digests import file_digest
from specialists.foundation.errors import EngineError

HEAD = "head.safetensors"
SETTINGS = "biencoder.json"
BATCH = 32
"""Texts a forward pass."""


class BiEncoder:
    """Texts to vectors of length one. Make one with ``load``."""

    def __init__(
        self, model: Qwen3, text: Text, lora: Lora, head: Tensor, *, longest: int, digest: str
    ) -> None:
        """
        Args:
            head: (D, dim).
            longest: tokens of a text that count.
        """
        self._model, self._text, self._lora = model, text, lora
        self._head, self._longest = head, longest
        self.digest = digest

    @classmethod
    def load(cls, base: Path, folder: Path) -> BiEncoder:
        """The encoder in a folder, over the base it was made on.

        Raises:
            EngineError: something is missing, damaged or not of this base.
        """
        model = Qwen3.load(base)
        lora = Lora.load(folder.name, folder, model.shape, model.like)
        try:
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            head = load_file(folder / HEAD)["head"].to(model.like)
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise EngineError(f"{folder} holds no bi-encoder: {error}") from error
        if head.shape[0] != model.shape.hidden:
            raise EngineError(f"the bi-encoder in {folder} is for a base of width {head.shape[0]}")
        digest = file_digest(folder / HEAD)
        text = Text.load(base)
        return cls(model, text, lora, head, longest=int(settings["longest"]), digest=digest)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors (n, dim) of length one, float32, in the texts' order."""
        rows = [self._text.encode(prepared(t))[: self._longest] or [0] for t in texts]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        found = np.zeros((len(rows), self._head.shape[1]), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            found[part] = self._vectors([rows[i] for i in part]).numpy()
        return found

    @torch.inference_mode()
    def _vectors(self, rows: Sequence[Sequence[int]]) -> Tensor:
        chunks = [Chunk(row, self._model.cache(len(row))) for row in rows]
        states = self._model.states(chunks, self._lora)
        pooled_BD = torch.stack([s.mean(0) for s in states])
        return F.normalize(pooled_BD @ self._head, dim=-1).float().cpu()


_WORD = re.compile(r"'s(?!\w)|[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")


def prepared(text: str) -> str:
    """A text as the base reads it: lower case, words and marks set apart."""
    return " ".join(_WORD.findall(text.lower().replace("’", "'")))


class Encodes(Protocol):
    """What gives vectors of length one: this encoder, or the pretrained one."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]: ...


def similarity(encoder: Encodes, question: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """(n,) cosines of a question and texts."""
    vectors = encoder.encode([question, *texts])
    return (vectors[1:] @ vectors[0]).astype(np.float64)
