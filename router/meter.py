"""An engine whose every call is reserved in an answer's ledger first and settled after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.budget import Amount, Ledger
from specialists.engines.base import Engine
from specialists.foundation import prices
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)
from specialists.foundation.prices import Price

_FRAME = 24
"""Tokens a template may add around a message."""


class MeteredEngine:
    """Passes calls on, within a budget. Satisfies ``Engine``."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        known: Mapping[str, Price],
        *,
        call_s: float,
        tries: int = 1,
    ) -> None:
        """
        Args:
            engine: makes the calls.
            ledger: the answer's account.
            known: prices by model name.
            call_s: bounds the seconds of a call, where its price is by the hour.
            tries: requests that one call may make of the model (a reply sent back counts).
        """
        self._engine = engine
        self._ledger = ledger
        self._price = prices.find(known, engine.model)
        self._call_s = call_s
        self._tries = tries

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
        reservation = self._ledger.reserve(self._worst(messages, schema, tools, sampling))
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
            used = completion.usage.model_copy(update={"calls": max(1, completion.usage.calls)})
            if used.cost_usd == 0:  # the engine does not know its price
                used = prices.priced(used, self._price)
            return completion.model_copy(update={"usage": used})
        finally:  # a failed or cancelled call has been made, too
            self._ledger.settle(reservation, used)

    async def aclose(self) -> None:
        """Nothing: the engine belongs to the registry."""

    def _worst(
        self,
        messages: Sequence[Message],
        schema: ReplySchema | None,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
    ) -> Amount:
        """The most a call can take: no tokenizer makes more tokens of a text than it has bytes."""
        prompt = sum(_FRAME + _size(m.content) + _size(_calls(m)) for m in messages)
        prompt += sum(_FRAME + _size(json.dumps(t.openai())) for t in tools)
        prompt += _size(json.dumps(schema)) if isinstance(schema, dict) else 0
        prompt *= self._tries
        reply = sampling.max_tokens * (2 * self._tries - 1)  # one sent back is read again
        usage = Usage(prompt_tokens=prompt, completion_tokens=reply, seconds=self._call_s)
        cost = self._price.cost(usage) if self._price is not None else 0.0
        return Amount(calls=self._tries, tokens=prompt + reply, cost_usd=cost)


def _calls(message: Message) -> str:
    calls: list[dict[str, Any]] = [call.model_dump() for call in message.tool_calls]
    return json.dumps(calls) if calls else ""


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="replace"))
