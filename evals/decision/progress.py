"""How far a capture is: share, time left, and figures that nobody may stop by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from evals.decision.samples import SAMPLED, Sample

EVERY_S = 5.0
NOTE = "running figures, not for stopping"


class Progress:
    """Counts samples as they come."""

    def __init__(
        self,
        total: int,
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``total``: samples to take in this attempt."""
        self._total = total
        self._say = say
        self._clock = clock
        self._begun = clock()
        self._taken = 0
        self._failed = 0
        self._right: dict[str, tuple[float, int]] = {}

    def saw(self, sample: Sample) -> None:
        """Count one."""
        self._taken += 1
        if sample.score is None:
            self._failed += 1
        elif sample.decode == SAMPLED:
            total, count = self._right.get(sample.arm, (0.0, 0))
            self._right[sample.arm] = (total + sample.score, count + 1)

    def line(self) -> str:
        """``12 % · 96 of 800 samples, 2 failed · about 4 min left · base .41, sft .55 (…)``."""
        share = self._taken / self._total if self._total else 1.0
        failed = f", {self._failed} failed" if self._failed else ""
        parts = [f"{share:.0%}", f"{self._taken:,} of {self._total:,} samples{failed}"]
        if 0 < self._taken < self._total:
            left = (self._clock() - self._begun) / self._taken * (self._total - self._taken)
            parts.append(f"about {_told(left)} left")
        if self._right:
            means = ", ".join(f"{arm} {r / n:.3f}" for arm, (r, n) in sorted(self._right.items()))
            parts.append(f"{means} ({NOTE})")
        return " · ".join(parts)

    async def tell(self) -> None:
        """Say the line every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self._say(self.line())


def _told(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
