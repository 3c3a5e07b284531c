"""Each job alone: its own held-out questions, put to its specialist and to the base without one.

One caller, one question after the other: what a step takes when nothing waits. It is what the best
portfolio is made of (``portfolio.py``).
"""

from __future__ import annotations

import time
from typing import Any, Literal

from evals.accuracy import tools_for
from evals.serving.arrivals import drive
from evals.serving.calls import NotedEngine, first_token, noted, per_token
from evals.serving.requests import Load, Request, Trial
from specialists.agent import Specialist, answer_one
from specialists.registry import Embedded
from specialists.task import Example
from specialists.workspace.sandbox import Sandbox

Arm = Literal["adapter", "base"]
ARMS: tuple[Arm, ...] = ("adapter", "base")
SEED = 73_301
"""Of the questions; no recipe uses it."""


def specialist(registry: Embedded, job: str, arm: Arm) -> Specialist:
    """A job's specialist in an arm, its calls noted. Nothing is withheld: answers are judged."""
    served = registry.specialist(job)
    if arm == "base":
        return Specialist(served.task, NotedEngine(registry.engine))
    return Specialist(
        served.task, NotedEngine(registry.engine), adapter=job, digest=served.digest,
        ready=served.ready,
    )  # fmt: skip


async def trial(registry: Embedded, job: str, arm: Arm, *, count: int, warm: int) -> Trial:
    """The job's questions, companies it never learned from, one after the other."""
    who = specialist(registry, job, arm)
    await who.ready()
    asked = list(who.task.examples("companies", count + warm, SEED))
    sandbox = Sandbox()

    async def ask(example: Example[Any, Any], arrived: float) -> Request:
        with noted() as calls:
            run = await answer_one(who, example.inputs, tools_for(example, sandbox))
            seconds = time.perf_counter() - arrived
        right = who.task.score(example, run.answer).right
        first, each = first_token(calls, arrived), per_token(calls)
        return Request(
            question=example.id,
            seconds=round(seconds, 5),
            ttft_s=None if first is None else round(first, 5),
            tpot_s=None if each is None else round(each, 6),
            calls=len(calls),
            prompt_tokens=run.usage.prompt_tokens,
            completion_tokens=run.usage.completion_tokens,
            right=right,
            jobs=(job,),
            error=run.outcome.error if run.broken else "",
        )

    load = Load(kind="closed", level=1)
    try:
        await drive(ask, asked[:warm], load)
        busy = time.process_time()
        requests, seconds = await drive(ask, asked[warm:], load)
        busy = time.process_time() - busy
    finally:
        await sandbox.aclose()
    return Trial(
        arm=f"{job}/{arm}",
        load=load,
        duration_s=round(seconds, 4),
        busy_s=round(busy, 4),
        requests=requests,
    )
