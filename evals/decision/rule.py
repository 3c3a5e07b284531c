"""The rule: what the samples must show before an arm is adopted. Pure functions over arrays.

An arm is adopted when it is shown to gain over every arm it is held against and over the start (one
p-value, the largest of them: an intersection-union test, Berger 1982, Technometrics 24, 295-300),
Holm-adjusted over the candidates (Holm 1979, Scandinavian Journal of Statistics 6, 65-70), each of
those gains is estimated at delta or more, its guards are shown to hold and its gates do. Among
several, the cheapest that is shown to be no worse than the best by delta; else the best. Where
nothing is adopted the start is kept, unless some arm could still be worth having: then the evidence
is insufficient, and what would settle it is told.

Everything is in fractions. Nothing here reads a file or knows where samples come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from evals.decision import sequential
from evals.decision.crossed import Estimate, difference
from evals.decision.design import POINTS, Design
from evals.decision.outcomes import Cube
from specialists.foundation.decisions import Verdict
from specialists.foundation.errors import DataError

NON_INFERIOR = 0.05
"""One-sided level of guards, and of being no worse than the best."""
MOST_RUNS = 20
"""More training runs are asked for only beside more questions."""


@dataclass(frozen=True)
class Plan:
    """What the rule needs of a design."""

    start: str
    needs: Mapping[str, tuple[str, ...]]
    """By candidate, the arms it must be shown to beat."""
    controls: tuple[str, ...]
    delta: float
    alpha: float
    aim: float
    power: float
    margins: Mapping[str, float]
    """By guard paper."""
    looks: tuple[float, ...]
    futility: float
    cost: float
    """Largest ratio to the start's; 0: no gate."""
    p95: float
    trained: frozenset[str]
    """Arms whose runs are draws of a recipe: few of them tell little of it."""
    runs: int
    """Least runs of a trained arm."""
    questions: int
    """Least questions."""
    companies: int
    """Least companies."""
    planned: int
    """Questions of the whole test; fewer are there at an early look."""
    quick: bool = False

    def size(self, share: float) -> int:
        """Questions at a look."""
        return max(round(self.planned * share), 2)

    @classmethod
    def of(cls, design: Design, planned: int, *, quick: bool = False) -> Plan:
        """The plan of a design whose test has so many questions."""
        told: dict[str, list[str]] = {name: [] for name in design.candidates}
        for contrast in design.contrasts:
            if contrast.arm in told:
                told[contrast.arm].append(contrast.against)
        needs = {arm: tuple(dict.fromkeys([*others, design.start])) for arm, others in told.items()}
        return cls(
            start=design.start,
            needs=needs,
            controls=tuple(arm.name for arm in design.arms if arm.control),
            delta=design.rule.delta / POINTS,
            alpha=design.rule.alpha,
            aim=design.rule.aim / POINTS,
            power=design.rule.power,
            margins={guard.paper.name: guard.margin / POINTS for guard in design.guards},
            looks=design.looks.at,
            futility=design.looks.futility,
            cost=design.gates.cost,
            p95=design.gates.p95,
            trained=frozenset(arm.name for arm in design.arms if arm.kind == "trained"),
            runs=design.limits.runs,
            questions=design.limits.questions,
            companies=design.limits.companies,
            planned=planned,
            quick=quick,
        )


@dataclass(frozen=True)
class Expense:
    """What an arm costs."""

    usd: float | None
    """Of a question; None: no price is known."""
    p95_s: float | None
    """95th percentile of a question's seconds; None: not measured."""
    training_hours: float = 0.0
    """Device hours of a training run."""


@dataclass(frozen=True)
class Gain:
    """How much better one arm is than another."""

    arm: str
    against: str
    estimate: Estimate
    """``low`` and ``high`` are simultaneous over all gains."""
    p: float
    """Of a gain above 0, two-sided, over all looks."""
    adjusted: float
    """Of the candidate, after Holm; that of a control is its own p."""
    significant: bool
    big_enough: bool


@dataclass(frozen=True)
class Guarded:
    """Whether an arm holds a guard."""

    paper: str
    arm: str
    estimate: Estimate
    margin: float
    bound: float
    """One-sided lower bound of arm less start."""
    held: bool
    power: float
    """Chance that a harmless arm passes."""


