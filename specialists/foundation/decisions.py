"""The decision on an adapter: what was compared, what was found, and the verdict. Its form alone.

``evals`` fills a record, its page shows it, the registry serves by it. Nothing here computes a
verdict, and nothing here knows keys: approvals are signed and checked in ``signing.py``.

A record is bound three ways. Its ``id`` is a digest of its body, so an edit that forgets the id is
found by anyone. An approval signs the body, so an edit that mends the id is found by who asks for
approvals. The samples' digest lets ``finroute evals replay`` compute the verdict anew, which finds
even what was signed in error. A record without approvals proves no author: whoever can write the
file can write another verdict.

Accuracies, gains and margins are fractions; pages make points of them (x 100).
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from specialists.foundation.contracts import Value
from specialists.foundation.digests import canonical, digest
from specialists.foundation.errors import RecordError
from specialists.foundation.records import Record

VERSION = 1
"""Of the form. A release reads the versions it knows and refuses all others."""
ID = 16
"""Hex digits of a record's id: enough to tell any two records apart, short enough to be said."""

Verdict = Literal["adopt", "keep the start", "insufficient evidence", "descriptive only"]


class Part(Value):
    """A part of a record. Every number in it is finite: what is not known is None."""

    model_config = ConfigDict(allow_inf_nan=False)


# --- what was found -----------------------------------------------------------------------------


class Estimate(Part):
    """A mean over runs, companies and templates, by the crossed analysis."""

    mean: float
    low: float
    high: float
    level: float = 0.95
    """Coverage that ``low`` and ``high`` are made for."""
    se: float
    """Standard error."""
    df: float
    """Satterthwaite degrees of freedom, at most the smallest dimension's."""
    p: float
    """Two-sided, of mean = 0."""
    runs: int
    questions: int
    companies: int
    templates: int | None = None
    """None: not told apart."""
    run_sd: float | None = None
    """Between training runs; None: one run tells nothing of it."""
    parts: dict[str, float] = Field(default_factory=dict[str, float])
    """Variance of the mean by source: ``companies`` + ``templates`` - ``both`` + ``runs``."""


class ArmRun(Part):
    """One training run of an arm."""

    run: int
    seed: int | None = None
    """None: it was not trained here."""
    adapter: str | None = None
    """Digest of the adapter; None: no adapter."""
    accuracy: float
    """Share right of all samples."""
    device_hours: float | None = None
    """Of training."""


class PassPoint(Part):
    """A point of the curves over k samples, by the unbiased estimators."""

    k: int
    at: float
    """pass@k: probability that one of k samples is right."""
    hat: float
    """pass^k: probability that all of k samples are right."""


class ArmFinding(Part):
    """One contestant and how it did on the sealed test."""

    name: str
    kind: str
    """``base``, ``trained``, ``adapter``, ``endpoint``, ``classical`` or ``answers``."""
    method: str
    """``sft``, ``grpo``, ``prompt`` …"""
    control: bool = False
    """Shows what chance or form alone give; never adopted."""
    recipe: str = ""
    """Digest of the recipe without its seeds."""
    runs: tuple[ArmRun, ...]
    accuracy: Estimate
    """pass@1."""
    greedy: float | None = None
    """Accuracy of greedy replies."""
    curve: tuple[PassPoint, ...] = ()
    tokens: float | None = None
    """Written for a question, mean."""
    prompt_tokens: float | None = None
    """Read for a question, mean."""
    length_right: float | None = None
    """Tokens of right replies, mean; None: none was right."""
    length_wrong: float | None = None
    parses: float | None = None
    """Share of replies of the form that was asked for."""
    truncated: float = 0.0
    """Share of replies that ended at the limit."""
    failed: int = 0
    """Samples that broke down; counted as wrong."""
    p50_s: float | None = None
    """Seconds of a question, median."""
    p95_s: float | None = None
    usd: float | None = None
    """Dollars of a question; None: no price is known."""
    device_hours: float | None = None
    """Of training, all runs."""
    figures: dict[str, float] = Field(default_factory=dict[str, float])
    """The job's secondary measures, means."""


