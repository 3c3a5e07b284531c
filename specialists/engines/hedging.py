"""Hedged calls: one that takes longer than most is made again elsewhere; the first answer counts.

Source: Dean & Barroso 2013, The Tail at Scale, CACM 56(2). Sending the second call only after the
95th percentile of recent latencies bounds the extra load to about 5 %; the budget here makes the
bound hold even while a slow server drags everything past its own percentile.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from specialists.engines.attempts import AGAIN
from specialists.engines.replica import Place

QUANTILE = 0.95
OBSERVATIONS = 20
"""Latencies without which the 95th percentile means nothing."""
SAVED = 5.0
"""Hedges that may be saved up in quiet times."""

T = TypeVar("T")


def patience(latencies_s: Sequence[float]) -> float | None:
    """Seconds after which a call is late; None: too little is known."""
    if len(latencies_s) < OBSERVATIONS:
        return None
    return sorted(latencies_s)[math.ceil(QUANTILE * len(latencies_s)) - 1]


class HedgeBudget:
    """Keeps the share of hedged calls: each call earns a fraction of a hedge (a token bucket)."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = 0.0

    def earn(self) -> None:
        """A call was made."""
        self._saved = min(SAVED, self._saved + self._share)

    @property
    def allows(self) -> bool:
        """Whether a call may be hedged."""
        return self._saved >= 1 - 1e-9  # twenty times 0.05 is one

    def spend(self) -> None:
        """A call is hedged."""
        self._saved -= 1


async def first_answer(
    ask: Callable[[Place], Coroutine[Any, Any, T]],
    place: Place,
    *,
    late_s: float,
    spare: Callable[[], Place | None],
) -> tuple[T, Place]:
    """The answer of a call, made a second time elsewhere when it is late; and whence it came.

    Args:
        ask: makes the call from a place, which it gives up.
        late_s: seconds after which it is late.
        spare: another place for it, or None.

    Raises:
        EngineError: at once where it is about the call itself; else when no attempt is under way
            any more. Whatever is under way when this returns or is cancelled has been cancelled.
    """
    asked = {asyncio.create_task(ask(place)): place}
    try:
        done, under_way = await asyncio.wait(asked, timeout=late_s)
        if not done and (other := spare()) is not None:
            second = asyncio.create_task(ask(other))
            asked[second] = other
            under_way = {*under_way, second}
        while True:
            if not done:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.exception() is None:
                    return task.result(), asked[task]
            for task in done:
                error = task.exception()
                if error is not None and (not under_way or not isinstance(error, AGAIN)):
                    raise error
            done = set[asyncio.Task[T]]()
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
