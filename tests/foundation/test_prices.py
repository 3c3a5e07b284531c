from __future__ import annotations

import pytest

from specialists.foundation.contracts import Usage
from specialists.foundation.prices import Price, find, priced

USED = Usage(calls=2, prompt_tokens=1_000_000, completion_tokens=500_000, seconds=1800)


def test_tokens_and_hours_add_up() -> None:
    price = Price(input_usd=0.5, output_usd=4.0, hour_usd=3.0)
    assert price.cost(USED) == pytest.approx(0.5 + 2.0 + 1.5)


def test_dated_releases_share_the_longest_known_name() -> None:
    prices = {"gpt": Price(input_usd=1), "gpt-mini": Price(input_usd=2)}
    assert find(prices, "gpt-mini-2026-01-01") == prices["gpt-mini"]
    assert find(prices, "gpt") == prices["gpt"]
    assert find(prices, "gpt5") is None


def test_an_unknown_price_is_told_not_zeroed() -> None:
    unknown = priced(USED, None)
    assert unknown.unpriced_calls == 2
    known = priced(USED, Price(hour_usd=2))
    assert (known.unpriced_calls, known.cost_usd) == (0, 1.0)
    both = unknown + known
    assert (both.unpriced_calls, both.cost_usd) == (2, 1.0)
