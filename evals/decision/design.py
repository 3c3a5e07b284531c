"""The design of a decision: what is compared, on what, and by which rule. Written before any run.

A design is a TOML file. Its digest covers everything in it and every file of the study that trains
its arms, so that nothing of either can change unseen once the first run was made. The seed of a
generated test is drawn from that digest and from the adapters under test: nobody can have tuned to
questions that did not exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from specialists.foundation.config import Config
from specialists.foundation.digests import digest, file_digests
from specialists.foundation.errors import ConfigError
from specialists.foundation.prices import Price
from specialists.task import Fold, Form

HERE = Path(__file__).resolve().parents[1]
DESIGNS = HERE / "designs"
FORM = 1
"""Of designs: another number says that what is written means something else, and what was not
written has another default. It is part of every digest."""
POINTS = 100.0
"""Accuracies are fractions; a design speaks of them in points."""

Kind = Literal["base", "trained", "adapter", "endpoint", "classical", "answers"]
"""base: the base model without an adapter · trained: an arm of the study, one adapter a run ·
adapter: a folder that exists · endpoint: a model behind an OpenAI-compatible server · classical: no
language model (``evals.baselines``) · answers: a file of somebody's answers"""


class Paper(Config):
    """Questions of one kind."""

    name: str
    fold: Fold | Literal["public", "own"] = "templates"
    """public: the job's public test part, from the data folder · own: a file of one's own."""
    slice: str = ""
    count: int = 600
    """Questions, at most."""
    file: str = ""
    """Of one's own questions (``own``), relative to the design; CSV or JSONL as in training."""
    workspace: str = ""
    """That questions of one's own are about, where the job reads one."""


class Decode(Config):
    """How replies are drawn: the same for every arm."""

    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=96, ge=1)
    """Of one reply."""
    samples: int = Field(default=4, ge=1)
    """Of each question by each run: K."""
    held: bool = True
    """Replies are held to the grammar that serving holds them to."""
    form: Form = "compact"


class Arm(Config):
    """One contestant."""

    name: str
    kind: Kind = "trained"
    method: str = ""
    """What the record calls it: ``sft``, ``grpo``, ``prompt`` …; empty: its name."""
    runs: int = Field(default=1, ge=1)
    """Independent training runs (S)."""
    control: bool = False
    """Shows what chance or form alone give; never adopted (a placebo)."""
    held: bool | None = None
    """None: as the design's ``decode`` says."""
    form: Form | None = None
    folder: str = ""
    """Of the adapter (``adapter``), relative to the project."""
    url: str = ""
    """Of the server (``endpoint``); empty: the provider's own."""
    model: str = ""
    """Its name there."""
    provider: str = "openai"
    """``openai``, or ``module:Class`` of a LangChain chat model."""
    api_key_env: str = ""
    structured: Literal["json_schema", "instructions"] = "json_schema"
    price: Price | None = None
    """Of an endpoint's tokens; None: not known."""
    file: str = ""
    """Of answers (``answers``): CSV with question, output and, where there are several, run."""


class Contrast(Config):
    """A comparison that counts towards adoption."""

    arm: str
    against: str


class Guard(Config):
    """A paper on which an adopted arm must be shown to be no worse than the start."""

    paper: Paper
    margin: float = Field(default=4.0, gt=0)
    """Points it may lose at most, one-sided 5 %."""


class Gates(Config):
    """What an adopted arm may cost, as a multiple of what the start costs; 0: no gate."""

    cost: float = 1.5
    """Dollars of a question."""
    p95: float = 1.5
    """95th percentile of a question's time."""
    timed: int = 60
    """Questions that each arm is asked one at a time, for both."""
    hour_usd: float = 0.045
    """Of the machine that answers: an hour of one core in a cloud, about."""


class Looks(Config):
    """When the samples are looked at."""

    at: tuple[float, ...] = (0.5, 1.0)
    """Shares of the questions, ascending, the last 1."""
    futility: float = Field(default=0.10, ge=0, lt=1)
    """Stop where the conditional power of every contrast is below; 0: never."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if (
            list(self.at) != sorted(set(self.at))
            or not self.at
            or self.at[-1] != 1
            or min(self.at) <= 0
        ):
            raise ValueError("looks.at must be ascending shares of the questions that end with 1")
        return self


class Rule(Config):
    """When an arm is adopted."""

    delta: float = Field(default=3.0, gt=0)
    """The smallest gain worth having, points."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Of all contrasts together, two-sided."""
    aim: float = 5.0
    """The true gain that the design is to find, points: at ``delta`` no design has more than half
    a chance."""
    power: float = 0.8


class Limits(Config):
    """What the evidence must have at least; less is described and decides nothing."""

    questions: int = 300
    companies: int = 40
    runs: int = 3


class Quick(Config):
    """The same in minutes, to see that it works; it decides nothing."""

    questions: int = 40
    samples: int = 2
    runs: int = 2
    overrides: tuple[str, ...] = ()
    """Laid over every recipe of the study."""


