"""What a recipe learns from: generated examples, public data, or data of one's own.

Examples are drawn by the task's own generators; those to watch with are of companies never learned
from. Only the folds ``train`` and ``dev`` are ever drawn here: ``companies`` and ``templates``
belong to the evaluations.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specialists.foundation.errors import ConfigError
from specialists.task import Example, Task
from training import jobs, prose
from training.tuning.recipe import Recipe

Examples = list[Example[Any, Any]]
AMPLE = 60
"""How many times the wanted number is drawn before a fold counts as holding no such examples."""


@dataclass(frozen=True)
class Material:
    """What is learned from, and what is only watched."""

    train: Examples
    """In the order they are learned from."""
    watched: Examples
    """Of companies not among those learned from."""
    digest: str
    """SHA-256 of all of them, in order."""
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    """Counts, sources and licences, for the record."""


def task(recipe: Recipe) -> Task[Any, Any]:
    """The job's task.

    Raises:
        ConfigError: no such job.
    """
    return jobs.task(recipe.specialist)


def gather(recipe: Recipe, data: Path | None) -> Material:
    """The examples of a recipe; the same recipe gives the same ones.

    Args:
        data: folder of public data; None leaves it out.

    Raises:
        ConfigError: a slice the task does not know, or no examples at all.
        InputError: data of one's own that cannot be used.
    """
    made = task(recipe)
    if recipe.data.file:
        from training.tuning import own

        given = own.examples(
            made, Path(recipe.data.file), recipe.data.workspace, licence=recipe.data.licence
        )
        train, watched = _split(given.examples, recipe.data.held)
        train, about = train[: recipe.data.count], given.about
        watched = watched[: recipe.watch.count]
    else:
        train, about = _generated(recipe, made), {}
        public = _public(recipe, data)
        if public:
            train = _shuffled([*train[: recipe.data.count - len(public)], *public], recipe)
        watched = _watched(recipe, made)
        sources = Counter(e.source for e in train)
        known = prose.provenance(data, {s for s in sources if s != "generated"}) if data else []
        about = {"sources": dict(sources), "public": known}
    if not train:
        raise ConfigError(f"{recipe.name}: there are no examples to learn from")
    about |= {
        "train": len(train),
        "watched": len(watched),
        "companies": len({e.company for e in train}),
        "templates": len({e.template for e in train}),
    }
    return Material(train, watched, digest((*train, *watched)), about)


def _generated(recipe: Recipe, made: Task[Any, Any]) -> Examples:
    parts: list[Examples] = []
    whole = sum(part.share for part in recipe.data.parts)
    for part in recipe.data.parts:
        count = round(recipe.data.count * part.share / whole)
        drawn = _draw(made, part.slice, "train", count, recipe.data.seed)
        learned = (e for e in drawn if not held(e, recipe.data.held))
        parts.append(_at_most(learned, count, f"{recipe.specialist} {part.slice}".strip()))
    if recipe.data.order == "staged":
        return [e for part in parts for e in _shuffled(part, recipe)]
    return _shuffled([e for part in parts for e in part], recipe)


def _watched(recipe: Recipe, made: Task[Any, Any]) -> Examples:
    """The parts in equal numbers, whatever their order in training."""
    slices = list(dict.fromkeys(part.slice for part in recipe.data.parts))
    found: Examples = []
    for name in slices:
        count = recipe.watch.count // len(slices)
        drawn = _draw(made, name, "dev", count, recipe.data.seed)
        # Where nothing is held back, the development fold as it is has to do.
        kept = (e for e in drawn if not recipe.data.held or held(e, recipe.data.held))
        found += _at_most(kept, count, f"{recipe.specialist} {name} to watch".strip())
    return found


def _draw(
    made: Task[Any, Any], name: str, fold: str, count: int, seed: int
) -> Iterator[Example[Any, Any]]:
    drawn = made.sliced(name) if name else made
    # The generator is asked for more than is wanted, and left when there are enough.
    return drawn.examples(fold, AMPLE * max(count, 1), seed)  # type: ignore[arg-type]


def _at_most(examples: Iterable[Example[Any, Any]], count: int, what: str) -> Examples:
    found = list(itertools.islice(examples, count))
    if count and not found:
        raise ConfigError(f"no examples of {what} could be drawn; is data.held too large?")
    return found


def _public(recipe: Recipe, data: Path | None) -> Examples:
    wanted = int(recipe.data.count * recipe.data.public)
    if not wanted or data is None:
        return []
    found = [e for e in jobs.public(recipe.specialist, data) if not held(e, recipe.data.held)]
    random.Random(recipe.data.seed).shuffle(found)
    return found[:wanted]


def _shuffled(examples: Examples, recipe: Recipe) -> Examples:
    mixed = list(examples)
    random.Random(recipe.seed_of("order")).shuffle(mixed)
    return mixed


def held(example: Example[Any, Any], share: float) -> bool:
    """Whether an example's company (its template or id where it has none) is only watched with."""
    whose = example.company or example.template or example.id
    drawn = hashlib.sha256(f"held {whose.strip().casefold()}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") < share * 2**64


def _split(examples: Examples, share: float) -> tuple[Examples, Examples]:
    return [e for e in examples if not held(e, share)], [e for e in examples if held(e, share)]


def digest(examples: Iterable[Example[Any, Any]]) -> str:
    """SHA-256 of examples: of their ids and gold dialogues, in order."""
    total = hashlib.sha256()
    for example in examples:
        said = [m.model_dump(mode="json", exclude_defaults=True) for m in example.dialogue]
        total.update(json.dumps([example.id, said], sort_keys=True).encode())
    return total.hexdigest()
