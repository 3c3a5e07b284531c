"""The power of the whole rule, by simulation, before anything is spent; a formula as a check.

What is simulated is what decides: ``rule.judge`` on cubes of a known truth, look after look as a
capture would see them, Holm, the smallest gain, guards and all. Because an arm must also be
*estimated* at the smallest gain worth having, none has more than half a chance at a true gain of
exactly that: designs aim higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt

from evals.decision.design import POINTS, Arm, Design
from evals.decision.outcomes import Cube
from evals.decision.rule import MOST_RUNS, Judgement, Plan, judge
from evals.decision.scenario import Scenario
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError


class Share(Value):
    """How often something came out."""

    share: float
    error: float
    """Standard error, from the number of simulations."""

    @classmethod
    def of(cls, hits: int, count: int) -> Share:
        """So many of so many. Agresti and Coull's error (1998, American Statistician 52, 119-126):
        that of none or all is not 0."""
        share, soft = hits / count, (hits + 2) / (count + 4)
        return cls(share=share, error=sqrt(soft * (1 - soft) / (count + 4)))

    @classmethod
    def mean(cls, shares: Sequence[float]) -> Share:
        """Of several things in each simulation, which go together: the simulations' mean."""
        from statistics import fmean, stdev

        count = len(shares)
        return cls(share=fmean(shares), error=max(stdev(shares) / sqrt(count), 1 / (count + 4)))

    def __str__(self) -> str:
        return f"{self.share:.3f} ± {self.error:.3f}"


class Power(Value):
    """What the rule does in one truth."""

    simulations: int
    adopted: dict[str, Share]
    """By candidate, how often it was the one adopted."""
    false: Share
    """How often an arm was adopted that truly gains nothing over something it must beat."""
    insufficient: Share
    kept: Share
    """How often the start was kept."""
    saved: float
    """Mean share of the questions that need not be asked, as a look stopped earlier."""


def decide(plan: Plan, cube: Cube, guards: Mapping[str, Cube] | None = None) -> Judgement:
    """The judgement of the look at which a capture of these samples would have stopped.

    Raises:
        DataError: as ``rule.judge``.
    """
    judged: Judgement | None = None
    for share in plan.looks:
        judged = judge(plan, cube.first(plan.size(share)), guards)
        if judged.stopped:
            break
    assert judged is not None  # a design has one look at least
    return judged


def simulate(
    plan: Plan,
    scenario: Scenario,
    guards: Mapping[str, Scenario] | None = None,
    *,
    simulations: int = 1000,
    seed: int = 0,
    watch: Callable[[Cube], None] | None = None,
) -> Power:
    """How often the rule decides what, where the scenario is the truth.

    Args:
        guards: the truth on each guard's paper.
        watch: is shown every cube, all its questions.

    Raises:
        ConfigError: fewer than one simulation, or a scenario that cannot be drawn.
        DataError: a scenario without the arms or guards of the plan.
    """
    if simulations < 1:
        raise ConfigError(f"{simulations} simulations tell nothing; take 200 at least")
    worthless = {
        arm
        for arm, others in plan.needs.items()
        if any(scenario.gain(arm, other) <= 0 for other in others)
    }
    papers = {
        name: each.cubes(simulations, seed + number + 1)
        for number, (name, each) in enumerate((guards or {}).items())
    }
    adopted = dict.fromkeys(plan.needs, 0)
    verdicts: dict[str, int] = {}
    false, asked = 0, 0.0
    for cube in scenario.cubes(simulations, seed):
        if watch is not None:
            watch(cube)
        judged = decide(plan, cube, {name: next(each) for name, each in papers.items()})
        verdicts[judged.verdict] = verdicts.get(judged.verdict, 0) + 1
        asked += judged.looks[-1].share
        if judged.adopted is not None:
            adopted[judged.adopted] += 1
            false += judged.adopted in worthless
    return Power(
        simulations=simulations,
        adopted={arm: Share.of(hits, simulations) for arm, hits in adopted.items()},
        false=Share.of(false, simulations),
        insufficient=Share.of(verdicts.get("insufficient evidence", 0), simulations),
        kept=Share.of(verdicts.get("keep the start", 0), simulations),
        saved=1 - asked / simulations,
    )


# --- the power of a design ----------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """How much evidence there is."""

    questions: int
    companies: int
    runs: int | None = None
    """Of each trained arm; None: as the design says."""

    def __str__(self) -> str:
        runs = "" if self.runs is None else f", {self.runs} training runs"
        return f"{self.questions} questions, {self.companies} companies{runs}"


class Row(Value):
    """The rule's power for one candidate with one true gain; the other candidates have none."""

    sizes: str
    candidate: str
    gain: float
    """Points over the start and everything it must beat."""
    power: Share
    false: Share
    insufficient: Share
    saved: float


def planned(design: Design) -> Sizes:
    """What a design asks for. Companies are known once the test is made: until then the least."""
    return Sizes(sum(paper.count for paper in design.papers), design.limits.companies)


def least(design: Design) -> Sizes:
    """The least evidence that may decide."""
    return Sizes(design.limits.questions, design.limits.companies, design.limits.runs)


def gains(design: Design) -> tuple[float, ...]:
    """True gains to ask the power at: none, the smallest worth having, the aim, a large one."""
    return tuple(sorted({0.0, design.rule.delta, design.rule.aim, 8.0}))


