"""How a dialogue becomes the text a model reads. Training and serving both go through here.

The embedded base carries ``chat_template.jinja``: ChatML, compact, without a list of tools, since
its adapters are tuned to their tools and a grammar holds them to those. A hub model brings its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from specialists.foundation.contracts import Message, ToolCall

CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja")
"""The embedded base's template: the text to put into ``tokenizer.chat_template``."""

IM_START, IM_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIAL_TOKENS = (END_OF_TEXT, IM_START, IM_END)
"""Special tokens of the embedded tokenizer; ``<|im_end|>`` ends a reply, ``<|endoftext|>`` pads."""

TOOL_OPEN, TOOL_CLOSE = "<tool_call>", "</tool_call>"
TOOL_TOKENS = (TOOL_OPEN, TOOL_CLOSE)
"""Added tokens that are *not* special, so that a reply's text keeps them."""

_CONTROL = re.compile(r"<(?=\|)")
_CALL = re.compile(rf"{TOOL_OPEN}\s*(.*?)\s*{TOOL_CLOSE}", re.DOTALL)


def chat_template() -> str:
    """The embedded base's template."""
    return CHAT_TEMPLATE.read_text(encoding="utf-8")


def to_chat(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates take them (``tokenizer.apply_chat_template``, TRL's ``messages``).

    Control tokens written in a text (``<|im_end|>`` in a filing) are broken up, so that no text can
    end its own turn and speak as another role.
    """
    return [_turn(message) for message in messages]


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": _CONTROL.sub("< ", message.content)}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.role == "tool" and message.name:
        turn["name"] = message.name
    return turn


def call_text(call: ToolCall) -> str:
    """A tool call as the model writes it."""
    body = json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False)
    return f"{TOOL_OPEN}\n{body}\n{TOOL_CLOSE}"


def parse_reply(text: str) -> Message:
    """The reply a model's text means: tool calls where it wrote well-formed ones, else plain text.

    A malformed call stays in the text, where the reader of the answer says what is wrong with it.
    """
    calls: list[ToolCall] = []
    for number, match in enumerate(_CALL.finditer(text), start=1):
        try:
            body = json.loads(match[1])
        except json.JSONDecodeError:
            return Message(role="assistant", content=text)
        if not isinstance(body, dict) or not isinstance(body.get("arguments"), dict):
            return Message(role="assistant", content=text)
        name = str(body.get("name", ""))
        calls.append(ToolCall(id=f"call_{number}", name=name, arguments=body["arguments"]))
    if not calls:
        return Message(role="assistant", content=text)
    return Message(role="assistant", content=_CALL.sub("", text).strip(), tool_calls=tuple(calls))
