"""Messages, tools and completions in inspect's form, and back. Nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    Logprob,
    Logprobs,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolCall as InspectCall
from inspect_ai.tool import ToolInfo, ToolParams

from specialists.foundation.contracts import (
    Completion,
    Message,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)

PARAMETERS = "parameters"
"""Key of a tool's options under which its exact JSON schema travels: inspect's own form of a schema
has no ``const`` and no ``$defs``."""

_STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "max_tokens",
    "tool_calls": "tool_calls",
}


def to_inspect(messages: Sequence[Message]) -> list[ChatMessage]:
    """A dialogue as inspect takes it."""
    return [_turn(message) for message in messages]


def _turn(message: Message) -> ChatMessage:
    if message.role == "system":
        return ChatMessageSystem(content=message.content)
    if message.role == "user":
        return ChatMessageUser(content=message.content)
    if message.role == "tool":
        return ChatMessageTool(
            content=message.content, tool_call_id=message.tool_call_id, function=message.name
        )
    return _assistant(message)


def _assistant(message: Message, model: str | None = None) -> ChatMessageAssistant:
    calls = [
        InspectCall(id=call.id, function=call.name, arguments=call.arguments)
        for call in message.tool_calls
    ]
    return ChatMessageAssistant(content=message.content, tool_calls=calls or None, model=model)


def from_inspect(messages: Sequence[ChatMessage]) -> list[Message]:
    """A dialogue as our engines take it. Only text is read of a message."""
    made: list[Message] = []
    for message in messages:
        if isinstance(message, ChatMessageTool):
            made.append(
                Message(
                    role="tool",
                    content=message.text,
                    tool_call_id=message.tool_call_id,
                    name=message.function,
                )
            )
        elif isinstance(message, ChatMessageAssistant):
            made.append(_said(message))
        else:
            made.append(Message(role=message.role, content=message.text))
    return made


def _said(message: ChatMessageAssistant) -> Message:
    calls = tuple(
        ToolCall(id=call.id, name=call.function, arguments=call.arguments)
        for call in message.tool_calls or ()
    )
    return Message(role="assistant", content=message.text, tool_calls=calls)


def tool_info(spec: ToolSpec) -> ToolInfo:
    """A tool as inspect takes it, its exact schema among its options."""
    return ToolInfo(
        name=spec.name,
        description=spec.description,
        parameters=ToolParams.model_validate(spec.parameters),
        options={PARAMETERS: spec.parameters},
    )


def tool_spec(info: ToolInfo) -> ToolSpec:
    """A tool as our engines take it."""
    exact = (info.options or {}).get(PARAMETERS)
    return ToolSpec(
        name=info.name,
        description=info.description,
        parameters=exact or info.parameters.model_dump(exclude_none=True),
    )


def to_output(completion: Completion) -> ModelOutput:
    """A completion of ours as inspect records it."""
    logprobs = [Logprob(token=t.text, logprob=t.logprob) for t in completion.logprobs]
    used = completion.usage
    return ModelOutput(
        model=completion.model,
        choices=[
            ChatCompletionChoice(
                message=_assistant(completion.message, completion.model),
                stop_reason=_STOPS[completion.finish_reason],
                logprobs=Logprobs(content=logprobs) if logprobs else None,
            )
        ],
        usage=ModelUsage(
            input_tokens=used.prompt_tokens,
            output_tokens=used.completion_tokens,
            total_tokens=used.prompt_tokens + used.completion_tokens,
        ),
        time=used.seconds,
    )


def from_output(output: ModelOutput, adapter: str | None = None) -> Completion:
    """Any provider's output as a completion of ours."""
    choice = output.choices[0]
    message = _said(choice.message)
    cut = choice.stop_reason in ("max_tokens", "model_length")
    used = output.usage or ModelUsage()
    told = choice.logprobs.content if choice.logprobs else []
    return Completion(
        message=message,
        finish_reason="length" if cut else "tool_calls" if message.tool_calls else "stop",
        logprobs=tuple(TokenLogprob(text=t.token, logprob=t.logprob) for t in told),
        usage=Usage(
            calls=1,
            prompt_tokens=used.input_tokens
            + (used.input_tokens_cache_read or 0)
            + (used.input_tokens_cache_write or 0),
            completion_tokens=used.output_tokens,
            seconds=output.time or 0.0,
            cost_usd=used.total_cost or 0.0,
            unpriced_calls=int(used.total_cost is None),
        ),
        model=output.model,
        adapter=adapter,
    )
