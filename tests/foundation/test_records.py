from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from specialists.foundation.errors import RecordError
from specialists.foundation.records import (
    ABOUT,
    RUN,
    Artefact,
    Manifest,
    RunRecord,
    artefact_digest,
    verify,
)


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "weights").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    record = RunRecord.of(folder, kind="adapter", name="sums", base="b" * 64, recipe={"rate": 1e-3})
    record.write(folder / RUN)
    return folder


def test_what_was_made_verifies(artefact: Path) -> None:
    record = verify(artefact, artefact_digest(artefact))
    assert record.name == "sums"
    assert set(record.files) == {"weights", "config.json"}


def test_records_beside_it_are_no_part_of_it(artefact: Path) -> None:
    before = artefact_digest(artefact)
    for name in ABOUT:
        if name != RUN:
            (artefact / name).write_text("{}")
    assert verify(artefact, before).digest == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: (f / "weights").write_bytes(b"weightz"), "altered weights"),
        (lambda f: (f / "weights").unlink(), "missing weights"),
        (lambda f: (f / "extra").write_bytes(b""), "added extra"),
        (lambda f: (f / RUN).unlink(), "cannot read the record"),
        (lambda f: (f / RUN).write_text("{}"), "is not a RunRecord"),
        (lambda f: (f / RUN).write_text("not json"), "is not a RunRecord"),
    ],
)
def test_what_was_altered_is_refused(
    artefact: Path, change: Callable[[Path], object], reason: str
) -> None:
    expected = artefact_digest(artefact)
    change(artefact)
    with pytest.raises(RecordError, match=reason):
        verify(artefact, expected)


def test_a_record_rewritten_with_the_files_is_refused(artefact: Path) -> None:
    expected = artefact_digest(artefact)
    (artefact / "weights").write_bytes(b"other")
    RunRecord.of(artefact, kind="adapter", name="sums").write(artefact / RUN)
    with pytest.raises(RecordError, match="the manifest speaks of"):
        verify(artefact, expected)


def test_a_record_that_contradicts_itself_is_refused(artefact: Path) -> None:
    record = json.loads((artefact / RUN).read_text())
    (artefact / RUN).write_text(json.dumps({**record, "digest": "0" * 64}))
    with pytest.raises(RecordError, match="contradicts itself"):
        verify(artefact, artefact_digest(artefact))


def test_records_round_trip_and_refuse_other_versions(tmp_path: Path) -> None:
    manifest = Manifest(base=Artefact(name="base", folder="base", digest="d"))
    path = tmp_path / "weights.json"
    manifest.write(path)
    assert Manifest.read(path) == manifest
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(RecordError, match="version"):
        Manifest.read(path)
