"""A recipe's estimate on a device; and how far off it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from specialists.foundation.contracts import Value
from training.tuning.cost.clock import Clock, Phase
from training.tuning.cost.dialogue import lengths
from training.tuning.cost.hardware import Device
from training.tuning.cost.memory import USABLE, memory
from training.tuning.cost.memory import helps as helps_for
from training.tuning.cost.plans import AGREEING, RIGHT, TAUGHT, is_online, plan
from training.tuning.cost.shapes import Shape, shape
from training.tuning.recipe import Recipe


class Estimate(Value):
    """What a recipe is expected to take on a device."""

    device: str
    units: int
    unit: str
    steps: int
    examples: int
    """Dialogues or episodes learned from."""
    phases: tuple[Phase, ...]
    memory: dict[str, float]
    """Gigabytes (of a GPU, or of the machine) by what fills them."""
    room_gb: float
    """That there is for them."""
    tokens: float
    """That a gradient is computed over."""
    generated: float
    """That are sampled."""
    flops: float
    seconds: float
    hours: float
    device_hours: float
    hour_usd: float
    usd: float
    notes: tuple[str, ...] = ()
    """What was taken for granted."""
    helps: tuple[str, ...] = ()
    """Where it does not fit: settings under which it would."""

    @property
    def memory_gb(self) -> float:
        """At the peak."""
        return sum(self.memory.values())

    @property
    def fits(self) -> bool:
        """Whether the memory is enough."""
        return self.memory_gb <= self.room_gb


def estimate(
    recipe: Recipe, on: Device, *, base: Path | None = None, units: int | None = None
) -> Estimate:
    """What a recipe will take.

    Args:
        base: the base's folder, where it is known.
        units: GPUs or cores in use; None: the device's count, or the recipe's threads on cores.

    Raises:
        ConfigError: nothing tells how large the base is.
    """
    sizes = shape(recipe, base)
    in_use = units or on.count or (recipe.learning.threads if on.unit == "core" else 1)
    clock = Clock(on, sizes, recipe, in_use)
    processes = in_use if on.unit == "GPU" else max(1, in_use // recipe.learning.threads)
    steps, examples, phases = plan(recipe, clock, processes)
    phases = [clock.start(), *phases]
    used = memory(recipe, sizes, on, processes)
    room = on.memory_gb * USABLE
    seconds = sum(phase.seconds for phase in phases)
    device_hours = seconds / 3600 * in_use
    helps: tuple[str, ...] = ()
    if sum(used.values()) > room:
        helps = helps_for(recipe, on, sizes, processes)
    return Estimate(
        device=on.name,
        units=in_use,
        unit=on.unit,
        steps=steps,
        examples=examples,
        phases=tuple(phases),
        memory=used,
        room_gb=room,
        tokens=sum(p.tokens for p in phases if p.kind == "learn"),
        generated=sum(p.tokens for p in phases if p.kind == "write"),
        flops=sum(p.flops for p in phases),
        seconds=seconds,
        hours=seconds / 3600,
        device_hours=device_hours,
        hour_usd=on.hour_usd,
        usd=device_hours * on.hour_usd,
        notes=_notes(recipe, sizes),
        helps=helps,
    )


def _notes(recipe: Recipe, sizes: Shape) -> tuple[str, ...]:
    """What was taken for granted."""
    found: list[str] = []
    if not sizes.exact:
        found.append("the base's heads and inner width are taken to be in a Qwen3's proportions")
    if recipe.data.file:
        found.append("dialogues of your own are taken to be half as long as data.length")
    elif recipe.base.form == "full":
        found.append("dialogues are taken to be as long as gold ones, 3.5 characters to a token")
    if recipe.rewarded and recipe.grpo.refill:
        found.append(f"{AGREEING:.0%} of the groups are taken to agree, and are drawn again")
    if recipe.method == "self_sft":
        found.append(f"{RIGHT:.0%} of its own dialogues are taken to be right")
    if recipe.method == "distill":
        found.append(f"{TAUGHT:.0%} of the teacher's dialogues are taken to be right")
    if recipe.method == "distill" and recipe.teacher.engine != "local":
        found.append(_asking(recipe))
    local = is_online(recipe) or (recipe.method == "distill" and recipe.teacher.engine == "local")
    if local and not Path(recipe.teacher.source, "config.json").is_file():
        found.append("the teacher is taken to be of the student's size")
    if recipe.watch.patience and not recipe.rewarded:
        found.append("it may stop earlier, when watching shows no gain")
    return tuple(found)


def _asking(recipe: Recipe) -> str:
    """What a hosted teacher takes: told beside the estimate, which is of a device."""
    teacher, size = recipe.teacher, lengths(recipe)
    asked = recipe.data.count * teacher.samples
    if teacher.price is None:
        spent = "at a price that is not set (teacher.price)"
    else:
        # Each turn sends again what was said before it.
        sent = size.turns * (size.prompt + (size.between + size.reply) / 2)
        dollars = (sent * teacher.price.input_usd + size.reply * teacher.price.output_usd) / 1e6
        spent = f"for {asked * dollars:,.2f} dollars"
    limit = f", stopping at {teacher.budget_usd:g} dollars" if teacher.budget_usd else ""
    return f"the teacher is not counted: up to {asked:,} dialogues are asked of it, {spent}{limit}"


def compared(expected: Estimate, metrics: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
    """What was expected, what it came to, and how far off: actual over expected.

    Args:
        metrics: a run's; ``tokens``, ``generated`` and ``learning_seconds`` where they are there.
        seconds: wall time of the whole run, of all its parts.
    """
    guess = {
        "tokens": round(expected.tokens),
        "generated": round(expected.generated),
        "seconds": round(expected.seconds, 1),
    }
    actual = {
        what: metrics[what] for what in ("tokens", "generated") if metrics.get(what) is not None
    } | {"seconds": round(seconds, 1)}
    return {
        "device": expected.device,
        "units": expected.units,
        "expected": guess
        | {
            "steps": expected.steps,
            "flops": float(f"{expected.flops:.4g}"),
            "memory_gb": round(expected.memory_gb, 2),
            "usd": round(expected.usd, 4),
        },
        "actual": actual,
        "ratio": {what: round(actual[what] / guess[what], 3) for what in actual if guess.get(what)},
    }
