"""Whether decision records are what they say: whole, of the adapter beside them, signed, sampled.

It checks what a reader of a record relies on, in milliseconds and without a model. It does not
compute the verdict anew: that is ``finroute evals replay``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from specialists.foundation import records
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import FinrouteError, InputError, RecordError
from specialists.foundation.records import DECISION, RUN, Manifest
from specialists.registry import MANIFEST
from specialists.serving import Trust, why

STUDY = "study.json"
"""Stands beside samples that were exported."""


@dataclass(frozen=True)
class Place:
    """Where a record should be, and what it must speak of."""

    name: str
    """As a line of the report calls it."""
    record: Path
    specialist: str | None = None
    """The job its adapter is served for; None: nobody says."""
    adapter: str | None = None
    """The digest that the manifest gives; None: no manifest names it."""
    base: str | None = None


@dataclass(frozen=True)
class Verified:
    """What came of one place."""

    name: str
    problem: str
    """Empty: the record holds."""
    record: DecisionRecord | None = None
    approved: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    """What was held against what, in words."""

    def line(self) -> str:
        """The report's line."""
        if self.problem or self.record is None:
            return f"REFUSED  {self.name}: {self.problem}"
        record = self.record
        signed = f"approved by {', '.join(self.approved)}" if self.approved else "unsigned"
        if record.approvals and not self.approved:
            signed = f"{len(record.approvals)} signatures fit, no key is trusted here: unsigned"
        right = f"adopts {record.arm}" if record.adopts else why(record).removeprefix("record ")
        return f"holds    {self.name}: {right}; {signed}; {', '.join(self.checked)}"


def places(told: Iterable[Path]) -> list[Place]:
    """The records to check.

    Args:
        told: folders of weights (with a manifest: every adapter must have a record), folders with a
            record, or records.

    Raises:
        InputError: a folder with neither manifest nor record.
        RecordError: a manifest that cannot be read.
    """
    found: list[Place] = []
    for path in told:
        if (path / MANIFEST).is_file():
            manifest = Manifest.read(path / MANIFEST)
            found += [
                Place(name, path / each.folder / DECISION, name, each.digest, manifest.base.digest)
                for name, each in manifest.adapters.items()
            ]
        elif path.is_file() or (path / DECISION).is_file():
            found.append(Place(str(path), path if path.is_file() else path / DECISION))
        else:
            raise InputError(f"{path} has neither a {MANIFEST} nor a {DECISION}")
    return found


def verified(place: Place, trust: Trust, samples: Mapping[str, Path]) -> Verified:
    """Check one record.

    Args:
        samples: folders of exported samples, by the digest of their content; the record's must be
            among them, where there are any.
    """
    try:
        record = DecisionRecord.read(place.record)
        checked = ["whole", *_bound(place, record), *_sampled(place, record, samples)]
        approved = _approved(record, trust)
    except FinrouteError as error:
        return Verified(place.name, str(error))
    return Verified(place.name, "", record, approved, tuple(checked))


def sampled(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders of exported samples by the digest of their content, computed from the samples.

    Raises:
        DataError: no export, or one that is damaged.
    """
    from evals.decision.samples import Samples  # duckdb

    found: dict[str, Path] = {}
    for folder in folders:
        with Samples.read(folder) as samples:
            found[samples.digest()] = folder
    return found


def _bound(place: Place, record: DecisionRecord) -> list[str]:
    """Hold a record against the adapter beside it, and that against the manifest."""
    folder = place.record.parent
    if not (folder / RUN).is_file():
        if place.adapter is not None:
            raise RecordError(f"there is no {RUN} beside it, so nothing tells of its adapter")
        return ["no adapter beside it"]
    made = records.verify(folder, place.adapter or record.adapter or "")
    record.check(
        specialist=place.specialist or record.specialist,
        adapter=made.digest,
        base=place.base or made.base or "",
    )
    return [f"of the adapter {made.digest[:12]} beside it"]


def _sampled(place: Place, record: DecisionRecord, samples: Mapping[str, Path]) -> list[str]:
    folder = place.record.parent
    known = dict(samples) or (sampled([folder]) if (folder / STUDY).is_file() else {})
    if not known:
        return []
    if record.samples.digest not in known:
        told = ", ".join(f"{path} {mark[:12]}" for mark, path in known.items())
        raise RecordError(
            f"it was decided on the samples {record.samples.digest[:12]}; these are others: {told}"
        )
    return [f"of the samples in {known[record.samples.digest]}"]


def _approved(record: DecisionRecord, trust: Trust) -> tuple[str, ...]:
    from specialists.foundation.signing import check  # cryptography

    approved = check(record, trust.keys)
    if len(approved) < trust.approvals:
        raise RecordError(
            f"it has {len(approved)} of the {trust.approvals} approvals it needs by trusted keys"
        )
    return approved
