"""The measurement: the same questions to three systems under several loads, and each job alone.

Each trial has models of its own, so that none finds a prompt that another has read; each is warmed
with questions that are not measured. Processor seconds are those of this process, and leave out
the sandbox's child that runs the queries.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path

from evals import gold
from evals.gold import GoldQuestion
from evals.machine import commit, device, now
from evals.serving import jobs, systems
from evals.serving.arrivals import drive
from evals.serving.requests import Load, Trial
from evals.serving.settings import Serving
from specialists.foundation.errors import InputError
from specialists.foundation.records import Record
from specialists.registry import Embedded
from specialists.workspace.versions import Workspace

Say = Callable[[str], None]
SYSTEMS = (systems.SPECIALIST, systems.LARGE, systems.ROUTED)


class Latency(Record):
    """``latency.json``: every request, and what it ran on."""

    started: str
    seconds: float
    """Of the whole measurement."""
    commit: str
    device: str
    others: tuple[float, float]
    """Load average over a minute before and after: on an idle machine the first is near 0."""
    base: str
    adapters: dict[str, str]
    """Digests of the weights."""
    memory: dict[str, int]
    """Bytes of the base and of each adapter, on disk."""
    questions: str
    sha256: str
    """Of the file of questions."""
    settings: Serving
    large: str
    """Who stood for the large model."""
    trials: tuple[Trial, ...]
    """Whole questions."""
    jobs: tuple[Trial, ...] = ()
    """Each job alone."""

    def write(self, path: Path) -> None:
        """Write the record; of its many requests only what is not as usual."""
        path.write_text(self.model_dump_json(exclude_defaults=True) + "\n", encoding="utf-8")


async def measure(
    weights: Path, workspace: Workspace, path: Path, settings: Serving, *, say: Say = print
) -> Latency:
    """Measure everything.

    Raises:
        InputError: too few questions.
        RecordError: the weights are missing or altered.
        ConfigError: a large model that cannot be set up.
    """
    questions = gold.read(path)
    if len(questions) <= settings.warm:
        raise InputError(
            f"{path} holds {len(questions)} questions; {settings.warm} of them only warm the models"
        )
    warm, asked = questions[: settings.warm], questions[settings.warm :]
    asked = asked[: settings.count or None]
    before, begun, started = os.getloadavg()[0], time.perf_counter(), now()
    measured = commit()
    loads = [
        *(Load(kind="closed", level=n) for n in settings.callers),
        *(Load(kind="open", level=rate) for rate in settings.rates),
    ]
    trials: list[Trial] = []
    for arm in SYSTEMS:
        for load in loads:
            trials.append(await trial(arm, load, weights, workspace, warm, asked, settings))
            say(as_line(trials[-1]))
    singles = await _singles(weights, settings, say) if settings.examples else ()
    registry = Embedded(weights, threads=settings.threads)
    return Latency(
        started=started,
        seconds=round(time.perf_counter() - begun, 1),
        commit=measured,
        device=device(settings.threads),
        others=(round(before, 2), round(os.getloadavg()[0], 2)),
        base=registry.manifest.base.digest,
        adapters={job: each.digest for job, each in registry.manifest.adapters.items()},
        memory={
            name: sum(file.stat().st_size for file in (weights / folder).glob("*.safetensors"))
            for name, folder in {
                "base": registry.manifest.base.folder,
                **{job: each.folder for job, each in registry.manifest.adapters.items()},
            }.items()
        },
        questions=path.name,
        sha256=sha256(path.read_bytes()).hexdigest(),
        settings=settings,
        large=settings.large.model if settings.large else "the base without adapters",
        trials=tuple(trials),
        jobs=singles,
    )


async def trial(
    arm: str,
    load: Load,
    weights: Path,
    workspace: Workspace,
    warm: Sequence[GoldQuestion],
    asked: Sequence[GoldQuestion],
    settings: Serving,
) -> Trial:
    """One system under one load, with models of its own."""
    registry = Embedded(weights, threads=settings.threads)
    hosted = arm == systems.LARGE and settings.large is not None
    try:
        async with _system(arm, registry, workspace, settings) as ask:
            await drive(ask, warm, Load(kind="closed", level=1))
            busy = time.process_time()
            requests, seconds = await drive(ask, asked, load, seed=settings.seed)
            busy = time.process_time() - busy
    finally:
        await registry.aclose()
    return Trial(
        arm=arm,
        load=load,
        duration_s=round(seconds, 4),
        busy_s=None if hosted else round(busy, 4),
        devices=0 if hosted else 1,
        requests=requests,
    )


def _system(
    arm: str, registry: Embedded, workspace: Workspace, settings: Serving
) -> AbstractAsyncContextManager[systems.Ask]:
    if arm == systems.ROUTED:
        return systems.routed(registry, workspace)
    if arm == systems.SPECIALIST:
        return systems.alone(systems.one_specialist(registry), workspace)
    return systems.alone(systems.large_model(settings.large, registry.engine), workspace)


async def _singles(weights: Path, settings: Serving, say: Say) -> tuple[Trial, ...]:
    found: list[Trial] = []
    for arm in jobs.ARMS:
        registry = Embedded(weights, threads=settings.threads)
        try:
            for job in registry.manifest.adapters:
                found.append(
                    await jobs.trial(
                        registry, job, arm, count=settings.examples, warm=settings.warm
                    )
                )
                say(as_line(found[-1]))
        finally:
            await asyncio.shield(registry.aclose())
    return tuple(found)


def as_line(trial: Trial) -> str:
    """A trial in a line, while it goes on."""
    times = sorted(request.seconds for request in trial.requests)
    right = sum(bool(request.right) for request in trial.requests)
    return (
        f"{trial.arm:20} {trial.load!s:12} {len(times)} asked, {right} right, "
        f"median {times[len(times) // 2] * 1e3:.0f} ms, slowest {times[-1] * 1e3:.0f} ms"
    )
