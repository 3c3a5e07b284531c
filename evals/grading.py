"""Whether an answer is right, by the parts of a gold answer.

Judged are the values of the answer's claims, not its prose; only a yes or no may stand in the text
alone. Where it cannot tell, it says wrong.

- right: every part is answered, and nothing else that could be taken for one of them
- partial: some parts are answered, or all with more beside them; nothing in their place is wrong
- wrong: something else stands where a part was asked, or an answer where there is none
- abstained: nothing asked for is claimed; right where there is no answer
- error: no answer came
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evals.gold import BooleanPart, GoldQuestion, ListPart, NumberPart, Part, TextPart, TonePart
from router.contracts import Answer
from specialists.foundation.contracts import Finding, Quantity
from specialists.workspace.numbers import scan

Outcome = Literal["right", "partial", "wrong", "abstained", "error"]
TONES = ("positive", "neutral", "negative")
_SPLIT = re.compile(r"\s*(?:[,;\n]|\band\b)\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"\(([^()]*)\)")
_FRINGE = re.compile(r"^\s*(?:\d+[.)]\s*)?|\s*\([^)]*\)|\s*:\s.*$|[\s.]+$", re.DOTALL)
_YES = re.compile(r"^\W*(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Graded:
    """How an answer fared."""

    outcome: Outcome
    right: bool
    """Right, or rightly silent."""
    why: str = ""


def grade(question: GoldQuestion, answer: Answer | None) -> Graded:
    """Judge an answer; None where an error came instead of one."""
    if answer is None:
        return Graded("error", False, "no answer came")
    heads, supports = stated(answer)
    if answer.status == "abstained" or not heads:
        return Graded("abstained", not question.answerable)
    if not question.gold:
        return Graded("wrong", False, "there is no answer")
    missing, strays = _match(question.gold, heads, answer.text)
    if missing and len(missing) < len(question.gold):
        missing, _ = _match(missing, supports, "")  # told in passing, beside what was asked
        missing = [part for part in missing if not _bracketed(part, answer, heads)]
    if not missing:
        rivals = [f for f in strays if any(_rivals(f, part) for part in question.gold)]
        if rivals and not any(isinstance(part, BooleanPart) for part in question.gold):
            return Graded("partial", False, f"{len(rivals)} values more than asked")
        return Graded("right", True)
    if strays or len(missing) == len(question.gold):
        return Graded("wrong", False, f"not answered: {_names(missing)}")
    return Graded("partial", False, f"left out: {_names(missing)}")


def stated(answer: Answer) -> tuple[list[Finding], list[Finding]]:
    """The findings an answer ends in, and those that are only there for another step.

    What a step that came to nothing would have rested on is no answer to what was asked.
    """
    claimed = {claim.finding for claim in answer.claims}
    found = {f.subtask: f for f in answer.findings if f.subtask in claimed and f.status == "ok"}
    used = {ref for s in answer.plan.subtasks for ref in s.parents()}
    heads = [f for id, f in found.items() if id not in used]
    return heads, [f for id, f in found.items() if id in used]


def _match(
    parts: Sequence[Part], findings: Sequence[Finding], text: str
) -> tuple[list[Part], list[Finding]]:
    """The parts no finding answers, and the findings that answer none."""
    left = list(findings)
    missing: list[Part] = []
    for part in parts:
        if isinstance(part, ListPart) and (used := _listed(part, left)):
            left = [f for f in left if f not in used]
        elif isinstance(part, BooleanPart) and (said := _said(left, text)) is not None:
            left = [f for f in left if _yes(f) is None]
            if said != part.value:
                missing.append(part)
        elif hit := next((f for f in left if _answers(f, part)), None):
            left.remove(hit)
        else:
            missing.append(part)
    return missing, left


def _answers(finding: Finding, part: Part) -> bool:
    value = finding.value
    if isinstance(part, NumberPart):
        return _number(value, part)
    if isinstance(part, TonePart):
        return isinstance(value, str) and _tone(value) == part.value
    if isinstance(part, TextPart):
        return isinstance(value, str) and fold(value) in {fold(name) for name in part.any}
    return False


def _bracketed(part: Part, answer: Answer, heads: Sequence[Finding]) -> bool:
    """Whether the sentence on a finding tells the figure in brackets: ``Acme ($3 million) had``."""
    stated_by = {f.subtask for f in heads}
    texts = [claim.text for claim in answer.claims if claim.finding in stated_by]
    told = [n.quantity for text in texts for b in _BRACKETS.findall(text) for n in scan(b)]
    return isinstance(part, NumberPart) and any(_number(value, part) for value in told)


def _number(value: Quantity | str | None, part: NumberPart) -> bool:
    if isinstance(value, str):
        if part.unit not in {"year", "count"} or not re.fullmatch(r"\d+", value.strip()):
            return False
        value = Quantity(value=float(value))
    if value is None or not (scales := _scales(value.unit, part.unit)):
        return False
    wanted = part.value * part.scale
    allowed = max(part.tolerance * abs(wanted), 1e-9)
    return any(
        math.isfinite(value.amount) and abs(value.amount * each - wanted) <= allowed
        for each in scales
    )


def _scales(unit: str, wanted: str) -> tuple[float, ...]:
    """By what an amount in one unit may be multiplied to be one in another; none: not the same."""
    if unit == wanted or not wanted:
        return (1.0,)
    if wanted == "%" and unit in {"x", ""}:
        return (100.0,)
    if wanted == "x" and unit == "%":
        return (0.01,)
    if not unit:
        return (1.0,) if wanted in {"year", "count", "x"} else ()
    if wanted == "year" and unit == "count":
        return (1.0,)
    return (1.0,) if wanted.partition("/")[0] == unit.partition("/")[0] else ()


def _listed(part: ListPart, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that together are the list: one that names all, or one for each name."""
    wanted = {fold(name) for name in part.all}
    for finding in findings:
        if isinstance(finding.value, str) and _names_in(finding.value) == wanted:
            return [finding]
    named = [f for f in findings if isinstance(f.value, str) and _yes(f) is None]
    return named if {fold(str(f.value)) for f in named} == wanted else []


def _names_in(text: str) -> set[str]:
    bare = _BRACKETS.sub("", text)
    return {fold(name) for name in _SPLIT.split(bare) if fold(name)}


def fold(name: str) -> str:
    """A name without case, rank, figures in brackets and full stops."""
    return " ".join(_FRINGE.sub("", name).casefold().split())


def _said(findings: Sequence[Finding], text: str) -> bool | None:
    """Yes only where every yes or no is a yes; None where none is said."""
    votes = [vote for f in findings if (vote := _yes(f)) is not None]
    if votes:
        return all(votes)
    told = _YES.match(text)
    return told[1].casefold() == "yes" if told else None


def _yes(finding: Finding) -> bool | None:
    if not isinstance(finding.value, str):
        return None
    return {"yes": True, "no": False}.get(finding.value.casefold().strip(" ."))


def _tone(value: str) -> str | None:
    first = re.match(r"\w+", value.strip())
    return first[0].casefold() if first and first[0].casefold() in TONES else None


def _rivals(finding: Finding, part: Part) -> bool:
    """Whether a reader could take the finding for the part."""
    value = finding.value
    if isinstance(part, NumberPart):
        return isinstance(value, Quantity) and bool(_scales(value.unit, part.unit))
    if not isinstance(value, str):
        return False
    return (_tone(value) is not None) == isinstance(part, TonePart)


def _names(parts: Sequence[Part]) -> str:
    return ", ".join(part.type for part in parts)
