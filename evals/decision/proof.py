"""The proof that the whole rule keeps its promises, where the truth is known because we made it.

Each cell is a truth and a design. In it whole studies are drawn again and again, looked at and
judged by the functions that decide (``power.simulate``); beside them stand the interval of every
contrast on all questions, the plain crossed test, and what is usually done instead: the z-test of
two proportions over all samples pooled, as if each were independent. What the proof cannot know is
whether the world is like its worlds: normal deviations, clusters of even size, binomial samples.

"Run σ" is here the standard deviation, between pairs of training runs, of the gain of one arm over
another; each arm has it divided by the root of 2 when both were trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, Self

import numpy as np

from evals.decision.crossed import difference
from evals.decision.design import Arm, Contrast, Design, Guard, Paper
from evals.decision.outcomes import Cube
from evals.decision.power import Share, simulate
from evals.decision.rule import Plan
from evals.decision.scenario import Scenario
from specialists.foundation.contracts import Value
from specialists.foundation.errors import RecordError

Say = Callable[[str], None]
FALSE_ADOPTION = 0.05
COVERAGE = (0.935, 0.965)
SHORT, FULL = 200, 2000
"""Simulations of a cell."""
START = "start"
GUARD = "guard"
MARGIN = 4.0
"""Points that a guard may lose."""

Group = Literal["no gain", "power", "looks", "guards", "harder"]


class Cell(Value):
    """A truth and a design: 600 questions of 40 companies, 4 samples of each by each run, looks at
    half and all, delta 3 points."""

    group: Group
    runs: int = 5
    """Training runs of each arm."""
    run_sd: float = 1.2
    """Of the gain, points."""
    template_sd: float = 0.0
    """Of the gain, points."""
    gain: float = 0.0
    """True gain of the first candidate, points; the others have none."""
    candidates: int = 4
    templates: int = 30
    trained_start: bool = True
    """False: the start is a base that was not trained, the same weights in every run."""
    harm: float | None = None
    """Points that the first candidate truly loses on a guard; None: there is no guard."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The candidates."""
        return tuple(f"arm {number + 1}" for number in range(self.candidates))

    def design(self) -> Design:
        """What is decided."""
        start = (
            Arm(name=START, runs=self.runs) if self.trained_start else Arm(name=START, kind="base")
        )
        guards = () if self.harm is None else (Guard(paper=Paper(name=GUARD), margin=MARGIN),)
        return Design(
            specialist="simulated",
            study="simulated",
            start=START,
            arms=(start, *(Arm(name=arm, runs=self.runs) for arm in self.arms)),
            contrasts=tuple(Contrast(arm=arm, against=START) for arm in self.arms),
            papers=(Paper(name="test"),),
            guards=guards,
        )

    def truth(self) -> Scenario:
        """What is true on the test."""
        own = self.run_sd / sqrt(2) if self.trained_start else self.run_sd
        return Scenario(
            runs={START: self.runs if self.trained_start else 1}
            | dict.fromkeys(self.arms, self.runs),
            fixed=frozenset() if self.trained_start else frozenset({START}),
            gains={self.arms[0]: self.gain},
            templates=self.templates,
            run_sd=own,
            template_sd=self.template_sd,
        )


class Row(Value):
    """What came out in a cell."""

    cell: Cell
    simulations: int
    adopted: Share
    """The first candidate was adopted."""
    false: Share
    """An arm without a gain, or with harm on a guard, was adopted."""
    insufficient: Share
    kept: Share
    test: Share | None
    """Of the contrasts without a gain: the crossed t-test alone finds one, p < .05 two-sided."""
    naive: Share | None
    """The pooled two-proportion test finds one."""
    coverage: Share
    """Of all contrasts' 95 % intervals, on all questions."""
    saved: float
    """Share of the questions that need not be asked."""


class Bound(Value):
    """A promise, over all cells it is made for."""

    promise: str
    cells: int
    worst: str
    """The cell furthest out, with its figure."""
    state: Literal["holds", "within error", "missed"]
    """within error: some cells are beyond it by less than two Monte-Carlo errors, none by more."""
    beyond: int
    """Cells beyond it, by however little."""


class Proof(Value):
    """The whole table."""

    version: Literal[1] = 1
    simulations: int
    """Of each cell."""
    seed: int
    bounds: tuple[Bound, ...]
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises: RecordError: there is none, or it is none of ours."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RecordError(f"{path} is no proof of the method: {error}") from error

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def cells(*, full: bool) -> tuple[Cell, ...]:
    """The truths that are tried: all of them, or those that CI has time for."""
    if not full:
        return (
            *(
                Cell(group="no gain", run_sd=run_sd, template_sd=template_sd)
                for run_sd in (1.2, 2.4)
                for template_sd in (0.0, 10.0)
            ),
            *(Cell(group="power", gain=gain) for gain in (3.0, 5.0, 8.0)),
            Cell(group="looks", candidates=1),
        )
    worlds = [
        (runs, run_sd, template_sd)
        for runs in (3, 5)
        for run_sd in (1.2, 2.4)
        for template_sd in (0.0, 10.0)
    ]
    return (
        *(
            Cell(group="no gain", runs=runs, run_sd=run_sd, template_sd=template_sd)
            for runs, run_sd, template_sd in worlds
        ),
        *(
            Cell(group="power", runs=runs, run_sd=run_sd, template_sd=template_sd, gain=gain)
            for runs, run_sd, template_sd in worlds
            for gain in (3.0, 5.0, 8.0)
        ),
        *(
            Cell(group="looks", run_sd=run_sd, candidates=1, gain=gain)
            for run_sd in (1.2, 2.4)
            for gain in (0.0, 3.0, 5.0, 8.0)
        ),
        Cell(group="guards", gain=8.0, harm=0.0),
        Cell(group="guards", gain=8.0, harm=MARGIN),
        Cell(group="harder", run_sd=3.4),
        Cell(group="harder", runs=3, run_sd=3.4),
        Cell(group="harder", templates=10, template_sd=10.0),
        Cell(group="harder", run_sd=2.4, trained_start=False),
    )


