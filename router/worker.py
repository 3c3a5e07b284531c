"""Does one step: the specialist, its metered engine, its watched tools, and the cascade over both.

The bridge between the schedule, which knows only findings, and the specialists' floor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from router import cascade
from router.budget import Ledger
from router.config import Settings
from router.contracts import Event, StepStarted, ToolCalled
from router.meter import MeteredEngine
from specialists import agent
from specialists.agent import Specialist
from specialists.foundation.contracts import Finding, Sampling, Subtask, ToolEvent, ToolSpec, Usage
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.tools import ToolResult, Tools

Emit = Callable[[Event], None]


@dataclass(frozen=True)
class Worker:
    """Runs steps of one answer. ``work`` is the schedule's ``Run``."""

    specialist: Callable[[str], Specialist]
    """By name; raises ``NotFound``."""
    large: Callable[[str], Specialist] | None
    """The same job on the large model; None where there is none."""
    tools: Tools
    settings: Settings
    ledger: Ledger
    emit: Emit

    async def work(self, subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        """Do a subtask and say what came of it.

        Raises:
            Cancelled: the caller left.
            NotFound: the plan names a specialist that is not there.
        """
        self.emit(StepStarted(subtask=subtask))
        began = time.perf_counter()
        tools = WatchedTools(self.tools, subtask.id, self.emit)
        tries = [await self._try(self.specialist(subtask.specialist), subtask, given, tools, 0)]
        escalated = False
        while True:
            last = tries[-1]
            verdict = cascade.decide(
                self.settings.cascade,
                status=last.status,
                confidence=last.confidence,
                attempts=len(tries),
                large=self.large is not None and not escalated,
                resample=last.refused and last.specialist in self.settings.cascade.resampled,
            )
            if verdict == "retry":
                specialist = self.specialist(subtask.specialist)
            elif verdict == "escalate" and self.large is not None:
                specialist, escalated = self.large(subtask.specialist), True
            else:
                break
            tries.append(await self._try(specialist, subtask, given, tools, len(tries)))
        return _settled(tries, verdict, time.perf_counter() - began)

    async def _try(
        self,
        specialist: Specialist,
        subtask: Subtask,
        given: Mapping[str, Finding],
        tools: Tools,
        attempt: int,
    ) -> Finding:
        engine = MeteredEngine(
            specialist.engine,
            self.ledger,
            self.settings.prices,
            call_s=self.settings.schedule.step_s,
            tries=2 if specialist.form == "full" else 1,
        )
        sampling = Sampling(temperature=0.7, top_p=0.95, seed=attempt) if attempt else Sampling()
        if specialist.form == "full":
            sampling = sampling.model_copy(update={"max_tokens": 1_024})
        return await agent.run(
            replace(specialist, engine=engine), subtask, given, tools, sampling=sampling
        )


def _settled(tries: Sequence[Finding], verdict: cascade.Verdict, seconds: float) -> Finding:
    """The last attempt, with what all of them took; abstained where the policy says so."""
    last = tries[-1]
    changes: dict[str, Any] = {
        "attempts": len(tries),
        "usage": sum((f.usage for f in tries), Usage()),
        "seconds": seconds,
        "trace": tuple(event for f in tries for event in f.trace),
        "replies": tuple(reply for f in tries for reply in f.replies),
    }
    if verdict == "abstain" and last.status == "ok":
        changes["status"] = "abstained"
        changes["reason"] = f"too unsure: confidence {last.confidence or 0.0:.2f}"
    return last.model_copy(update=changes)


class WatchedTools:
    """Tools that tell of each call as soon as it is done. Satisfies ``Tools``."""

    def __init__(self, tools: Tools, subtask: str, emit: Emit) -> None:
        self._tools = tools
        self._subtask = subtask
        self._emit = emit

    @property
    def snapshot(self) -> Snapshot:
        return self._tools.snapshot

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return self._tools.specs(names)

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Use a tool."""
        result = await self._tools.call(name, arguments)
        event = ToolEvent(
            name=result.name,
            arguments=result.arguments,
            result=result.text,
            error=result.error,
            seconds=result.seconds,
        )
        self._emit(ToolCalled(subtask=self._subtask, tool=event))
        return result
