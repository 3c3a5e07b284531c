from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

from evals.drift.signals import Count, rise, shift


def test_a_rate_that_doubled_is_found_and_fisher_agrees() -> None:
    before, now = Count(hits=40, count=1_000), Count(hits=90, count=1_000)
    found = rise("escalated", before, now, 0.05)
    assert found is not None
    assert found.found
    table = [[now.hits, now.count - now.hits], [before.hits, before.count - before.hits]]
    fisher: Any = fisher_exact(table, alternative="greater")
    assert fisher.pvalue < 0.05


def test_equal_rates_looked_at_daily_are_rarely_found() -> None:
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(150):
        before = Count(hits=int(rng.binomial(400, 0.05)), count=400)
        hits = rng.binomial(20, 0.05, size=200).cumsum()
        looks = range(4, 200, 5)
        wrong += any(
            (found := rise("x", before, Count(hits=int(hits[d]), count=20 * (d + 1)), 0.05))
            is not None
            and found.found
            for d in looks
        )
    assert wrong / 150 <= 0.05


def test_nothing_to_compare() -> None:
    some = Count(hits=1, count=10)
    assert rise("x", Count(hits=0, count=0), some, 0.05) is None
    assert rise("x", some, Count(hits=0, count=0), 0.05) is None
    assert rise("x", Count(hits=3, count=3), some, 0.05) is None
    assert shift({}, {"a": 3}) is None
    assert shift({"a": 3}, {"a": 5}) is None


def test_the_index_is_what_its_definition_says() -> None:
    found = shift({"a": 599, "b": 399}, {"a": 99, "b": 899})
    assert found is not None
    old, new = (599.5 / 999, 399.5 / 999), (99.5 / 999, 899.5 / 999)
    told = sum((n - o) * log(n / o) for o, n in zip(old, new, strict=True))
    assert found.psi == pytest.approx(told)
    assert found.moved


def test_an_unchanged_mix_stays_within_chance() -> None:
    rng = np.random.default_rng(1)
    shares = [0.5, 0.3, 0.15, 0.05]
    beyond = 0
    for _ in range(500):
        before, now = rng.multinomial(800, shares), rng.multinomial(300, shares)
        found = shift(dict(enumerate(map(int, before))), dict(enumerate(map(int, now))))  # type: ignore[arg-type]
        assert found is not None
        assert not found.moved
        beyond += found.psi > found.chance
    assert 0.02 <= beyond / 500 <= 0.09
