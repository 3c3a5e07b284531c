"""Who takes the samples, and in which shards: this process, or whoever keeps the same contract."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from evals.decision.contestants import Contestant
from evals.decision.taking import Put, Taker, Turn


@dataclass(frozen=True)
class Shard:
    """What one contestant has left to answer."""

    contestant: Contestant
    turns: tuple[Turn, ...]

    @property
    def name(self) -> str:
        return self.contestant.entrant.name


@dataclass(frozen=True)
class Machine:
    """How in-process models run: the same for all arms."""

    threads: int = 1
    device: str = "cpu"
    dtype: str = "float32"


PLAIN = Machine()
"""One thread of the processor, float32: replies are the same batch for batch."""


class Hands(Protocol):
    """Who takes the samples."""

    async def take(self, shards: Sequence[Shard], put: Put) -> None:
        """Take them, and hand each on as soon as it is there."""
        ...


class Here:
    """This process: lanes side by side, the contestants of a lane one after the other."""

    def __init__(self, taker: Taker, at_once: int) -> None:
        self._taker = taker
        self._at_once = at_once

    async def take(self, shards: Sequence[Shard], put: Put) -> None:
        lanes: dict[str, list[Shard]] = {}
        for shard in shards:
            lanes.setdefault(shard.contestant.lane, []).append(shard)
        running = [asyncio.ensure_future(self._along(lane, put)) for lane in lanes.values()]
        try:
            await asyncio.gather(*running)
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _along(self, lane: Sequence[Shard], put: Put) -> None:
        if self._at_once == 1:
            await self._in_turn(lane, put)
            return
        for shard in lane:
            await self._taker.all(shard.contestant, shard.turns, put, at_once=self._at_once)

    async def _in_turn(self, lane: Sequence[Shard], put: Put) -> None:
        """One at a time is for the clock: each question is put to everyone before the next, so that
        what else the machine does falls on all alike. What is loaded or fitted at a first question
        is no part of what an answer takes."""
        for shard in lane:
            await self._taker.take(shard.contestant, shard.turns[0])
        for round_ in zip_longest(*(shard.turns for shard in lane)):
            for shard, turn in zip(lane, round_, strict=True):
                if turn is not None:
                    await self._taker.all(shard.contestant, (turn,), put, at_once=1)