class Sensitivity(Part):
    """Another way to look at a gain. Shown, never decisive."""

    name: str
    """``company x run bootstrap``, ``company sign flip`` …"""
    low: float | None = None
    high: float | None = None
    p: float | None = None


class GainFinding(Estimate):
    """A contrast: how much better one arm is than another.

    ``low`` and ``high`` hold for all contrasts together (Bonferroni): ``level`` is their joint
    coverage.
    """

    arm: str
    against: str
    adjusted: float
    """p over all looks, after Holm."""
    significant: bool
    """Adjusted p below alpha and the gain above 0."""
    big_enough: bool
    """The estimate is at least the design's delta."""
    sensitivities: tuple[Sensitivity, ...] = ()
    by_company: dict[str, float] = Field(default_factory=dict[str, float])
    """Mean difference on each company's questions."""


class GuardFinding(Estimate):
    """Whether an arm is shown to be no worse than the start on another paper."""

    paper: str
    arm: str
    against: str
    margin: float
    """What it may lose at most."""
    bound: float
    """One-sided 95 % lower bound of the difference."""
    held: bool
    """The bound is above minus the margin."""
    power: float | None = None
    """Chance that a harmless arm passes."""


class GateFinding(Part):
    """Whether an arm's cost or time stays within the design's multiple of the start's."""

    gate: Literal["cost", "p95"]
    arm: str
    against: str
    value: float | None
    """Dollars or seconds of a question; None: not measured."""
    reference: float | None
    """The start's."""
    ratio: float | None
    limit: float
    """Largest ratio; 0: no gate."""
    held: bool


class LookContrast(Part):
    """One contrast at one look."""

    arm: str
    against: str
    mean: float
    information: float
    """Share of the final information that is in."""
    t: float | None
    boundary: float | None
    """|t| from which it is decided; None: nothing can be decided at this look."""
    crossed: bool
    conditional_power: float | None = None


class LookFinding(Part):
    """What was seen when the samples were looked at."""

    share: float
    """Of the questions."""
    questions: int
    contrasts: tuple[LookContrast, ...]
    stop: Literal["", "efficacy", "futility"] = ""


class Posterior(Part):
    """One contrast by the hierarchical model."""

    arm: str
    against: str
    mean: float
    low: float
    high: float
    """95 % credible interval."""
    positive: float
    """Probability of a gain above 0."""
    big_enough: float
    """Probability of a gain of delta or more."""


class SmallSet(Part):
    """A hierarchical beta-binomial with runs and clusters, where questions are few."""

    questions: int
    contrasts: tuple[Posterior, ...]


class ScreenRow(Part):
    """One figure of the screen."""

    name: str
    value: float
    low: float
    high: float
    threshold: float
    advice: str = ""
    """Empty: nothing to mend."""


class Screen(Part):
    """What a few dev questions of the start told before the runs. Advice alone."""

    questions: int
    samples: int
    rows: tuple[ScreenRow, ...]


class PowerRow(Part):
    """How often the whole rule adopts, at one true gain."""

    gain: float
    adopted: float
    """Share of simulated studies; at a gain of 0 it is the rate of false adoption."""
    low: float
    high: float
    """95 % interval of the simulation's own error."""


class Power(Part):
    """What the design could find, by simulation of the whole rule before the runs."""

    run_sd: float
    template_sd: float
    simulations: int
    rows: tuple[PowerRow, ...]
    formula_questions: float | None = None
    """Questions by Miller's formula (arXiv 2411.00640), as a check."""


class Contamination(Part):
    """What test and training have in common."""

    questions: int
    """Of the test."""
    ngrams: float
    """Share of the test's questions with a 13-gram of the training data."""
    duplicates: int = 0
    """Test questions that stand in the training data word for word."""
    companies: int = 0
    """Companies in both."""
    templates: int = 0
    """Templates in both."""
    conflicts: int = 0
    """Test questions that stand there twice with other answers."""
    notes: tuple[str, ...] = ()


