"""Tools with limits on time and on what a model has to read, as learning by trial needs them.

No wall against hostile SQL: that is the sandbox's. A call that is late is stopped and becomes an
error the model reads; a tool that breaks down is raised, so that nobody takes it for the model's
fault.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from specialists.foundation.contracts import ToolSpec
from specialists.foundation.errors import FinrouteError, ToolError
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.tools import ToolResult, Tools


class Limited:
    """Other tools, each call within a time and its text within a length."""

    def __init__(self, tools: Tools, timeout_s: float, output: int) -> None:
        """
        Args:
            timeout_s: wall time of one call, waiting for a free process included.
            output: characters of a result's text, or of an error.
        """
        self._tools = tools
        self._timeout_s = timeout_s
        self._output = output

    @property
    def snapshot(self) -> Snapshot:
        return self._tools.snapshot

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return self._tools.specs(names)

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Use a tool. A call stopped by the time limit gives ``ToolResult.error``.

        Raises:
            ToolError: the tool itself broke down.
        """
        start = time.perf_counter()
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                result = await self._tools.call(name, arguments)
        except FinrouteError:
            raise
        except Exception as error:
            if not (isinstance(error, TimeoutError) and limit.expired()):
                raise ToolError(f"{name} broke down: {error!r}") from error
            late = f"{name} took longer than {self._timeout_s:g} s and was stopped: ask for less"
            seconds = time.perf_counter() - start
            return ToolResult(name, arguments, text=f"error: {late}", error=late, seconds=seconds)
        text = self._cut(result.text)
        return replace(result, text=text, error=result.error and self._cut(result.error))

    def _cut(self, text: str) -> str:
        if len(text) <= self._output:
            return text
        note = f"\n… cut: {len(text):,} characters in all. Ask for less."
        return (text[: max(0, self._output - len(note))] + note)[: self._output]
