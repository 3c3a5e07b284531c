"""Requests to one model server: JSON there and back, in time, its faults as this project's errors.

Knows nothing of what is asked. The client is the official SDK's, over connections kept alive.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specialists.engines.refusals import refusal
from specialists.foundation import calls
from specialists.foundation.errors import Cancelled, ConfigError, FinrouteError, Unavailable

if TYPE_CHECKING:
    from openai import APIError, RequestOptions

IDLE_S = 4.0
"""A connection idle for longer is not used again: uvicorn, under vLLM, closes it after 5 s."""


@dataclass(frozen=True)
class Call:
    """A call under way, be it of several requests."""

    adapter: str | None
    begun: float
    """By ``time.perf_counter``."""
    until: float
    """When it is given up, by the event loop's clock."""
    late: FinrouteError
    """What it is then."""


class Exchange:
    """The way to one server."""

    def __init__(
        self,
        url: str,
        *,
        base: str,
        model: str,
        key: str | None,
        timeout_s: float,
        connect_s: float,
    ) -> None:
        """
        Args:
            url: as errors show it.
            base: what paths are added to.
            model: the base model's name, for error messages.
            timeout_s: how long a call may take, its deadline apart.

        Raises:
            ConfigError: not a URL.
        """
        from httpx2 import Limits  # the SDK's own HTTP client
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        if not re.match(r"https?://[^/]", url):
            raise ConfigError(f"a model server's URL begins with http:// or https://, not {url!r}")
        self.url = re.sub(r"//[^/@]*@", "//", url)  # a password in a URL is a key, too
        self._model = model
        self._key = key
        self._timeout_s = timeout_s
        self._connect_s = connect_s
        self._closed = False
        # `within` minds how long a call takes; the client would mind each read from the socket.
        self._options: RequestOptions = {"timeout": Timeout(None, connect=connect_s)}
        self._client = AsyncOpenAI(
            base_url=base,
            api_key=key or "none",  # the client insists on one
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(limits=Limits(keepalive_expiry=IDLE_S)),
        )

    def call(self, adapter: str | None = None, *, limit_s: float | None = None) -> Call:
        """A call from now on, as long as its deadline and the server's time limit allow.

        Raises:
            Cancelled: the caller's deadline has passed.
        """
        limit = self._timeout_s if limit_s is None else limit_s
        late: FinrouteError = Unavailable(f"{self.url} did not answer within {limit:g} s")
        left = calls.remaining()
        if left is not None and left < limit:
            limit, late = left, Cancelled(f"the deadline passed before {self.url} had answered")
        if limit <= 0:
            raise late
        now = asyncio.get_running_loop().time()
        return Call(adapter, time.perf_counter(), now + limit, late)

    @asynccontextmanager
    async def within(self, call: Call) -> AsyncGenerator[None]:
        """Whatever goes wrong inside, between here and the server, as one of this project's errors.

        Inside, a ``ValueError`` says that the server's reply is none.

        Raises:
            Unavailable: no answer, half of one, or one that means nothing; a status of 5xx.
            Overloaded: 429, or 503 that says when to come back.
            ContextOverflow: the server says that the prompt is too long.
            AdapterError: 404: the call's adapter is not there.
            EngineError: the server refused the request or the key.
            Cancelled: the deadline passed, or the way is closed.
        """
        try:
            async with asyncio.timeout_at(call.until):
                yield
        except FinrouteError:
            raise
        except TimeoutError as error:
            raise call.late from error
        except Exception as error:  # whatever the client raises
            raise self._fault(error, call) from error

    async def post(self, path: str, body: dict[str, Any]) -> object:
        """The JSON that the server answers, or its text. ``path`` may be a whole URL.

        The SDK's own models are passed by: they are built from anything, right or wrong, and know
        none of vLLM's fields.
        """
        return await self._client.post(path, cast_to=object, body=body, options=self._options)

    async def get(self, path: str) -> object:
        """The JSON that the server answers, or its text. ``path`` may be a whole URL."""
        return await self._client.get(path, cast_to=object, options=self._options)

    async def stream(self, call: Call, path: str, body: dict[str, Any]) -> AsyncGenerator[object]:
        """The JSON of each event that the server sends; closing the generator ends the connection.

        Raises:
            FinrouteError: as ``within``. The clock runs while an event is awaited, not while the
                consumer is at work.
        """
        from openai import AsyncStream

        async with self.within(call):
            events = await self._client.post(
                path,
                cast_to=object,
                body=body,
                options=self._options,
                stream=True,
                stream_cls=AsyncStream[object],
            )
        try:
            while True:
                async with self.within(call):
                    event = await anext(events, _END)
                if event is _END:
                    return
                yield event
        finally:
            await events.close()

    async def aclose(self) -> None:
        """Close the connections. Calls under way are cancelled."""
        self._closed = True
        await self._client.close()

    def _fault(self, error: Exception, call: Call) -> FinrouteError:
        from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

        if self._closed:
            return Cancelled(f"the engine at {self.url} has been released")
        if isinstance(error, APITimeoutError):
            return Unavailable(f"{self.url}: no connection within {self._connect_s:g} s")
        if isinstance(error, APIConnectionError):
            cause = error.__cause__ or error
            said = str(cause) or type(cause).__name__
            return Unavailable(f"{self.url}: no connection, or it broke: {said}")
        if isinstance(error, APIStatusError):
            after = error.response.headers.get("retry-after")
            return self._refusal(error.status_code, error, call, after)
        if isinstance(error, APIError):  # amid a stream, in place of an event
            code = str(error.code)
            return self._refusal(int(code) if code.isdecimal() else 500, error, call, None)
        said = str(error) or type(error).__name__
        return Unavailable(f"{self.url} sent no usable reply: {said}")

    def _refusal(
        self, status: int, error: APIError, call: Call, after: str | None
    ) -> FinrouteError:
        body = error.body
        if self._key:  # a server may repeat it
            body = json.loads(json.dumps(body).replace(self._key, "***"))
        return refusal(
            status,
            body,
            url=self.url,
            model=self._model,
            adapter=call.adapter,
            retry_after=after,
        )


_END = object()
