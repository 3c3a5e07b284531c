"""``finroute evals sealed``: a file of questions put to every arm, and the report of it.

The report keeps what became of each question by its id; of sealed questions it keeps no word.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from evals import contenders, exam, gold, seal
from evals.arms import Arms
from evals.exam import Margin, Sat, Showing
from evals.machine import commit, device, now
from router.assurance import OFF
from specialists.foundation.contracts import Value
from specialists.registry import Embedded, Registry
from specialists.workspace.versions import Workspace

Say = Callable[[str], None]
ARMS = ("router", "everything", "no encoder", "cases", "linker", "rules", "random", "grammar")
HEAVY = frozenset({"random", "grammar"})
"""Arms with models of their own."""


class Report(Value):
    """One file of questions in several arms."""

    file: str
    sha256: str
    sealed: bool
    started: str
    seconds: float
    commit: str
    base: str
    adapters: dict[str, str]
    device: str
    arms: dict[str, Showing]
    margins: tuple[Margin, ...] = ()
    """The first arm against each other."""
    sat: dict[str, tuple[Sat, ...]]

    def summary(self) -> dict[str, object]:
        """The figures of the first arm."""
        first = next(iter(self.arms.values()), None)
        return {} if first is None else first.model_dump(mode="json", exclude={"by_kind"})


async def examine(
    weights: Path,
    workspace: Workspace,
    path: Path,
    *,
    arms: Sequence[str] = ARMS,
    threads: int = 1,
    keep: Callable[[Report], None] = lambda _: None,
    say: Say = print,
) -> Report:
    """Put the questions to every arm; sealed ones only if they are what was sealed.

    Args:
        keep: told the report so far after each arm.

    Raises:
        InputError: no such questions.
        RecordError: sealed questions that are not those of the seal; weights that do not fit.
    """
    hidden = seal.sealed(path)
    digest = seal.check(path) if hidden else sha256(path.read_bytes()).hexdigest()
    questions = gold.read(path)
    registry = Embedded(weights, threads=threads)
    controls = Arms.open(weights, threads=threads) if HEAVY & set(arms) else None
    manifest = registry.manifest
    begun, started = time.perf_counter(), now()
    report = Report(
        file=path.name,
        sha256=digest,
        sealed=hidden,
        started=started,
        seconds=0.0,
        commit=commit(),
        base=manifest.base.digest,
        adapters={job: each.digest for job, each in manifest.adapters.items()},
        device=device(threads),
        arms={},
        sat={},
    )
    try:
        for arm in arms:
            say(f"{arm}:")
            who = _contender(arm, registry, controls)
            risk = None if arm in {"router", "no encoder"} else OFF
            sat = await exam.sit(
                who,
                workspace,
                questions,
                risk=risk,
                encoder="none" if arm == "no encoder" else "auto",
                sealed=hidden,
                say=say,
            )
            report = _with(report, arm, sat, time.perf_counter() - begun)
            say(exam.as_line(report.arms[arm]))
            keep(report)
    finally:
        if hidden:
            seal.log(path, _access(report, arms))
        await asyncio.gather(registry.aclose(), *([controls.aclose()] if controls else []))
    return report


def _contender(arm: str, registry: Registry, controls: Arms | None) -> Registry:
    planners: Mapping[str, Callable[[Registry], Registry]] = {
        "no encoder": contenders.without_encoder,
        "cases": contenders.cases,
        "linker": contenders.linker,
        "rules": contenders.rules,
    }
    if arm in planners:
        return planners[arm](registry)
    if controls is not None and (arm == "random" or arm == "grammar"):
        return contenders.control(registry, controls, arm)
    return registry


def _with(report: Report, arm: str, sat: Sequence[Sat], seconds: float) -> Report:
    told = {**report.sat, arm: tuple(sat)}
    first = next(iter(told))
    others = {name: each for name, each in told.items() if name != first}
    return report.model_copy(
        update={
            "sat": told,
            "arms": {**report.arms, arm: exam.show(arm, sat)},
            "margins": exam.margins(told[first], others),
            "seconds": round(seconds, 1),
        }
    )


def _access(report: Report, arms: Sequence[str]) -> seal.Access:
    return seal.Access(
        date=report.started,
        questions=report.sha256,
        commit=report.commit,
        base=report.base,
        adapters=report.adapters,
        arms=tuple(arms),
        summary=report.summary(),
    )
