"""What a caller may send: the size of a request's body, refused before it is read into memory."""

from __future__ import annotations

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import response
from specialists.foundation.errors import InputError


class TooLarge(InputError):
    """A body of more bytes than are read."""

    status = 413


class BodyLimit:
    """Middleware that counts a body's bytes, whatever its headers say."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._max:
            await self._refuse(scope, receive, send)
            return
        seen, started = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max:
                raise TooLarge(self._told())
            return message

        async def kept(message: Message) -> None:
            nonlocal started
            if seen > self._max and not started:
                return  # whatever the application makes of it: it is refused below
            started = True
            await send(message)

        with suppress(TooLarge):
            await self._app(scope, counted, kept)
        if seen > self._max and not started:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await response(TooLarge(self._told()))(scope, receive, send)

    def _told(self) -> str:
        return f"a request's body has at most {self._max:,} bytes"
