"""The HTTP engine beside the official SDK, on a server that answers at once: what we add to a call.

Calls take turns, so that both see the same machine; the server answers a completion written
beforehand, so that its own time does not drown the difference.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from statistics import median, quantiles

import pytest
from openai import AsyncOpenAI

from specialists.engines.openai import OpenAIEngine
from specialists.foundation.contracts import Message

CALLS, WARM = 1000, 50
SAID = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": '{"sentiment": "neutral"}'},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
    SAID
)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with the same completion, over one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            writer.write(HEAD + SAID)
    except asyncio.IncompleteReadError:
        writer.close()


@pytest.mark.bench
async def test_what_a_call_costs_beside_the_sdk() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    sdk = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    engine = OpenAIEngine(url, model="m")
    dialogue = [
        Message(role="system", content="sentiment"),
        Message(role="user", content="net up 12 %?"),
    ]

    async def raw() -> object:
        return await sdk.chat.completions.create(
            model="m",
            messages=[
                {"role": "system", "content": "sentiment"},
                {"role": "user", "content": "net up 12 %?"},
            ],
            temperature=0.0,
            max_completion_tokens=192,
        )

    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "SDK": raw,
        "engine": lambda: engine.chat(dialogue),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(WARM + CALLS):
        for name, call in ways.items():
            begun = time.perf_counter()
            await call()
            taken[name].append((time.perf_counter() - begun) * 1000)
    await engine.aclose()
    await sdk.close()
    server.close()
    await server.wait_closed()

    print(f"\nOne chat completion over HTTP, {CALLS} calls each in turn, ms:")
    for name, times in taken.items():
        kept = times[WARM:]
        print(f"  {name:7} p50 {median(kept):.3f}, p95 {quantiles(kept, n=20)[-1]:.3f}")
    pairs = zip(taken["engine"][WARM:], taken["SDK"][WARM:], strict=True)
    print(f"  the engine adds {median(a - b for a, b in pairs):+.3f} at p50 (aim: at most +1)")
