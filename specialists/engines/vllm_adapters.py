"""Which adapters vLLM can serve, told from their folders before a server is asked.

vLLM refuses some adapters itself, with a stack trace in its log; parts of others it would leave out
without a word. Both are known from ``adapter_config.json`` and from the names in the weights' file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from specialists.foundation.errors import AdapterError

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What an adapter may change: a block's linear layers, as with the engine in process. The server is
started for these alone: with an output head open to adapters, vLLM 0.32 on a CPU dies when it is
asked for a prompt's log-probabilities, since it then has a row a token where it looks for one a
request."""
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM makes room for (``MaxLoRARanks``); an adapter takes the next one up."""

_UNSERVED = {
    "modules_to_save": "whole modules saved beside the LoRA (modules_to_save)",
    "use_dora": "DoRA",
    "lora_bias": "a bias on LoRA (lora_bias)",
    "alora_invocation_tokens": "activated LoRA",
    "layer_replication": "replicated layers",
    "trainable_token_indices": "trained embeddings of single tokens",
    "use_bdlora": "block-diagonal LoRA",
    "use_qalora": "QALoRA",
}
_PLAIN_STARTS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
"""Initialisations that leave the base as it is. Others (PiSSA, OLoRA …) change it."""
_LORA = re.compile(r"\.(\w+)\.lora_[AB]\.weight$")
_HEADER_BYTES = 100_000_000
"""The format's own limit on a header."""


def admit(name: str, folder: Path, *, max_rank: int | None = None) -> int:
    """Hold an adapter against what vLLM can serve, and tell its rank.

    Args:
        max_rank: the largest rank that the server has room for; None: the largest there is.

    Raises:
        AdapterError: unreadable, not plain LoRA on linear layers, or of too large a rank.
    """
    config = _config(name, folder)
    if config.get("peft_type") != "LORA":
        raise AdapterError(f"adapter {name} is {config.get('peft_type')}, not LoRA")
    found = [words for key, words in _UNSERVED.items() if config.get(key)]
    if config.get("bias", "none") != "none":
        found.append(f"biases (bias = {config['bias']!r})")
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower() not in _PLAIN_STARTS:
        found.append(f"a start that changes the base (init_lora_weights = {start!r})")
    if found:
        raise AdapterError(f"adapter {name} uses {', '.join(found)}; vLLM does not serve that")
    for key in _tensors(name, folder / "adapter_model.safetensors"):
        match = _LORA.search(key)
        if match is None or match[1] not in LINEAR:
            raise AdapterError(
                f"adapter {name} changes {key}; on vLLM only linear layers are served: "
                f"{', '.join(LINEAR)}"
            )
    rank = max([config.get("r", 0), *(config.get("rank_pattern") or {}).values()])
    most = RANKS[-1] if max_rank is None else max_rank
    if not 1 <= rank <= most:
        raise AdapterError(f"adapter {name} has rank {rank}; this server serves 1 to {most}")
    return rank


def room(ranks: Iterable[int]) -> int:
    """The rank to start a server with, so that adapters of these ranks fit."""
    largest = max(ranks)
    return next(rank for rank in RANKS if rank >= largest)


def _config(name: str, folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterError(
            f"adapter {name}: no readable adapter_config.json in {folder}: {error}"
        ) from error


def _tensors(name: str, path: Path) -> list[str]:
    """Names of a safetensors file's tensors: its header alone, which needs no library."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _HEADER_BYTES:
                raise ValueError(f"a header of {size} bytes")
            header: dict[str, Any] = json.loads(file.read(size))
    except (OSError, ValueError) as error:
        raise AdapterError(f"adapter {name}: cannot read its weights: {error}") from error
    return [key for key in header if key != "__metadata__"]
