"""A real vLLM server: what it lists, that base requests stay the base's, that it ends whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from specialists.engines.openai import OpenAIEngine
from specialists.engines.vllm import VllmServer
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Message, Sampling
from specialists.foundation.records import Manifest

QUESTIONS = [
    "How did revenue develop in 2023?",
    "Shares of the maker of pumps fell by a tenth after a weak outlook.",
    "What is the operating margin of the chain of stores?",
    "Net income rose to 12.5 million.",
]


Ask = Callable[[httpx.AsyncClient, str, str], Awaitable[list[float]]]


@pytest.fixture
async def client(server: VllmServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=600, trust_env=False) as client:
        yield client


async def write(client: httpx.AsyncClient, model: str, question: str) -> list[float]:
    """Log-probabilities of 16 greedy tokens, beyond the end if it comes sooner."""
    told = await _ask(client, model, question, max_tokens=16, ignore_eos=True, logprobs=True)
    return [token["logprob"] for token in told["choices"][0]["logprobs"]["content"]]


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


async def test_tenants_share_no_prefix_cache(server: VllmServer, client: httpx.AsyncClient) -> None:
    async def hits() -> float:
        told = (await client.get("/metrics")).text
        (line,) = [x for x in told.splitlines() if x.startswith("vllm:prefix_cache_hits_total{")]
        return float(line.rsplit(" ", 1)[1])

    long = [Message(role="user", content=" ".join(f"{n} million in {n}" for n in range(60)))]
    engine = OpenAIEngine(f"{server.url}/v1", model=server.model, salt=b"secret", timeout_s=600)
    found: list[bool] = []
    for tenant in ("acme", "zenith", "acme", "zenith"):
        before = await hits()
        with calling(tenant=tenant):
            await engine.chat(long, sampling=Sampling(max_tokens=2))
        found.append(await hits() > before)
    await engine.aclose()
    assert found == [False, False, True, True]


@pytest.mark.parametrize("ask", [write, read])
async def test_everyone_in_a_crowd_gets_their_own_models_answer(
    server: VllmServer, client: httpx.AsyncClient, ask: Ask
) -> None:
    """Two bugs of vLLM on a CPU: with every slot taken, base requests get the adapter of the last
    one; and prompts' log-probabilities asked for together end the engine, where the output head is
    open to adapters."""
    base, names = server.model, (server.model, *server.adapters)
    alone = {name: [await ask(client, name, question) for question in QUESTIONS] for name in names}
    for name in server.adapters:  # they act, or the rest would prove nothing
        assert any(not _near(*pair) for pair in zip(alone[name], alone[base], strict=True)), name
    order = [(name, i) for i in range(len(QUESTIONS)) for name in (base, *names, base)]
    crowd = await asyncio.gather(*(ask(client, name, QUESTIONS[i]) for name, i in order))
    wrong = [
        asked
        for asked, got in zip(order, crowd, strict=True)
        if not _near(got, alone[asked[0]][asked[1]])
    ]
    assert wrong == []
    assert await server.healthy()


async def test_a_stopped_server_leaves_no_process(
    server: VllmServer, client: httpx.AsyncClient
) -> None:
    """It has processes for its engine and its workers; none may keep memory and port."""
    assert server.pid is not None
    group = server.pid
    assert len(_processes(group)) > 1
    before = await write(client, server.model, QUESTIONS[0])
    await server.stop()
    assert _processes(group) == []
    assert not await server.healthy()
    await server.start()
    assert _near(await write(client, server.model, QUESTIONS[0]), before)


def _near(left: list[float], right: list[float]) -> bool:
    """Whether two readings are one model's: float32 differs by less, an adapter by more."""
    return left == pytest.approx(right, abs=2e-3)


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
