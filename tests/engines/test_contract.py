"""What every engine must do, whoever serves the model: the same tests for each."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from specialists.engines.base import Engine
from specialists.engines.langchain import LangChainEngine
from specialists.engines.local import LocalEngine
from specialists.engines.openai import OpenAIEngine
from specialists.foundation.contracts import Grammar, Message, Sampling, ToolSpec
from specialists.foundation.errors import AdapterError, ContextOverflow

ASK = [Message(role="system", content="sentiment"), Message(role="user", content="net up 12 %?")]
SCHEMA = {
    "type": "object",
    "properties": {
        "sentiment": {"enum": ["positive", "negative", "neutral"]},
        "entity": {"enum": ["<c1>", "<c2>"]},
    },
    "required": ["sentiment", "entity"],
    "additionalProperties": False,
}
SQL = ToolSpec(
    name="sql",
    description="Run a query.",
    parameters={
        "type": "object",
        "properties": {"query": {"enum": ["SELECT <c1> FROM <t1>", "SELECT <c2> FROM <t2>"]}},
        "required": ["query"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class Served:
    """An engine under test, and what it offers beyond the contract's floor."""

    engine: Engine
    adapters: tuple[str, ...] = ("alpha", "beta")
    grammars: bool = True
    undecided: bool = True
    """Its model, drawn hot, says either of two things: it was not trained to one of them."""
    context: int = 256
    """Tokens that it reads at most."""


@pytest.fixture(params=["local", "langchain", "vllm", "vllm-streaming", "openai"])
async def served(
    request: pytest.FixtureRequest, base: Path, adapters: dict[str, Path], openai_url: str
) -> AsyncIterator[Served]:
    made: dict[str, Callable[[], Served]] = {
        "local": lambda: Served(LocalEngine.load(base, adapters=adapters)),
        "langchain": lambda: Served(_over_http(openai_url), adapters=(), grammars=False),
        "vllm": lambda: Served(OpenAIEngine(openai_url, model="tiny")),
        "vllm-streaming": lambda: Served(OpenAIEngine(openai_url, model="tiny", streaming=True)),
        "openai": lambda: Served(
            OpenAIEngine(openai_url, model="tiny", server="openai"), grammars=False
        ),
    }
    served = made[request.param]()
    assert isinstance(served.engine, Engine)
    yield served
    await served.engine.aclose()


def _over_http(url: str) -> LangChainEngine:
    chat = ChatOpenAI(model="tiny", base_url=url, api_key=SecretStr("none"), max_retries=0)
    return LangChainEngine(chat, name="tiny")


async def test_reply_fits_its_json_schema(served: Served) -> None:
    reply = await served.engine.chat(ASK, schema=SCHEMA)
    answer = json.loads(reply.message.content)
    assert reply.finish_reason == "stop"
    assert answer["sentiment"] in SCHEMA["properties"]["sentiment"]["enum"]
    assert reply.message.content == json.dumps(answer)


async def test_reply_is_a_call_or_fits_the_schema(served: Served) -> None:
    kinds = set()
    for seed in range(24):
        reply = await served.engine.chat(
            ASK, tools=[SQL], schema=SCHEMA, sampling=Sampling(temperature=2.0, seed=seed)
        )
        kinds.add(reply.finish_reason)
        if reply.finish_reason == "tool_calls":
            (call,) = reply.message.tool_calls
            assert call.name == "sql"
            assert call.arguments["query"] in SQL.parameters["properties"]["query"]["enum"]
            assert reply.message.content == ""
        else:
            assert set(json.loads(reply.message.content)) == {"sentiment", "entity"}
    assert kinds == {"tool_calls", "stop"} or not served.undecided


async def test_without_a_schema_tools_must_be_called(served: Served) -> None:
    reply = await served.engine.chat(ASK, tools=[SQL])
    assert reply.finish_reason == "tool_calls"
    assert [call.name for call in reply.message.tool_calls] == ["sql"]


