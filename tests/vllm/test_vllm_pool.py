"""A pool over two real vLLM servers: callers who leave, and a server that dies while it speaks."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from specialists.engines.vllm import VllmServer
from specialists.fleet import FleetSettings
from specialists.foundation.contracts import Completion, Delta, Grammar, Message, Sampling
from specialists.served import Served

ASK = [Message(role="user", content="<e1> pledges help to schools")]
LONG = Grammar(ebnf='root ::= [a-z ]+ "!"')
ENDLESS = Sampling(max_tokens=900, temperature=1.0, seed=3)
WAIT_S = 600.0


@pytest.fixture
async def staff(weights: Path) -> AsyncIterator[Callable[..., Served]]:
    made: list[Served] = []

    def make(*servers: VllmServer) -> Served:
        urls = tuple(f"{server.url}/v1" for server in servers)
        settings = FleetSettings(urls=urls, watch_s=0.2, start_s=WAIT_S, timeout_s=WAIT_S)
        made.append(Served(settings, weights))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


async def until(true: Callable[[], Any], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while True:
        found = true()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.1)


async def up(served: Served) -> None:
    await served.specialist("sentiment").ready()
    await until(lambda: all(each.state == "up" for each in served.replicas()))


async def figure(server: VllmServer, name: str, **labels: str) -> float:
    """A figure of the server's own metrics, summed over what the labels leave open."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        text = (await client.get(f"{server.url}/metrics")).text
    total = 0.0
    for line in text.splitlines():
        told = re.fullmatch(rf"{re.escape(name)}(?:{{(.*)}})? (\S+)", line)
        if told and all(f'{key}="{value}"' in (told[1] or "") for key, value in labels.items()):
            total += float(told[2])
    return total


async def test_who_leaves_stops_the_servers_work(
    server: VllmServer, staff: Callable[..., Served]
) -> None:
    served = staff(server)
    await up(served)
    name = served.specialist("sentiment").adapter
    done = "vllm:request_success_total"
    before = await figure(server, done, finished_reason="abort")
    asking = [
        asyncio.create_task(
            served.fleet.pool.chat(ASK, adapter=adapter, schema=LONG, sampling=ENDLESS)
        )
        for adapter in (None, name) * 8
    ]
    await until(lambda: running(server, 16))
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert all(each.cancelled() for each in asking)
    await until(lambda: running(server, 0), seconds=60)
    tokens = await figure(server, "vllm:generation_tokens_total")
    await asyncio.sleep(1)
    assert await figure(server, "vllm:generation_tokens_total") == tokens
    assert await figure(server, done, finished_reason="abort") - before in (0, 16)
    assert all(replica.in_flight == 0 for replica in served.fleet.pool.replicas)


async def running(server: VllmServer, count: int) -> bool:
    at_work = await figure(server, "vllm:num_requests_running")
    return at_work + await figure(server, "vllm:num_requests_waiting") == count


async def test_a_stream_whose_server_dies_goes_on_at_the_other(
    server: VllmServer, second: VllmServer, staff: Callable[..., Served]
) -> None:
    served = staff(server, second)
    await up(served)
    name = served.specialist("sentiment").adapter
    pool = served.fleet.pool
    sampling = Sampling(max_tokens=300)
    whole = (await pool.chat(ASK, adapter=name, schema=LONG, sampling=sampling)).message.content
    said, died = "", None
    async with aclosing(pool.stream(ASK, adapter=name, schema=LONG, sampling=sampling)) as told:
        async for piece in told:
            if isinstance(piece, Completion):
                assert piece.message.content == whole
                assert piece.usage.calls == 2
                break
            assert isinstance(piece, Delta)
            said = piece.text if piece.restart else said + piece.text
            if died is None and len(said) > 10:
                (busy,) = [r for r in pool.replicas if r.in_flight]
                died = server if busy.url.startswith(server.url) else second
                await died.kill()
    assert said == whole  # nothing twice, nothing missing
    assert died is not None
    for _ in range(4):  # and everybody else is answered by the one that is left
        await pool.chat(ASK, adapter=name, sampling=Sampling(max_tokens=4))
    await died.start()
    await up(served)
    (back,) = [r for r in served.replicas() if r.url.startswith(died.url)]
    assert back.joins == 2
    assert {each.state for each in back.adapters} == {"attested"}
