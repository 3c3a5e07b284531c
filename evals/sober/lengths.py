"""How long replies are where they are right and where they are wrong.

Two slopes of log-odds of being right per doubling of the reply's tokens. ``slope`` is over all
replies, with standard errors clustered by company: long replies may be wrong because hard questions
make them long. ``within`` holds the question fixed (conditional logit, Chamberlain 1980, Review of
Economic Studies 47, 225-238): of two replies to one question, is the longer the worse? Only
questions with both right and wrong replies speak there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.decision.samples import Sample
from evals.sober.tables import name
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError


class Slope(Value):
    """Log-odds of being right, per doubling of the tokens."""

    slope: float
    se: float
    low: float
    high: float
    """95 %."""
    p: float
    samples: int


class Lengths(Value):
    """Length and error of one arm's replies."""

    arm: str
    samples: int
    right: float | None
    """Mean tokens of right replies; None: there are none."""
    wrong: float | None
    right_median: float | None
    wrong_median: float | None
    truncated: float
    """Share of replies that were cut off."""
    truncated_wrong: float | None
    """Share of the wrong ones that were."""
    slope: Slope | None
    """None: all right, all wrong, all of one length, or told apart by length without fail."""
    within: Slope | None


def lengths(samples: Sequence[Sample]) -> Lengths:
    """Length against error.

    Args:
        samples: of one arm and one way to decode; those that were not judged are left out.

    Raises:
        DataError: no judged samples, or of several arms.
    """
    judged = [s for s in samples if s.score is not None]
    arms = {s.arm for s in judged}
    if len(arms) != 1:
        raise DataError(f"lengths are of one arm's judged samples; here are {len(arms)} arms")
    right = np.array([s.score for s in judged], dtype=float) >= 0.5
    tokens = np.array([max(s.tokens, 1) for s in judged], dtype=float)
    cut = np.array([s.truncated for s in judged])

    def over(which: Any, what: Any) -> float | None:
        return float(what(tokens[which])) if which.any() else None

    return Lengths(
        arm=arms.pop(),
        samples=len(judged),
        right=over(right, np.mean),
        wrong=over(~right, np.mean),
        right_median=over(right, np.median),
        wrong_median=over(~right, np.median),
        truncated=float(cut.mean()),
        truncated_wrong=float(cut[~right].mean()) if (~right).any() else None,
        slope=_slope(right, np.log2(tokens), [s.company or name(s) for s in judged]),
        within=_within(right, np.log2(tokens), [name(s) for s in judged]),
    )


def _slope(right: Any, x: Any, companies: Sequence[str]) -> Slope | None:
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    groups = np.unique(companies, return_inverse=True)[1]
    if right.all() or not right.any() or np.ptp(x) == 0 or len(set(groups)) < 3:
        return None
    if _parted(right, x):
        return None
    model: Any = Logit(right.astype(float), np.column_stack([np.ones_like(x), x]))
    try:
        fitted = model.fit(disp=0, cov_type="cluster", cov_kwds={"groups": groups})
    except (PerfectSeparationError, np.linalg.LinAlgError):
        return None
    return _told(fitted, 1, len(x))


def _within(right: Any, x: Any, questions: Sequence[str]) -> Slope | None:
    from statsmodels.discrete.conditional_models import ConditionalLogit

    groups = np.unique(questions, return_inverse=True)[1]
    keep = np.zeros(len(x), dtype=bool)
    ways: set[bool] = set()
    for group in np.unique(groups):
        own = groups == group
        if 0 < right[own].sum() < own.sum() and np.ptp(x[own]) > 0:
            keep |= own
            gaps = x[own & right][:, None] - x[own & ~right][None, :]
            ways |= {bool(gap > 0) for gap in gaps.flat if gap}
    if len(ways) < 2:  # the longer reply is always the worse, or always the better
        return None
    model: Any = ConditionalLogit(right[keep].astype(float), x[keep][:, None], groups=groups[keep])
    return _told(model.fit(disp=0), 0, int(keep.sum()))


def _parted(right: Any, x: Any) -> bool:
    """Whether length alone tells right from wrong: then the slope has no end."""
    a, b = x[right], x[~right]
    return bool(a.max() < b.min() or b.max() < a.min())


def _told(fitted: Any, place: int, samples: int) -> Slope | None:
    slope, se = float(fitted.params[place]), float(fitted.bse[place])
    if not np.isfinite([slope, se]).all():
        return None
    low, high = (float(each) for each in fitted.conf_int()[place])
    p = float(fitted.pvalues[place])
    return Slope(slope=slope, se=se, low=low, high=high, p=p, samples=samples)
