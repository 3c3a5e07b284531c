"""What a run is told: frozen recipes read from ``recipes/*.toml``. No heavy library is imported
here."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError
from training import jobs
from training.corpus import CorpusRecipe
from training.tuning.recipe import Recipe, load

FOLDER = Path(__file__).with_name("recipes")


class TokenizerRecipe(Config):
    """The tokenizer."""

    vocabulary: int = 2560
    """Size: bytes, handles, scaffolding, merges and special tokens together."""
    sample: int = 3000
    """Dialogues of each job, and ten times as many passages of prose, that merges are learned
    from."""
    scaffolding: int = 48
    """How many fixed strings of replies may be one token each."""


class ModelRecipe(Config):
    """The shape of the base: Qwen3, tied embeddings."""

    layers: int = 4
    width: int = 256
    heads: int = 4
    kv_heads: int = 4
    head: int = 64
    """Size of a head; vLLM's kernels have 64, 80, 96, 112, 128 …"""
    inner: int = 768
    context: int = 1024
    theta: float = 10_000.0


class OptimiserRecipe(Config):
    """How fast to learn."""

    muon: float = 0.02
    """Learning rate of the matrices inside the blocks."""
    adamw: float = 3e-3
    """Learning rate of embeddings and norms."""
    decay: float = 0.01
    """Weight decay of the matrices."""
    momentum: float = 0.95
    """Muon's momentum."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW's."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 leaves it alone."""
    warmup: float = 0.02
    """Share of the budget."""
    cooldown: float = 0.4
    """Share of the budget at its end, in which the rates fall to zero."""


class BaseRecipe(Config):
    """How the base is made."""

    seed: int = 11
    corpus: CorpusRecipe = CorpusRecipe()
    tokenizer: TokenizerRecipe = TokenizerRecipe()
    model: ModelRecipe = ModelRecipe()
    grown_from: str = ""
    """Folder of a base to begin from instead of nothing (``released``: the project's own): it has
    that one's tokenizer and shape, and as many layers as ``model.layers`` says."""
    optimiser: OptimiserRecipe = OptimiserRecipe()
    shares: dict[str, float]
    """Shares of the mix, in tokens, by job; ``prose`` is public finance prose, ``copying`` the
    exercises of ``copying.py``."""
    early: dict[str, float] = Field(default_factory=dict[str, float])
    """The shares at the beginning, where they differ."""
    early_batches: int = 0
    """How many micro-batches that beginning lasts."""
    lengths: tuple[int, ...] = (*range(8, 257, 8), *range(272, 513, 16), 640, 768, 896, 1024)
    """Row lengths there may be, in tokens."""
    batch: int = 2048
    """Tokens of a micro-batch, padding included."""
    accumulate: int = 4
    """Micro-batches of a step."""
    prompt_weight: float = 0.1
    """What a prompt's token counts in the loss; a reply's counts 1."""
    prompt_weight_at_end: float = 0.02
    """The same while the learning rate falls."""
    prose_weight: float = 0.3
    """What a token of prose counts."""
    tokens: int = 40_000_000
    """Budget."""
    seconds: float = 0
    """Budget of time spent learning; 0 is none."""
    threads: int = 2
    bf16: bool = True
    compile: bool = True
    log_every: float = 20
    """Seconds."""
    watch_every: float = 240
    """Seconds of learning between readings."""
    watch_count: int = 60
    """Dialogues of each part that a reading takes."""
    checkpoint_every: float = 300
    """Seconds of learning between checkpoints."""


class HeadlinesRecipe(Config):
    """How the second reader is made."""

    seed: int = 13
    epochs: float = 3.0
    seconds: float = 0
    """Budget of time spent learning; 0 is none."""
    generated: int = 2_000
    """Generated headlines beside the real ones."""
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.1
    rate: float = 1e-3
    batch: int = 32
    longest: int = 64
    """Tokens of a headline that count."""
    smoothing: float = 0.05
    """Of the labels."""
    warmup: float = 0.06
    """Share of the budget."""
    watch_every: int = 250
    """Steps between readings of the dev part."""
    bf16: bool = True
    threads: int = 1


def base(path: Path | None = None, overrides: tuple[str, ...] = ()) -> BaseRecipe:
    """The base's recipe."""
    return BaseRecipe.load(path or FOLDER / "base.toml", overrides)


def adapter(job: str, path: Path | None = None, overrides: tuple[str, ...] = ()) -> Recipe:
    """The recipe of a job's adapter in service.

    Raises:
        ConfigError: no such job, or a recipe that is not valid or another job's.
    """
    if job not in jobs.NAMES:
        raise ConfigError(f"no job named {job}; there are {', '.join(jobs.NAMES)}")
    # Cards of adapters in service say `threads=1`, from when an adapter's recipe was flat.
    words = [f"learning.{item}" if item.startswith("threads=") else item for item in overrides]
    made = load(path or FOLDER / f"{job}.toml", words)
    if made.specialist != job:
        raise ConfigError(f"{path} is a recipe for {made.specialist}, not for {job}")
    return made


def headlines(path: Path | None = None, overrides: tuple[str, ...] = ()) -> HeadlinesRecipe:
    """The recipe of the second reader of headlines; default: ``recipes/headlines.toml``."""
    return HeadlinesRecipe.load(path or FOLDER / "headlines.toml", overrides)
