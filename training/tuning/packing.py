# pyright: basic
"""Dialogues end to end in one row, without attention between them, on any device.

TRL packs for flash attention's kernels; elsewhere its rows get a dense mask, which costs the square
of the whole row. Here the linear layers see the row as it is, without padding, and attention sees
each dialogue for itself: dialogues of like length side by side, causal, so that the padding behind
a short one is seen by nobody.

The output head is asked at the places alone where a reply's token is next: most of a dialogue is
prompt, and the head is the largest matrix of a small model.

Shapes: T tokens of the row · D dialogues of a group · L length of a group · H heads · E head size
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from specialists.foundation.errors import ConfigError
from training.tuning.rendering import IGNORED

ATTENTION = "finroute_packed"
WASTE = 1.2
"""Longest to shortest of the dialogues that attend side by side."""


class Rows:
    """Collates examples (``input_ids``, ``labels``) into a micro-batch for TRL's SFTTrainer.

    Beside the usual: ``lengths`` of the dialogues in a packed row; ``places`` where a reply's token
    is next, counted through all rows; ``shift_labels``, the tokens there.
    """

    def __init__(self, pad: int, *, packing: bool) -> None:
        self.pad, self.packing = pad, packing

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batch = self._packed(examples) if self.packing else self._padded(examples)
        labels: torch.Tensor = batch["labels"]
        nexts = torch.cat([labels[:, 1:], torch.full((len(labels), 1), IGNORED)], dim=1)
        places = (nexts.flatten() != IGNORED).nonzero().flatten()
        return {
            **batch,
            "places": places,
            "shift_labels": nexts.flatten()[places][None],
        }

    def _packed(self, examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        ids = [torch.tensor(example["input_ids"]) for example in examples]
        labels = [torch.tensor(example["labels"]) for example in examples]
        for each in labels:
            each[0] = IGNORED  # nothing of the dialogue before foretells it
        return {
            "input_ids": torch.cat(ids)[None],
            "labels": torch.cat(labels)[None],
            "position_ids": torch.cat([torch.arange(len(each)) for each in ids])[None],
            "lengths": [len(each) for each in ids],
        }

    def _padded(self, examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        longest = max(len(example["input_ids"]) for example in examples)
        shape = (len(examples), longest)
        ids, labels = torch.full(shape, self.pad), torch.full(shape, IGNORED)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, example in enumerate(examples):
            length = len(example["input_ids"])
            ids[row, :length] = torch.tensor(example["input_ids"])
            labels[row, :length] = torch.tensor(example["labels"])
            mask[row, :length] = 1
        labels[:, 0] = IGNORED
        return {"input_ids": ids, "labels": labels, "attention_mask": mask}


@contextmanager
def rows(model: Any, *, packing: bool = True) -> Generator[None]:
    """While it lasts, a causal language model of transformers reads what :class:`Rows` makes.

    Raises:
        ConfigError: rows are packed and the model's attention is not plain.
    """
    before = model.config._attn_implementation
    if packing and getattr(model.config.get_text_config(), "sliding_window", None):
        raise ConfigError(
            "sft.packing: the base's attention has a sliding window, which packed rows do not "
            "know; set sft.packing=false"
        )
    hook = model.base_model.register_forward_hook(_pick, with_kwargs=True)
    try:
        if packing:
            model.set_attn_implementation(ATTENTION)
        yield
    finally:
        model.set_attn_implementation(before)
        hook.remove()


def _pick(module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    """Of the backbone's states, those at ``places``: [1, places, width]."""
    places = kwargs.get("places")
    if places is not None:
        states = output.last_hidden_state
        output.last_hidden_state = states.flatten(0, 1)[places][None]
    return output


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    lengths: Sequence[int] | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers' models ask for it. query [1, H, T, E], key and value with as many
    heads as they have; gives [1, T, H, E].

    Without ``lengths`` it is plain causal attention, and a row's padding must be at its end.
    """
    if lengths is None:
        return sdpa_attention_forward(
            module, query, key, value, None, dropout=dropout, scaling=scaling, is_causal=True
        )
    shared = query.shape[1] != key.shape[1]
    parts: list[torch.Tensor] = []
    places: list[torch.Tensor] = []
    for index, real in groups(tuple(lengths), query.device):
        shape = index.shape  # [D, L]
        q, k, v = (
            each[0].index_select(1, index.flatten()).unflatten(1, shape).transpose(0, 1)
            for each in (query, key, value)
        )
        out = F.scaled_dot_product_attention(
            q, k, v, dropout_p=dropout, scale=scaling, is_causal=True, enable_gqa=shared
        )
        parts.append(out.transpose(1, 2).flatten(0, 1)[real])  # [tokens, H, E]
        places.append(index.flatten()[real])
    back = torch.cat(places).argsort()
    return torch.cat(parts)[back][None], None


def groups(lengths: Sequence[int], device: torch.device) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Dialogues of like length: the places of their tokens in the row [D, L], and which of those
    are real, counted through the group.

    Behind a short dialogue stands its own last token again: a place that exists, whose output is
    not taken.
    """
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    out: list[tuple[torch.Tensor, torch.Tensor]] = []
    while order:
        longest = lengths[order[0]]
        chosen = [i for i in order if lengths[i] * WASTE >= longest]
        order = order[len(chosen) :]
        start = torch.tensor([starts[i] for i in chosen], device=device)[:, None]
        length = torch.tensor([lengths[i] for i in chosen], device=device)[:, None]
        steps = torch.arange(longest, device=device)[None]
        index = start + torch.minimum(steps, length - 1)
        out.append((index, (steps < length).flatten().nonzero().flatten()))
    return out


ALL_ATTENTION_FUNCTIONS.register(ATTENTION, attend)
