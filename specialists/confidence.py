"""From token log-probabilities to the probability of being right.

Without a calibration it is the model's own probability of its words, which is not the same thing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from specialists.foundation.contracts import Completion, Signals
from specialists.foundation.records import Calibration


def spoken(completions: Sequence[Completion]) -> Signals:
    """What the model's own words tell: their log-probabilities."""
    values = logprobs(completions)
    if not values:
        return Signals()
    return Signals(log_probability=joint(values), mean_log_probability=mean(values))


def merge(first: Signals, *others: Signals) -> Signals:
    """All that is known; what a later one knows replaces what an earlier one does."""
    known = {name: value for each in (first, *others) for name, value in each if value is not None}
    return Signals(**known)


def logprobs(completions: Sequence[Completion]) -> list[float]:
    """The log-probability (nats) of every token of a dialogue's replies, tool calls included."""
    return [token.logprob for reply in completions for token in reply.logprobs]


def joint(values: Sequence[float]) -> float:
    """Log-probability of all the words together."""
    return math.fsum(values)


def mean(values: Sequence[float]) -> float:
    """Logarithm of the tokens' geometric mean probability."""
    return math.fsum(values) / len(values)


def confidence(values: Sequence[float], calibration: Calibration | None = None) -> float | None:
    """The probability that the answer is right; None where the engine told no log-probabilities.

    Args:
        values: log-probabilities of the tokens, before any grammar's mask.
        calibration: maps them to a share of right answers; without it the joint probability stands.
    """
    if not values:
        return None
    if calibration is None:
        return min(1.0, math.exp(joint(values)))
    feature = joint(values) if calibration.feature == "joint" else mean(values)
    return interpolate(calibration.knots, feature)


def interpolate(knots: Sequence[tuple[float, float]], at: float) -> float:
    """Linear between knots (ascending in x), flat outside them."""
    place = bisect_right([x for x, _ in knots], at)
    if place == 0:
        return knots[0][1]
    if place == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[place - 1], knots[place]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


def doubt(value: float | None, calibration: Calibration | None) -> str:
    """Why an answer of this confidence is not given; empty when it is."""
    if calibration is None or value is None or value >= calibration.threshold:
        return ""
    return (
        f"it is too unsure of its answer ({value:.0%}, at least {calibration.threshold:.0%} needed)"
    )
