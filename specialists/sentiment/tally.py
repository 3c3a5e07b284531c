"""The balance of headlines: the most frequent label, and how sure that is, given each one's doubts.

Nine headlines at 3 to 3 to 3 say little, however sure the reader was of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from specialists.sentiment.check import LABELS, Label

UNSURE = 0.5
"""A label's probability where nothing is known."""


def verdict(counts: Mapping[str, int], chances: Mapping[str, float] | None = None) -> str:
    """The most frequent label.

    Args:
        counts: headlines by label.
        chances: of each label to be the most frequent; they decide between equals. Without them a
            tie is neutral.
    """
    most = max(counts.get(label, 0) for label in LABELS)
    first = [label for label in LABELS if counts.get(label, 0) == most]
    if len(first) == 1:
        return first[0]
    if chances is None:
        return "neutral"
    return max(first, key=lambda label: chances[label])


def chances(judged: Sequence[tuple[Label, float | None]]) -> dict[str, float]:
    """Probability of each label to be the most frequent one; equals share.

    Headlines are taken as independent; what a label lacks in probability the other two share.

    Args:
        judged: each headline's label and its probability.
    """
    states: dict[tuple[int, ...], float] = {(0,) * len(LABELS): 1.0}
    for label, sure in judged:
        own = UNSURE if sure is None else sure
        rest = (1 - own) / (len(LABELS) - 1)
        after: dict[tuple[int, ...], float] = {}
        for counts, probability in states.items():
            for place, each in enumerate(LABELS):
                more = (*counts[:place], counts[place] + 1, *counts[place + 1 :])
                gain = probability * (own if each == label else rest)
                after[more] = after.get(more, 0.0) + gain
        states = after
    found: dict[str, float] = {label: 0.0 for label in LABELS}
    for counts, probability in states.items():
        first = [label for label, n in zip(LABELS, counts, strict=True) if n == max(counts)]
        for label in first:
            found[label] += probability / len(first)
    return found
