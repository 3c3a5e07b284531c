from __future__ import annotations

from itertools import product

import pytest

from specialists.sentiment.check import LABELS, Label
from specialists.sentiment.tally import chances, verdict


@pytest.mark.parametrize(
    ("positive", "neutral", "negative", "expected"),
    [
        (1, 0, 0, "positive"),
        (0, 0, 1, "negative"),
        (3, 0, 2, "positive"),
        (3, 9, 0, "neutral"),
        (2, 3, 2, "neutral"),
        (2, 0, 2, "neutral"),
        (0, 0, 0, "neutral"),
    ],
)
def test_the_most_frequent_label_counts(
    positive: int, neutral: int, negative: int, expected: str
) -> None:
    counts = {"positive": positive, "neutral": neutral, "negative": negative}
    assert verdict(counts) == expected


def test_chances_decide_between_equals_alone() -> None:
    counts = {"positive": 2, "negative": 2, "neutral": 1}
    odds = {"positive": 0.2, "neutral": 0.5, "negative": 0.3}
    assert verdict(counts, odds) == "negative"
    assert verdict({"positive": 3, "negative": 2}, odds) == "positive"


def test_chances_are_those_of_every_way_the_labels_can_fall() -> None:
    judged: list[tuple[Label, float | None]] = [
        ("positive", 0.8),
        ("negative", 0.6),
        ("positive", None),
    ]
    expected = dict.fromkeys(LABELS, 0.0)
    for fall in product(LABELS, repeat=3):
        probability = 1.0
        for label, (told, sure) in zip(fall, judged, strict=True):
            own = 0.5 if sure is None else sure
            probability *= own if label == told else (1 - own) / 2
        most = max(fall.count(label) for label in LABELS)
        first = [label for label in LABELS if fall.count(label) == most]
        for label in first:
            expected[label] += probability / len(first)
    found = chances(judged)
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


def test_certain_headlines_make_a_certain_balance() -> None:
    assert chances([("neutral", 1.0), ("neutral", 1.0), ("positive", 1.0)])["neutral"] == 1
