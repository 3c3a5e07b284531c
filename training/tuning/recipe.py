"""A recipe: everything that decides what a tuning run makes. Frozen, read from TOML.

A named recipe ``specialist/method/base`` is layered from three files below ``recipes/``; what one
layer says for a particular specialist, method or base stands in its tables ``[when.<name>]``. A
file of your own says ``extends = "table_qa/grpo/embedded"`` and what is to be different. No heavy
library is imported here.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from specialists.foundation.config import Config, assign
from specialists.foundation.errors import ConfigError
from specialists.foundation.prices import Price
from specialists.task import Form

FOLDER = Path(__file__).with_name("recipes")
LAYERS = ("methods", "bases", "specialists")
"""Folders of the layers, in the order they are laid over each other."""
NOT_FOR = "not_for"
"""In a method's file: the specialists it cannot train, each with the reason."""

Kind = Literal["sft", "self_sft", "distill", "distill_online", "grpo", "grpo_placebo"]
"""How an adapter learns. sft: from gold dialogues · self_sft: from its own replies that were right
(rejection sampling) · distill: from a teacher's dialogues whose answer was right · distill_online:
on its own dialogues, towards a teacher's probabilities · grpo: from rewards · grpo_placebo: from
rewards drawn by lot (a control)"""


class BaseSection(Config):
    """The model under the adapter."""

    name: str = "embedded"
    """What records call it."""
    source: str = ""
    """A folder, or a hub id; empty: the project's embedded base."""
    form: Form = "compact"
    """How jobs are put to it: in handles, or in full."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the frozen weights. Adapters are always float32 and never merged into them."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    template: Literal["own", "training"] = "own"
    """``training``: a form of the base's own chat template that keeps every turn (ours, or TRL's
    where we have none), saved with the adapter; for bases whose template rewrites earlier turns."""
    parameters: float = 0.0
    """For estimates before it is read; 0: counted from its files."""
    layers: int = 0
    """For estimates."""
    width: int = 0
    """For estimates."""
    vocabulary: int = 0
    """For estimates."""


class Part(Config):
    """A part of the generated data."""

    slice: str = ""
    """A slice the task knows (``Task.slices``); empty: all of it."""
    share: float = 1.0


class DataSection(Config):
    """What is learned from."""

    count: int = 12_000
    """Generated examples, at most."""
    seed: int = 12
    """Of the generator."""
    parts: tuple[Part, ...] = (Part(),)
    order: Literal["mixed", "staged"] = "mixed"
    """``staged``: one part after the other."""
    public: float = 0.0
    """Share of the examples that is public data, where the job has some."""
    demonstrator: str = ""
    """Who shows how: empty is gold; else one of the task's demonstrators (``mixed``,
    ``format_only`` …), for studies."""
    file: str = ""
    """Data of your own, CSV or JSONL: instead of generated and public examples."""
    workspace: str = ""
    """The workspace that questions of your own are about, where the job reads one."""
    licence: str = ""
    """Of your own data, for the record."""
    held: float = 0.15
    """Share of the companies that is not learned from: the watching is on those."""
    length: int = 512
    """Longest dialogue in tokens; longer ones are left out and counted, none is cut."""


class LoraSection(Config):
    """The adapter: on all linear layers, none on embeddings or output head."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


class LearningSection(Config):
    """The optimiser (AdamW)."""

    steps: int = 0
    """Optimiser steps; 0: one pass over the data."""
    epochs: float = 1.0
    """Passes over the data where ``steps`` is 0."""
    batch: int = 32
    """Dialogues of a micro-batch (SFT; of a packed one: ``batch × length`` tokens at most), or
    completions (GRPO), on each process."""
    accumulate: int = 1
    """Micro-batches of a step."""
    rate: float = 2e-3
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = 0.02
    """Share of the steps."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    decay: float = 0.0
    bf16: bool = True
    """Autocast while learning. What is measured is measured in float32."""
    checkpointing: bool = False
    """Activations are computed again instead of kept."""
    threads: int = 1


class SftSection(Config):
    """Learning from dialogues."""

    packing: bool = True
    """Several dialogues a row, without attention between them."""
    loss: Literal["nll", "dft"] = "nll"
    """dft: dynamic fine-tuning, arXiv 2508.05629."""


class RolloutSection(Config):
    """Episodes: the model and its tools."""

    temperature: float = 1.0
    top_p: float = 1.0
    turns: int = 0
    """Replies an episode may have; 0: as many as the task allows."""
    reply: int = 96
    """Tokens of a reply, at most."""
    tokens: int = 512
    """Tokens of an episode after its prompt, tools' output included, at most."""
    timeout: float = 10.0
    """Seconds a tool call may take; the model is told of one that took longer."""
    output: int = 8_000
    """Characters of a tool's output."""
    parallel: int = 64
    """Episodes under way at once."""
    held: bool = False
    """Replies held to the grammar that serving holds them to."""


