"""Dollars, device-seconds and tokens: for a question, and for a right answer.

A right answer costs what all answers cost, over how many were right: wrong ones are paid for, too.
Machines are paid by the hour they are held. ``held`` counts every second of a trial, idle ones as
well, and is what a machine of one's own costs at that load; ``busy`` counts processor seconds alone
and is what it costs when all of its time can be filled. Ratios have percentile intervals of the
bootstrap over questions (Efron and Tibshirani 1993, chapter 13), which treat them as independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.serving.requests import Request, Trial
from specialists.foundation.contracts import Usage, Value
from specialists.foundation.prices import Price

DRAWS = 2_000
Floats = NDArray[np.float64]


class Ratio(Value):
    """An amount for a question, or for a right answer."""

    value: float | None
    """None: no answer was right, or no price is known."""
    low: float | None = None
    high: float | None = None
    """None: it has no bound: some draws hold no right answer."""


class Spending(Value):
    """What a trial took."""

    questions: int
    right: int | None
    """None: not judged."""
    busy_s: Ratio
    """Processor seconds of a question."""
    held_s: Ratio
    """Device-seconds of a question, idle ones too."""
    tokens: Ratio
    """Read and written, of a question."""
    usd: Ratio
    """Dollars of a question, the machine busy."""
    usd_held: Ratio
    """Dollars of a question, the machine held for it at this load."""
    busy_s_right: Ratio
    """Processor seconds of a right answer."""
    tokens_right: Ratio
    usd_right: Ratio
    usd_held_right: Ratio


def dollars(price: Price, *, tokens: Usage, device_s: float) -> float:
    """US dollars for tokens and device-seconds."""
    return price.cost(tokens.model_copy(update={"seconds": device_s}))


def spending(trial: Trial, price: Price | None, *, seed: int = 0) -> Spending:
    """What a trial took, a question and a right answer.

    Device-seconds are shared out by each request's tokens where it has any, since the trial knows
    only their sum; totals do not depend on that, intervals do a little.

    Args:
        price: of the device's hour, of tokens, or of both; None: not known.
    """
    requests = trial.requests
    judged = all(request.right is not None for request in requests) and bool(requests)
    right = np.array([float(bool(r.right)) for r in requests]) if judged else None
    tokens = np.array([float(r.prompt_tokens + r.completion_tokens) for r in requests])
    shares = _shares(tokens)
    busy = None if trial.busy_s is None else shares * trial.busy_s * trial.devices
    held = shares * trial.held_s
    by_token = None if price is None else np.array([_token_usd(price, r) for r in requests])
    hour = 0.0 if price is None else price.hour_usd / 3600
    usd_held = None if by_token is None else by_token + held * hour
    usd = None if by_token is None else by_token + (held if busy is None else busy) * hour
    ones = np.ones(len(requests))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(requests), size=(DRAWS, len(requests))) if requests else None

    def of(amounts: Floats | None, over: Floats | None) -> Ratio:
        if amounts is None or over is None or drawn is None:
            return Ratio(value=None)
        return ratio(amounts, over, drawn)

    return Spending(
        questions=len(requests),
        right=int(right.sum()) if right is not None else None,
        busy_s=of(busy, ones),
        held_s=of(held, ones),
        tokens=of(tokens, ones),
        usd=of(usd, ones),
        usd_held=of(usd_held, ones),
        busy_s_right=of(busy, right),
        tokens_right=of(tokens, right),
        usd_right=of(usd, right),
        usd_held_right=of(usd_held, right),
    )


def ratio(amounts: Floats, over: Floats, drawn: NDArray[np.int64], level: float = 0.95) -> Ratio:
    """Sum over sum, with a percentile interval over the draws.

    Args:
        amounts, over: (Q,), non-negative.
        drawn: (D, Q) indices of questions.
    """
    total = over.sum()
    if total == 0:
        return Ratio(value=None)
    above, below = amounts[drawn].sum(axis=1), over[drawn].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(below > 0, above / below, np.inf)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Ratio(
        value=float(amounts.sum() / total),
        low=float(low) if np.isfinite(low) else None,
        high=float(high) if np.isfinite(high) else None,
    )


def _shares(tokens: Floats) -> Floats:
    count = len(tokens)
    if count == 0:
        return tokens
    # Whoever calls no model takes time all the same.
    weights = tokens + max(tokens.mean(), 1.0) * 0.1
    return weights / weights.sum()


def _token_usd(price: Price, request: Request) -> float:
    used = Usage(prompt_tokens=request.prompt_tokens, completion_tokens=request.completion_tokens)
    return dollars(price, tokens=used, device_s=0.0)
