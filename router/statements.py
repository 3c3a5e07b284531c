"""From a subtask's question and its value to a statement: ``What was X?`` becomes ``X was 12%``.

Wording by rule, not by a model, so that a sentence says what was asked and nothing else. Numbers in
an instruction are the caller's business: ``compose.py`` lets in only those that are carried.
"""

from __future__ import annotations

import re

from specialists.foundation.contracts import Finding, Quantity, Subtask
from specialists.workspace.numbers import format_quantity


def value_text(finding: Finding) -> str:
    """The finding's value as a person writes it."""
    value = finding.value
    return format_quantity(value) if isinstance(value, Quantity) else str(value or "")


def statement(subtask: Subtask, finding: Finding) -> str:
    """What was found, as a sentence without its full stop."""
    question = subtask.instruction.strip().rstrip("?. ")
    value = finding.value
    shown = value_text(finding)
    if isinstance(value, Quantity):
        size = format_quantity(value.model_copy(update={"value": abs(value.value)}))
        moved = _moved(question, value.value, size)
        if moved:
            return moved
    for pattern, form in _FORMS:
        match = pattern.fullmatch(question)
        if match:
            return _capital(form.format(*match.groups(default=""), value=shown))
    return plain(finding.label or question, shown)


def plain(label: str, shown: str) -> str:
    """``label: value``, for what no rule words."""
    return f"{_capital(label)}: {shown}" if label else shown


def _moved(question: str, value: float, size: str) -> str:
    """Growth, change and difference, where the sign is told by the verb."""
    match = re.fullmatch(
        r"By what percentage did (.+) (?:grow|change) ((?:from|in|since) .+)", question
    )
    if match:
        verb = "grew by" if value > 0 else "fell by" if value < 0 else "did not change:"
        return _capital(f"{match[1]} {verb} {size} {match[2]}")
    match = re.fullmatch(r"By how much did (.+) change ((?:from|in|since) .+)", question)
    if match:
        verb = "rose by" if value > 0 else "fell by" if value < 0 else "did not change:"
        return _capital(f"{match[1]} {verb} {size} {match[2]}")
    match = re.fullmatch(r"By how much did (.+) exceed (.+)", question)
    if match:
        verb = "exceeded" if value >= 0 else "fell short of"
        return _capital(f"{match[1]} {verb} {match[2]} by {size}")
    return ""


_FORMS = tuple(
    (re.compile(pattern), form)
    for pattern, form in (
        (r"What is the tone of the news about (.+)", "the tone of the news about {0} is {value}"),
        (r"What (was|were|is|are) (.+), as a multiple", "{1} {0} {value}"),
        (r"What (was|were|is|are) (.+)", "{1} {0} {value}"),
        (
            r"What percentage of (.+?) (was|were) (.+?)((?: in| from) .+)?",
            "{2} {1} {value} of {0}{3}",
        ),
        (r"Which ((?:\d+ )?compan(?:y|ies)\b.*?) had (.+)", "{value} had {1}"),
        (r"In which year was (.+?) (highest|lowest)( .+)?", "{0} was {1}{2} in {value}"),
    )
)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