class RewardSection(Config):
    """What an episode is paid: the sum of its parts, each times its weight. Parts of weight 0 are
    only logged."""

    weights: dict[str, float] = Field(default_factory=lambda: {"right": 1.0})
    """By part; ``training.tuning.rewards.PARTS`` names and explains them."""


class GrpoSection(Config):
    """Group-relative policy optimisation (arXiv 2402.03300) in TRL, and its variants."""

    group: int = 8
    """Episodes of one prompt."""
    loss: Literal["grpo", "dapo", "dr_grpo", "bnpo"] = "grpo"
    scale: Literal["group", "batch", "none"] = "group"
    """What advantages are divided by: the standard deviation of rewards in a group, or nothing."""
    level: Literal["token", "sequence"] = "token"
    """Of the importance ratio; sequence: GSPO, arXiv 2507.18071."""
    epsilon: float = 0.2
    epsilon_high: float | None = None
    """DAPO's clip-higher (arXiv 2503.14476)."""
    beta: float = 0.0
    """Weight of the KL term against the start."""
    mask_truncated: bool = False
    """Episodes that were cut off teach nothing."""
    generations: int = 0
    """Micro-batches whose episodes are drawn at once; 0: those of one step."""
    refill: int = 1
    """How often prompts whose group agrees are replaced by fresh ones before a step (DAPO's dynamic
    sampling); 0: never."""


class TeacherSection(Config):
    """Who is learned from."""

    engine: Literal["local", "langchain"] = "local"
    source: str = ""
    """A folder or hub id (local; empty: the recipe's own base), or a model's name (langchain)."""
    adapter: str = ""
    """Folder of a local teacher's adapter; ``released``: where no source is given, the job's own
    among the project's weights; empty: none."""
    provider: str = "openai"
    """``openai``: OpenAI or a compatible server; or ``module:Class`` of a LangChain chat model."""
    url: str = ""
    """Of the server; empty: the provider's own."""
    api_key_env: str = ""
    """Name of the environment variable that holds the key; empty: none."""
    structured: Literal["json_schema", "instructions"] = "json_schema"
    """How a server's replies are held to their form: by ``response_format``, or by being told."""
    timeout_s: float = 120.0
    """Of one call to a server."""
    form: Form = "full"
    held: bool = True
    """A local teacher's replies are held to the grammar."""
    temperature: float = 0.0
    top_p: float = 1.0
    reply: int = 1024
    """Tokens of a reply, at most."""
    samples: int = 1
    """Dialogues of each question, at most; the first that checks out is kept."""
    parallel: int = 16
    """Questions under way at once."""
    price: Price | None = None
    """What it costs; None: not known, and then no budget can be kept."""
    budget_usd: float = 0.0
    """Stop asking when this much is spent; 0: no limit."""
    beta: float = 1.0
    """Of the generalised Jensen-Shannon divergence in on-policy distillation; 1: reverse KL."""


class SelfSection(Config):
    """Rejection sampling."""

    samples: int = 4
    """Episodes of each question."""
    keep: int = 1
    """Right ones that are kept of each."""


class WatchSection(Config):
    """Measuring on the companies not learned from, while learning."""

    every: int = 60
    """Steps."""
    count: int = 200
    """Examples."""
    patience: int = 4
    """Measurements without gain before it stops; 0: never."""
    keep: Literal["best", "last"] = "best"


class CheckpointSection(Config):
    """What a stopped run goes on from."""

    every: int = 100
    """Steps."""
    keep: int = 2
    """The newest ones."""


class Seeds(Config):
    """The three that a run follows from; -1: the recipe's ``seed``."""

    order: int = -1
    init: int = -1
    sampler: int = -1


