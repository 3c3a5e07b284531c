"""Any LangChain chat model as an ``Engine``: the large model that plans and, asked, steps in.

Grammars do not travel: a server that is not ours is asked for JSON where there is a JSON schema,
and whatever comes back is parsed and checked like any reply.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from router.config import PlannerSettings
from specialists.engines.template import parse_reply
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolCall,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import AdapterError, ConfigError, EngineError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage


def from_settings(settings: PlannerSettings) -> ChatModelEngine:
    """The chat model that the settings name.

    Raises:
        ConfigError: no such provider, or the variable that should hold its key is not set.
    """
    key = None
    if settings.api_key_env is not None:
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise ConfigError(f"planner.api_key_env: {settings.api_key_env} is not set")
    where = "langchain_openai:ChatOpenAI" if settings.provider == "openai" else settings.provider
    module, _, name = where.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"planner.provider: {settings.provider!r} is neither 'openai' nor an installed "
            "module:Class of a LangChain chat model"
        ) from error
    options: dict[str, Any] = {"model": settings.model, "timeout": settings.timeout_s}
    if settings.base_url is not None:
        options["base_url"] = settings.base_url
    if key is not None:
        options["api_key"] = key
    elif settings.provider == "openai" and settings.base_url is not None:
        options["api_key"] = "none"  # a server of one's own asks for no key; the client insists
    try:
        model = kind(**options)
    except Exception as error:  # whatever a provider's own validation raises
        raise ConfigError(f"planner: {settings.model} cannot be set up: {error}") from error
    return ChatModelEngine(model, structured=settings.structured and settings.provider == "openai")


class ChatModelEngine:
    """Satisfies ``Engine``. It has no adapters and returns no log-probabilities."""

    def __init__(self, model: BaseChatModel, *, structured: bool = False) -> None:
        """``structured``: the server understands OpenAI's ``response_format``."""
        self._chat = model
        self._structured = structured
        named = getattr(model, "model_name", None) or getattr(model, "model", None)
        self._name = str(named or type(model).__name__)

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
        """One reply; see ``Engine.chat``."""
        if adapter is not None:
            raise AdapterError(f"{self._name} has no adapters")
        options: dict[str, Any] = {
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
        }
        if tools:
            options["tools"] = [tool.openai() for tool in tools]
        elif self._structured and isinstance(schema, dict):
            json_schema = {"name": "reply", "schema": schema}
            options["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        began = time.perf_counter()
        try:
            reply: AIMessage = await self._chat.bind(**options).ainvoke(_told(messages))
        except Exception as error:  # every provider has its own; the boundary to a server
            raise EngineError(f"{self._name} did not answer: {error}") from error
        return self._completion(reply, time.perf_counter() - began)

    def _completion(self, reply: AIMessage, seconds: float) -> Completion:
        message = _heard(reply)
        told: Any = reply.usage_metadata or {}
        reason = str(reply.response_metadata.get("finish_reason") or "stop")
        if message.tool_calls:
            reason = "tool_calls"
        return Completion(
            message=message,
            finish_reason="length"
            if reason == "length"
            else ("tool_calls" if reason == "tool_calls" else "stop"),
            usage=Usage(
                calls=1,
                prompt_tokens=told.get("input_tokens", 0),
                completion_tokens=told.get("output_tokens", 0),
                seconds=seconds,
            ),
            model=self._name,
        )

    async def aclose(self) -> None:
        """Nothing: the chat model closes its connections by itself."""


def _told(messages: Sequence[Message]) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    told: list[BaseMessage] = []
    for m in messages:
        if m.role == "system":
            told.append(SystemMessage(m.content))
        elif m.role == "user":
            told.append(HumanMessage(m.content))
        elif m.role == "tool":
            told.append(ToolMessage(m.content, tool_call_id=m.tool_call_id or "", name=m.name))
        else:
            calls: Any = [{"id": c.id, "name": c.name, "args": c.arguments} for c in m.tool_calls]
            told.append(AIMessage(m.content, tool_calls=calls))
    return told


def _heard(reply: AIMessage) -> Message:
    calls = tuple(
        ToolCall(id=c["id"] or f"call_{i}", name=c["name"], arguments=c["args"])
        for i, c in enumerate(reply.tool_calls, start=1)
    )
    text = str(reply.text)
    if calls:
        return Message(role="assistant", content=text, tool_calls=calls)
    return parse_reply(text)  # servers that leave calls in the text
