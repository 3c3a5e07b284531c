"""What samples under way share, open while any of them needs it.

Inspect tells a task when a sample begins and ends, never when the last one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something that is released in the end."""

    async def aclose(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Shared(Generic[T]):
    """One thing for many samples: opened by the first, closed by the last."""

    def __init__(self, open: Callable[[], Awaitable[T]]) -> None:
        self._open = open
        self._users = 0
        self._there: T | None = None
        self._lock: asyncio.Lock | None = None

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[T]:
        """The thing, for as long as the block lasts."""
        if self._users == 0:
            self._lock = asyncio.Lock()  # of the loop that runs now
        assert self._lock is not None
        self._users += 1
        try:
            async with self._lock:
                if self._there is None:
                    self._there = await self._open()
            yield self._there
        finally:
            self._users -= 1
            if self._users == 0 and self._there is not None:
                there, self._there = self._there, None
                await there.aclose()
