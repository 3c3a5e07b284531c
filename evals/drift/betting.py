"""A share watched as it comes in: bounds and a test that hold at every look, however often.

Against "the share is at least m" one bets on labels as they come: a right one multiplies the stake
by q / m, a wrong one by (1 - q) / (1 - m), with q < m. Where the share is at least m no such bet
gains on average, so the stake rarely grows: it ever reaches 1 / alpha with a probability of at most
alpha (Ville's inequality), whether it is looked at daily, hourly or when somebody is worried. q is
not known; a mixture over q (Beta(1/2, 1/2) cut off at m) has a closed form and depends on counts
alone, not on their order:

    E = B(a+r, b+w) I_m(a+r, b+w) / (B(a, b) I_m(a, b)) / (m^r (1-m)^w)

The shares m that are not rejected make the confidence sequence.

Source: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting",
JRSS-B 86(1) (the bets, their inversion); Robbins 1970, Ann. Math. Stat. 41 (the mixture); Ville
1939.
"""

from __future__ import annotations

from math import inf, log
from typing import Any

A = B = 0.5
"""Of the mixture: Jeffreys' prior."""
TINY = 1e-9


def log_stake(right: float, wrong: float, least: float) -> float:
    """Logarithm of the stake against "the share of right ones is at least ``least``".

    Args:
        right, wrong: labels so far; fractions give what counts in between would.
        least: 0 < least < 1.
    """
    from scipy import special

    found: Any = special  # its functions have no types
    inside = float(found.betainc(A + right, B + wrong, least))
    if inside == 0.0:  # right ones are so many that no q below is worth anything
        return -inf
    return (
        float(found.betaln(A + right, B + wrong))
        + log(inside)
        - float(found.betaln(A, B))
        - log(float(found.betainc(A, B, least)))
        - right * log(least)
        - wrong * log(1 - least)
    )


def upper(right: int, wrong: int, alpha: float) -> float:
    """The share is below this at all times at once with probability ``1 - alpha``."""
    if wrong == 0:
        return 1.0
    low, high = max(right / (right + wrong), TINY), 1 - TINY
    if log_stake(right, wrong, high) < -log(alpha):
        return 1.0
    while high - low > TINY:
        middle = (low + high) / 2
        if log_stake(right, wrong, middle) < -log(alpha):
            low = middle
        else:
            high = middle
    return high


def lower(right: int, wrong: int, alpha: float) -> float:
    """The share is above this at all times at once with probability ``1 - alpha``."""
    return 1.0 - upper(wrong, right, alpha)


def needed(least: float, truth: float, alpha: float, limit: int = 10_000_000) -> int | None:
    """Labels after which a share of ``truth`` is found to be below ``least``, every other time.

    None: ``limit`` are not enough.
    """
    if not 0 <= truth < least:
        return None
    low, high = 0, 1
    while log_stake(high * truth, high * (1 - truth), least) < -log(alpha):
        low, high = high, high * 2
        if high > limit:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if log_stake(middle * truth, middle * (1 - truth), least) < -log(alpha):
            low = middle
        else:
            high = middle
    return high
