"""The moving part of ``finroute ask``: what is loading, and the plan as its steps come in.

It writes to stderr alone, so that stdout holds the answer and nothing else; without a terminal
it writes only the finished plan.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self

from rich.console import Group
from rich.live import Live as RichLive
from rich.spinner import Spinner

from router.commands import view
from router.contracts import Event, Planned, StepFinished, StepStarted, ToolCalled
from specialists.foundation.contracts import Finding, Plan, ToolEvent


class Live:
    """Shows events as they come."""

    def __init__(self, *, quiet: bool) -> None:
        """``quiet`` shows nothing at all."""
        self._console = view.console(stderr=True)
        self._quiet = quiet
        self._moving = self._console.is_terminal and not quiet
        self._lock = threading.Lock()
        self._doing = ""
        self._plan: Plan | None = None
        self._running: list[str] = []
        self._findings: dict[str, Finding] = {}
        self._tools: dict[str, list[ToolEvent]] = defaultdict(list)
        self._live: RichLive | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def say(self, doing: str) -> None:
        """What is being done, where no step says it."""
        with self._lock:
            self._doing = doing
            self._refresh()

    def loading(self, what: str, share: float) -> None:
        """Progress of loading the models; called from another thread."""
        self.say("" if share >= 1 else f"loading {what} {share:.0%}")

    def show(self, event: Event) -> None:
        """Take in an event."""
        with self._lock:
            if isinstance(event, Planned):
                self._plan, self._doing = event.plan, ""
                self._findings.clear()
                self._tools.clear()
            elif isinstance(event, StepStarted):
                self._running.append(event.subtask.id)
            elif isinstance(event, ToolCalled):
                self._tools[event.subtask].append(event.tool)
            elif isinstance(event, StepFinished):
                self._findings[event.finding.subtask] = event.finding
            elif event.event == "started":
                self._doing = "planning"
            self._refresh()

    def finish(self) -> None:
        """Leave the finished plan standing."""
        self._close()
        if self._plan is not None and not self._quiet:
            self._console.print(view.plan_tree(self._plan, self._findings, self._tools))
            self._console.print()

    @contextmanager
    def paused(self) -> Generator[None]:
        """Stand still while a person is asked; the plan stays in sight."""
        self._close()
        if self._plan is not None and not self._quiet:
            self._console.print(view.plan_tree(self._plan, {}, {}))
        yield
        self._open()

    def _open(self) -> None:
        if self._moving:
            self._live = RichLive(console=self._console, transient=True, refresh_per_second=8)
            self._live.start()
            self._refresh()

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _refresh(self) -> None:
        if self._live is None:
            return
        parts = []
        if self._plan is not None:
            parts.append(view.plan_tree(self._plan, self._findings, self._tools, self._running))
        if self._doing:
            parts.append(Spinner("dots", text=self._doing))
        self._live.update(Group(*parts))