@dataclass(frozen=True)
class Gated:
    """Whether an arm passes a gate."""

    gate: Literal["cost", "p95"]
    arm: str
    value: float | None
    reference: float | None
    ratio: float | None
    limit: float
    held: bool


@dataclass(frozen=True)
class Glance:
    """One contrast at one look."""

    arm: str
    against: str
    estimate: Estimate
    information: float
    level: float
    """Nominal two-sided level of the look, for a single contrast."""
    crossed: bool
    chance: float | None
    """Conditional power at the aim; None at the last look."""


@dataclass(frozen=True)
class Look:
    """What was seen at a look."""

    share: float
    questions: int
    glances: tuple[Glance, ...]
    stop: Literal["", "efficacy", "futility"] = ""


@dataclass(frozen=True)
class Judgement:
    """The verdict, and all it rests on."""

    verdict: Verdict
    adopted: str | None
    gains: tuple[Gain, ...]
    guards: tuple[Guarded, ...]
    gates: tuple[Gated, ...]
    looks: tuple[Look, ...]
    reasons: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def stopped(self) -> bool:
        """No more questions are to be asked."""
        return bool(self.looks[-1].stop) or self.looks[-1].share >= 1

    def gain(self, arm: str, against: str) -> Gain:
        """One of the gains."""
        return next(g for g in self.gains if (g.arm, g.against) == (arm, against))


def judge(
    plan: Plan,
    cube: Cube,
    guards: Mapping[str, Cube] | None = None,
    expenses: Mapping[str, Expense] | None = None,
) -> Judgement:
    """The verdict on the samples that are there: those of a look, or all.

    Args:
        guards: the guards' papers, by name.
        expenses: by arm; None: the gates are not asked.

    Raises:
        DataError: an arm or guard of the plan is missing, or the questions are those of no look.
    """
    _complete(plan, cube, guards or {})
    tested = _tested(plan)
    looks, estimates = _looked(plan, cube, tested)
    gains = _gains(plan, tested, looks, estimates)
    held = tuple(_guards(plan, guards or {}))
    gated = tuple(_gates(plan, expenses))
    judged = _Judged(plan, gains, held, gated)
    last = _stopping(plan, looks[-1], judged)
    verdict, adopted, reasons = _verdict(plan, cube, judged, expenses or {})
    needs = _needs(plan, judged) if verdict == "insufficient evidence" else ()
    return Judgement(
        verdict, adopted, gains, held, gated, (*looks[:-1], last), tuple(reasons), needs
    )


# --- what was found -----------------------------------------------------------------------------


def _complete(plan: Plan, cube: Cube, guards: Mapping[str, Cube]) -> None:
    needed = {plan.start, *plan.needs, *plan.controls}
    needed |= {other for others in plan.needs.values() for other in others}
    for name, each in (("the test", cube), *guards.items()):
        missing = needed - set(each.arms)
        if missing:
            raise DataError(f"{name} has no samples of the arms {', '.join(sorted(missing))}")
    if set(plan.margins) - set(guards):
        raise DataError(
            f"no samples of the guards {', '.join(sorted(set(plan.margins) - set(guards)))}"
        )


def _tested(plan: Plan) -> list[tuple[str, str]]:
    """Every pair of arms whose gain is told: what adoption rests on, and the controls'."""
    pairs = [(arm, other) for arm, others in plan.needs.items() for other in others]
    return [*pairs, *((control, plan.start) for control in plan.controls)]


def _looked(
    plan: Plan, cube: Cube, tested: Sequence[tuple[str, str]]
) -> tuple[list[Look], dict[tuple[str, str], list[Estimate]]]:
    """The looks that these questions allow, and each pair's estimates at them."""
    asked = len(cube.sheet.questions)
    shares = [share for share in plan.looks if plan.size(share) <= asked]
    if not shares or plan.size(shares[-1]) != asked:
        wanted = ", ".join(str(plan.size(share)) for share in plan.looks)
        raise DataError(f"{asked} questions are there; the looks are at {wanted}")
    level = 1 - plan.alpha / len(tested)
    at: dict[tuple[str, str], list[Estimate]] = {pair: [] for pair in tested}
    looks: list[Look] = []
    for share in shares:
        part = cube if share == shares[-1] else cube.first(plan.size(share))
        tables = {arm: scores.mean(axis=2) for arm, scores in part.arms.items()}
        glances: list[Glance] = []
        for arm, other in tested:
            sheet = part.sheet
            found = difference(
                tables[arm], tables[other], sheet.companies, sheet.templates, level=level
            )
            at[arm, other].append(found)
            glances.append(_glance(plan, arm, other, at[arm, other], shares))
        looks.append(Look(share, len(part.sheet.questions), tuple(glances)))
    return looks, at


