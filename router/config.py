"""``router.toml`` as frozen settings: one section a room, every key with its reason.

Without a file the profile ``embedded`` holds. A file is named on the command line or stands in the
home folder; the current folder is never searched, since a file that happens to lie there could
send questions and keys to a stranger's server.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from router.budget import Budget
from router.cascade import CascadeSettings
from specialists.engines.vllm_flags import VllmSettings
from specialists.fleet import FleetSettings
from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError
from specialists.foundation.prices import Price
from specialists.serving import Serving, Trust
from specialists.weights import WEIGHTS
from specialists.workspace import home

PROFILES = Path(__file__).with_name("profiles")


class PlannerSettings(Config):
    """Who plans."""

    engine: Literal["embedded", "langchain"] = "embedded"
    """``embedded``: the planning adapter, served as the other specialists are. ``langchain``: any
    chat model."""
    provider: str = "openai"
    """``openai`` (any OpenAI-compatible server), or ``module:Class`` of a LangChain chat model."""
    model: str = ""
    """The chat model's name at its provider."""
    base_url: str | None = None
    """The server, where it is not the provider's own."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key. The key itself never stands here."""
    structured: Literal["json_schema", "instructions"] = "json_schema"
    """How replies are held to a schema: by the server (``response_format``), or by telling it."""
    start: VllmSettings | None = None
    """The server of the chat model that ``finroute up`` starts at ``base_url``; None: others run
    it."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds one call may take."""
    replans: int = Field(default=1, ge=0, le=5)
    """How often a plan whose findings did not hold is made anew."""
    approve: bool = False
    """Rest after planning until a person approves the plan."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.engine == "langchain" and not self.model:
            raise ValueError("a langchain planner needs a model, e.g. model = 'gpt-5-mini'")
        if self.start is not None and not self.base_url:
            raise ValueError("a planner's server that is started needs base_url to be found at")
        return self


class CaseSettings(Config):
    """Worked cases: a second reading of each question, and examples for a chat model."""

    encoder: str = "auto"
    """``auto``: the packaged sentence encoder, or BM25 where it is not installed · ``none``: BM25 ·
    else a folder as sentence-transformers saves it."""
    disagreement: Literal["abstain", "signal"] = "abstain"
    """Where the embedded planner and the cases read a question differently: do not answer, or only
    count it in the confidence."""
    sure: float = Field(default=0.8, ge=0, le=1)
    """Probability from which the cases' reading is worth abstaining for."""
    own: float = Field(default=0.75, ge=0, le=1)
    """Probability from which a question is taken for an operation of the user's own cases, whatever
    the embedded planner makes of it: the operation was taught, not guessed."""
    shots: int = Field(default=4, ge=0, le=16)
    """Solved questions that a chat model is shown before it plans."""


class SpecialistSettings(Config):
    """Who does the steps."""

    engine: Literal["embedded", "vllm"] = "embedded"
    """``embedded``: the base and its adapters, in process on the CPU. ``vllm``: on servers."""
    weights: str = ""
    """The folder with ``weights.json``: one base and its adapters (``~`` is the user's own folder).
    Empty: those of the package."""
    servers: FleetSettings = FleetSettings()
    """Where the servers are and how they are kept fit, for ``vllm``."""
    provisional: bool = False
    """Serve adapters whose decision record does not adopt them, too; answers name them. Without it
    they are refused, and so are, with it, those without a valid record."""
    trust: Trust = Trust()
    """Whose signatures under decision records count, and how many each record needs."""

    @model_validator(mode="after")
    def _found(self) -> Self:
        if self.engine == "vllm" and not (self.servers.urls or self.servers.discover):
            raise ValueError(
                "engine = 'vllm' needs servers: urls = ['http://127.0.0.1:8200/v1'], or discover"
            )
        return self

    @property
    def folder(self) -> Path:
        """The weights' folder."""
        return Path(self.weights).expanduser() if self.weights else WEIGHTS

    @property
    def serving(self) -> Serving:
        """Which adapters may be served, as the registry takes it."""
        return Serving(provisional=self.provisional, trust=self.trust)


class ScheduleSettings(Config):
    """How a plan is run."""

    step_s: float = Field(default=60.0, gt=0)
    """Seconds one step may take, from when its parents are done."""
    max_steps: int = Field(default=24, ge=1)
    """Steps a plan may have."""


class StateSettings(Config):
    """Where answers are kept."""

    url: str = ""
    """SQLAlchemy URL; empty: ``answers.sqlite`` in the home folder."""
    lease_s: float = Field(default=15.0, gt=0)
    """After how many seconds without a sign of life another process may take over an answer."""


class Needs(Config):
    """What a profile takes of a machine, for ``finroute doctor``."""

    memory_gb: float = Field(default=2.0, ge=0)
    """Main memory, all processes together."""
    gpu_memory_gb: float = Field(default=0.0, ge=0)
    """Memory of the GPU, weights and caches of all servers together; 0: no GPU is needed."""
    disk_gb: float = Field(default=1.0, ge=0)
    """For weights and logs."""


class Settings(Config):
    """All settings of the router."""

    workspace: str = "demo"
    """The workspace asked when nobody names one."""
    planner: PlannerSettings = PlannerSettings()
    cases: CaseSettings = CaseSettings()
    specialists: SpecialistSettings = SpecialistSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    cascade: CascadeSettings = CascadeSettings()
    budget: Budget = Budget()
    state: StateSettings = StateSettings()
    needs: Needs = Needs()
    prices: dict[str, Price] = Field(default_factory=dict[str, Price])
    """Prices by model name, as traces show it; the longest beginning of a name that fits counts. A
    model without a price is told as unpriced, not as free."""


def load(source: str | Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """The settings of a file or a profile.

    Args:
        source: a TOML file, a profile's name, or None: ``router.toml`` of the home folder if there
            is one, else the profile ``embedded``.
        overrides: ``dotted.key=value`` items laid over it.

    Raises:
        ConfigError: no such file or profile, or one that is not valid.
    """
    return Settings.load(_path(source), overrides)


def profiles() -> list[str]:
    """Names of the profiles that come with the router."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def _path(source: str | Path | None) -> Path:
    if source is None:
        own = home.home() / "router.toml"
        return own if own.is_file() else PROFILES / "embedded.toml"
    path = Path(source)
    if path.is_file():
        return path
    if str(source) in profiles():
        return PROFILES / f"{source}.toml"
    raise ConfigError(
        f"no file {source}, and no profile of that name (profiles: {', '.join(profiles())})"
    )
