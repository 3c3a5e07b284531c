"""The pieces that pages and packs are made of: paragraphs, lists, tables, figures, sections.

They are values; ``templates/`` turns them into HTML or Markdown, which escape every text in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evals.report.svg import Drawing

BLANK = "—"
"""A cell without a value."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    words: str
    kind = "text"


@dataclass(frozen=True)
class Blank:
    """Something a reader expects and the records do not tell."""

    words: str
    kind = "blank"


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple[str, ...]
    kind = "items"


@dataclass(frozen=True)
class Code:
    """Commands or a file's text."""

    words: str
    kind = "code"


@dataclass(frozen=True)
class Table:
    """Rows of text under a head. The first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = (0,)
    """Columns of words; the others are figures, set flush right."""
    folded: str = ""
    """Not empty: shown when asked for, under this summary."""
    strong: tuple[int, ...] = ()
    """Rows that matter most."""
    kind = "table"


@dataclass(frozen=True)
class Figure:
    """Plots with what they show as a table."""

    drawings: tuple[Drawing, ...]
    table: Table
    wide: bool = False
    """The table stands below, not beside."""
    kind = "figure"


@dataclass(frozen=True)
class Formula:
    """How a figure is computed, and who showed it."""

    name: str
    formula: Markup
    words: str
    source: str
    address: str = ""
    """Of the source; empty: it is cited in words alone."""


@dataclass(frozen=True)
class Formulas:
    """Formulas with their sources."""

    formulas: tuple[Formula, ...]
    kind = "formulas"


Block = Text | Blank | Items | Code | Table | Figure | Formulas


@dataclass(frozen=True)
class Section:
    """A part of a page, with an anchor."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    source: str = ""
    """The part of a guidance that asks for it."""


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Sequence[int] = (0,),
    folded: str = "",
    strong: Sequence[int] = (),
) -> Table:
    """A table from any sequences: empty cells become a dash, columns without any are left out."""
    kept = [
        column
        for column in range(len(head))
        if column in words or not rows or any(row[column] not in ("", BLANK) for row in rows)
    ]
    return Table(
        caption,
        tuple(head[column] for column in kept),
        tuple(tuple(row[column] or BLANK for column in kept) for row in rows),
        tuple(place for place, column in enumerate(kept) if column in words),
        folded,
        tuple(strong),
    )
