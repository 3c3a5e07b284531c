"""The stake against an integral, the sequence against simulated audits looked at every day."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta as beta_law

from evals.drift.betting import log_stake, lower, needed, upper


@pytest.mark.parametrize(("right", "wrong", "least"), [(7, 5, 0.8), (0, 3, 0.9), (30, 2, 0.85)])
def test_the_stake_is_the_mixture_of_bets(right: int, wrong: int, least: float) -> None:
    def bet(q: float) -> float:
        grown = (q / least) ** right * ((1 - q) / (1 - least)) ** wrong
        return grown * float(beta_law.pdf(q, 0.5, 0.5)) / float(beta_law.cdf(least, 0.5, 0.5))

    whole, _ = quad(bet, 0, least, limit=200)
    assert log_stake(right, wrong, least) == pytest.approx(log(whole), abs=1e-5)


@settings(deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.0, 1.0))
def test_no_bet_gains_where_the_promise_is_kept(least: float, extra: float) -> None:
    truth = least + extra * (1 - least)
    for right, wrong in [(0, 0), (5, 1), (2, 9)]:
        now = log_stake(right, wrong, least)
        steps = [log_stake(right + 1, wrong, least), log_stake(right, wrong + 1, least)]
        gain = truth * np.exp(steps[0] - now) + (1 - truth) * np.exp(steps[1] - now)
        assert gain <= 1 + 1e-6


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.01, 0.05, 0.2]))
def test_bounds_enclose_what_was_seen(right: int, wrong: int, alpha: float) -> None:
    low, high = lower(right, wrong, alpha), upper(right, wrong, alpha)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low - 1e-6 <= right / (right + wrong) <= high + 1e-6
    assert upper(right, wrong, alpha) <= upper(right, wrong, alpha / 10) + 1e-6


def audits(truth: float, days: int, daily: int, runs: int, seed: int) -> np.ndarray:
    """(runs, days): right labels up to each day's end."""
    rng = np.random.default_rng(seed)
    return rng.binomial(daily, truth, size=(runs, days)).cumsum(axis=1)


def ever_found(right: np.ndarray, daily: int, least: float, alpha: float) -> float:
    """Share of runs in which any daily look demotes."""
    from scipy.special import betainc, betaln

    seen = daily * np.arange(1, right.shape[1] + 1)
    wrong = seen - right
    with np.errstate(divide="ignore"):
        stake = betaln(0.5 + right, 0.5 + wrong) + np.log(betainc(0.5 + right, 0.5 + wrong, least))
    stake -= betaln(0.5, 0.5) + np.log(betainc(0.5, 0.5, least))
    stake -= right * log(least) + wrong * log(1 - least)
    assert stake[0, 9] == pytest.approx(log_stake(int(right[0, 9]), int(wrong[0, 9]), least))
    return float((stake >= -log(alpha)).any(axis=1).mean())


@pytest.mark.parametrize("least", [0.6, 0.9, 0.97])
def test_200_daily_looks_demote_wrongly_in_5_of_100_at_most(least: float) -> None:
    right = audits(least, days=200, daily=5, runs=4_000, seed=1)
    assert ever_found(right, 5, least, 0.05) <= 0.05


def test_a_drop_of_ten_points_is_found() -> None:
    right = audits(0.80, days=200, daily=5, runs=2_000, seed=2)
    assert ever_found(right, 5, 0.90, 0.05) >= 0.99
    assert ever_found(right[:, :60], 5, 0.90, 0.05) >= 0.8


def test_labels_needed_find_it_every_other_time() -> None:
    count = needed(0.90, 0.80, 0.05)
    assert count is not None
    assert 60 <= count <= 200
    rng = np.random.default_rng(3)
    found = [log_stake(r, count - r, 0.9) >= -log(0.05) for r in rng.binomial(count, 0.8, 2_000)]
    assert 0.4 <= np.mean(found) <= 0.65
    assert needed(0.9, 0.9, 0.05) is None
    assert needed(0.9, 0.8999, 0.05, limit=1_000) is None
