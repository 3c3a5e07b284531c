"""What can be watched without labels: escalations, refusals by checks, and what is asked for.

They say that something changed, not that answers are worse; nobody is demoted for them.

A rate is held against its rate in an earlier time by two samples, and at every look again. The
error is split: one half bounds the earlier rate from above (Clopper and Pearson, exact), the other
is the stake (``betting.py``) against "the rate now is at most that bound". Either goes wrong with
at most half the probability, so both together with at most all of it, at all looks at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from evals.drift import betting
from evals.drift.live import Part
from evals.intervals import clopper_pearson
from specialists.foundation.contracts import Value


class Count(Value):
    """How often something happened."""

    hits: int
    count: int

    @property
    def rate(self) -> float:
        return self.hits / self.count if self.count else 0.0


class Rates(Value):
    """A specialist's rates in some time."""

    escalated: Count
    refused: Count


class Rise(Value):
    """Whether a rate went up."""

    signal: str
    before: Count
    now: Count
    bound: float
    """Largest rate that the earlier time admits."""
    stake: float
    """Logarithm; found from ``log(2 / alpha)`` on."""
    found: bool


class Shift(Value):
    """How much what is asked for has changed."""

    psi: float
    """Population stability index: sum of (now - before) ln(now / before) over shares. By custom,
    below 0.1 little and above 0.25 much (Siddiqi 2006, "Credit Risk Scorecards")."""
    chance: float
    """What an unchanged mix stays below in 95 of 100 looks, with so few questions."""
    moved: bool
    """More than chance and at least 0.1. One look; it does not hold over many."""


def rates(parts: Sequence[Part]) -> Rates:
    """The rates of some parts."""
    count = len(parts)
    return Rates(
        escalated=Count(hits=sum(p.escalated for p in parts), count=count),
        refused=Count(hits=sum(p.refused for p in parts), count=count),
    )


def rise(signal: str, before: Count, now: Count, alpha: float) -> Rise | None:
    """Whether a rate went up; None where there is nothing to compare.

    Args:
        alpha: probability of ever saying so wrongly.
    """
    if before.count == 0 or now.count == 0:
        return None
    bound = clopper_pearson(before.hits, before.count, 1 - alpha / 2)[1]
    if bound >= 1.0:
        return None
    stake = betting.log_stake(now.count - now.hits, now.hits, 1 - bound)
    found = stake >= log(2 / alpha)
    return Rise(signal=signal, before=before, now=now, bound=bound, stake=stake, found=found)


def mix(parts: Sequence[Part]) -> dict[str, int]:
    """How many parts each specialist did."""
    names = sorted({part.specialist for part in parts})
    return {name: sum(part.specialist == name for part in parts) for name in names}


def shift(before: Mapping[str, int], now: Mapping[str, int]) -> Shift | None:
    """The population stability index of a mix; None where there is nothing to compare.

    Half a question is added to each cell, so that an empty one has a logarithm. Unchanged, the
    index is about chi-squared with (cells - 1) degrees of freedom times (1/n + 1/m).

    Source: Yurdakul and Naranjo 2020, "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14(4).
    """
    from scipy.stats import chi2

    cells = sorted(set(before) | set(now))
    old = [before.get(cell, 0) + 0.5 for cell in cells]
    new = [now.get(cell, 0) + 0.5 for cell in cells]
    if len(cells) < 2 or not sum(before.values()) or not sum(now.values()):
        return None
    pairs = [(a / sum(old), b / sum(new)) for a, b in zip(old, new, strict=True)]
    psi = sum((b - a) * log(b / a) for a, b in pairs)
    scale = 1 / sum(before.values()) + 1 / sum(now.values())
    chance = float(chi2.ppf(0.95, len(cells) - 1)) * scale
    return Shift(psi=psi, chance=chance, moved=psi > max(chance, 0.1))
