"""Several servers of one model as one engine: balanced, and each failure somebody else's call.

A call goes to the least busy server that has what it needs (``admission``), on failure to another
(``attempts``), when late to a second (``hedging``); a server that keeps failing is left alone
(``breaker``). Which servers there are, and what was attested where, others say by changing
``Pool.replicas`` and the replicas in it: the pool discovers nothing and checks nobody's health.

A pool belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from itertools import chain
from typing import TypeVar

from pydantic import Field

from specialists.engines.admission import Admission
from specialists.engines.attempts import AGAIN, Attempts, Missing, backoff
from specialists.engines.breaker import BreakerSettings, State
from specialists.engines.hedging import HedgeBudget, first_answer, patience
from specialists.engines.replica import Place, Replica, Server
from specialists.engines.retelling import Retelling
from specialists.foundation import calls
from specialists.foundation.config import Config
from specialists.foundation.contracts import (
    Completion,
    Delta,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolSpec,
    Usage,
    Value,
)
from specialists.foundation.errors import Cancelled, Overloaded, Unavailable

T = TypeVar("T")


class PoolSettings(Config):
    """How calls are spread over a model's servers."""

    concurrency: int = Field(default=16, ge=1)
    """Calls under way at one server; as many as it batches (vLLM's ``--max-num-seqs``). More would
    wait there, where nobody can send them elsewhere."""
    queue: int = Field(default=64, ge=0)
    """Calls that may wait for a place, over all servers; further ones are refused with the time
    after which to come back."""
    attempts: int = Field(default=3, ge=1)
    """Calls to servers that one call may cost, the first and a hedge included."""
    backoff_s: float = Field(default=0.1, gt=0)
    """Longest wait before the second attempt; it doubles with each further failure."""
    backoff_cap_s: float = Field(default=2.0, gt=0)
    """Longest wait before any attempt."""
    hedge: bool = False
    """Make a plain call a second time elsewhere when it takes longer than 95 % of the last ones.
    Only worth it with servers of the same speed and places to spare."""
    hedge_share: float = Field(default=0.05, ge=0, le=1)
    """Share of calls that may be made twice."""
    breaker: BreakerSettings = BreakerSettings()
    """When a server is left alone."""


class ReplicaStats(Value):
    """One server, as it is now."""

    url: str
    up: bool
    breaker: State
    base_ok: bool
    adapters: tuple[str, ...]
    in_flight: int
    answered: int
    failed: int


class Counts(Value):
    """What happened since a pool was made."""

    calls: int = 0
    refused: int = 0
    """Calls sent away because too many waited."""
    retried: int = 0
    """Attempts made anew after a failure."""
    hedged: int = 0
    """Calls made twice because the first was late."""
    hedges_won: int = 0
    """Of these, those whose second call answered first."""
    restarted: int = 0
    """Streams that broke and began anew with another text."""


class PoolStats(Value):
    """A pool, as it is now."""

    model: str
    waiting: int
    """Calls that wait for a place."""
    counts: Counts
    replicas: tuple[ReplicaStats, ...]


