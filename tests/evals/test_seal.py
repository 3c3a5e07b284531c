from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from evals import seal
from specialists.foundation.errors import RecordError


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "demo.jsonl"
    path.write_text('{"id": "1"}\n')
    digest = sha256(path.read_bytes()).hexdigest()
    (tmp_path / seal.HASH).write_text(f"{digest}  demo.jsonl\n")
    return path


def test_the_sealed_file_is_known_by_its_hash(questions: Path) -> None:
    assert seal.sealed(questions)
    assert seal.check(questions) == sha256(questions.read_bytes()).hexdigest()
    questions.write_text('{"id": "2"}\n')
    with pytest.raises(RecordError, match="is not what was sealed"):
        seal.check(questions)


def test_a_seal_of_another_file_does_not_count(questions: Path) -> None:
    other = questions.rename(questions.with_name("other.jsonl"))
    with pytest.raises(RecordError, match=r"does not speak of other\.jsonl"):
        seal.check(other)


def test_every_run_is_written_down(questions: Path) -> None:
    assert seal.runs(questions) == []
    access = seal.Access(
        date="2026-01-01T00:00:00+00:00",
        questions="q",
        commit="c",
        base="b",
        adapters={},
        arms=("router",),
        summary={"right": 1},
    )
    seal.log(questions, access)
    seal.log(questions, access)
    assert seal.runs(questions) == [access, access]
