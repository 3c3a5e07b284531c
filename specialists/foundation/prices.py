"""What models cost. Prices and plain arithmetic; nothing is fetched.

A price that is not known is not zero: its calls count as unpriced, and the sum is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from specialists.foundation.config import Config
from specialists.foundation.contracts import Usage


class Price(Config):
    """What a model costs: by token, by the hour of the machine it runs on, or both."""

    input_usd: float = Field(default=0.0, ge=0)
    """US dollars per million prompt tokens."""
    output_usd: float = Field(default=0.0, ge=0)
    """US dollars per million completion tokens."""
    hour_usd: float = Field(default=0.0, ge=0)
    """US dollars per hour of the machine, counted while it answers."""

    def cost(self, usage: Usage) -> float:
        """US dollars for a use."""
        tokens = usage.prompt_tokens * self.input_usd + usage.completion_tokens * self.output_usd
        return tokens / 1e6 + usage.seconds / 3600 * self.hour_usd


def find(prices: Mapping[str, Price], model: str) -> Price | None:
    """The price of a model; None where it is not known.

    The longest known beginning of a name counts, so that dated releases share one price.
    """
    names = [name for name in prices if model == name or model.startswith(f"{name}-")]
    return prices[max(names, key=len)] if names else None


def priced(usage: Usage, price: Price | None) -> Usage:
    """The usage with its cost, or with its calls counted as unpriced."""
    if price is None:
        return usage.model_copy(update={"unpriced_calls": usage.calls})
    return usage.model_copy(update={"cost_usd": price.cost(usage)})
