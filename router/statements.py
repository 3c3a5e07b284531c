"""From a subtask's question and its value to a statement: ``What was X?`` becomes ``X was 12%``.

Wording by rule, not by a model, so that a sentence says what was asked and nothing else: yes or no
first, names with their figures, the difference as it was asked for. Numbers in an instruction are
the caller's business: ``compose.py`` lets in only those that are carried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from specialists.foundation.contracts import Finding, Quantity, Ref, Subtask
from specialists.workspace.numbers import format_quantity

_YEARS = range(1700, 2101)
_NOTHING: Mapping[str, Finding] = {}


def value_text(finding: Finding) -> str:
    """The finding's value as a person writes it."""
    value = finding.value
    if not isinstance(value, Quantity):
        return str(value or "")
    whole = value.unit == "" and value.scale == 1 and value.value in _YEARS
    return f"{value.value:.0f}" if whole else format_quantity(value)


def statement(
    subtask: Subtask, finding: Finding, findings: Mapping[str, Finding] = _NOTHING
) -> str:
    """What was found, as a sentence without its full stop.

    Args:
        findings: of the steps before it, by id: a yes or no says what was compared.
    """
    question = subtask.instruction.strip().rstrip("?. ")
    value = finding.value
    shown = value_text(finding)
    if "screen" in subtask.inputs and (told := _screened(subtask, question, finding)):
        return told
    if value in ("yes", "no") and (told := _said(subtask, question, str(value), findings)):
        return told
    if isinstance(value, Quantity):
        size = format_quantity(value.model_copy(update={"value": abs(value.value)}))
        if value.unit == "%":  # the change of a percentage, or the gap between two
            size = size.replace("%", " percentage points")
        moved = _moved(question, value, size)
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


# --- yes and no ---------------------------------------------------------------------------------


def _said(subtask: Subtask, question: str, value: str, findings: Mapping[str, Finding]) -> str:
    match = re.fullmatch(r"Was (.+?) (higher|lower) than (.+)", question)
    if match is None:
        return ""
    one, side, other = match.groups()
    known = [
        value_text(findings[v.ref])
        for v in subtask.inputs.values()
        if isinstance(v, Ref) and v.ref in findings
    ]
    if side == "lower" and "limit" not in subtask.inputs:
        known = known[::-1]  # the comparison has the greater one first
    one = f"{one} ({known[0]})" if known else one
    other = f"{other} ({known[1]})" if len(known) > 1 else other
    verb = "was" if value == "yes" else "was not"
    return f"{_capital(value)}: {one} {verb} {side} than {other}"


# --- rankings, filters, counts ------------------------------------------------------------------

_HAD = re.compile(
    r"(Which|How many) (?:\d+ )?(compan(?:y|ies)|segments?|of)\b(.*?) had (?:the )?(.+)"
)
_IN_YEARS = re.compile(r"In (?:which|how many) years? was (.+?) (above|below|between) (.+)")
_PEAK = re.compile(
    r"In which year was (.+?) ((?:second |third |fourth |fifth )?(?:highest|lowest))( .+)?"
)
_RANK = re.compile(r"What rank did (.+?) have by (.+)")
_MEMBERS = re.compile(r"(?:Which|How many) companies are(?: there)?(.*)")


def _screened(subtask: Subtask, question: str, finding: Finding) -> str:
    """A screen's answer with the figures its label tells: ``Acme: $5; Bolt: $4``."""
    shown, label = value_text(finding), finding.label
    figures = _figures(label)
    if match := _RANK.fullmatch(question):
        place, _, own = label.partition(", with ")
        return f"{match[1]} was number {place} by {match[2]}, with {own}"
    if match := _PEAK.fullmatch(question):
        when = f", looking at the years{match[3]}" if match[3] else ""
        years = _with(figures, shown)
        return f"{_capital(match[1])} was {match[2]} in {years}{when}"
    if match := _IN_YEARS.fullmatch(question):
        years = _with(figures, _and(list(figures))) if figures else "no year"
        text = f"{_capital(match[1])} was {match[2]} {match[3]} in {years}"
        return f"{shown}: {text}" if isinstance(finding.value, Quantity) else text
    if match := _HAD.fullmatch(question):
        return _had(match, finding, shown, figures)
    if match := _MEMBERS.fullmatch(question):
        if isinstance(finding.value, Quantity):
            return f"There are {shown} companies{match[1]}"
        return f"The companies{match[1]} are {shown}" if match[1] else f"The companies are {shown}"
    if "shown" in subtask.inputs and label:
        match = re.fullmatch(r"What was (.+)", question)
        whose = label.removeprefix(f"{subtask.inputs['shown']} of ")
        return _capital(f"{match[1]} ({whose}) was {shown}") if match else ""
    return ""


def _figures(label: str) -> dict[str, str]:
    """Each name of a label and the figure behind it."""
    parts = (part.rpartition(": ") for part in label.split("; "))
    return {name: figure for name, _, figure in parts if name}


def _had(match: re.Match[str], finding: Finding, shown: str, figures: dict[str, str]) -> str:
    kind, where, what = match.groups()[1:]
    best = re.match(r"(?:\w+ )?(?:highest|lowest) ", what)
    among = f"Of{where}, " if kind == "of" else ""
    group = "" if kind == "of" else where
    if isinstance(finding.value, Quantity):
        who = "company" if finding.value.value == 1 else "companies"
        head = f"{shown if finding.value.value else 'No'} {who}{group} had {what}"
        return f"{head}: {_with(figures, _and(list(figures)))}" if figures else head
    if not figures:
        return f"No company{group} had {what}" if shown == "none" else ""
    if not best:
        return f"{among}{_with(figures, shown)} had {what}"
    if kind.startswith("segment"):
        return f"{_with(figures, shown)} had the {what} of the segments{group}"
    place = group if not among else ""
    rest = f" of the companies{place}" if place else ""
    return f"{among}{_with(figures, shown)} had the {what}{rest}"


def _with(figures: Mapping[str, str], text: str) -> str:
    """The text with each name's figure behind it."""
    for name in sorted(figures, key=len, reverse=True):
        text = re.sub(
            rf"(?<!\w){re.escape(name)}(?!\w)", rf"{name} ({figures[name]})", text, count=1
        )
    return text


def _and(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


# --- growth, change, difference -----------------------------------------------------------------


def _moved(question: str, quantity: Quantity, size: str) -> str:
    """Growth, change and difference, where the sign is told by the verb."""
    value = quantity.value
    match = re.fullmatch(
        r"By what percentage did (.+) (?:grow|change) ((?:from|in|since) .+)", question
    )
    if match:
        verb = "grew by" if value > 0 else "fell by" if value < 0 else "did not change:"
        size = size.replace(" percentage points", "%")
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
        (r"Which is the (largest|smallest): (.+)", "{value} has the {0} of these: {1}"),
        (r"Which ((?:\d+ )?compan(?:y|ies)\b.*?) had (.+)", "{value} had {1}"),
        (r"In which year was (.+?) (highest|lowest)( .+)?", "{0} was {1}{2} in {value}"),
    )
)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
