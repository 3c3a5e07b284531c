"""A problem in handles, for a small model: a number's handle is its value.

``<n7>`` *is* seven, in the problem and in the reply, so that a number is one token and is copied as
other jobs copy handles; numbers without such a handle stay in digits. People are ``<e1>``,
``<e2>``, things ``<c1>``, ``<c2>`` in the order they are first told of; nothing is shuffled. All
else is words, in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from specialists.foundation.contracts import Value
from specialists.workspace.handles import LIMIT, Kind
from specialists.workspace.masking import Mark, masked, mentions

LARGEST = LIMIT["n"]
"""The largest number that has a handle; the least is 1."""

_NUMBER = re.compile(r"(?<![\w.,<])[1-9]\d?(?![\w>]|[.,]\d)")
_HANDLE = re.compile(r"<n([1-9]\d?)>")


class MathsInputs(Value):
    """One word problem."""

    question: str
    level: int = 0
    """1 to 6, the hardest last; 0: not graded (public data)."""
    people: tuple[str, ...] = ()
    """Who occurs in it, by name."""
    things: tuple[tuple[str, ...], ...] = ()
    """What is counted in it, each in all its forms."""


def render(inputs: MathsInputs) -> str:
    """The problem in handles."""
    text = inputs.question
    marks = [
        *_named(text, "e", [(name,) for name in inputs.people]),
        *_named(text, "c", inputs.things),
        *(
            Mark(*found.span(), f"<n{int(found[0])}>")
            for found in _NUMBER.finditer(text)
            if 1 <= int(found[0]) <= LARGEST
        ),
    ]
    return masked(text, marks)


def _named(text: str, kind: Kind, named: Sequence[Sequence[str]]) -> list[Mark]:
    """Marks of what is named, numbered in the order of first mention."""
    found = [(mentions(text, forms), forms) for forms in named]
    found = sorted((item for item in found if item[0]), key=lambda item: item[0][0])
    return [
        Mark(start, end, f"<{kind}{number}>")
        for number, (places, _) in enumerate(found[: LIMIT[kind]], start=1)
        for start, end in places
    ]


def in_handles(text: str) -> str:
    """Whole numbers of a working that have a handle, as handles."""
    return _NUMBER.sub(lambda m: f"<n{int(m[0])}>" if 1 <= int(m[0]) <= LARGEST else m[0], text)


def in_digits(text: str) -> str:
    """Handles of numbers, as digits; a handle that there is not stays as it is."""
    return _HANDLE.sub(lambda m: m[1] if int(m[1]) <= LARGEST else m[0], text)


def number(text: str) -> int | None:
    """What a text that is a number's handle and nothing else stands for."""
    found = _HANDLE.fullmatch(text)
    return int(found[1]) if found and int(found[1]) <= LARGEST else None
