"""Tools that give the same answer to the same call again without making it again.

For training and evaluation, where many episodes work on one question and mostly say the same. A
snapshot never changes and every tool is a function of it and of its arguments, so an answer can be
kept; a call that failed is made again, since a time limit depends on the machine.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from specialists.foundation.contracts import ToolSpec
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.tools import ToolResult, Tools

Key = tuple[str, str, str]


@dataclass
class Memory:
    """What calls gave, shared by any number of tools on one event loop; the eldest are forgotten.

    Calls that are the same and under way at once are made once.
    """

    limit: int = 4_096
    made: int = 0
    """Calls that were made."""
    spared: int = 0
    """Calls whose answer was known, or on its way."""
    _kept: OrderedDict[Key, ToolResult] = field(default_factory=OrderedDict[Key, ToolResult])
    _coming: dict[Key, asyncio.Future[ToolResult]] = field(
        default_factory=dict[Key, asyncio.Future[ToolResult]]
    )

    def clear(self) -> None:
        """Forget what is kept."""
        self._kept.clear()

    async def recall(self, key: Key, call: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        """The answer to a call."""
        while (coming := self._coming.get(key)) is not None:
            await asyncio.wait([coming])
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            self.spared += 1
            return known
        self.made += 1
        coming = self._coming[key] = asyncio.get_running_loop().create_future()
        try:
            result = await call()
            if result.error is None:
                self._kept[key] = result
                while len(self._kept) > self.limit:
                    self._kept.popitem(last=False)
            return result
        finally:
            # Whoever waits looks again: a call that failed or was cancelled is theirs to make.
            del self._coming[key]
            coming.cancel()


class Remembered:
    """Tools over one snapshot, with a memory."""

    def __init__(self, tools: Tools, memory: Memory) -> None:
        self._tools, self._memory = tools, memory

    @property
    def snapshot(self) -> Snapshot:
        return self._tools.snapshot

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return self._tools.specs(names)

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        digest = self.snapshot.digest
        if not digest:  # nobody can tell whether two such snapshots are the same
            return await self._tools.call(name, arguments)
        key = (digest, name, json.dumps(arguments, sort_keys=True, default=str))
        return await self._memory.recall(key, lambda: self._tools.call(name, arguments))