class Portability(Part):
    """A part of the samples, drawn again on a second machine."""

    machine: str
    questions: int
    same: float
    """Share of the replies that are the same, word for word."""
    shift: float
    """Largest change of a gain, absolute."""


# --- where it comes from ------------------------------------------------------------------------


class SampleSet(Part):
    """The samples that the verdict is computed from."""

    digest: str
    """Of their content in canonical order; ``replay`` refuses others."""
    count: int
    failed: int
    truncated: float
    """Share that ended at the limit."""


class Digests(Part):
    """SHA-256 of what was read; empty: there is none."""

    prompts: str = ""
    """Of all rendered prompts."""
    template: str = ""
    """Of the chat template."""
    tokenizer: str = ""
    data: dict[str, str] = Field(default_factory=dict[str, str])
    """By paper, and by part of the training data."""


class Environment(Part):
    """The machine and the software that answered: the same for every arm."""

    cpu: str = ""
    gpu: str = ""
    """Empty: none was used."""
    driver: str = ""
    memory_gb: float | None = None
    system: str = ""
    engine: str = ""
    flags: dict[str, str] = Field(default_factory=dict[str, str])
    """Batch limits, threads, number format: what may change a reply."""
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    """Of Python and the libraries."""
    commit: str = ""
    """With ``+`` at its end where files were changed since."""


class Attempt(Part):
    """A training run that was begun, whatever came of it."""

    arm: str
    run: int
    seed: int | None = None
    status: Literal["done", "failed", "stopped"]
    adapter: str | None = None
    device_hours: float | None = None
    reason: str = ""
    """Why it did not end as it should."""


class Spent(Part):
    """What training and evaluation took together."""

    wall_hours: float
    device_hours: float
    usd: float | None = None
    """None: no price is known."""


# --- the record ---------------------------------------------------------------------------------


class Approval(Part):
    """A person's signature under a record; made and checked in ``signing.py``."""

    by: str
    """Who approves. Signed with the record."""
    time: str
    """ISO 8601, UTC. Signed with the record."""
    key: str
    """Fingerprint of the public key: SHA-256 of its DER form, in hex."""
    public: str
    """The public key itself, base64, so that anyone can check the signature; whether the key is
    trusted is another question."""
    signature: str
    """Ed25519, base64."""


