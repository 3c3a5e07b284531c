"""How sure a mean over questions and training runs is, where questions come in clusters.

The variance of a mean is that of its questions, taken company by company (cluster-robust, CR1),
plus that of the training runs over their number; the interval is Student's with Satterthwaite's
degrees of freedom. A single run's spread cannot be known: then the interval is of these weights,
not of the recipe. Crossed templates, guards and alpha spent over looks are not here.

Source: Satterthwaite 1946, Biometrics Bulletin 2, 110-114; Miller 2024, arXiv 2411.00640.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np

from specialists.foundation.contracts import Value

Run = Mapping[str, float]
"""One training run: a figure for each question, by the question's id."""


class Estimate(Value):
    """A mean, or a difference of two, with its 95 % interval."""

    mean: float
    low: float
    high: float
    runs: int
    questions: int
    clusters: int
    run_sd: float | None = None
    """Standard deviation of the runs' means; None: one run."""


def estimate(runs: Sequence[Run], cluster: Mapping[str, str]) -> Estimate | None:
    """The mean of all runs' figures over the questions they all have; None where there are none.

    Args:
        cluster: by question, what it shares with others: its company.
    """
    asked = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    if not asked:
        return None
    table = np.array([[run[question] for question in asked] for run in runs], dtype=float)  # (S, Q)
    question = table.mean(axis=0)
    mean = float(question.mean())
    names = np.unique([cluster[each] for each in asked], return_inverse=True)[1]
    sums = np.bincount(names, weights=question - mean)
    groups = len(sums)
    of_questions = 0.0
    if groups > 1:
        of_questions = float((sums**2).sum()) / len(asked) ** 2 * groups / (groups - 1)
    by_run = table.mean(axis=1)
    of_runs = float(by_run.var(ddof=1)) / len(runs) if len(runs) > 1 else 0.0
    half = _half(of_questions, groups - 1, of_runs, len(runs) - 1)
    return Estimate(
        mean=mean,
        low=mean - half,
        high=mean + half,
        runs=len(runs),
        questions=len(asked),
        clusters=groups,
        run_sd=float(by_run.std(ddof=1)) if len(runs) > 1 else None,
    )


def difference(
    arm: Sequence[Run], against: Sequence[Run], cluster: Mapping[str, str]
) -> Estimate | None:
    """How much more an arm has than another, question by question; None where they share none.

    Runs that come in equal numbers are paired (same seeds); otherwise each is held against the
    other arm's mean.
    """
    if not arm or not against:
        return None
    if len(arm) == len(against):
        pairs = list(zip(arm, against, strict=True))
    else:
        shared = set.intersection(*(set(run) for run in against))
        mean = {q: float(np.mean([run[q] for run in against])) for q in shared}
        pairs = [(run, mean) for run in arm]
    gaps = [{q: a[q] - b[q] for q in a if q in b} for a, b in pairs]
    return estimate(gaps, cluster)


def _half(of_questions: float, df_questions: int, of_runs: float, df_runs: int) -> float:
    from scipy.stats import t

    variance = of_questions + of_runs
    if variance == 0:
        return 0.0
    parts = [(of_questions, df_questions), (of_runs, df_runs)]
    below = sum(part**2 / df for part, df in parts if df > 0)
    df = variance**2 / below if below else 1.0
    return float(t.ppf(0.975, df)) * sqrt(variance)
