"""``finroute evals calibrate``: what a confidence means, measured; and when an answer is given.

Each specialist's signals become a probability on held-out sentence frames that no reported figure
is measured on, and are checked on the frames that are. Then whole questions go through the router,
and learn-then-test finds the confidence from which on answers keep the promised risk.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from evals import exam, questions, rehearsal
from evals.accuracy import AT_ONCE, tools_for
from evals.exam import Sat
from evals.fitting import fit
from evals.gold import GoldQuestion
from evals.questions import Paper
from evals.reliability import reliability
from evals.risk import learn
from router.assurance import OFF
from specialists import confidence
from specialists.agent import Run, Specialist, answer_one
from specialists.foundation.contracts import Signals, Value
from specialists.foundation.records import (
    ASSURANCE,
    CALIBRATION,
    Assurance,
    Calibration,
    Logistic,
    Manifest,
    Reliability,
)
from specialists.registry import MANIFEST, Embedded
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.versions import Workspace

Say = Callable[[str], None]
RISKS = (0.01, 0.02, 0.03, 0.05, 0.1)
DELTA = 0.05
FEWEST = 30
"""Answers below which there is nothing to fit."""


@dataclass(frozen=True)
class Judged:
    """One admitted answer: what was known of it, and whether it was right."""

    signals: Signals
    right: bool
    template: str


async def specialist(weights: Path, job: str, *, count: int, checked: int, say: Say) -> Calibration:
    """Measure one job's calibration and write it beside its adapter."""
    folder = weights / Manifest.read(weights / MANIFEST).adapters[job].folder
    (folder / CALIBRATION).unlink(missing_ok=True)  # confidences are measured as the model has them
    (weights / ASSURANCE).unlink(missing_ok=True)
    registry = Embedded(weights)
    sandbox = Sandbox()
    try:
        bare = dataclasses.replace(registry.specialist(job), calibration=None)
        await bare.ready()
        told = await judged(bare, questions.calibration(job, count), sandbox)
        test = next(p for p in questions.generated(job, checked) if p.name == "templates")
        held = await judged(bare, test, sandbox)
    finally:
        await sandbox.aclose()
        await registry.aclose()
    manifest = Manifest.read(weights / MANIFEST)
    logistic = fitted(told)
    made = Calibration(
        specialist=job,
        adapter=manifest.adapters[job].digest,
        base=manifest.base.digest,
        logistic=logistic,
        fold="templates, calibration half",
        count=len(told),
        before=_reliability(held, None),
        after=_reliability(held, logistic),
    )
    made.write(folder / CALIBRATION)
    say(f"{job:12} {_line(made)}")
    return made


