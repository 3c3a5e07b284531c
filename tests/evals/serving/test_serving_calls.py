"""What a request's calls come to, on real engines: the in-process one, and a streaming endpoint."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evals.serving.calls import Call, NotedEngine, first_token, noted, per_token
from evals.serving.settings import Large
from evals.serving.systems import endpoint
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Grammar, Message, Sampling

LONG = Grammar(ebnf='root ::= [a-z ]{400} "!"')
"""A reply that goes on until the tokens asked for are used up."""


def call(first: float | None, ended: float, tokens: int) -> Call:
    return Call(begun=0.0, first=first, ended=ended, prompt_tokens=9, completion_tokens=tokens)


def test_one_call_has_vllms_time_per_token() -> None:
    assert per_token([call(1.0, 3.0, 5)]) == pytest.approx((3.0 - 1.0) / 4)
    assert first_token([call(1.0, 3.0, 5)], arrived=0.25) == 0.75


def test_several_calls_share_their_tokens_and_the_first_is_first() -> None:
    calls = [call(1.0, 2.0, 11), call(5.0, 5.5, 6), call(7.0, 7.0, 1), call(None, 9.0, 50)]
    assert per_token(calls) == pytest.approx(1.5 / 15)
    assert first_token(calls, 0.0) == 1.0
    assert per_token([call(1.0, 1.0, 1)]) is None
    assert first_token([], 0.0) is None


async def test_the_engine_tells_when_its_first_token_came(base: Path) -> None:
    engine = LocalEngine.load(base)
    asked = [Message(role="user", content="the revenue of the company grew")]
    try:
        one = await engine.chat(asked, schema=LONG, sampling=Sampling(max_tokens=1))
        many = await engine.chat([*asked, *asked], schema=LONG, sampling=Sampling(max_tokens=120))
    finally:
        await engine.aclose()
    for done in (one, many):
        assert done.first_token_s is not None
        assert 0 < done.first_token_s <= done.usage.seconds
    assert many.first_token_s is not None
    assert many.first_token_s < many.usage.seconds / 2, "the first of 120 tokens"


async def test_calls_are_noted_under_the_request_that_made_them(base: Path) -> None:
    engine = LocalEngine.load(base)
    watched = NotedEngine(engine)

    async def request(tokens: int) -> list[Call]:
        with noted() as calls:
            asked = [Message(role="user", content=f"12 % in 20{tokens}")]
            sampling = Sampling(max_tokens=tokens)
            # in a task of its own, as the router's steps are
            await asyncio.gather(
                asyncio.create_task(watched.chat(asked, schema=LONG, sampling=sampling)),
                asyncio.create_task(watched.chat(asked, schema=LONG, sampling=sampling)),
            )
        return calls

    try:
        found = await asyncio.gather(request(10), request(20))
        await watched.chat([Message(role="user", content="7")], sampling=Sampling(max_tokens=2))
    finally:
        await engine.aclose()
    assert [[c.completion_tokens for c in calls] for calls in found] == [[10, 10], [20, 20]]
    assert all(c.first is not None and c.begun < c.first <= c.ended for cs in found for c in cs)


@pytest.fixture
def streaming_url() -> Iterator[str]:
    """An OpenAI-compatible server that streams three words, 80 ms apart."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    def chunk(**told: object) -> str:
        whole = {
            "id": "c1", "object": "chat.completion.chunk", "created": 0, "model": "m",
            "choices": [], **told,
        }  # fmt: skip
        return f"data: {json.dumps(whole)}\n\n"

    async def said() -> AsyncIterator[str]:
        yield chunk(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}}])
        for word in ("one", " two", " three"):
            await asyncio.sleep(0.08)
            yield chunk(choices=[{"index": 0, "delta": {"content": word}}])
        yield chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        yield chunk(usage=usage)
        yield "data: [DONE]\n\n"

    async def complete(request: Request) -> StreamingResponse:
        body = await request.json()
        assert body["stream"] is True
        assert body["stream_options"] == {"include_usage": True}
        return StreamingResponse(said(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


async def test_an_endpoint_streams_so_that_its_first_token_is_known(streaming_url: str) -> None:
    large = endpoint(Large(model="m", url=streaming_url))
    with noted() as calls:
        done = await NotedEngine(large).chat([Message(role="user", content="count")])
    await large._chat.root_async_client.close()  # type: ignore[attr-defined]
    assert done.message.content == "one two three"
    (made,) = calls
    assert (made.prompt_tokens, made.completion_tokens) == (7, 3)
    assert made.first is not None
    assert made.first - made.begun >= 0.07
    assert made.ended - made.first >= 0.12, "two more words, 80 ms apart"
