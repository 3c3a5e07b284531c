"""Records: what was made, how, from what, and why it is in service. Files that go with the weights.

They are the interface between the rooms: ``training`` writes ``run.json`` beside what it made,
``evals`` writes calibrations and decisions, the registry reads them. Each names what it speaks of
by digest, and ``verify`` holds the two against each other. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from specialists.foundation.contracts import Value
from specialists.foundation.digests import digest, file_digests
from specialists.foundation.errors import RecordError

RUN = "run.json"
CANARY = "canary.json"
CALIBRATION = "calibration.json"
DECISION = "decision.json"
DEMOTION = "demotion.json"
ASSURANCE = "answers.json"
"""Beside the manifest: it is about all weights together."""
CARD = "README.md"
ABOUT = (RUN, CANARY, CALIBRATION, DECISION, DEMOTION, CARD)
"""Files about an artefact, beside it: no part of its digest."""


class Record(Value):
    """Base of every record."""

    version: Literal[1] = 1
    """Of the record's form. A reader refuses versions it does not know."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record.

        Raises:
            RecordError: missing, not JSON, of another version or form.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise RecordError(f"cannot read the record {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise RecordError(f"{path} is no text in UTF-8") from error
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "(top)"
            raise RecordError(f"{path} is not a {cls.__name__}: {place}: {first['msg']}") from error

    def write(self, path: Path) -> None:
        """Write the record, for people to read too."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


class RunRecord(Record):
    """How an artefact was made: all that is needed to make it again, and what came out."""

    kind: Literal["base", "adapter"]
    name: str
    digest: str
    """``artefact_digest`` of the folder."""
    files: dict[str, str]
    """SHA-256 of each of its files."""
    base: str | None = None
    """Digest of the base an adapter was made on."""
    command: str = ""
    """The command line that makes it again."""
    recipe: dict[str, Any] = Field(default_factory=dict[str, Any])
    seeds: dict[str, int] = Field(default_factory=dict[str, int])
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What it learned from: sources, licences, counts, digests."""
    metrics: dict[str, Any] = Field(default_factory=dict[str, Any])
    reload: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What the saved artefact gave when loaded again, against the trainer's own figures."""
    method: str = ""
    """How it learned: ``sft``, ``grpo`` …"""
    recipe_digest: str = ""
    """Of the recipe without its seeds: runs of one recipe have it in common."""
    digests: dict[str, str] = Field(default_factory=dict[str, str])
    """SHA-256 of data, tokenizer, chat template and rendered prompts."""
    spent: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Device hours, and dollars at a stated price."""
    estimate: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What it was expected to take, what it took, and the ratios."""
    environment: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Versions, machine, commit."""
    started: str = ""
    """ISO 8601, UTC."""
    seconds: float = 0.0

    @classmethod
    def of(cls, folder: Path, **fields: Any) -> Self:
        """The record of the artefact in a folder, its digests computed."""
        files = file_digests(folder, leave_out=ABOUT)
        return cls(digest=digest(files), files=files, **fields)


class Logistic(Value):
    """Log-odds that are linear in features; ``specialists.confidence`` names and reads them."""

    intercept: float
    """Log-odds where every feature stands at its usual value."""
    weights: dict[str, float]
    """Log-odds for one unit of each feature."""
    usual: dict[str, float]
    """Each feature's mean where it was fitted; stands in for one that is not known."""


class Reliability(Value):
    """How well probabilities fit what came true."""

    count: int
    right: int
    brier: float
    """Mean squared difference of probability and outcome (Brier 1950)."""
    ece: float
    """Expected calibration error over ten bins of equal width (Guo et al. 2017)."""


class Calibration(Record):
    """How a specialist's signals become the probability of being right."""

    specialist: str
    adapter: str | None
    """Digest of the adapter it was measured on; None is the base."""
    base: str = ""
    """Digest of the base under the adapter."""
    logistic: Logistic
    threshold: float = 0.0
    """Below this probability the specialist abstains."""
    fold: str
    """Where its examples come from."""
    count: int
    """Examples it was fitted on."""
    before: Reliability | None = None
    """The model's own probability, on examples of the half it was not fitted on."""
    after: Reliability | None = None
    """Its probabilities on the same examples."""


class Threshold(Value):
    """Above which confidence answers are given, for one risk."""

    risk: float
    """Largest probability of a wrong answer to a question asked."""
    confidence: float
    """Answers below it are withheld; above 1: no threshold keeps the risk."""
    wrong: int
    """Wrong answers given at it, in calibration."""
    given: int
    """Answers given at it, in calibration."""
    p: float
    """Chance of so few wrong ones, were the risk larger."""


class Assurance(Record):
    """``answers.json``: when an answer is sure enough to be given, by learn-then-test.

    Source: Angelopoulos et al. 2021, arXiv 2110.01052, with fixed-sequence testing.
    """

    base: str
    adapters: dict[str, str]
    """Digests of the weights it was measured on."""
    logistic: Logistic
    """From the confidence of plan and steps to that of the answer."""
    thresholds: tuple[Threshold, ...]
    """Ascending in risk."""
    delta: float
    """Probability that the promise fails to hold."""
    count: int
    """Questions asked in calibration."""
    sources: dict[str, int]
    """Where they come from."""
    reliability: Reliability | None = None


class Demotion(Record):
    """``demotion.json``: an adapter's decision record justifies it no longer.

    It takes nothing back: the record says what was true when it was made. Removing the file is a
    person's decision.
    """

    specialist: str
    adapter: str
    """Digest of the adapter."""
    decided: str
    """ISO 8601, UTC."""
    record: str | None
    """Id of the decision record that is outdone."""
    reasons: tuple[str, ...]
    figures: dict[str, float]


class Artefact(Value):
    """Where an artefact is, and what it must be."""

    name: str
    folder: str
    """Relative to the manifest."""
    digest: str


class Manifest(Record):
    """``weights.json``: one base and the adapters made on it, by specialist."""

    base: Artefact
    adapters: dict[str, Artefact] = Field(default_factory=dict[str, Artefact])


def artefact_digest(folder: Path) -> str:
    """Digest of a base or an adapter: of all its files, without the records about it."""
    return digest(file_digests(folder, leave_out=ABOUT))


def verify(folder: Path, expected: str) -> RunRecord:
    """Hold an artefact against the digest it must have and against its own record.

    Raises:
        RecordError: altered, missing, or recorded as something else; the message names the files.
    """
    record = RunRecord.read(folder / RUN)
    files = file_digests(folder, leave_out=ABOUT)
    changed = _differences(record.files, files)
    if changed:
        raise RecordError(f"{record.name} is not what was recorded: {changed}")
    found = digest(files)
    if record.digest != found:
        raise RecordError(f"{record.name}: its record contradicts itself")
    if found != expected:
        raise RecordError(
            f"{record.name} has digest {found[:12]}; the manifest speaks of {expected[:12]}"
        )
    return record


def _differences(recorded: Mapping[str, str], found: Mapping[str, str]) -> str:
    parts = [
        ("missing", [name for name in recorded if name not in found]),
        ("added", [name for name in found if name not in recorded]),
        ("altered", [name for name in found if recorded.get(name, found[name]) != found[name]]),
    ]
    return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)
