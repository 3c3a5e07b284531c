"""Server-sent events: an answer as it comes to be, and the end of the work when its reader leaves.

One event a thing that happens, named as ``router.contracts`` names it (``started``, ``plan``,
``step_started``, ``tool_call``, ``step_finished``, ``answer``), its data one line of JSON. An error
on the way is an event ``error`` whose data is a problem document; the stream ends after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from router.contracts import Event
from service.problems import problem
from specialists.foundation.errors import Cancelled, FinrouteError

T = TypeVar("T")
log = logging.getLogger("finroute.service")

MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """A response that sends events until there are no more or its reader leaves."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        first: Event,
        events: AsyncGenerator[Event],
        *,
        keep_alive_s: float,
        finished: Callable[[], Awaitable[None]],
        headers: dict[str, str],
    ) -> None:
        """``finished`` is awaited once, however the stream ends."""
        super().__init__(headers={**_HEADERS, **headers}, media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._first = first
        self._events = events
        self._keep_alive_s = keep_alive_s
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _while_there(self._tell(send), receive)
        except Cancelled:
            log.info("a reader left their event stream")
        finally:
            await self._events.aclose()
            await self._finished()

    async def _tell(self, send: Send) -> None:
        number = 0

        async def write(text: str, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        await write(written(self._first.event, self._first, number))
        try:
            async for event in _with_pauses(self._events, self._keep_alive_s):
                if event is None:
                    await write(": still working\n\n")
                    continue
                number += 1
                await write(written(event.event, event, number))
        except FinrouteError as error:
            await write(written("error", problem(error), number + 1))
        except Exception as error:
            log.exception("an answer failed")
            await write(written("error", problem(error), number + 1), more=False)
            raise
        await write("", more=False)


def written(name: str, data: BaseModel, number: int) -> str:
    """One server-sent event. JSON escapes line ends, so that the data is one line."""
    return f"id: {number}\nevent: {name}\ndata: {data.model_dump_json()}\n\n"


async def while_there(request: Request, work: Awaitable[T]) -> T:
    """Wait for work as long as the caller is there; cancel it when they leave.

    Raises:
        Cancelled: the caller left.
    """
    return await _while_there(work, request.receive)


async def _while_there(work: Awaitable[T], receive: Receive) -> T:
    running = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((running, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise Cancelled("the caller left")
        return await running
    finally:
        for task in (running, leaving):
            task.cancel()
        await asyncio.gather(running, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _with_pauses(
    events: AsyncGenerator[Event], pause_s: float
) -> AsyncGenerator[Event | None]:
    """The events, and None wherever ``pause_s`` seconds pass without one."""
    waiting: asyncio.Task[Event] | None = None
    try:
        while True:
            if waiting is None:
                waiting = asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait((waiting,), timeout=pause_s)
            if not done:
                yield None
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            yield event
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
