"""Letters that hide, reorder or are not there, made visible: nothing looks like what it is not."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
"""Unicode's categories of control, format, surrogate, private and unassigned characters."""


def visible(text: str) -> str:
    """The text with such letters as their code, ``⟨U+202E⟩``; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        if letter in _KEPT or unicodedata.category(letter) not in _UNSEEN
        else f"⟨U+{ord(letter):04X}⟩"
        for letter in text
    )
