"""Fits a logistic of features whose weights are never negative.

Features are standardised for the fit and the weights shrunk a little (ridge), so that few examples
do not make extreme probabilities. A feature that never varies, or is never known, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from specialists.foundation.records import Logistic

RIDGE = 0.5
"""Penalty on squared standardised weights, in units of one example's loss."""


def fit(told: Sequence[Mapping[str, float]], right: Sequence[bool]) -> Logistic:
    """The logistic of features that makes the outcomes most probable."""
    came = np.asarray(right, dtype=float)
    names, usual, x = _matrix(told)
    base = float(np.log((came.sum() + 0.5) / (len(came) - came.sum() + 0.5)))
    if not names:
        return Logistic(intercept=base, weights={}, usual={})
    spread = x.std(axis=0)
    intercept, weights = _minimise((x - x.mean(axis=0)) / spread, came, base)
    kept = [i for i in range(len(names)) if weights[i] > 1e-9]
    return Logistic(
        intercept=round(intercept, 6),
        weights={names[i]: round(float(weights[i] / spread[i]), 6) for i in kept},
        usual={names[i]: round(usual[i], 6) for i in kept},
    )


def _matrix(told: Sequence[Mapping[str, float]]) -> tuple[list[str], list[float], np.ndarray]:
    """Names, means and values [examples, features] of the features that vary."""
    names: list[str] = []
    usual: list[float] = []
    columns: list[np.ndarray] = []
    for name in sorted({name for each in told for name in each}):
        known = [each[name] for each in told if name in each]
        middle = float(np.mean(known))
        column = np.array([each.get(name, middle) for each in told])
        if column.std() > 1e-9:
            names.append(name)
            usual.append(middle)
            columns.append(column)
    return names, usual, np.stack(columns, axis=1) if columns else np.zeros((len(told), 0))


def _minimise(z: np.ndarray, came: np.ndarray, start: float) -> tuple[float, np.ndarray]:
    """Intercept and weights of standardised features ``z`` [examples, features]."""
    from scipy.optimize import minimize

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        odds = beta[0] + z @ beta[1:]
        value = np.logaddexp(0, odds).sum() - came @ odds + RIDGE * (beta[1:] ** 2).sum()
        error = 1 / (1 + np.exp(-odds)) - came
        slope = np.concatenate([[error.sum()], z.T @ error + 2 * RIDGE * beta[1:]])
        return float(value), slope

    count = z.shape[1]
    begin = np.concatenate([[start], np.full(count, 0.1)])
    bounds = [(-20.0, 20.0), *[(0.0, 20.0)] * count]
    found = minimize(loss, begin, jac=True, bounds=bounds, method="L-BFGS-B")
    return float(found.x[0]), found.x[1:]
