"""Replies of the embedded specialists under a setting, as samples, with what a reader needs.

The captures of a decision are made elsewhere, from a design; this asks the released weights alone,
so that the checks can be run, and read, before any study is.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evals import questions
from evals.accuracy import tools_for
from evals.decision import scorer
from evals.decision.samples import Sample
from evals.questions import Paper
from evals.sober.settings import Setting
from specialists import registry
from specialists.agent import Run, Specialist, answer_one
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Message, Value
from specialists.foundation.digests import digest
from specialists.foundation.records import Manifest
from specialists.task import Example
from specialists.workspace.limited import Limited
from specialists.workspace.sandbox import Sandbox

BASE, ADAPTER = "base", "adapter"
Arm = Literal["base", "adapter"]
TIMEOUT_S, OUTPUT = 10.0, 8_000
"""Of a tool."""
Say = Callable[[str], None]


class Reply(Value):
    """A sample, and what a person needs to judge it."""

    job: str
    sample: Sample
    asked: str
    """The question in words, with what it is asked of."""
    gold: str
    answer: str
    """What the reply was read as; empty: as no answer."""
    reward: bool
    """Whether the job's own score, which rewards come from, takes it as right; ``sample.score`` is
    that of the decision's judge."""


@dataclass(frozen=True)
class Sheet:
    """A paper of one job."""

    job: str
    paper: str
    examples: Sequence[Example[Any, Any]]


def sheets(jobs: Sequence[str], count: int, data: Path | None = None) -> list[Sheet]:
    """Held-out templates of each job, and as many questions of each public set where data is."""
    made: list[Sheet] = []
    for job in jobs:
        found: list[Paper] = [p for p in questions.generated(job, count) if p.name == "templates"]
        if data is not None:
            found += questions.public(job, data, count)
        made += [Sheet(job, p.name, p.questions) for p in found]
    return made


async def draw(
    weights: Path,
    papers: Sequence[Sheet],
    setting: Setting,
    *,
    arms: Sequence[Arm] = (BASE, ADAPTER),
    samples: int = 4,
    threads: int = 1,
    seed: int = 0,
    say: Say = print,
) -> list[Reply]:
    """Put every paper to the base alone and to the base with the job's adapter.

    Args:
        samples: draws of each question; one is enough where the temperature is 0.
        seed: of the tokens' lots; the same draw of the same question has the same lot in all arms.
    """
    manifest = Manifest.read(weights / registry.MANIFEST)
    folders = {job: weights / each.folder for job, each in manifest.adapters.items()}
    engine = LocalEngine.load(
        weights / manifest.base.folder,
        adapters=folders,
        dtype=setting.dtype,
        rows=setting.rows,
        threads=threads,
        held=setting.held,
    )
    sandbox = Sandbox()
    replies: list[Reply] = []
    draws = 1 if setting.sampling.temperature == 0 else samples
    try:
        for paper in papers:
            task = registry.task(paper.job)
            for arm in arms:
                adapter = paper.job if arm == ADAPTER else None
                specialist = Specialist(task, engine, adapter=adapter, form=setting.form)
                begun = time.perf_counter()
                made = await asyncio.gather(
                    *(
                        _one(specialist, paper, example, arm, setting, draw, seed, sandbox)
                        for example in paper.examples
                        for draw in range(draws)
                    )
                )
                replies += made
                right = [r.sample.score or 0.0 for r in made]
                say(
                    f"{paper.job:12} {paper.paper:12} {arm:8} {setting.name:9}"
                    f"{sum(right) / max(len(right), 1):6.3f} of {len(right):4d}"
                    f"{time.perf_counter() - begun:7.1f} s"
                )
    finally:
        await engine.aclose()
        await sandbox.aclose()
    return replies


def draw_seed(question: str, draw: int, seed: int) -> int:
    """The lot of one draw: the same for all arms and settings."""
    told = hashlib.sha256(f"{seed}/{question}/{draw}".encode()).digest()
    return int.from_bytes(told[:4], "big")


async def _one(
    specialist: Specialist,
    paper: Sheet,
    example: Example[Any, Any],
    arm: str,
    setting: Setting,
    draw: int,
    seed: int,
    sandbox: Sandbox,
) -> Reply:
    tools = tools_for(example, sandbox)
    lot = draw_seed(example.id, draw, seed)
    begun = time.perf_counter()
    run = await answer_one(
        specialist,
        example.inputs,
        None if tools is None else Limited(tools, TIMEOUT_S, OUTPUT),
        sampling=setting.sampling.model_copy(update={"seed": lot}),
    )
    sample = _sample(specialist, paper, example, arm, setting, draw, lot, run)
    return Reply(
        job=paper.job,
        sample=sample.model_copy(update={"seconds": round(time.perf_counter() - begun, 3)}),
        asked=worded(example),
        gold=told(example.answer),
        answer=told(run.answer) if run.answer is not None else "",
        reward=specialist.task.score(example, run.answer).right,
    )


def _sample(
    specialist: Specialist,
    paper: Sheet,
    example: Example[Any, Any],
    arm: str,
    setting: Setting,
    draw: int,
    lot: int,
    run: Run,
) -> Sample:
    cut = any(c.finish_reason == "length" for c in run.completions)
    finish = "error" if run.broken else "length" if cut else "stop"
    right = scorer.right(paper.job, example, run.answer)
    opened = specialist.task.begin(example.inputs, form=specialist.form).messages
    return Sample(
        arm=arm,
        run=1,
        paper=paper.paper,
        question=example.id,
        company=example.company,
        template=example.template,
        decode=setting.name,
        draw=draw,
        draw_seed=lot,
        output=_said(run.completions[-1].message) if run.completions else "",
        messages_digest=digest([m.model_dump(mode="json") for m in opened]),
        tokens=run.usage.completion_tokens,
        prompt_tokens=run.usage.prompt_tokens,
        finish=finish,
        score=None if run.broken else float(right),
        parses=run.answer is not None,
        truncated=cut,
        turns=len(run.completions),
        error=run.outcome.error if run.broken else "",
    )


def _said(message: Message) -> str:
    calls = [f"{call.name} {call.arguments}" for call in message.tool_calls]
    return " ".join([message.content, *calls]).strip()


def worded(example: Example[Any, Any]) -> str:
    """What is asked, in words a person can read: the question, and what it is asked of.

    The prompts themselves speak in handles or hold a whole catalogue.
    """
    inputs = example.inputs
    parts = [str(getattr(inputs, name, "") or "") for name in ("question", "metric", "year")]
    parts.append(str(getattr(inputs, "entity", "") or ""))
    parts.append(str(getattr(inputs, "text", "") or ""))
    facts = [f"{f.quantity.amount:g} {f.quantity.unit} ({f.label})" for f in _facts(inputs)]
    parts += facts + list(getattr(inputs, "context", ()) or ())
    return "\n".join(part for part in parts if part)


def _facts(inputs: Any) -> Sequence[Any]:
    return getattr(inputs, "facts", ()) or ()


def told(value: Any) -> str:
    if hasattr(value, "model_dump_json"):
        return str(value.model_dump_json(exclude_defaults=True))
    return str(value)
