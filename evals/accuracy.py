"""How often each specialist is right on what it was not trained on, beside its controls.

Every answer goes the way a served one goes: the task's prompt, the in-process engine, the grammar,
for tables the real tools over real rows. Judged is what the model answers, whether or not the
checks would have let it through; the share that the checks admit, and how often those are right,
stand beside it in the JSON. Decoding is greedy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from evals import baselines, questions
from evals.arms import ARMS, Arm, Arms
from evals.intervals import wilson
from evals.questions import Paper
from specialists.agent import Run, Specialist, answer_one
from specialists.foundation.contracts import Value
from specialists.task import Example
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox

Say = Callable[[str], None]
AT_ONCE = 16
"""Dialogues under way at a time."""


class Result(Value):
    """One arm's showing on one paper."""

    job: str
    paper: str
    arm: str
    count: int
    right: int
    accuracy: float
    low: float
    high: float
    """95 % Wilson interval; it treats questions as independent."""
    templates: int
    companies: int
    admitted: float | None = None
    """Share of answers that the task's own checks let through."""
    admitted_right: float | None = None
    """Share of those that are right."""
    calls: int = 0
    tokens: int = 0
    """Tokens written."""
    seconds: float = 0.0
    """Wall time of all the questions together."""

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


class Accuracy(Value):
    """A whole report."""

    started: str
    base: str
    """Digest of the base."""
    adapters: dict[str, str]
    """Digest of each job's adapter."""
    sizes: dict[str, int]
    """Bytes of each artefact's weights."""
    device: str
    seconds: float
    results: tuple[Result, ...]

    def find(self, job: str, paper: str, arm: str) -> Result | None:
        """One cell of the table."""
        return next((r for r in self.results if (r.job, r.paper, r.arm) == (job, paper, arm)), None)


async def measure(
    arms: Arms,
    *,
    count: int,
    controls: int,
    data: Path | None,
    public_count: int,
    started: str,
    device: str,
    say: Say = print,
) -> Accuracy:
    """Put every paper to every arm.

    Args:
        count: questions of each generated paper.
        controls: how many of them are put to the controls.
        data: folder of public data; None leaves the public papers out.
        public_count: questions of each public paper, at most.
    """
    begun = time.perf_counter()
    results: list[Result] = []
    sandbox = Sandbox()
    try:
        for job in arms.jobs:
            for paper in questions.generated(job, count):
                for arm in ARMS:
                    asked = paper if arm in ("adapter", "base") else _first(paper, controls)
                    results.append(await ask(arms, arm, asked, sandbox))
                    say(as_line(results[-1]))
            for paper in questions.public(job, data, public_count) if data else ():
                arm: Arm
                for arm in ("adapter", "base"):
                    results.append(await ask(arms, arm, paper, sandbox))
                    say(as_line(results[-1]))
                classical = baselines.classical(paper, data) if data else None
                if classical is not None:
                    results.append(judged(paper, "tf-idf", classical))
                    say(as_line(results[-1]))
    finally:
        await sandbox.aclose()
    return Accuracy(
        started=started,
        base=arms.manifest.base.digest,
        adapters={job: artefact.digest for job, artefact in arms.manifest.adapters.items()},
        sizes=arms.sizes(),
        device=device,
        seconds=round(time.perf_counter() - begun, 1),
        results=tuple(results),
    )


def _first(paper: Paper, count: int) -> Paper:
    return Paper(paper.job, paper.name, paper.questions[:count])


async def ask(arms: Arms, arm: Arm, paper: Paper, sandbox: Sandbox) -> Result:
    """Put one paper to one arm."""
    specialist = arms.specialist(paper.job, arm)
    await specialist.ready()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, example: Example[Any, Any]) -> Run:
        async with gate:
            return await answer_one(
                specialist,
                example.inputs,
                tools_for(example, sandbox),
                sampling=arms.sampling(arm, number),
            )

    begun = time.perf_counter()
    runs = await asyncio.gather(*(one(n, q) for n, q in enumerate(paper.questions)))
    seconds = time.perf_counter() - begun
    right = [_right(specialist, q, r) for q, r in zip(paper.questions, runs, strict=True)]
    result = judged(paper, arm, right)
    admitted = [ok for ok, run in zip(right, runs, strict=True) if run.outcome.answer is not None]
    return result.model_copy(
        update={
            "admitted": round(len(admitted) / len(runs), 4) if runs else None,
            "admitted_right": round(sum(admitted) / len(admitted), 4) if admitted else None,
            "calls": sum(run.usage.calls for run in runs),
            "tokens": sum(run.usage.completion_tokens for run in runs),
            "seconds": round(seconds, 2),
        }
    )


def tools_for(example: Example[Any, Any], sandbox: Sandbox) -> Toolbox | None:
    """The real tools, where the question comes with tables."""
    snapshot = getattr(example.inputs, "snapshot", None)
    return None if snapshot is None else Toolbox(snapshot, sandbox)


def _right(specialist: Specialist, example: Example[Any, Any], run: Run) -> bool:
    return specialist.task.score(example, run.answer).right


def judged(paper: Paper, arm: str, right: Iterable[bool]) -> Result:
    """Count right answers."""
    marks = list(right)
    low, high = wilson(sum(marks), len(marks))
    return Result(
        job=paper.job,
        paper=paper.name,
        arm=arm,
        count=len(marks),
        right=sum(marks),
        accuracy=round(sum(marks) / len(marks), 4) if marks else 0.0,
        low=round(low, 4),
        high=round(high, 4),
        templates=paper.templates,
        companies=paper.companies,
    )


def as_line(result: Result) -> str:
    """``sentiment    companies   adapter  0.935 [0.892, 0.962] of 200   812 tok/s``."""
    return (
        f"{result.job:12} {result.paper:10} {result.arm:8} {result.accuracy:.3f} "
        f"[{result.low:.3f}, {result.high:.3f}] of {result.count:4d}"
        + (f"  {result.tokens_per_second:6.0f} tok/s" if result.seconds else "")
    )
