"""From the samples to the record: everything in it is computed from them, so that it can be again.

``analyse`` reads the samples and what was noted beside them, once; ``record`` is the record of one
adapter of the study. Neither looks at a clock, a machine or a file beside the samples: the same
export gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.decision import passk, rule, sensitivity, small
from evals.decision.crossed import Estimate as Crossed
from evals.decision.crossed import estimate
from evals.decision.design import Arm, Design
from evals.decision.outcomes import Cube
from evals.decision.samples import GREEDY, SAMPLED, Sample, Samples
from specialists.foundation.decisions import (
    ArmFinding,
    ArmRun,
    Attempt,
    Contamination,
    DecisionRecord,
    Digests,
    Environment,
    Estimate,
    GainFinding,
    GateFinding,
    GuardFinding,
    LookContrast,
    LookFinding,
    PassPoint,
    Posterior,
    Power,
    SampleSet,
    Screen,
    Sensitivity,
    SmallSet,
    Spent,
)
from specialists.foundation.errors import ConfigError

TIMED = "timed"
"""The way to decode in which questions are asked one at a time, for what an answer takes."""
DRAWS = 2_000
"""Of bootstrap and sign flips."""
LIMITS = (
    "training runs of an arm that goes on from another arm's adapter all go on from that arm's "
    "first: the spread of the first stage is not in theirs",
    "questions are generated, in sentences and about companies that no training example has; real "
    "wording is measured apart",
)
"""What no decision made here speaks of."""


@dataclass(frozen=True)
class Analysis:
    """All that was found."""

    samples: Samples
    design: Design
    study: Mapping[str, Any]
    cube: Cube
    companies: tuple[str, ...]
    """Each question's."""
    judged: rule.Judgement
    expenses: Mapping[str, rule.Expense]
    rows: Mapping[str, Sequence[Sample]]
    """Sampled replies to the test, by arm."""


def analyse(samples: Samples, share: float = 1.0) -> Analysis:
    """Judge the samples at the look at which they stopped.

    Args:
        share: of the questions that are there: no later look is asked for.

    Raises:
        DataError: samples are missing, double, unjudged or of another paper than the design's.
    """
    design, study = samples.design, samples.study
    papers = [paper.name for paper in design.papers]
    asked = samples.asked(papers)
    plan = rule.Plan.of(design, len(asked), quick=bool(study.get("quick")))
    guards = {guard.paper.name: samples.cube(guard.paper.name) for guard in design.guards}
    expenses = _expenses(samples, design)
    cube = judged = None
    for look in plan.looks:
        if look > share:
            break
        cube = samples.cube(papers, questions=plan.size(look))
        judged = rule.judge(plan, cube, guards, expenses or None)
        if judged.stopped:
            break
    assert cube is not None, "a plan has looks"
    assert judged is not None
    seen = set(cube.sheet.questions)
    rows = {
        arm.name: [
            row
            for paper in papers
            for row in samples.rows(arm=arm.name, paper=paper, decode=SAMPLED)
            if f"{paper}/{row.question}" in seen
        ]
        for arm in design.arms
    }
    companies = tuple(each.company for _, each in asked[: len(seen)])
    return Analysis(samples, design, study, cube, companies, judged, expenses, rows)


def record(made: Analysis, arm: str, run: int = 1) -> DecisionRecord:
    """The record of one adapter: that of a run of an arm, or of an arm without one.

    Raises:
        ConfigError: the design has no such arm or run.
    """
    told = _run(made, arm, run)
    design, study, judged = made.design, made.study, made.judged
    everything = [row for rows in made.rows.values() for row in rows]
    return DecisionRecord(
        specialist=design.specialist,
        adapter=told.get("adapter"),
        run=run if told.get("adapter") else None,
        base=str(study["base"]),
        arm=arm,
        method=_method(design.arm(arm)),
        start=design.start,
        verdict=judged.verdict,
        adopted=judged.adopted,
        quick=bool(study.get("quick")),
        design=str(study["digest"]),
        design_text=dict(study["written"]),
        seeds={name: int(seed) for name, seed in study.get("seeds", {}).items()},
        samples=SampleSet(
            digest=made.samples.digest(),
            count=len(made.samples),
            failed=sum(row.finish == "error" for row in everything),
            truncated=fmean(row.truncated for row in everything),
        ),
        arms=tuple(_arm(made, each) for each in design.arms),
        gains=tuple(_gain(made, gain) for gain in judged.gains),
        guards=tuple(_guard(made, each) for each in judged.guards),
        gates=tuple(_gate(made, each) for each in judged.gates),
        looks=tuple(_look(each) for each in judged.looks),
        small=_small(made),
        screen=_noted(study, "screen", Screen),
        power=_noted(study, "power", Power),
        contamination=_noted(study, "contamination", Contamination),
        environment=_noted(study, "environment", Environment) or Environment(),
        attempts=tuple(Attempt.model_validate(each) for each in study.get("trained", ())),
        spent=_noted(study, "spent", Spent) or Spent(wall_hours=0, device_hours=0),
        digests=_noted(study, "digests", Digests) or Digests(),
        reasons=judged.reasons,
        needs=judged.needs,
        limits=LIMITS,
        decided=str(study["ended"]),
    )


