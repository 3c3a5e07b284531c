"""An engine over any LangChain chat model, and so over any OpenAI-compatible server.

Made for the planner and other roles that a large model plays: it serves no adapters. What such a
model replies is held to a schema by the server where the server can (``response_format``), else by
instructions; either way the reply is checked here, and a bad one goes back once with the reason.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from specialists.engines.fits import mismatch
from specialists.foundation import prices
from specialists.foundation.contracts import (
    Completion,
    Grammar,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import AdapterError, ConfigError, ContextOverflow, EngineError
from specialists.foundation.prices import Price

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

Structured = Literal["json_schema", "instructions"]
"""How a reply is held to a schema: by the server, or by telling the model."""

_TOO_LONG = re.compile(r"context[ _]length|maximum context|too long|reads at most", re.IGNORECASE)


class Misfit(EngineError):
    """A model did answer, and not in the form asked for."""

    def __init__(self, message: str, usage: Usage) -> None:
        super().__init__(message)
        self.usage = usage
        """What its replies consumed all the same."""


def connect(
    provider: str,
    model: str,
    *,
    url: str | None,
    key: str | None,
    timeout_s: float,
    section: str,
) -> BaseChatModel:
    """The chat model that a configuration names.

    Args:
        provider: ``openai`` (any OpenAI-compatible server), or ``module:Class`` of a LangChain chat
            model that is installed.
        url: of the server; None: the provider's own.
        key: for the server; None: the provider's client looks where it always does.
        section: of the configuration, for error messages.

    Raises:
        ConfigError: no such provider, or one that cannot be set up like this.
    """
    module, _, name = provider.partition(":")
    if provider == "openai":
        module, name = "langchain_openai", "ChatOpenAI"
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{section}.provider: {provider!r} is neither 'openai' nor an installed "
            "module:Class of a LangChain chat model"
        ) from error
    options: dict[str, Any] = {"model": model, "timeout": timeout_s}
    if url is not None:
        options["base_url"] = url
    if key is not None:
        options["api_key"] = key
    elif provider == "openai" and url is not None:
        options["api_key"] = "none"  # a server of one's own asks for no key; the client insists
    try:
        return kind(**options)
    except Exception as error:  # whatever a provider's own validation raises
        raise ConfigError(f"{section}: {model} cannot be set up: {error}") from error


class LangChainEngine:
    """Serves any LangChain chat model."""

    def __init__(
        self,
        chat: BaseChatModel,
        *,
        name: str,
        structured: Structured = "json_schema",
        price: Price | None = None,
    ) -> None:
        """
        Args:
            chat: the model, its endpoint and key already set.
            name: what records and traces call it.
            structured: ``instructions`` for servers without ``response_format``.
            price: unknown where None; its calls then count as unpriced.
        """
        self._chat = chat
        self._name = name
        self._structured = structured
        self._price = price

    @property
    def model(self) -> str:
        return self._name

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
        """One reply; see ``Engine.chat``. A reply that breaks its schema is sent back once.

        Raises:
            EngineError: the server failed, or both replies broke the schema.
        """
        if adapter is not None:
            raise AdapterError(f"{self._name} serves no adapters, so not {adapter} either")
        begun = time.perf_counter()
        turns = [_turn(message) for message in messages]
        if schema is not None and (
            self._structured == "instructions" or isinstance(schema, Grammar)
        ):
            turns = _told(turns, schema)
        options = self._options(schema, tools, sampling, logprobs)
        said = await self._invoke(turns, options)
        usage = _usage(said)
        fault = _fault(said, schema, tools)
        if fault and _finish(said) != "length":
            from langchain_core.messages import HumanMessage

            again = HumanMessage(f"That reply cannot be used: {fault}. Reply again, and only so.")
            said = await self._invoke([*turns, said, again], options)
            usage += _usage(said)
            fault = _fault(said, schema, tools)
            if fault and _finish(said) != "length":
                why = f"{self._name} does not keep to the form asked for: {fault}"
                raise Misfit(why, prices.priced(usage, self._price))
        usage = usage.model_copy(update={"seconds": time.perf_counter() - begun})
        message = _message(said)
        finish = _finish(said)
        return Completion(
            message=message,
            finish_reason="tool_calls" if message.tool_calls else finish,
            logprobs=_logprobs(said) if logprobs else (),
            usage=prices.priced(usage, self._price),
            model=self._name,
        )

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _options(
        self,
        schema: ReplySchema | None,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        logprobs: bool,
    ) -> dict[str, Any]:
        options: dict[str, Any] = {
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.top_p < 1:
            options["top_p"] = sampling.top_p
        if sampling.seed is not None:
            options["seed"] = sampling.seed
        if logprobs:
            options["logprobs"] = True
        if isinstance(schema, dict) and self._structured == "json_schema":
            form = {"name": "reply", "schema": schema, "strict": True}
            # In the body as it is: named as an option, the client would parse replies itself, and
            # refuse tools that are not strict.
            options["extra_body"] = {
                "response_format": {"type": "json_schema", "json_schema": form}
            }
        if tools:
            options["tools"] = [tool.openai() for tool in tools]
            options["tool_choice"] = "required" if schema is None else "auto"
        return options

    async def _invoke(self, turns: Sequence[BaseMessage], options: dict[str, Any]) -> AIMessage:
        try:
            return await self._chat.ainvoke(list(turns), **options)
        except Exception as error:  # whatever a provider's client raises is a model that failed
            if _TOO_LONG.search(str(error)):
                raise ContextOverflow(f"{self._name}: {error}") from error
            raise EngineError(f"{self._name} did not answer: {error}") from error


def _turn(message: Message) -> BaseMessage:
    """A message in LangChain's form."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    if message.role == "system":
        return SystemMessage(message.content)
    if message.role == "user":
        return HumanMessage(message.content)
    if message.role == "tool":
        return ToolMessage(
            message.content, tool_call_id=message.tool_call_id or "", name=message.name
        )
    calls: list[Any] = [
        {"type": "tool_call", "id": call.id, "name": call.name, "args": call.arguments}
        for call in message.tool_calls
    ]
    return AIMessage(message.content, tool_calls=calls)


