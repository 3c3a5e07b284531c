"""Looks: spend what they may, as published, and no test made of them finds more than it should."""

import itertools
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm
from scipy.stats import t as student

from evals.decision.crossed import Estimate, estimate
from evals.decision.sequential import (
    LATEST,
    conditional_power,
    foreseen,
    fraction,
    levels,
    p_value,
    spend,
)
from specialists.foundation.errors import DataError


def look(
    *, p: float = 0.5, mean: float = 1.0, se: float = 1.0, runs: float = 0.0, df: float = 20.0
) -> Estimate:
    """An estimate of which only what the looks read is meant."""
    return Estimate(
        mean=mean,
        low=mean - 2 * se,
        high=mean + 2 * se,
        level=0.95,
        se=se,
        df=df,
        p=p,
        runs=5,
        questions=600,
        companies=40,
        templates=None,
        run_sd=None,
        parts={"companies": se**2 - runs, "runs": runs},
    )


@pytest.mark.parametrize(
    ("fractions", "bounds"),
    [
        ((0.5, 1), (2.9626, 1.9686)),
        ((1 / 3, 2 / 3, 1), (3.7103, 2.5114, 1.9930)),
        ((0.2, 0.4, 0.6, 0.8, 1), (4.8769, 3.3570, 2.6803, 2.2898, 2.0310)),
    ],
)
def test_bounds_are_those_of_the_published_tables(fractions, bounds):
    # Reboussin, DeMets, Kim and Lan 2000, Controlled Clinical Trials 21, 190-207; gsDesign's sfLDOF
    found = [norm.isf(level / 2) for level in levels(fractions, 0.05)]
    assert found == pytest.approx(bounds, abs=2e-4)


def test_one_look_is_the_plain_test():
    assert levels((1.0,), 0.05) == pytest.approx((0.05,))
    rng = np.random.default_rng(1)
    found = estimate(rng.normal(0.05, 0.3, (3, 120)), np.arange(120) % 30)
    assert p_value([found], (1.0,)) == pytest.approx(found.p)
    assert found.p == pytest.approx(2 * student.sf(abs(found.mean) / found.se, found.df))


def test_the_looks_together_spend_alpha_exactly():
    """Against scipy's multivariate normal: the chance that no look is crossed is 1 - alpha."""
    fractions = (0.45, 0.6, 1.0)
    bounds = [norm.isf(level / 2) for level in levels(fractions, 0.04)]
    joint = [[np.sqrt(min(a, b) / max(a, b)) for b in fractions] for a in fractions]
    inside = multivariate_normal(np.zeros(3), joint, abseps=1e-7, releps=1e-7).cdf(
        bounds, lower_limit=[-b for b in bounds], rng=np.random.default_rng(0)
    )
    assert 1 - inside == pytest.approx(0.04, abs=2e-5)


@given(st.floats(0.001, 0.5), st.lists(st.floats(0.05, 1.0), min_size=2, max_size=2, unique=True))
def test_what_is_spent_grows_with_what_is_known_and_ends_at_alpha(alpha, pair):
    early, late = sorted(pair)
    assert spend(alpha, 1.0) == alpha
    told = [0.0, spend(alpha, early), spend(alpha, late), alpha]
    assert all(a <= b * (1 + 1e-12) for a, b in itertools.pairwise(told))  # but for rounding


def test_early_looks_spend_nearly_nothing():
    assert spend(0.05, 0.2) < 2e-6
    assert spend(0.05, 0.6) == pytest.approx(4 * norm.sf(norm.isf(0.0125) / np.sqrt(0.6)))
    assert spend(0.05, 0.0) == spend(0.0, 0.5) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.3, 0.9),
    st.floats(1e-6, 0.3),
    st.floats(1e-6, 1.0),
    st.floats(1e-6, 1.0),
)
def test_the_p_value_is_at_most_alpha_exactly_where_a_look_is_crossed(first, alpha, p1, p2):
    fractions = (first, 1.0)
    nominal = levels(fractions, alpha)
    crossed = p1 <= nominal[0] or p2 <= nominal[1]
    found = p_value([look(p=p1), look(p=p2)], fractions)
    if abs(found - alpha) > 1e-6 * alpha:
        assert (found <= alpha) == crossed


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 0.95), st.floats(0.001, 0.9), st.floats(1.01, 1.1))
def test_levels_grow_with_alpha(first, alpha, more):
    lower, higher = levels((first, 1.0), alpha), levels((first, 1.0), alpha * more)
    assert all(a <= b for a, b in zip(lower, higher, strict=True))
    assert all(level <= alpha for level in lower)