def subject(made: Analysis) -> tuple[str, int]:
    """The arm and run that the study's own record is about: what is adopted, else what serves."""
    if made.judged.adopted:
        return made.judged.adopted, 1
    serving = [arm.name for arm in made.design.arms if arm.kind == "adapter"]
    return (serving[0] if serving else made.design.start), 1


def _run(made: Analysis, arm: str, run: int) -> Mapping[str, Any]:
    known = made.study["arms"].get(arm)
    if known is None:
        raise ConfigError(f"the design has no arm {arm}; it has {', '.join(made.study['arms'])}")
    for each in known["runs"]:
        if each["run"] == run:
            return each
    raise ConfigError(f"the arm {arm} has {len(known['runs'])} runs; there is no run {run}")


def _method(arm: Arm) -> str:
    return arm.method or arm.name


def _noted(study: Mapping[str, Any], name: str, form: Any) -> Any:
    """What was noted beside the samples, in its form; None: it was not."""
    told = study.get(name)
    return None if told is None else form.model_validate(told)


# --- arms ---------------------------------------------------------------------------------------


def _arm(made: Analysis, arm: Arm) -> ArmFinding:
    rows, told = made.rows[arm.name], made.study["arms"][arm.name]
    scores, sheet = made.cube.arms[arm.name], made.cube.sheet
    by_run = scores.mean(axis=(1, 2))
    right = [row.tokens for row in rows if row.score]
    wrong = [row.tokens for row in rows if not row.score]
    way = GREEDY if made.design.decode.temperature else SAMPLED
    greedy = [
        float(row.score)
        for paper in made.design.papers
        for row in made.samples.rows(arm=arm.name, paper=paper.name, decode=way)
        if row.score is not None
    ]
    timed = _seconds(made.samples, arm.name)
    hours = [each.get("device_hours") for each in told["runs"]]
    return ArmFinding(
        name=arm.name,
        kind=arm.kind,
        method=_method(arm),
        control=arm.control,
        recipe=told.get("recipe", ""),
        runs=tuple(
            ArmRun(
                run=each["run"],
                seed=each.get("seed"),
                adapter=each.get("adapter"),
                accuracy=float(by_run[each["run"] - 1]),
                device_hours=each.get("device_hours"),
            )
            for each in told["runs"]
        ),
        accuracy=_told(estimate(scores.mean(axis=2), sheet.companies, sheet.templates)),
        greedy=fmean(greedy) if greedy else None,
        curve=_curve(scores),
        tokens=fmean(row.tokens for row in rows),
        prompt_tokens=fmean(row.prompt_tokens for row in rows),
        length_right=fmean(right) if right else None,
        length_wrong=fmean(wrong) if wrong else None,
        parses=fmean(row.parses for row in rows),
        truncated=fmean(row.truncated for row in rows),
        failed=sum(row.finish == "error" for row in rows),
        p50_s=float(np.quantile(timed, 0.5)) if len(timed) else None,
        p95_s=float(np.quantile(timed, 0.95)) if len(timed) else None,
        usd=made.expenses[arm.name].usd if arm.name in made.expenses else None,
        device_hours=sum(h for h in hours if h) if any(hours) else None,
        figures=_figures(rows),
    )


def _curve(scores: NDArray[np.float64]) -> tuple[PassPoint, ...]:
    most = scores.shape[2]
    return tuple(
        PassPoint(
            k=k,
            at=float(passk.pass_at_k(scores, k).mean()),
            hat=float(passk.pass_hat_k(scores, k).mean()),
        )
        for k in range(1, most + 1)
    )


def _figures(rows: Sequence[Sample]) -> dict[str, float]:
    """Means of the job's secondary measures, where they apply."""
    names = sorted({name for row in rows for name in row.figures})
    found: dict[str, float] = {}
    for name in names:
        values = [v for row in rows if (v := row.figures.get(name)) is not None]
        if values:
            found[name] = fmean(values)
    return found


def _seconds(samples: Samples, arm: str) -> NDArray[np.float64]:
    """Seconds of questions asked one at a time."""
    rows = samples.rows(arm=arm, decode=TIMED)
    return np.array([row.seconds for row in rows if row.finish != "error"])


