"""What is measured, under which load, at which prices: ``serving.toml`` or the defaults."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evals.serving.goodput import Slo
from specialists.foundation.config import Config
from specialists.foundation.prices import Price


class Large(Config):
    """A large model to hold beside the specialists: any chat model LangChain can reach."""

    provider: str = "openai"
    """``openai`` (any OpenAI-compatible server), or ``module:Class`` of a LangChain chat model."""
    model: str
    """Its name at its provider."""
    url: str | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key."""
    structured: Literal["json_schema", "instructions"] = "json_schema"
    timeout_s: float = Field(default=60.0, gt=0)
    max_tokens: int = Field(default=1_024, ge=1)
    """Of one reply."""
    price: Price | None = None
    """None: not known, and so no dollars are told."""


class Serving(Config):
    """All settings of ``finroute evals latency``."""

    callers: tuple[int, ...] = (1, 4)
    """Closed loop: how many wait for their answers at once."""
    rates: tuple[float, ...] = (4.0, 16.0)
    """Open loop: questions a second."""
    warm: int = Field(default=8, ge=1)
    """Questions of the file that only warm the models, and are not measured."""
    count: int = Field(default=0, ge=0)
    """Questions measured, at most; 0: all but those that warm."""
    examples: int = Field(default=40, ge=0)
    """Of each job, put to its specialist and to the base alone; 0: jobs are not measured."""
    threads: int = Field(default=1, ge=1)
    """Of the embedded models."""
    seed: int = 0
    """Of arrivals."""
    slo: Slo = Slo(ttft_ms=200, tpot_ms=20, e2el_ms=500)
    machine: Price = Price(hour_usd=0.05)
    """Of the machine the embedded models run on. The default is about the list price of one
    virtual core in a large cloud; it is an assumption, not a quotation."""
    large: Large | None = None
    """None: the base without adapters stands in."""
    label_usd: float = Field(default=1.0, ge=0)
    """Dollars for one labelled example, where a person labels it."""
    labels: int = Field(default=0, ge=0)
    """Examples a person labelled for each specialist; generated gold costs nothing."""
    audit_share: float = Field(default=0.02, ge=0, le=1)
    """Share of live answers that a person will judge, at ``label_usd`` each."""
    wrong_usd: float = Field(default=0.0, ge=0)
    """What a wrong answer costs whoever believes it; 0 leaves it out."""
