"""A circuit breaker: a server that keeps failing is left alone for a while, then tried once.

Closed (calls pass), open (none do), half-open (one call is the probe; its outcome closes or opens
again): Nygard, *Release It!*, 2nd edition, chapter 5. As in sony/gobreaker, a call carries the
generation it began in, so that a straggler from before the break judges nothing after it.

It is asked, it never calls: a balancer must know whom it may choose before it chooses.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from specialists.foundation.config import Config

State = Literal["closed", "open", "half-open"]
Generation = int


class BreakerSettings(Config):
    """When a server is left alone."""

    trip_after: int = Field(default=5, ge=1)
    """Failures in a row that open the breaker."""
    trip_share: float = Field(default=0.5, gt=0, le=1)
    """Share of failures among the last ``window`` calls that opens it, too: a server that fails
    every other call never fails five times in a row."""
    window: int = Field(default=20, ge=1)
    """Calls that the share is taken over; before there are so many, it says nothing."""
    open_s: float = Field(default=10.0, gt=0)
    """Seconds it stays open before one call may try again."""
    stalled_s: float = Field(default=30.0, gt=0)
    """A call given up by its caller after so many seconds without a sign of life counts as a
    failure, too: with deadlines shorter than the server's own time limit, one that hangs would
    otherwise never be found out."""


class Breaker:
    """The breaker of one server. Every ``enter`` is followed by one of ``succeeded``, ``failed``
    and ``left``, with the generation that ``enter`` told."""

    def __init__(
        self,
        settings: BreakerSettings = BreakerSettings(),  # noqa: B008 - frozen
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` tells seconds."""
        self._settings = settings
        self.clock = clock
        self._generation: Generation = 0
        self._opened: float | None = None
        self._probing = False
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=settings.window)

    @property
    def state(self) -> State:
        """What it is at this moment."""
        if self._opened is None:
            return "closed"
        return "open" if self.wait_s > 0 else "half-open"

    @property
    def wait_s(self) -> float:
        """Seconds until a call may try again; 0 where calls may pass."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self._settings.open_s - self.clock())

    @property
    def obstacle(self) -> str:
        """Why no call may pass now, in words; empty where one may."""
        match self.state:
            case "closed":
                return ""
            case "open":
                return f"left alone for {self.wait_s:.1f} s more after failures"
            case "half-open":
                return "being tried by another call after failures" if self._probing else ""

    def enter(self) -> Generation:
        """A call begins; only where there is no ``obstacle``."""
        if self._opened is not None:
            self._probing = True
        return self._generation

    def succeeded(self, generation: Generation) -> None:
        """The server answered, be it with a refusal."""
        if generation != self._generation:
            return
        if self._opened is not None:
            self._turn(opened=None)
        self._in_a_row = 0
        self._recent.append(False)

    def failed(self, generation: Generation) -> None:
        """The server did not answer, or failed."""
        if generation != self._generation:
            return
        self._in_a_row += 1
        self._recent.append(True)
        failures, full = sum(self._recent), len(self._recent) == self._settings.window
        if (
            self._opened is not None
            or self._in_a_row >= self._settings.trip_after
            or (full and failures >= self._settings.trip_share * self._settings.window)
        ):
            self._turn(opened=self.clock())

    def left(self, generation: Generation, *, waited_s: float) -> None:
        """The caller left after so many seconds without a sign of life from the server."""
        if waited_s >= self._settings.stalled_s:
            self.failed(generation)
        elif generation == self._generation:
            self._probing = False

    def _turn(self, *, opened: float | None) -> None:
        """Open or close; what was counted before counts no more."""
        self._generation += 1
        self._opened = opened
        self._probing = False
        self._in_a_row = 0
        self._recent.clear()
