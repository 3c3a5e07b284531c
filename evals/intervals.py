"""Intervals for shares of right answers, and for the difference of two arms' shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np


@dataclass(frozen=True)
class Paired:
    """How two arms differ on the same questions."""

    difference: float
    """Share right of the first less that of the second."""
    low: float
    """One-sided 95 % lower bound."""
    p: float
    """Chance of so many questions won, were neither arm better."""


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval for a share; 95 % by default.

    It treats questions as independent. Questions of one template or one company are not: where
    there are few of either, the truth may lie further off.

    Source: Wilson 1927, JASA 22, 209-212.
    """
    if count == 0:
        return 0.0, 1.0
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def clopper_pearson(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """The exact one-sided bounds of a share: each alone holds with probability ``level``.

    Source: Clopper and Pearson 1934, Biometrika 26, 404-413.
    """
    from scipy.stats import beta

    if count == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else float(beta.ppf(1 - level, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(level, hits + 1, count - hits))
    return low, high


def paired(ours: Sequence[bool], theirs: Sequence[bool], *, draws: int = 10_000) -> Paired:
    """How much more often the first arm is right on the same questions.

    The bound is the 5 % quantile of the difference over questions drawn with replacement (seeded);
    ``p`` is McNemar's exact one-sided test. Both treat questions as independent.
    """
    from scipy.stats import binom

    gap = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    if len(gap) == 0:
        return Paired(0.0, -1.0, 1.0)
    won, lost = int((gap > 0).sum()), int((gap < 0).sum())
    drawn = np.random.default_rng(0).integers(len(gap), size=(draws, len(gap)))
    low = float(np.quantile(gap[drawn].mean(axis=1), 0.05))
    p = float(binom.sf(won - 1, won + lost, 0.5)) if won + lost else 1.0
    return Paired(float(gap.mean()), low, p)
