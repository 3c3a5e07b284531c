"""A LoRA adapter as the forward merges it, read from a folder that peft wrote.

Not a trainer's LoRA: no dropout, nothing to learn.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from specialists.foundation.errors import AdapterError

if TYPE_CHECKING:
    from specialists.engines.qwen3 import Shape

MAX_RANK = 16
FUSED: dict[str, tuple[str, ...]] = {
    "qkv": ("q_proj", "k_proj", "v_proj"),
    "o": ("o_proj",),
    "gate_up": ("gate_proj", "up_proj"),
    "down": ("down_proj",),
}
"""The forward's matrices, and the model's projections that stand in each from top to bottom."""

_KEY = re.compile(
    r"base_model\.model\.model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)\.lora_([AB])\.weight"
)


@dataclass(frozen=True, eq=False)
class Lora:
    """An adapter's matrices."""

    name: str
    rank: int
    pairs: dict[tuple[int, str], list[tuple[int, Tensor, Tensor]]]
    """By layer and fused name: the first column it changes, down (in, R), up (R, out) scaled."""

    @classmethod
    def load(cls, name: str, folder: Path, shape: Shape, like: Tensor) -> Lora:
        """Read an adapter for a base of this shape, onto the device and in the type of ``like``.

        Raises:
            AdapterError: missing or damaged, more than LoRA on linear layers, or for another base.
        """
        config = _config(name, folder)
        try:
            tensors = load_file(folder / "adapter_model.safetensors")
        except (OSError, SafetensorError) as error:
            raise AdapterError(f"adapter {name}: cannot read its weights: {error}") from error
        scale = config["lora_alpha"] / config["r"] ** (0.5 if config.get("use_rslora") else 1.0)
        parts: dict[tuple[int, str, str], Tensor] = {}
        for key, tensor in tensors.items():
            match = _KEY.fullmatch(key)
            if match is None or not any(match[2] in names for names in FUSED.values()):
                raise AdapterError(f"adapter {name} changes {key}; only linear layers may change")
            parts[int(match[1]), match[2], match[3]] = tensor.to(like)
        sizes = _sizes(shape)
        pairs = {
            (layer, fused): _pairs(name, parts, layer, members, sizes, scale)
            for layer in sorted({layer for layer, *_ in parts})
            for fused, members in FUSED.items()
        }
        if not pairs or max(layer for layer, _ in pairs) >= shape.layers:
            raise AdapterError(f"adapter {name} is not for a base of {shape.layers} layers")
        return cls(name, config["r"], pairs)

    def merged(self, layer: int, fused: str, weight: Tensor) -> Tensor:
        """``weight`` (in, out), one of the base's fused matrices, with this adapter's change."""
        weight = weight.clone()
        for column, down, up in self.pairs.get((layer, fused), ()):
            weight[:, column : column + up.shape[1]].addmm_(down, up)
        return weight


def _config(name: str, folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(
            (folder / "adapter_config.json").read_text(encoding="utf-8")
        )
    except (OSError, json.JSONDecodeError) as error:
        raise AdapterError(
            f"adapter {name}: no readable adapter_config.json in {folder}"
        ) from error
    if config.get("peft_type") != "LORA":
        raise AdapterError(f"adapter {name} is {config.get('peft_type')}, not LoRA")
    extras = ("use_dora", "modules_to_save", "rank_pattern", "alpha_pattern", "lora_bias")
    found = [key for key in extras if config.get(key)]
    if config.get("bias", "none") != "none":
        found.append("bias")
    if found:
        raise AdapterError(f"adapter {name} uses {', '.join(found)}, which is not served")
    if not 1 <= config["r"] <= MAX_RANK:
        raise AdapterError(f"adapter {name} has rank {config['r']}; at most {MAX_RANK} is served")
    return config


def _sizes(shape: Shape) -> dict[str, tuple[int, int]]:
    """(in, out) of every projection."""
    q, kv = shape.heads * shape.head, shape.kv_heads * shape.head
    return {
        "q_proj": (shape.hidden, q),
        "k_proj": (shape.hidden, kv),
        "v_proj": (shape.hidden, kv),
        "o_proj": (q, shape.hidden),
        "gate_proj": (shape.hidden, shape.inner),
        "up_proj": (shape.hidden, shape.inner),
        "down_proj": (shape.inner, shape.hidden),
    }


def _pairs(
    name: str,
    parts: dict[tuple[int, str, str], Tensor],
    layer: int,
    members: tuple[str, ...],
    sizes: dict[str, tuple[int, int]],
    scale: float,
) -> list[tuple[int, Tensor, Tensor]]:
    """For each member that changes: its first column in the fused matrix, (in, R), (R, out)."""
    pairs: list[tuple[int, Tensor, Tensor]] = []
    column = 0
    for member in members:
        a, b = parts.get((layer, member, "A")), parts.get((layer, member, "B"))
        inner, outer = sizes[member]
        if a is not None or b is not None:
            fits = a is not None and b is not None and (a.shape[1], b.shape[0]) == (inner, outer)
            if a is None or b is None or not fits or a.shape[0] != b.shape[1]:
                raise AdapterError(
                    f"adapter {name}: layer {layer} {member} does not fit this base "
                    f"({inner} → {outer})"
                )
            pairs.append((column, a.T, b.T * scale))
        column += outer
    return pairs
