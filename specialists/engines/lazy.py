"""An engine that is loaded when it is first asked: naming it costs nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from specialists.engines.base import Engine
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolSpec,
)
from specialists.foundation.errors import Cancelled, EngineError


class LazyEngine:
    """Stands for an engine until it is needed. Concurrent first calls load it once."""

    def __init__(self, model: str, load: Callable[[], Engine]) -> None:
        """``load`` makes the engine; it runs in a thread of its own."""
        self._model = model
        self._load = load
        self._lock = threading.Lock()
        self._loading: Future[Engine] | None = None
        self._closed = False

    @property
    def model(self) -> str:
        return self._model

    @property
    def loaded(self) -> bool:
        """Whether the engine is there already."""
        return self._loading is not None and self._loading.done()

    async def engine(self) -> Engine:
        """The engine itself, loaded if need be.

        Raises:
            EngineError: it cannot be loaded; the next call tries again.
            Cancelled: it has been closed.
        """
        if self._closed:
            raise Cancelled("the model has been released")
        with self._lock:
            if self._loading is None:
                loader = ThreadPoolExecutor(1, "finroute-load")
                self._loading = loader.submit(self._load)
                loader.shutdown(wait=False)  # ends when it has loaded
            loading = self._loading
        try:
            # shielded: a caller who leaves does not stop the others' loading
            return await asyncio.shield(asyncio.wrap_future(loading))
        except EngineError:
            with self._lock:
                if self._loading is loading:
                    self._loading = None
            raise

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        """One reply; see ``Engine.chat``."""
        engine = await self.engine()
        return await engine.chat(
            messages,
            adapter=adapter,
            schema=schema,
            tools=tools,
            sampling=sampling,
            logprobs=logprobs,
        )

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """How likely the model holds the last message; see ``LocalEngine.score``.

        Raises:
            EngineError: the engine cannot tell.
        """
        engine = await self.engine()
        score = getattr(engine, "score", None)
        if score is None:
            raise EngineError(f"{self._model} does not tell how likely given words are")
        return await score(messages, adapter=adapter)

    async def tokens(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> Sequence[int]:
        """Ids of a whole dialogue's tokens; see ``LocalEngine.tokens``.

        Raises:
            EngineError: the engine cannot tell.
        """
        engine = await self.engine()
        tokens = getattr(engine, "tokens", None)
        if tokens is None:
            raise EngineError(f"{self._model} does not tell how it reads a dialogue")
        return await tokens(messages, adapter=adapter)

    async def aclose(self) -> None:
        """Release the engine, if it was ever loaded."""
        self._closed = True
        if self._loading is not None:
            with suppress(EngineError):
                await (await asyncio.wrap_future(self._loading)).aclose()
