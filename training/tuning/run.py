"""One recipe, one run, one folder: from the recipe to an adapter that is proved and recorded.

``folder/adapter`` holds the adapter and its ``run.json``; beside it are ``recipe.json``,
``checkpoints/``, ``logs/`` (TensorBoard) and, for those that learn from traces, ``traces/``. The
record is written last: a folder with one is finished.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.foundation.errors import ConfigError, InputError
from specialists.foundation.records import RUN, RunRecord
from training.provenance import now
from training.tuning import checkpoints, cost, processes, record
from training.tuning import data as material
from training.tuning.dialogues import Dialogue
from training.tuning.layout import ADAPTER, PART, STARTED, SYNC
from training.tuning.recipe import Recipe

if TYPE_CHECKING:
    from training.tuning.workshop import Workshop

Say = Callable[[str], None]
Metrics = dict[str, Any]
CHECKED = 32
"""Dialogues that the reload check reads."""


def make(
    recipe: Recipe,
    folder: Path,
    data: Path | None,
    *,
    resume: bool = False,
    command: str = "",
    say: Say = print,
    device: cost.Device | None = None,
) -> RunRecord | None:
    """Run a recipe.

    Args:
        folder: the run's own.
        data: folder of public data; None leaves it out.
        resume: go on from the newest checkpoint of a stopped run of this recipe.
        command: the command line that makes it again, for the record.
        device: whose price and speed the record counts with; None: that of this machine.

    Returns:
        The record; None where the run was interrupted and can be resumed, and from all processes
        but the first where several learn together.

    Raises:
        ConfigError: the folder holds another run, or a run and ``resume`` is not set; a recipe that
            cannot be run.
        InputError: data of one's own that cannot be used.
        EngineError: the base cannot be read.
        RecordError: what was saved is not what was trained, or the base changed.
    """
    clock = time.monotonic()
    if (folder / ADAPTER / RUN).exists():
        raise ConfigError(f"{folder} holds a finished run; give another --out, or remove it")
    say = processes.heard(say)
    if processes.first():
        checkpoints.begin(folder, recipe, resume=resume, say=say)
    begun = _started(folder)
    made = material.gather(recipe, data)
    say(
        f"{recipe.name}: {len(made.train):,} examples of {made.about['companies']:,} companies to "
        f"learn from, {len(made.watched)} of others to watch"
    )
    # Only now: everything before is told without loading a model library.
    from training.tuning import loading, sharded
    from training.tuning.workshop import Workshop

    task = material.task(recipe)
    student = loading.student(recipe, tools=bool(task.tool_names), turns=task.max_turns > 1)
    shop = Workshop(recipe, folder, task, made, student, data, resume, say)
    metrics = _learn(shop)
    if metrics is None:
        if processes.first():
            _stopped(folder, begun, time.monotonic() - clock)
        return None
    shop.student = sharded.whole(student, recipe)
    if not processes.first():
        return None
    return _finish(shop, metrics, command, begun, clock, device)


def _started(folder: Path) -> Metrics:
    """When the run was first started, and how long its earlier parts took, in seconds."""
    path = folder / STARTED
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"started": now(), "seconds": 0.0}


def _stopped(folder: Path, begun: Metrics, seconds: float) -> None:
    told = begun | {"seconds": begun["seconds"] + seconds}
    (folder / STARTED).write_text(json.dumps(told) + "\n", encoding="utf-8")


def _learn(shop: Workshop) -> Metrics | None:
    """Have the recipe's method train the student."""
    recipe = shop.recipe
    if recipe.rewarded:
        from training.tuning import grpo

        return grpo.train(shop)
    if recipe.method == "distill_online":
        from training.tuning import distill_online

        return distill_online.train(shop)
    from training.tuning import sft

    with processes.in_turn(cpu=shop.student.device == "cpu"):
        dialogues = _dialogues(shop)
    if dialogues is None:
        return None
    chosen, about = dialogues
    metrics = sft.train(shop, chosen, gold(shop, shop.material.watched))
    return None if metrics is None else about | metrics


def _dialogues(shop: Workshop) -> tuple[list[Dialogue], Metrics] | None:
    """What supervised learning learns from; None: interrupted while traces were collected."""
    recipe = shop.recipe
    if recipe.method in ("distill", "self_sft"):
        from training.tuning import traces

        return traces.gather(shop)
    if recipe.data.demonstrator:
        shown = shop.task.demonstrations(
            recipe.data.demonstrator, shop.material.train, recipe.data.seed
        )
        return [Dialogue(tuple(messages)) for messages in shown], {}
    found = gold(shop, shop.material.train)
    if not found:
        raise InputError(
            f"{recipe.name}: the data has answers and no dialogues that come to them, so there is "
            "nothing to imitate: learn from rewards (grpo), from the model's own right answers "
            "(self_sft) or from a teacher's (distill)"
        )
    return found, {}


def gold(shop: Workshop, examples: material.Examples) -> list[Dialogue]:
    """The gold dialogues of examples, in the form the base is served in."""
    from training.tuning import demonstrated

    return asyncio.run(demonstrated.gold(shop.task, examples, shop.say, shop.recipe.base.form))


def _to_read(shop: Workshop) -> list[Dialogue]:
    """Dialogues for the reload check. Data of one's own may hold no company to watch with, or
    answers alone: then the job's own."""
    found = gold(shop, shop.material.watched[:CHECKED])
    return found or gold(shop, list(shop.task.examples("dev", CHECKED, shop.recipe.data.seed)))


def _finish(
    shop: Workshop,
    metrics: Metrics,
    command: str,
    begun: Metrics,
    clock: float,
    device: cost.Device | None,
) -> RunRecord:
    """Save, prove, record."""
    from training.tuning import faithful, loading

    recipe, student, folder = shop.recipe, shop.student, shop.folder / ADAPTER
    watched = _to_read(shop)
    part = folder.with_name(PART)
    shutil.rmtree(part, ignore_errors=True)
    loading.save_adapter(student.model, part, recipe.base.name)
    template = str(student.tokenizer.chat_template)
    if recipe.base.template == "training":
        # What was trained must be what is served: this adapter's dialogues need this template.
        (part / "chat_template.jinja").write_text(template, encoding="utf-8")
    reload = faithful.check(student, part, watched)
    shop.say(f"{recipe.name}: saved adapter gives the trainer's log-probabilities: {reload}")
    made = record.of(
        part,
        recipe,
        command=command,
        started=begun["started"],
        seconds=begun["seconds"] + time.monotonic() - clock,
        base=student.base,
        base_digest=student.digest,
        template=template,
        prompts=[prompt(student.tokenizer, dialogue) for dialogue in watched],
        data=shop.material.about,
        data_digest=shop.material.digest,
        metrics=metrics,
        reload=reload,
        device=device,
    )
    made.write(part / RUN)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    shutil.rmtree(shop.folder / SYNC, ignore_errors=True)
    return made


def prompt(tokenizer: Any, dialogue: Dialogue) -> str:
    """What the model reads before its first reply, as text."""
    from specialists.engines.text import Text

    said = dialogue.messages
    first = next(place for place, message in enumerate(said) if message.role == "assistant")
    text = Text(tokenizer, frozenset({tokenizer.eos_token_id}))
    return text.render(said[:first], dialogue.tools)
