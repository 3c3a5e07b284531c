"""What a load test leaves behind: every request, and what it ran on. Figures are made from these.

Times of a request are counted from its *arrival*, not from when the system took it up: a system
that falls behind shows it (Tene's "coordinated omission" is what hides it otherwise).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evals.grading import Outcome
from specialists.foundation.contracts import Value


class Request(Value):
    """One question put to one system under load."""

    question: str
    """Its id."""
    arrived_s: float = 0.0
    """Seconds since the trial began."""
    seconds: float
    """End to end."""
    ttft_s: float | None = None
    """Until the first token of the first model call; None: no model was called, or the engine does
    not tell."""
    tpot_s: float | None = None
    """Time per output token after the first, over all calls; None: no call wrote two tokens."""
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    outcome: Outcome | None = None
    """None: not judged."""
    right: bool | None = None
    """Right, or rightly silent."""
    jobs: tuple[str, ...] = ()
    """The jobs that a model did for it, one a step; what code alone did is not among them."""
    error: str = ""
    """Why no answer came."""


class Load(Value):
    """How questions arrive."""

    kind: Literal["open", "closed"]
    """open: by a Poisson process, whatever the system does · closed: each of ``level`` callers asks
    the next question when its last one is answered"""
    level: float = Field(gt=0)
    """Questions a second (open), callers (closed)."""

    def __str__(self) -> str:
        if self.kind == "open":
            return f"{self.level:g} a second"
        return f"{self.level:g} caller{'s' if self.level != 1 else ''}"


class Trial(Value):
    """One system under one load."""

    arm: str
    load: Load
    duration_s: float
    """From the first arrival to the last answer."""
    busy_s: float | None = None
    """Processor seconds of the whole process meanwhile; None: the work was done elsewhere."""
    devices: int = 1
    """Machines or cards that were held for it; 0: somebody else's, paid by the token."""
    requests: tuple[Request, ...]

    @property
    def held_s(self) -> float:
        """Device-seconds that were held, busy or idle."""
        return self.duration_s * self.devices
