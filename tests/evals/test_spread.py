"""Intervals over clusters and runs: hold what they promise where the truth is known."""

import numpy as np
import pytest

from evals.spread import difference, estimate


def drawn(rng: np.random.Generator, *, runs: int, companies: int, each: int, run_sd: float):
    """Runs of a method whose true mean is 0.5: companies differ, and so do training runs."""
    lifts = rng.normal(0, 0.15, companies)
    cluster = {f"{c}/{q}": str(c) for c in range(companies) for q in range(each)}
    made = []
    for _ in range(runs):
        shift = rng.normal(0, run_sd)
        made.append(
            {
                f"{c}/{q}": float(rng.random() < 0.5 + lifts[c] + shift)
                for c in range(companies)
                for q in range(each)
            }
        )
    return made, cluster


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(300):
        runs, cluster = drawn(rng, runs=3, companies=30, each=5, run_sd=0.02)
        found = estimate(runs, cluster)
        assert found is not None
        inside += found.low <= 0.5 <= found.high
    assert inside / 300 > 0.92


def test_questions_taken_as_independent_would_promise_too_much():
    rng = np.random.default_rng(4)
    runs, cluster = drawn(rng, runs=1, companies=20, each=20, run_sd=0.0)
    own = estimate(runs, cluster)
    alone = estimate(runs, {question: question for question in cluster})
    assert own is not None
    assert alone is not None
    assert own.mean == alone.mean
    assert own.high - own.low > 1.3 * (alone.high - alone.low)
    assert (own.clusters, alone.clusters) == (20, 400)


def test_one_run_has_no_spread_of_runs():
    found = estimate([{"a": 1.0, "b": 0.0}], {"a": "x", "b": "y"})
    assert found is not None
    assert (found.runs, found.run_sd, found.questions) == (1, None, 2)


def test_runs_that_differ_widen_the_interval():
    cluster = {str(q): str(q) for q in range(40)}
    same = [{q: float(int(q) % 2) for q in cluster}] * 3
    apart = [{q: v for q in cluster} for v in (0.0, 0.5, 1.0)]
    narrow, wide = estimate(same, cluster), estimate(apart, cluster)
    assert narrow is not None
    assert wide is not None
    assert narrow.mean == wide.mean == pytest.approx(0.5)
    assert wide.high - wide.low > narrow.high - narrow.low
    assert wide.run_sd == pytest.approx(0.5)


def test_a_difference_is_taken_question_by_question():
    cluster = {str(q): str(q) for q in range(30)}
    start = [{q: float(int(q) % 3 == 0) for q in cluster}]
    better = [{q: min(1.0, v + 1.0) for q, v in start[0].items()}] * 3
    gained = difference(better, start, cluster)
    assert gained is not None
    assert gained.mean == pytest.approx(2 / 3)
    assert gained.low > 0
    nothing = difference(start, start, cluster)
    assert nothing is not None
    assert (nothing.low, nothing.mean, nothing.high) == (0.0, 0.0, 0.0)


def test_nothing_in_common_is_no_estimate():
    assert estimate([], {}) is None
    assert estimate([{"a": 1.0}, {"b": 1.0}], {"a": "x", "b": "x"}) is None
    assert difference([{"a": 1.0}], [], {"a": "x"}) is None