async def test_reply_fits_its_grammar(served: Served) -> None:
    if not served.grammars:
        pytest.skip("this server takes no grammars")
    grammar = Grammar(ebnf='root ::= op "(" arg ", " arg ")"\nop ::= "add" | "sub"\narg ::= [a-z]')
    reply = await served.engine.chat(ASK, schema=grammar)
    head, _, tail = reply.message.content.partition("(")
    assert head in ("add", "sub")
    assert len(tail) == 5
    assert tail.endswith(")")


async def test_greedy_replies_repeat(served: Served) -> None:
    first, second = [await served.engine.chat(ASK, sampling=Sampling(max_tokens=20)) for _ in "ab"]
    assert first.message == second.message
    assert first.usage.prompt_tokens == second.usage.prompt_tokens > 0
    assert 0 < first.usage.completion_tokens <= 20
    assert first.usage.calls == 1
    assert first.model == served.engine.model


async def test_seeds_decide_samples(served: Served) -> None:
    async def draw(seed: int) -> str:
        sampling = Sampling(temperature=1.5, top_p=0.95, seed=seed, max_tokens=12)
        return (await served.engine.chat(ASK, sampling=sampling)).message.content

    assert await draw(7) == await draw(7)
    assert len({await draw(seed) for seed in range(6)}) > 1


async def test_length_is_kept(served: Served) -> None:
    endless = Grammar(ebnf='root ::= [a-z]+ "!"') if served.grammars else None
    reply = await served.engine.chat(ASK, schema=endless, sampling=Sampling(max_tokens=3))
    assert reply.usage.completion_tokens <= 3
    assert reply.finish_reason == "length"


async def test_logprobs_spell_the_reply(served: Served) -> None:
    reply = await served.engine.chat(ASK, schema=SCHEMA, logprobs=True)
    assert "".join(token.text for token in reply.logprobs) == reply.message.content
    assert all(token.logprob <= 0 and math.isfinite(token.logprob) for token in reply.logprobs)
    assert not (await served.engine.chat(ASK, schema=SCHEMA)).logprobs


async def test_adapters_differ_and_keep_to_themselves(served: Served) -> None:
    if not served.adapters:
        pytest.skip("this engine serves no adapters")
    sampling = Sampling(max_tokens=24)
    names = [None, *served.adapters[:2]]

    async def say(name: str | None) -> tuple[Message, str | None, list[float]]:
        told = await served.engine.chat(ASK, adapter=name, sampling=sampling, logprobs=True)
        return told.message, told.adapter, [token.logprob for token in told.logprobs]

    alone = [await say(name) for name in names]
    # Off their jobs two models may say the same, but not with the same likelihood.
    assert len({tuple(round(value, 3) for value in values) for _, _, values in alone}) == 3
    order = [i % 3 for i in range(9)]
    mixed = await asyncio.gather(*(say(names[i]) for i in order))
    for i, (message, adapter, values) in zip(order, mixed, strict=True):
        assert (message, adapter) == (alone[i][0], names[i])
        assert values == pytest.approx(alone[i][2], abs=2e-3)


async def test_unknown_adapter_is_named(served: Served) -> None:
    with pytest.raises(AdapterError, match="gamma"):
        await served.engine.chat(ASK, adapter="gamma")


async def test_overlong_prompt_is_refused(served: Served) -> None:
    with pytest.raises(ContextOverflow, match=str(served.context)):
        await served.engine.chat([Message(role="user", content="revenue " * 2 * served.context)])


async def test_a_dialogue_with_tools_is_read(served: Served) -> None:
    call = await served.engine.chat(ASK, tools=[SQL])
    (made,) = call.message.tool_calls
    told = Message(role="tool", content="12.5", tool_call_id=made.id, name="sql")
    reply = await served.engine.chat([*ASK, call.message, told], tools=[SQL], schema=SCHEMA)
    assert reply.usage.prompt_tokens > call.usage.prompt_tokens


async def test_a_caller_may_leave(served: Served) -> None:
    endless = Grammar(ebnf='root ::= [a-z]+ "!"') if served.grammars else None
    leaving = asyncio.create_task(
        served.engine.chat(ASK, schema=endless, sampling=Sampling(max_tokens=200))
    )
    await asyncio.sleep(0.02)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    reply = await served.engine.chat(ASK, schema=SCHEMA)
    assert reply.finish_reason == "stop"
