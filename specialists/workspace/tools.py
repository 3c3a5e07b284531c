"""The tool contract: what a call gives back. ``toolbox.py`` holds the tools themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from specialists.foundation.contracts import Evidence, ToolSpec
from specialists.workspace.snapshot import Snapshot


@dataclass(frozen=True)
class ToolResult:
    """A tool's result. A refused or failed call has ``error`` and no data; the model reads it."""

    name: str
    arguments: dict[str, Any]
    data: Any = None
    """Structured result, JSON-serialisable; its form is documented at each tool."""
    text: str = ""
    """The same for a large model to read, cut at 8,000 characters with a note that it was cut."""
    evidence: tuple[Evidence, ...] = field(default=())
    error: str | None = None
    seconds: float = 0.0


class Tools(Protocol):
    """The tools over one snapshot."""

    @property
    def snapshot(self) -> Snapshot: ...

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        """The named tools as a model sees them."""
        ...

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Use a tool. Never raises for what a model did wrong: that is ``ToolResult.error``."""
        ...
