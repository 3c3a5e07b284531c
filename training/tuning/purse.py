"""A budget in dollars for a teacher: set aside before each call, settled after it.

Calls that run side by side never spend the same money twice: one that does not fit waits for those
under way, and is refused when none is. Only prices by the token can be kept to like this.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from specialists.engines.base import Engine
from specialists.engines.langchain import Misfit
from specialists.foundation import prices
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import BudgetError, ConfigError
from specialists.foundation.prices import Price

FRAME = 32
"""Tokens that a template may put round a message."""


class Purse:
    """What may be spent, what is spent, what is set aside. Of one event loop."""

    def __init__(self, limit_usd: float, price: Price | None, spent_usd: float = 0.0) -> None:
        """
        Args:
            limit_usd: 0 is no limit.
            spent_usd: by earlier parts of the same run.

        Raises:
            ConfigError: a limit that cannot be kept.
        """
        if limit_usd and (price is None or price.hour_usd):
            raise ConfigError(
                "teacher.budget_usd: a budget is kept by what tokens cost; set teacher.price with "
                "input_usd and output_usd (dollars a million tokens) and no hour_usd"
            )
        self.limit_usd, self.price, self.spent_usd = limit_usd, price, spent_usd
        self.empty = False
        """A call was refused: there is no room for another."""
        self._set_aside = 0.0
        self._open = 0
        self._changed = asyncio.Condition()

    async def reserve(self, usd: float) -> None:
        """Set an amount aside, waiting for calls under way to give back what they did not need.

        Raises:
            BudgetError: it does not fit, and no call under way could change that.
        """
        async with self._changed:
            while self.limit_usd and self.spent_usd + self._set_aside + usd > self.limit_usd:
                if not self._open:
                    self.empty = True
                    raise BudgetError(
                        f"the budget of ${self.limit_usd:.4g} has no room for another call: "
                        f"${self.spent_usd:.4g} are spent, and a call may take ${usd:.4g}"
                    )
                await self._changed.wait()
            self._set_aside += usd
            self._open += 1

    async def settle(self, reserved_usd: float, used_usd: float) -> None:
        """Book what a call cost, and free what was set aside for it."""
        async with self._changed:
            self._set_aside -= reserved_usd
            self._open -= 1
            if not self._open:
                self._set_aside = 0.0  # not what rounding left
            self.spent_usd += used_usd
            self._changed.notify_all()


class Paying:
    """An engine whose calls come out of a purse. Adds up what went through it."""

    def __init__(self, engine: Engine, purse: Purse) -> None:
        self._engine, self._purse = engine, purse
        self.used = Usage()
        """Of all its calls, failed ones too."""

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
        purse = self._purse
        reserved = _worst(messages, schema, tools, sampling, purse.price)
        await purse.reserve(reserved)
        used = prices.priced(Usage(calls=1), purse.price)
        try:
            completion = await self._engine.chat(
                messages,
                adapter=adapter,
                schema=schema,
                tools=tools,
                sampling=sampling,
                logprobs=logprobs,
            )
            used = prices.priced(completion.usage, purse.price)
            return completion.model_copy(update={"usage": used})
        except Misfit as error:
            used = prices.priced(error.usage, purse.price)
            raise
        finally:
            self.used += used
            # Shielded: who is cancelled here has spent all the same.
            await asyncio.shield(purse.settle(reserved, used.cost_usd))

    async def aclose(self) -> None:
        """Nothing: the engine belongs to the teacher."""


def _worst(
    messages: Sequence[Message],
    schema: ReplySchema | None,
    tools: Sequence[ToolSpec],
    sampling: Sampling,
    price: Price | None,
) -> float:
    """The most dollars a call can take: no tokenizer makes more tokens of a text than it has bytes.

    A reply that does not fit its form goes back once, so everything may be read and written twice,
    and the first reply read again.
    """
    if price is None:
        return 0.0
    prompt = sum(FRAME + _bytes(m.model_dump_json(exclude_defaults=True)) for m in messages)
    prompt += sum(FRAME + _bytes(json.dumps(tool.openai())) for tool in tools)
    if schema is not None:
        prompt += _bytes(json.dumps(schema) if isinstance(schema, dict) else schema.ebnf) + FRAME
    usage = Usage(
        prompt_tokens=2 * prompt + sampling.max_tokens + 8 * FRAME,
        completion_tokens=2 * sampling.max_tokens,
    )
    return price.cost(usage)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", errors="replace"))
