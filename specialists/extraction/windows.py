"""Long documents cut into passages a model can read, the likely ones first.

Cuts between sentences where it can. Whether a passage tells the figure is the model's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from specialists.extraction.measures import clues, concept, measures
from specialists.extraction.render import LONGEST
from specialists.extraction.years import years
from specialists.foundation.contracts import Span
from specialists.workspace.lexicon import words

_STOP = re.compile(r"(?:(?<=[a-z0-9)%\]])\.|[!?]|\n)\s+|\s+\.\s+")


def windows(span: Span, limit: int = LONGEST) -> Iterator[Span]:
    """A span in stretches of at most ``limit`` characters, cut between sentences if it can."""
    text, start = span.text, 0
    stops = [m.end() for m in _STOP.finditer(text)]
    while start < len(text):
        end = len(text)
        if end - start > limit:
            end = max((s for s in stops if start < s <= start + limit), default=0)
            end = end or max(text.rfind(" ", start, start + limit) + 1, start + limit // 2)
        stretch = text[start:end].rstrip()
        if stretch.strip():
            lead = len(stretch) - len(stretch.lstrip())
            yield span.model_copy(
                update={
                    "start": span.start + start + lead,
                    "end": span.start + start + len(stretch),
                    "text": stretch.strip(),
                }
            )
        start = end


def likely(
    spans: Sequence[Span],
    metric: str,
    limit: int,
    *,
    year: int | None = None,
    about: Mapping[str, int | None] | None = None,
) -> list[Span]:
    """Of these spans' windows the ``limit`` likeliest to tell the metric, in the spans' own order.

    Windows that name the measure come first, then those with one of its words; those with neither
    are left out, and so are those that do not speak of the year asked.

    Args:
        about: the fiscal years of the documents, by their ids.
    """
    asked, telling, when = concept(metric), clues(metric), about or {}
    naming: list[Span] = []
    hinting: list[Span] = []
    for span in spans:
        own = when.get(span.document)
        for window in windows(span):
            told = {own, *(y for _, _, y in years(window.text, own))}
            if year is not None and year not in told:
                continue
            if any(key == asked for _, _, key in measures(window.text, metric)):
                naming.append(window)
            elif not telling.isdisjoint(words(window.text)):
                hinting.append(window)
    return [*naming, *hinting][:limit]
