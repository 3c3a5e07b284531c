"""How far training runs of one recipe lie apart, and how many of them a gain needs.

The spread of runs is that of their mean accuracies. It holds the noise of drawing too, which is
told beside it: what is left is what training itself varies by. Its interval is that of a variance
under normal runs, (S - 1) s^2 / chi^2, and is wide: three runs that lie 1 point apart may be of a
recipe whose runs lie .5 or 6 points apart.

The runs needed are those of Miller 2024 (arXiv 2411.00640, section 5) with runs in place of
draws: (z_alpha/2 + z_power)^2 (q^2 + (s_a^2 + s_b^2) / S) <= aim^2, where q is the standard error
that the questions alone leave.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np

from evals.decision.outcomes import Scores
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError


class Spread(Value):
    """How far an arm's runs lie apart; all in fractions."""

    runs: int
    means: tuple[float, ...]
    sd: float | None
    """None: one run tells no spread."""
    low: float | None
    high: float | None
    """Interval of the true standard deviation."""
    drawing: float | None
    """Standard deviation of a run's mean from drawing alone; None: one draw of each question."""


def spread(scores: Scores, *, level: float = 0.95) -> Spread:
    """The spread of an arm's runs on one paper.

    Args:
        scores: (S, Q, K), fractions right.

    Raises:
        DataError: no scores.
    """
    from scipy.stats import chi2

    runs, questions, draws = scores.shape
    if not scores.size:
        raise DataError("there are no scores")
    means = scores.mean(axis=(1, 2))
    drawing = None
    if draws > 1:
        drawing = float(np.sqrt(scores.var(axis=2, ddof=1).mean() / draws / questions))
    sd = low = high = None
    if runs > 1:
        sd = float(means.std(ddof=1))
        tail = (1 - level) / 2
        low = sd * sqrt((runs - 1) / float(chi2.ppf(1 - tail, runs - 1)))
        high = sd * sqrt((runs - 1) / float(chi2.ppf(tail, runs - 1)))
    return Spread(
        runs=runs,
        means=tuple(float(m) for m in means),
        sd=sd,
        low=low,
        high=high,
        drawing=drawing,
    )


def needed(
    first: float,
    second: float,
    questions: float,
    aim: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Runs of each arm that find a gain of ``aim``; None: no number of runs does, on so few
    questions.

    Args:
        first: standard deviation of the first arm's runs, as a fraction.
        second: of the second's; 0 where it is fixed weights.
        questions: standard error of the gain that the questions leave.
    """
    from scipy.special import ndtri

    room = (aim / float(ndtri(power) - ndtri(alpha / 2))) ** 2 - questions**2
    if room <= 0:
        return None
    return max(ceil((first**2 + second**2) / room), 1)
