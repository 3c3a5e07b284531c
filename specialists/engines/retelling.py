"""A reply told once, though more than one server may write it.

When a server breaks off midway another begins the reply anew. Its reader has the first words
already: they are left out as long as the new text repeats them, and taken back where it does not.
"""

from __future__ import annotations

from specialists.foundation.contracts import Delta


class Retelling:
    """What the reader was told, and what the server that writes now has said."""

    def __init__(self) -> None:
        self._told = ""
        self._said = ""

    @property
    def said(self) -> str:
        """The text of the server that writes now."""
        return self._said

    def anew(self) -> None:
        """Another server begins."""
        self._said = ""

    def hear(self, piece: Delta) -> Delta | None:
        """The server's next piece: what the reader is to be told, if anything."""
        self._said += piece.text  # one server never begins anew
        return None if self._told.startswith(self._said) else self._step()

    def end(self) -> Delta | None:
        """The server is done: where its text stops before what was told, that is taken back."""
        return None if self._told == self._said else self._step()

    def _step(self) -> Delta:
        """From what was told to what was said."""
        told, self._told = self._told, self._said
        if self._said.startswith(told):
            return Delta(text=self._said[len(told) :])
        return Delta(text=self._said, restart=True)
