"""How well a model does while it learns: loss, and replies that greedy decoding would get exactly
right.

Greedy decoding writes the gold reply if and only if, with the gold reply before it, the model ranks
each gold token first. So one forward pass tells it, without generating. This is stricter than a
job's own score (another right answer counts as wrong) and knows no grammar: it is for watching, not
for reporting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from training.batches import Batch, Tokens, bucket, stack


@dataclass(frozen=True)
class Reading:
    """One part's state."""

    loss: float
    """Mean nats a token: of reply tokens for jobs, of all tokens for prose."""
    exact: float | None
    """Share of replies (turns) that greedy decoding gets exactly right; None where there are
    none."""
    dialogues: float | None
    """Share of dialogues whose every reply is exactly right."""


@torch.no_grad()
def read(
    model: nn.Module,
    tokens: Tokens,
    *,
    lengths: Sequence[int],
    pad: int,
    count: int,
    bf16: bool = False,
) -> Reading:
    """Measure on the first ``count`` sequences that fit."""
    rows: dict[int, list[int]] = {}
    for index in range(min(count, len(tokens))):
        length = bucket(len(tokens[index][0]), lengths)
        if length is not None:
            rows.setdefault(length, []).append(index)
    losses: list[float] = []
    weights: list[float] = []
    exact: list[bool] = []
    whole: list[bool] = []
    was_training = model.training
    model.eval()
    for length, indices in rows.items():
        for start in range(0, len(indices), 16):
            batch = stack([tokens[i] for i in indices[start : start + 16]], length, pad)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                logits = model(input_ids=torch.from_numpy(batch.ids)).logits.float()
            _count(batch, logits, losses, weights, exact, whole)
    model.train(was_training)
    total = sum(weights)
    return Reading(
        sum(losses) / total if total else float("nan"),
        float(np.mean(exact)) if exact else None,
        float(np.mean(whole)) if whole else None,
    )


def _count(
    batch: Batch,
    logits: torch.Tensor,
    losses: list[float],
    weights: list[float],
    exact: list[bool],
    whole: list[bool],
) -> None:
    """``logits``: [rows, length, vocabulary]."""
    targets = torch.from_numpy(batch.ids[:, 1:])
    nll = F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="none").numpy()
    hit = (logits[:, :-1].argmax(-1) == targets).numpy()
    reply = batch.reply[:, 1:]
    counted = reply if reply.any() else batch.real[:, 1:]
    losses.append(float(nll[counted].sum()))
    weights.append(float(counted.sum()))
    if not reply.any():
        return
    for row in range(len(hit)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], reply[row].astype(np.int8), [0]])))
        turns = [bool(hit[row, a:b].all()) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        exact.extend(turns)
        whole.append(all(turns))
