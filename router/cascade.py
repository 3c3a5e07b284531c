"""What to do with a specialist's finding: accept it, try again, ask the large model, or abstain.

A pure policy over values. It calls nothing; ``worker.py`` does what it says.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specialists.foundation.config import Config
from specialists.foundation.contracts import Status

Verdict = Literal["accept", "retry", "escalate", "abstain"]


class CascadeSettings(Config):
    """When a finding is good enough. Thresholds belong to one model and do not carry over."""

    accept: float = Field(default=0.0, ge=0, le=1)
    """Confidence from which a finding is taken; 0 leaves it to each specialist's own calibration,
    below whose threshold it abstains by itself. A finding without a confidence is taken."""
    risk: float = Field(default=0.03, gt=0, le=1)
    """Largest share of questions that may get a wrong answer: an answer that is not sure enough for
    it is withheld, where the weights come with a measured assurance. 1 gives every answer."""
    attempts: int = Field(default=1, ge=1, le=8)
    """How often the specialist may try, the first time included."""
    resampled: tuple[str, ...] = ("calculation",)
    """Specialists whose check is a computation of its own, strong enough to choose among samples:
    an answer it refused is drawn again. A weaker check would let a lucky wrong answer through."""
    samples: int = Field(default=6, ge=1, le=16)
    """How often such a specialist may answer, the first time included."""


def decide(
    settings: CascadeSettings,
    *,
    status: Status,
    confidence: float | None,
    attempts: int,
    large: bool,
    resample: bool = False,
) -> Verdict:
    """What to do next.

    Args:
        status: of the finding at hand.
        confidence: of the finding at hand; None where its specialist gives none.
        attempts: how often the specialist has tried.
        large: whether there is a larger model that has not been asked yet.
        resample: its check refused the answer, and may choose among samples.

    A failure is tried again, since it may be the weather. An abstention is not: the same model over
    the same tables abstains again; only a larger one may see more.
    """
    if status == "ok" and (confidence is None or confidence >= settings.accept):
        return "accept"
    if resample and attempts < settings.samples:
        return "retry"
    if status != "abstained" and attempts < settings.attempts:
        return "retry"
    return "escalate" if large else "abstain"
