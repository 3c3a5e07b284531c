"""What a whole question can be put to: one specialist, the large model alone, the routed system.

All get the same questions over the same workspace and are judged alike. One model alone is given
the question as it was typed, with the tools of the table job; what it finds is composed into an
answer as the router composes its own. On a machine without a large model, the base without any
adapter stands in for it.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from evals.exam import Kept
from evals.gold import GoldQuestion
from evals.grading import grade
from evals.serving.calls import NotedEngine, first_token, noted, per_token, streaming, watched
from evals.serving.requests import Request
from evals.serving.settings import Large
from router.contracts import Answer
from specialists import agent
from specialists.agent import Specialist
from specialists.engines.base import Engine
from specialists.foundation.contracts import Plan, Sampling, Subtask
from specialists.foundation.errors import ConfigError, FinrouteError
from specialists.registry import Registry, task
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox
from specialists.workspace.versions import Workspace

SPECIALIST, LARGE, ROUTED = "specialist", "large", "routed"
JOB = "table_qa"
"""The one specialist that a whole question is put to."""

Ask = Callable[[GoldQuestion, float], Awaitable[Request]]
_Answer = Callable[[str], Awaitable[Answer]]


@asynccontextmanager
async def routed(registry: Registry, workspace: Workspace) -> AsyncGenerator[Ask]:
    """The router as it serves, its store in a folder that goes afterwards."""
    from router.config import Settings, StateSettings
    from router.router import Router
    from router.state import State

    with TemporaryDirectory(prefix="finroute-serving-") as folder:
        settings = Settings(state=StateSettings(url=f"sqlite:///{Path(folder) / 'a.sqlite'}"))
        kept = Kept(watched(registry))
        async with Router(workspace, kept, State(settings.state.url), settings) as router:
            await router.warm()
            yield _asking(router.aask, first=("planning",))


@asynccontextmanager
async def alone(specialist: Specialist, workspace: Workspace) -> AsyncGenerator[Ask]:
    """One specialist, asked the whole question."""
    from router.compose import Material, compose

    await specialist.ready()
    snapshot = workspace.snapshot()
    sandbox = Sandbox()
    tools = Toolbox(snapshot, sandbox)
    sampling = Sampling() if specialist.form == "compact" else Sampling(max_tokens=1_024)

    async def answer(text: str) -> Answer:
        step = Subtask(id="whole", specialist=specialist.name, instruction=text)
        finding = await agent.run(specialist, step, {}, tools, sampling=sampling)
        return compose(
            Material(
                id=uuid.uuid4().hex,
                question=text,
                plan=Plan(subtasks=(step,)),
                findings={step.id: finding},
                catalogue=snapshot.catalogue,
                created=datetime.now(UTC),
                usage=finding.usage,
            )
        )

    try:
        yield _asking(answer)
    finally:
        await sandbox.aclose()


def one_specialist(registry: Registry) -> Specialist:
    """The table specialist with its adapter, its calls noted."""
    return watched(registry).specialist(JOB)


def large_model(settings: Large | None, base: Engine) -> Specialist:
    """The table job on a large model, untuned; the base without adapters where there is none.

    Raises:
        ConfigError: no such provider, or no key in the variable named.
    """
    if settings is None:
        return Specialist(task(JOB), NotedEngine(base))
    return Specialist(task(JOB), NotedEngine(endpoint(settings)), form="full")


def endpoint(settings: Large) -> Engine:
    """A chat model behind an endpoint, streaming.

    Raises:
        ConfigError: no such provider, or no key in the variable named.
    """
    from specialists.engines.langchain import LangChainEngine, connect

    key = os.environ.get(settings.api_key_env) if settings.api_key_env else None
    if settings.api_key_env and not key:
        raise ConfigError(f"large.api_key_env: {settings.api_key_env} is not set")
    chat = connect(
        settings.provider,
        settings.model,
        url=settings.url,
        key=key,
        timeout_s=settings.timeout_s,
        section="large",
    )
    return LangChainEngine(
        streaming(chat),
        name=settings.model,
        structured=settings.structured,
        price=settings.price,
    )


def _asking(answer: _Answer, *, first: tuple[str, ...] = ()) -> Ask:
    """A system as a load test asks it: timed from the arrival, judged, its calls noted.

    Args:
        first: jobs that a model does before there is a plan.
    """

    async def ask(question: GoldQuestion, arrived: float) -> Request:
        error, found = "", None
        with noted() as calls:
            try:
                found = await answer(question.question)
            except FinrouteError as raised:
                error = f"{type(raised).__name__}: {raised}"
            seconds = time.perf_counter() - arrived
        judged = grade(question, found)
        return Request(
            question=question.id,
            seconds=round(seconds, 5),
            ttft_s=_rounded(first_token(calls, arrived)),
            tpot_s=_rounded(per_token(calls), 6),
            calls=len(calls),
            prompt_tokens=sum(call.prompt_tokens for call in calls),
            completion_tokens=sum(call.completion_tokens for call in calls),
            outcome=judged.outcome,
            right=judged.right,
            jobs=() if found is None else (*first, *_modelled(found)),
            error=error,
        )

    return ask


def _modelled(answer: Answer) -> tuple[str, ...]:
    """The jobs of the steps that a model did; what a plan says in full, code does."""
    return tuple(f.specialist for f in answer.findings if f.served_by is not None)


def _rounded(seconds: float | None, digits: int = 5) -> float | None:
    return None if seconds is None else round(seconds, digits)
