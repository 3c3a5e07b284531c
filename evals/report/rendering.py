"""Values to text: the templates, with every string from outside made harmless.

What models and people wrote is text, never markup: HTML is escaped by Jinja, Markdown by
``markdown``, and letters that hide or reorder others are shown as their code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evals.report.letters import visible

TEMPLATES = Path(__file__).parent / "templates"


class Plain(str):
    """Markdown that is ours and stays as it is."""

    __slots__ = ()


_SPECIAL = re.compile(r"[\\`*{}\[\]<>#|~]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)")
"""What Markdown or HTML reads as more than a letter. An underscore within a word is one."""
_OPENING = re.compile(r"^(?:(\d+)([.)])(?=\s|$)|([-+=]))")
"""What would begin a list or a rule, or make a heading of the line before."""


def markdown(text: str) -> str:
    """The text as Markdown that shows it word for word, in a paragraph or a table's cell."""
    told = _SPECIAL.sub(r"\\\g<0>", " ".join(visible(text).split()))
    return _OPENING.sub(
        lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", told
    )


def fenced(words: str) -> Plain:
    """Text as a block of code that nothing in it can end."""
    told = visible(words)
    longest = max((len(run) for run in re.findall("`+", told)), default=0)
    fence = "`" * max(3, longest + 1)
    return Plain(f"{fence}\n{told}\n{fence}")


def html(template: str, **values: Any) -> str:
    """An HTML template with its values."""
    return _lines(_html().get_template(template).render(**values))


def text(template: str, **values: Any) -> str:
    """A Markdown template with its values."""
    return _lines(_markdown().get_template(template).render(**values))


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int]) -> str:
    """A table for a terminal: columns of words flush left, of figures flush right."""
    told = [[visible(cell).replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in told) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in told
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


@cache
def _html() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _markdown() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=False,  # Markdown has escapes of its own: ``finalize``
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    made.filters |= {"fenced": fenced, "ours": Plain}
    return made


def _escaped(value: Any) -> Any:
    return markdown(value) if isinstance(value, str) and not isinstance(value, Plain) else value


def _lines(told: str) -> str:
    """Without blanks at the ends of lines and without more than one empty line in a row."""
    kept = "\n".join(line.rstrip() for line in told.splitlines())
    return re.sub(r"\n{3,}", "\n\n", kept).strip() + "\n"
