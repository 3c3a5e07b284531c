"""A task's questions: generated, public or one's own, as samples of inspect.

The questions themselves stay beside the samples, by id: a sample holds what a reader of the log
needs, not the tables that the tools read.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai.dataset import MemoryDataset, Sample

from evals import questions
from evals.decision import own_papers
from evals.public import problems, staged
from evals.public.catalogue import published
from specialists import registry
from specialists.foundation.digests import digest
from specialists.foundation.errors import AnswerError, ConfigError
from specialists.task import Example, Fold, Task

FOLDS: tuple[Fold, ...] = ("companies", "templates", "dev")


@dataclass(frozen=True)
class Paper:
    """Questions of one job."""

    job: str
    name: str
    examples: Mapping[str, Example[Any, Any]]

    @property
    def digest(self) -> str:
        """Of what is asked: ids and prompts."""
        return digest(
            [
                [name, [[m.role, m.content] for m in example.dialogue if m.role == "user"]]
                for name, example in self.examples.items()
            ]
        )

    @property
    def dataset(self) -> MemoryDataset:
        """The samples, with what errors and figures are grouped by."""
        task = registry.task(self.job)
        return MemoryDataset(
            [_sample(task, example) for example in self.examples.values()], name=self.name
        )


def generated(job: str, fold: str, slice: str, count: int, seed: int) -> Paper:
    """Questions of a held-out fold; of held-out templates the half that no calibration sees.

    Raises:
        ConfigError: no such fold or slice.
    """
    if fold not in FOLDS:
        raise ConfigError(f"fold {fold!r} is not one of {', '.join(FOLDS)}")
    task = registry.task(job)
    task = task.sliced(slice) if slice else task
    spare = 4 if fold == "templates" else 1
    drawn = (
        example
        for example in task.examples(fold, spare * count, seed)
        if fold != "templates" or not questions.calibrates(example.template)
    )
    name = " ".join(filter(None, (job, fold, slice)))
    return _paper(job, name, itertools.islice(drawn, count))


def public(job: str, name: str, source: str, data: Path | None, count: int) -> Paper:
    """The test part of a public set.

    Raises:
        NotFound: no such set.
        ConfigError: it has no questions for this job.
        InputError: its rows are not what they must be.
    """
    about = published(name)
    if about.kind == "problems" and job == "maths":
        task: Any = registry.task(job)
        found = problems.as_examples(
            task, problems.problems(name, source=source or None, data=data)
        )
    else:
        found = staged.examples(name, job=job, source=source or None, data=data)
    return _paper(job, f"{job} {name}", itertools.islice(found, count))


def own(job: str, file: str, workspace: str, count: int) -> Paper:
    """Questions of a file of one's own.

    Raises:
        InputError: what is wrong with the file, by line.
    """
    found = own_papers.examples(registry.task(job), Path(file), workspace)
    return _paper(job, f"{job} {Path(file).name}", iter(found[:count]))


def _paper(job: str, name: str, examples: Any) -> Paper:
    made = {example.id: example for example in examples}
    if not made:
        raise ConfigError(f"{name}: there are no questions")
    return Paper(job, name, made)


def _sample(task: Task[Any, Any], example: Example[Any, Any]) -> Sample:
    asked = task.begin(example.inputs, form="full").messages[-1].content
    return Sample(
        input=asked,
        target=_target(task, example),
        id=example.id,
        metadata={
            # A question about no company, or of no template, is a cluster of its own.
            "company": example.company or f"alone: {example.id}",
            "template": example.template or f"alone: {example.id}",
            "source": example.source,
            "fold": example.fold,
        },
    )


def _target(task: Task[Any, Any], example: Example[Any, Any]) -> str:
    """Gold, for whoever reads the log; the judge reads the example."""
    if example.dialogue and example.dialogue[-1].role == "assistant":
        try:
            return task.written(example)
        except AnswerError:
            pass  # gold that full form cannot say is shown as a value
    return json.dumps(example.answer.model_dump(mode="json"), ensure_ascii=False)
