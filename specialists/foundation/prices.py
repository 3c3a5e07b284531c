"""What models cost. A table of known prices and plain arithmetic; nothing is fetched.

A price that is not known is not zero: ``cost`` then returns None, and the caller says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from specialists.foundation.contracts import Usage, Value


class Price(Value):
    """What a model costs: by token, or by the hour of the device it runs on, or both."""

    input_usd: float = 0.0
    """Dollars per million prompt tokens."""
    output_usd: float = 0.0
    """Dollars per million completion tokens."""
    device_usd: float = 0.0
    """Dollars per hour of the device."""
    stated: date | None = None
    """When the price was looked up."""
    source: str = ""


OWN_MACHINE = Price(source="the caller's own machine: no charge by the hour is counted")
"""The price of the in-process engine, unless a device price is configured."""


class PriceList:
    """Prices by model name; the longest known beginning counts, so dated releases share one."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = dict(prices)

    def of(self, model: str) -> Price | None:
        """The price of a model; None where it is not known."""
        names = [name for name in self._prices if model == name or model.startswith(f"{name}-")]
        return self._prices[max(names, key=len)] if names else None

    def cost(self, model: str, usage: Usage) -> float | None:
        """Dollars for a use of a model; None where its price is not known."""
        price = self.of(model)
        return None if price is None else cost(price, usage)


def cost(price: Price, usage: Usage) -> float:
    """Dollars for a use at a price."""
    tokens = usage.prompt_tokens * price.input_usd + usage.completion_tokens * price.output_usd
    return tokens / 1e6 + usage.seconds / 3600 * price.device_usd


def priced(usage: Usage, price: Price | None) -> Usage:
    """The usage with its cost, or with its calls counted as unpriced."""
    if price is None:
        return usage.model_copy(update={"unpriced_calls": usage.calls})
    return usage.model_copy(update={"cost_usd": cost(price, usage)})
