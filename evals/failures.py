"""What each specialist got wrong on held-out sentence frames, laid out for a reader to name why.

``failures.json`` holds the first wrong answers of each job, ``failures.toml`` the causes that a
reader gave them by id. The page joins the two; a failure without a cause is shown as unnamed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evals import questions
from evals.accuracy import AT_ONCE, tools_for
from specialists.agent import Run, Specialist, answer_one
from specialists.engines.template import call_text
from specialists.foundation.contracts import Message, Value
from specialists.foundation.errors import InputError
from specialists.registry import Embedded
from specialists.task import Example
from specialists.workspace.sandbox import Sandbox

Say = Callable[[str], None]
CAUSES = Path(__file__).with_name("failures.toml")
SHOWN = 400
"""Characters of a prompt that are shown."""


class Failure(Value):
    """One wrong answer."""

    id: str
    job: str
    template: str
    asked: str
    """The question, or the end of the prompt where the job has no question in words."""
    gold: str
    said: str
    admitted: bool
    """The job's own checks let it through."""
    note: str = ""
    """What the score or the checks say."""


class Failures(Value):
    """``failures.json``."""

    jobs: dict[str, tuple[Failure, ...]]


async def gather(weights: Path, *, each: int, count: int, say: Say) -> dict[str, list[Failure]]:
    """The first wrong answers of every job.

    Args:
        each: failures wanted of a job.
        count: questions asked of a job, at most.
    """
    registry = Embedded(weights)
    sandbox = Sandbox()
    found: dict[str, list[Failure]] = {}
    try:
        for entry in registry.list():
            specialist = dataclasses.replace(registry.specialist(entry.name), calibration=None)
            found[entry.name] = await _of(specialist, sandbox, each, count)
            say(f"{entry.name:12} {len(found[entry.name])} failures")
    finally:
        await sandbox.aclose()
        await registry.aclose()
    return found


async def _of(specialist: Specialist, sandbox: Sandbox, each: int, count: int) -> list[Failure]:
    await specialist.ready()
    papers = questions.generated(specialist.name, count)
    asked = next(paper for paper in papers if paper.name == "templates").questions
    failures: list[Failure] = []
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        runs = await asyncio.gather(
            *(answer_one(specialist, e.inputs, tools_for(e, sandbox)) for e in part)
        )
        for example, run in zip(part, runs, strict=True):
            if not specialist.task.score(example, run.answer).right:
                failures.append(_failure(specialist, example, run))
        if len(failures) >= each:
            break
    return list(itertools.islice(failures, each))


def _failure(specialist: Specialist, example: Example[Any, Any], run: Run) -> Failure:
    question = getattr(example.inputs, "question", "")
    prompt = example.dialogue[1].content
    note = specialist.task.score(example, run.answer).note
    return Failure(
        id=example.id,
        job=specialist.name,
        template=example.template,
        asked=(question or prompt)[-SHOWN:],
        gold=" ⏎ ".join(_spoken(m) for m in example.dialogue if m.role == "assistant"),
        said=" ⏎ ".join(_spoken(c.message) for c in run.completions),
        admitted=run.outcome.answer is not None,
        note="; ".join(filter(None, [note, *run.problems, run.outcome.error]))[:SHOWN],
    )


def _spoken(message: Message) -> str:
    return " ".join(filter(None, [message.content, *map(call_text, message.tool_calls)]))


def causes(path: Path = CAUSES) -> dict[str, str]:
    """The causes a reader named, by the failure's id.

    Raises:
        InputError: not a table of jobs, each with texts by id.
    """
    if not path.exists():
        return {}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    named: dict[str, str] = {}
    for job, rows in told.items():
        if not isinstance(rows, dict) or not all(isinstance(v, str) for v in rows.values()):
            raise InputError(f"{path}: [{job}] is not a table of texts")
        named.update(rows)
    return named


def blank(found: dict[str, list[Failure]], named: dict[str, str]) -> str:
    """``failures.toml`` for these failures: the causes there are, the others left empty."""
    lines = [
        "# Why each failure of evals/results/failures.json happened, by a reader.",
        "# Causes are a few words; the same words for the same cause.",
    ]
    for job, failures in found.items():
        lines += ["", f"[{job}]"]
        lines += [f'"{f.id}" = "{_quoted(named.get(f.id, ""))}"' for f in failures]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
