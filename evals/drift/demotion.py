"""Demoting: the file beside an adapter by which it is served as one that no record adopts."""

from __future__ import annotations

from pathlib import Path

from evals.drift.advice import Advice
from evals.machine import now
from specialists.foundation import records
from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import DEMOTION, Demotion, Manifest, RunRecord
from specialists.registry import MANIFEST


def demote(weights: Path, advice: Advice) -> Path:
    """Write the demotion beside the adapter; one that is there stays as it is.

    Raises:
        ConfigError: the advice is another, or there is no such adapter.
        RecordError: another adapter serves by now.
    """
    if advice.verdict != "demote":
        raise ConfigError(f"{advice.specialist} is not to be demoted: {advice.reasons[0]}")
    adapters = Manifest.read(weights / MANIFEST).adapters
    if advice.specialist not in adapters:
        raise ConfigError(f"{advice.specialist} is no adapter; there are {', '.join(adapters)}")
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
