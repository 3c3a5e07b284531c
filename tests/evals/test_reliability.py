from __future__ import annotations

import numpy as np
import pytest

from evals.fitting import fit
from evals.reliability import diagram, reliability, risk_coverage
from specialists.confidence import predict


def test_brier_and_calibration_error_by_hand() -> None:
    found = reliability([0.9, 0.9, 0.2, 0.2], [True, False, False, False])
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.04 + 0.04) / 4)
    assert found.ece == pytest.approx(0.5 * 0.4 + 0.5 * 0.2)
    assert (found.count, found.right) == (4, 1)
    assert reliability([], []).count == 0
    assert reliability([1.0, 0.0], [True, False]).ece == 0


def test_the_diagram_has_the_bins_that_hold_any() -> None:
    assert diagram([0.05, 0.05, 1.0], [False, True, True]) == [(0.05, 0.5, 2), (1.0, 1.0, 1)]


def test_risk_over_coverage_counts_ties_together() -> None:
    points = risk_coverage([0.9, 0.5, 0.5, None], [False, True, False, False])
    assert points == [(0.9, 0.25, 0.0), (0.5, 0.75, pytest.approx(1 / 3))]


def test_a_fit_finds_the_weights_that_made_the_outcomes() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 2))
    right = rng.uniform(size=4000) < 1 / (1 + np.exp(-(0.5 + 1.5 * x[:, 0])))
    told = [{"a": float(a), "noise": float(b), "fixed": 1.0} for a, b in x]
    found = fit(told, right.tolist())
    assert found.weights["a"] == pytest.approx(1.5, abs=0.15)
    assert "fixed" not in found.weights
    assert abs(found.weights.get("noise", 0.0)) < 0.1
    probabilities = [predict(found, each) for each in told]
    assert reliability(probabilities, right.tolist()).ece < 0.03


def test_weights_are_never_negative() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=500)
    right = rng.uniform(size=500) < 1 / (1 + np.exp(2 * x))
    found = fit([{"a": float(a)} for a in x], right.tolist())
    assert found.weights == {}
    assert predict(found, {}) == pytest.approx(right.mean(), abs=0.01)


def test_what_is_sometimes_unknown_still_counts() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=1000)
    right = rng.uniform(size=1000) < 1 / (1 + np.exp(-2 * x))
    told = [{"a": float(a)} if n % 2 else {} for n, a in enumerate(x)]
    assert fit(told, right.tolist()).weights["a"] > 0.5


def test_all_right_gives_high_probability_but_no_certainty() -> None:
    found = fit([{"a": 1.0}, {"a": 2.0}, {"a": 3.0}], [True, True, True])
    assert 0.5 < predict(found, {"a": 2.0}) < 1
