"""The record on real headlines: weights of votes, and gains with their intervals."""

from __future__ import annotations

import numpy as np

from evals.sentfin import MOST, compared, fit
from specialists.sentiment.check import LABELS, Label, SentimentAnswer
from specialists.sentiment.render import SentimentInputs
from specialists.sentiment.votes import told
from specialists.task import Example


def items(labels: list[Label]) -> list[Example[SentimentInputs, SentimentAnswer]]:
    return [
        Example(
            id=str(i),
            inputs=SentimentInputs(text=f"text {i}"),
            answer=SentimentAnswer(sentiment=label),
            dialogue=(),
            fold="dev",
            source="one",
        )
        for i, label in enumerate(labels)
    ]


def test_a_vote_that_knows_nothing_gets_no_weight() -> None:
    rng = np.random.default_rng(1)
    gold: list[Label] = [LABELS[i] for i in rng.integers(3, size=300)]
    knows = [told(label if rng.random() < 0.9 else "neutral", 0.8) for label in gold]
    guesses = [told(LABELS[i], 0.8) for i in rng.integers(3, size=300)]
    weighing = fit(items(gold), guesses, knows)
    assert weighing.model < 0.15
    assert weighing.encoder > 0.5
    swapped = fit(items(gold), knows, guesses)
    assert swapped.encoder < 0.15
    assert swapped.model == MOST


def test_a_clear_gain_has_a_lower_bound_above_nothing() -> None:
    beside = np.array([True, True, False, False] * 100)
    better = np.array([True, True, True, False] * 100)
    arm = compared(better, beside, [str(i) for i in range(400)])
    assert arm.gain == 0.25
    assert arm.gain_low is not None
    assert 0.15 < arm.gain_low < 0.25
    assert arm.low < arm.accuracy < arm.high


def test_items_of_one_headline_are_not_independent() -> None:
    right = np.array([True] * 50 + [False] * 50)
    alone = compared(right, right, [str(i) for i in range(100)])
    together = compared(right, right, [str(i // 10) for i in range(100)])
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert (alone.gain, alone.gain_low, alone.gain_high) == (0, 0, 0)
