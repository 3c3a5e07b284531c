"""From what is known of an answer to the probability that it is right.

A logistic of signals whose weights are never negative: what speaks for an answer never lowers it.
Without a calibration it is the model's own probability of its words, which is not the same thing.
Fitting is the evals' business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from specialists.foundation.contracts import Completion, Signals
from specialists.foundation.records import Calibration, Logistic

FLOOR = 12.0
"""Nats beyond which a log-probability, or a log-odds, tells nothing more."""


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


def features(signals: Signals) -> dict[str, float]:
    """Signals as numbers, each higher the better it speaks for the answer; unknown ones left out.

    ``words`` and ``doubtless`` are ln p and -ln(1 - p) of the model's own probability: a logistic
    of both is beta calibration (Kull, Silva Filho and Flach 2017, AISTATS).
    """
    told: dict[str, float] = {}
    if signals.log_probability is not None:
        told["words"] = max(signals.log_probability, -FLOOR)
        told["doubtless"] = min(-_log1mexp(signals.log_probability), FLOOR)
    if signals.mean_log_probability is not None:
        told["tokens"] = max(signals.mean_log_probability, -FLOOR)
    if signals.agreement is not None:
        told["agreement"] = signals.agreement
    if signals.vote is not None:
        told["vote"] = 1.0 if signals.vote else -1.0
    if signals.vote_probability is not None:
        told["vote_odds"] = log_odds(signals.vote_probability)
    if signals.similarity is not None:
        told["similarity"] = signals.similarity
    if signals.link is not None:
        told["link"] = signals.link
    return told


def _log1mexp(value: float) -> float:
    """ln(1 - e^value) for value <= 0."""
    if value >= 0:
        return -math.inf
    return math.log(-math.expm1(value)) if value > -math.log(2) else math.log1p(-math.exp(value))


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)), held within ``FLOOR``."""
    if probability <= 0 or probability >= 1:
        return math.copysign(FLOOR, probability - 0.5)
    return max(-FLOOR, min(FLOOR, math.log(probability / (1 - probability))))


def predict(logistic: Logistic, told: Mapping[str, float]) -> float:
    """The probability a logistic gives; a feature that is not told stands at its usual value."""
    odds = logistic.intercept + math.fsum(
        weight * (told.get(name, logistic.usual[name]) - logistic.usual[name])
        for name, weight in logistic.weights.items()
    )
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def confidence(signals: Signals, calibration: Calibration | None = None) -> float | None:
    """The probability that the answer is right; None where the engine told no log-probabilities.

    Args:
        signals: what is known of the answer.
        calibration: how that becomes a share of right answers; without it the joint probability of
            the model's words stands.
    """
    if signals.log_probability is None:
        return None
    if calibration is None:
        return min(1.0, math.exp(signals.log_probability))
    return predict(calibration.logistic, features(signals))


def doubt(value: float | None, calibration: Calibration | None) -> str:
    """Why an answer of this confidence is not given; empty when it is."""
    if calibration is None or value is None or value >= calibration.threshold:
        return ""
    return (
        f"it is too unsure of its answer ({value:.0%}, at least {calibration.threshold:.0%} needed)"
    )
