"""The seal on the questions that are run once a release: a hash they must have, and a log of runs.

It proves that the questions are the ones hashed before the weights were made, and shows how often
they were run. It hides nothing from who can read the files.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from specialists.foundation.contracts import Value
from specialists.foundation.errors import RecordError

FOLDER = Path(__file__).with_name("sealed")
QUESTIONS = FOLDER / "demo.jsonl"
HASH = "demo.sha256"
LOG = "runs.jsonl"


class Access(Value):
    """One run of sealed questions."""

    date: str
    """ISO 8601, UTC: when it began."""
    questions: str
    """SHA-256 of the file."""
    commit: str
    base: str
    adapters: dict[str, str]
    arms: tuple[str, ...]
    summary: dict[str, Any]
    """What came out; empty where it did not end."""


def sealed(path: Path) -> bool:
    """Whether a file of questions has a seal beside it."""
    return (path.parent / HASH).is_file()


def check(path: Path) -> str:
    """The file's SHA-256, held against its seal.

    Raises:
        RecordError: it is not the file that was sealed.
    """
    told = (path.parent / HASH).read_text(encoding="utf-8").split()
    found = sha256(path.read_bytes()).hexdigest()
    if len(told) != 2 or told[1].lstrip("*") != path.name:
        raise RecordError(f"{path.parent / HASH} does not speak of {path.name}")
    if told[0] != found:
        raise RecordError(f"{path} is not what was sealed: {found[:12]}, not {told[0][:12]}")
    return found


def log(path: Path, access: Access) -> None:
    """Write a run down beside the questions."""
    with (path.parent / LOG).open("a", encoding="utf-8") as file:
        file.write(access.model_dump_json() + "\n")


def runs(path: Path) -> list[Access]:
    """All runs that were written down."""
    file = path.parent / LOG
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Access.model_validate_json(line) for line in lines if line]
