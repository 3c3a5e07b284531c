"""Learning curves: small models from nothing on the planning job alone, by frames and parameters.

Each run sees equally many tokens; what differs is how many sentence frames its questions come from,
or how large it is. Held-out questions are of frames no run has seen. Their plans are judged by
forced decoding (``watch``), which is stricter than the job's score: the curves show what more of
something brings, not how good the served model is.

Questions of several parts are left out, since their parts come from frames their id does not name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from specialists.foundation.config import Config
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from training import corpus, jobs
from training.batches import Tokens
from training.pretrain import Pretraining, build
from training.provenance import environment
from training.recipe import BaseRecipe, ModelRecipe

Say = Callable[[str], None]
JOB = "planning"
SEPARATOR = ";"
"""Stands between the parts of a plan."""
SHAPES = {
    "1M": ModelRecipe(layers=4, width=128, heads=2, kv_heads=2, inner=384),
    "2M": ModelRecipe(layers=4, width=192, heads=3, kv_heads=3, inner=512),
    "4M": ModelRecipe(),
    "8M": ModelRecipe(layers=4, width=384, heads=6, kv_heads=6, inner=1024),
}


class CurvesRecipe(Config):
    """What is run."""

    seed: int = 11
    frames: tuple[int, ...] = (40, 150, 600, 0)
    """How many sentence frames; 0 is all there are."""
    shape: str = "4M"
    """Size of the models that frames are varied with."""
    shapes: tuple[str, ...] = ("1M", "2M", "8M")
    """Further sizes, with all frames."""
    tokens: int = 1_000_000
    """Tokens each run sees."""
    seconds: float = 900
    """Time each run may take; 0 is any."""
    heldout: int = 400
    """Held-out questions, those of several parts included (they are left out)."""
    readings: int = 6
    """Measurements on the way, about."""
    threads: int = 1
    compile: bool = False


@dataclass(frozen=True)
class Run:
    """One model to train."""

    shape: str
    frames: int
    """0 is all."""

    @property
    def name(self) -> str:
        return f"{self.shape}-{self.frames or 'all'}"


def runs(recipe: CurvesRecipe) -> list[Run]:
    """All runs, those that differ most first."""
    by_frames = [Run(recipe.shape, n) for n in recipe.frames]
    by_size = [Run(shape, 0) for shape in recipe.shapes]
    ends = [*by_frames[-1:], *by_frames[:1], *by_size, *by_frames[1:-1]]
    return list(dict.fromkeys(ends))


def make(recipe: CurvesRecipe, work: Path, out: Path, say: Say = print) -> None:
    """Do every run that ``out`` has no row of, one JSON row a run.

    Args:
        work: the training's work folder: its planning dialogues and tokenizer are used.
        out: file of JSON lines; a row there is not made again.

    Raises:
        ConfigError: the work folder has no planning dialogues or no tokenizer yet.
    """
    if not (work / "tokenizer").exists():
        raise ConfigError(f"{work} has no tokenizer: make the corpus first")
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(work / "tokenizer")
    torch.set_num_threads(recipe.threads)
    done = {row["name"] for row in read(out)}
    todo = [run for run in runs(recipe) if run.name not in done]
    if not todo:
        return
    heldout = _heldout(recipe, tokenizer)
    rows = list(_rows(work))
    if not rows:
        raise ConfigError(f"{work} has no dialogues of {JOB}: make the corpus first")
    say(f"curves: {len(rows):,} questions of {len({r.template for r in rows}):,} frames, "
        f"{len(heldout)} held out")  # fmt: skip
    for run in todo:
        row = _one(recipe, run, rows, heldout, tokenizer, work / "curves" / run.name, say)
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read(out: Path) -> list[dict[str, Any]]:
    """The rows there are."""
    if not out.exists():
        return []
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines() if line]


@dataclass(frozen=True)
class _Row:
    template: str
    dialogue: tuple[Message, ...]


def _rows(work: Path) -> Iterator[_Row]:
    for path in sorted((work / "dialogues" / JOB).glob("train-*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                dialogue = tuple(Message.model_validate(m) for m in row["messages"])
                if SEPARATOR not in dialogue[-1].content:
                    yield _Row(row["template"], dialogue)


def _heldout(recipe: CurvesRecipe, tokenizer: PreTrainedTokenizerFast) -> Tokens:
    """Questions of frames never trained on, one part each."""
    examples = jobs.task(JOB).examples("templates", recipe.heldout, recipe.seed + 70_000)
    dialogues = [e.dialogue for e in examples if SEPARATOR not in e.dialogue[-1].content]
    return Tokens.of([corpus.render(tokenizer, dialogue) for dialogue in dialogues])


def chosen(templates: Sequence[str], count: int) -> set[str]:
    """``count`` frames (0: all), as evenly over the kinds of questions as there are frames.

    ``planning-growth:c0c9`` is a frame of kind ``planning-growth``. Fewer frames are always among
    more.
    """
    kinds: dict[str, list[str]] = {}
    for template in sorted(set(templates), key=lambda t: sha256(t.encode()).hexdigest()):
        kinds.setdefault(template.partition(":")[0], []).append(template)
    order = [kinds[kind] for kind in sorted(kinds)]
    turns = [t for turn in zip_longest(*order) for t in turn if t is not None]
    return set(turns[: count or len(turns)])


def _one(
    recipe: CurvesRecipe,
    run: Run,
    rows: Sequence[_Row],
    heldout: Tokens,
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
    say: Say,
) -> dict[str, Any]:
    templates = chosen([row.template for row in rows], run.frames)
    train = [row.dialogue for row in rows if row.template in templates]
    tokens = Tokens.of([corpus.render(tokenizer, dialogue) for dialogue in train])
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    assert isinstance(end, int)
    assert isinstance(pad, int)
    torch.manual_seed(recipe.seed)
    model = build(SHAPES[run.shape], len(tokenizer), end=end, pad=pad)
    parameters = sum(p.numel() for p in model.parameters())
    say(f"curves: {run.name}: {len(templates)} frames, {len(train):,} questions, "
        f"{parameters / 1e6:.2f} M parameters")  # fmt: skip
    work.mkdir(parents=True, exist_ok=True)
    made = Pretraining(_base(recipe, run), model, {JOB: tokens}, {"heldout": heldout}, work, say)
    if (work / "checkpoint.pt").exists():
        made.resume()
    began = time.monotonic()
    if not made.run():
        raise KeyboardInterrupt  # a checkpoint is there: the same command goes on from it
    last = made.readings[-1]
    return {
        "name": run.name,
        "frames": len(templates),
        "questions": len(train),
        "parameters": parameters,
        "tokens": made.tokens,
        "seconds": round(made.seconds, 1),
        "heldout": len(heldout),
        "exact": last["dev"]["heldout"]["dialogues"],
        "loss": last["dev"]["heldout"]["loss"],
        "readings": [{"tokens": r["tokens"], **r["dev"]["heldout"]} for r in made.readings],
        "recipe": recipe.model_dump(mode="json"),
        "environment": environment(recipe.threads),
        "wall_s": round(time.monotonic() - began, 1),
    }


def _base(recipe: CurvesRecipe, run: Run) -> BaseRecipe:
    every = recipe.seconds / recipe.readings if recipe.seconds else 60.0
    return BaseRecipe(
        seed=recipe.seed,
        model=SHAPES[run.shape],
        shares={JOB: 1.0},
        tokens=recipe.tokens,
        seconds=recipe.seconds,
        threads=recipe.threads,
        compile=recipe.compile,
        accumulate=2,
        watch_every=every,
        watch_count=recipe.heldout,
        checkpoint_every=120,
    )
