"""The hierarchical model: conjugacy where it has no effects, and honest where it has them."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit

from evals.decision.crossed import difference
from evals.decision.small import PRIORS, SPREADS, posterior
from specialists.foundation.errors import DataError


def answered(right: int, questions: int):
    return (np.arange(questions) < right).astype(float)[None, :, None]


def drawn(
    rng: np.random.Generator,
    *,
    questions: int = 60,
    companies: int = 12,
    runs: int = 3,
    samples: int = 4,
    gain: float = 0.3,
    run_sd: float = 0.1,
    company_sd: float = 0.2,
):
    """Two arms that differ by ``gain`` logits, and the gain in shares that is true of them."""
    company = np.arange(questions) % companies
    both = rng.normal(0, 1.2, questions) + rng.normal(0, 0.4, companies)[company]
    half = (gain + rng.normal(0, company_sd, companies)[company]) / 2
    arms = [
        rng.binomial(
            1,
            expit(both + sign * half + rng.normal(0, run_sd, (runs, 1)))[..., None],
            (runs, questions, samples),
        ).astype(float)
        for sign in (1, -1)
    ]
    wide = np.sqrt(1.2**2 + 0.4**2 + company_sd**2 / 4 + run_sd**2)
    shares = [
        integrate.quad(lambda z, s=s: expit(s * gain / 2 + wide * z) * stats.norm.pdf(z), -9, 9)[0]
        for s in (1, -1)
    ]
    return arms[0], arms[1], company, shares[0] - shares[1]


@pytest.mark.parametrize(
    ("first", "second", "questions"), [(30, 20, 50), (30, 0, 30), (10, 9, 12), (12, 12, 12)]
)
def test_without_effects_it_is_the_difference_of_two_betas(first, second, questions):
    found = posterior(
        answered(first, questions),
        answered(second, questions),
        np.arange(questions),
        delta=0.03,
        effects=(),
    )
    one, other = (stats.beta(1 + n, 1 + questions - n) for n in (first, second))

    def above(gain: float) -> float:
        """P(one - other > gain), by quadrature."""
        return integrate.quad(
            lambda p: other.pdf(p) * one.sf(p + gain), 0, 1, points=[other.mean()], limit=200
        )[0]

    assert found.mean == pytest.approx(one.mean() - other.mean(), abs=2e-3)
    assert above(found.low) == pytest.approx(0.975, abs=5e-3)
    assert above(found.high) == pytest.approx(0.025, abs=5e-3)
    assert found.above_zero == pytest.approx(above(0), abs=5e-3)
    assert found.above_delta == pytest.approx(above(0.03), abs=5e-3)
    assert found.spreads == {}


def test_it_agrees_with_the_crossed_analysis_where_that_has_enough():
    rng = np.random.default_rng(1)
    a, b, companies, _ = drawn(rng, questions=120, companies=40, runs=1, run_sd=0.0)
    found = posterior(a, b, companies, delta=0.03)
    crossed = difference(a.mean(axis=2), b.mean(axis=2), companies)
    assert found.mean == pytest.approx(crossed.mean, abs=0.01)
    assert 0.8 < (found.high - found.low) / (crossed.high - crossed.low) < 1.5


def test_arms_exchanged_change_the_sign():
    a, b, companies, _ = drawn(np.random.default_rng(2), questions=30)
    forth, back = (posterior(x, y, companies, delta=0.03) for x, y in ((a, b), (b, a)))
    assert forth.mean == pytest.approx(-back.mean, abs=3e-3)
    assert forth.low == pytest.approx(-back.high, abs=6e-3)
    assert forth.above_zero == pytest.approx(1 - back.above_zero, abs=0.01)


def test_the_same_questions_pair_the_arms():
    a, b, _, _ = drawn(np.random.default_rng(3), questions=40, runs=1, run_sd=0.0, company_sd=0.0)
    paired = posterior(a, b, np.arange(40), delta=0.03)
    mixed = posterior(a, b[:, np.random.default_rng(4).permutation(40)], np.arange(40), delta=0.03)
    assert paired.high - paired.low < 0.8 * (mixed.high - mixed.low)


def test_runs_and_companies_that_differ_widen_it():
    rng = np.random.default_rng(4)
    a, b, companies, _ = drawn(rng, questions=40, companies=8, run_sd=0.0, company_sd=0.0)
    calm = posterior(a, b, companies, delta=0.03, effects=("question",))
    runs = posterior(a, b, companies, delta=0.03, effects=("question", "run"))
    everything = posterior(a, b, companies, delta=0.03)
    assert calm.high - calm.low < runs.high - runs.low < everything.high - everything.low
    assert set(everything.spreads) == set(SPREADS)


def test_what_the_samples_cannot_tell_is_left_out():
    a, b, _, _ = drawn(np.random.default_rng(5), questions=20, runs=1, samples=1)
    assert set(posterior(a, b, np.arange(20), delta=0.03).spreads) == {"question"}
    assert set(posterior(a, b, np.zeros(20, int), delta=0.03).spreads) == {"question"}


def test_all_right_is_not_certainty():
    found = posterior(answered(10, 10), answered(10, 10), np.arange(10) % 5, delta=0.03)
    assert found.low < -0.05
    assert found.high > 0.05
    assert found.above_zero == pytest.approx(0.5, abs=0.02)


def test_it_says_what_it_assumed_and_of_what():
    a, b, companies, _ = drawn(np.random.default_rng(6), questions=24, companies=6, runs=2)
    found = posterior(a, b, companies, delta=0.05, level=0.9)
    assert (found.runs, found.questions, found.companies, found.delta) == (2, 24, 6, 0.05)
    assert found.priors == PRIORS
    assert "half-normal(0.25)" in PRIORS
    assert found.above_delta < found.above_zero
    assert found == posterior(a, b, companies, delta=0.05, level=0.9)


def test_broken_scores_are_refused():
    good = np.zeros((1, 4, 2))
    with pytest.raises(DataError, match="from 0 to 1"):
        posterior(good, np.full((1, 4, 2), np.nan), np.arange(4), delta=0.03)
    with pytest.raises(DataError, match="companies of"):
        posterior(good, good, np.arange(3), delta=0.03)
    with pytest.raises(DataError, match="arms of"):
        posterior(good, np.zeros((1, 5, 2)), np.arange(4), delta=0.03)


def covered(studies: int, seed: int, **more) -> float:
    rng = np.random.default_rng(seed)
    inside = 0
    for _ in range(studies):
        a, b, companies, true = drawn(rng, **more)
        found = posterior(a, b, companies, delta=0.03)
        inside += found.low <= true <= found.high
    return inside / studies


def test_small_sheets_hold_the_truth():
    assert (
        covered(30, 7, questions=30, companies=30, runs=1, samples=1, run_sd=0, company_sd=0) > 0.8
    )


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("run_sd", "company_sd"), [(0.1, 0.2), (0.25, 0.4)])
def test_intervals_hold_the_truth_as_often_as_they_say(run_sd, company_sd):
    assert 0.91 < covered(300, 8, run_sd=run_sd, company_sd=company_sd) <= 0.995
