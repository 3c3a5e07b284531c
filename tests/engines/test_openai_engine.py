"""What the HTTP engine does beyond every engine's contract, against a server that speaks vLLM."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from specialists.engines.openai import OpenAIEngine
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Completion, Delta, Grammar, Message, Sampling, ToolSpec
from specialists.foundation.errors import AdapterError, ConfigError, EngineError
from specialists.foundation.prices import Price

ASK = [Message(role="system", content="sentiment"), Message(role="user", content="net up 12 %?")]
SCHEMA = {
    "type": "object",
    "properties": {"sentiment": {"enum": ["positive", "negative"]}},
    "required": ["sentiment"],
    "additionalProperties": False,
}
SQL = ToolSpec(name="sql", description="Run a query.", parameters=SCHEMA)

Speaking = Any
"""The fixture's type stands in conftest.py."""


@pytest.fixture
async def engine(speaking: Speaking) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(speaking.url, model="tiny", salt=b"secret")
    yield engine
    await engine.aclose()


@pytest.mark.parametrize("adapter", [None, "alpha"])
async def test_a_held_reply_is_as_likely_as_before_the_grammar(
    engine: OpenAIEngine, speaking: Speaking, adapter: str | None
) -> None:
    over_http = await engine.chat(ASK, adapter=adapter, schema=SCHEMA, logprobs=True)
    grammar = Grammar(ebnf=speaking.requests[-1]["structured_outputs"]["grammar"])
    here = await speaking.engine.chat(ASK, adapter=adapter, schema=grammar, logprobs=True)
    assert over_http.message == here.message
    assert [t.text for t in over_http.logprobs] == [t.text for t in here.logprobs]
    assert [t.logprob for t in over_http.logprobs] == pytest.approx(
        [t.logprob for t in here.logprobs], abs=1e-4
    )
    assert over_http.usage.calls == 1
    assert over_http.usage.prompt_tokens > here.usage.prompt_tokens  # the reading counts


async def test_a_free_reply_is_read_once(engine: OpenAIEngine, speaking: Speaking) -> None:
    sampling = Sampling(max_tokens=8)
    over_http = await engine.chat(ASK, sampling=sampling, logprobs=True)
    here = await speaking.engine.chat(ASK, sampling=sampling, logprobs=True)
    assert [t.text for t in over_http.logprobs] == [t.text for t in here.logprobs]
    assert over_http.usage.prompt_tokens == here.usage.prompt_tokens


@pytest.mark.parametrize("adapter", [None, "beta"])
async def test_scores_are_the_local_engines(
    engine: OpenAIEngine, speaking: Speaking, adapter: str | None
) -> None:
    dialogue = [*ASK, Message(role="assistant", content='{"sentiment": "positive"}')]
    over_http = await engine.score(dialogue, adapter=adapter)
    here = await speaking.engine.score(dialogue, adapter=adapter)
    assert [t.text for t in over_http] == [t.text for t in here]
    assert [t.logprob for t in over_http] == pytest.approx([t.logprob for t in here], abs=1e-4)


async def test_a_request_says_all_that_a_model_folder_might(
    engine: OpenAIEngine, speaking: Speaking
) -> None:
    await engine.chat(ASK, adapter="alpha", tools=[SQL], sampling=Sampling(seed=3, max_tokens=64))
    (sent,) = speaking.requests
    assert sent["model"] == "alpha"
    assert (sent["temperature"], sent["top_p"], sent["top_k"], sent["seed"]) == (0.0, 1.0, 0, 3)
    assert (sent["min_p"], sent["repetition_penalty"]) == (0.0, 1.0)
    assert sent["max_completion_tokens"] == 64
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert (sent["tools"], sent["tool_choice"]) == ([SQL.openai()], "none")
    assert "cache_salt" not in sent


async def test_tenants_share_no_cache_and_stay_unnamed(
    engine: OpenAIEngine, speaking: Speaking
) -> None:
    for name in ("acme", "zenith", "acme"):
        with calling(tenant=name):
            await engine.chat(ASK, sampling=Sampling(max_tokens=2))
    salts = [sent["cache_salt"] for sent in speaking.requests]
    assert salts[0] == salts[2] != salts[1]
    assert all(re.fullmatch("[0-9a-f]{64}", salt) for salt in salts)  # vLLM refuses @ and /
    assert "acme" not in str(speaking.requests)


