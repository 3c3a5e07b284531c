"""Learn-then-test: the lowest confidence from which on answers may be given at a promised risk.

The risk is the share of questions *asked* that get a wrong answer; a withheld answer is never
wrong. It falls as the threshold rises, so thresholds are tested in turn from the strictest down,
each with the exact binomial test, and the first that is not proved ends the row. All those before
it hold together with probability 1 - delta, without a correction for their number.

It holds for questions like those of the calibration; nothing here makes others like them.

Source: Angelopoulos, Bates, Candès, Jordan and Lei 2021, arXiv 2110.01052, sections 2 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from specialists.foundation.records import Threshold

NEVER = 2.0
"""A threshold that no answer reaches."""
GRID = tuple(1 / (1 + math.exp(-step / 20)) for step in range(160, -101, -1))
"""The thresholds tested, strictest first; fixed before any answer is seen."""


def p_value(wrong: int, count: int, risk: float) -> float:
    """Chance of at most so many wrong answers, were the risk above ``risk``."""
    from scipy.stats import binom

    return float(binom.cdf(wrong, count, risk)) if count else 1.0


def learn(
    sure: Sequence[float | None],
    wrong: Sequence[bool],
    risk: float,
    *,
    delta: float = 0.05,
    groups: Sequence[str] = (),
) -> Threshold:
    """The lowest threshold whose risk is proved to be at most ``risk``.

    Args:
        sure: the confidence of each question's answer; None where none was given.
        wrong: whether that answer is wrong.
        delta: probability that the promise fails to hold.
        groups: where each question comes from; the promise must then hold for each group by itself.
    """
    told = np.array([-1.0 if each is None else each for each in sure])
    bad = np.asarray(wrong, dtype=bool)
    of = np.asarray(groups or [""] * len(told))
    members = [of == name for name in sorted(set(of.tolist()))]
    best = Threshold(risk=risk, confidence=NEVER, wrong=0, given=0, p=1.0)
    for level in GRID:
        given = told >= level
        lost = given & bad
        p = max((p_value(int((lost & m).sum()), int(m.sum()), risk) for m in members), default=1.0)
        if p > delta:
            break
        best = Threshold(
            risk=risk, confidence=level, wrong=int(lost.sum()), given=int(given.sum()), p=p
        )
    return best
