"""The dialogues an adapter learns from: gold, a teacher's or the student's own. Plain values.

Rendering, masks and lengths are the trainer's business (``sft.py``); where they come from is
``data.py`` and ``traces.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from specialists.foundation.contracts import Message, ToolSpec
from specialists.foundation.digests import digest


@dataclass(frozen=True)
class Dialogue:
    """A whole dialogue, its last message the reply that answers."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    """As its prompt shows them; the embedded base's template shows none."""

    @property
    def digest(self) -> str:
        """SHA-256 of what is said and shown; ids of calls are no part of it."""
        said = [
            {
                **message.model_dump(mode="json", exclude={"tool_call_id", "tool_calls"}),
                "calls": [(call.name, call.arguments) for call in message.tool_calls],
            }
            for message in self.messages
        ]
        return digest([said, [tool.model_dump(mode="json") for tool in self.tools]])


def unique(dialogues: Iterable[Dialogue]) -> list[Dialogue]:
    """Each dialogue once, in the order of first mention."""
    return list({dialogue.digest: dialogue for dialogue in dialogues}.values())
