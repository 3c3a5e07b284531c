"""Looking at the samples before all of them are there, without finding more than there is.

The error that a test may make, alpha, is spent over the looks by a function of how much is known at
each: the information fraction, the variance of the estimate at the end over its variance at the
look (Lan and DeMets 1983, Biometrika 70, 659-663). It is not the share of the questions: all
training runs are there from the first look on, so that half of the questions hold .55 to .65 of
what will be known. The function is theirs after O'Brien and Fleming (1979, Biometrics 35, 549-556):
nearly nothing is spent early.

The estimates at the looks are jointly normal and, as each look holds the samples of those before,
correlated as the square root of the ratio of their fractions. From that the nominal level of each
look follows, by integrating look after look (Armitage, McPherson and Rowe 1969, JRSS A 132,
235-244). **An approximation:** variances are estimated, so the nominal level is then held against
the p-value of Student's t with the look's own degrees of freedom, though it was found for normal
looks: the significance-level approach (Jennison and Turnbull 2000, Group Sequential Methods). The
proof of the method (``evals.decision.proof``) measures what that costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.decision.crossed import Estimate
from specialists.foundation.errors import DataError

LATEST = 0.99
"""An earlier look is taken to hold less than all there is to know, however the variances fell."""
_NODES = 128
"""Of the quadrature. Levels are then right to 1e-8 where looks are .03 of the information apart."""


def fraction(look: Estimate, end: Estimate) -> float:
    """How much of what is known at the end was known at a look; above 0, at most ``LATEST``."""
    if look.se <= end.se:
        return LATEST
    return max(min((end.se / look.se) ** 2, LATEST), 1e-3)


def foreseen(look: Estimate, share: float) -> float:
    """The same before the end is there: what the rest of the questions will add.

    The questions' part of the variance falls with their number, the training runs' part stays.
    Where companies differ in the gain itself, their part stays too, and less is to be learned than
    is foreseen here: then less alpha is spent at this look than might be, which is safe.

    Args:
        share: of the questions, at the look.
    """
    runs = look.parts["runs"]
    now = look.se**2
    if not now:
        return min(share, LATEST)
    return min((runs + share * max(now - runs, 0.0)) / now, LATEST)


def spend(alpha: float, fraction: float) -> float:
    """Alpha spent by the time that a fraction of the information is there; all of it at 1.

    4 - 4 Phi(z / sqrt(fraction)), with z the quantile of 1 - alpha/4: O'Brien-Fleming-like
    spending of alpha/2 on either side.

    Args:
        alpha: of both sides together.
    """
    from scipy.special import ndtr, ndtri

    if fraction >= 1:
        return alpha
    if fraction <= 0 or alpha <= 0:
        return 0.0
    return float(4 * ndtr(ndtri(alpha / 4) / sqrt(fraction)))


def levels(fractions: Sequence[float], alpha: float) -> tuple[float, ...]:
    """The nominal two-sided level of each look: it is crossed where the look's own p is at most it.

    Args:
        fractions: of the information at each look, ascending; of all looks up to now or of all.

    Raises:
        DataError: fractions that do not ascend, or are not above 0 and at most 1.
    """
    from scipy.special import ndtr

    _check(fractions)
    found: list[float] = []
    state = _START
    before = 0.0
    for now in fractions:
        bound = _bound(state, now, spend(alpha, now) - spend(alpha, before))
        found.append(float(2 * ndtr(-bound)))
        state, before = _on(state, bound, now), now
    return tuple(found)


def p_value(looks: Sequence[Estimate], fractions: Sequence[float]) -> float:
    """The two-sided p-value of an effect in the direction that the latest look shows.

    It is the smallest alpha at which a look so far would have been crossed, so that "p at most
    alpha" is the sequential test at alpha, for every alpha at once: what Holm's procedure needs to
    run over several contrasts that are looked at together (Liu and Anderson 2008, JASA 103,
    1623-1630; Holm over looks: Ye, Li, Liu and Yao 2013, Statistics in Medicine 32, 1112-1124).
    Looks that point the other way do not count. One look at all there is: its own p.

    Raises:
        DataError: as ``levels``, or another number of fractions than of looks.
    """
    _check(fractions)
    if len(looks) != len(fractions) or not looks:
        raise DataError(f"{len(looks)} looks with {len(fractions)} information fractions")
    up = looks[-1].mean > 0
    least = 1.0
    for number, look in enumerate(looks):
        if (look.mean > 0) == up and look.mean:
            least = min(least, _alpha_of(look.p, fractions[: number + 1], least))
    return least


def conditional_power(
    look: Estimate, fraction: float, aim: float, critical: float, *, least: float = 0.0
) -> float:
    """The chance that the end will show a gain, given what the look shows and a true gain.

    The rest of the samples drift by the gain that the design aims at, not by what was seen so far:
    at the current trend futility would stop good arms after one bad half (Jennison and Turnbull
    2000, chapter 10). Known variances and normal: advice on futility, no test.

    Args:
        fraction: of the information at the look, below 1.
        aim: the true gain.
        critical: quantile that the end's estimate must reach in its standard errors.
        least: the estimate that the end must reach too (the smallest gain worth having).
    """
    from scipy.special import ndtr

    end = look.se * sqrt(fraction)
    needed = max(critical * end, least)
    expected = fraction * look.mean + (1 - fraction) * aim
    spread = end * sqrt(1 - fraction)
    if not spread:
        return float(expected >= needed)
    return float(ndtr((expected - needed) / spread))


# --- the recursion over looks -------------------------------------------------------------------
#
# In terms of B = Z sqrt(fraction), whose steps are independent with the fractions' differences as
# variances. A state is where B may be without a look having been crossed: nodes and their masses.

_State = tuple[NDArray[np.float64], NDArray[np.float64], float]
_WIDEST = 9.0
"""Where a state ends if no bound does it earlier: what lies beyond is less than 1e-18."""
_FARTHEST = 37.0
"""Beyond it the normal tail is no float any more."""
_START: _State = (np.zeros(1), np.ones(1), 0.0)


def _crossed(state: _State, bound: float, fraction: float) -> float:
    """The chance that this look is the first to be crossed, at |Z| >= bound."""
    from scipy.special import ndtr

    nodes, masses, before = state
    step = sqrt(fraction - before)
    edge = bound * sqrt(fraction)
    return float(masses @ (ndtr((nodes - edge) / step) + ndtr((-nodes - edge) / step)))


def _on(state: _State, bound: float, fraction: float) -> _State:
    """The state after a look that was not crossed."""
    nodes, masses, before = state
    step = sqrt(fraction - before)
    edge = min(bound, _WIDEST) * sqrt(fraction)
    places = _GAUSS[0] * edge
    apart = (places[:, None] - nodes[None, :]) / step
    density = np.exp(-0.5 * apart**2) @ masses / (step * sqrt(2 * np.pi))
    return places, _GAUSS[1] * edge * density, fraction


_GAUSS: tuple[NDArray[np.float64], NDArray[np.float64]] = np.polynomial.legendre.leggauss(_NODES)


def _bound(state: _State, fraction: float, due: float) -> float:
    """The quantile that a look must reach for ``due`` to be spent at it."""
    from scipy.special import ndtri

    if state is _START:
        return float(-ndtri(due / 2))
    if _crossed(state, 0.0, fraction) <= due:
        return 0.0
    if _crossed(state, _FARTHEST, fraction) >= due:
        return _FARTHEST
    return _root(lambda c: _crossed(state, c, fraction) - due, 0.0, _FARTHEST, xtol=1e-12)


def _alpha_of(p: float, fractions: Sequence[float], most: float) -> float:
    """The alpha at which the last of these looks is crossed by a nominal p exactly; ``most`` where
    that is not below it."""
    from scipy.special import ndtri

    p = max(p, 1e-300)
    reached = float(-ndtri(p / 2))

    def spare(alpha: float) -> float:
        """What the look has to spend, less what it would take for p to be within it."""
        state, before = _START, 0.0
        for now in fractions[:-1]:
            bound = _bound(state, now, spend(alpha, now) - spend(alpha, before))
            state, before = _on(state, bound, now), now
        now = fractions[-1]
        return spend(alpha, now) - spend(alpha, before) - _crossed(state, reached, now)

    if spare(most) <= 0:
        return most
    # A look's level is never above alpha: alpha is p at least.
    low = min(p, most)
    if spare(low) >= 0:
        return low
    return _root(spare, low, most, xtol=1e-300)


def _root(of: Callable[[float], float], low: float, high: float, *, xtol: float) -> float:
    from scipy.optimize import brentq

    found: Any = brentq(of, low, high, xtol=xtol)
    return float(found)


def _check(fractions: Sequence[float]) -> None:
    ascending = all(a < b for a, b in pairwise(fractions))
    if not ascending or not all(0 < f <= 1 for f in fractions):
        raise DataError(f"information fractions must ascend from above 0 to 1, not {fractions}")