async def test_a_stream_brings_the_text_and_then_the_completion(engine: OpenAIEngine) -> None:
    async with aclosing(engine.stream(ASK, schema=SCHEMA)) as parts:
        *deltas, done = [part async for part in parts]
    plain = await engine.chat(ASK, schema=SCHEMA)
    assert isinstance(done, Completion)
    text = "".join(part.text for part in deltas if isinstance(part, Delta))
    assert len(deltas) > 1
    assert text == done.message.content == plain.message.content
    assert done.first_token_s is not None
    assert 0 < done.first_token_s <= done.usage.seconds
    assert plain.first_token_s is None


async def test_streamed_logprobs_are_the_plain_ones(speaking: Speaking) -> None:
    found: list[Completion] = []
    for streaming in (False, True):
        engine = OpenAIEngine(speaking.url, model="tiny", streaming=streaming)
        found.append(await engine.chat(ASK, tools=[SQL], logprobs=True))
        await engine.aclose()
    plain, streamed = found
    assert plain.finish_reason == streamed.finish_reason == "tool_calls"
    assert plain.message == streamed.message
    assert plain.logprobs == streamed.logprobs != ()


async def test_an_adapter_comes_and_goes(
    engine: OpenAIEngine, adapters: dict[str, Path], tmp_path: Path
) -> None:
    short = Sampling(max_tokens=4)
    await engine.load_adapter("alpha@2", adapters["alpha"])
    await engine.load_adapter("alpha@2", adapters["alpha"])  # there already: no error
    assert "alpha@2" in await engine.models()
    again = await engine.chat(ASK, adapter="alpha@2", sampling=short)
    assert again.message == (await engine.chat(ASK, adapter="alpha", sampling=short)).message
    await engine.unload_adapter("alpha@2")
    await engine.unload_adapter("alpha@2")
    with pytest.raises(AdapterError, match="alpha@2"):
        await engine.chat(ASK, adapter="alpha@2")
    with pytest.raises(AdapterError, match="No adapter found for"):
        await engine.load_adapter("gone", tmp_path / "gone")


async def test_an_unknown_base_is_no_adapters_fault(speaking: Speaking) -> None:
    engine = OpenAIEngine(speaking.url, model="other")
    with pytest.raises(EngineError, match="no model named other") as caught:
        await engine.chat(ASK)
    assert not isinstance(caught.value, AdapterError)
    await engine.aclose()


async def test_vectors_come_in_the_order_of_the_texts(engine: OpenAIEngine) -> None:
    assert await engine.embed(["a", "abc", ""]) == [[1.0], [3.0], [0.0]]


async def test_a_price_counts_the_tokens(speaking: Speaking) -> None:
    engine = OpenAIEngine(speaking.url, model="tiny", price=Price(input_usd=1.0, output_usd=2.0))
    used = (await engine.chat(ASK, sampling=Sampling(max_tokens=3))).usage
    assert used.cost_usd == pytest.approx((used.prompt_tokens + 2 * used.completion_tokens) / 1e6)
    assert used.unpriced_calls == 0
    await engine.aclose()


async def test_only_vllm_scores_and_loads(speaking: Speaking) -> None:
    engine = OpenAIEngine(speaking.url, model="tiny", server="openai")
    assert await engine.healthy()
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: engine.score(ASK),
        lambda: engine.load_adapter("a", "/a"),
        lambda: engine.unload_adapter("a"),
    ]
    for ask in asked:
        with pytest.raises(EngineError, match="not set up as a vLLM server"):
            await ask()
    await engine.aclose()


def test_a_url_is_one() -> None:
    with pytest.raises(ConfigError, match="http://"):
        OpenAIEngine("localhost:8000", model="m")


@pytest.mark.parametrize("url", ["http://u:8000", "http://u:8000/", "http://u:8000/v1"])
async def test_a_password_in_the_url_is_not_shown(url: str) -> None:
    engine = OpenAIEngine(url.replace("//", "//me:pass@"), model="m")
    assert engine.url == url.rstrip("/")
    await engine.aclose()
