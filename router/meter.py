"""An engine whose every call is reserved in an answer's ledger first and settled after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from router.budget import Ledger
from router.prices import Price
from specialists.engines.base import Engine
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)

_FRAME = 24
"""Tokens a template may add around a message."""


class MeteredEngine:
    """Passes calls on, within a budget. Satisfies ``Engine``."""

    def __init__(self, engine: Engine, ledger: Ledger, price: Price, *, call_s: float) -> None:
        """``call_s`` bounds the seconds a call can take, where its price is by the hour."""
        self._engine = engine
        self._ledger = ledger
        self._price = price
        self._call_s = call_s

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
        """One reply; see ``Engine.chat``. Its usage carries its cost.

        Raises:
            BudgetError: the call's worst case does not fit into what is left.
        """
        worst = self._price.worst(_bound(messages, tools), sampling.max_tokens, self._call_s)
        reservation = self._ledger.reserve(worst)
        used = Usage(calls=1)
        try:
            completion = await self._engine.chat(
                messages,
                adapter=adapter,
                schema=schema,
                tools=tools,
                sampling=sampling,
                logprobs=logprobs,
            )
            used = completion.usage.model_copy(
                update={"calls": 1, "cost_usd": self._price.cost(completion.usage)}
            )
            return completion.model_copy(update={"usage": used})
        finally:  # a failed or cancelled call has been made, too
            self._ledger.settle(reservation, used)

    async def aclose(self) -> None:
        """Nothing: the engine belongs to the registry."""


def _bound(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
    """No tokenizer makes more tokens of a text than it has bytes."""
    total = sum(_FRAME + _size(m.content) + _size(_calls(m)) for m in messages)
    return total + sum(_FRAME + _size(json.dumps(t.openai())) for t in tools)


def _calls(message: Message) -> str:
    calls: list[dict[str, Any]] = [call.model_dump() for call in message.tool_calls]
    return json.dumps(calls) if calls else ""


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="replace"))
