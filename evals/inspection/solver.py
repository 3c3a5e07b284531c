"""How a sample is solved: by the loop that serves, over whichever model inspect was given.

The dialogue that was held becomes the sample's messages, its last reply the sample's output, and
what the job read out of it its answer. A dialogue whose provider or tool broke down is an error of
the sample, never a wrong answer.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from inspect_ai.model import ModelOutput, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.accuracy import tools_for
from evals.inspection import messages
from evals.inspection.bridge import InspectEngine
from evals.inspection.model import FinrouteAPI
from evals.inspection.papers import Paper
from evals.inspection.shared import Shared
from specialists import registry
from specialists.agent import Run, Specialist, answer_one
from specialists.foundation.contracts import Message
from specialists.foundation.digests import digest
from specialists.foundation.errors import ContextOverflow, EngineError
from specialists.task import Form
from specialists.workspace.sandbox import Sandbox

ANSWER, PROBLEMS, EVENTS, FORM, PROMPT, SERVED = (
    "answer",
    "problems",
    "tools",
    "form",
    "prompt",
    "served",
)
"""Keys of a sample's store."""


def asking(paper: Paper, form: Form | None, draws: int) -> Solver:
    """A solver that puts a paper's questions.

    Args:
        form: None: compact for models tuned to it, full for all others.
        draws: seed of sampled replies; every sample and epoch has one of its own from it.
    """

    async def open_sandbox() -> Sandbox:
        return Sandbox()

    sandboxes = Shared(open_sandbox)

    @solver(name="finroute_dialogue")
    def dialogue() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            example = paper.examples[str(state.sample_id)]
            specialist, engine = seated(paper.job, form, seed(draws, state))
            async with AsyncExitStack() as stack:
                tools = None
                if specialist.task.tool_names:
                    tools = tools_for(example, await stack.enter_async_context(sandboxes.use()))
                run = await answer_one(specialist, example.inputs, tools)
            if run.broken and not isinstance(engine.failure, ContextOverflow):
                raise engine.failure or EngineError(run.outcome.error)
            return written(state, run, specialist.form, weights())

        return solve

    return dialogue()


def seated(job: str, form: Form | None, draw: int) -> tuple[Specialist, InspectEngine]:
    """The active model as a job's specialist."""
    model = get_model()
    engine = InspectEngine(model, seed=draw)
    if isinstance(model.api, FinrouteAPI):
        return replace(model.api.specialist(job, form), engine=engine), engine
    return Specialist(registry.task(job), engine, form=form or "full"), engine


def seed(draws: int, state: TaskState) -> int:
    """The seed of a sample's replies in an epoch: greedy decoding has no use for it."""
    told = f"{draws}/{state.sample_id}/{state.epoch}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:4], "big") >> 1


def weights() -> dict[str, Any]:
    """Which weights answer, as far as the model's provider tells."""
    model = get_model()
    if isinstance(model.api, FinrouteAPI):
        return model.api.told
    return {"base": str(model)}


def opening(messages: Sequence[Message]) -> str:
    """Digest of what a dialogue began with: all before the model's first word."""
    begun = itertools.takewhile(lambda message: message.role != "assistant", messages)
    return digest([[message.role, message.content] for message in begun])


def written(state: TaskState, run: Run, form: Form, served: Mapping[str, Any]) -> TaskState:
    """The sample with what was said in it."""
    state.messages = messages.to_inspect(run.messages)
    if run.completions:
        state.output = messages.to_output(run.completions[-1])
    else:
        state.output = ModelOutput(model=str(state.model), error=run.outcome.error)
    # Written even where nothing was read, so that every sample says so.
    answer = run.answer
    state.store.set(ANSWER, None if answer is None else answer.model_dump(mode="json"))
    state.store.set(PROBLEMS, list(run.problems))
    state.store.set(EVENTS, [event.model_dump(mode="json") for event in run.events])
    state.store.set(FORM, form)
    state.store.set(PROMPT, opening(run.messages))
    state.store.set(SERVED, served)
    state.metadata["turns"] = len(run.completions)
    state.metadata["error"] = "" if answer is not None else run.outcome.error
    state.completed = True
    return state
