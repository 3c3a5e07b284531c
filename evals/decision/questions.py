"""The papers of a design as questions, in the order in which they are looked at.

Generated papers do not exist before the adapters do: their seed is drawn from the design's digest
and the adapters' (``Registered.seed``). The order is drawn too, by SHA-256, so that any beginning
of it is a fair part of the whole. Whoever opens a public test set is written down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from evals import questions as kept
from evals.decision import own_papers
from evals.decision.design import Design, Paper, Registered, project
from evals.decision.samples import Asked
from evals.machine import now
from specialists import registry
from specialists.foundation.errors import ConfigError, DataError
from specialists.task import Example, Task

ACCESS = Path(__file__).resolve().parents[1] / "results" / "access.jsonl"
"""Every opening of a public test set, a line each."""
_SPARE = 4
"""How many times as many questions of held-out templates are drawn: half of them calibrate."""
_TEMPLATES = 12
"""Fewer clusters of a paper's own say too little of how templates differ."""


@dataclass(frozen=True)
class Question:
    """One question of a paper, with its place in the test."""

    paper: str
    example: Example[Any, Any]
    company: str
    """Its cluster; a question about no company is one of its own."""
    template: str
    place: str
    """Questions are looked at in the order of this."""

    @property
    def id(self) -> str:
        return self.example.id

    @property
    def asked(self) -> Asked:
        """As the study's document lists it."""
        return Asked(self.id, self.company, self.template, self.place)


Papers = Mapping[str, Sequence[Question]]


def job(design: Design) -> Task[Any, Any]:
    """The task that the design is about.

    Raises:
        NotFound: there is no such job.
    """
    return registry.task(design.specialist)


def papers(design: Design) -> tuple[Paper, ...]:
    """All papers: the sealed test, then the guards'."""
    return (*design.papers, *(guard.paper for guard in design.guards))


def draw(
    registered: Registered, seed: int, *, data: Path | None = None, access: Path | None = ACCESS
) -> dict[str, tuple[Question, ...]]:
    """The questions of all papers, each paper's in the order in which they are looked at.

    Args:
        seed: of generated questions and of every paper's order.
        data: folder of public data, where a paper is public.
        access: where openings of public test sets are written down; None: that was done before.

    Raises:
        ConfigError: a slice there is not, or a public paper without its data.
        InputError: a file of one's own with faults.
        DataError: two questions of one id.
    """
    task = job(registered.design)
    return {
        paper.name: paper_of(registered, task, paper, seed, data=data, access=access)
        for paper in papers(registered.design)
    }


def paper_of(
    registered: Registered,
    task: Task[Any, Any],
    paper: Paper,
    seed: int,
    *,
    data: Path | None = None,
    access: Path | None = ACCESS,
) -> tuple[Question, ...]:
    """The questions of one paper; see ``draw``."""
    if paper.fold == "own":
        file = project(paper.file, registered.path)
        drawn = own_papers.examples(task, file, paper.workspace)
    elif paper.fold == "public":
        drawn = _public(registered, task, paper, data)
        if access is not None:
            _log(access, registered, paper, min(len(drawn), paper.count))
    else:
        drawn = _generated(task, paper, seed)
    made = [
        Question(
            paper.name,
            example,
            example.company or f"alone: {example.id}",
            example.template or f"alone: {example.id}",
            place(seed, paper.name, example.id),
        )
        for example in drawn
    ]
    ids = {question.id for question in made}
    if len(ids) != len(made):
        raise DataError(f"paper {paper.name}: {len(made) - len(ids)} questions have an id twice")
    return tuple(sorted(made, key=lambda question: question.place)[: paper.count])


def place(seed: int, paper: str, question: str) -> str:
    """What questions are ordered by: a lot that follows from the seed."""
    return hashlib.sha256(f"{seed}/{paper}/{question}".encode()).hexdigest()[:16]


def _generated(task: Task[Any, Any], paper: Paper, seed: int) -> list[Example[Any, Any]]:
    """Of held-out templates those of the half that no calibration is fitted on.

    Where that half is too small for a test, all of them: a decision reads no calibration, and no
    adapter learned from either half.
    """
    part = task.sliced(paper.slice) if paper.slice else task
    if paper.fold != "templates":
        return list(part.examples(paper.fold, paper.count, seed))  # type: ignore[arg-type]
    drawn: list[Example[Any, Any]] = []
    testing: list[Example[Any, Any]] = []
    for example in part.examples("templates", _SPARE * paper.count, seed):
        drawn.append(example)
        if not kept.calibrates(example.template):
            testing.append(example)
        if len(testing) == paper.count:
            break
    few = len({example.template for example in testing}) < _TEMPLATES
    return drawn[: paper.count] if few or len(testing) < paper.count else testing


def _public(
    registered: Registered, task: Task[Any, Any], paper: Paper, data: Path | None
) -> list[Example[Any, Any]]:
    if data is None:
        raise ConfigError(f"paper {paper.name} is public: name the folder of the data (--data)")
    loaders: Any = import_module(f"specialists.{task.name}.loaders")
    try:
        if paper.slice:
            drawn = list(loaders.load(task, data, "test", (paper.slice,)))
        else:
            sets = kept.public(task.name, data, paper.count)
            drawn = [example for each in sets for example in each.questions]
    except KeyError as error:
        raise ConfigError(
            f"paper {paper.name}: {task.name} has no public set {paper.slice!r}"
        ) from error
    except OSError as error:
        raise ConfigError(f"paper {paper.name}: {data} lacks its data: {error}") from error
    if not drawn:
        raise ConfigError(f"paper {paper.name}: {data} holds no public questions of {task.name}")
    return drawn


def _log(access: Path, registered: Registered, paper: Paper, count: int) -> None:
    line = {
        "date": now(),
        "design": registered.digest,
        "set": f"{registered.design.specialist}/{paper.slice or 'all'}",
        "count": count,
    }
    access.parent.mkdir(parents=True, exist_ok=True)
    with access.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def shortfalls(design: Design, drawn: Papers) -> tuple[str, ...]:
    """Why the test can be described and decides nothing, in words; empty where it can decide."""
    sealed = [question for paper in design.papers for question in drawn[paper.name]]
    companies = len({question.company for question in sealed})
    few: list[str] = []
    if len(sealed) < design.limits.questions:
        few.append(f"{len(sealed)} questions, where {design.limits.questions} are wanted")
    if companies < design.limits.companies:
        few.append(f"{companies} companies, where {design.limits.companies} are wanted")
    return tuple(few)
