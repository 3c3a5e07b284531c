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
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from specialists import registry
from specialists.task import Example, Fold

FOLDS: tuple[Fold, ...] = ("companies", "templates")
SEED = 20_000_003
"""Of the generated questions: no training recipe uses it."""
CALIBRATION_SEED = 20_000_051


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
    """A paper for each held-out fold; of the held-out templates, the half that is for testing."""
    for fold in FOLDS:
        yield Paper(job, fold, tuple(_drawn(job, fold, count, SEED, calibration=False)))


def calibration(job: str, count: int) -> Paper:
    """Questions of held-out templates that no reported figure is measured on."""
    examples = _drawn(job, "templates", count, CALIBRATION_SEED, calibration=True)
    return Paper(job, "calibration", tuple(examples))


def calibrates(template: str) -> bool:
    """Whether a held-out template is of the half that calibrations are fitted on."""
    return sha256(f"calibration/{template}".encode()).digest()[0] % 2 == 0


def _drawn(
    job: str, fold: Fold, count: int, seed: int, *, calibration: bool
) -> Iterator[Example[Any, Any]]:
    """Examples of a fold; of held-out templates only those of one half."""
    drawn = registry.task(job).examples(fold, 3 * count if fold == "templates" else count, seed)
    kept = (e for e in drawn if fold != "templates" or calibrates(e.template) == calibration)
    return itertools.islice(kept, count)


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