class Design(Config):
    """What is decided, and how."""

    specialist: str
    about: str = ""
    study: str = ""
    """Folder of the study that trains the arms (``finroute train study``), relative to the project;
    empty: nothing is trained."""
    start: str
    """The arm that is kept where none is adopted."""
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    papers: tuple[Paper, ...]
    """The sealed test, taken together."""
    decode: Decode = Decode()
    guards: tuple[Guard, ...] = ()
    gates: Gates = Gates()
    looks: Looks = Looks()
    rule: Rule = Rule()
    limits: Limits = Limits()
    quick: Quick = Quick()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        names = [arm.name for arm in self.arms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"arms named twice: {', '.join(twice)}")
        told = [self.start, *(n for c in self.contrasts for n in (c.arm, c.against))]
        unknown = sorted(set(told) - set(names))
        if unknown:
            raise ValueError(f"no arms named {', '.join(unknown)}; there are {', '.join(names)}")
        if not self.contrasts:
            raise ValueError("a design needs contrasts: which arm is held against which")
        if any(c.arm == c.against for c in self.contrasts):
            raise ValueError("an arm cannot be held against itself")
        papers = [p.name for p in (*self.papers, *(g.paper for g in self.guards))]
        if len(set(papers)) != len(papers):
            raise ValueError("papers and guards need names of their own")
        if not self.papers:
            raise ValueError("a design needs papers: what is asked")
        if any(arm.kind == "trained" for arm in self.arms) and not self.study:
            raise ValueError("arms of kind 'trained' need a study that trains them")
        for arm in self.arms:
            need = {"adapter": arm.folder, "endpoint": arm.model, "answers": arm.file}
            if arm.kind in need and not need[arm.kind]:
                raise ValueError(f"arm {arm.name} says nothing of where its {arm.kind} is")
            if arm.kind not in ("trained", "answers") and arm.runs != 1:
                raise ValueError(f"arm {arm.name} was not trained here: it has one run")
        return self

    def arm(self, name: str) -> Arm:
        """An arm by its name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def candidates(self) -> tuple[str, ...]:
        """Arms that may be adopted: those of a contrast's left side that are no control."""
        named = dict.fromkeys(c.arm for c in self.contrasts)
        return tuple(name for name in named if not self.arm(name).control and name != self.start)

    def shortened(self) -> Design:
        """The quick form: fewer questions, samples and runs of everything."""
        quick = self.quick
        each = max(quick.questions // len(self.papers), 1)
        few = [p.model_copy(update={"count": min(p.count, each)}) for p in self.papers]
        guards = [
            g.model_copy(
                update={"paper": g.paper.model_copy(update={"count": min(g.paper.count, each)})}
            )
            for g in self.guards
        ]
        arms = [a.model_copy(update={"runs": min(a.runs, quick.runs)}) for a in self.arms]
        decode = self.decode.model_copy(update={"samples": min(self.decode.samples, quick.samples)})
        return self.model_copy(
            update={
                "papers": tuple(few),
                "guards": tuple(guards),
                "arms": tuple(arms),
                "decode": decode,
                "looks": self.looks.model_copy(update={"at": (1.0,)}),
            }
        )


class Registered(Config):
    """A design with what identifies it."""

    design: Design
    name: str
    """The file's stem."""
    path: Path
    """Of the file: what it names is found from there, or from the project."""
    written: dict[str, Any]
    """What the file says, defaults apart."""
    study: dict[str, str]
    """SHA-256 of each file of the study."""
    quick: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the design and of its study's files."""
        told = {"form": FORM, "design": self.written, "study": self.study, "quick": self.quick}
        return digest(told)

    def seed(self, adapters: Iterable[str]) -> int:
        """Of the generated test: nobody could know it before the adapters were made.

        Args:
            adapters: digests of all adapters under test.
        """
        told = "\n".join([self.digest, *sorted(adapters)]).encode()
        return int.from_bytes(hashlib.sha256(told).digest()[:6], "big")


def load(path: Path, overrides: Sequence[str] = (), *, quick: bool = False) -> Registered:
    """Read a design, by its path or by its name among the project's.

    Raises:
        ConfigError: no such file, not valid, or a study that is not there.
    """
    file = path if path.suffix == ".toml" else DESIGNS / f"{path}.toml"
    if not file.is_file():
        known = ", ".join(sorted(p.stem for p in DESIGNS.glob("*.toml")))
        raise ConfigError(f"no design {path}; the project has {known}")
    design = Design.load(file, overrides)
    files: dict[str, str] = {}
    if design.study:
        folder = project(design.study, file)
        if not (folder / "study.toml").is_file():
            raise ConfigError(f"{file}: the study {design.study} has no study.toml")
        files = file_digests(folder)
    return Registered(
        design=design.shortened() if quick else design,
        name=file.stem,
        path=file,
        written=design.model_dump(mode="json", exclude_unset=True, exclude={"about"}),
        study=files,
        quick=quick,
    )


def project(told: str, file: Path) -> Path:
    """A path that a design tells: beside the design, else from the project's folder."""
    beside = file.parent / told
    return beside if beside.exists() else HERE.parent / told
