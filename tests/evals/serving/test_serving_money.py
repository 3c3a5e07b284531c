from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from evals.serving.money import dollars, ratio, spending
from evals.serving.requests import Load, Request, Trial
from specialists.foundation.contracts import Usage
from specialists.foundation.prices import Price


def trial(rights: Sequence[bool | None], busy: float | None = 3.0, devices: int = 1) -> Trial:
    requests = tuple(
        Request(question=str(n), seconds=1, right=r, prompt_tokens=900, completion_tokens=100)
        for n, r in enumerate(rights)
    )
    return Trial(
        arm="a",
        load=Load(kind="closed", level=1),
        duration_s=6.0,
        busy_s=busy,
        devices=devices,
        requests=requests,
    )


def test_a_right_answer_bears_the_wrong_ones() -> None:
    price = Price(input_usd=1.0, output_usd=10.0, hour_usd=3600.0)
    spent = spending(trial([True, True, False]), price)
    tokens = (900 * 1.0 + 100 * 10.0) / 1e6
    assert spent.usd.value == pytest.approx(tokens + 1.0)
    assert spent.usd_held.value == pytest.approx(tokens + 2.0)
    assert spent.usd_right.value == pytest.approx((tokens + 1.0) * 3 / 2)
    assert spent.tokens.value == pytest.approx(1_000)
    assert spent.tokens_right.value == pytest.approx(1_500)
    assert spent.busy_s_right.value == pytest.approx(1.5)
    assert spent.held_s.value == pytest.approx(2.0)
    assert spent.right == 2


def test_none_right_has_no_price_and_few_right_no_bound() -> None:
    none = spending(trial([False, False]), Price(hour_usd=1))
    assert none.usd_right.value is None
    assert none.usd.value is not None
    few = spending(trial([True] + [False] * 30), Price(hour_usd=1))
    assert few.usd_right.value is not None
    assert few.usd_right.high is None
    assert few.usd_right.low is not None


def test_what_is_not_known_is_not_told() -> None:
    assert spending(trial([True, None]), Price(hour_usd=1)).right is None
    assert spending(trial([True]), None).usd.value is None
    hosted = spending(trial([True], busy=None, devices=0), Price(input_usd=1.0))
    assert hosted.busy_s.value is None
    assert hosted.usd.value == pytest.approx(900 / 1e6)
    empty = spending(trial([]), Price(hour_usd=1))
    assert empty.usd.value is None


def test_dollars_are_the_foundations() -> None:
    price = Price(input_usd=2.0, hour_usd=36.0)
    used = Usage(prompt_tokens=500_000, seconds=99)
    assert dollars(price, tokens=used, device_s=100) == pytest.approx(2.0)


def test_the_interval_covers_the_ratio() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        amounts = rng.gamma(2.0, 1.0, 80)
        right = rng.binomial(1, 0.7, 80).astype(float)
        drawn = rng.integers(80, size=(400, 80))
        found = ratio(amounts, right, drawn)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 2.0 / 0.7 <= found.high
    assert inside / 200 >= 0.9