def _told(turns: list[BaseMessage], schema: ReplySchema) -> list[BaseMessage]:
    """The dialogue with the form of the reply told at its end."""
    from langchain_core.messages import HumanMessage

    if isinstance(schema, Grammar):
        form = f"text that this EBNF grammar generates, and nothing else:\n{schema.ebnf}"
    else:
        form = (
            f"one JSON object that fits this JSON schema, and nothing else:\n{json.dumps(schema)}"
        )
    return [*turns, HumanMessage(f"A reply that is not a tool call must be {form}")]


def _message(said: AIMessage) -> Message:
    """A reply in our form; a code fence round it is taken off."""
    text = said.text.strip()
    fenced = re.fullmatch(r"```\w*\n(.*)\n```", text, re.DOTALL)
    calls = tuple(
        ToolCall(id=call["id"] or f"call_{n}", name=call["name"], arguments=call["args"])
        for n, call in enumerate(said.tool_calls, start=1)
    )
    return Message(role="assistant", content=fenced[1] if fenced else text, tool_calls=calls)


def _fault(said: AIMessage, schema: ReplySchema | None, tools: Sequence[ToolSpec]) -> str:
    """What is wrong with a reply, in words; empty where nothing is."""
    names = {tool.name: tool for tool in tools}
    if said.invalid_tool_calls:
        return f"the arguments of {said.invalid_tool_calls[0]['name']} are not JSON"
    for call in said.tool_calls:
        if call["name"] not in names:
            return f"there is no tool {call['name']}; there are: {', '.join(names) or 'none'}"
        fault = mismatch(call["args"], names[call["name"]].parameters)
        if fault:
            return f"the arguments of {call['name']}: {fault}"
    if said.tool_calls:
        return ""
    if schema is None:
        return f"it must call one of {', '.join(names)}" if names else ""
    if isinstance(schema, Grammar):
        return ""  # no parser for it here: the task reads the reply, and says what is wrong
    try:
        value = json.loads(_message(said).content)
    except json.JSONDecodeError as error:
        return f"it is not JSON ({error.msg} at character {error.pos})"
    return mismatch(value, schema)


def _finish(said: AIMessage) -> Literal["stop", "length"]:
    return "length" if said.response_metadata.get("finish_reason") == "length" else "stop"


def _usage(said: AIMessage) -> Usage:
    used = said.usage_metadata
    return Usage(
        calls=1,
        prompt_tokens=used["input_tokens"] if used else 0,
        completion_tokens=used["output_tokens"] if used else 0,
    )


def _logprobs(said: AIMessage) -> tuple[TokenLogprob, ...]:
    told = (said.response_metadata.get("logprobs") or {}).get("content") or ()
    return tuple(TokenLogprob(text=t["token"], logprob=t["logprob"]) for t in told)
