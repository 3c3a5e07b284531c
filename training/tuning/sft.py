# pyright: basic
"""Learning from dialogues: TRL's SFTTrainer over an adapter, on the tokens that serving sends.

The loss counts the model's own words alone. Dialogues stand end to end in a row without attention
between them (``packing.py``); one that is too long is left out and counted, none is cut. The order
is drawn here, from the recipe's seed, so that a resumed run goes on exactly where it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import Sampler
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from specialists.foundation.errors import ConfigError
from training.tuning import packing
from training.tuning.dialogues import Dialogue
from training.tuning.recipe import Recipe
from training.tuning.rendering import Rendered, render_all, windows
from training.tuning.sharded import is_sharded
from training.tuning.trainer import Tuned, arguments
from training.tuning.watching import Gauge
from training.tuning.workshop import Workshop

READ_TOKENS = 4096
"""Of a batch when measuring."""
MIXED = 64
"""Batches among which dialogues of like length are put together, where rows are padded."""


def train(
    shop: Workshop, dialogues: Sequence[Dialogue], watched: Sequence[Dialogue]
) -> dict[str, Any] | None:
    """Train the student on dialogues, stopping early by those watched with.

    Returns metrics; None when it was interrupted and a checkpoint is there.

    Raises:
        ConfigError: a template that breaks dialogues, or none of them short enough.
    """
    recipe, tokenizer = shop.recipe, shop.student.tokenizer
    context = shop.student.model.config.max_position_embeddings
    longest = min(recipe.data.length, context)
    learned, too_long = render_all(tokenizer, dialogues, longest)
    seen, unseen = render_all(tokenizer, watched, longest)
    if too_long or unseen:
        shop.say(
            f"left out for having more than {longest} tokens: {too_long} of {len(dialogues)} "
            f"dialogues to learn from, {unseen} of {len(watched)} to watch"
        )
    if not learned:
        raise ConfigError(
            f"none of {len(dialogues)} dialogues has at most {longest} tokens; set data.length "
            "higher" + ("" if longest < context else ", on a base with a longer context")
        )
    steps = recipe.learning.steps or max(
        1, int(len(learned) * recipe.learning.epochs / _of_a_step(recipe))
    )
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    assert isinstance(pad, int)
    collate = packing.Rows(pad, packing=recipe.sft.packing)
    model = shop.student.model
    base = model.get_base_model()

    def measured() -> dict[str, float]:
        # Mixed precision is the outer model's: measured without it, unless in shards.
        return read(model if is_sharded(model) else base, seen, collate)

    with packing.rows(base, packing=recipe.sft.packing):
        trainer = _Trainer(
            shop=shop,
            gauge=Gauge(measured, by="loss") if seen else None,
            order=order(recipe, [len(each) for each in learned], steps * _of_a_step(recipe)),
            model=model,
            args=SFTConfig(
                **arguments(recipe, shop.folder, steps=steps),
                loss_type=recipe.sft.loss,
                max_length=None,
            ),
            data_collator=collate,
            train_dataset=Dataset.from_dict(
                {
                    "input_ids": [each.ids for each in learned],
                    "labels": [each.labels for each in learned],
                }
            ),
            processing_class=tokenizer,
        )
        try:
            metrics = trainer.learn()
        finally:
            base.__dict__.pop("forward", None)  # TRL's fused head goes with its trainer
    if metrics is None:
        return None
    return metrics | {
        "dialogues": len(learned),
        "examples": metrics["steps"] * _of_a_step(recipe),
        "too_long": too_long,
    }


def _of_a_step(recipe: Recipe) -> int:
    """Dialogues of an optimiser step, of all processes."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    return recipe.learning.batch * recipe.learning.accumulate * processes


def order(recipe: Recipe, lengths: Sequence[int], count: int) -> list[int]:
    """Which dialogues are learned from, one after the other: pass after pass, each shuffled anew,
    or as given where the data is staged."""
    out: list[int] = []
    passes = 0
    while len(out) < count:
        places = np.arange(len(lengths))
        if recipe.data.order != "staged":
            np.random.default_rng((recipe.seed_of("order"), passes)).shuffle(places)
        out += places.tolist()
        passes += 1
    out = out[:count]
    if recipe.sft.packing:
        return out
    # Rows are padded to the longest of a batch: put like lengths together, here and there.
    rng = np.random.default_rng((recipe.seed_of("order"), passes))
    batch = recipe.learning.batch
    for start in range(0, count, batch * MIXED):
        some = sorted(out[start : start + batch * MIXED], key=lambda i: lengths[i])
        batches = [some[i : i + batch] for i in range(0, len(some), batch)]
        mixed = rng.permutation(len(batches))
        out[start : start + batch * MIXED] = [i for b in mixed for i in batches[b]]
    return out


class _Order(Sampler[int]):
    """Indices as they were drawn."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = places

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Trainer(Tuned, SFTTrainer):
    """TRL's trainer, with our order and what all trainers here share."""

    def __init__(self, *, order: Sequence[int], **kwargs: Any) -> None:
        self._order = order
        super().__init__(**kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return _Order(self._order)

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "labels"]


@torch.no_grad()
def read(model: Any, dialogues: Sequence[Rendered], collate: packing.Rows) -> dict[str, float]:
    """How well a model does on dialogues, in float32.

    Gives ``loss`` (nats a token of replies), ``exact`` (share of replies that greedy decoding would
    write exactly so) and ``dialogues`` (share of dialogues whose every reply is).

    Greedy decoding writes a reply if and only if, with the reply before it, the model ranks each of
    its tokens first: one forward pass tells, without generating.
    """
    lost, count = 0.0, 0
    exact: list[bool] = []
    whole: list[bool] = []
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    for places in windows([len(each) for each in dialogues], READ_TOKENS):
        some = [dialogues[i] for i in places]
        batch = collate([{"input_ids": each.ids, "labels": each.labels} for each in some])
        batch = {k: v.to(device) if torch.is_tensor(v) else v for k, v in batch.items()}
        out = model(**batch, fused_lm_head=True)
        lost -= float(out.log_probs.double().sum())
        hits: list[bool] = out.is_top1[0].bool().tolist()
        count += len(hits)
        at = 0
        for each in some:
            right = []
            for begin, end in each.replies:
                right.append(all(hits[at : at + end - begin]))
                at += end - begin
            exact += right
            whole.append(all(right))
    model.train(was_training)
    return {
        "loss": lost / max(count, 1),
        "exact": sum(exact) / max(len(exact), 1),
        "dialogues": sum(whole) / max(len(whole), 1),
    }
