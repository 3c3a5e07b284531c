"""Which model calls a request makes, and when their first tokens came.

Notes go by the asynchronous context: whatever tasks a request starts, however deep in the router,
its calls are noted under it, and no other request's are. The engines themselves do not change.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.contenders import Contender
from specialists.agent import Specialist
from specialists.engines.base import Engine
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
)
from specialists.registry import Registry

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@dataclass(frozen=True)
class Call:
    """One call of a model. Times by ``time.perf_counter()``."""

    begun: float
    first: float | None
    """When its first token came; None: not told."""
    ended: float
    prompt_tokens: int
    completion_tokens: int


_NOTES: ContextVar[list[Call] | None] = ContextVar("serving_notes", default=None)
_TOKENS: ContextVar[list[float] | None] = ContextVar("serving_tokens", default=None)


@contextmanager
def noted() -> Generator[list[Call]]:
    """A list that every call made inside, on noted engines, is added to."""
    notes: list[Call] = []
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)


def first_token(calls: Sequence[Call], arrived: float) -> float | None:
    """Seconds from an arrival to the first token of the first call."""
    told = [call.first for call in calls if call.first is not None]
    return min(told) - arrived if told else None


def per_token(calls: Sequence[Call]) -> float | None:
    """Seconds for each token after the first, over all calls that wrote more than one.

    With one call it is vLLM's TPOT: (latency - TTFT) / (tokens - 1). Tokens that a grammar forces
    count as written: a reader cannot tell them from others.
    """
    told = [(c, c.first) for c in calls if c.first is not None and c.completion_tokens > 1]
    tokens = sum(call.completion_tokens - 1 for call, _ in told)
    return sum(call.ended - first for call, first in told) / tokens if tokens else None


class NotedEngine:
    """An engine whose calls are noted. Satisfies ``Engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def model(self) -> str:
        return self._engine.model

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        """One reply; see ``Engine.chat``. A call that fails leaves no note."""
        begun = time.perf_counter()
        tokens: list[float] = []
        before = _TOKENS.set(tokens)
        try:
            done = await self._engine.chat(
                messages,
                adapter=adapter,
                schema=schema,
                tools=tools,
                sampling=sampling,
                logprobs=logprobs,
            )
        finally:
            _TOKENS.reset(before)
        told = done.first_token_s
        notes = _NOTES.get()
        if notes is not None:
            notes.append(
                Call(
                    begun=begun,
                    first=tokens[0] if tokens else None if told is None else begun + told,
                    ended=time.perf_counter(),
                    prompt_tokens=done.usage.prompt_tokens,
                    completion_tokens=done.usage.completion_tokens,
                )
            )
        return done

    async def aclose(self) -> None:
        """The engine belongs to whoever made it."""


def watched(registry: Registry) -> Contender:
    """The same specialists, their calls noted."""

    def give(job: str) -> Specialist:
        specialist = registry.specialist(job)
        return dataclasses.replace(specialist, engine=NotedEngine(specialist.engine))

    contender = Contender(registry, give)
    contender.assurance = registry.assurance
    return contender


def streaming(chat: BaseChatModel) -> BaseChatModel:
    """A chat model that streams, so that its first token's moment is known; its replies are whole
    all the same.

    Of OpenAI-compatible servers it asks for the usage as well, which streams leave out otherwise.
    """
    from langchain_core.callbacks import AsyncCallbackHandler

    class FirstToken(AsyncCallbackHandler):
        """Notes when tokens come."""

        async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
            message = getattr(chunk, "message", None)
            tokens = _TOKENS.get()
            if tokens is not None and (token or getattr(message, "tool_call_chunks", None)):
                tokens.append(time.perf_counter())

    fields = type(chat).model_fields
    changes: dict[str, Any] = {"callbacks": [FirstToken()]}
    changes |= {name: True for name in ("streaming", "stream_usage") if name in fields}
    return chat.model_copy(update=changes)
