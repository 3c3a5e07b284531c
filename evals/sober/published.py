"""Published gains of RL and SFT over their base, held against the spread of their own seeds.

``published.csv`` holds the leaderboard of "A Sober Look at Progress in Language Model Reasoning"
(Hochlehnert et al. 2025, arXiv 2504.07086): mean ± standard deviation of Pass@1 by model and set,
in points. No per-seed numbers stand in the repository, so the tests here are made from means,
standard deviations and the number of seeds. The seeds are those of sampling alone: each model is
one training run, so that a gain that survives is one of *this checkpoint*, not of its method.

Two tests of each gain. ``seeds``: Welch's, which takes the questions as given. ``questions``: the
same with the questions taken as a sample, at most ``p(1-p)/N`` of variance for each arm and the
arms as independent; pairing would make it smaller, and needs answers that were not published.

Sources: Welch 1947, Biometrika 34, 28-35; Satterthwaite 1946, Biometrics Bulletin 2, 110-114;
Holm 1979, Scandinavian Journal of Statistics 6, 65-70; Wald's test of two shares as in Agresti
2013, Categorical Data Analysis.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Literal

from evals.decision.rule import holm
from specialists.foundation.contracts import Value
from specialists.foundation.errors import InputError

TABLE = Path(__file__).with_name("published.csv")
REPOSITORY = "bethgelab/sober-reasoning"
FILE = "data.json"
COMMIT = "8fceffddf39d20c652917e5947ddca845257584c"
DELTA = 3.0
"""Points: the smallest gain worth having, as in a design."""
ALPHA = 0.05
ROUNDED = 0.05
"""Points: a standard deviation printed as 0.0 may be as large as this."""

SMALL = "DeepSeek-R1-Distill-Qwen-1.5B"
"""The base that most of the RL papers stand on."""

Tested = Literal["seeds", "questions"]


@dataclass(frozen=True)
class Benchmark:
    """One set of questions, and with how many seeds each model was put to it."""

    name: str
    column: str
    questions: int
    seeds: int


BENCHMARKS = (
    Benchmark("AIME-24", "aime24", 30, 10),
    Benchmark("AIME-25", "aime25", 30, 10),
    Benchmark("AMC-23", "amc23", 40, 10),
    Benchmark("MATH-500", "math500", 500, 3),
    Benchmark("Minerva", "minerva", 272, 3),
    Benchmark("OlympiadBench", "olympiad", 675, 3),
)
"""Seeds as the leaderboard's page tells them (``index.html`` of the same repository). Standard
deviations are those of a sample (n - 1): ``0.3±1.1`` on ten seeds of thirty questions can be
nothing else than one right answer in three hundred, with sqrt(10) x 0.333 = 1.05."""


@dataclass(frozen=True)
class Model:
    """One line of the leaderboard."""

    name: str
    base: str
    """As the leaderboard writes it."""
    method: str
    means: tuple[float, ...]
    """Points, in the order of ``BENCHMARKS``."""
    spreads: tuple[float, ...]
    """Standard deviations over seeds, points."""

    @property
    def vendor(self) -> bool:
        """The base's maker's own instruct model: a comparison of products, not of a method."""
        return self.name.endswith("-Instruct")


class Gain(Value):
    """What a model has over its base on one set, or over all six (``all``), in points."""

    model: str
    base: str
    method: str
    benchmark: str
    gain: float
    se: float
    df: float
    p: float
    """Two-sided."""
    adjusted: float
    """Holm's."""
    tested: Tested

    @property
    def significant(self) -> bool:
        return self.adjusted < ALPHA

    @property
    def survives(self) -> bool:
        """Shown to be above nothing, and large enough to be worth having."""
        return self.significant and self.gain >= DELTA


