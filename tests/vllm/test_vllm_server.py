"""A real vLLM server: what it lists, that base requests stay the base's, that it ends whole."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from specialists.engines.vllm import VllmServer
from specialists.foundation.records import Manifest

QUESTIONS = [
    "How did revenue develop in 2023?",
    "Shares of the maker of pumps fell by a tenth after a weak outlook.",
    "What is the operating margin of the chain of stores?",
    "Net income rose to 12.5 million.",
]


@pytest.fixture
async def client(server: VllmServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=600, trust_env=False) as client:
        yield client


async def reply(client: httpx.AsyncClient, model: str, question: str) -> str:
    """What a model says in 16 greedy tokens."""
    return (await _ask(client, model, question, max_tokens=16))["choices"][0]["message"]["content"]


async def read(client: httpx.AsyncClient, model: str, question: str) -> list[float]:
    """Log-probabilities of a prompt's tokens but the first."""
    told = await _ask(client, model, question, max_tokens=1, prompt_logprobs=0)
    return [next(iter(token.values()))["logprob"] for token in told["prompt_logprobs"][1:]]


async def _ask(client: httpx.AsyncClient, model: str, question: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    body = {"model": model, "messages": messages, "temperature": 0, **more}
    told = await client.post("/v1/chat/completions", json=body)
    assert told.status_code == 200, told.text
    return told.json()


async def test_it_is_healthy_and_lists_base_and_adapters(
    server: VllmServer,
    client: httpx.AsyncClient,
    manifest: Manifest,
    served_adapters: dict[str, Path],
) -> None:
    assert await server.healthy()
    listed = (await client.get("/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == [manifest.base.name, *served_adapters]
    assert (server.model, *server.adapters) == (manifest.base.name, *served_adapters)


async def test_base_requests_among_adapters_get_the_bases_reply(
    server: VllmServer, client: httpx.AsyncClient
) -> None:
    """Unrepaired, vLLM on a CPU gives them the adapter of the last slot, once all are taken."""
    alone = [await reply(client, server.model, question) for question in QUESTIONS]
    tuned = {
        name: [await reply(client, name, question) for question in QUESTIONS]
        for name in server.adapters
    }
    assert all(said != alone for said in tuned.values())
    order = [(name, i) for i in range(len(QUESTIONS)) for name in (server.model, *server.adapters)]
    mixed = await asyncio.gather(*(reply(client, name, QUESTIONS[i]) for name, i in order))
    told = {server.model: alone, **tuned}
    assert list(mixed) == [told[name][i] for name, i in order]


async def test_a_crowd_of_readings_does_not_end_the_engine(
    server: VllmServer, client: httpx.AsyncClient
) -> None:
    """With an output head open to adapters, two prompts' log-probabilities at once end vLLM."""
    names = (server.model, *server.adapters)
    alone = {name: await read(client, name, QUESTIONS[0]) for name in names}
    order = [name for _ in "abc" for name in names]
    crowd = await asyncio.gather(*(read(client, name, QUESTIONS[0]) for name in order))
    for name, read_in_crowd in zip(order, crowd, strict=True):
        assert read_in_crowd == pytest.approx(alone[name], abs=1e-3)
    assert all(math.isfinite(value) for values in alone.values() for value in values)
    assert await server.healthy()


async def test_a_stopped_server_leaves_no_process(
    server: VllmServer, client: httpx.AsyncClient
) -> None:
    """It has processes for its engine and its workers; none may keep memory and port."""
    assert server.pid is not None
    group = server.pid
    assert len(_processes(group)) > 1
    before = await reply(client, server.model, QUESTIONS[0])
    await server.stop()
    assert _processes(group) == []
    assert not await server.healthy()
    await server.start()
    assert await reply(client, server.model, QUESTIONS[0]) == before


def _processes(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == group and state not in "ZX" and folder.name != str(os.getpid()):
            found.append(int(folder.name))
    return found
