from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from scipy.stats import kstest

from evals.serving.arrivals import drive, poisson
from evals.serving.requests import Load, Request


def test_gaps_are_exponential_and_the_rate_is_what_was_asked_for() -> None:
    times = poisson(4_000, 20.0, seed=7)
    assert times[-1] == pytest.approx(200)
    assert list(times) == sorted(times)
    gaps = np.diff([0.0, *times])
    assert kstest(gaps, "expon", args=(0, 1 / 20)).pvalue > 0.01
    assert poisson(3, 1.0, 1) == poisson(3, 1.0, 1) != poisson(3, 1.0, 2)
    assert poisson(0, 1.0, 1) == ()


class Till:
    """Serves one at a time, 20 ms each."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.at_once = self.most = 0

    async def ask(self, question: int, arrived: float) -> Request:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        async with self.lock:
            await asyncio.sleep(0.02)
        self.at_once -= 1
        return Request(question=str(question), seconds=time.perf_counter() - arrived)


async def test_callers_wait_for_their_answers() -> None:
    till = Till()
    requests, seconds = await drive(till.ask, list(range(12)), Load(kind="closed", level=3))
    assert [r.question for r in requests] == [str(n) for n in range(12)]
    assert till.most == 3
    assert seconds >= 12 * 0.02


async def test_arrivals_do_not_wait_and_a_queue_counts_from_the_arrival() -> None:
    till = Till()
    requests, _ = await drive(till.ask, list(range(20)), Load(kind="open", level=400), seed=1)
    assert till.most > 3
    assert max(r.seconds for r in requests) >= 10 * 0.02
    assert [r.question for r in requests] == [str(n) for n in range(20)]