class Tally(Value):
    """What became of some gains."""

    what: str
    tested: Tested
    count: int
    claimed: int
    """Gains above nothing in the table."""
    large: int
    """Of at least ``DELTA``."""
    survive: int
    """Significant after Holm, and at least ``DELTA``."""
    small: int
    """Significant after Holm, above nothing and smaller than ``DELTA``."""
    vanish: int
    """Above nothing in the table and not significant."""
    worse: int
    """Significantly below the base."""


class Shares(Value):
    """Two shares of right answers, unpaired."""

    what: str
    first: float
    """Points."""
    second: float
    questions: int
    gain: float
    low: float
    high: float
    """95 % interval, Wald's."""
    z: float
    p: float
    adjusted: float


FINQA = (
    ("4B after GRPO over 4B before, Snorkel Finance", 59.7, 27.9, 290),
    ("4B after GRPO over 235B, Snorkel Finance", 59.7, 51.4, 290),
    ("4B after GRPO over 4B before, Finance Reasoning", 26.6, 13.9, 79),
    ("trained on one table over mixed, internal test", 66.3, 61.6, 558),
    ("trained on one table over first one, then several, internal test", 66.3, 64.8, 558),
)
"""Snorkel x rLLM's published shares, in points: what, the first, the second, questions. Nothing was
published by question or by run, so pairing, companies and training runs are all left out: each p
is smaller than it should be."""


def read(path: Path = TABLE) -> tuple[Model, ...]:
    """The leaderboard.

    Raises:
        InputError: not such a table, or a number that is none.
    """
    models: list[Model] = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                means = tuple(float(row[b.column]) for b in BENCHMARKS)
                spreads = tuple(float(row[f"{b.column}_sd"]) for b in BENCHMARKS)
                models.append(Model(row["model"], row["base"], row["method"], means, spreads))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}, line {number}: {error!r}") from error
    return tuple(models)


def bases(models: Sequence[Model]) -> list[tuple[Model, Model]]:
    """Each model that stands on another of the table, with that one.

    Names are compared by their letters and digits alone, as the leaderboard's own page does.
    """
    known = {_plain(m.name): m for m in models}
    found = [(m, known.get(_plain(m.base))) for m in models]
    return [(m, base) for m, base in found if base is not None and base is not m]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True)
class _Difference:
    gain: float
    variances: tuple[tuple[float, int], ...]
    """Variance of each part of the gain, with its degrees of freedom."""

    @property
    def se(self) -> float:
        return sqrt(sum(v for v, _ in self.variances))

    @property
    def df(self) -> float:
        """Satterthwaite's."""
        total = sum(v for v, _ in self.variances)
        return total**2 / sum(v**2 / df for v, df in self.variances)

    @property
    def p(self) -> float:
        from scipy.stats import t

        return float(2 * t.sf(abs(self.gain) / self.se, self.df))


def _on(model: Model, base: Model, place: int, tested: Tested) -> _Difference:
    bench = BENCHMARKS[place]
    parts: list[tuple[float, int]] = []
    for each in (model, base):
        parts.append((max(each.spreads[place], ROUNDED) ** 2 / bench.seeds, bench.seeds - 1))
        share = each.means[place]
        if tested == "questions" and 0 < share < 100:
            parts.append((share * (100 - share) / bench.questions, bench.questions - 1))
    return _Difference(model.means[place] - base.means[place], tuple(parts))


def _over_all(model: Model, base: Model, tested: Tested) -> _Difference:
    """The mean of the six gains: each set counts the same."""
    each = [_on(model, base, place, tested) for place in range(len(BENCHMARKS))]
    count = len(each)
    return _Difference(
        sum(d.gain for d in each) / count,
        tuple((v / count**2, df) for d in each for v, df in d.variances),
    )


def by_model(models: Sequence[Model], tested: Tested) -> list[Gain]:
    """Each model's mean gain over its base; Holm's family is all of them."""
    pairs = [(m, b) for m, b in bases(models) if not m.vendor]
    found = [_over_all(m, b, tested) for m, b in pairs]
    adjusted = holm({m.name: d.p for (m, _), d in zip(pairs, found, strict=True)})
    return [
        _gain(m, b, "all", d, adjusted[m.name], tested)
        for (m, b), d in zip(pairs, found, strict=True)
    ]


