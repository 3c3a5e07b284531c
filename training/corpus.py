"""What the base and the adapters learn from: solved cases of the five jobs, public data, finance
prose.

Cases are generated once, in shards, by one niced process per core, and kept as dialogues on disk;
then they are rendered by the template that serves them and kept as tokens, so that making examples
never starves the trainer. Everything follows from the recipe's seed. Only the folds ``train`` and
``dev`` are ever made here: the folds ``companies`` and ``templates`` belong to the evals.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.foundation.config import Config
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from training import jobs, prose
from training.batches import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

PROSE = "prose"
"""The corpus part that is no job."""


class CorpusRecipe(Config):
    """How much to make of what."""

    seed: int = 11
    jobs: tuple[str, ...] = jobs.NAMES
    train: int = 40_000
    """Generated dialogues for each job to learn from."""
    dev: int = 400
    """Generated dialogues for each job to watch learning with."""
    public: int = 1_000_000
    """Public dialogues of a job, at most."""
    prose: int = 1_000_000
    """Public passages of prose, at most."""
    copying: int = 20_000
    """Exercises in copying."""
    shard: int = 1_000
    """Dialogues a file holds; a shard is the unit of work and of the seed."""
    window: int = 224
    """Length of a passage of prose, in tokens."""
    processes: int = 2


@dataclass(frozen=True)
class Shard:
    """One file of dialogues to make."""

    job: str
    fold: str
    """``train``, ``dev``, or ``public`` for the public data's training parts."""
    index: int
    count: int
    seed: int

    def path(self, out: Path) -> Path:
        return out / "dialogues" / self.job / f"{self.fold}-{self.index:04d}.jsonl"


def shards(recipe: CorpusRecipe) -> list[Shard]:
    """All shards, jobs taking turns, so that a stopped run has some of everything."""
    made: list[Shard] = []
    for fold, total in (("dev", recipe.dev), ("public", 1), ("train", recipe.train)):
        for index in range(-(-total // recipe.shard)):
            count = min(recipe.shard, total - index * recipe.shard)
            count = recipe.public if fold == "public" else count
            for job in recipe.jobs:
                offset = 0 if fold == "train" else 500_000
                place = (*jobs.NAMES, *jobs.STUDIES).index(job)
                seed = recipe.seed * 1_000_003 + offset + index * 16 + place
                made.append(Shard(job, fold, index, count, seed))
    return made


def make(shard: Shard, out: Path, data: Path | None) -> int:
    """Write one shard, unless it is there. Returns how many dialogues it holds."""
    path = shard.path(out)
    if path.exists():
        return sum(1 for _ in path.open(encoding="utf-8"))
    path.parent.mkdir(parents=True, exist_ok=True)
    if shard.fold == "public":
        examples = itertools.islice(jobs.public(shard.job, data) if data else (), shard.count)
    else:
        examples = jobs.task(shard.job).examples(shard.fold, shard.count, shard.seed)  # type: ignore[arg-type]
    count = 0
    part = path.with_suffix(f".{os.getpid()}")
    with part.open("w", encoding="utf-8") as file:
        for example in examples:
            if example.fold not in ("train", "dev"):
                raise ConfigError(
                    f"{shard.job}: {example.id} is of the held-out fold {example.fold}"
                )
            row = {
                "id": example.id,
                "company": example.company,
                "template": example.template,
                "source": example.source,
                "messages": [
                    m.model_dump(mode="json", exclude_defaults=True) for m in example.dialogue
                ],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    # Renamed last: a shard that exists is whole.
    part.rename(path)
    return count


def make_all(recipe: CorpusRecipe, out: Path, data: Path | None) -> Iterator[tuple[Shard, int]]:
    """Make every shard that is missing, in niced processes; yields each with its count when
    done."""
    todo = shards(recipe)
    with ProcessPoolExecutor(
        recipe.processes, mp_context=get_context("spawn"), initializer=os.nice, initargs=(10,)
    ) as pool:
        futures = [pool.submit(make, shard, out, data) for shard in todo]
        for shard, future in zip(todo, futures, strict=True):
            yield shard, future.result()


def public_sources(out: Path, job: str) -> dict[str, int]:
    """How many public dialogues of a job are on disk, by source."""
    counts: dict[str, int] = {}
    for path in sorted((out / "dialogues" / job).glob("public-*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                source = json.loads(line)["source"]
                counts[source] = counts.get(source, 0) + 1
    return counts


def dialogues(out: Path, job: str, folds: Sequence[str]) -> Iterator[tuple[Message, ...]]:
    """The dialogues of a job that are on disk, shard by shard."""
    for fold in folds:
        for path in sorted((out / "dialogues" / job).glob(f"{fold}-*.jsonl")):
            with path.open(encoding="utf-8") as file:
                for line in file:
                    yield tuple(Message.model_validate(m) for m in json.loads(line)["messages"])


def render(
    tokenizer: PreTrainedTokenizerBase, dialogue: Sequence[Message]
) -> tuple[list[int], list[int]]:
    """Token ids of a whole dialogue, and 1 where the assistant wrote the token (end mark
    included)."""
    from specialists.engines.template import to_chat

    out: Any = tokenizer.apply_chat_template(
        to_chat(dialogue), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    return out["input_ids"], out["assistant_masks"]


def render_text(tokenizer: PreTrainedTokenizerBase, dialogue: Sequence[Message]) -> str:
    """The same as text."""
    from specialists.engines.template import to_chat

    return str(tokenizer.apply_chat_template(to_chat(dialogue), tokenize=False))


def tokenise(
    tokenizer: PreTrainedTokenizerBase, out: Path, part: str, folds: Sequence[str]
) -> Tokens:
    """A job's dialogues of these folds as tokens."""
    return Tokens.of([render(tokenizer, dialogue) for dialogue in dialogues(out, part, folds)])


def tokenise_prose(
    tokenizer: PreTrainedTokenizerFast, data: Path, recipe: CorpusRecipe
) -> tuple[Tokens, Tokens]:
    """Public prose in windows of ``recipe.window`` tokens, one in fifty held back: train, dev."""
    end = tokenizer.pad_token_id
    assert isinstance(end, int)
    train: list[tuple[list[int], list[int]]] = []
    dev: list[tuple[list[int], list[int]]] = []
    rng = random.Random(recipe.seed)
    for text in itertools.islice(prose.read(data), recipe.prose):
        ids: list[int] = [*tokenizer.backend_tokenizer.encode(text).ids, end]
        kept = dev if rng.random() < 0.02 else train
        for start in range(0, len(ids), recipe.window):
            window = ids[start : start + recipe.window]
            if len(window) >= 16:
                kept.append((window, [0] * len(window)))
    return Tokens.of(train), Tokens.of(dev)