def _fractions(shares: Sequence[float], found: Sequence[Estimate]) -> list[float]:
    """Information at each look, as it was foreseen then."""
    told = [
        1.0 if share >= 1 else sequential.foreseen(each, share)
        for share, each in zip(shares, found, strict=False)
    ]
    # A later look never knows less, however the variances fell.
    for place in range(1, len(told)):
        told[place - 1] = min(told[place - 1], told[place] * sequential.LATEST)
    return told


def _glance(
    plan: Plan, arm: str, other: str, found: Sequence[Estimate], shares: Sequence[float]
) -> Glance:
    fractions = _fractions(shares, found)
    latest, known = found[-1], fractions[-1]
    level = sequential.levels(fractions, plan.alpha)[-1]
    chance = None
    if known < 1:
        from scipy.special import ndtri

        # At the end the weakest candidate of Holm's procedure needs alpha alone: the least demand.
        critical = float(-ndtri(plan.alpha / 2))
        chance = sequential.conditional_power(latest, known, plan.aim, critical, least=plan.delta)
    crossed = latest.mean > 0 and latest.p <= level
    return Glance(arm, other, latest, known, level, crossed, chance)


def _gains(
    plan: Plan,
    tested: Sequence[tuple[str, str]],
    looks: Sequence[Look],
    estimates: Mapping[tuple[str, str], Sequence[Estimate]],
) -> tuple[Gain, ...]:
    shares = [look.share for look in looks]
    p: dict[tuple[str, str], float] = {}
    for pair in tested:
        found = estimates[pair]
        upward = found[-1].mean > 0
        p[pair] = sequential.p_value(found, _fractions(shares, found)) if upward else 1.0
    worst = {arm: max(p[arm, other] for other in others) for arm, others in plan.needs.items()}
    adjusted = holm(worst)
    return tuple(
        Gain(
            arm,
            other,
            estimates[arm, other][-1],
            p[arm, other],
            adjusted.get(arm, p[arm, other]),
            adjusted.get(arm, p[arm, other]) < plan.alpha,
            estimates[arm, other][-1].mean >= plan.delta,
        )
        for arm, other in tested
    )


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values, by name (Holm 1979, Scandinavian Journal of Statistics 6, 65-70).

    That of statsmodels collects the interpreter's garbage at every call, which takes longer than
    the rest of the rule; the simulations call this a million times.
    """
    adjusted: dict[str, float] = {}
    least = 0.0
    for place, name in enumerate(sorted(p, key=lambda name: p[name])):
        least = max(least, min(p[name] * (len(p) - place), 1.0))
        adjusted[name] = least
    return adjusted


def _guards(plan: Plan, guards: Mapping[str, Cube]) -> list[Guarded]:
    from scipy.stats import t

    made: list[Guarded] = []
    for paper, margin in plan.margins.items():
        cube = guards[paper]
        tables = {arm: scores.mean(axis=2) for arm, scores in cube.arms.items()}
        for arm in plan.needs:
            found = difference(
                tables[arm],
                tables[plan.start],
                cube.sheet.companies,
                cube.sheet.templates,
                level=1 - 2 * NON_INFERIOR,
            )
            quantile = float(t.ppf(1 - NON_INFERIOR, found.df))
            power = float(t.cdf(margin / found.se - quantile, found.df)) if found.se else 1.0
            held = found.low > -margin
            made.append(Guarded(paper, arm, found, margin, found.low, held, power))
    return made


def _gates(plan: Plan, expenses: Mapping[str, Expense] | None) -> list[Gated]:
    made: list[Gated] = []
    if expenses is None:
        return made
    reference = expenses[plan.start]
    for arm in plan.needs:
        own = expenses[arm]
        asked: list[tuple[Literal["cost", "p95"], float | None, float | None, float]] = [
            ("cost", own.usd, reference.usd, plan.cost),
            ("p95", own.p95_s, reference.p95_s, plan.p95),
        ]
        for gate, value, base, limit in asked:
            ratio = None if value is None or not base else value / base
            # What has no price or no time cannot be shown to pass; a start for nothing allows
            # nothing that costs.
            held = not limit or (ratio is not None and ratio <= limit) or value == base == 0
            made.append(Gated(gate, arm, value, base, ratio, limit, held))
    return made


# --- what it comes to ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """The findings, asked by candidate."""

    plan: Plan
    gains: tuple[Gain, ...]
    guards: tuple[Guarded, ...]
    gates: tuple[Gated, ...]

    def of(self, arm: str) -> list[Gain]:
        return [g for g in self.gains if g.arm == arm]

    def over_start(self, arm: str) -> Gain:
        return next(g for g in self.of(arm) if g.against == self.plan.start)

    def weakest(self, arm: str) -> Gain:
        return min(self.of(arm), key=lambda gain: gain.estimate.mean)

    def shown(self, arm: str) -> bool:
        """It gains, and enough of it."""
        return all(gain.significant and gain.big_enough for gain in self.of(arm))

    def kept(self, arm: str) -> list[str]:
        """Guards and gates that it fails, in words."""
        failed = [
            f"{arm} is not shown to keep {each.paper}: it may lose {-each.bound * POINTS:.1f} "
            f"points there, and {each.margin * POINTS:g} are allowed"
            for each in self.guards
            if each.arm == arm and not each.held
        ]
        for each in self.gates:
            if each.arm == arm and not each.held:
                told = "was not measured" if each.ratio is None else f"is {each.ratio:.2f} × it"
                what = "price" if each.gate == "cost" else "95th percentile of time"
                failed.append(
                    f"{arm}: at most {each.limit:g} × the start's {what} is allowed; its own {told}"
                )
        return failed

    def open(self, arm: str) -> bool:
        """It could be worth having, and could be worth nothing."""
        gains = self.of(arm)
        return all(g.estimate.high >= self.plan.delta for g in gains) and any(
            g.estimate.low <= 0 for g in gains
        )


def _stopping(plan: Plan, look: Look, judged: _Judged) -> Look:
    """The last look, with what follows from it for those after it."""
    if look.share >= 1:
        return look
    settled: dict[str, Literal["efficacy", "futility"]] = {}
    for arm in plan.needs:
        chances = [g.chance for g in look.glances if g.arm == arm and g.chance is not None]
        if judged.shown(arm):
            settled[arm] = "efficacy"
        elif plan.futility and min(chances) < plan.futility:
            settled[arm] = "futility"
    if len(settled) < len(plan.needs):
        return look
    stop = "efficacy" if "efficacy" in settled.values() else "futility"
    return Look(look.share, look.questions, look.glances, stop)


def _verdict(
    plan: Plan, cube: Cube, judged: _Judged, expenses: Mapping[str, Expense]
) -> tuple[Verdict, str | None, list[str]]:
    few = _too_few(plan, cube)
    if few:
        return "descriptive only", None, few
    shown = [arm for arm in plan.needs if judged.shown(arm)]
    failed = {arm: judged.kept(arm) + _few_runs(plan, cube, arm) for arm in shown}
    winners = [arm for arm in shown if not failed[arm]]
    reasons = [*_of_controls(plan, judged)]
    if winners:
        chosen, why = _choose(plan, cube, judged, winners, expenses)
        return "adopt", chosen, [why, *reasons]
    reasons = [reason for arm in shown for reason in failed[arm]] + reasons
    undecided = [arm for arm in plan.needs if arm not in shown and judged.open(arm)]
    for arm in undecided:
        gain = judged.weakest(arm)
        reasons.append(
            f"{arm} against {gain.against}: {_points(gain.estimate)} may be nothing, and may be "
            f"the {plan.delta * POINTS:g} points worth having"
        )
    if undecided or any(_few_runs(plan, cube, arm) for arm in shown):
        return "insufficient evidence", None, reasons
    for arm in plan.needs:
        if arm not in shown:
            gain = judged.weakest(arm)
            reasons.append(f"{arm} against {gain.against}: {_points(gain.estimate)}")
    return "keep the start", None, reasons


def _too_few(plan: Plan, cube: Cube) -> list[str]:
    asked, companies = len(cube.sheet.questions), len(set(cube.sheet.companies.tolist()))
    few: list[str] = []
    if plan.quick:
        few.append("it was made in the quick form, to see that it works")
    if plan.planned < plan.questions:
        few.append(f"{asked} questions; {plan.questions} are needed to decide")
    if companies < plan.companies:
        few.append(f"{companies} companies; {plan.companies} are needed to decide")
    return few


def _few_runs(plan: Plan, cube: Cube, arm: str) -> list[str]:
    """Why an arm that won cannot be believed: too few training runs of it or of what it beat."""
    few = [
        f"{name} has {len(cube.arms[name])} training runs; {plan.runs} are needed to decide"
        for name in (arm, *plan.needs[arm])
        if name in plan.trained and len(cube.arms[name]) < plan.runs
    ]
    return few


def _of_controls(plan: Plan, judged: _Judged) -> list[str]:
    return [
        f"the control {gain.arm} gained {_points(gain.estimate)} over the start: what the other "
        "arms gained may be owed to what they share with it"
        for gain in judged.gains
        if gain.arm in plan.controls and gain.p < plan.alpha
    ]


def _choose(
    plan: Plan,
    cube: Cube,
    judged: _Judged,
    winners: Sequence[str],
    expenses: Mapping[str, Expense],
) -> tuple[str, str]:
    """The cheapest winner that is shown to be no worse than the best by delta, else the best."""
    best = max(winners, key=lambda arm: judged.over_start(arm).estimate.mean)
    tables = {arm: cube.arms[arm].mean(axis=2) for arm in winners}
    near = [best]
    for arm in winners:
        if arm != best:
            gap = difference(
                tables[arm],
                tables[best],
                cube.sheet.companies,
                cube.sheet.templates,
                level=1 - 2 * NON_INFERIOR,
            )
            if gap.low > -plan.delta:
                near.append(arm)

    def price(arm: str) -> tuple[float, float, float]:
        own = expenses.get(arm, Expense(None, None))
        usd = float("inf") if own.usd is None else own.usd
        return (usd, own.training_hours, -judged.over_start(arm).estimate.mean)

    chosen = min(near, key=price)
    gain = judged.over_start(chosen)
    told = f"{chosen} gains {_points(gain.estimate)} over {plan.start}"
    if chosen != best:
        told += (
            f", is shown to be no worse than {best} by {plan.delta * POINTS:g} points, and cheaper"
        )
    elif len(winners) > 1:
        told += f", the most of {len(winners)} arms that are worth having"
    return chosen, told


def _needs(plan: Plan, judged: _Judged) -> tuple[str, ...]:
    """What would settle it: an interval too narrow to hold both nothing and delta."""
    from scipy.special import ndtri

    quantile = float(-ndtri(plan.alpha / len(judged.gains) / 2))
    wanted = (plan.delta / 2 / quantile) ** 2
    told: list[str] = []
    for arm in plan.needs:
        if not judged.open(arm) or judged.shown(arm):
            continue
        found = judged.weakest(arm).estimate
        of_runs = found.parts["runs"]
        of_questions = max(found.se**2 - of_runs, 0.0)
        runs, questions = found.runs, found.questions
        if of_runs and of_questions < wanted:  # these questions are enough
            runs = ceil(of_runs * found.runs / (wanted - of_questions))
        elif of_runs < wanted:  # these runs are enough
            questions = ceil(of_questions * found.questions / (wanted - of_runs))
        if runs > MOST_RUNS or (of_runs >= wanted and of_questions >= wanted):
            runs = ceil(2 * of_runs * found.runs / wanted)
            questions = ceil(2 * of_questions * found.questions / wanted)
        more = [f"{questions:,} questions instead of {found.questions:,}"] * (
            questions > found.questions
        )
        more += [f"{runs} training runs instead of {found.runs}"] * (runs > found.runs)
        if more:
            told.append(f"{arm}: about {' and '.join(more)}")
    return tuple(told)


def _points(found: Estimate) -> str:
    return f"{found.mean * POINTS:+.1f} [{found.low * POINTS:+.1f}, {found.high * POINTS:+.1f}]"
