# pyright: basic
"""Micro-batches of episodes without padding that none of their rows needs.

TRL pads all episodes of a generation to the longest of them: its prompts on the left, what follows
on the right. Shapes: B rows · P prompt tokens · C completion tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

Batch = dict[str, Any]
LEFT = ("prompt_ids", "prompt_mask")
"""(B, P), padded on the left. All other tensors of two dimensions and width C are padded right."""


def fitted(batches: Sequence[Batch], *, alike: bool) -> list[Batch]:
    """The same rows in as many batches of the same size, each trimmed to its longest row.

    Args:
        alike: rows may change places, so that those of like length share a batch.
    """
    if alike and len(batches) > 1:
        batches = _sorted(batches)
    return [_trimmed(batch) for batch in batches]


def _sorted(batches: Sequence[Batch]) -> list[Batch]:
    rows = len(batches[0]["completion_mask"])
    spoken = torch.cat([batch["completion_mask"].sum(-1) for batch in batches])
    order = torch.argsort(spoken, stable=True)
    whole = {
        key: torch.cat([batch[key] for batch in batches])[order]
        for key, value in batches[0].items()
        if _by_row(value, rows)
    }
    return [
        {
            key: whole[key][at * rows : (at + 1) * rows] if key in whole else value
            for key, value in batch.items()
        }
        for at, batch in enumerate(batches)
    ]


def _trimmed(batch: Batch) -> Batch:
    width = batch["completion_mask"].shape[1]
    told = batch["completion_mask"].bool().any(0)
    keep = int(told.nonzero().max()) + 1 if told.any() else 1
    skip = int(batch["prompt_mask"].bool().any(0).float().argmax())
    made: Batch = {}
    for key, value in batch.items():
        if key in LEFT:
            made[key] = value[:, skip:]
        elif torch.is_tensor(value) and value.ndim == 2 and value.shape[1] == width:
            made[key] = value[:, :keep]
        else:
            made[key] = value
    return made


def _by_row(value: Any, rows: int) -> bool:
    return torch.is_tensor(value) and value.ndim > 0 and len(value) == rows
