"""Worlds in which the truth is known: cubes of outcomes drawn with gains exactly as asked.

A sample of a question by a run of an arm is right with probability sigmoid(eta),

    eta = level of the arm + difficulty of the question
          + how the arm does with the company, with the template, with the question
          + how this training run turned out,

each a normal deviation. Each arm's level is set so that its accuracy over all of them is the one
asked for, by Gauss-Hermite quadrature: on the scale of logits nothing is cut off at 0 or 1, and
the gain that an interval is to hold is exactly known. Deviations are given in points of accuracy
and are turned into logits by the mean slope of the sigmoid; they come out right to a few hundredths
of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evals.decision.design import POINTS
from evals.decision.outcomes import Codes, Cube, Sheet
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError


class Scenario(Value):
    """What is true, in points of accuracy."""

    runs: Mapping[str, int]
    """Training runs of each arm."""
    fixed: frozenset[str] = frozenset()
    """Arms that were not trained here: their one run has no luck."""
    gains: Mapping[str, float] = {}
    """Points that an arm truly has over the start; 0 where it is not named."""
    start: float = Field(default=45.0, gt=0, lt=100)
    """Accuracy of an arm that gains nothing."""
    questions: int = 600
    companies: int = 40
    templates: int = 30
    samples: int = 4
    """Of each question by each run."""
    run_sd: float = Field(default=0.85, ge=0)
    """Standard deviation of one arm's accuracy between training runs. That of the gain of one
    trained arm over another is this by the root of 2: 0.85 makes 1.2."""
    company_sd: float = Field(default=4.0, ge=0)
    """Standard deviation, between companies, of the gain of one arm over another."""
    template_sd: float = Field(default=0.0, ge=0)
    """The same between templates."""
    question_sd: float = Field(default=10.0, ge=0)
    """The same between questions, beyond company and template."""
    difficulty: float = Field(default=1.5, ge=0)
    """Standard deviation of the questions' difficulty, the same for all arms; logits."""

    def cubes(self, count: int, seed: int) -> Iterator[Cube]:
        """So many independent studies of this truth.

        A cube's arrays are (S, Q, 1): a question's share right of all its samples, which are drawn
        as one binomial count. Which questions are of which company and template is drawn anew each
        time, evenly and crossed at random; their order is that in which they are looked at.

        Raises:
            ConfigError: gains of arms that are not there, or an accuracy beyond 0 and 100.
        """
        levels, slopes = self._levels()
        rng = np.random.default_rng(seed)
        names = tuple(f"q{number}" for number in range(self.questions))
        for _ in range(count):
            sheet = Sheet(
                names,
                _evenly(rng, self.questions, self.companies),
                _evenly(rng, self.questions, self.templates),
            )
            hardness = self.difficulty * rng.standard_normal(self.questions)
            arms: dict[str, NDArray[np.float64]] = {}
            for arm, runs in self.runs.items():
                # An arm's own part: that of a difference of two arms is larger by the root of 2.
                own = slopes[arm] * sqrt(2)
                eta = hardness + levels[arm]
                eta += self.question_sd / own * rng.standard_normal(self.questions)
                eta += (self.company_sd / own * rng.standard_normal(self.companies))[
                    sheet.companies
                ]
                eta += (self.template_sd / own * rng.standard_normal(self.templates))[
                    sheet.templates
                ]
                luck = self._run_sd(arm) / slopes[arm] * rng.standard_normal((runs, 1))
                right = rng.binomial(self.samples, _sigmoid(eta + luck))
                arms[arm] = right[:, :, None] / self.samples
            yield Cube(sheet, arms)

    def gain(self, arm: str, against: str) -> float:
        """The true gain of one arm over another, as a fraction."""
        return (self.gains.get(arm, 0.0) - self.gains.get(against, 0.0)) / POINTS

    def noise(self) -> float:
        """Variance of one sample about its question's own accuracy, for an arm that gains nothing;
        fractions squared."""
        _, slopes = self.model_copy(update={"runs": {"any": 1}, "gains": {}})._levels()
        return slopes["any"] / POINTS  # a sigmoid's slope is p (1 - p)

    def _run_sd(self, arm: str) -> float:
        return 0.0 if arm in self.fixed else self.run_sd

    def _levels(self) -> tuple[dict[str, float], dict[str, float]]:
        """By arm: the level in logits, and points of accuracy a logit is worth on average."""
        unknown = sorted(set(self.gains) - set(self.runs))
        if unknown:
            raise ConfigError(f"gains of arms that are not there: {', '.join(unknown)}")
        levels: dict[str, float] = {}
        slopes: dict[str, float] = {}
        between = self.company_sd**2 + self.template_sd**2 + self.question_sd**2
        for arm in self.runs:
            accuracy = (self.start + self.gains.get(arm, 0.0)) / POINTS
            if not 0 < accuracy < 1:
                raise ConfigError(f"arm {arm}: an accuracy of {accuracy:.0%} cannot be drawn")
            points2 = between / 2 + self._run_sd(arm) ** 2
            slope = POINTS * accuracy * (1 - accuracy)
            level = 0.0
            for _ in range(20):  # the slope depends on the spread, which depends on the slope
                spread = sqrt(self.difficulty**2 + points2 / slope**2)
                level = _level(accuracy, spread)
                share = _sigmoid(level + spread * _NODES)
                slope = POINTS * float(_WEIGHTS @ (share * (1 - share)))
            levels[arm], slopes[arm] = level, slope
        return levels, slopes


_NODES, _MASSES = np.polynomial.hermite_e.hermegauss(64)
_WEIGHTS = _MASSES / _MASSES.sum()


def _level(accuracy: float, spread: float) -> float:
    """The mean logit at which the sigmoid is ``accuracy`` on average, over a normal spread."""
    low, high = -60.0, 60.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if float(_WEIGHTS @ _sigmoid(middle + spread * _NODES)) < accuracy:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return expit(logits)


def _evenly(rng: np.random.Generator, questions: int, clusters: int) -> Codes:
    """(Q,): clusters of as even a size as there can be, in random order."""
    return rng.permutation(np.arange(questions, dtype=np.int64) % clusters)