def of_design(
    design: Design,
    truth: Scenario,
    sizes: Sizes,
    at: Sequence[float],
    *,
    simulations: int = 1000,
    seed: int = 0,
) -> Iterator[Row]:
    """The power of a design at some sizes, for each of its candidates that differs from the others
    in its runs or in what it must beat; a row as soon as it is known.

    Args:
        truth: deviations and the start's accuracy; its arms, gains and sizes are the design's.
        at: true gains in points.

    Raises:
        ConfigError: a gain or accuracy that cannot be drawn.
    """
    for arm in _different(design):
        for gain in at:
            found = _found(design, truth, sizes, arm, gain, simulations, seed)
            yield Row(
                sizes=str(sizes),
                candidate=arm,
                gain=gain,
                power=found.adopted[arm],
                false=found.false,
                insufficient=found.insufficient,
                saved=found.saved,
            )


def needed(
    design: Design,
    truth: Scenario,
    sizes: Sizes,
    candidate: str,
    *,
    simulations: int = 400,
    seed: int = 0,
) -> tuple[Sizes, ...]:
    """Sizes at which the rule finds the design's aim as often as the design wants: with more runs
    on these questions, and with more questions at these runs. A way that is not there is closed.

    More questions come with as many more companies.

    Raises:
        ConfigError: a scenario that cannot be drawn.
    """
    runs = sizes.runs or design.arm(candidate).runs
    ways = (
        [replace(sizes, runs=more) for more in range(runs, MOST_RUNS + 1)],
        [
            replace(
                sizes,
                questions=ceil(sizes.questions * quarters / 4),
                companies=ceil(sizes.companies * quarters / 4),
            )
            for quarters in range(4, 17)
        ],
    )

    def enough(tried: Sizes) -> bool:
        found = _found(design, truth, tried, candidate, design.rule.aim, simulations, seed)
        return found.adopted[candidate].share >= design.rule.power

    return tuple(found for way in ways if (found := _first(way, enough)) is not None)


def questions_by_formula(
    variance: float,
    noise: float,
    samples: int,
    gain: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Questions that a paired comparison of two arms needs, were questions independent and were
    there no training runs:

        n = (z_alpha/2 + z_beta)^2 (omega^2 + sigma_A^2/K_A + sigma_B^2/K_B) / gain^2

    Source: Miller 2024, arXiv 2411.00640.

    Args:
        variance: omega^2, of a question's true difference between the arms; fractions squared.
        noise: sigma^2, of a sample about its question's own accuracy, in either arm.
        samples: K of a question, in either arm (all runs together).
        gain: the true gain, a fraction.
    """
    from scipy.special import ndtri

    demand = float(-ndtri(alpha / 2) + ndtri(power))
    return ceil(demand**2 * (variance + 2 * noise / samples) / gain**2)


def by_formula(design: Design, truth: Scenario) -> int:
    """The formula's questions for the design's aim, in a truth: a check on the simulation, which
    must ask for more, as clusters and training runs are left out."""
    runs = min(design.arm(name).runs for name in design.candidates)
    parts = (truth.company_sd, truth.template_sd, truth.question_sd)
    variance = sum(sd**2 for sd in parts) / POINTS**2
    return questions_by_formula(
        variance,
        truth.noise(),
        design.decode.samples * runs,
        design.rule.aim / POINTS,
        alpha=design.rule.alpha,
        power=design.rule.power,
    )


def _found(
    design: Design,
    truth: Scenario,
    sizes: Sizes,
    candidate: str,
    gain: float,
    simulations: int,
    seed: int,
) -> Power:
    world, guards = worlds(design, truth, sizes, {candidate: gain})
    plan = Plan.of(design, sizes.questions)
    return simulate(plan, world, guards, simulations=simulations, seed=seed)


def worlds(
    design: Design, truth: Scenario, sizes: Sizes, gains: Mapping[str, float]
) -> tuple[Scenario, dict[str, Scenario]]:
    """The truth for a design's arms, on its test and on its guards, where nobody does harm."""

    def runs(arm: Arm) -> int:
        return sizes.runs if sizes.runs and arm.kind == "trained" else arm.runs

    world = truth.model_copy(
        update={
            "runs": {arm.name: runs(arm) for arm in design.arms},
            "fixed": frozenset(arm.name for arm in design.arms if arm.kind != "trained"),
            "gains": dict(gains),
            "questions": sizes.questions,
            "companies": sizes.companies,
            "samples": design.decode.samples,
        }
    )
    guards = {
        guard.paper.name: world.model_copy(update={"gains": {}, "questions": guard.paper.count})
        for guard in design.guards
    }
    return world, guards


def _different(design: Design) -> list[str]:
    """Candidates, one of each kind: the rule treats those with as many runs of themselves and of
    what they must beat alike."""
    needs = Plan.of(design, 1).needs
    kinds: dict[tuple[object, ...], str] = {}
    for arm, others in needs.items():
        each = [(design.arm(name).kind == "trained", design.arm(name).runs) for name in others]
        own = design.arm(arm)
        kinds.setdefault((own.kind == "trained", own.runs, *sorted(each)), arm)
    return list(kinds.values())


def _first(way: Sequence[Sizes], enough: Callable[[Sizes], bool]) -> Sizes | None:
    """The first size that is enough; each is at least as good as the one before."""
    if not enough(way[-1]):
        return None
    low, high = 0, len(way) - 1
    while low < high:
        middle = (low + high) // 2
        if enough(way[middle]):
            high = middle
        else:
            low = middle + 1
    return way[high]
