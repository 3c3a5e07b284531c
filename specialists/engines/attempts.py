"""What one call has tried so far, whom it may try next, and what it says when nothing is left."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from specialists.engines.replica import Replica
from specialists.foundation.contracts import Usage
from specialists.foundation.errors import AdapterError, EngineError, Overloaded, Unavailable

AGAIN = (Unavailable, Overloaded, AdapterError)
"""Errors after which another replica may do better. All others are about the call itself."""

Missing = Callable[[Replica, str | None], None]
"""Told that a server has not (any more) an adapter that it had; None: the base model itself."""


def backoff(failures: int, *, base_s: float, cap_s: float) -> float:
    """Seconds to wait after so many failures: exponential, with full jitter.

    Source: Brooker 2015, Exponential Backoff and Jitter, AWS Architecture Blog. Without the jitter,
    calls that failed together come back together.
    """
    return random.uniform(0.0, min(cap_s, base_s * 2.0 ** min(failures - 1, 62)))


class Attempts:
    """The attempts of one call. Pure bookkeeping: it waits for nothing."""

    def __init__(
        self,
        model: str,
        adapter: str | None,
        replicas: Sequence[Replica],
        *,
        limit: int,
        missing: Missing | None,
    ) -> None:
        """``limit`` is how many there may be."""
        self._model = model
        self.adapter = adapter
        """What is asked for; None: the base itself."""
        self._replicas = replicas
        self._limit = limit
        self._missing = missing
        self._errors: dict[Replica, EngineError] = {}
        self.made = 0
        """Calls made to servers."""
        self.failures = 0
        """Of these, calls that no answer came to."""
        self.failed_at: set[Replica] = set()
        """Where: to be tried again only when nobody else can be."""
        self.busy_s: dict[Replica, float] = {}
        """Replicas that had no room, and after how many seconds they might."""
        self.last: EngineError | None = None
        self.lost = Usage()
        """What attempts without an answer consumed, as far as is known."""

    @property
    def left(self) -> bool:
        """Whether there may be another."""
        return self.made < self._limit

    def note(self, replica: Replica, error: EngineError) -> None:
        """One of ``AGAIN`` came from a replica."""
        self.last = self._errors[replica] = error
        if isinstance(error, Overloaded):
            self.busy_s[replica] = error.retry_after
        elif isinstance(error, AdapterError):
            replica.lose(self.adapter)
            if self._missing is not None:
                self._missing(replica, self.adapter)
        else:
            self.failures += 1
            self.failed_at.add(replica)

    def lose(self, seconds: float = 0.0) -> None:
        """A server worked for nothing: how much, in tokens and so in money, it did not tell."""
        self.lost += Usage(calls=1, unpriced_calls=1, seconds=seconds)

    def verdict(self) -> EngineError:
        """The error to end with: who is there and busy may be asked later; else nobody answers."""
        whom = self._model if self.adapter is None else self.adapter
        tried = f" in {self.made} attempts" if self.made else ""
        each = "; ".join(self._story(replica) for replica in self._replicas) or "there are none"
        if self.busy_s:
            why = f"the servers of {whom} are busy: {each}"
            return Overloaded(why, retry_after=max(self.busy_s.values()))
        return Unavailable(f"no server answered for {whom}{tried}: {each}")

    def _story(self, replica: Replica) -> str:
        """What kept a replica from answering: its error, what stands against asking it now."""
        parts = [str(self._errors.get(replica, "")), replica.obstacle(self.adapter)]
        return f"{replica.url}: {', now '.join(filter(None, parts)) or 'not asked'}"
