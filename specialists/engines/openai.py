"""The HTTP engine: one OpenAI-compatible server, vLLM or any other, its adapters as model names.

It retries nothing and knows no other server: that is the pool's part. A call takes no longer than
its deadline leaves, and a caller who goes closes the connection, so that the server stops writing.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal

from specialists.engines import holding, reading, wire
from specialists.engines.exchange import Call, Exchange
from specialists.engines.refusals import words
from specialists.foundation import calls, prices
from specialists.foundation.contracts import (
    Completion,
    Delta,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import (
    AdapterError,
    ContextOverflow,
    EngineError,
)
from specialists.foundation.prices import Price

Server = Literal["vllm", "openai"]
"""What the server is: vLLM, or any that speaks OpenAI's protocol and no more."""

_ENDS = ("<|im_end|>", "<|endoftext|>")

_PLAIN = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""vLLM draws as the model's ``generation_config.json`` says, except for what a request says."""

_RENDERING = {"enable_thinking": False}
"""What the local engine, too, gives the chat template."""


class OpenAIEngine:
    """Serves what a server serves, over one client whose connections are kept alive."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: str | None = None,
        server: Server = "vllm",
        timeout_s: float = 60.0,
        connect_s: float = 5.0,
        streaming: bool = False,
        salt: bytes | None = None,
        price: Price | None = None,
        ends: Collection[str] = _ENDS,
        readings: int = 1,
    ) -> None:
        """
        Args:
            url: of vLLM with or without ``/v1`` at its end; of others as their vendor gives it.
            model: the base model's name on the server.
            key: for the server; None: it asks for none.
            timeout_s: how long a call may take, its deadline apart.
            connect_s: how long a connection may take to be made, and a sign of health to come.
            streaming: ``chat`` streams, too, and so tells when its first token came.
            salt: secret. A tenant's calls then share cached prompts with nobody else's (vLLM's
                ``cache_salt``); the server learns no tenant's name.
            price: unknown where None; calls then count as unpriced.
            ends: tokens that end a turn.
            readings: prompts read for their log-probabilities at once. Stock vLLM 0.32 on a CPU
                breaks when two of them share a batch with adapters.

        Raises:
            ConfigError: not a URL.
        """
        plain = url.rstrip("/")
        self._vllm = server == "vllm"
        self._root = plain.removesuffix("/v1")
        self._exchange = Exchange(
            plain,
            base=f"{self._root}/v1" if self._vllm else plain,
            model=model,
            key=key,
            timeout_s=timeout_s,
            connect_s=connect_s,
        )
        self._model = model
        self._connect_s = connect_s
        self._streaming = streaming
        self._salt = salt
        self._price = price
        self._ends = frozenset(ends)
        self._readings = asyncio.Semaphore(readings)

    @property
    def model(self) -> str:
        return self._model

    @property
    def url(self) -> str:
        """The server's address, as errors and metrics show it."""
        return self._exchange.url

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
        """One reply; see ``Engine.chat``.

        Raises:
            Unavailable: no answer, half of one, or one that is no completion; a status of 5xx.
            Overloaded: 429, or 503 that says when to come back.
            ContextOverflow: the prompt leaves no room for a reply.
            AdapterError: the server has no such adapter.
            EngineError: the server refused the request or the key.
            Cancelled: the deadline passed, or the engine has been released.
        """
        if self._streaming:
            parts = self.stream(
                messages,
                adapter=adapter,
                schema=schema,
                tools=tools,
                sampling=sampling,
                logprobs=logprobs,
            )
            async with aclosing(parts):
                *_, done = [part async for part in parts]
            assert isinstance(done, Completion)
            return done
        call = self._exchange.call(adapter)
        request = await self._request(messages, call, schema, tools, sampling, logprobs)
        async with self._exchange.within(call):
            answer = wire.answer(await self._exchange.post("/chat/completions", request))
        return await self._completion(call, request, answer)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> AsyncGenerator[Delta | Completion]:
        """One reply as it is written: its text piece by piece, the completion last.

        Native tool calls show in the completion alone. Whoever leaves before that closes the
        generator (``contextlib.aclosing``), and with it the connection. Arguments and errors are
        those of ``chat``.
        """
        call = self._exchange.call(adapter)
        request = await self._request(messages, call, schema, tools, sampling, logprobs)
        asked = {**request, "stream": True, "stream_options": {"include_usage": True}}
        gathering, first = wire.Gathering(), None
        async with aclosing(self._exchange.stream(call, "/chat/completions", asked)) as chunks:
            async for chunk in chunks:
                async with self._exchange.within(call):
                    text = gathering.add(chunk)
                if first is None and gathering.begun:
                    first = time.perf_counter() - call.begun
                if text:
                    yield Delta(text=text)
        async with self._exchange.within(call):
            answer = gathering.answer()
        yield await self._completion(call, request, answer, first)

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """How likely the server's model holds the last message, an assistant's, token by token.

        The server renders the dialogue with its own template, as it does for ``chat``.

        Raises:
            ContextOverflow: the dialogue is as long as the context, or longer.
            AdapterError: the server has no such adapter.
            EngineError: not a vLLM server, or its template does not keep a dialogue's beginning.
        """
        self._vllm_only("tells how likely given words are")
        call = self._exchange.call(adapter)
        dialogue = {"model": adapter or self._model, "chat_template_kwargs": _RENDERING}
        before = {**dialogue, "messages": wire.turns(messages[:-1]), "add_generation_prompt": True}
        whole = {
            **dialogue,
            **reading.ASKED,
            **self._salted(),
            "messages": wire.turns(messages),
            "add_generation_prompt": False,
            "return_token_ids": True,
        }
        async with self._exchange.within(call):
            told = await self._exchange.post(f"{self._root}/tokenize", before)
            prompt = wire.heard(reading.Tokenized, told).tokens
        read = await self._read(call, "/chat/completions", whole)
        ids = read.prompt_token_ids or ()
        if ids[: len(prompt)] != prompt:
            raise EngineError(f"the template at {self.url} does not keep a dialogue's beginning")
        async with self._exchange.within(call):
            return reading.through_end(read.tokens(ids, len(prompt)), self._ends)

    async def tokens(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[int, ...]:
        """Ids of a whole dialogue's tokens, as the server's template and tokenizer make them.

        Raises:
            AdapterError: the server has no such adapter.
            EngineError: not a vLLM server, and what ``chat`` raises.
        """
        self._vllm_only("tells how it reads a dialogue")
        body = {
            "model": adapter or self._model,
            "messages": wire.turns(messages),
            "chat_template_kwargs": _RENDERING,
            "add_generation_prompt": False,
        }
        async with self._exchange.within(self._exchange.call(adapter)):
            told = await self._exchange.post(f"{self._root}/tokenize", body)
            return tuple(wire.heard(reading.Tokenized, told).tokens)

    async def embed(self, texts: Sequence[str], *, model: str | None = None) -> list[list[float]]:
        """Vectors of texts, one each, by the server's embedding model.

        Raises:
            EngineError: the server has none, and what ``chat`` raises.
        """
        request = {"model": model or self._model, "input": list(texts), "encoding_format": "float"}
        async with self._exchange.within(self._exchange.call()):
            return wire.heard(
                wire.Vectors, await self._exchange.post("/embeddings", request)
            ).ordered()

    async def models(self) -> tuple[str, ...]:
        """Names of what the server serves: the base, and the adapters it has loaded.

        Raises:
            EngineError: as ``chat``.
        """
        async with self._exchange.within(self._exchange.call()):
            told = wire.heard(wire.Models, await self._exchange.get("/models"))
        return tuple(each.id for each in told.data)

    async def healthy(self) -> bool:
        """Whether the server says, within ``connect_s``, that it is well.

        Raises:
            Cancelled: the caller's deadline passed, or the engine has been released.
        """
        path = f"{self._root}/health" if self._vllm else "/models"
        try:
            async with self._exchange.within(self._exchange.call(limit_s=self._connect_s)):
                await self._exchange.get(path)
        except EngineError:
            return False
        return True

    async def load_adapter(self, name: str, path: str | Path) -> None:
        """Have the server load an adapter, unless it has one of that name.

        Args:
            path: of the adapter's folder, where the server finds it.

        Raises:
            AdapterError: the server cannot, in its words.
            Unavailable: as ``chat``.
        """
        body = {"lora_name": name, "lora_path": str(path)}
        await self._manage("load", name, body, but="has already been loaded")

    async def unload_adapter(self, name: str) -> None:
        """Have the server forget an adapter, if it has it.

        Raises:
            AdapterError: the server cannot, in its words.
            Unavailable: as ``chat``.
        """
        await self._manage("unload", name, {"lora_name": name}, but="cannot be found")

    async def aclose(self) -> None:
        """Close the connections. Calls under way are cancelled."""
        await self._exchange.aclose()

    # --- a request ------------------------------------------------------------------------------

    async def _request(
        self,
        messages: Sequence[Message],
        call: Call,
        schema: ReplySchema | None,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        logprobs: bool,
    ) -> dict[str, Any]:
        """The body of a chat completion's request."""
        request: dict[str, Any] = {
            "model": call.adapter or self._model,
            "messages": wire.turns(messages),
            **wire.drawn(sampling),
        }
        if logprobs:
            request["logprobs"] = True
        if not self._vllm:
            return {**request, **holding.for_others(tools, schema)}
        request |= {**_PLAIN, **self._salted(), "chat_template_kwargs": _RENDERING}
        if tools or schema is not None:
            async with self._exchange.within(call):  # the first grammar waits for xgrammar
                request |= await asyncio.to_thread(holding.for_vllm, tools, schema)
            if logprobs:
                request["return_token_ids"] = True  # to read the reply again, without its grammar
        return request

    def _salted(self) -> dict[str, str]:
        tenant = calls.tenant()
        if self._salt is None or tenant is None:
            return {}
        digest = hmac.digest(self._salt, tenant.encode(), "sha256")
        return {"cache_salt": digest.hex()}  # vLLM takes 128 characters, and no / or @ among them

    async def _completion(
        self, call: Call, request: dict[str, Any], answer: wire.Answer, first: float | None = None
    ) -> Completion:
        """What an answer means. A second reading for log-probabilities counts in its tokens."""
        async with self._exchange.within(call):
            choice = answer.choices[0]
            message = wire.message(choice)
            finish = wire.finish(choice, message)
            tokens = wire.spoken(wire.logprobs(choice), self._ends)
        used = [answer.usage]
        if "return_token_ids" in request:
            tokens, again = await self._reread(call, answer)
            used.append(again)
        usage = Usage(
            calls=1,
            prompt_tokens=sum(each.prompt_tokens for each in used if each),
            completion_tokens=sum(each.completion_tokens or 0 for each in used if each),
            seconds=time.perf_counter() - call.begun,
        )
        return Completion(
            message=message,
            finish_reason=finish,
            logprobs=tokens,
            usage=prices.priced(usage, self._price),
            first_token_s=first,
            model=self._model,
            adapter=call.adapter,
        )

    async def _reread(
        self, call: Call, answer: wire.Answer
    ) -> tuple[tuple[TokenLogprob, ...], wire.Used | None]:
        """The reply's tokens as likely as they were before the grammar's mask (see ``reading``).

        Empty where the reply fills the context: no reading of so long a prompt is taken.
        """
        if not answer.prompt_token_ids or not answer.choices[0].token_ids:
            raise EngineError(f"{self.url} ignores return_token_ids: it is no vLLM, or an old one")
        start = len(answer.prompt_token_ids)
        ids = (*answer.prompt_token_ids, *answer.choices[0].token_ids)
        body = {
            "model": call.adapter or self._model,
            "prompt": list(ids),
            **reading.ASKED,
            **self._salted(),
        }
        try:
            read = await self._read(call, "/completions", body)
        except ContextOverflow:
            return (), None
        async with self._exchange.within(call):
            return wire.spoken(read.tokens(ids, start), self._ends), read.usage

    async def _manage(self, verb: str, name: str, body: dict[str, str], *, but: str) -> None:
        """Load or unload an adapter; a refusal that says ``but`` means that it is done already."""
        from openai import APIStatusError

        self._vllm_only(f"can be told to {verb} adapters")
        async with self._exchange.within(self._exchange.call(name)):
            try:
                await self._exchange.post(f"/{verb}_lora_adapter", body)
            except APIStatusError as error:
                said = words(error.body)
                if but in said:
                    return
                if error.status_code not in (400, 404, 422, 500):
                    raise
                if said == "Not Found":
                    said = "it runs without VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
                raise AdapterError(f"{self.url} cannot {verb} adapter {name}: {said}") from error

    def _vllm_only(self, what: str) -> None:
        if not self._vllm:
            raise EngineError(f"{self.url} is not set up as a vLLM server: no other {what}")

    async def _read(self, call: Call, path: str, body: dict[str, Any]) -> reading.Reading:
        async with self._exchange.within(call), self._readings:
            return wire.heard(reading.Reading, await self._exchange.post(path, body))