class Pool:
    """An engine over replicas of one model."""

    def __init__(
        self,
        model: str,
        replicas: Iterable[Replica] = (),
        settings: PoolSettings = PoolSettings(),  # noqa: B008 - frozen
        *,
        missing: Missing | None = None,
    ) -> None:
        """
        Args:
            model: the base model's name, as records and traces show it.
            missing: told when a server says that it has not an adapter that was attested there; it
                has been taken off the replica by then.
        """
        self.settings = settings
        self._model = model
        self._missing = missing
        self._replicas = list(replicas)
        self._admission = Admission(
            self._replicas, concurrency=settings.concurrency, queue=settings.queue
        )
        self._hedges = HedgeBudget(settings.hedge_share)
        self._counts: Counter[str] = Counter()
        self._under_way: Counter[str | None] = Counter()
        self._drained = asyncio.Event()
        self._waits: set[asyncio.Timeout] = set()
        self._closed = False

    @property
    def model(self) -> str:
        return self._model

    @property
    def replicas(self) -> list[Replica]:
        """Open to change at any time; ``wake`` afterwards serves at once who waits."""
        return self._replicas

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
        """One reply; see ``Engine.chat``.

        Raises:
            Unavailable: no server answered; says of each why.
            Overloaded: too many wait, or every server that is there is busy.
            Cancelled: the deadline passed, or the pool was closed.
            EngineError: what a server says about the call itself.
        """
        begun = time.monotonic()

        def ask(server: Server) -> Awaitable[Completion]:
            return server.chat(
                messages,
                adapter=adapter,
                schema=schema,
                tools=tools,
                sampling=sampling,
                logprobs=logprobs,
            )

        self._hedges.earn()
        with self._call(adapter) as attempts:
            said, place = await self._answer(attempts, ask, hedge=self.settings.hedge)
        place.replica.observe(adapter, place.seconds)
        waited_s = time.monotonic() - begun - place.seconds
        return _told(said, waited_s, attempts.lost)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> AsyncGenerator[Delta | Completion]:
        """As ``chat``, told while it is written: pieces of text, the completion last.

        Where a server breaks off, another is asked the same. Greedy or seeded it mostly says the
        same: what was told already is left out as long as both agree; where they part, a ``Delta``
        with ``restart`` tells the new text from its beginning. Whoever stops reading early closes
        the generator (``contextlib.aclosing``), so that the server stops, too.
        """
        begun, text = time.monotonic(), Retelling()

        def ask(server: Server) -> AsyncGenerator[Delta | Completion]:
            return server.stream(
                messages,
                adapter=adapter,
                schema=schema,
                tools=tools,
                sampling=sampling,
                logprobs=logprobs,
            )

        with self._call(adapter) as attempts:
            while True:
                place = await self._place(attempts)
                try:
                    async with aclosing(self._pieces(place, attempts, ask)) as pieces:
                        async for piece in pieces:
                            delta = (
                                text.end() if isinstance(piece, Completion) else text.hear(piece)
                            )
                            if delta is not None:
                                self._counts["restarted"] += delta.restart
                                yield delta
                            if isinstance(piece, Completion):
                                waited_s = time.monotonic() - begun - place.seconds
                                yield _told(piece, waited_s, attempts.lost)
                                return
                except AGAIN as error:
                    attempts.note(place.replica, error)
                    if text.said:
                        attempts.lose(place.seconds)
                    text.anew()
                await self._again(attempts)

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """How likely the model holds the last message; see ``LocalEngine.score``.

        Raises:
            EngineError, Cancelled: as ``chat``.
        """

        def ask(server: Server) -> Awaitable[tuple[TokenLogprob, ...]]:
            return server.score(messages, adapter=adapter)

        with self._call(adapter) as attempts:
            scores, _ = await self._answer(attempts, ask, hedge=False)
        return scores

    def stats(self) -> PoolStats:
        """How the pool and its servers are now."""
        return PoolStats(
            model=self._model,
            waiting=self._admission.waiting,
            counts=Counts(**self._counts),
            replicas=tuple(
                ReplicaStats(
                    url=replica.url,
                    up=replica.up,
                    breaker=replica.breaker.state,
                    base_ok=replica.base_ok,
                    adapters=tuple(sorted(replica.adapters)),
                    in_flight=replica.in_flight,
                    answered=replica.answered,
                    failed=replica.failed,
                )
                for replica in self._replicas
            ),
        )

    def wake(self) -> None:
        """Serve at once who waits for what has just come: a replica, or an adapter on one."""
        self._admission.wake()

    async def drained(self, adapter: str | None) -> None:
        """Return when no call for an adapter is under way, be it one that waits. So that none fails
        when an adapter is put out of service, its callers are sent elsewhere first, then this is
        waited for, then it is taken off the replicas."""
        while adapter in self._under_way:
            self._drained.clear()
            await self._drained.wait()

    async def aclose(self) -> None:
        """Release the servers' engines. Calls that wait or are under way are cancelled."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(now)
        await asyncio.gather(*(replica.engine.aclose() for replica in self._replicas))

    @contextmanager
    def _call(self, adapter: str | None) -> Generator[Attempts]:
        """A call under way, from its first attempt to its last."""
        self._counts["calls"] += 1
        self._under_way[adapter] += 1
        try:
            yield Attempts(
                self._model,
                adapter,
                self._replicas,
                limit=self.settings.attempts,
                missing=self._missing,
            )
        finally:
            self._under_way[adapter] -= 1
            if not self._under_way[adapter]:
                del self._under_way[adapter]
                self._drained.set()

    async def _answer(
        self, attempts: Attempts, ask: Callable[[Server], Awaitable[T]], *, hedge: bool
    ) -> tuple[T, Place]:
        """What a server answers, and from where it came."""

        async def attempt(place: Place) -> T:
            try:
                with place:
                    async with self._in_time(attempts):
                        return await ask(place.replica.engine)
            except AGAIN as error:
                attempts.note(place.replica, error)
                raise

        while True:
            place = await self._place(attempts)
            late_s = self._late(attempts.adapter) if hedge else None
            try:
                if late_s is None:
                    return await attempt(place), place
                spare = partial(self._spare, attempts, place.replica)
                answer, source = await first_answer(attempt, place, late_s=late_s, spare=spare)
                self._counts["hedges_won"] += source is not place
                return answer, source
            except AGAIN:
                await self._again(attempts)

    async def _place(self, attempts: Attempts) -> Place:
        """A place for the next attempt; raises the verdict where there is none."""
        async with self._in_time(attempts):
            try:
                place = await self._admission.place(
                    attempts.adapter, avoided=attempts.failed_at, barred=attempts.busy_s
                )
            except Overloaded:
                self._counts["refused"] += 1
                raise
        if place is None:
            raise attempts.verdict() from attempts.last
        attempts.made += 1
        return place

    async def _again(self, attempts: Attempts) -> None:
        """Return when another attempt is due; raise the verdict where none is."""
        if not attempts.left:
            raise attempts.verdict() from attempts.last
        async with self._in_time(attempts):
            if isinstance(attempts.last, Unavailable):
                pause_s = backoff(
                    attempts.failures,
                    base_s=self.settings.backoff_s,
                    cap_s=self.settings.backoff_cap_s,
                )
                left_s = calls.remaining()
                if left_s is not None and left_s <= pause_s:
                    raise attempts.verdict() from attempts.last
                await asyncio.sleep(pause_s)
        self._counts["retried"] += 1

    def _late(self, adapter: str | None) -> float | None:
        """Seconds after which a call is late; None: it is not to be hedged."""
        if not self._hedges.allows:
            return None
        known = (replica.latencies_s.get(adapter, ()) for replica in self._replicas)
        return patience(list(chain.from_iterable(known)))

    def _spare(self, attempts: Attempts, busy: Replica) -> Place | None:
        """A place for a hedge: free now, and within the call's attempts and the hedges' share."""
        if not attempts.left or not self._hedges.allows:
            return None
        avoided = {busy, *attempts.failed_at, *attempts.busy_s}
        place = self._admission.spare(attempts.adapter, avoided=avoided)
        if place is not None:
            attempts.made += 1
            attempts.lose()
            self._hedges.spend()
            self._counts["hedged"] += 1
        return place

    async def _pieces(
        self,
        place: Place,
        attempts: Attempts,
        ask: Callable[[Server], AsyncGenerator[Delta | Completion]],
    ) -> AsyncGenerator[Delta | Completion]:
        """One server's stream, up to its completion, which comes once the place is free again."""
        with place:
            async with aclosing(ask(place.replica.engine)) as pieces:
                piece = None
                while True:
                    place.asked()
                    async with self._in_time(attempts):
                        following = await anext(pieces, None)
                    if following is None:
                        break
                    piece = following
                    if not isinstance(piece, Completion):
                        yield piece
            if not isinstance(piece, Completion):
                raise Unavailable(f"{place.replica.url}: the reply broke off")
        yield piece

    @asynccontextmanager
    async def _in_time(self, attempts: Attempts) -> AsyncGenerator[None]:
        """A wait that ends with the call's deadline, and with the pool."""
        left_s = calls.remaining()
        if self._closed or (left_s is not None and left_s <= 0):
            raise self._cancelled(attempts)
        try:
            async with asyncio.timeout(left_s) as wait:
                self._waits.add(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            raise self._cancelled(attempts) from None

    def _cancelled(self, attempts: Attempts) -> Cancelled:
        if self._closed:
            return Cancelled("the model has been released")
        before = f"; before that: {attempts.last}" if attempts.last else ""
        return Cancelled(f"the deadline passed before {self._model} answered{before}")


def _told(said: Completion, waited_s: float, lost: Usage) -> Completion:
    """A server's completion as the pool's: waiting for a place is waiting for the first token, and
    what was consumed for nothing was consumed."""
    first = said.first_token_s
    return said.model_copy(
        update={
            "usage": said.usage + lost,
            "first_token_s": None if first is None else first + waited_s,
        }
    )
