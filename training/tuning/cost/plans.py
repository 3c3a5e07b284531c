"""What a recipe does, phase by phase: whom it asks, what it draws, how much it learns from."""

from __future__ import annotations

import math
from pathlib import Path

from training.tuning.cost.clock import Clock, Phase
from training.tuning.cost.dialogue import Lengths, lengths
from training.tuning.cost.shapes import Shape, read_shape
from training.tuning.recipe import Recipe

AGREEING = 0.7
"""Share of GRPO's groups taken to be all right or all wrong, and so replaced (``grpo.refill``)."""
RIGHT = 0.5
"""Share of a student's own dialogues taken to be right, and so kept (self_sft)."""
TAUGHT = 0.8
"""The same of a teacher's (distill)."""
PADDED = 1.5
"""Longest of a batch over the mean, where rows are padded and not packed: GRPO, distillation."""

Plan = tuple[int, int, list[Phase]]
"""Steps, dialogues or episodes learned from, and the phases."""


def plan(recipe: Recipe, clock: Clock, processes: int) -> Plan:
    """A recipe's phases."""
    if recipe.rewarded:
        return rewarded(recipe, clock, processes)
    if is_online(recipe):
        return online(recipe, clock, processes)
    return supervised(recipe, clock, processes)


def supervised(recipe: Recipe, clock: Clock, processes: int) -> Plan:
    """Supervised learning, its dialogues given, asked for or sampled first."""
    size, phases = lengths(recipe), list[Phase]()
    pool = recipe.data.count
    if recipe.method == "self_sft":
        drawn = pool * recipe.self_sft.samples
        phases += _episodes("episodes of its own", clock, size, drawn, recipe)
        pool = int(pool * _kept(recipe.self_sft.samples, recipe.self_sft.keep, RIGHT))
    elif recipe.method == "distill":
        if recipe.teacher.engine == "local":  # asked again only where it was wrong
            asked = pool * sum((1 - TAUGHT) ** k for k in range(recipe.teacher.samples))
            phases += _episodes(
                "teacher", clock.of(teacher(recipe, clock.shape)), size, asked, recipe
            )
        pool = int(pool * _kept(recipe.teacher.samples, 1, TAUGHT))
    passes = recipe.learning.batch * recipe.learning.accumulate * processes
    steps = recipe.learning.steps or max(1, round(pool * recipe.learning.epochs / passes))
    examples = steps * _step_size(recipe, processes)
    if not recipe.learning.steps:
        examples = round(pool * recipe.learning.epochs)
    phases.append(
        clock.learn(
            "learning",
            examples * size.whole,
            examples * size.reply,
            size.whole,
            steps * recipe.learning.accumulate,
        )
    )
    readings = _readings(recipe, steps)
    watched = readings * recipe.watch.count
    passes = watched / recipe.learning.batch
    phases.append(
        clock.read("watching", watched * size.whole, watched * size.reply, size.whole, passes)
    )
    return steps, examples, phases


def _kept(samples: int, keep: int, right: float) -> float:
    """Dialogues kept of a question on average: right ones of so many, at most ``keep``."""
    return sum(
        min(n, keep) * math.comb(samples, n) * right**n * (1 - right) ** (samples - n)
        for n in range(samples + 1)
    )


def teacher(recipe: Recipe, student: Shape) -> Shape:
    """The sizes of a local teacher; the student's where its files are not here."""
    folder = Path(recipe.teacher.source) if recipe.teacher.source else None
    there = folder is not None and (folder / "config.json").is_file()
    return read_shape(folder) if folder is not None and there else student


def rewarded(recipe: Recipe, clock: Clock, processes: int) -> Plan:
    """Episodes, then learning from them."""
    size = lengths(recipe)
    steps = recipe.learning.steps
    learned = steps * _step_size(recipe, processes)
    # Groups that agree are replaced, and some of those that replace them agree again.
    rounds = sum(AGREEING**k for k in range(recipe.grpo.refill + 1))
    phases = _episodes("episodes", clock, size, learned * rounds, recipe)
    tokens, scored = learned * size.whole, learned * (size.reply + size.between)
    passes = steps * recipe.learning.accumulate
    # TRL scores what was drawn a second time where it is older than the step that learns from it.
    if recipe.grpo.generations > 1 or recipe.grpo.beta:
        times = bool(recipe.grpo.generations > 1) + bool(recipe.grpo.beta)
        phases.append(
            clock.read("scoring", times * tokens, times * scored, size.whole, times * passes)
        )
    phases.append(clock.learn("learning", tokens, scored, size.whole, passes, PADDED))
    watched = _readings(recipe, steps) * recipe.watch.count
    phases += _episodes("watching", clock, size, watched, recipe)
    return steps, learned, phases


def online(recipe: Recipe, clock: Clock, processes: int) -> Plan:
    """Dialogues of its own; a teacher reads them; learning towards it."""
    size = lengths(recipe)
    each = _step_size(recipe, processes)
    steps = recipe.learning.steps or max(
        1, round(recipe.data.count * recipe.learning.epochs / each)
    )
    learned = steps * each
    phases = _episodes("episodes", clock, size, learned, recipe)
    tokens, scored = learned * size.whole, learned * size.reply
    passes = steps * recipe.learning.accumulate
    reader = clock.of(teacher(recipe, clock.shape))
    phases.append(reader.read("teacher reads", tokens, scored, size.whole, passes))
    phases.append(clock.learn("learning", tokens, scored, size.whole, passes, PADDED))
    watched = _readings(recipe, steps) * recipe.watch.count
    phases.append(
        clock.read("watching", watched * size.whole, watched * size.reply, size.whole, watched)
    )
    return steps, learned, phases


def _episodes(name: str, clock: Clock, size: Lengths, count: float, recipe: Recipe) -> list[Phase]:
    """Drawing episodes: what is put in front of the model is read, what it says is written."""
    if not count:
        return []
    read = count * (size.prompt + size.between)
    passes = count * size.turns / max(1, recipe.rollout.parallel)
    return [
        clock.read(f"{name}: read", read, 0.0, size.whole, passes),
        clock.write(f"{name}: write", count * size.reply, count, size.whole),
    ]


def _readings(recipe: Recipe, steps: int) -> int:
    """Measurements on the watched examples: at the start, on the way, at the end."""
    return 2 + (steps - 1) // recipe.watch.every if recipe.watch.every else 2


def is_online(recipe: Recipe) -> bool:
    return recipe.method == "distill_online"


def _step_size(recipe: Recipe, processes: int) -> int:
    return recipe.learning.batch * recipe.learning.accumulate * processes
