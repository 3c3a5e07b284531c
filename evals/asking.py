"""``finroute evals ask``: questions in free wording through the whole router, with wall times.

What it is: the answers as they come out, and the latency of a warm ask beside the cold start.
What it is not: a judge. Free questions carry no gold; whoever wrote them reads the answers.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from specialists.foundation.errors import FinrouteError, InputError

if TYPE_CHECKING:
    from router import Router
    from router.contracts import Answer


@dataclass(frozen=True)
class Asked:
    """One question and what it came to."""

    question: str
    status: str
    """The answer's status, or ``error``."""
    text: str
    """The answer, or the error's message."""
    steps: tuple[str, ...]
    """The plan, a step each: specialist and status."""
    seconds: float
    """Wall time as the caller saw it."""


@dataclass(frozen=True)
class Asking:
    """All questions of a run."""

    asked: tuple[Asked, ...]
    cold_start_s: float
    """Opening the router, loading the models, and the first answer."""

    def quantile(self, share: float) -> float:
        """The wall time in seconds that this share of warm asks stayed within (nearest rank)."""
        times = sorted(each.seconds for each in self.asked)
        return times[min(len(times) - 1, int(share * len(times)))]


def read_questions(path: Path) -> list[str]:
    """One question a line; empty lines and lines that begin with ``#`` are skipped.

    Raises:
        InputError: a file that cannot be read or holds no question.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read questions from {path}: {error}") from error
    questions = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not questions:
        raise InputError(f"{path} holds no question; it takes one a line")
    return questions


async def ask_all(questions: Sequence[str], *, workspace: str) -> Asking:
    """Ask every question, one after the other, once the first has warmed the models."""
    from router import Router

    begun = time.perf_counter()
    async with Router.open(workspace=workspace) as router:
        await _ask(router, questions[0])
        cold = time.perf_counter() - begun
        return Asking(tuple([await _ask(router, each) for each in questions]), cold)


async def _ask(router: Router, question: str) -> Asked:
    begun = time.perf_counter()
    try:
        answer: Answer = await router.aask(question)
    except FinrouteError as error:
        return Asked(question, "error", str(error), (), time.perf_counter() - begun)
    steps = tuple(f"{each.specialist} {each.status}" for each in answer.findings)
    return Asked(question, answer.status, answer.text, steps, time.perf_counter() - begun)


def as_markdown(run: Asking) -> str:
    """The run as a Markdown table with its latencies below."""
    rows = ["| question | status | answer | seconds |", "|---|---|---|---|"]
    for each in run.asked:
        text = " ".join(each.text.split()).replace("|", "\\|")
        rows.append(f"| {each.question} | {each.status} | {text} | {each.seconds:.2f} |")
    mean = statistics.fmean(each.seconds for each in run.asked)
    warm = f"p50 {run.quantile(0.5):.2f} s, p95 {run.quantile(0.95):.2f} s, mean {mean:.2f} s"
    cold = f"cold start with its first answer {run.cold_start_s:.2f} s"
    rows += ["", f"{len(run.asked)} warm asks: {warm}; {cold}."]
    return "\n".join(rows) + "\n"


@click.command(name="ask")
@click.argument("questions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workspace", default="demo", show_default=True, help="The workspace to ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown.")
def ask(questions: Path, workspace: str, as_json: bool) -> None:
    """Ask every line of QUESTIONS and print the answers with their wall times."""
    run = asyncio.run(ask_all(read_questions(questions), workspace=workspace))
    if as_json:
        rows = [vars(each) for each in run.asked]
        click.echo(json.dumps({"cold_start_s": run.cold_start_s, "asked": rows}, indent=2))
    else:
        click.echo(as_markdown(run))
