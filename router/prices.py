"""What a model's use costs: tokens where a provider bills them, hours where the machine is ours.

A model on one's own machine is not free: its seconds cost what the machine costs. The price list is
the configuration; nothing is fetched.
"""

from __future__ import annotations

from pydantic import Field

from router.budget import Amount
from specialists.foundation.config import Config
from specialists.foundation.contracts import Usage


class Price(Config):
    """A model's price. All parts add up."""

    input_usd: float = Field(default=0.0, ge=0)
    """US dollars per million prompt tokens."""
    output_usd: float = Field(default=0.0, ge=0)
    """US dollars per million completion tokens."""
    hour_usd: float = Field(default=0.0, ge=0)
    """US dollars per hour of the machine it runs on, counted while it answers."""

    def cost(self, usage: Usage) -> float:
        """US dollars. What the engine itself reported (``usage.cost_usd``) stands, if it did."""
        if usage.cost_usd > 0:
            return usage.cost_usd
        tokens = usage.prompt_tokens * self.input_usd + usage.completion_tokens * self.output_usd
        return tokens / 1e6 + usage.seconds * self.hour_usd / 3600

    def worst(self, prompt_tokens: int, completion_tokens: int, seconds: float) -> Amount:
        """The most a call can take, given its bounds."""
        usage = Usage(
            prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, seconds=seconds
        )
        return Amount(calls=1, tokens=prompt_tokens + completion_tokens, cost_usd=self.cost(usage))
