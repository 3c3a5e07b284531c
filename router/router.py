"""The front door: ask a question about a workspace, get a sourced answer.

``Router`` holds what answers share (specialists, sandbox, store) and makes a ``Desk`` for each. The
steps of an answer are in ``graph.py``.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langgraph.types import Command

from router import config, graph
from router.background import Background
from router.budget import Budget
from router.config import Settings
from router.contracts import (
    Answer,
    Answered,
    ApprovalAsked,
    Event,
    Question,
    Started,
)
from router.desks import Desks
from router.runs import Runs, Start
from router.schedule import run_plan
from router.staff import engage
from router.state import Recorded, State
from specialists.foundation.contracts import Finding, Plan, Usage
from specialists.foundation.errors import Cancelled, FinrouteError, NotFound, WorkspaceError
from specialists.registry import Progress, Registry
from specialists.workspace import demo
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.versions import Workspace

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

Approve = Callable[[Plan], bool]
"""Asked with the plan when ``planner.approve`` is set; false ends the answer."""


class Router:
    """Answers questions about one workspace. Use it as a context manager, plain or asynchronous.

    Any number of answers may be under way at once, all on one event loop: the loop of the first
    ``await``, or one of the router's own for ``ask``.
    """

    def __init__(
        self, workspace: Workspace, registry: Registry, state: State, settings: Settings
    ) -> None:
        """Join parts that exist; ``open`` makes them. The router closes all but the workspace."""
        self.workspace = workspace
        self.settings = settings
        self.state = state
        self.registry = registry
        self._runs = Runs(state, settings.state.lease_s)
        self._desks = Desks(registry, settings, state)
        self._background: Background | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def open(
        cls,
        workspace: str | Workspace | None = None,
        settings: Settings | str | Path | None = None,
        *,
        registry: Registry | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """A router over a stored workspace. No model is loaded before the first question.

        Args:
            workspace: its name; ``demo`` is made where it does not exist. None: the settings' own.
            settings: settings, a TOML file, a profile's name, or None for the default.
            registry: who does the work; None: as the settings say.
            progress: told what is being loaded and how far it is (0 to 1).

        Raises:
            ConfigError: settings that are not valid.
            NotFound: no such workspace.
            RecordError: the embedded models or their decision records are missing or altered.
        """
        if not isinstance(settings, Settings):
            settings = config.load(settings)
        if not isinstance(workspace, Workspace):
            workspace = _workspace(workspace or settings.workspace)
        if registry is None:
            registry = engage(settings, progress)
        return cls(workspace, registry, State(settings.state.url), settings)

    # --- asking ---------------------------------------------------------------------------------

    def ask(
        self,
        text: str,
        *,
        as_of: date | None = None,
        budget: Budget | None = None,
        approve: Approve | None = None,
    ) -> Answer:
        """Answer a question; for callers that are not asynchronous. See ``aask``."""
        return self._run(self.aask(text, as_of=as_of, budget=budget, approve=approve))

    async def aask(
        self,
        text: str,
        *,
        as_of: date | None = None,
        budget: Budget | None = None,
        approve: Approve | None = None,
    ) -> Answer:
        """Answer a question. Cancelling the call cancels the work.

        Args:
            text: the question, at most 2,000 characters.
            as_of: only what was known on this day counts.
            budget: what it may consume; None: as the settings say.
            approve: asked with the plan, where the settings want an approval.

        Raises:
            QuestionError: an empty, oversized or unprintable question.
            PlanError: no sound plan was found.
            EngineError: a model could not be loaded or reached.
            Cancelled: the time ran out, or an approval was wanted and nobody there to give it.
        """
        events = self.astream(text, as_of=as_of, budget=budget)
        while True:
            asked: ApprovalAsked | None = None
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Answered):
                        return event.answer
                    if isinstance(event, ApprovalAsked):
                        asked = event
            if asked is None:
                raise Cancelled("the run ended without an answer")
            if approve is None:
                raise Cancelled(f"the plan of answer {asked.id} waits for approval")
            approved = await asyncio.to_thread(approve, asked.plan)
            events = self.resume(asked.id, approved=approved)

    async def astream(
        self, text: str, *, as_of: date | None = None, budget: Budget | None = None
    ) -> AsyncGenerator[Event]:
        """Answer a question, telling each thing as it happens; see ``contracts.Event``.

        Leaving the loop cancels the work: wrap it in ``contextlib.aclosing`` to be sure of when. A
        plan that waits for approval ends the stream with ``ApprovalAsked``.

        Raises:
            As ``aask`` does.
        """
        question = Question.of(text, as_of)
        self._own_loop()
        snapshot = await self._snapshot(question.as_of)
        id = uuid.uuid4().hex
        await self._runs.begin(id, question.text, self.workspace.name)
        yield Started(id=id, question=question.text)
        first = graph.Progress(
            graph=graph.GRAPH,
            id=id,
            created=datetime.now(UTC).isoformat(),
            question=question.text,
            as_of=question.as_of.isoformat() if question.as_of else None,
            version=snapshot.catalogue.version,
            digest=snapshot.digest,
        )
        async with aclosing(self._answer(id, first, snapshot, budget)) as events:
            async for event in events:
                yield event

    async def resume(self, id: str, *, approved: bool | None = None) -> AsyncGenerator[Event]:
        """Go on with an answer that rests for approval or whose process died.

        Steps that were done are not done again.

        Args:
            approved: the decision on the plan, where one is awaited.

        Raises:
            NotFound: no such answer, or nothing left to go on from.
            WorkspaceError: the workspace has changed since; the answer must be asked anew.
            FinrouteError: another process works on it, or another release began it.
        """
        self._own_loop()
        recorded = await asyncio.to_thread(self.state.read, id)
        if recorded.answer is not None:
            yield Answered(answer=recorded.answer)
            return
        saved = await self._runs.saved(recorded.id)
        if not saved.values:
            raise NotFound(f"answer {recorded.id} left nothing to go on from; ask it again")
        values = saved.values
        if values.get("graph") != graph.GRAPH:
            raise FinrouteError(f"answer {recorded.id} was begun by another release; ask it again")
        as_of = values.get("as_of")
        snapshot = await self._snapshot(date.fromisoformat(as_of) if as_of else None)
        if snapshot.digest != values["digest"]:
            raise WorkspaceError(
                f"workspace {self.workspace.name} has changed since answer {recorded.id} was "
                f"begun (version {values['version']}); ask it again"
            )
        await self._runs.lease(recorded.id)
        rests = bool(saved.interrupts)
        if rests and approved is None:
            await self._runs.release(recorded.id)
            yield ApprovalAsked(id=recorded.id, plan=Plan.model_validate(values["plan"]))
            return
        spent = sum(
            (f.usage for f in recorded.steps), Usage.model_validate(values.get("usage", {}))
        )
        go_on: Start = Command(resume=approved) if rests else None
        await asyncio.to_thread(self.state.note, recorded.id, "running")
        async with aclosing(self._answer(recorded.id, go_on, snapshot, None, spent)) as events:
            async for event in events:
                yield event

    def carry_out(self, plan: Plan, *, as_of: date | None = None) -> dict[str, Finding]:
        """Do a plan of one's own; for callers that are not asynchronous. See ``acarry_out``."""
        return self._run(self.acarry_out(plan, as_of=as_of))

    async def acarry_out(self, plan: Plan, *, as_of: date | None = None) -> dict[str, Finding]:
        """Do a plan of one's own and return what its steps found, by id. Nothing is recorded.

        Raises:
            PlanError: a step refers to one that does not stand before it.
            EngineError: a model could not be loaded.
        """
        self._own_loop()
        snapshot = await self._snapshot(as_of)
        desk = await self._desks.make(uuid.uuid4().hex, snapshot, None, Usage())
        worker = desk.worker(lambda event: None, desk.ledger)
        return await run_plan(
            plan,
            worker.work,
            deadline=asyncio.get_running_loop().time() + desk.ledger.budget.seconds,
            step_s=self.settings.schedule.step_s,
        )

    def as_tool(self, name: str = "ask_finroute") -> BaseTool:
        """The router as a LangChain tool for other agents; see ``router.tool``."""
        from router.tool import as_tool

        return as_tool(self, name)

    def trace(self, id: str) -> Recorded:
        """What the store has of an answer, by its id or an unmistakable beginning of it.

        Raises:
            NotFound: no such answer.
        """
        return self.state.read(id)

    # --- lifetime -------------------------------------------------------------------------------

    async def warm(self) -> dict[str, str]:
        """Load the models now instead of with the first question.

        Returns:
            Why a specialist cannot be served, by name; the others answer.

        Raises:
            EngineError: the planner cannot be loaded, or no server answers.
        """
        self._own_loop()
        return await self._desks.warm(await self._snapshot(None))

    async def aclose(self) -> None:
        """Release the models, the sandbox and the store."""
        await self._desks.aclose()
        await self._runs.aclose()
        self.state.close()

    def close(self) -> None:
        """``aclose`` for callers that are not asynchronous."""
        self._run(self.aclose())
        if self._background is not None:
            self._background.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(
        self,
        id: str,
        start: Start,
        snapshot: Snapshot,
        budget: Budget | None,
        spent: Usage | None = None,
    ) -> AsyncGenerator[Event]:
        return self._runs.events(
            id, start, lambda: self._desks.make(id, snapshot, budget, spent or Usage())
        )

    async def _snapshot(self, as_of: date | None) -> Snapshot:
        return await asyncio.to_thread(self.workspace.snapshot, as_of)

    def _own_loop(self) -> None:
        """Engines and sandboxes belong to one loop; a second would wait for the first forever."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise FinrouteError("this router belongs to another event loop; open one for each loop")

    def _run(self, work: Any) -> Any:
        if self._background is None:
            self._background = Background()
        return self._background.run(work)


def _workspace(name: str) -> Workspace:
    try:
        return Workspace.open(name)
    except NotFound:
        if name != demo.NAME:
            raise
    return demo.build()
