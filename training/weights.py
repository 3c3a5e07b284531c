"""``weights.json``: which base and which adapters there are, by digest."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from specialists.foundation.records import ASSURANCE, Artefact, Manifest, RunRecord

MANIFEST = "weights.json"


def name_base(folder: Path, record: RunRecord) -> None:
    """Name a new base. Adapters made on another base are no longer named."""
    artefact = Artefact(name=record.name, folder="base", digest=record.digest)
    Manifest(base=artefact).write(folder / MANIFEST)
    (folder / ASSURANCE).unlink(missing_ok=True)  # measured on other weights


def name_adapter(folder: Path, job: str, record: RunRecord) -> None:
    """Name a job's adapter, in the place of the one before.

    Raises:
        RecordError: there is no manifest, so no base.
    """
    path = folder / MANIFEST
    with FileLock(folder / f".{MANIFEST}.lock"):  # adapters may be made side by side
        manifest = Manifest.read(path)
        artefact = Artefact(name=record.name, folder=job, digest=record.digest)
        adapters = dict(sorted({**manifest.adapters, job: artefact}.items()))
        manifest.model_copy(update={"adapters": adapters}).write(path)
    (folder / ASSURANCE).unlink(missing_ok=True)  # measured on other weights