def prove(
    tried: Sequence[Cell],
    *,
    simulations: int,
    seed: int = 0,
    workers: int = 1,
    say: Say | None = None,
) -> Proof:
    """Try every cell.

    Args:
        seed: of the whole; each cell has its own from it, so that the table is the same whatever
            the number of workers.
        workers: processes.
    """
    jobs = [(cell, simulations, seed * 10_000 + number) for number, cell in enumerate(tried)]
    rows: list[Row] = []

    def take(found: Iterable[Row]) -> None:
        for row in found:
            rows.append(row)
            if say is not None:
                say(f"{len(rows)} of {len(jobs)}: {named(row.cell)}: false {row.false}, "
                    f"adopted {row.adopted}, coverage {row.coverage}")  # fmt: skip

    if workers == 1:
        take(map(_job, jobs))
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            take(pool.map(_job, jobs))
    return Proof(simulations=simulations, seed=seed, bounds=bounds(rows), rows=tuple(rows))


def measure(cell: Cell, *, simulations: int, seed: int) -> Row:
    """Draw, look at and judge that many studies of one cell."""
    plan = Plan.of(cell.design(), cell.truth().questions)
    truth = cell.truth()
    without = [arm for arm in cell.arms if truth.gain(arm, START) <= 0]
    covered: list[float] = []
    test: list[float] = []
    naive: list[float] = []

    def watch(cube: Cube) -> None:
        sheet = cube.sheet
        tables = {arm: scores.mean(axis=2) for arm, scores in cube.arms.items()}
        found = {
            arm: difference(tables[arm], tables[START], sheet.companies, sheet.templates)
            for arm in cell.arms
        }
        inside = [e.low <= truth.gain(arm, START) <= e.high for arm, e in found.items()]
        covered.append(sum(inside) / len(inside))
        if without:
            test.append(sum(found[arm].p < 0.05 for arm in without) / len(without))
            chance = [pooled(tables[arm], tables[START], truth.samples) for arm in without]
            naive.append(sum(p < 0.05 for p in chance) / len(without))

    guards = None
    if cell.harm is not None:
        guards = {GUARD: truth.model_copy(update={"gains": {cell.arms[0]: -cell.harm}})}
    found = simulate(plan, truth, guards, simulations=simulations, seed=seed, watch=watch)
    first = found.adopted[cell.arms[0]]
    return Row(
        cell=cell,
        simulations=simulations,
        adopted=first,
        false=first if cell.harm else found.false,
        insufficient=found.insufficient,
        kept=found.kept,
        test=Share.mean(test) if test else None,
        naive=Share.mean(naive) if naive else None,
        coverage=Share.mean(covered),
        saved=found.saved,
    )


def bounds(rows: Sequence[Row]) -> tuple[Bound, ...]:
    """The promises, each held against every cell."""
    low, high = COVERAGE
    return (
        _bound(
            f"an arm that gains nothing is adopted at most {FALSE_ADOPTION:.0%} of the time",
            [(row, row.false, row.false.share - FALSE_ADOPTION) for row in rows],
        ),
        _bound(
            f"95 % intervals hold the truth at least {low:.1%} of the time",
            [(row, row.coverage, low - row.coverage.share) for row in rows],
        ),
        _bound(
            f"95 % intervals hold the truth at most {high:.1%} of the time: they are no wider than "
            "they need be",
            [(row, row.coverage, row.coverage.share - high) for row in rows],
        ),
    )


def named(cell: Cell) -> str:
    """A cell in words."""
    told = f"S{cell.runs}, run σ {cell.run_sd:g}, template σ {cell.template_sd:g}"
    if cell.templates != 30:
        told += f", {cell.templates} templates"
    if not cell.trained_start:
        told += ", untrained start"
    if cell.candidates != 4:
        told += f", {cell.candidates} candidate"
    if cell.gain:
        told += f", gain {cell.gain:g}"
    if cell.harm is not None:
        told += f", harm {cell.harm:g}"
    return told


def _job(job: tuple[Cell, int, int]) -> Row:
    cell, simulations, seed = job
    return measure(cell, simulations=simulations, seed=seed)


def _bound(promise: str, found: Sequence[tuple[Row, Share, float]]) -> Bound:
    row, share, _ = max(found, key=lambda each: each[2])
    outside = [(share, over) for _, share, over in found if over > 0]
    missed = any(over > 2 * share.error for share, over in outside)
    return Bound(
        promise=promise,
        cells=len(found),
        worst=f"{share} ({named(row.cell)})",
        state="missed" if missed else "within error" if outside else "holds",
        beyond=len(outside),
    )


def pooled(a: np.ndarray, b: np.ndarray, samples: int) -> float:
    """Two-sided p of the two-proportion z-test over all samples of all runs."""
    from scipy.special import ndtr

    count_a, count_b = a.size * samples, b.size * samples
    share_a, share_b = float(a.mean()), float(b.mean())
    share = (share_a * count_a + share_b * count_b) / (count_a + count_b)
    se = sqrt(share * (1 - share) * (1 / count_a + 1 / count_b))
    return float(2 * ndtr(-abs(share_a - share_b) / se)) if se else 1.0
