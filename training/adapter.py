"""From a job's recipe to its adapter in service: a tuning run over the released base, then what
service asks for beside it: the canary, the card, its name in the manifest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import CARD, RUN, RunRecord
from training import canaries, cards, stages, weights
from training.tuning import data as material
from training.tuning import layout, run
from training.tuning.recipe import Recipe

Say = Callable[[str], None]
SEARCHED = 96
"""Watched dialogues among which the canary finds where the adapter acts."""


def make(
    recipe: Recipe,
    work: Path,
    data: Path | None,
    out: Path,
    *,
    command: str,
    resume: bool = False,
    say: Say = print,
) -> RunRecord | None:
    """Train an adapter over ``out/base`` and write it to ``out/<job>``.

    Args:
        work: holds the run, which ``resume`` goes on with.

    Returns:
        Its record; None where the run was interrupted and can be resumed.

    Raises:
        ConfigError: there is no base, or the work folder holds a stopped run and ``resume`` is not
            set.
        RecordError: what was saved is not what was trained, or the base changed.
    """
    job = recipe.specialist
    base, folder, home = out / "base", out / job, work / stages.RUNS / job
    if not (base / RUN).exists():
        raise ConfigError(f"there is no base in {base}: make it with `finroute train pretrain`")
    finished = home / layout.ADAPTER / RUN
    if finished.exists() and not resume:
        shutil.rmtree(home)  # what it made is in service, or was not worth it
    if finished.exists():
        record = RunRecord.read(finished)
    else:
        # Where the base lies here is no part of the recipe.
        over = recipe.model_copy(
            update={"base": recipe.base.model_copy(update={"source": str(base)})}
        )
        record = run.make(over, home, data, resume=resume, command=command, say=say)
    if record is None:
        return None
    record = record.model_copy(
        update={"recipe": recipe.model_dump(mode="json"), "recipe_digest": recipe.digest}
    )
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(home / layout.ADAPTER, folder)
    canaries.write(base, folder, job, [e.dialogue for e in watched(recipe)])
    record.write(folder / RUN)
    (folder / CARD).write_text(cards.adapter(record), encoding="utf-8")
    weights.name_adapter(out, job, record)
    return record


def watched(recipe: Recipe) -> material.Examples:
    """The first of the examples that a recipe watches with."""
    few = recipe.data.model_copy(update={"count": len(recipe.data.parts)})
    return material.gather(recipe.model_copy(update={"data": few}), None).watched[:SEARCHED]
