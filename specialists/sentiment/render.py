"""A headline in handles: the company asked about is ``<e1>``, others ``<e2>``, figures ``<n1>``.

Unlike other jobs the numbering is never shuffled: the target is always ``<e1>``, so that a small
model need not be told who is meant. Where no company is asked about there is no ``<e1>``: the whole
text counts. Names say nothing that the model could lean on (with TF-IDF on SEntFiN, masking names
costs 1.4 points of .795, masking figures nothing).
"""

from __future__ import annotations

import re

from specialists.foundation.contracts import Span, Value
from specialists.workspace.handles import Handles
from specialists.workspace.masking import Mark, masked, mentions
from specialists.workspace.numbers import scan

LONGEST = 400
"""Characters of a text that are read; headlines are shorter, of a paragraph the start counts."""

URL = re.compile(r"https?://\S*|www\.\S+|pic\.twitter\.com\S*")


class SentimentInputs(Value):
    """One text and the company it is judged for."""

    text: str
    entity: str = ""
    """Empty: the text as a whole is judged."""
    forms: tuple[str, ...] = ()
    """What else the company is called: ticker, short names."""
    others: tuple[str, ...] = ()
    """Other companies that may occur in the text, by all their names."""
    span: Span | None = None
    """Where the text was found."""


def render(inputs: SentimentInputs) -> str:
    """The text in handles."""
    text = URL.sub(" ", inputs.text)[:LONGEST]
    handles = Handles()
    marks: list[Mark] = []
    if inputs.entity:
        target = handles.bind("e", inputs.entity, inputs.entity)
        marks += [Mark(s, e, target) for s, e in mentions(text, (inputs.entity, *inputs.forms))]
        if not marks:
            marks.append(Mark(0, 0, target))  # asked about, not named: told in front
    for start, end in mentions(text, inputs.others):
        if handles.room("e") and not any(start < m.end and end > m.start for m in marks):
            name = text[start:end].casefold()
            marks.append(Mark(start, end, handles.bind("e", name, name)))
    for number in scan(text):
        if not number.is_year and handles.room("n"):
            marks.append(
                Mark(number.start, number.end, handles.bind("n", number.quantity, number.text))
            )
    return masked(text, marks)