def _expenses(samples: Samples, design: Design) -> dict[str, rule.Expense]:
    """What each arm costs; empty where nothing was timed."""
    told = samples.study["arms"]
    found: dict[str, rule.Expense] = {}
    for arm in design.arms:
        rows = [r for r in samples.rows(arm=arm.name, decode=TIMED) if r.finish != "error"]
        if not rows:
            continue
        seconds = np.array([row.seconds for row in rows])
        hours = [run.get("device_hours") or 0.0 for run in told[arm.name]["runs"]]
        found[arm.name] = rule.Expense(
            usd=_usd(arm, design, rows),
            p95_s=float(np.quantile(seconds, 0.95)),
            training_hours=fmean(hours) if hours else 0.0,
        )
    return found


def _usd(arm: Arm, design: Design, rows: Sequence[Sample]) -> float | None:
    """Dollars of a question: of an endpoint by its price, else of the machine by the hour."""
    seconds = fmean(row.seconds for row in rows)
    if arm.kind == "answers":
        return None
    if arm.kind != "endpoint":
        return seconds / 3600 * design.gates.hour_usd
    if arm.price is None:
        return None
    read, written = fmean(r.prompt_tokens for r in rows), fmean(r.tokens for r in rows)
    tokens = read * arm.price.input_usd + written * arm.price.output_usd
    return tokens / 1e6 + seconds / 3600 * arm.price.hour_usd


# --- contrasts ----------------------------------------------------------------------------------


def _told(found: Crossed) -> Estimate:
    return Estimate(**_fields(found))


def _fields(found: Crossed, **changed: Any) -> dict[str, Any]:
    return {**found.model_dump(), "templates": found.templates or 0, **changed}


def _gain(made: Analysis, gain: rule.Gain) -> GainFinding:
    cube = made.cube
    ours, theirs = cube.arms[gain.arm].mean(axis=2), cube.arms[gain.against].mean(axis=2)
    companies = cube.sheet.companies
    drawn = sensitivity.bootstrap(ours, theirs, companies, draws=DRAWS, seed=0, level=0.95)
    gaps = ours.mean(axis=0) - theirs.mean(axis=0)
    names = np.array(made.companies)
    return GainFinding(
        **_fields(gain.estimate, p=gain.p),
        arm=gain.arm,
        against=gain.against,
        adjusted=gain.adjusted,
        significant=gain.significant,
        big_enough=gain.big_enough,
        sensitivities=(
            Sensitivity(name="company × run bootstrap, 95 %", low=drawn.low, high=drawn.high),
            Sensitivity(
                name="company sign flip, given these runs",
                p=sensitivity.sign_flip(ours, theirs, companies, draws=DRAWS, seed=0),
            ),
        ),
        by_company={
            str(name): float(gaps[names == name].mean()) for name in sorted(set(made.companies))
        },
    )


def _guard(made: Analysis, each: rule.Guarded) -> GuardFinding:
    return GuardFinding(
        **_fields(each.estimate),
        paper=each.paper,
        arm=each.arm,
        against=made.design.start,
        margin=each.margin,
        bound=each.bound,
        held=each.held,
        power=each.power,
    )


def _gate(made: Analysis, each: rule.Gated) -> GateFinding:
    return GateFinding(
        gate=each.gate,
        arm=each.arm,
        against=made.design.start,
        value=each.value,
        reference=each.reference,
        ratio=each.ratio,
        limit=each.limit,
        held=each.held,
    )


def _look(each: rule.Look) -> LookFinding:
    from scipy.stats import t

    return LookFinding(
        share=each.share,
        questions=each.questions,
        stop=each.stop,
        contrasts=tuple(
            LookContrast(
                arm=glance.arm,
                against=glance.against,
                mean=glance.estimate.mean,
                information=glance.information,
                t=glance.estimate.mean / glance.estimate.se if glance.estimate.se else None,
                boundary=_finite(float(t.ppf(1 - glance.level / 2, glance.estimate.df))),
                crossed=glance.crossed,
                conditional_power=glance.chance,
            )
            for glance in each.glances
        ),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _small(made: Analysis) -> SmallSet | None:
    """The hierarchical model where questions are few; None where they are enough."""
    asked = len(made.cube.sheet.questions)
    if asked >= made.design.limits.questions:
        return None
    delta = made.design.rule.delta / 100
    return SmallSet(
        questions=asked,
        contrasts=tuple(
            Posterior(
                arm=gain.arm,
                against=gain.against,
                mean=found.mean,
                low=found.low,
                high=found.high,
                positive=found.above_zero,
                big_enough=found.above_delta,
            )
            for gain in made.judged.gains
            for found in [
                small.posterior(
                    made.cube.arms[gain.arm],
                    made.cube.arms[gain.against],
                    made.cube.sheet.companies,
                    delta=delta,
                )
            ]
        ),
    )
