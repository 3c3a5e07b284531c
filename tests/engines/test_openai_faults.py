"""Real servers that break in the ways servers do: each is told from the others, nothing hangs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from specialists.engines.openai import OpenAIEngine
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Completion, Message
from specialists.foundation.errors import (
    AdapterError,
    Cancelled,
    ContextOverflow,
    EngineError,
    Overloaded,
    Unavailable,
)

ASK = [Message(role="user", content="?")]
CHUNK = {"choices": [{"delta": {"content": "net"}}]}
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
FOREVER = 3600.0

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Broken:
    """A server that answers every request in one broken way."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """The client has closed the connection."""


@asynccontextmanager
async def broken(answer: Answer) -> AsyncIterator[Broken]:
    told = Broken()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            told.asked.set()
            answering = asyncio.ensure_future(answer(writer))
            await asyncio.wait(
                [answering, asyncio.ensure_future(_closed(reader, told))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            answering.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield told


async def _closed(reader: asyncio.StreamReader, told: Broken) -> None:
    with suppress(ConnectionError):
        await reader.read()
    told.left.set()


def saying(status: str, body: str, kind: str = "application/json", head: str = "") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(
            f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
            f"{head}connection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()

    return answer


def streaming(*chunks: str, then: float = 0.0) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + "".join(f"data: {chunk}\n\n" for chunk in chunks).encode())
        await writer.drain()
        await asyncio.sleep(then)

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(FOREVER)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
    )
    await writer.drain()
    writer.transport.abort()


def said(message: str) -> str:
    return json.dumps({"error": {"message": message}})


NO_REPLY = json.dumps({"choices": [{"message": {"content": "x"}}]})
PLAIN: dict[str, tuple[Answer, type[EngineError], str]] = {
    "reset amid the body": (reset, Unavailable, "broke"),
    "500": (saying("500 Oops", said("worker died")), Unavailable, "worker died"),
    "502 html": (saying("502 Bad", "<html>nginx</html>", "text/html"), Unavailable, "nginx"),
    "503": (saying("503 No", said("starting")), Unavailable, "starting"),
    "503, later": (saying("503 No", "{}", head="retry-after: 7\r\n"), Overloaded, "503"),
    "429": (saying("429 Wait", said("queue full")), Overloaded, "queue full"),
    "401": (saying("401 Who", said("bad key sk-secret")), EngineError, "refused the key"),
    "400": (saying("400 Bad", said("Invalid grammar")), EngineError, "Invalid grammar"),
    "400, long": (saying("400 Bad", said("maximum context length is 9")), ContextOverflow, "9"),
    "404": (saying("404 No", said("The model `a@1` does not exist")), AdapterError, "a@1"),
    "html": (saying("200 OK", "<html>login</html>", "text/html"), Unavailable, "login"),
    "no JSON": (saying("200 OK", "{'a': 1}"), Unavailable, "no usable reply"),
    "no completion": (saying("200 OK", '{"object": "list"}'), Unavailable, "choices"),
    "no choices": (saying("200 OK", '{"choices": []}'), Unavailable, "choices"),
    "unfinished": (saying("200 OK", NO_REPLY), Unavailable, "finished"),
}
STREAMED: dict[str, tuple[Answer, type[EngineError], str]] = {
    "truncated": (streaming(json.dumps(CHUNK)), Unavailable, "ended before"),
    "done too soon": (streaming(json.dumps(CHUNK), "[DONE]"), Unavailable, "ended before"),
    "no JSON": (streaming(json.dumps(CHUNK), '{"choices": [{"del'), Unavailable, "no usable"),
    "no chunk": (streaming('{"object": "list"}'), Unavailable, "choices"),
    "an error": (streaming('{"error": {"message": "dead", "code": 500}}'), Unavailable, "dead"),
    "aborted": (
        streaming('{"choices": [{"delta": {}, "finish_reason": "abort"}]}'),
        Unavailable,
        "abort",
    ),
    "500": PLAIN["500"],
    "404": PLAIN["404"],
    "html": (saying("200 OK", "<html>", "text/html"), Unavailable, "ended before"),
}


@pytest.mark.parametrize("case", PLAIN)
async def test_a_broken_answer_is_told(case: str) -> None:
    answer, kind, words = PLAIN[case]
    async with broken(answer) as server:
        await _told(server.url, False, kind, words)


@pytest.mark.parametrize("case", STREAMED)
async def test_a_broken_stream_is_told(case: str) -> None:
    answer, kind, words = STREAMED[case]
    async with broken(answer) as server:
        await _told(server.url, True, kind, words)


async def test_nobody_there_is_told() -> None:
    async with broken(silent) as server:
        url = server.url
    for stream in (False, True):
        await _told(url, stream, Unavailable, "no connection")
    engine = OpenAIEngine(url, model="m")
    assert not await engine.healthy()
    await engine.aclose()


async def _told(url: str, stream: bool, kind: type[EngineError], words: str) -> None:
    engine = OpenAIEngine(url, model="m", key="sk-secret", streaming=stream)
    try:
        with pytest.raises(EngineError, match=words) as caught:
            await engine.chat(ASK, adapter="a@1")
    finally:
        await engine.aclose()
    assert type(caught.value) is kind
    assert "127.0.0.1" in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    if isinstance(caught.value, Overloaded) and "503" in str(caught.value):
        assert caught.value.retry_after == 7


@pytest.mark.parametrize("answer", [silent, streaming(json.dumps(CHUNK), then=FOREVER)])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_slow_server_is_left_at_the_deadline(answer: Answer, stream: bool) -> None:
    async with broken(answer) as server:
        engine = OpenAIEngine(server.url, model="m", streaming=stream)
        with (
            calling(deadline=time.monotonic() + 0.3),
            pytest.raises(Cancelled, match="deadline passed"),
        ):
            await engine.chat(ASK)
        if server.asked.is_set():
            await asyncio.wait_for(server.left.wait(), 10)
        with pytest.raises(Cancelled), calling(deadline=time.monotonic() - 1):
            await engine.chat(ASK)
        await engine.aclose()


async def test_a_slow_server_without_a_deadline_is_unavailable() -> None:
    async with broken(silent) as server:
        engine = OpenAIEngine(server.url, model="m", timeout_s=0.3, connect_s=0.2)
        with pytest.raises(Unavailable, match=r"did not answer within 0\.3 s"):
            await engine.chat(ASK)
        assert not await engine.healthy()
        await engine.aclose()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_closes_the_connection(stream: bool) -> None:
    async with broken(streaming(json.dumps(CHUNK), then=FOREVER)) as server:
        engine = OpenAIEngine(server.url, model="m", streaming=stream)
        leaving = asyncio.create_task(engine.chat(ASK))
        await asyncio.wait_for(server.asked.wait(), 10)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await asyncio.wait_for(server.left.wait(), 10)
        await engine.aclose()


async def test_a_closed_stream_closes_the_connection() -> None:
    async with broken(streaming(json.dumps(CHUNK), then=FOREVER)) as server:
        engine = OpenAIEngine(server.url, model="m")
        async with aclosing(engine.stream(ASK)) as parts:
            async for part in parts:
                assert not isinstance(part, Completion)
                break
        await asyncio.wait_for(server.left.wait(), 10)
        await engine.aclose()


async def test_a_released_engine_cancels_its_calls() -> None:
    async with broken(silent) as server:
        engine = OpenAIEngine(server.url, model="m")
        waiting = asyncio.create_task(engine.chat(ASK))
        await asyncio.wait_for(server.asked.wait(), 10)
        await engine.aclose()
        with pytest.raises(Cancelled, match="released"):
            await waiting
        with pytest.raises(Cancelled, match="released"):
            await engine.chat(ASK)
