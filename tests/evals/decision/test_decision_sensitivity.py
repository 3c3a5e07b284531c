"""Bootstrap, sign flips and McNemar: as scipy and full enumeration have them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evals.decision.sensitivity import bootstrap, mcnemar, sign_flip
from specialists.foundation.errors import DataError


def arms(seed: int, *, runs: int = 3, questions: int = 60, companies: int = 12, gain: float = 0.1):
    rng = np.random.default_rng(seed)
    code = rng.integers(0, companies, questions)
    b = rng.random((runs, questions))
    lift = gain + rng.normal(0, 0.1, companies)[code] + rng.normal(0, 0.02, (runs, 1))
    return b + lift + rng.normal(0, 0.1, b.shape), b, code


def sums(a, b, code):
    gaps = (a.mean(axis=0) - b.mean(axis=0)).ravel()
    names = np.unique(code)
    return np.array([gaps[code == n].sum() for n in names]), np.array(
        [(code == n).sum() for n in names]
    )


def test_one_run_is_scipys_bootstrap_of_companies():
    a, b, code = arms(1, runs=1)
    totals, sizes = sums(a, b, code)
    scipys = stats.bootstrap(
        (totals, sizes),
        lambda t, n, axis: t.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=40_000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    found = bootstrap(a, b, code, draws=40_000, seed=3)
    width = scipys.high - scipys.low
    assert (found.low, found.high) == pytest.approx((scipys.low, scipys.high), abs=0.03 * width)
    assert found.mean == pytest.approx((a - b).mean())


@pytest.mark.parametrize("paired", [True, False])
def test_few_companies_and_runs_are_all_their_resamples(paired):
    a, b, code = arms(4, runs=2, questions=15, companies=3)
    means = []
    for chosen in product(range(3), repeat=3):
        place = np.concatenate([np.flatnonzero(code == c) for c in chosen])
        for runs in product(range(2), repeat=2):
            for others in [runs] if paired else product(range(2), repeat=2):
                gaps = a[np.ix_(runs, place)].mean(axis=0) - b[np.ix_(others, place)].mean(axis=0)
                means.append(gaps.mean())
    found = bootstrap(a, b, code, paired=paired, draws=60_000, seed=5, level=0.8)
    exact = np.quantile(means, [0.1, 0.9])
    assert (found.low, found.high) == pytest.approx(tuple(exact), abs=0.02 * np.ptp(means))


def test_runs_that_differ_widen_the_bootstrap():
    a, b, code = arms(6, runs=4, questions=200, companies=40)
    apart = a + np.array([[-0.2], [0.0], [0.0], [0.2]])
    narrow, wide = bootstrap(a, b, code, seed=7), bootstrap(apart, b, code, seed=7)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_a_seed_gives_the_same_again():
    a, b, code = arms(8, companies=30)
    assert bootstrap(a, b, code, seed=9, draws=500) == bootstrap(a, b, code, seed=9, draws=500)
    assert bootstrap(a, b, code, seed=9, draws=500) != bootstrap(a, b, code, seed=10, draws=500)
    assert sign_flip(a, b, code, seed=9, draws=500) == sign_flip(a, b, code, seed=9, draws=500)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-0.2, 0.2))
def test_few_companies_are_scipys_exact_sign_flips(seed, gain):
    a, b, code = arms(seed, companies=8, gain=gain)
    exact = stats.permutation_test(
        (sums(a, b, code)[0],),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert sign_flip(a, b, code) == pytest.approx(exact)


def test_many_companies_are_drawn_and_agree_with_scipy():
    a, b, code = arms(11, companies=30, questions=120, gain=0.03)
    scipys = stats.permutation_test(
        (sums(a, b, code)[0],),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(12),
    ).pvalue
    assert sign_flip(a, b, code, draws=20_000, seed=13) == pytest.approx(scipys, abs=0.02)


def test_no_difference_is_no_evidence():
    _, b, code = arms(14, companies=30)
    assert sign_flip(b, b, code) == 1
    assert bootstrap(b, b, code).low == bootstrap(b, b, code).high == 0


def test_the_p_of_drawn_patterns_is_never_zero():
    a, b, code = arms(15, companies=40, questions=400, gain=1.0)
    assert sign_flip(a, b, code, draws=999) == pytest.approx(1 / 1000)


def test_mcnemar_is_the_binomial_test_of_the_discordant():
    rng = np.random.default_rng(16)
    a, b = rng.integers(0, 2, (2, 80)).astype(float)
    won, lost = int((a > b).sum()), int((a < b).sum())
    assert mcnemar(a, b) == pytest.approx(stats.binomtest(won, won + lost).pvalue)


def test_mcnemar_needs_one_sample_of_one_checkpoint():
    with pytest.raises(DataError, match="one right or wrong"):
        mcnemar(np.array([0.5, 1.0]), np.array([0.0, 1.0]))
    with pytest.raises(DataError, match="same questions"):
        mcnemar(np.array([1.0]), np.array([0.0, 1.0]))


def test_different_questions_are_refused():
    with pytest.raises(DataError, match="companies of"):
        bootstrap(np.zeros((2, 4)), np.zeros((2, 4)), np.arange(3))
    with pytest.raises(DataError, match="arms of"):
        sign_flip(np.zeros((2, 4)), np.zeros((2, 5)), np.arange(4))
