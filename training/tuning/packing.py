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
from functools import lru_cache
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
            "lengths": tuple(len(each) for each in ids),
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
    lengths: tuple[int, ...] | None = None,
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
    shapes, there, back = groups(lengths, query.device)
    sizes = [dialogues * length for dialogues, length in shapes]
    q, k, v = (
        each[0].transpose(0, 1).index_select(0, there).split(sizes) for each in (query, key, value)
    )
    parts = [
        F.scaled_dot_product_attention(
            *(
                each[place].unflatten(0, shape).transpose(1, 2) for each in (q, k, v)
            ),  # [D, H, L, E]
            dropout_p=dropout,
            scale=scaling,
            is_causal=True,
            enable_gqa=shared,
        )
        .transpose(1, 2)
        .flatten(0, 1)
        for place, shape in enumerate(shapes)
    ]
    return torch.cat(parts).index_select(0, back)[None], None


@lru_cache(maxsize=8)  # each layer asks anew
def groups(
    lengths: tuple[int, ...], device: torch.device
) -> tuple[list[tuple[int, int]], torch.Tensor, torch.Tensor]:
    """Dialogues of like length side by side, all groups end to end.

    Behind a short dialogue stands its own last token again: a place that exists, whose output
    nobody takes.

    Returns:
        The shapes (D, L) of the groups; for each place in them the token of the row that stands
        there; for each token of the row its place.
    """
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    shapes: list[tuple[int, int]] = []
    there: list[torch.Tensor] = []
    back = torch.empty(starts[-1], dtype=torch.long)
    place = 0
    while order:
        longest = lengths[order[0]]
        chosen = [i for i in order if lengths[i] * WASTE >= longest]
        order = order[len(chosen) :]
        shapes.append((len(chosen), longest))
        for i in chosen:
            steps = torch.arange(longest)
            there.append(starts[i] + steps.clamp(max=lengths[i] - 1))
            back[starts[i] : starts[i + 1]] = place + steps[: lengths[i]]
            place += longest
    return shapes, torch.cat(there).to(device), back.to(device)


ALL_ATTENTION_FUNCTIONS.register(ATTENTION, attend)
