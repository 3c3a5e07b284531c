"""Wilson's interval against published and exact properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evals.intervals import wilson


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_scipys(pair):
    right, count = pair
    theirs = binomtest(right, count).proportion_ci(0.95, "wilson")
    assert wilson(right, count) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_no_questions_say_nothing():
    assert wilson(0, 0) == (0.0, 1.0)
