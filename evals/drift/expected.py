"""What is expected of a specialist in service: of its accuracy, its rates and the mix of questions.

Accuracy comes from its decision record; where there is none, from plain numbers in TOML. Rates and
mix come from an earlier time in service, kept as ``baseline.json``: no evaluation knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from evals.drift.live import Part
from evals.drift.signals import Rates, mix, rates
from specialists.foundation.config import Config
from specialists.foundation.contracts import Value
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.records import DECISION, Manifest, Record
from specialists.registry import MANIFEST


class Expected(Config):
    """An accuracy that was promised."""

    adapter: str | None = None
    """Digest of the adapter it was measured on; None: any."""
    accuracy: float = Field(gt=0, lt=1)
    low: float = Field(gt=0, lt=1)
    """Lower end of its 95 % interval: what service is held to."""
    record: str | None = None
    """Id of the decision record it stands in."""

    @model_validator(mode="after")
    def _ordered(self) -> Expected:
        if self.low > self.accuracy:
            raise ValueError("low is above accuracy")
        return self


class Promises(Config):
    """By specialist: ``[planning]`` …, ``[answers]`` for whole answers."""

    specialists: dict[str, Expected] = Field(default_factory=dict[str, Expected])


class Baseline(Record):
    """An earlier time in service."""

    since: str
    until: str
    """ISO 8601: first and last answer."""
    parts: int
    rates: dict[str, Rates]
    mix: dict[str, int]


class Known(Value):
    """All that is expected."""

    promises: dict[str, Expected]
    baseline: Baseline | None = None


def of_record(record: DecisionRecord) -> Expected:
    """What a decision record promises of its adapter."""
    told = record.finding(record.arm).accuracy
    edge = 1e-6  # a bet needs a share that is neither 0 nor 1
    low = min(max(told.low, edge), 1 - edge)
    return Expected(
        adapter=record.adapter,
        accuracy=min(max(told.mean, low), 1 - edge),
        low=low,
        record=record.id,
    )


def promises(weights: Path, plain: Path | None = None) -> dict[str, Expected]:
    """What the records beside the adapters promise; plain numbers where they tell none.

    Args:
        plain: TOML with ``[specialists.<name>]`` of accuracy and low.

    Raises:
        RecordError: a record that is damaged.
        ConfigError: numbers that are none.
    """
    found = dict(Promises.load(plain).specialists) if plain is not None else {}
    for name, artefact in Manifest.read(weights / MANIFEST).adapters.items():
        place = weights / artefact.folder / DECISION
        if place.is_file():
            found[name] = of_record(DecisionRecord.read(place))
        elif name in found and found[name].adapter is None:
            found[name] = found[name].model_copy(update={"adapter": artefact.digest})
    return found


def baseline(lived: Sequence[Part]) -> Baseline:
    """The rates and the mix of a time in service, to hold later times against."""
    names = sorted({part.specialist for part in lived})
    moments = [part.created.isoformat(timespec="seconds") for part in lived]
    return Baseline(
        since=min(moments, default=""),
        until=max(moments, default=""),
        parts=len(lived),
        rates={name: rates([p for p in lived if p.specialist == name]) for name in names},
        mix=mix(lived),
    )