def test_a_look_that_points_the_other_way_does_not_count():
    ahead = p_value([look(p=1e-9), look(p=0.4)], (0.6, 1.0))
    behind = p_value([look(p=1e-9, mean=-1.0), look(p=0.4)], (0.6, 1.0))
    assert ahead < 1e-4
    assert behind > 0.4


def test_three_looks_agree_with_their_bounds():
    fractions = (0.4, 0.7, 1.0)
    for crossing, alpha in product(range(3), (0.01, 0.05)):
        nominal = levels(fractions, alpha)
        ps = [look(p=nominal[n] if n == crossing else 0.9) for n in range(3)]
        assert p_value(ps, fractions) == pytest.approx(alpha, rel=1e-5)


def test_no_true_gain_is_found_at_most_as_often_as_alpha_says():
    """Runs, companies and questions vary, the fraction is foreseen from what each look shows, and
    the bounds go through t: the error over both looks stays at alpha."""
    rng = np.random.default_rng(7)
    sims, runs, companies, each = 3000, 5, 40, 10
    codes = np.tile(np.arange(companies), each)
    half = len(codes) // 2
    found = 0
    for _ in range(sims):
        gaps = (
            rng.normal(0, 0.02, (runs, 1))
            + rng.normal(0, 0.04, companies)[codes]
            + rng.normal(0, 0.3, len(codes))
        )
        looks = [estimate(gaps[:, :half], codes[:half]), estimate(gaps, codes)]
        found += p_value(looks, (foreseen(looks[0], 0.5), 1.0)) <= 0.05
    assert found / sims <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / sims)


def test_half_of_the_questions_hold_more_than_half_of_what_is_known():
    now, end = look(se=1.0, runs=0.3), look(se=np.sqrt(0.65), runs=0.3)
    assert foreseen(now, 0.5) == pytest.approx(0.65)
    assert fraction(now, end) == pytest.approx(0.65)
    assert fraction(end, now) == LATEST
    assert foreseen(look(se=0.0), 0.5) == 0.5


def test_conditional_power_is_the_share_of_ends_that_show_a_gain():
    rng = np.random.default_rng(11)
    now, known, aim, least = look(mean=0.01, se=0.02), 0.6, 0.05, 0.03
    end = now.se * np.sqrt(known)
    # the end is the look's share of what is known, and new samples about the true gain
    fresh = rng.normal(aim, end / np.sqrt(1 - known), 200_000)
    ends = known * now.mean + (1 - known) * fresh
    for floor in (0.0, least):
        told = conditional_power(now, known, aim, 2.0, least=floor)
        assert told == pytest.approx(np.mean(ends >= max(2.0 * end, floor)), abs=0.005)


def test_conditional_power_falls_with_what_was_seen_and_is_certain_without_spread():
    means = (0.05, 0.0, -0.05)
    told = [conditional_power(look(mean=m, se=0.02), 0.6, 0.05, 2.0) for m in means]
    assert told == sorted(told, reverse=True)
    assert told[2] < 0.10
    assert conditional_power(look(mean=0.04, se=0.0), 0.6, 0.05, 2.0, least=0.03) == 1


@pytest.mark.parametrize("wrong", [(0.6, 0.6), (0.7, 0.5), (0.0, 1.0), (0.5, 1.2)])
def test_fractions_that_cannot_be_are_refused(wrong):
    with pytest.raises(DataError, match="ascend"):
        levels(wrong, 0.05)


def test_each_look_has_its_fraction():
    with pytest.raises(DataError, match="1 looks with 2"):
        p_value([look()], (0.5, 1.0))
