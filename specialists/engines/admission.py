"""Who may call which replica now, who waits, and who is sent away.

A call goes to the replica with the fewest calls under way. With counts that are known exactly this
is join-the-shortest-queue, which sampling two at random only approximates (Mitzenmacher 2001, The
Power of Two Choices in Randomized Load Balancing). Places are handed out in the order of asking;
a call that only one busy replica can serve holds up nobody whom another could serve.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from specialists.engines.replica import Place, Replica
from specialists.foundation.errors import Overloaded

UNKNOWN_S = 1.0
"""Seconds that a call is taken to last before any was seen."""


@dataclass(eq=False)
class _Wish:
    """A call that wants a place."""

    adapter: str | None
    avoided: Collection[Replica]
    barred: Collection[Replica]
    place: asyncio.Future[Place | None]
    """None: no replica can serve it."""


class Admission:
    """The door to a pool's replicas; of one event loop.

    Invariant: between its methods, no call waits that a free place would serve.
    """

    def __init__(self, replicas: Sequence[Replica], *, concurrency: int, queue: int) -> None:
        """
        Args:
            replicas: looked at anew each time; after a change, ``wake`` serves who waits.
            concurrency: calls under way at one replica.
            queue: calls that may wait.
        """
        self._replicas = replicas
        self._concurrency = concurrency
        self._queue = queue
        self._waiting: list[_Wish] = []
        self._turn = itertools.count(1)

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._waiting)

    async def place(
        self,
        adapter: str | None,
        *,
        avoided: Collection[Replica] = (),
        barred: Collection[Replica] = (),
    ) -> Place | None:
        """A place at a replica that can serve a call, waited for if need be; None: none can.

        Args:
            avoided: replicas to go to only if nobody else can serve the call.
            barred: replicas not to go to.

        Raises:
            Overloaded: as many wait as may.
        """
        future = asyncio.get_running_loop().create_future()
        wish = _Wish(adapter, avoided, barred, future)
        self._waiting.append(wish)
        self.wake()
        if wish in self._waiting[self._queue :]:
            self._waiting.remove(wish)
            raise Overloaded(
                f"{len(self._waiting)} calls wait already, as many as may",
                retry_after=self._retry_after(adapter),
            )
        try:
            return await future
        except asyncio.CancelledError:
            self._forget(wish)
            raise

    def spare(self, adapter: str | None, *, avoided: Collection[Replica]) -> Place | None:
        """A place that is free now at another replica than those, or None."""
        able = [r for r in self._able(adapter, barred=avoided) if self._has_room(r)]
        return self._take(able) if able else None

    def wake(self) -> None:
        """Hand out what places there are, first come, first served."""
        self._waiting = [wish for wish in self._waiting if not self._settled(wish)]

    def _settled(self, wish: _Wish) -> bool:
        """Give a call its place, or the news that nobody can serve it; False: it has to wait."""
        if wish.place.done():
            return True
        able = self._able(wish.adapter, barred=wish.barred)
        if not able:
            wish.place.set_result(None)
            return True
        fresh = [replica for replica in able if replica not in wish.avoided] or able
        free = [replica for replica in fresh if self._has_room(replica)]
        if free:
            wish.place.set_result(self._take(free))
        return bool(free)

    def _forget(self, wish: _Wish) -> None:
        """A caller left while waiting, or just when it was given a place."""
        if wish in self._waiting:
            self._waiting.remove(wish)
        if wish.place.done() and not wish.place.cancelled():
            place = wish.place.result()
            if place is not None:
                place.give_up()

    def _able(self, adapter: str | None, *, barred: Collection[Replica]) -> list[Replica]:
        return [r for r in self._replicas if r not in barred and not r.obstacle(adapter)]

    def _has_room(self, replica: Replica) -> bool:
        return replica.in_flight < self._concurrency

    def _take(self, free: Sequence[Replica]) -> Place:
        replica = min(free, key=lambda each: (each.in_flight, each.chosen))
        replica.chosen = next(self._turn)
        return Place(replica, self.wake)

    def _retry_after(self, adapter: str | None) -> float:
        """Seconds until those who wait are likely through: by Little's law, what waits over what
        leaves in a second."""
        able = self._able(adapter, barred=())
        held = [seconds for replica in able for seconds in replica.held_s]
        places = self._concurrency * len(able)
        return (fmean(held) if held else UNKNOWN_S) * (self.waiting + 1) / max(1, places)
