"""Quantiles of latencies, with distribution-free intervals.

The interval is of order statistics: the number of observations below the p-quantile is binomial
(n, p), so x(l) and x(u) enclose it with a probability that no distribution changes. Latencies tie
(a clock ticks); then the interval covers at least as often. It treats requests as independent:
those that queue behind one another are not, so under load the truth may lie further off.

Source: Hahn and Meeker, "Statistical Intervals" (1991), section 5.2; David and Nagaraja, "Order
Statistics" (2003), section 7.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log

import numpy as np

from specialists.foundation.contracts import Value

SHARES = (0.5, 0.95, 0.99)


class Quantile(Value):
    """One quantile. Units are those of what was measured."""

    share: float
    value: float
    low: float
    """0 where there are too few observations for a bound."""
    high: float | None
    """None: too few observations for a bound; ``needed`` says how many it takes."""
    count: int


def quantile(values: Sequence[float], share: float, level: float = 0.95) -> Quantile | None:
    """A quantile with its two-sided interval; None where nothing was measured.

    The estimate is numpy's, by linear interpolation, as ``vllm bench serve`` reports it.

    Args:
        values: non-negative.
        share: 0 < share < 1.
    """
    from scipy.stats import binom

    ascending = np.sort(np.asarray(values, dtype=float))
    count = len(ascending)
    if count == 0:
        return None
    tail = (1 - level) / 2
    below = int(binom.ppf(tail, count, share))  # P(X < below) <= tail
    above = int(binom.ppf(1 - tail, count, share)) + 1  # P(X >= above) <= tail
    value = float(np.quantile(ascending, share))  # between two observations where they are few
    return Quantile(
        share=share,
        value=value,
        low=min(float(ascending[below - 1]), value) if below >= 1 else 0.0,
        high=max(float(ascending[above - 1]), value) if above <= count else None,
        count=count,
    )


def quantiles(values: Sequence[float], shares: Sequence[float] = SHARES) -> tuple[Quantile, ...]:
    """Several quantiles; none where nothing was measured."""
    found = (quantile(values, share) for share in shares)
    return tuple(each for each in found if each is not None)


def needed(share: float, level: float = 0.95) -> int:
    """Observations from which on the largest is an upper bound of a quantile's interval."""
    return ceil(log((1 - level) / 2) / log(share))
