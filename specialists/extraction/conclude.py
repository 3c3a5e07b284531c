"""From what the passages told to one figure: agreement strengthens, a later word counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from specialists.extraction.check import ExtractionAnswer, same_amount, validate
from specialists.extraction.measures import label
from specialists.extraction.render import ExtractionInputs
from specialists.foundation.contracts import Span, Subtask
from specialists.task import Conclusion, Outcome
from specialists.workspace.numbers import scan

Read = Outcome[ExtractionInputs, ExtractionAnswer]


def conclude(subtask: Subtask, outcomes: Sequence[Read]) -> Conclusion:
    """The figure that most of the passages' confidence stands behind.

    Passages that agree strengthen it; where two figures are told with equal right, the one that
    became known later counts, and without a later one it abstains.
    """
    told = [
        o
        for o in outcomes
        if o.answer is not None and o.answer.found and not validate(o.inputs, o.answer, o.evidence)
    ]
    if not told:
        return Conclusion("abstained", reason=_silence(subtask, outcomes))
    groups = _agreeing(_timely(told))
    best = max(groups, key=_weight)
    rivals = [g for g in groups if g is not best and _weight(g) > 0.5 * _weight(best)]
    if rivals:
        latest = max([best, *rivals], key=_known)
        if all(_known(g) < _known(latest) for g in [best, *rivals] if g is not latest):
            best = latest
        else:
            figures = sorted({_quote(g[0]) for g in [best, *rivals]})
            reason = f"the passages disagree: {', '.join(figures)}"
            return Conclusion("abstained", reason=reason)
    chosen = max(best, key=lambda o: o.confidence if o.confidence is not None else 0.5)
    answer = chosen.answer
    assert answer is not None
    when = f" in {answer.period}" if answer.period is not None else ""
    who = f" of {answer.entity}" if answer.entity else ""
    return Conclusion(
        "ok",
        value=answer.quantity,
        label=f"{_name(chosen)}{who}{when}{_range(chosen)}",
        evidence=tuple(e for o in best for e in (sentence(o),) if e is not None),
        confidence=_joint([o.confidence for o in best]),
    )


def _timely(told: list[Read]) -> list[Read]:
    """What is told of the year asked, before plans told in it; the latest when none is asked."""
    years = {o.answer.period for o in told if o.answer is not None and o.answer.period is not None}
    asked = {o.inputs.year for o in told} - {None}
    wanted = (years & asked) or (set[int | None]() if asked or not years else {max(years)})
    return [o for o in told if o.answer is not None and o.answer.period in wanted] or told


def _agreeing(told: Sequence[Read]) -> list[list[Read]]:
    groups: list[list[Read]] = []
    for outcome in told:
        for group in groups:
            first, other = group[0].answer, outcome.answer
            assert first is not None
            assert other is not None
            if same_amount(first.quantity, other.quantity) and first.period == other.period:
                group.append(outcome)
                break
        else:
            groups.append([outcome])
    return groups


def _weight(group: Sequence[Read]) -> float:
    return sum(o.confidence if o.confidence is not None else 0.5 for o in group)


def _known(group: Sequence[Read]) -> int:
    """The day (ordinal) the youngest of the passages became known; 0 when none is dated."""
    spans = [o.inputs.span for o in group if o.inputs.span is not None]
    return max((s.known_at.toordinal() for s in spans if s.known_at is not None), default=0)


def _joint(confidences: Sequence[float | None]) -> float | None:
    """Agreement of passages as of independent readers, held below certainty."""
    known = [c for c in confidences if c is not None]
    if not known:
        return None
    doubt = 1.0
    for confidence in known:
        doubt *= 1 - confidence
    return min(max(1 - doubt, max(known)), max(0.99, max(known)))


def sentence(outcome: Read) -> Span | None:
    """The sentence of the source that holds the figure."""
    span, answer = outcome.inputs.span, outcome.answer
    if span is None or answer is None or answer.start is None or answer.end is None:
        return None
    text = outcome.inputs.text
    stops = [m.end() for m in re.finditer(r"(?:(?<=[a-z0-9)%])\.|[!?])\s+(?=[A-Z(]|[a-z]+ )", text)]
    first = max((s for s in stops if s <= answer.start), default=0)
    last = min((s for s in stops if s >= answer.end), default=len(text))
    stretch = text[first:last].rstrip()
    return span.model_copy(
        update={
            "start": span.start + first,
            "end": span.start + first + len(stretch),
            "text": stretch,
        }
    )


_TO = re.compile(r"\s*(?:to|and|-|–|through)\s*", re.IGNORECASE)


def _range(outcome: Read) -> str:
    """Says so when the figure is one end of a range."""
    answer, text = outcome.answer, outcome.inputs.text
    assert answer is not None
    numbers = scan(text)
    for low, high in pairwise(numbers):
        if not _TO.fullmatch(text[low.end : high.start]) or high.is_year:
            continue
        joined = text[low.end : high.start].strip().lower()
        if joined == "and" and "between" not in text[max(0, low.start - 30) : low.start].lower():
            continue
        if (low.start, low.end) == (answer.start, answer.end):
            return f" (low end of the range {text[low.start : high.end]})"
        if (high.start, high.end) == (answer.start, answer.end):
            return f" (high end of the range {text[low.start : high.end]})"
    return ""


def _name(outcome: Read) -> str:
    return label(outcome.inputs.metric)


def _quote(outcome: Read) -> str:
    answer = outcome.answer
    assert answer is not None
    return outcome.inputs.text[answer.start : answer.end]


def _silence(subtask: Subtask, outcomes: Sequence[Read]) -> str:
    if not outcomes:
        return f"no document was found for: {subtask.instruction}"
    doubted = [
        fault
        for o in outcomes
        if o.answer is not None and o.answer.found
        for fault in validate(o.inputs, o.answer, o.evidence)
    ]
    if doubted:
        return f"what was found does not hold: {doubted[0]}"
    return f"none of {len(outcomes)} passages tells it: {subtask.instruction}"
