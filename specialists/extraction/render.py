"""A passage as the model reads it: companies, periods, figures and measures are handles.

Line one is the question, line two the passage, behind the company and fiscal year it was filed by::

    number of employees <d1> of <e1> in <p1> ?
    <e1> <p1> : at the end of <p1> , we had about <n1> <d1> , up from <n2> <p2> .

What is asked is always ``<d1>`` of ``<e1>`` in ``<p1>``, wherever it stands, so that a small model
need not match numbers; figures are numbered as they come. Of a figure its kind can be seen: money
is ``$ <n1>`` whatever the currency, a percentage ``<n1> %``. ``the prior year`` becomes the handle
of the year it means. A measure the passage names in known words, or in the question's own, is
marked in both lines, and so is the measure a plan is about; the others it names get handles too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from specialists.extraction.measures import concept, figures, label, measures, planned
from specialists.extraction.years import years
from specialists.foundation.contracts import Span, Value
from specialists.foundation.errors import AnswerError
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import Handles
from specialists.workspace.masking import Mark, apart, masked, mentions
from specialists.workspace.numbers import Number

LONGEST = 900
"""Characters of a passage that are read: some 200 tokens."""


class ExtractionInputs(Value):
    """One passage and what is asked of it."""

    text: str
    metric: str
    """In words: ``number of employees``."""
    entity: str = ""
    """The company asked about; empty: whoever the passage is about."""
    year: int | None = None
    """The fiscal year asked about; None: the latest the passage tells."""
    owner: str = ""
    """The company whose document this is."""
    about: int | None = None
    """The fiscal year of the document."""
    forms: tuple[str, ...] = ()
    """What else the company asked about is called."""
    others: tuple[str, ...] = ()
    """Names of other companies that may occur."""
    span: Span | None = None
    """Where the passage was found."""


@dataclass(frozen=True)
class Passage:
    """A rendered passage, and what its handles stand for in the text."""

    prompt: str
    handles: Handles
    """Of companies, years and measures."""
    numbers: dict[str, Number]
    """The figures by handle; ``start`` and ``end`` are offsets in the inputs' text."""

    def number(self, handle: str) -> Number:
        """The figure behind a handle.

        Raises:
            AnswerError: no such figure in this passage.
        """
        if handle not in self.numbers:
            raise AnswerError(f"{handle} is no figure of this passage")
        return self.numbers[handle]


def render(inputs: ExtractionInputs, rng: random.Random | None = None) -> Passage:
    """The question and the passage in handles; figures numbered at random with ``rng``."""
    text, handles, shown = inputs.text[:LONGEST], Handles(), Handles(rng)
    asked = concept(inputs.metric)
    entity = inputs.entity or inputs.owner
    who = handles.bind("e", entity, entity, entity.casefold()) if entity else ""
    when = _year(handles, inputs.year) if inputs.year is not None else ""
    marks: list[Mark] = []
    if who:
        marks += [Mark(s, e, who) for s, e in mentions(text, (entity, *inputs.forms))]
    for start, end in mentions(text, (*inputs.others, inputs.owner)):
        if handles.room("e"):
            name = text[start:end]
            marks.append(Mark(start, end, handles.bind("e", name, name, name.casefold())))
    for start, end, year in years(text, inputs.about):
        if handles.room("p"):
            marks.append(Mark(start, end, _year(handles, year)))
    marks = apart(marks)
    numbers: dict[str, Number] = {}
    for number in figures(text):
        free = all(number.end <= m.start or number.start >= m.end for m in marks)
        if not number.is_year and shown.room("n") and free:
            handle = shown.bind("n", number.quantity, number.text, f"{number.start}")
            numbers[handle] = number
            marks.append(Mark(number.start, number.end, _shown(handle, number)))
    same = {asked, planned(asked)}
    spoken = [
        (start, end, asked if key in same else key)
        for start, end, key in measures(text, inputs.metric)
        if all(end <= m.start or start >= m.end for m in marks)
    ]
    named = handles.bind("d", asked, asked) if any(key == asked for *_, key in spoken) else ""
    for start, end, key in spoken:
        if handles.room("d") or key == asked:
            marks.append(Mark(start, end, handles.bind("d", key, key)))
    question = [label(inputs.metric), named, who and f"of {who}", when and f"in {when}", "?"]
    owner = (
        handles.bind("e", inputs.owner, inputs.owner, inputs.owner.casefold())
        if inputs.owner
        else ""
    )
    head = [owner, _year(handles, inputs.about) if inputs.about is not None else ""]
    front = " ".join(part for part in head if part)
    body = f"{front} : {masked(text, marks)}" if front else masked(text, marks)
    return Passage(" ".join(part for part in question if part) + "\n" + body, handles, numbers)


def _shown(handle: str, number: Number) -> str:
    """The handle with its kind: a model that sees no digits must see what is money."""
    unit = number.quantity.unit
    if unit == "%":
        return f"{handle} %"
    return f"$ {handle}" if len(unit) == 3 and unit.isalpha() else handle


def _year(handles: Handles, year: int) -> str:
    return handles.bind("p", Period(first=year, last=year), str(year))
