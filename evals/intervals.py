"""Intervals for shares of right answers."""

from __future__ import annotations

from math import sqrt


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval for a share; 95 % by default.

    It treats questions as independent. Questions of one template or one company are not: where
    there are few of either, the truth may lie further off.

    Source: Wilson 1927, JASA 22, 209-212.
    """
    if count == 0:
        return 0.0, 1.0
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(middle - half, 0.0), min(middle + half, 1.0)
