# pyright: basic
"""A deeper base from one that exists: it says at first exactly what that one says, and learns on.

Block expansion (Wu et al. 2024, arXiv 2401.02415): between the layers stand copies of them whose
output projections are zero, so that they add nothing until they have learned something. The
tokenizer is the old base's, so the two can teach each other token by token.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from specialists.foundation.errors import ConfigError
from specialists.weights import WEIGHTS
from training.recipe import ModelRecipe

RELEASED = "released"
SILENT = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
"""What a layer adds goes through these two."""


def source(grown_from: str) -> Path:
    """The folder of the base to grow from.

    Raises:
        ConfigError: there is none.
    """
    folder = WEIGHTS / "base" if grown_from == RELEASED else Path(grown_from)
    if not (folder / "config.json").is_file():
        raise ConfigError(f"grown_from: {folder} holds no base (config.json)")
    return folder


def grown(folder: Path, shape: ModelRecipe) -> Qwen3ForCausalLM:
    """The base in a folder with the layers that ``shape`` asks for, in float32.

    Raises:
        ConfigError: fewer layers than there are, or another shape besides.
    """
    old = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    _fits(old.config, shape)
    config = copy.deepcopy(old.config)
    config.num_hidden_layers = shape.layers
    config.layer_types = ["full_attention"] * shape.layers
    new = Qwen3ForCausalLM(config)
    state = {name: value for name, value in old.state_dict().items() if ".layers." not in name}
    was = old.config.num_hidden_layers
    for place in range(shape.layers):
        # The old layers at even distances; each is followed by copies of itself that say nothing.
        comes_from = place * was // shape.layers
        first = place == 0 or (place - 1) * was // shape.layers != comes_from
        for name, value in old.model.layers[comes_from].state_dict().items():
            kept = value if first or name not in SILENT else torch.zeros_like(value)
            state[f"model.layers.{place}.{name}"] = kept.clone()
    new.load_state_dict(state)
    return new


def _fits(config: Qwen3Config, shape: ModelRecipe) -> None:
    there = {
        "width": config.hidden_size,
        "heads": config.num_attention_heads,
        "kv_heads": config.num_key_value_heads,
        "head": config.head_dim,
        "inner": config.intermediate_size,
        "context": config.max_position_embeddings,
    }
    other = [f"{k} = {v}" for k, v in there.items() if getattr(shape, k) != v]
    if other or shape.layers < config.num_hidden_layers:
        raise ConfigError(
            f"model: a base grows in depth alone; this one has {config.num_hidden_layers} layers"
            + (f", and it must stay as it is in {', '.join(other)}" if other else "")
        )
