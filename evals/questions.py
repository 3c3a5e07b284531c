"""What is asked: generated questions of the held-out folds, and public data's test parts.

None of it was trained on: held-out company names, held-out sentence templates with held-out
companies, and the parts of public sets that no training code reads.
"""

from __future__ import annotations

import importlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from specialists import registry
from specialists.task import Example, Fold

FOLDS: tuple[Fold, ...] = ("companies", "templates")
SEED = 20_000_003
"""Of the generated questions: no training recipe uses it."""


@dataclass(frozen=True)
class Paper:
    """One set of questions to one job."""

    job: str
    name: str
    """The fold, or the public set's name."""
    questions: tuple[Example[Any, Any], ...]

    @property
    def templates(self) -> int:
        """How many sentence frames the questions come from: clusters."""
        return len({q.template for q in self.questions})

    @property
    def companies(self) -> int:
        return len({q.company for q in self.questions})


def generated(job: str, count: int) -> Iterator[Paper]:
    """A paper for each held-out fold."""
    task = registry.task(job)
    for fold in FOLDS:
        yield Paper(job, fold, tuple(itertools.islice(task.examples(fold, count, SEED), count)))


def public(job: str, root: Path, count: int) -> Iterator[Paper]:
    """A paper for each public set the job has a loader for, at most ``count`` questions of each."""
    if find_spec(f"specialists.{job}.loaders") is None:
        return
    loaders = importlib.import_module(f"specialists.{job}.loaders")
    by_source: dict[str, list[Example[Any, Any]]] = {}
    for example in loaders.load(registry.task(job), root, "test"):
        by_source.setdefault(example.source, []).append(example)
    for source, examples in by_source.items():
        if len(examples) > count:
            examples = random.Random(SEED).sample(examples, count)
        yield Paper(job, source, tuple(examples))
