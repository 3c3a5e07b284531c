"""The OpenAI protocol's JSON and our values: dialogues out, replies in. Sends nothing.

What a server says is validated here, once; behind it nothing asks again whether a field is there.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from specialists.engines.template import TOOL_CLOSE, TOOL_OPEN, parse_reply, to_chat
from specialists.foundation.contracts import Message, Sampling, TokenLogprob, ToolCall

# --- what we say --------------------------------------------------------------------------------


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as an OpenAI-compatible server takes them, control tokens broken up.

    A tool's message without the id of its call answers the oldest call that has no answer yet.
    """
    told = to_chat(messages)
    waiting: list[str] = []
    for message, turn in zip(messages, told, strict=True):
        if message.tool_calls:
            waiting = [call.id or f"call_{n}" for n, call in enumerate(message.tool_calls, start=1)]
            turn["tool_calls"] = [
                _told(number, call)
                for number, call in zip(waiting, message.tool_calls, strict=True)
            ]
        if message.role == "tool":
            answered = message.tool_call_id or (waiting[0] if waiting else "call_1")
            waiting = [number for number in waiting if number != answered]
            turn["tool_call_id"] = answered
    return told


def _told(number: str, call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {
        "id": number,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def drawn(sampling: Sampling) -> dict[str, Any]:
    """How tokens are to be drawn."""
    words: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_completion_tokens": sampling.max_tokens,
    }
    if sampling.seed is not None:
        words["seed"] = sampling.seed
    return words


# --- what a server says -------------------------------------------------------------------------


class Said(BaseModel):
    """Base of what a server says. It may say more than is read here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


_Kind = TypeVar("_Kind", bound=Said)


def heard(kind: type[_Kind], body: object) -> _Kind:
    """A server's JSON, validated.

    Raises:
        ValueError: it is something else; the message names the first thing that is wrong.
    """
    if isinstance(body, str):
        raise ValueError(f"text in place of JSON: {body[:80]!r}")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise ValueError(f"{place}: {first['msg']}") from error


def _none_is_empty(value: object) -> object:
    return () if value is None else value


class _Token(Said):
    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None


class _Tokens(Said):
    content: Annotated[tuple[_Token, ...], BeforeValidator(_none_is_empty)] = ()


class _Function(Said):
    name: str | None = None
    arguments: str | None = None


class _Call(Said):
    index: int = 0
    id: str | None = None
    function: _Function = _Function()


class _Text(Said):
    content: str | None = None
    tool_calls: Annotated[tuple[_Call, ...], BeforeValidator(_none_is_empty)] = ()


class Choice(Said):
    """A reply, or in a stream the next piece of one."""

    message: _Text = Field(validation_alias=AliasChoices("message", "delta"))
    finish_reason: str | None = None
    logprobs: _Tokens | None = None
    token_ids: Annotated[tuple[int, ...], BeforeValidator(_none_is_empty)] = ()


class Used(Said):
    """Tokens read and written."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0


class Answer(Said):
    """The body of a chat completion, or a chunk of its stream."""

    choices: tuple[Choice, ...]
    usage: Used | None = None
    prompt_token_ids: Annotated[tuple[int, ...], BeforeValidator(_none_is_empty)] = ()


def answer(body: object) -> Answer:
    """The body of a chat completion.

    Raises:
        ValueError: it is none, or there is no finished reply in it.
    """
    found = heard(Answer, body)
    if not found.choices or found.choices[0].finish_reason is None:
        raise ValueError("choices: there is no finished reply in it")
    return found


class Gathering:
    """A streamed completion, chunk by chunk, until it is what a plain one would have been."""

    def __init__(self) -> None:
        self.begun = False
        """The model has said something, be it that it has nothing to say."""
        self._text: list[str] = []
        self._calls: dict[int, list[str]] = {}
        self._tokens: list[_Token] = []
        self._ids: list[int] = []
        self._prompt: tuple[int, ...] = ()
        self._finish: str | None = None
        self._used: Used | None = None

    def add(self, chunk: object) -> str:
        """Take a chunk; the text it brought.

        Raises:
            ValueError: it is no chunk of a chat completion.
        """
        found = heard(Answer, chunk)
        self._used = found.usage or self._used
        self._prompt = found.prompt_token_ids or self._prompt
        if not found.choices:
            return ""
        (choice, *_) = found.choices
        self._finish = choice.finish_reason or self._finish
        self._tokens += choice.logprobs.content if choice.logprobs else ()
        self._ids += choice.token_ids
        for call in choice.message.tool_calls:
            known = self._calls.setdefault(call.index, ["", "", ""])
            for place, piece in enumerate((call.id, call.function.name, call.function.arguments)):
                known[place] += piece or ""
        text = choice.message.content or ""
        self._text.append(text)
        self.begun = self.begun or bool(text or self._calls or self._finish)
        return text

    def answer(self) -> Answer:
        """The completion.

        Raises:
            ValueError: the stream ended before the reply did.
        """
        if self._finish is None:
            raise ValueError("the stream ended before the reply did")
        calls = tuple(
            _Call(index=index, id=number, function=_Function(name=name, arguments=arguments))
            for index, (number, name, arguments) in sorted(self._calls.items())
        )
        choice = Choice(
            message=_Text(content="".join(self._text), tool_calls=calls),
            finish_reason=self._finish,
            logprobs=_Tokens(content=tuple(self._tokens)),
            token_ids=tuple(self._ids),
        )
        return Answer(choices=(choice,), usage=self._used, prompt_token_ids=self._prompt)


# --- what it means ------------------------------------------------------------------------------

Finish = Literal["stop", "length", "tool_calls"]


def message(choice: Choice) -> Message:
    """The reply: native tool calls, or what its text means.

    A call whose arguments are no JSON object stays in the text, as ``parse_reply`` has it.
    """
    text = choice.message.content or ""
    calls: list[ToolCall] = []
    for number, call in enumerate(choice.message.tool_calls, start=1):
        name, written = call.function.name or "", call.function.arguments or "{}"
        try:
            arguments = json.loads(written)
        except json.JSONDecodeError:
            arguments = None
        if not isinstance(arguments, dict):
            body = f'{{"name": {json.dumps(name)}, "arguments": {written}}}'
            return Message(role="assistant", content=f"{text}{TOOL_OPEN}\n{body}\n{TOOL_CLOSE}")
        calls.append(ToolCall(id=call.id or f"call_{number}", name=name, arguments=arguments))
    if not calls:
        return parse_reply(text)
    return Message(role="assistant", content=text, tool_calls=tuple(calls))


def finish(choice: Choice, said: Message) -> Finish:
    """Why the reply ended.

    Raises:
        ValueError: it did not: the server broke it off, or keeps it back.
    """
    if choice.finish_reason == "length":
        return "length"
    if choice.finish_reason not in ("stop", "tool_calls", "function_call"):
        raise ValueError(f"the reply was broken off ({choice.finish_reason})")
    return "tool_calls" if said.tool_calls else "stop"


def logprobs(choice: Choice) -> tuple[TokenLogprob, ...]:
    """The reply's tokens, the one that ended it among them where the server lists it."""
    # One decoder for all of them: a character of several tokens stands at its last one.
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    return tuple(
        TokenLogprob(
            text=token.token if token.bytes is None else decoder.decode(bytes(token.bytes)),
            logprob=token.logprob,
        )
        for token in (choice.logprobs.content if choice.logprobs else ())
    )


def spoken(tokens: Sequence[TokenLogprob], ends: Collection[str]) -> tuple[TokenLogprob, ...]:
    """The tokens without the one that ended the reply, which is no part of it (``Decoded.end``)."""
    return tuple(tokens[:-1] if tokens and tokens[-1].text in ends else tokens)


# --- lists --------------------------------------------------------------------------------------


class _Named(Said):
    id: str


class Models(Said):
    """What ``/v1/models`` says: the base and its adapters."""

    data: tuple[_Named, ...]


class _Vector(Said):
    index: int
    embedding: list[float]


class Vectors(Said):
    """What ``/v1/embeddings`` says."""

    data: tuple[_Vector, ...]

    def ordered(self) -> list[list[float]]:
        """In the order of the texts."""
        return [each.embedding for each in sorted(self.data, key=lambda each: each.index)]
