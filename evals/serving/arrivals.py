"""Puts questions to a system as they would arrive: by a Poisson process, or by waiting callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import numpy as np

from evals.serving.requests import Load, Request

Q = TypeVar("Q")
Ask = Callable[[Q, float], Awaitable[Request]]
"""Asks a question that arrived at a moment of ``time.perf_counter()``; never raises."""


def poisson(count: int, rate: float, seed: int) -> tuple[float, ...]:
    """Arrival times in seconds, ascending, of a Poisson process.

    Scaled so that the last arrives at ``count / rate``, as ``vllm bench serve`` scales its own:
    the rate asked for is the rate there was, whatever the draw.
    """
    times = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, size=count))
    return tuple(float(t) for t in times * (count / rate / times[-1])) if count else ()


async def drive(
    ask: Ask[Q], questions: Sequence[Q], load: Load, *, seed: int = 0
) -> tuple[tuple[Request, ...], float]:
    """Put the questions to a system under a load.

    Returns:
        The requests in the questions' order, and the seconds from the first arrival's clock to the
        last answer.
    """
    begun = time.perf_counter()

    async def one(question: Q, arrived: float) -> Request:
        request = await ask(question, arrived)
        return request.model_copy(update={"arrived_s": round(arrived - begun, 4)})

    if load.kind == "open":

        async def later(question: Q, after: float) -> Request:
            await asyncio.sleep(max(begun + after - time.perf_counter(), 0.0))
            return await one(question, begun + after)

        times = poisson(len(questions), load.level, seed)
        found = await asyncio.gather(
            *(later(q, after) for q, after in zip(questions, times, strict=True))
        )
        return tuple(found), time.perf_counter() - begun

    waiting = iter(enumerate(questions))
    done: dict[int, Request] = {}

    async def caller() -> None:
        for place, question in waiting:
            done[place] = await one(question, time.perf_counter())

    await asyncio.gather(*(caller() for _ in range(int(load.level))))
    return tuple(done[place] for place in sorted(done)), time.perf_counter() - begun
