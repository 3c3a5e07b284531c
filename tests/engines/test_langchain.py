from __future__ import annotations

import json

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from specialists.engines.fits import mismatch
from specialists.engines.langchain import LangChainEngine
from specialists.foundation.contracts import Grammar, Message, ToolSpec
from specialists.foundation.errors import EngineError
from specialists.foundation.prices import Price

ASK = [Message(role="user", content="?")]
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def saying(*replies: str | AIMessage, **options: object) -> LangChainEngine:
    """An engine over a chat model whose replies are written out."""
    messages = [r if isinstance(r, AIMessage) else AIMessage(r) for r in replies]
    chat = GenericFakeChatModel(messages=iter(messages))
    return LangChainEngine(chat, name="m", structured="instructions", **options)  # type: ignore[arg-type]


async def test_a_bad_reply_goes_back_once_with_the_reason() -> None:
    reply = await saying("five", '{"n": 5}').chat(ASK, schema=SCHEMA)
    assert json.loads(reply.message.content) == {"n": 5}
    assert reply.usage.calls == 2


async def test_two_bad_replies_are_an_error_that_says_what_is_wrong() -> None:
    with pytest.raises(EngineError, match="lacks 'n'"):
        await saying("{}", "{}").chat(ASK, schema=SCHEMA)


async def test_a_fence_is_taken_off() -> None:
    reply = await saying('```json\n{"n": 1}\n```').chat(ASK, schema=SCHEMA)
    assert reply.message.content == '{"n": 1}'
    assert reply.usage.calls == 1


async def test_a_grammar_is_told_and_left_to_the_task() -> None:
    reply = await saying("sub(a)").chat(ASK, schema=Grammar(ebnf='root ::= "add"'))
    assert reply.message.content == "sub(a)"


async def test_unknown_tools_are_refused() -> None:
    call = {"name": "rm", "args": {}, "id": "1", "type": "tool_call"}
    made = AIMessage("", tool_calls=[call])
    tool = ToolSpec(name="sql", description="", parameters=SCHEMA)
    with pytest.raises(EngineError, match="no tool rm; there are: sql"):
        await saying(made, made).chat(ASK, tools=[tool])


async def test_an_unknown_price_is_not_zero() -> None:
    spent = AIMessage(
        "x", usage_metadata={"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}
    )
    unknown = await saying(spent).chat(ASK)
    assert (unknown.usage.cost_usd, unknown.usage.unpriced_calls) == (0.0, 1)
    known = await saying(spent, price=Price(input_usd=1.0, output_usd=4.0)).chat(ASK)
    assert known.usage.cost_usd == pytest.approx(0.003)
    assert known.usage.unpriced_calls == 0


async def test_an_unreachable_server_is_an_engine_error() -> None:
    chat = ChatOpenAI(
        model="m", base_url="http://127.0.0.1:1/v1", api_key=SecretStr("none"), max_retries=0
    )
    with pytest.raises(EngineError, match="m did not answer"):
        await LangChainEngine(chat, name="m").chat(ASK)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"n": 1}, ""),
        ({"n": True}, "the reply.n must be of type integer"),
        ({"n": "1"}, "the reply.n must be of type integer"),
        ({}, "the reply lacks 'n'"),
        ({"n": 1, "m": 2}, "the reply may not have 'm'"),
        ([1], "the reply must be of type object"),
    ],
)
def test_a_mismatch_is_named(value: object, fault: str) -> None:
    assert mismatch(value, SCHEMA) == fault


def test_references_alternatives_and_items_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}}},
        "$defs": {"Step": {"anyOf": [{"const": None}, {"enum": ["a", "b"]}]}},
    }
    assert mismatch({"steps": ["a", None, "b"]}, schema) == ""
    assert mismatch({"steps": ["a", "c"]}, schema).startswith("the reply.steps[1] has none")
