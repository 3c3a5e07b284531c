"""Runs one answer's graph: its task, its checkpoints, its lease and how it ends in the store."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Self

import aiosqlite
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from router import graph
from router.contracts import Answer, Answered, ApprovalAsked, Event
from router.state import BUSY_S, Leased, State
from specialists.foundation.contracts import Plan
from specialists.foundation.errors import FinrouteError

log = logging.getLogger("finroute.runs")

MakeDesk = Callable[[], Awaitable[graph.Desk]]
Start = graph.Progress | Command[Any] | None
"""The first progress, the decision on a plan, or nothing: go on where the last checkpoint was."""


class Runs:
    """Runs answers, each under a lease of this process."""

    def __init__(self, state: State, lease_s: float) -> None:
        self._state = state
        self._lease_s = lease_s
        self._saver: AsyncSqliteSaver | None = None
        self._opening = asyncio.Lock()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    async def begin(self, id: str, question: str, workspace: str) -> None:
        """Note a new answer in the store, leased to this process."""
        await asyncio.to_thread(
            self._state.begin,
            id,
            question=question,
            workspace=workspace,
            owner=self._owner,
            lease_s=self._lease_s,
        )

    async def lease(self, id: str) -> None:
        """Take an answer over.

        Raises:
            Leased: another process works on it.
        """
        await asyncio.to_thread(self._state.lease, id, self._owner, self._lease_s)

    async def release(self, id: str) -> None:
        """Leave an answer to others."""
        await asyncio.to_thread(self._state.release, id, self._owner)

    async def saved(self, id: str) -> Any:
        """The last checkpoint of an answer, as the graph library tells it."""
        app = graph.build().compile(checkpointer=await self._checkpoints())
        return await app.aget_state(_thread(id))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the checkpoints."""
        if self._saver is not None:
            await self._saver.conn.close()
            self._saver = None

    async def _checkpoints(self) -> AsyncSqliteSaver:
        """One connection for all answers.

        An answer cancelled between a write and its commit leaves a transaction open. On a
        connection of its own, closed right after, it would keep the file locked until the
        connection is collected; here the next answer's commit ends it.
        """
        async with self._opening:
            if self._saver is None:
                connection = await aiosqlite.connect(str(self._state.checkpoints))
                await connection.execute(f"PRAGMA busy_timeout={BUSY_S * 1000:.0f}")
                self._saver = AsyncSqliteSaver(connection)
        return self._saver

    async def events(self, id: str, start: Start, make_desk: MakeDesk) -> AsyncGenerator[Event]:
        """Run a leased answer to its end, its approval or its failure; yield what happens.

        The graph runs in a task of its own, which is cancelled when the reader leaves. The task
        does not inherit the graph library's context, so that a router asked from inside somebody's
        graph is no subgraph of it.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        async def pump() -> None:
            var_child_runnable_config.set(None)
            try:
                await self._drive(id, start, make_desk, queue.put_nowait)
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
        self, id: str, start: Start, make_desk: MakeDesk, emit: Callable[[Event], None]
    ) -> None:
        renewing = asyncio.create_task(self._renew(id, asyncio.current_task()))
        try:
            await self._run(id, start, await make_desk(), emit)
        except asyncio.CancelledError:
            self._state.note(id, "cancelled", "the caller left")
            raise
        except FinrouteError as error:
            self._state.note(id, "failed", str(error))
            raise
        except Exception as error:
            self._state.note(id, "failed", f"internal error: {error!r}")
            raise
        finally:
            renewing.cancel()
            self._state.release(id, self._owner)

    async def _run(
        self, id: str, start: Start, desk: graph.Desk, emit: Callable[[Event], None]
    ) -> None:
        saver = await self._checkpoints()
        app = graph.build().compile(checkpointer=saver)
        parts: AsyncIterator[Any] = app.astream(
            start,
            _thread(id),
            context=desk,
            stream_mode=["custom", "updates"],
            durability="sync",
        )
        rests: Plan | None = None
        async for mode, part in parts:  # to the end: the last checkpoint is written there
            if mode == "custom":
                emit(part)
            elif "__interrupt__" in part:
                rests = Plan.model_validate(part["__interrupt__"][0].value["plan"])
        if rests is not None:
            self._state.note(id, "rests")
            emit(ApprovalAsked(id=id, plan=rests))
            return
        values = (await app.aget_state(_thread(id))).values
        await saver.adelete_thread(id)  # the store has the answer now
        emit(Answered(answer=Answer.model_validate(values["answer"])))

    async def _renew(self, id: str, running: asyncio.Task[Any] | None) -> None:
        """Keep the lease. Should it be lost, another process has taken over: this one stops."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self.lease(id)
            except Leased:
                log.warning("answer %s was taken over by another process", id)
                if running is not None:
                    running.cancel()
                return


def _thread(id: str) -> Any:
    return {"configurable": {"thread_id": id}}
