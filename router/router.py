"""The front door: ask a question about a workspace, get a sourced answer.

``Router`` holds what answers share (specialists, sandbox, store) and makes a ``Desk`` for each. The
steps of an answer are in ``graph.py``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from router import config, graph
from router.background import Background
from router.budget import Budget, Ledger
from router.config import Settings
from router.contracts import (
    Answer,
    Answered,
    ApprovalAsked,
    Event,
    Question,
    Started,
)
from router.planner import Planner
from router.state import Leased, Recorded, State
from router.worker import Worker
from specialists import registry as registries
from specialists.agent import Specialist
from specialists.foundation.contracts import Plan, Usage
from specialists.foundation.errors import Cancelled, FinrouteError, NotFound, WorkspaceError
from specialists.planning.render import JOBS
from specialists.registry import Progress, Registry
from specialists.workspace import demo
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.toolbox import Toolbox
from specialists.workspace.versions import Workspace

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

Approve = Callable[[Plan], bool]
"""Asked with the plan when ``planner.approve`` is set; false ends the answer."""

log = logging.getLogger("finroute.router")


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
        self._sandbox = Sandbox()
        self._planning: Specialist | None = None
        self._places: dict[str, tuple[Toolbox, Linker]] = {}
        self._background: Background | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

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
            RecordError: the embedded models are missing or altered.
        """
        if not isinstance(settings, Settings):
            settings = config.load(settings)
        if not isinstance(workspace, Workspace):
            workspace = _workspace(workspace or settings.workspace)
        if registry is None:
            registry = registries.load_embedded(progress=progress)
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
        await asyncio.to_thread(
            self.state.begin,
            id,
            question=question.text,
            workspace=self.workspace.name,
            owner=self._owner,
            lease_s=self.settings.state.lease_s,
        )
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
        async with aclosing(self._answer(id, first, snapshot, budget, Usage())) as events:
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
        saved = await self._saved(recorded.id)
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
        await asyncio.to_thread(
            self.state.lease, recorded.id, self._owner, self.settings.state.lease_s
        )
        rests = bool(saved.interrupts)
        if rests and approved is None:
            await asyncio.to_thread(self.state.release, recorded.id, self._owner)
            yield ApprovalAsked(id=recorded.id, plan=Plan.model_validate(values["plan"]))
            return
        spent = sum(
            (f.usage for f in recorded.steps), Usage.model_validate(values.get("usage", {}))
        )
        go_on = Command[Any](resume=approved) if rests else None
        await asyncio.to_thread(self.state.note, recorded.id, "running")
        async with aclosing(self._answer(recorded.id, go_on, snapshot, None, spent)) as events:
            async for event in events:
                yield event

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

    async def warm(self) -> None:
        """Load the models now instead of with the first question.

        Raises:
            EngineError: they cannot be loaded.
        """
        self._own_loop()
        await self._planner_specialist().ready()
        await asyncio.gather(*(self.registry.specialist(n).ready() for n in self._jobs()))

    async def aclose(self) -> None:
        """Release the models, the sandbox and the store."""
        await self.registry.aclose()
        await self._sandbox.aclose()
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

    # --- one answer's run -----------------------------------------------------------------------

    async def _answer(
        self,
        id: str,
        start: graph.Progress | Command[Any] | None,
        snapshot: Snapshot,
        budget: Budget | None,
        spent: Usage,
    ) -> AsyncGenerator[Event]:
        """Run the graph in a task of its own and pass its events on.

        The task is cancelled when the reader leaves. It does not inherit the graph library's
        context, so that a router asked from inside somebody's graph is no subgraph of it.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        async def pump() -> None:
            var_child_runnable_config.set(None)
            try:
                await self._drive(id, start, snapshot, budget, spent, queue.put_nowait)
            finally:
                queue.put_nowait(None)

        running = asyncio.create_task(pump(), name=f"answer {id}")
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def _drive(
        self,
        id: str,
        start: graph.Progress | Command[Any] | None,
        snapshot: Snapshot,
        budget: Budget | None,
        spent: Usage,
        emit: Callable[[Event], None],
    ) -> None:
        renewing = asyncio.create_task(self._renew(id, asyncio.current_task()))
        try:
            desk = await self._desk(id, snapshot, budget, spent)
            async with AsyncSqliteSaver.from_conn_string(str(self.state.checkpoints)) as saver:
                await saver.conn.execute("PRAGMA busy_timeout=10000")
                app = graph.build().compile(checkpointer=saver)
                where: Any = {"configurable": {"thread_id": id}}
                rests = None
                parts: AsyncIterator[Any] = app.astream(
                    start,
                    where,
                    context=desk,
                    stream_mode=["custom", "updates"],
                    durability="sync",
                )
                async for mode, part in parts:
                    if mode == "custom":
                        emit(part)
                    elif "__interrupt__" in part:
                        rests = Plan.model_validate(part["__interrupt__"][0].value["plan"])
                if rests is not None:
                    self.state.note(id, "rests")
                    emit(ApprovalAsked(id=id, plan=rests))
                    return
                values = (await app.aget_state(where)).values
                await saver.adelete_thread(id)
            emit(Answered(answer=Answer.model_validate(values["answer"])))
        except asyncio.CancelledError:
            self.state.note(id, "cancelled", "the caller left")
            raise
        except FinrouteError as error:
            self.state.note(id, "failed", str(error))
            raise
        except Exception as error:
            self.state.note(id, "failed", f"internal error: {error!r}")
            raise
        finally:
            renewing.cancel()
            self.state.release(id, self._owner)

    async def _desk(
        self, id: str, snapshot: Snapshot, budget: Budget | None, spent: Usage
    ) -> graph.Desk:
        planning = self._planner_specialist()
        await planning.ready()  # loading is the cold start's time, not this answer's
        toolbox, linker = await self._place(snapshot)
        planner = Planner(
            planning,
            snapshot.catalogue,
            linker,
            self._jobs(),
            self.settings.schedule.max_steps,
        )
        return graph.Desk(
            id=id,
            settings=self.settings,
            planner=planner,
            planner_engine=planning.engine,
            worker=lambda emit, ledger: Worker(
                specialist=self.registry.specialist,
                large=self._large if planning.form == "full" else None,
                tools=toolbox,
                settings=self.settings,
                ledger=ledger,
                emit=emit,
            ),
            tools=toolbox,
            catalogue=snapshot.catalogue,
            state=self.state,
            ledger=Ledger(budget or self.settings.budget, spent),
            began=time.monotonic(),
        )

    async def _renew(self, id: str, running: asyncio.Task[Any] | None) -> None:
        """Keep the lease. Should it be lost, another process has taken over: this one stops."""
        while True:
            await asyncio.sleep(self.settings.state.lease_s / 3)
            try:
                await asyncio.to_thread(
                    self.state.lease, id, self._owner, self.settings.state.lease_s
                )
            except Leased:
                log.warning("answer %s was taken over by another process", id)
                if running is not None:
                    running.cancel()
                return

    async def _saved(self, id: str) -> Any:
        async with AsyncSqliteSaver.from_conn_string(str(self.state.checkpoints)) as saver:
            app = graph.build().compile(checkpointer=saver)
            return await app.aget_state({"configurable": {"thread_id": id}})

    # --- parts ----------------------------------------------------------------------------------

    def _jobs(self) -> tuple[str, ...]:
        """The specialists a plan may give work to."""
        return tuple(e.name for e in self.registry.list() if e.name in JOBS)

    def _planner_specialist(self) -> Specialist:
        if self._planning is None:
            if self.settings.planner.engine == "langchain":
                from router.chat_model import from_settings

                engine = from_settings(self.settings.planner)
                self._planning = Specialist(registries.task("planning"), engine, form="full")
            else:
                self._planning = self.registry.specialist("planning")
        return self._planning

    def _large(self, name: str) -> Specialist:
        """A job on the planner's model, which was not tuned to it."""
        return replace(self._planner_specialist(), task=registries.task(name))

    async def _snapshot(self, as_of: date | None) -> Snapshot:
        return await asyncio.to_thread(self.workspace.snapshot, as_of)

    async def _place(self, snapshot: Snapshot) -> tuple[Toolbox, Linker]:
        """The tools and the linker of a snapshot; a few are kept."""
        known = self._places.get(snapshot.digest)
        if known is None:
            linker = await asyncio.to_thread(Linker, snapshot.catalogue, snapshot.documents)
            known = (Toolbox(snapshot, self._sandbox), linker)
            while len(self._places) >= 4:
                self._places.pop(next(iter(self._places)))
            self._places[snapshot.digest] = known
        return known

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
