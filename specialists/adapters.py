"""An adapter's folder, opened: its files are what was recorded, and it was made on this base.

A folder holds ``adapter_model.safetensors``, ``adapter_config.json``, ``run.json`` (how it was
made), ``README.md`` (its card) and ``canary.json`` (what it gives where it acts: ``attestation``).
"""

from __future__ import annotations

from pathlib import Path

from specialists.foundation import records
from specialists.foundation.errors import AdapterError, RecordError
from specialists.foundation.records import RunRecord


def open_adapter(folder: Path, *, expected: str, base: str) -> RunRecord:
    """Check an adapter's folder and return its record.

    Args:
        expected: the digest it must have.
        base: digest of the base it is to be served on.

    Raises:
        AdapterError: altered, without a record, or made on another base; the message says which.
    """
    try:
        record = records.verify(folder, expected)
    except RecordError as error:
        raise AdapterError(f"the adapter in {folder.name} is refused: {error}") from error
    if record.kind != "adapter":
        raise AdapterError(f"{record.name} in {folder.name} is a {record.kind}, not an adapter")
    if record.base != base:
        raise AdapterError(
            f"the adapter {record.name} was made on base {(record.base or 'unknown')[:12]}; "
            f"this base is {base[:12]}"
        )
    return record