class Recipe(Config):
    """How one adapter is made."""

    specialist: str
    method: Kind
    name: str = ""
    """``specialist/method/base``, or a file's stem."""
    about: str = ""
    """In a line."""
    design: str = ""
    """Digest of the design of a decision that this run is made for; such runs serve no other."""
    start: str = ""
    """Folder of an adapter to go on from; empty: a new one."""
    seed: int = 11
    seeds: Seeds = Seeds()
    base: BaseSection = BaseSection()
    data: DataSection = DataSection()
    lora: LoraSection = LoraSection()
    learning: LearningSection = LearningSection()
    sft: SftSection = SftSection()
    rollout: RolloutSection = RolloutSection()
    reward: RewardSection = RewardSection()
    grpo: GrpoSection = GrpoSection()
    teacher: TeacherSection = TeacherSection()
    self_sft: SelfSection = SelfSection()
    watch: WatchSection = WatchSection()
    checkpoint: CheckpointSection = CheckpointSection()

    @model_validator(mode="after")
    def _whole_groups(self) -> Self:
        if self.method.startswith("grpo") and self.learning.batch % self.grpo.group:
            raise ValueError(
                f"learning.batch ({self.learning.batch}) must hold whole groups of "
                f"grpo.group ({self.grpo.group}) episodes"
            )
        return self

    @property
    def rewarded(self) -> bool:
        """It learns from rewards."""
        return self.method in ("grpo", "grpo_placebo")

    def seed_of(self, what: Literal["order", "init", "sampler"]) -> int:
        """The seed of the data's order, of the adapter's initialisation, or of sampled tokens."""
        own: int = getattr(self.seeds, what)
        return self.seed if own < 0 else own

    @property
    def digest(self) -> str:
        """SHA-256 of all of it but the seeds and the name: runs of one recipe have it in common."""
        told = self.model_dump_json(exclude={"seed", "seeds", "name", "about", "design"})
        return hashlib.sha256(told.encode()).hexdigest()


def names() -> tuple[str, ...]:
    """Every named recipe."""
    methods, bases, specialists = (
        sorted(path.stem for path in (FOLDER / layer).glob("*.toml")) for layer in LAYERS
    )
    barred = {m: _read(FOLDER / "methods" / f"{m}.toml").get(NOT_FOR, {}) for m in methods}
    return tuple(
        f"{s}/{m}/{b}" for s in specialists for m in methods for b in bases if s not in barred[m]
    )


def load(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by its name or from a file.

    Args:
        source: ``specialist/method/base``, or the path of a TOML file.
        overrides: ``dotted.key=value`` items, laid over everything.

    Raises:
        ConfigError: no such recipe, a file that cannot be read, an unknown key, a wrong value.
    """
    data = _resolved(str(source), ())
    for item in overrides:
        assign(data, item)
    return Recipe.parse(data, origin=f"recipe {source}")


def _resolved(source: str, seen: tuple[str, ...]) -> dict[str, Any]:
    if source in seen:
        raise ConfigError(f"recipes extend each other in a circle: {' -> '.join((*seen, source))}")
    if source.endswith(".toml"):
        folder = Path(source).parent
        told = _beside(_read(Path(source)), folder)
        under = told.pop("extends", None)
        if under is not None and (folder / str(under)).is_file():
            under = folder / str(under)  # a file beside this one
        data = {} if under is None else _resolved(str(under), (*seen, source))
        named: dict[str, Any] = {"name": Path(source).stem}
        return _over(_over(data, named), told)
    return _layered(source)


def _layered(name: str) -> dict[str, Any]:
    specialist, _, rest = name.partition("/")
    method, _, base = rest.partition("/")
    chosen = dict(zip(LAYERS, (method, base, specialist), strict=True))
    layers: list[dict[str, Any]] = []
    for layer, stem in chosen.items():
        path = FOLDER / layer / f"{stem}.toml"
        if not path.is_file():
            there = ", ".join(sorted(p.stem for p in (FOLDER / layer).glob("*.toml")))
            raise ConfigError(
                f"no recipe {name!r}: a recipe is named specialist/method/base or is a .toml file, "
                f"and {stem or 'nothing'!r} is not among the {layer} {there}"
            )
        layers.append(_read(path))
    barred = layers[0].pop(NOT_FOR, {})
    if specialist in barred:
        raise ConfigError(f"no recipe {name!r}: {barred[specialist]}")
    data: dict[str, Any] = {"name": name}
    conditional: list[dict[str, Any]] = []
    for told in layers:
        conditional.append(told.pop("when", {}))
        data = _over(data, told)
    data["specialist"] = specialist
    kind = str(data.get("method", ""))
    for tables in conditional:
        for key in dict.fromkeys((kind, method, base, specialist)):
            data = _over(data, tables.get(key, {}))
    return data


def _beside(told: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What a recipe file says, the path of its data as seen from here: it is told from there."""
    data = told.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("file"), str):
        return told
    path = folder / data["file"]
    return told | {"data": data | {"file": str(path)}} if path.is_file() else told


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping laid over another, tables into tables."""
    data = dict(below)
    for key, value in above.items():
        under = data.get(key)
        both = isinstance(under, dict) and isinstance(value, dict) and key != "weights"
        data[key] = _over(under, value) if both else value  # type: ignore[arg-type]
    return data
