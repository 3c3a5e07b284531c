"""A gold dialogue in full form: the calls of the compact one, made on the real tools.

The turns are the same (a wrong table looked into, a query that was too slow); what the tools say is
what a chat model would read, and the end is its JSON object with value, unit and scale.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from specialists.foundation.contracts import Message, Quantity, ToolCall, ToolSpec
from specialists.foundation.errors import AnswerError
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.table_qa.policy import SLOW
from specialists.task import Example
from specialists.workspace.tools import ToolResult, Tools

if TYPE_CHECKING:
    from specialists.table_qa.task import TableTask


async def replay(
    task: TableTask, example: Example[TableQuestion, TableAnswer], tools: Tools | None
) -> tuple[tuple[Message, ...], tuple[ToolSpec, ...]]:
    """The dialogue, and the tools its prompt shows.

    Args:
        tools: over the example's own workspace.

    Raises:
        AnswerError: the example has no gold dialogue, or its calls do not come to gold here.
    """
    if not example.calls:
        raise AnswerError("there is an answer, but no dialogue that comes to it")
    if tools is None:
        raise AnswerError("no tools were given to make the dialogue's calls with")
    episode = task.begin(example.inputs, form="full")
    shown = episode.tools()
    messages = list(episode.messages)
    observed = [m.content for m in example.dialogue if m.role == "tool"]
    for number, (real, seen) in enumerate(zip(example.calls, observed, strict=True), 1):
        call = real.model_copy(update={"id": f"call_{number}"})
        messages.append(Message(role="assistant", tool_calls=(call,)))
        slow = seen == f"error: {SLOW}"
        result = _late(call) if slow else await tools.call(call.name, call.arguments)
        if result.error is not None and not seen.startswith("error"):
            raise AnswerError(f"{call.name} fails in full: {result.error}")
        messages.append(episode.observe(call, result))
    reply = said(example.answer)
    score = task.score(example, episode.answer(reply))
    if not score.right:
        raise AnswerError(f"in full it comes to something else: {score.note}")
    return (*messages, Message(role="assistant", content=reply)), shown


def _late(call: ToolCall) -> ToolResult:
    """What a busy sandbox gives."""
    return ToolResult(call.name, call.arguments, text=f"error: {SLOW}", error=SLOW)


def said(answer: TableAnswer) -> str:
    """An answer as a chat model writes it."""
    value = answer.value
    if not isinstance(value, Quantity):
        return json.dumps({"value": value, "unit": None, "scale": 1}, ensure_ascii=False)
    told = {
        "value": _number(value.value),
        "unit": value.unit or None,
        "scale": _number(value.scale),
    }
    return json.dumps(told, ensure_ascii=False)


def _number(value: float) -> int | float:
    """Whole numbers without a point."""
    return int(value) if value == int(value) and abs(value) < 1e15 else value
