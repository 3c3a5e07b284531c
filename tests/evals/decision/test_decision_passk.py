"""pass@k and pass^k: as counting every choice of k samples has them, and as inspect_ai does."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evals.decision.crossed import estimate
from evals.decision.passk import pass_at_k, pass_curve, pass_hat_k
from specialists.foundation.errors import DataError

SCORES = arrays(
    float, st.tuples(*[st.integers(1, 3)] * 2, st.integers(1, 6)), elements=st.sampled_from([0, 1])
)


@settings(deadline=None)
@given(SCORES)
def test_each_is_the_share_of_all_choices(scores):
    runs, questions, samples = scores.shape
    for k in range(1, samples + 1):
        one, every = pass_at_k(scores, k), pass_hat_k(scores, k)
        assert one.shape == every.shape == (runs, questions)
        for place in np.ndindex(runs, questions):
            chosen = list(combinations(scores[place], k))
            assert one[place] == pytest.approx(np.mean([max(c) for c in chosen]))
            assert every[place] == pytest.approx(np.mean([min(c) for c in chosen]))


@pytest.fixture(scope="module")
def scorer():
    """inspect_ai's, loaded once: it takes seconds."""
    from inspect_ai import scorer

    return scorer


@settings(deadline=None)
@given(scores=SCORES)
def test_each_is_that_of_inspect(scores, scorer):
    samples = scores.shape[2]
    for k in range(1, samples + 1):
        for place in np.ndindex(*scores.shape[:2]):
            told = [scorer.Score(value=float(v)) for v in scores[place]]
            assert pass_at_k(scores, k)[place] == pytest.approx(scorer.pass_at(k)(told).as_float())
            assert pass_hat_k(scores, k)[place] == pytest.approx(scorer.pass_k(k)(told).as_float())


@settings(deadline=None)
@given(SCORES)
def test_more_attempts_help_one_and_hurt_all(scores):
    ks = range(1, scores.shape[2] + 1)
    one = np.array([pass_at_k(scores, k) for k in ks])
    every = np.array([pass_hat_k(scores, k) for k in ks])
    assert (np.diff(one, axis=0) >= -1e-12).all()
    assert (np.diff(every, axis=0) <= 1e-12).all()
    assert one[0] == pytest.approx(scores.mean(axis=2))
    assert every[0] == pytest.approx(scores.mean(axis=2))


def test_the_curve_has_intervals_over_companies_templates_and_runs():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 2, (3, 60, 6)).astype(float)
    companies, templates = np.arange(60) % 10, np.arange(60) % 7
    curve = pass_curve(scores, companies, templates, level=0.9)
    assert [point.k for point in curve] == [1, 2, 4, 6]
    share = estimate(scores.mean(axis=2), companies, templates, level=0.9)
    assert (curve[0].one.low, curve[0].one.high) == pytest.approx((share.low, share.high))
    assert (curve[0].all.low, curve[0].all.high) == pytest.approx((share.low, share.high))
    assert curve[2].one.mean == pytest.approx(pass_at_k(scores, 4).mean())
    assert curve[2].all.low < curve[2].all.mean < curve[2].all.high
    assert [p.k for p in pass_curve(scores[:, :, :4], companies)] == [1, 2, 4]
    assert [p.k for p in pass_curve(scores[:, :, :1], companies)] == [1]


@pytest.mark.parametrize("k", [0, 5])
def test_no_more_attempts_than_samples(k):
    with pytest.raises(DataError, match="there are 4"):
        pass_at_k(np.ones((1, 2, 4)), k)
    with pytest.raises(DataError, match="there are 4"):
        pass_hat_k(np.ones((1, 2, 4)), k)


def test_half_right_is_not_right():
    assert pass_at_k(np.array([[[0.5, 0.5]]]), 1) == 0
