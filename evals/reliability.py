"""How well probabilities fit what came true: Brier score, calibration error, risk over coverage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specialists.foundation.records import Reliability

BINS = 10


def reliability(probabilities: Sequence[float], right: Sequence[bool]) -> Reliability:
    """Brier score and expected calibration error over ten bins of equal width."""
    told, came = np.asarray(probabilities, dtype=float), np.asarray(right, dtype=float)
    if len(told) == 0:
        return Reliability(count=0, right=0, brier=0.0, ece=0.0)
    gaps = [
        (len(bin) / len(told)) * abs(told[bin].mean() - came[bin].mean()) for bin in _bins(told)
    ]
    return Reliability(
        count=len(told),
        right=int(came.sum()),
        brier=round(float(np.mean((told - came) ** 2)), 5),
        ece=round(float(sum(gaps)), 5),
    )


def diagram(
    probabilities: Sequence[float], right: Sequence[bool]
) -> list[tuple[float, float, int]]:
    """Mean probability, share right and count of each bin that holds any."""
    told, came = np.asarray(probabilities, dtype=float), np.asarray(right, dtype=float)
    return [(float(told[b].mean()), float(came[b].mean()), len(b)) for b in _bins(told)]


def _bins(told: np.ndarray) -> list[np.ndarray]:
    """Indices of the members of each bin that has any."""
    place = np.minimum((told * BINS).astype(int), BINS - 1)
    return [np.flatnonzero(place == each) for each in range(BINS) if (place == each).any()]


def risk_coverage(
    sure: Sequence[float | None], wrong: Sequence[bool]
) -> list[tuple[float, float, float]]:
    """Threshold, coverage and risk, the surest answers first.

    Coverage is the share of questions answered, risk the share of those answers that are wrong.
    """
    told = sorted(
        ((s, w) for s, w in zip(sure, wrong, strict=True) if s is not None),
        key=lambda each: -each[0],
    )
    points: list[tuple[float, float, float]] = []
    bad = 0
    for number, (level, was) in enumerate(told, 1):
        bad += was
        if number == len(told) or told[number][0] < level:
            points.append((level, number / len(sure), bad / number))
    return points
