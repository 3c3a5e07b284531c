"""Whether one of k attempts is right (pass@k), and whether all k are (pass^k).

Both are estimated without bias from K >= k samples of a question, c of them right, by drawing k of
the K without putting them back:

    pass@k = 1 - C(K - c, k) / C(K, k)    Chen et al. 2021, arXiv 2107.03374
    pass^k = C(c, k) / C(K, k)            Yao et al. 2024 (tau-bench), arXiv 2406.12045

pass@k shows what a method could reach with a judge, pass^k how far one may rely on it; at k = 1
both are the share right.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from evals.decision.crossed import Estimate, Table, estimate
from evals.decision.outcomes import Codes, Scores
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError


class Point(Value):
    """Both at one k, with intervals over companies, templates and runs."""

    k: int
    one: Estimate
    """pass@k"""
    all: Estimate
    """pass^k"""


def pass_at_k(scores: Scores, k: int) -> Table:
    """Chance that one of k attempts is right, (S, Q), from scores (S, Q, K); right is a score of 1.

    Raises:
        DataError: k is not from 1 to K.
    """
    right, samples = _right(scores, k)
    every = comb(samples, k)
    of_count = [1 - comb(samples - c, k) / every for c in range(samples + 1)]
    return np.array(of_count)[right]


def pass_hat_k(scores: Scores, k: int) -> Table:
    """Chance that all of k attempts are right, (S, Q), from scores (S, Q, K).

    Raises:
        DataError: k is not from 1 to K.
    """
    right, samples = _right(scores, k)
    every = comb(samples, k)
    return np.array([comb(c, k) / every for c in range(samples + 1)])[right]


def pass_curve(
    scores: Scores, companies: Codes, templates: Codes | None = None, *, level: float = 0.95
) -> tuple[Point, ...]:
    """pass@k and pass^k of one arm for k = 1, 2, 4 … and K.

    Args:
        scores: (S, Q, K).
        companies: (Q,).
        templates: (Q,).
    """
    samples = scores.shape[2]
    powers = [2**n for n in range(samples.bit_length()) if 2**n < samples]
    return tuple(
        Point(
            k=k,
            one=estimate(pass_at_k(scores, k), companies, templates, level=level),
            all=estimate(pass_hat_k(scores, k), companies, templates, level=level),
        )
        for k in (*powers, samples)
    )


def _right(scores: Scores, k: int) -> tuple[NDArray[np.int64], int]:
    """How many samples of each run and question are right, and of how many."""
    samples = scores.shape[2]
    if not 1 <= k <= samples:
        raise DataError(f"pass@{k} needs {k} samples of a question; there are {samples}")
    return (scores >= 1).sum(axis=2), samples
