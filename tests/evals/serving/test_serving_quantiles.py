from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import quantile_test

from evals.serving.quantiles import needed, quantile, quantiles


@pytest.mark.parametrize("count", [40, 92, 400])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_the_interval_is_no_narrower_than_scipys_by_more_than_a_rank(
    count: int, share: float
) -> None:
    values = np.random.default_rng(count).lognormal(size=count)
    ours = quantile(list(values), share)
    theirs = quantile_test(values, p=share).confidence_interval(0.95)
    assert ours is not None
    ascending = np.sort(values)

    def rank(value: float) -> int:
        return int(np.searchsorted(ascending, value))

    if np.isfinite(theirs.low):
        assert abs(rank(ours.low) - rank(float(theirs.low))) <= 1
    if np.isfinite(theirs.high) and ours.high is not None:
        assert abs(rank(ours.high) - rank(float(theirs.high))) <= 1


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_it_covers_whatever_the_distribution(share: float) -> None:
    rng = np.random.default_rng(5)
    truth = float(np.exp(1.5 * np.sqrt(2) * _erfinv(2 * share - 1)))
    inside = 0
    for _ in range(800):
        found = quantile(list(rng.lognormal(sigma=1.5, size=120)), share)
        assert found is not None
        inside += found.low <= truth <= (np.inf if found.high is None else found.high)
    assert inside / 800 >= 0.935


def _erfinv(value: float) -> float:
    from scipy.special import erfinv

    return float(erfinv(value))


def test_too_few_have_no_upper_bound() -> None:
    assert needed(0.99) == 368
    few, many = quantile([1.0] * 367, 0.99), quantile([1.0] * 368, 0.99)
    assert few is not None
    assert few.high is None
    assert many is not None
    assert many.high == 1.0
    assert quantile([], 0.5) is None
    assert quantiles([]) == ()


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_bounds_enclose_the_estimate(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found is not None
    assert found.low <= found.value + 1e-9
    assert found.high is None or found.value <= found.high + 1e-9
