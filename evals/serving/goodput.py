"""Goodput: the requests that met every limit of a service level objective, as a share and a rate.

As ``vllm bench serve --goodput`` counts it (and DistServe, arXiv 2401.09670, defines it): a request
is good when its time to first token, its time per output token and its whole time are all within
their limits; one that wrote fewer than two tokens has no time per output token and meets that
limit. A failed request is not good. The rate is good requests over the trial's duration.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from evals.intervals import wilson
from evals.serving.requests import Request, Trial
from specialists.foundation.config import Config
from specialists.foundation.contracts import Value


class Slo(Config):
    """Limits in milliseconds; None: no limit."""

    ttft_ms: float | None = Field(default=None, ge=0)
    """Until the first token."""
    tpot_ms: float | None = Field(default=None, ge=0)
    """For each token after the first."""
    e2el_ms: float | None = Field(default=None, ge=0)
    """From arrival to the whole answer."""

    @model_validator(mode="after")
    def _some(self) -> Slo:
        if not self.limits:
            raise ValueError("an objective needs at least one of ttft_ms, tpot_ms, e2el_ms")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """Limits in milliseconds by vLLM's name of the metric."""
        told = {"ttft": self.ttft_ms, "tpot": self.tpot_ms, "e2el": self.e2el_ms}
        return {name: limit for name, limit in told.items() if limit is not None}

    def met(self, request: Request) -> bool:
        """Whether a request is good."""
        if request.error:
            return False
        told = {"ttft": request.ttft_s, "tpot": request.tpot_s, "e2el": request.seconds}
        return all((told[name] or 0.0) * 1e3 <= limit for name, limit in self.limits.items())

    def __str__(self) -> str:
        names = {"ttft": "first token", "tpot": "each further token", "e2el": "whole answer"}
        return ", ".join(f"{names[n]} ≤ {limit:g} ms" for n, limit in self.limits.items())


class Goodput(Value):
    """How much of a trial was good."""

    good: int
    count: int
    share: float
    low: float
    high: float
    """95 % Wilson interval of the share."""
    per_second: float
    right_per_second: float | None
    """Good requests that are right as well; None: not judged."""


def goodput(trial: Trial, slo: Slo) -> Goodput:
    """The goodput of a trial. Of none, the share is 0."""
    met = [request for request in trial.requests if slo.met(request)]
    judged = all(request.right is not None for request in trial.requests)
    count = len(trial.requests)
    low, high = wilson(len(met), count)
    seconds = trial.duration_s
    return Goodput(
        good=len(met),
        count=count,
        share=len(met) / count if count else 0.0,
        low=low,
        high=high,
        per_second=len(met) / seconds if seconds else 0.0,
        right_per_second=sum(bool(r.right) for r in met) / seconds if judged and seconds else None,
    )
