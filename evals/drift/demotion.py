"""``demotion.json``, beside the adapter: its decision record justifies it no longer.

It takes nothing back: the record says what was true when it was made. Who serves by records treats
an adapter with a demotion as one that no record adopts. Removing the file is a person's decision.
"""

from __future__ import annotations

from pathlib import Path

from evals.drift.advice import Advice
from evals.machine import now
from specialists.foundation import records
from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import Manifest, Record, RunRecord
from specialists.registry import MANIFEST

DEMOTION = "demotion.json"


class Demotion(Record):
    """Why an adapter's decision no longer counts."""

    specialist: str
    adapter: str
    """Digest of the adapter."""
    decided: str
    """ISO 8601, UTC."""
    record: str | None
    """Id of the decision record that is outdone."""
    reasons: tuple[str, ...]
    figures: dict[str, float]


def demote(weights: Path, advice: Advice) -> Path:
    """Write the demotion beside the adapter; one that is there stays as it is.

    Raises:
        ConfigError: the advice is another; or this release takes the file for part of the adapter.
        RecordError: another adapter serves by now.
    """
    if advice.verdict != "demote":
        raise ConfigError(f"{advice.specialist} is not to be demoted: {advice.reasons[0]}")
    adapters = Manifest.read(weights / MANIFEST).adapters
    if advice.specialist not in adapters:
        raise ConfigError(f"{advice.specialist} is no adapter; there are {', '.join(adapters)}")
    if DEMOTION not in set[str](records.ABOUT):
        raise ConfigError(
            f"this release takes {DEMOTION} beside an adapter for a part of it; demote "
            f"{advice.specialist} by hand, or serve with specialists.provisional = false"
        )
    folder = weights / adapters[advice.specialist].folder
    digest = RunRecord.read(folder / records.RUN).digest
    if advice.adapter is not None and advice.adapter != digest:
        raise RecordError(
            f"{advice.specialist}: the audit speaks of adapter {advice.adapter[:12]}, and "
            f"{digest[:12]} serves by now"
        )
    place = folder / DEMOTION
    if not place.is_file():
        Demotion(
            specialist=advice.specialist,
            adapter=digest,
            decided=now(),
            record=advice.record,
            reasons=advice.reasons,
            figures={
                "right": advice.right,
                "labels": advice.labels,
                "high": round(advice.high, 6),
                "promised": advice.promised,
                "stake": round(advice.stake, 3),
            },
        ).write(place)
    return place