async def judged(asked: Specialist, paper: Paper, sandbox: Sandbox) -> list[Judged]:
    """Every answer that the task's own checks admit, with its signals."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(question: Any) -> Run:
        async with gate:
            return await answer_one(asked, question.inputs, tools_for(question, sandbox))

    runs = await asyncio.gather(*(one(question) for question in paper.questions))
    return [
        Judged(
            run.outcome.signals,
            asked.task.score(question, run.answer).right,
            question.template,
        )
        for question, run in zip(paper.questions, runs, strict=True)
        if run.outcome.answer is not None and run.outcome.signals is not None
    ]


def fitted(told: Sequence[Judged]) -> Logistic:
    """The logistic of what is known of the answers; where they are few, their share right."""
    few = len(told) < FEWEST
    features = [{} if few else confidence.features(each.signals) for each in told]
    return fit(features, [each.right for each in told])


def _reliability(held: Sequence[Judged], logistic: Logistic | None) -> Reliability:
    probabilities = [
        confidence.predict(logistic, confidence.features(each.signals))
        if logistic is not None
        else confidence.confidence(each.signals) or 0.0
        for each in held
    ]
    return reliability(probabilities, [each.right for each in held])


def _line(made: Calibration) -> str:
    before, after = made.before, made.after
    assert before is not None
    assert after is not None
    weights = ", ".join(f"{k} {v:.2f}" for k, v in made.logistic.weights.items())
    return (
        f"ECE {before.ece:.3f} -> {after.ece:.3f}, Brier {before.brier:.3f} -> {after.brier:.3f} "
        f"on {after.count}, fitted on {made.count} ({weights or 'constant'})"
    )


async def rehearse(
    weights: Path, workspace: Workspace, dev: Sequence[GoldQuestion], *, generated: int, say: Say
) -> dict[str, list[Sat]]:
    """Every calibration question through the whole router, nothing withheld, by source."""
    (weights / ASSURANCE).unlink(missing_ok=True)
    registry = Embedded(weights)
    asked: dict[str, list[Sat]] = {"generated": [], "dev": []}
    try:
        for stage in await rehearsal.stages(generated):
            place = cast(Workspace, stage.workspace)
            asked["generated"] += await exam.sit(registry, place, stage.questions, risk=OFF)
            say(f"generated: {exam.as_line(exam.show(stage.workspace.name, asked['generated']))}")
        asked["dev"] = await exam.sit(registry, workspace, dev, risk=OFF, say=say)
        say(exam.as_line(exam.show("dev", asked["dev"])))
    finally:
        await registry.aclose()
    return asked


def assure(weights: Path, asked: dict[str, list[Sat]], *, say: Say) -> Assurance:
    """Fit the answers' confidence on one part, learn the thresholds on the other, write both."""
    first, second = halves(asked)
    answered = [each for each in first if given(each)]
    if len(answered) < FEWEST:
        answered = [each for each in (*first, *second) if given(each)]
    logistic = fit([each.features for each in answered], [not wrong(each) for each in answered])
    sure = [confidence.predict(logistic, each.features) if given(each) else None for each in second]
    bad = [wrong(each) for each in second]
    told = [(s, not b) for s, b in zip(sure, bad, strict=True) if s is not None]
    manifest = Manifest.read(weights / MANIFEST)
    made = Assurance(
        base=manifest.base.digest,
        adapters={name: each.digest for name, each in manifest.adapters.items()},
        logistic=logistic,
        thresholds=tuple(learn(sure, bad, risk, delta=DELTA) for risk in RISKS),
        delta=DELTA,
        count=len(second),
        sources={name: sum(each in sat for each in second) for name, sat in asked.items()},
        reliability=reliability([s for s, _ in told], [r for _, r in told]),
    )
    made.write(weights / ASSURANCE)
    for each in made.thresholds:
        say(f"risk {each.risk:.0%}: confidence {each.confidence:.3f}, "
            f"{each.given} given, {each.wrong} wrong of {made.count}, p {each.p:.3f}")  # fmt: skip
    return made


class Rehearsal(Value):
    """What the assurance was learned from, for the reports."""

    assurance: Assurance
    asked: dict[str, tuple[Sat, ...]]
    sure: dict[str, float]
    """The confidence of each answer given, by the question's id."""
    tested: tuple[str, ...]
    """Ids of the questions that thresholds were tested on."""


def keep(path: Path, made: Assurance, asked: dict[str, list[Sat]]) -> None:
    """Write the rehearsal down."""
    everything = [each for sat in asked.values() for each in sat]
    rehearsal = Rehearsal(
        assurance=made,
        asked={name: tuple(sat) for name, sat in asked.items()},
        sure={
            each.id: round(confidence.predict(made.logistic, each.features), 5)
            for each in everything
            if given(each)
        },
        tested=tuple(each.id for each in halves(asked)[1]),
    )
    path.write_text(rehearsal.model_dump_json(indent=1) + "\n", encoding="utf-8")


def halves(asked: dict[str, list[Sat]]) -> tuple[list[Sat], list[Sat]]:
    """To fit on: generated questions. To prove thresholds on: questions that people wrote.

    The promise is to those who ask in their own words, so such questions must bear it out.
    """
    written = [each for name, sat in asked.items() if name != "generated" for each in sat]
    return list(asked.get("generated", [])), written


def given(sat: Sat) -> bool:
    """Whether an answer was given."""
    return sat.outcome in {"right", "partial", "wrong"}


def wrong(sat: Sat) -> bool:
    """Whether something wrong was said."""
    return sat.outcome == "wrong"
