"""Adapters that learned nothing, for the control arms of evaluations.

A random adapter changes the base as much as a trained one does, tensor by tensor, and knows
nothing: what a trained adapter scores above it is learned, not form.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from specialists.foundation.errors import AdapterError


def random_adapter(like: Path, out: Path, *, seed: int) -> Path:
    """Write an adapter with the shapes of ``like`` and random weights of the same spread.

    Args:
        like: folder of a trained adapter.
        out: folder to write; must not exist.
        seed: of the weights.

    Returns:
        ``out``.

    Raises:
        AdapterError: ``like`` is no adapter, or ``out`` exists.
    """
    if out.exists():
        raise AdapterError(f"{out} exists already")
    try:
        trained = load_file(like / "adapter_model.safetensors")
    except (OSError, SafetensorError) as error:
        raise AdapterError(f"{like} holds no adapter: {error}") from error
    draw = torch.Generator().manual_seed(seed)
    weights = {
        name: (torch.randn(tensor.shape, generator=draw) * tensor.float().std()).to(tensor.dtype)
        for name, tensor in sorted(trained.items())
    }
    out.mkdir(parents=True)
    save_file(weights, out / "adapter_model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(like / "adapter_config.json", out / "adapter_config.json")
    return out
