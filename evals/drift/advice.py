"""What to do about each specialist: demote it, keep it, or label more before anybody can tell.

Labels alone decide, against the lower end of the decision record's interval: a specialist is
demoted when its accuracy in service is shown to be below it. ``alpha`` is the probability that any
specialist is ever demoted though none got worse: it is shared out evenly, and holds however often
one looks. Signals without labels are told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from typing import Literal

from pydantic import Field

from evals.drift import betting
from evals.drift.audit import Key
from evals.drift.expected import Expected, Known
from evals.drift.live import ANSWERS, WHOLE, Part, of
from evals.drift.signals import Rise, Shift, mix, rates, rise, shift
from specialists.foundation.config import Config
from specialists.foundation.contracts import Value

Verdict = Literal["demote", "keep", "not enough to tell"]


class Watch(Config):
    """How drift is watched for."""

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Probability of ever demoting wrongly, over all specialists and looks."""
    drop: float = Field(default=0.10, gt=0, lt=1)
    """The loss of accuracy that must not stay hidden: a specialist is kept when it is shown to be
    no further below what was promised."""


class Advice(Value):
    """What to do about one specialist, and why."""

    specialist: str
    adapter: str | None
    verdict: Verdict
    right: int
    labels: int
    low: float
    high: float
    """Its accuracy in service lies between, at all looks at once."""
    promised: float
    """Lower end of the record's interval."""
    record: str | None
    stake: float
    """Against "it is as good as promised"; it is demoted from ``1 / alpha`` of its share on."""
    more: int | None
    """Further labels after which such a drop would be found about every other time; None: no need,
    or no number is enough."""
    rises: tuple[Rise, ...] = ()
    """Rates that went up."""
    reasons: tuple[str, ...]


class Report(Value):
    """All specialists, and the mix of what is asked for."""

    parts: int
    advice: tuple[Advice, ...]
    shift: Shift | None
    unpromised: tuple[str, ...]
    """In service, and nothing is known of what to expect of them."""


def advise(
    lived: Sequence[Part],
    labels: Mapping[Key, bool],
    known: Known,
    watch: Watch = Watch(),  # noqa: B008 - frozen
) -> Report:
    """What to do, by what was seen so far.

    Args:
        labels: of whatever parts were audited; those of other adapters do not count.
    """
    share = watch.alpha / max(len(known.promises), 1)
    told: list[Advice] = []
    for name, promised in sorted(known.promises.items()):
        own = of(lived, name, promised.adapter)
        marks = [labels[key] for part in own if (key := (part.answer, part.part)) in labels]
        rises = _rises(name, own, known, share)
        told.append(judge(name, marks, promised, share, watch.drop, rises))
    steps = [part for part in lived if part.part != WHOLE]
    earlier = {} if known.baseline is None else known.baseline.mix
    before = {who: count for who, count in earlier.items() if who != ANSWERS}
    return Report(
        parts=len(lived),
        advice=tuple(told),
        shift=shift(before, mix(steps)),
        unpromised=tuple(sorted({p.specialist for p in lived} - set(known.promises))),
    )


def judge(
    name: str,
    marks: Sequence[bool],
    promised: Expected,
    alpha: float,
    drop: float,
    rises: Sequence[Rise] = (),
) -> Advice:
    """One specialist, by its labels.

    Args:
        alpha: its own share of the error.
    """
    right, wrong = sum(marks), len(marks) - sum(marks)
    stake = betting.log_stake(right, wrong, promised.low)
    # Two-sided bounds for the reader; the test itself is one-sided and has all of alpha.
    low = betting.lower(right, wrong, alpha / 2)
    high = betting.upper(right, wrong, alpha / 2)
    floor = promised.low - drop
    more: int | None = None
    if stake >= -log(alpha):
        verdict: Verdict = "demote"
        reason = (
            f"{right} of {len(marks)} audited are right; {promised.low:.1%} at least were promised,"
            f" and its accuracy in service is below {betting.upper(right, wrong, alpha):.1%}"
        )
    elif low >= floor:
        verdict = "keep"
        reason = f"{right} of {len(marks)} audited are right: shown to be above {floor:.1%}"
    else:
        verdict = "not enough to tell"
        enough = betting.needed(promised.low, max(floor, 0.0), alpha)
        more = None if enough is None else max(enough - len(marks), 1)
        label = "no number of labels" if more is None else f"about {more} more labels"
        reason = (
            f"{len(marks)} audited, {right} right; {label} would find a drop of "
            f"{drop * 100:g} points about every other time"
        )
    raised = [
        f"{r.signal}: {r.now.rate:.1%} of {r.now.count}, at most {r.bound:.1%} before"
        for r in rises
        if r.found
    ]
    return Advice(
        specialist=name,
        adapter=promised.adapter,
        verdict=verdict,
        right=right,
        labels=len(marks),
        low=low,
        high=high,
        promised=promised.low,
        record=promised.record,
        stake=exp(min(stake, 700.0)),
        more=more,
        rises=tuple(r for r in rises if r.found),
        reasons=(reason, *raised),
    )


def _rises(name: str, own: Sequence[Part], known: Known, alpha: float) -> list[Rise]:
    """Rates against the earlier time; each of the two has half of the specialist's share."""
    if known.baseline is None or name not in known.baseline.rates:
        return []
    before, now = known.baseline.rates[name], rates(own)
    pairs = (
        rise("escalated", before.escalated, now.escalated, alpha / 2),
        rise("refused by checks", before.refused, now.refused, alpha / 2),
    )
    return [each for each in pairs if each is not None]
