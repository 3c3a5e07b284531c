"""From how many questions on a specialist pays for its training.

    volume = (training + labelling)
             / (large - specialist - routing - escalated * escalation - audit)

All terms below the line are dollars of one question. An escalated question has been to the
specialist *and* goes to the large model; where the routing costs something only then, it is part of
``escalation``. Where answers differ in how often they are right, and a wrong one has a price, the
difference counts as well. A saving that is not above zero never pays off: that is a result, not a
division by zero.

Every term is uncertain, and a quotient of uncertain terms has no mean: the answer is a probability
that it ever pays off, and quantiles of the volume in which "never" is the largest value. By Monte
Carlo: dollars normal, cut off at 0; shares from the Beta posterior under Jeffreys' prior.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord

DRAWS = 20_000
NOTHING = 1e-12
"""Dollars a question: what saves less saves nothing but the rounding."""
Floats = NDArray[np.float64]


class Amount(Value):
    """Dollars, and how well they are known."""

    usd: float = Field(ge=0)
    se: float = Field(default=0.0, ge=0)
    """Standard error; 0: known exactly."""


class Share(Value):
    """How often something happened."""

    hits: int = Field(default=0, ge=0)
    count: int = Field(default=0, ge=0)
    """0: it cannot happen."""


class Case(Value):
    """A specialist held against the large model that did its questions before."""

    training: Amount
    """All runs that were made, the failed ones too."""
    labels: int = Field(default=0, ge=0)
    label_usd: float = Field(default=0.0, ge=0)
    large: Amount
    """Dollars of a question."""
    specialist: Amount
    routing: Amount = Amount(usd=0.0)
    """Of every question: planning, checks."""
    escalated: Share = Share()
    """Questions that go to the large model after all."""
    escalation: Amount | None = None
    """Dollars of such a question; None: what the large model costs."""
    audit_share: float = Field(default=0.0, ge=0, le=1)
    """Of answers that a person judges, at ``label_usd`` each."""
    wrong_usd: float = Field(default=0.0, ge=0)
    """Of a wrong answer."""
    specialist_right: Share = Share()
    large_right: Share = Share()


def load(path: Path) -> Case:
    """A case from TOML.

    Raises:
        ConfigError: not such a file; the message names what is wrong in it.
    """
    try:
        return Case.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "(top)"
        raise ConfigError(f"{path}: {place}: {first['msg']}") from error


class Breakeven(Value):
    """The answer."""

    fixed_usd: float
    """Training and labelling."""
    saving_usd: float
    """Dollars of a question, by the estimates; not above 0: it never pays off."""
    saving_low: float
    saving_high: float
    """95 %."""
    questions: float | None
    """By the estimates; None: it never pays off."""
    low: float | None
    high: float | None
    """95 %; None: in so many draws it never pays off."""
    pays: float
    """Probability that it ever does."""

    def __str__(self) -> str:
        sure = f"probability {self.pays:.0%} that it ever does"
        if self.questions is None:
            return f"never pays off ({sure})"
        high = "never" if self.high is None else f"{self.high:,.0f}"
        low = "never" if self.low is None else f"{self.low:,.0f}"
        return f"{self.questions:,.0f} questions [{low}, {high}] ({sure})"


def breakeven(case: Case, *, draws: int = DRAWS, seed: int = 0) -> Breakeven:
    """From how many questions on it pays."""
    rng = np.random.default_rng(seed)
    fixed = case.training.usd + case.labels * case.label_usd
    fixed_d = _amounts(case.training, rng, draws) + case.labels * case.label_usd
    point = _saving(case, None, 1)[0]
    saving = _saving(case, rng, draws)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        volume = np.where(saving > NOTHING, fixed_d / saving, np.inf)
    low, high = np.quantile(volume, [0.025, 0.975], method="inverted_cdf")
    low_s, high_s = np.quantile(saving, [0.025, 0.975])
    return Breakeven(
        fixed_usd=fixed,
        saving_usd=float(point),
        saving_low=float(low_s),
        saving_high=float(high_s),
        questions=float(fixed / point) if point > NOTHING else None,
        low=float(low) if np.isfinite(low) else None,
        high=float(high) if np.isfinite(high) else None,
        pays=float((saving > NOTHING).mean()),
    )


def _saving(case: Case, rng: np.random.Generator | None, draws: int) -> Floats:
    """Dollars saved by a question; the estimates themselves where nothing is drawn."""
    large = _amounts(case.large, rng, draws)
    escalation = large if case.escalation is None else _amounts(case.escalation, rng, draws)
    saving = (
        large
        - _amounts(case.specialist, rng, draws)
        - _amounts(case.routing, rng, draws)
        - _shares(case.escalated, rng, draws) * escalation
        - case.audit_share * case.label_usd
    )
    if case.wrong_usd and case.specialist_right.count and case.large_right.count:
        gain = _shares(case.specialist_right, rng, draws) - _shares(case.large_right, rng, draws)
        saving = saving + gain * case.wrong_usd
    return saving


def _amounts(amount: Amount, rng: np.random.Generator | None, draws: int) -> Floats:
    if rng is None or amount.se == 0:
        return np.full(draws, amount.usd)
    return np.maximum(rng.normal(amount.usd, amount.se, draws), 0.0)


def _shares(share: Share, rng: np.random.Generator | None, draws: int) -> Floats:
    if share.count == 0:
        return np.zeros(draws)
    if rng is None:
        return np.full(draws, share.hits / share.count)
    return rng.beta(share.hits + 0.5, share.count - share.hits + 0.5, draws)


class Trained(Value):
    """What making a specialist took."""

    usd: float
    device_hours: float
    stated: bool
    """The records tell dollars; else they are seconds at the hour's price given."""


def trained(records: Sequence[RunRecord], hour_usd: float) -> Trained:
    """The cost of all training runs together.

    Args:
        records: of every run, those not chosen too.
        hour_usd: of a device's hour, for records that tell no dollars.
    """
    usd = hours = 0.0
    stated = True
    for record in records:
        run_hours = float(record.spent.get("device_hours", record.seconds / 3600))
        told = record.spent.get("usd")
        stated = stated and told is not None
        hours += run_hours
        usd += run_hours * hour_usd if told is None else float(told)
    return Trained(usd=usd, device_hours=hours, stated=stated)
