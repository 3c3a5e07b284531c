"""One of several servers of the same model: what is known of it, and a call's place there."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from specialists.engines.base import Engine
from specialists.engines.breaker import Breaker
from specialists.foundation.contracts import (
    Completion,
    Delta,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolSpec,
)
from specialists.foundation.errors import EngineError, Unavailable

RECENT = 64
"""Calls that latencies are told from, a replica and adapter."""


class Server(Engine, Protocol):
    """An engine that is one server somewhere else. It retries nothing."""

    @property
    def url(self) -> str:
        """Where it is; names it in messages."""
        ...

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> AsyncGenerator[Delta | Completion]:
        """As ``chat``, told while it is written: pieces of text, the completion last."""
        ...

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """How likely the model holds the last message; see ``LocalEngine.score``."""
        ...

    async def healthy(self) -> bool:
        """Whether it says that it is well."""
        ...


@dataclass(eq=False)
class Replica:
    """One server. Whoever watches servers sets ``up``, ``base_ok`` and ``adapters``; calls do the
    rest. Until somebody says what was attested there, it is sent nothing."""

    engine: Server
    breaker: Breaker = field(default_factory=Breaker)
    up: bool = True
    """Found and healthy when last looked at."""
    base_ok: bool = False
    """The base model, without an adapter, was attested there."""
    adapters: set[str] = field(default_factory=set[str])
    """Adapters that were loaded and attested there, by their names on the server."""
    in_flight: int = field(default=0, init=False)
    """Calls under way there."""
    chosen: int = field(default=0, init=False)
    """When it was last chosen, as a running number: among equals, the one longest left out is."""
    answered: int = field(default=0, init=False)
    """Calls it answered, be it with a refusal."""
    failed: int = field(default=0, init=False)
    """Calls it did not answer."""
    held_s: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT), init=False)
    """How long each of the last calls held its place: seconds."""
    latencies_s: dict[str | None, deque[float]] = field(
        default_factory=dict[str | None, deque[float]], init=False
    )
    """Seconds that each of the last plain chats took, by adapter."""

    @property
    def url(self) -> str:
        return self.engine.url

    def obstacle(self, adapter: str | None) -> str:
        """Why a call may not go there now, in words; empty where it may."""
        if not self.up:
            return "down"
        if adapter is None and not self.base_ok:
            return f"{self.engine.model} is not attested there"
        if adapter is not None and adapter not in self.adapters:
            return f"{adapter} is not attested there"
        return self.breaker.obstacle

    def lose(self, adapter: str | None) -> None:
        """The server turned out not to have an adapter, or the base itself (None)."""
        if adapter is None:
            self.base_ok = False
        else:
            self.adapters.discard(adapter)

    def observe(self, adapter: str | None, seconds: float) -> None:
        """A plain chat took so long."""
        self.latencies_s.setdefault(adapter, deque(maxlen=RECENT)).append(seconds)


class Place:
    """A call's place at a replica: taken when made, given up at the end of its ``with`` block. How
    the block ends is the breaker's news of the server."""

    def __init__(self, replica: Replica, freed: Callable[[], None]) -> None:
        """``freed`` is called once, when the place is free again."""
        self.replica = replica
        self._freed = freed
        self._clock = replica.breaker.clock
        self._generation = replica.breaker.enter()
        self._taken = self._asked = self._clock()
        self._ended: float | None = None
        replica.in_flight += 1

    @property
    def seconds(self) -> float:
        """How long it was held, or is held until now."""
        return (self._clock() if self._ended is None else self._ended) - self._taken

    def asked(self) -> None:
        """From now on a sign of life is waited for."""
        self._asked = self._clock()

    def give_up(self) -> None:
        """Leave a place that no call was made from; nothing where it was left already."""
        if self._leave():
            self.replica.breaker.left(self._generation, waited_s=0.0)
            self._freed()

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._leave():
            return
        replica, breaker = self.replica, self.replica.breaker
        match error:
            case Unavailable():
                replica.failed += 1
                breaker.failed(self._generation)
            case None | EngineError():  # a refusal is an answer, too
                replica.answered += 1
                replica.held_s.append(self.seconds)
                breaker.succeeded(self._generation)
            case GeneratorExit():  # a reader that had been told all there was, and left
                breaker.left(self._generation, waited_s=0.0)
            case _:
                breaker.left(self._generation, waited_s=self._clock() - self._asked)
        self._freed()

    def _leave(self) -> bool:
        """Whether it was still held."""
        if self._ended is not None:
            return False
        self._ended = self._clock()
        self.replica.in_flight -= 1
        return True
