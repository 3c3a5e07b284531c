"""A run's record: what made an adapter, on what, at what price, and how far off the estimate was.

It measures nothing: ``run.py`` hands over what it knows, and this puts it beside the digests and
the estimate in ``run.json``. See :class:`specialists.foundation.records.RunRecord` for the fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from specialists.foundation.digests import digest, file_digest
from specialists.foundation.records import RunRecord
from training import provenance
from training.tuning import cost, processes
from training.tuning.recipe import Recipe

TOKENIZER = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json")
"""Files of a base that decide which tokens a text becomes."""


def of(
    folder: Path,
    recipe: Recipe,
    *,
    command: str,
    started: str,
    seconds: float,
    base: Path,
    base_digest: str,
    template: str,
    prompts: Sequence[str],
    data: Mapping[str, Any],
    data_digest: str,
    metrics: Mapping[str, Any],
    reload: Mapping[str, Any],
    device: cost.Device | None = None,
) -> RunRecord:
    """The record of the adapter in a folder. Nothing is written.

    Args:
        folder: the adapter's folder, complete but for the files about it.
        command: the command line that makes it again.
        started: ISO 8601, UTC, of the first start.
        seconds: wall time from gathering the data to the last check, all parts of a resumed run
            together.
        base: the base's folder; its tokenizer is read for its digest.
        template: the chat template that dialogues were rendered with, as text.
        prompts: rendered prompts as the model reads them (a few dozen are enough): the digest of
            them tells whether two runs asked in the same words.
        data: counts, sources, licences: ``Material.about``.
        metrics: what the method returned. ``tokens`` (that a gradient was computed over, padding
            apart) and ``generated`` (sampled in rollouts) are held against the estimate where they
            are there.
        reload: what the reload check found.
        device: whose price and speed count; None: what this process runs on.
    """
    on = device or here()
    units = used(recipe)
    hours = units * seconds / 3600
    return RunRecord.of(
        folder,
        kind="adapter",
        name=recipe.specialist,
        method=recipe.method,
        base=base_digest,
        command=command,
        recipe=recipe.model_dump(mode="json"),
        recipe_digest=recipe.digest,
        seeds={what: recipe.seed_of(what) for what in ("order", "init", "sampler")}
        | {"data": recipe.data.seed},
        data=dict(data),
        digests={
            "data": data_digest,
            "tokenizer": tokenizer_digest(base),
            "chat_template": hashlib.sha256(template.encode()).hexdigest(),
            "prompts": digest(list(prompts)),
        },
        metrics=dict(metrics),
        reload=dict(reload),
        environment=provenance.environment(recipe.learning.threads)
        | {"processes": processes.count()},
        started=started,
        seconds=round(seconds, 1),
        spent={
            "device": on.name,
            "wall_hours": round(seconds / 3600, 4),
            "device_hours": round(hours, 4),
            "unit": on.unit,
            "units": units,
            "hour_usd": on.hour_usd,
            "usd": round(hours * on.hour_usd, 4),
        },
        estimate=cost.compared(
            cost.estimate(recipe, on, base=base, units=units), metrics, seconds=seconds
        ),
    )


def here() -> cost.Device:
    """The device that this process runs on, among those whose price is known."""
    return cost.known_as(provenance.gpus())


def used(recipe: Recipe) -> int:
    """GPUs in use by all processes together; on processors, their threads."""
    each = 1 if recipe.base.device != "cpu" and provenance.gpus() else recipe.learning.threads
    return each * processes.count()


def tokenizer_digest(base: Path) -> str:
    """SHA-256 over the files that decide which tokens a text becomes."""
    return digest({name: file_digest(base / name) for name in TOKENIZER if (base / name).exists()})
