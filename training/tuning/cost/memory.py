"""What fills a device's memory, and what would help where it is not enough."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

from training.tuning.cost.dialogue import lengths
from training.tuning.cost.hardware import Device, devices
from training.tuning.cost.plans import is_online, teacher
from training.tuning.cost.shapes import BYTES, Shape
from training.tuning.recipe import Recipe

USABLE = 0.92
"""Share of a device's memory that a run can fill; the rest goes to the context and to gaps."""
MENTIONED = 3
"""Settings that are named where it does not fit."""
TILE = 4096
"""Tokens of a tile of TRL's fused head."""


def memory(recipe: Recipe, sizes: Shape, on: Device, processes: int) -> dict[str, float]:
    """Gigabytes at the peak. Under FSDP each GPU holds its share of the frozen weights."""
    size, wide = lengths(recipe), BYTES["bfloat16" if recipe.learning.bf16 else "float32"]
    adapter = sizes.adapter(recipe.lora.rank)
    # A micro-batch at its largest: long dialogues come together; padded, one sets the width.
    packed = not recipe.rewarded and not is_online(recipe) and recipe.sft.packing
    longest = min(recipe.data.length, 2 * size.whole)
    if recipe.rewarded:
        longest = min(size.prompt + recipe.rollout.tokens, 2 * size.whole)
    row = size.whole * 1.25 if packed else longest
    tokens = recipe.learning.batch * row
    layers = sizes.layers if not recipe.learning.checkpointing else 1
    kept = tokens * layers * sizes.kept(wide)
    if recipe.learning.checkpointing:
        kept += tokens * sizes.layers * sizes.width * wide
    tile = min(tokens, TILE) * min(sizes.vocabulary, TILE) * 4 * 2
    told = {
        "weights": sizes.parameters * BYTES[recipe.base.dtype] / processes,
        "adapter, gradient, AdamW": adapter * 16,
        "activations": kept + tile + tokens * sizes.width * 4 * 3,
    }
    if recipe.rewarded or is_online(recipe) or recipe.method == "self_sft":
        held = min(size.prompt + recipe.rollout.tokens, 2 * size.whole) * recipe.rollout.parallel
        told["episodes' keys and values"] = (
            held * 2 * sizes.layers * sizes.kv * BYTES[recipe.base.dtype]
        )
        # The engine that draws has its own copy, the adapter merged into it.
        told["the engine that draws"] = sizes.parameters * BYTES[recipe.base.dtype] * 2
    if is_online(recipe) or (recipe.method == "distill" and recipe.teacher.engine == "local"):
        told["teacher"] = teacher(recipe, sizes).parameters * BYTES[recipe.base.dtype]
    if on.unit == "core":  # training/allocator.py has freed memory kept for the next step
        told["kept by the allocator"] = 1.5 * kept
    told = {what: number / 1e9 for what, number in told.items()}
    return told | {"libraries": 1.0 if on.unit == "core" else 1.5}


def helps(recipe: Recipe, on: Device, sizes: Shape, processes: int) -> tuple[str, ...]:
    """Changes under which it would fit: single ones, or two together where no single one does."""

    def fits(changed: Recipe, device: Device = on) -> bool:
        used = sum(memory(changed, sizes, device, processes).values())
        return used <= device.memory_gb * USABLE

    def told(*changes: tuple[str, Callable[[Recipe], Recipe | None]]) -> str:
        changed: Recipe | None = recipe
        for _, change in changes:
            changed = change(changed) if changed is not None else None
        if changed is None or not fits(changed):
            return ""
        return " ".join(words.format(r=changed) for words, _ in changes)

    found = [words for change in _CHANGES if (words := told(change))]
    if not found:
        found = [words for pair in combinations(_CHANGES, 2) if (words := told(*pair))]
    found = found[:MENTIONED]
    found += [
        f"--device {other.name}"
        for other in devices().values()
        if other.unit == on.unit and other.name != on.name and fits(recipe, other)
    ]
    return tuple(found)


def _checkpointed(recipe: Recipe) -> Recipe | None:
    if recipe.learning.checkpointing:
        return None
    return _with(recipe, "learning", checkpointing=True)


def _smaller(by: int) -> Callable[[Recipe], Recipe | None]:
    """The same step in smaller micro-batches, whole groups in GRPO."""

    def change(recipe: Recipe) -> Recipe | None:
        batch, least = recipe.learning.batch, recipe.grpo.group if recipe.rewarded else 1
        if batch // by < least or batch % (by * least):
            return None
        whole = recipe.learning.accumulate * by
        return _with(recipe, "learning", batch=batch // by, accumulate=whole)

    return change


def _fewer(by: int) -> Callable[[Recipe], Recipe | None]:
    def change(recipe: Recipe) -> Recipe | None:
        fewer = recipe.rollout.parallel // by
        return _with(recipe, "rollout", parallel=fewer) if fewer else None

    return change


def _halved(recipe: Recipe) -> Recipe | None:
    if recipe.base.dtype == "bfloat16":
        return None
    return _with(recipe, "base", dtype="bfloat16")


def _with(recipe: Recipe, section: str, **changes: Any) -> Recipe:
    changed = getattr(recipe, section).model_copy(update=changes)
    return recipe.model_copy(update={section: changed})


_BATCH = "learning.batch={r.learning.batch} learning.accumulate={r.learning.accumulate}"
_CHANGES: tuple[tuple[str, Callable[[Recipe], Recipe | None]], ...] = (
    ("learning.checkpointing=true", _checkpointed),
    (_BATCH, _smaller(2)),
    (_BATCH, _smaller(4)),
    (_BATCH, _smaller(8)),
    ("rollout.parallel={r.rollout.parallel}", _fewer(4)),
    ("base.dtype=bfloat16", _halved),
)