def by_benchmark(models: Sequence[Model], tested: Tested) -> list[Gain]:
    """Each model's gain on each set; Holm's family is one model's six: what one paper claims."""
    gains: list[Gain] = []
    for model, base in bases(models):
        if model.vendor:
            continue
        found = [_on(model, base, place, tested) for place in range(len(BENCHMARKS))]
        adjusted = holm({b.name: d.p for b, d in zip(BENCHMARKS, found, strict=True)})
        gains += [
            _gain(model, base, bench.name, d, adjusted[bench.name], tested)
            for bench, d in zip(BENCHMARKS, found, strict=True)
        ]
    return gains


def _gain(
    model: Model, base: Model, benchmark: str, d: _Difference, adjusted: float, tested: Tested
) -> Gain:
    return Gain(
        model=model.name,
        base=base.name,
        method=model.method,
        benchmark=benchmark,
        gain=round(d.gain, 3),
        se=d.se,
        df=d.df,
        p=d.p,
        adjusted=adjusted,
        tested=tested,
    )


def tally(what: str, gains: Sequence[Gain]) -> Tally:
    """How many of them survive, and how many vanish."""
    if not gains:
        raise InputError(f"there are no gains of {what}")
    return Tally(
        what=what,
        tested=gains[0].tested,
        count=len(gains),
        claimed=sum(g.gain > 0 for g in gains),
        large=sum(g.gain >= DELTA for g in gains),
        survive=sum(g.survives for g in gains),
        small=sum(g.significant and 0 < g.gain < DELTA for g in gains),
        vanish=sum(g.gain > 0 and not g.significant for g in gains),
        worse=sum(g.significant and g.gain < 0 for g in gains),
    )


def tallies(models: Sequence[Model]) -> list[Tally]:
    """By method, by what the six sets come to and by set."""
    made: list[Tally] = []
    tests: tuple[Tested, ...] = ("seeds", "questions")
    for tested in tests:
        for title, gains in (
            ("mean of six sets", by_model(models, tested)),
            ("single sets", by_benchmark(models, tested)),
        ):
            for method in ("RL", "SFT"):
                own = [g for g in gains if g.method == method]
                made.append(tally(f"{method}, {title}", own))
            small = [g for g in gains if g.base == SMALL]
            made.append(tally(f"RL on {SMALL}, {title}", small))
    return made


def shares(pairs: Sequence[tuple[str, float, float, int]] = FINQA) -> list[Shares]:
    """Unpaired tests of two shares each, on the same number of questions."""
    from scipy.stats import norm

    raw: list[tuple[float, float, float]] = []
    for _, first, second, questions in pairs:
        one, two = first / 100, second / 100
        se = sqrt((one * (1 - one) + two * (1 - two)) / questions)
        z = (one - two) / se
        raw.append((se, z, float(2 * norm.sf(abs(z)))))
    adjusted = holm({pair[0]: p for pair, (_, _, p) in zip(pairs, raw, strict=True)})
    wide = float(norm.ppf(0.975))
    return [
        Shares(
            what=what,
            first=first,
            second=second,
            questions=questions,
            gain=round(first - second, 2),
            low=round(first - second - 100 * wide * se, 2),
            high=round(first - second + 100 * wide * se, 2),
            z=z,
            p=p,
            adjusted=adjusted[what],
        )
        for (what, first, second, questions), (se, z, p) in zip(pairs, raw, strict=True)
    ]


def spreads(models: Sequence[Model]) -> dict[str, float]:
    """Mean standard deviation over seeds of all models, by set, in points."""
    return {
        bench.name: sum(m.spreads[place] for m in models) / len(models)
        for place, bench in enumerate(BENCHMARKS)
    }
