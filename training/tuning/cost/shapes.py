"""The sizes of a model that its cost follows from: read from its files, or known by its recipe."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError
from training.tuning import likeness
from training.tuning.recipe import Recipe

EMBEDDED = Path(__file__).parents[3] / "specialists" / "weights" / "base"
BYTES = {"float32": 4, "bfloat16": 2}
"""Of a number."""


class Shape(Value):
    """The sizes of a model that its cost follows from."""

    parameters: float
    layers: int
    width: int
    vocabulary: int
    heads: int
    """Width of all query heads together."""
    kv: int
    """Width of all key heads together."""
    inner: int
    exact: bool = True
    """Read from its files or known; else taken from ``recipe.base`` in a Qwen3's proportions."""

    @property
    def matrices(self) -> float:
        """Weights of the layers: all but embeddings and head, which are one matrix here."""
        return self.parameters - self.vocabulary * self.width

    def adapter(self, rank: int) -> float:
        """Weights of a LoRA on all linear layers."""
        d, a, k, i = self.width, self.heads, self.kv, self.inner
        return rank * self.layers * ((d + a) + 2 * (d + k) + (a + d) + 3 * (d + i))

    def kept(self, dtype_bytes: int) -> float:
        """Bytes that autograd keeps for one token of one layer."""
        d, a, k, i = self.width, self.heads, self.kv, self.inner
        # Two norms over the width: their input in float32, its scaled form and the output; norms of
        # queries and keys the same; queries, keys and values as attention reads them, its output;
        # the feed-forward's three products and the activation. LoRA reads its input in float32.
        norms = 2 * d * (4 + 4 + dtype_bytes) + (a + k) * (4 + 4 + dtype_bytes)
        attention = (2 * a + 2 * k) * dtype_bytes
        forward = 4 * i * dtype_bytes
        casts = 0 if dtype_bytes == 4 else (2 * d + a + i) * 4
        return norms + attention + forward + casts


def shape(recipe: Recipe, base: Path | None = None) -> Shape:
    """The sizes of a recipe's base: from its files where they are here, else as they are known.

    Raises:
        ConfigError: nothing tells how large it is.
    """
    told = recipe.base
    folder = base or (Path(told.source) if told.source else EMBEDDED)
    if (folder / "config.json").is_file():
        return read_shape(folder)
    if not (told.parameters and told.layers and told.width and told.vocabulary):
        raise ConfigError(
            f"cannot tell how large {told.source or folder} is: it is not a local folder, and "
            "base.parameters, base.layers, base.width and base.vocabulary are not all set"
        )
    original = likeness.ORIGINALS.get(told.source)
    if original is not None:
        known = original.shape
        heads, kv, inner = known.heads * known.head, known.kv_heads * known.head, known.inner
    else:
        heads, kv, inner = 2 * told.width, min(told.width, 1024), 3 * told.width
    return Shape(
        parameters=told.parameters,
        layers=told.layers,
        width=told.width,
        vocabulary=told.vocabulary,
        heads=heads,
        kv=kv,
        inner=inner,
        exact=original is not None,
    )


def read_shape(folder: Path) -> Shape:
    """The sizes of a model in a folder, from ``config.json`` and the headers of its weights.

    Raises:
        ConfigError: files that do not say.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        return Shape(
            parameters=sum(_count(path) for path in sorted(folder.glob("*.safetensors"))),
            layers=config["num_hidden_layers"],
            width=config["hidden_size"],
            vocabulary=config["vocab_size"],
            heads=config["num_attention_heads"] * head,
            kv=config.get("num_key_value_heads", config["num_attention_heads"]) * head,
            inner=config["intermediate_size"],
        )
    except (OSError, KeyError, TypeError, ValueError, struct.error) as error:
        raise ConfigError(f"cannot tell how large the model in {folder} is: {error!r}") from error


def _count(path: Path) -> int:
    """Numbers in a safetensors file: eight bytes of length, then a JSON header."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    return sum(math.prod(t["shape"]) for name, t in header.items() if name != "__metadata__")
