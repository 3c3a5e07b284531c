"""Every call is reserved first and settled after, whatever becomes of it."""

import asyncio
from typing import Any

import pytest

from router.budget import Budget, Ledger
from router.meter import MeteredEngine
from specialists.foundation.contracts import Completion, Message, Sampling, Usage
from specialists.foundation.errors import BudgetError, EngineError
from specialists.foundation.prices import Price

ASK = [Message(role="user", content="x" * 100)]


class Engine:
    model = "small-2024"

    def __init__(self, usage: Usage, error: Exception | None = None, seconds: float = 0) -> None:
        self.usage, self.error, self.seconds, self.calls = usage, error, seconds, 0

    async def chat(self, messages: Any, **options: Any) -> Completion:
        self.calls += 1
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        message = Message(role="assistant", content="ok")
        return Completion(message=message, finish_reason="stop", usage=self.usage)

    async def aclose(self) -> None:
        raise AssertionError("the engine is not the meter's to close")


USED = Usage(calls=1, prompt_tokens=30, completion_tokens=10, seconds=2.0)


async def test_a_call_is_booked_with_its_cost():
    ledger = Ledger(Budget())
    prices = {"small": Price(input_usd=1.0, output_usd=2.0, hour_usd=3.6)}
    meter = MeteredEngine(Engine(USED), ledger, prices, call_s=10)
    reply = await meter.chat(ASK)
    assert reply.usage.cost_usd == pytest.approx((30 + 20) / 1e6 + 0.002)
    assert ledger.spent == reply.usage
    await meter.aclose()


async def test_a_model_without_a_price_is_not_free():
    ledger = Ledger(Budget())
    await MeteredEngine(Engine(USED), ledger, {}, call_s=10).chat(ASK)
    assert ledger.spent.unpriced_calls == 1
    assert ledger.spent.cost_usd == 0


@pytest.mark.parametrize(
    ("budget", "prices"),
    [
        (Budget(calls=0), {}),
        (Budget(tokens=250), {}),  # 100 bytes, the frame, 192 to reply
        (Budget(cost_usd=0.0001), {"small": Price(output_usd=1.0)}),
    ],
)
async def test_a_call_that_does_not_fit_is_not_made(budget: Budget, prices: dict[str, Price]):
    engine = Engine(USED)
    with pytest.raises(BudgetError):
        await MeteredEngine(engine, Ledger(budget), prices, call_s=1).chat(ASK)
    assert engine.calls == 0


async def test_failed_and_cancelled_calls_are_counted_and_hold_nothing_back():
    ledger = Ledger(Budget(calls=2, tokens=10_000))
    with pytest.raises(EngineError):
        await MeteredEngine(Engine(USED, EngineError("no")), ledger, {}, call_s=1).chat(ASK)
    slow = asyncio.create_task(
        MeteredEngine(Engine(USED, seconds=9), ledger, {}, call_s=1).chat(ASK)
    )
    await asyncio.sleep(0.01)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert ledger.spent.calls == 2
    assert ledger.left("tokens") == 10_000


async def test_parallel_calls_cannot_spend_the_same_money():
    ledger = Ledger(Budget(tokens=1000))
    engine = Engine(USED, seconds=0.01)
    meter = MeteredEngine(engine, ledger, {}, call_s=1)
    asked = [meter.chat(ASK, sampling=Sampling(max_tokens=176)) for _ in range(8)]  # 300 each
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(r, BudgetError) for r in results) == 5
    assert engine.calls == 3