class DecisionRecord(Record):
    """The decision on one adapter: what was compared, what was found, the verdict."""

    model_config = ConfigDict(allow_inf_nan=False)

    id: str = ""
    """Derived: the first digits of the body's SHA-256. Left out, it is filled in."""
    specialist: str
    adapter: str | None
    """Digest of the adapter it decides on; None: the arm has no adapter."""
    run: int | None = None
    """Which training run of its arm the adapter is."""
    base: str
    """Digest of the base under the adapter."""
    arm: str
    """The arm the adapter stands for."""
    method: str
    """Of that arm: ``sft``, ``grpo`` …"""
    start: str
    """The arm that is kept where none is adopted."""
    verdict: Verdict
    adopted: str | None = None
    """The arm that is adopted; None with every other verdict."""
    quick: bool = False
    """Made in the quick form, to see that it works: it justifies nothing."""
    design: str
    """Digest of the design and of the study that trained its arms."""
    design_text: dict[str, Any]
    """The whole design, as JSON."""
    seeds: dict[str, int] = Field(default_factory=dict[str, int])
    """Of the test, the draws, the simulations, by name."""
    samples: SampleSet
    arms: tuple[ArmFinding, ...]
    gains: tuple[GainFinding, ...]
    guards: tuple[GuardFinding, ...] = ()
    gates: tuple[GateFinding, ...] = ()
    looks: tuple[LookFinding, ...] = ()
    small: SmallSet | None = None
    screen: Screen | None = None
    power: Power | None = None
    contamination: Contamination | None = None
    portability: Portability | None = None
    environment: Environment = Environment()
    attempts: tuple[Attempt, ...] = ()
    """All training runs, the failed ones too."""
    spent: Spent
    digests: Digests = Digests()
    reasons: tuple[str, ...]
    """Why this verdict, the weightiest first."""
    needs: tuple[str, ...] = ()
    """What would settle it, where the evidence does not."""
    limits: tuple[str, ...] = ()
    """What the evidence does not speak of."""
    decided: str
    """ISO 8601, UTC: when the last sample was drawn, so that a replay gives the same bytes."""
    approvals: tuple[Approval, ...] = ()
    """Not part of the body: they sign it."""

    @field_validator("version", mode="before")
    @classmethod
    def _known(cls, version: Any) -> Any:
        if version != VERSION:
            raise ValueError(f"this release reads version {VERSION} of the form, not {version!r}")
        return version

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        told = digest(self.body())[:ID]
        if not self.id:
            object.__setattr__(self, "id", told)  # the one moment at which it is not yet frozen
        elif self.id != told:
            raise ValueError(f"its content has the id {told}, not {self.id}: it was edited")
        unknown = {self.arm, self.start, self.adopted or self.start} - {a.name for a in self.arms}
        if unknown:
            raise ValueError(f"it has no findings on the arms {', '.join(sorted(unknown))}")
        if (self.verdict == "adopt") != (self.adopted is not None):
            raise ValueError("an arm is adopted with the verdict 'adopt', and with no other")
        return self

    @property
    def adopts(self) -> bool:
        """Whether it justifies serving its adapter."""
        return self.verdict == "adopt" and self.adopted == self.arm and not self.quick

    def body(self) -> dict[str, Any]:
        """What is decided: everything but the id and the approvals."""
        return self.model_dump(exclude={"id", "approvals"})

    def finding(self, arm: str) -> ArmFinding:
        """What was found of an arm, by its name."""
        return next(each for each in self.arms if each.name == arm)

    def text(self) -> str:
        """The record as its file holds it: the same content gives the same bytes.

        Raises:
            RecordError: the design has something in it that is no JSON.
        """
        told = json.loads(canonical(self.model_dump()))
        return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the record, for people to read too. Who stops half-way leaves the old one whole."""
        part = path.with_name(path.name + ".part")
        part.write_text(self.text(), encoding="utf-8", newline="\n")
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record and hold its content against its id. Signatures: ``signing.check``.

        Raises:
            RecordError: missing, cut off, of another version or form, or edited.
        """
        record = super().read(path)
        if path.read_text(encoding="utf-8") != record.text():
            raise RecordError(f"{path} was edited: it is not what a record with its content holds")
        return record

    def check(self, *, specialist: str, adapter: str | None, base: str) -> None:
        """Hold the record against what it is meant to justify.

        Args:
            specialist: name of the job.
            adapter: digest of the adapter.
            base: digest of the base.

        Raises:
            RecordError: it decides on something else.
        """
        if self.specialist != specialist:
            raise RecordError(f"it decides on {self.specialist}, not on {specialist}")
        if self.adapter != adapter:
            raise RecordError(
                f"it speaks of another adapter: {_short(self.adapter)}, not {_short(adapter)}"
            )
        if self.base != base:
            raise RecordError(f"it speaks of another base: {_short(self.base)}, not {_short(base)}")


def schema() -> dict[str, Any]:
    """The form as JSON schema (draft 2020-12), each field with its meaning."""
    made = DecisionRecord.model_json_schema()
    parts = {DecisionRecord.__name__: made, **made["$defs"]}
    for name, part in parts.items():
        for field, meaning in _meanings(globals()[name]).items():
            part["properties"][field]["description"] = meaning
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _meanings(model: type[Part] | type[DecisionRecord]) -> dict[str, str]:
    """The text under each field of a model. Pydantic can read it, too, but does so at every import:
    20 ms of each start.
    """
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if not issubclass(kind, Value):
            continue
        (read,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(read, ast.ClassDef)
        for line, under in pairwise(read.body):
            if isinstance(line, ast.AnnAssign) and isinstance(under, ast.Expr):
                assert isinstance(line.target, ast.Name)
                assert isinstance(under.value, ast.Constant)
                found[line.target.id] = inspect.cleandoc(str(under.value.value))
    return found


def _short(told: str | None) -> str:
    return told[:12] if told else "none"
