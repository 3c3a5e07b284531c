"""What other tests say of the same difference: shown beside the analysis that decides, never in its
place.

The bootstrap over companies and runs rejects a little too often with few runs; the sign-flip test
is conditional on these runs, hence of these weights and not of the method, and rejects more often
still. McNemar's test is for one checkpoint against another with one sample of each question.

Sources: Owen 2007, Annals of Applied Statistics 1(2), 386-411 (bootstrap of crossed effects);
Canay, Romano and Shaikh 2017, Econometrica 85(3), 1013-1030 (sign changes of clusters); Phipson
and Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9(1) (p of random
permutations); McNemar 1947, Psychometrika 12, 153-157.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evals.decision.crossed import Table
from evals.decision.outcomes import Codes
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError

_ROUNDING = 1e-12


class Interval(Value):
    """Of a difference, from resampling."""

    mean: float
    low: float
    high: float
    level: float
    draws: int


def bootstrap(
    a: Table,
    b: Table,
    companies: Codes,
    *,
    paired: bool = True,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of the difference, companies and training runs drawn anew.

    Each draw takes as many companies as there are, with all their questions, and as many runs of
    each arm; runs paired by seed are drawn together.

    Args:
        a: (S, Q).
        b: (S', Q).
        companies: (Q,).
        paired: as in ``crossed.difference``.

    Raises:
        DataError: arms or companies of different questions.
    """
    _check(a, b, companies)
    rng = np.random.default_rng(seed)
    sizes = np.unique(companies, return_counts=True)[1].astype(float)
    taken = _draws(rng, len(sizes), draws)  # (draws, C)
    runs_a = _draws(rng, len(a), draws) / len(a)  # (draws, S)
    together = paired and len(a) == len(b)
    runs_b = runs_a if together else _draws(rng, len(b), draws) / len(b)
    gaps = runs_a @ _sums(a, companies) - runs_b @ _sums(b, companies)  # (draws, C)
    means = (taken * gaps).sum(axis=1) / (taken @ sizes)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(
        mean=float(a.mean() - b.mean()), low=float(low), high=float(high), level=level, draws=draws
    )


def sign_flip(a: Table, b: Table, companies: Codes, *, draws: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of the difference being 0, from flipping the signs of whole companies.

    Exact where there are no more sign patterns than draws; otherwise of random patterns, the one
    seen counted in.

    Args:
        a: (S, Q).
        b: (S', Q).
        companies: (Q,).

    Raises:
        DataError: arms or companies of different questions.
    """
    _check(a, b, companies)
    sums = _sums(a.mean(axis=0, keepdims=True) - b.mean(axis=0, keepdims=True), companies)[0]
    count = len(sums)
    exact = 2**count <= draws
    if exact:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    else:
        signs = 2 * np.random.default_rng(seed).integers(0, 2, (draws, count), dtype=np.int8) - 1
    seen = abs(float(sums.sum()))
    as_far = int((np.abs(signs @ sums) >= seen - _ROUNDING * float(np.abs(sums).sum())).sum())
    return as_far / 2**count if exact else (as_far + 1) / (draws + 1)


def mcnemar(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Exact two-sided p that two checkpoints are right equally often.

    Args:
        a: (Q,), 0 or 1.
        b: (Q,), 0 or 1: the same questions.

    Raises:
        DataError: other figures than 0 and 1, or different questions.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact

    if a.shape != b.shape or a.ndim != 1 or not np.isin([a, b], [0, 1]).all():
        raise DataError("McNemar's test needs one right or wrong a question, of the same questions")
    table = [[int(((a == x) & (b == y)).sum()) for y in (1, 0)] for x in (1, 0)]
    return float(cast(Any, exact(table, exact=True)).pvalue)


def _check(a: Table, b: Table, companies: Codes) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or companies.shape != a.shape[1:]:
        raise DataError(f"arms of {a.shape} and {b.shape} with companies of {companies.shape}")


def _draws(rng: np.random.Generator, count: int, draws: int) -> NDArray[np.float64]:
    """(draws, count): how often each was drawn, with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)


def _sums(table: Table, companies: Codes) -> NDArray[np.float64]:
    """(S, C): each run's sum over each company's questions."""
    place = np.unique(companies, return_inverse=True)[1]
    return np.array([np.bincount(place, weights=row) for row in table], dtype=np.float64)
