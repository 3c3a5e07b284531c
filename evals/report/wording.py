"""How figures and verdicts are put into words: points, percent, dollars, and the one sentence."""

from __future__ import annotations

import math

from pydantic import ValidationError

from evals.decision.design import POINTS, Design
from evals.report.blocks import BLANK
from specialists.foundation.decisions import DecisionRecord, Estimate, GainFinding
from specialists.foundation.errors import RecordError


def points(value: float | None) -> str:
    """A fraction in points, one decimal: ``62.4``."""
    return BLANK if value is None else f"{_near(POINTS * value, 1):.1f}".replace("-", "−")


def signed(value: float | None) -> str:
    """A difference of fractions in points, with its sign: ``+3.2``, ``−0.4``, ``0.0``."""
    if value is None:
        return BLANK
    near = _near(POINTS * value, 1)
    return f"{near:+.1f}".replace("-", "−") if near else "0.0"


def interval(low: float | None, high: float | None) -> str:
    """Bounds of a difference, in points."""
    return BLANK if low is None or high is None else f"{signed(low)} to {signed(high)}"


def measured(estimate: Estimate) -> str:
    """An accuracy with its interval, in percent, within 0 and 100."""
    low, high = max(estimate.low, 0.0), min(estimate.high, 1.0)
    return f"{points(estimate.mean)} [{points(low)}, {points(high)}]"


def percent(value: float | None) -> str:
    """A share: ``12.3 %``."""
    return BLANK if value is None else f"{_near(100 * value, 1):.1f} %"


def chance(p: float | None) -> str:
    """A p value."""
    if p is None:
        return BLANK
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def plain(value: float | None, digits: int = 3) -> str:
    """A figure with so many significant digits, thousands set apart."""
    if value is None or not math.isfinite(value):
        return BLANK
    if abs(value) >= 10**digits:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def tenth(value: float | None) -> str:
    """A figure with one decimal, as all figures of its column."""
    return BLANK if value is None else f"{_near(value, 1):,.1f}".replace("-", "−")


def usd(value: float | None) -> str:
    """Dollars, small ones too."""
    if value is None:
        return BLANK
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.3g}"


def thousand(value: float | None) -> str:
    """Dollars of 1,000 questions, from those of one."""
    return BLANK if value is None else usd(1000 * value)


def seconds(value: float | None) -> str:
    """Seconds, or milliseconds."""
    if value is None:
        return BLANK
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def count(value: int | None) -> str:
    """A whole number."""
    return BLANK if value is None else f"{value:,}"


def yes(held: bool) -> str:
    """``yes`` or ``no``."""
    return "yes" if held else "no"


def short(told: str | None) -> str:
    """The beginning of a digest."""
    return told[:12] if told else BLANK


def contrast(arm: str, against: str) -> str:
    """A contrast's name."""
    return f"{arm} − {against}"


def as_filed(record: DecisionRecord) -> DecisionRecord:
    """The record as its file holds it, floats rounded: pages of both are the same bytes."""
    return DecisionRecord.model_validate_json(record.text())


def design(record: DecisionRecord) -> Design:
    """The design that a record carries, in its quick form where that was run.

    Raises:
        RecordError: it carries none that this release reads.
    """
    try:
        told = Design.model_validate(record.design_text)
        return told.shortened() if record.quick else told
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "(top)"
        raise RecordError(f"the record's design is none: {place}: {first['msg']}") from error


def leading(record: DecisionRecord) -> GainFinding | None:
    """The contrast that the verdict's sentence speaks of: the smallest gain of the adopted arm, for
    that is what it was adopted by; else of the arm whose smallest gain is the largest."""
    controls = {arm.name for arm in record.arms if arm.control}
    smallest: dict[str, GainFinding] = {}
    for gain in record.gains:
        known = smallest.get(gain.arm)
        if gain.arm not in controls and (known is None or gain.mean < known.mean):
            smallest[gain.arm] = gain
    if record.adopted is not None:
        return smallest.get(record.adopted)
    return max(smallest.values(), key=lambda gain: gain.mean, default=None)


def sentence(record: DecisionRecord) -> str:
    """The verdict in one sentence."""
    rule, gain = design(record).rule, leading(record)
    sure = f"{100 * (1 - rule.alpha):g} %"
    told = ""
    if gain is not None:
        who = "it" if record.verdict == "adopt" else gain.arm
        told = (
            f"{who} gains {signed(gain.mean)} points over {gain.against} "
            f"(simultaneous {sure} interval {interval(gain.low, gain.high)})"
        )
    job = record.specialist
    match record.verdict:
        case "adopt":
            return f"Adopt {record.adopted} for {job}{': ' + told if told else ''}."
        case "keep the start":
            best = f"; at best, {told}" if told else ""
            return (
                f"Keep {record.start} for {job}: no arm is shown to be worth "
                f"{rule.delta:g} points more{best}."
            )
        case "insufficient evidence":
            best = f" At best, {told}." if told else ""
            return f"The evidence does not suffice to decide on {job}.{best}"
        case "descriptive only":
            best = f" At best, {told}." if told else ""
            return f"These figures describe {job}; they decide nothing.{best}"


def standing(record: DecisionRecord) -> str:
    """What the verdict means for the adapter that the record is about."""
    if record.adapter is None:
        return f"The record is about the arm {record.arm}, which has no adapter."
    what = f"The adapter {short(record.adapter)} stands for the arm {record.arm}"
    if record.run is not None:
        what += f", training run {record.run}"
    if record.quick:
        return f"{what}. The quick form justifies nothing."
    if record.adopts:
        return f"{what}, which is adopted: it may be served."
    return f"{what}, which is not adopted: it is served only provisionally, where that is allowed."


def _near(value: float, digits: int) -> float:
    """Rounded, without a negative nought."""
    return round(value, digits) + 0.0
