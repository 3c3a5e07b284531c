"""The serving benchmark: one command (``make bench-vllm``), one run, ratios side by side.

What the pool adds to a call beside the SDK and ``litellm.Router``; throughput through it beside raw
vLLM, for the base and for one, two and five adapters mixed; the engine in process beside vLLM on
the five jobs; and how long attesting and swapping an adapter takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median

import httpx
import pytest
from openai import AsyncOpenAI

from specialists import registry
from specialists.attestation import NumberFormat
from specialists.engines.base import Engine
from specialists.engines.breaker import Breaker
from specialists.engines.local import LocalEngine
from specialists.engines.openai import OpenAIEngine
from specialists.engines.pool import Pool, PoolSettings
from specialists.engines.replica import Replica
from specialists.engines.vllm import VllmServer
from specialists.fleet import FleetSettings
from specialists.foundation.contracts import Grammar, Message, Sampling
from specialists.served import Served
from specialists.serving import MEASURING

pytestmark = pytest.mark.bench

CALLS, WARM = 400, 40
AT_ONCE = int(os.environ.get("FINROUTE_BENCH_AT_ONCE", "16"))
REQUESTS, TOKENS, ROUNDS = 4 * AT_ONCE, 32, 5
QUESTIONS = 48
HERE = Path(__file__).parent
ASK = [Message(role="system", content="sentiment"), Message(role="user", content="net up 12 %?")]
ENDLESS = Grammar(ebnf='root ::= [a-z ]+ "!"')
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


def pooled(engine: OpenAIEngine, adapters: Sequence[str] = ()) -> Pool:
    replica = Replica(engine, Breaker(), base_ok=True, adapters=set(adapters))
    return Pool(engine.model, [replica], PoolSettings(concurrency=AT_ONCE))


# --- what a call costs --------------------------------------------------------------------------


@pytest.fixture
async def canned() -> AsyncIterator[str]:
    """A server that answers every request at once with the same completion."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(SAID)}"
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = asked.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(head.encode() + b"\r\n\r\n" + SAID)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    server.close()


async def test_what_a_call_costs(canned: str) -> None:
    sdk = AsyncOpenAI(base_url=canned, api_key="none", max_retries=0)
    engine = OpenAIEngine(canned, model="m")
    pool = pooled(engine)

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
        "openai SDK": raw,
        "engine": lambda: engine.chat(ASK),
        "pool over the engine": lambda: pool.chat(ASK),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(WARM + CALLS):
        for name, call in ways.items():
            begun = time.perf_counter()
            await call()
            if number >= WARM:
                taken[name].append((time.perf_counter() - begun) * 1000)
    await pool.aclose()
    await sdk.close()
    other = await litellm(canned)
    if other is not None:
        taken["litellm.Router"] = other
    base = median(taken["openai SDK"])
    print(f"\n| a call, {CALLS} in turn | p50, ms | over the SDK, ms |\n|---|---|---|")
    for name, times in taken.items():
        print(f"| {name} | {median(times):.2f} | {median(times) - base:+.2f} |")


async def litellm(url: str) -> list[float] | None:
    """Its times, by an interpreter of its own; None where none has it."""
    python = os.environ.get("FINROUTE_LITELLM_PYTHON", ".venv-litellm/bin/python")
    if not Path(python).exists():
        print(f"\n(no litellm: {python} is not there; `make bench-vllm` installs it)")
        return None
    words = (python, str(HERE / "litellm_calls.py"), url, str(CALLS), str(WARM))
    run = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    out, _ = await run.communicate()
    assert run.returncode == 0
    return json.loads(out.splitlines()[-1])


# --- throughput ---------------------------------------------------------------------------------


async def test_throughput_beside_raw_vllm(
    server: VllmServer, served_adapters: dict[str, Path]
) -> None:
    """The same requests, straight to the server and through the pool, in turn."""
    engine = OpenAIEngine(f"{server.url}/v1", model=server.model, timeout_s=600)
    pool = pooled(engine, list(served_adapters))
    fresh = iter(range(10**6))  # no prompt's beginning is in the prefix cache

    async with httpx.AsyncClient(base_url=server.url, timeout=600, trust_env=False) as client:

        async def raw(model: str) -> int:
            body = {
                "model": model,
                "messages": [{"role": "user", "content": f"{next(fresh):06d} net up 12 %?"}],
                "temperature": 0,
                "max_tokens": TOKENS,
                "structured_outputs": {"grammar": ENDLESS.ebnf},
            }
            told = (await client.post("/v1/chat/completions", json=body)).json()
            return told["usage"]["completion_tokens"]

        async def ours(model: str) -> int:
            done = await pool.chat(
                [Message(role="user", content=f"{next(fresh):06d} net up 12 %?")],
                adapter=None if model == server.model else model,
                schema=ENDLESS,
                sampling=Sampling(max_tokens=TOKENS),
            )
            return done.usage.completion_tokens

        async def rate(ask: Callable[[str], Awaitable[int]], models: Sequence[str]) -> float:
            places = asyncio.Semaphore(AT_ONCE)

            async def one(model: str) -> int:
                async with places:
                    return await ask(model)

            begun = time.perf_counter()
            asked = [models[i % len(models)] for i in range(REQUESTS)]
            tokens = await asyncio.gather(*(one(model) for model in asked))
            return sum(tokens) / (time.perf_counter() - begun)

        names = list(served_adapters)
        cases = {
            "base alone": [server.model],
            "one adapter": names[:1],
            "base and one adapter": [server.model, *names[:1]],
            "two adapters": names[:2],
            "five adapters": names,
        }
        print(
            f"\n| {REQUESTS} requests of {TOKENS} tokens, {AT_ONCE} at once | raw vLLM, tokens/s "
            "| through the pool | ratio | raw, to the base alone |\n|---|---|---|---|---|"
        )
        alone = 0.0
        for about, models in cases.items():
            await rate(ours, models)  # warm
            rates: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                rates[0].append(await rate(raw, models))
                rates[1].append(await rate(ours, models))
            straight, through = median(rates[0]), median(rates[1])
            alone = alone or straight
            ratio = median(b / a for a, b in zip(*rates, strict=True))
            print(
                f"| {about} | {straight:,.0f} | {through:,.0f} | {ratio:.2f} "
                f"| {straight / alone:.2f} |"
            )
    await pool.aclose()


# --- the five jobs ------------------------------------------------------------------------------


async def test_the_engine_in_process_beside_vllm_on_the_five_jobs(
    server: VllmServer, weights: Path, served_adapters: dict[str, Path]
) -> None:
    if not (weights / "cases").is_dir():
        pytest.skip("no weights for the jobs: these were made for speed alone")
    local = LocalEngine.load(weights / "base", adapters=served_adapters)
    remote = OpenAIEngine(f"{server.url}/v1", model=server.model, timeout_s=600)
    pool = pooled(remote, list(served_adapters))
    print(
        f"\n| job, first turns of {QUESTIONS} questions | in process, replies/s, 1 / {AT_ONCE} at "
        f"once | vLLM, 1 / {AT_ONCE} at once | vLLM with log-probabilities, {AT_ONCE} at once "
        f"|\n|---|---|---|---|"
    )
    for name in served_adapters:
        task = registry.task(name.partition("@")[0]).equipped(weights)
        begun = [
            task.begin(example.inputs) for example in task.examples("companies", QUESTIONS, 77)
        ]

        async def rate(engine: Engine, at_once: int, logprobs: bool, name: str = name) -> float:
            places = asyncio.Semaphore(at_once)

            async def one(episode: object) -> None:
                async with places:
                    await engine.chat(
                        episode.messages,
                        adapter=name,
                        schema=episode.schema(),
                        tools=episode.tools(),
                        logprobs=logprobs,
                    )

            start = time.perf_counter()
            await asyncio.gather(*(one(episode) for episode in begun))  # noqa: B023 - awaited here
            return len(begun) / (time.perf_counter() - start)  # noqa: B023

        await rate(local, AT_ONCE, True)
        await rate(pool, AT_ONCE, False)
        cells = [
            await rate(engine, at_once, logprobs)
            for engine, at_once, logprobs in (
                (local, 1, True),
                (local, AT_ONCE, True),
                (pool, 1, False),
                (pool, AT_ONCE, False),
                (pool, AT_ONCE, True),
            )
        ]
        print(
            f"| {name.partition('@')[0]} | {cells[0]:.1f} / {cells[1]:.1f} "
            f"| {cells[2]:.1f} / {cells[3]:.1f} | {cells[4]:.1f} |"
        )
    await pool.aclose()
    await local.aclose()


# --- changes ------------------------------------------------------------------------------------


async def test_how_long_attesting_and_swapping_takes(
    server: VllmServer,
    number_format: NumberFormat,
    weights: Path,
    renamed: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    url = f"{server.url}/v1"
    served = Served(
        FleetSettings(
            urls=(url,),
            format=number_format,
            watch_s=0.2,
            start_s=600,
            timeout_s=600,
            retire_s=0,
        ),
        weights,
        serving=MEASURING,
    )
    begun = time.perf_counter()
    await served.specialist("sentiment").ready()
    while served.replicas()[0].state != "up":
        await asyncio.sleep(0.02)
    joined = time.perf_counter() - begun
    attest = [each.attest_s for each in served.replicas()[0].adapters if each.attest_s is not None]
    new = Path(shutil.copytree(weights / "sentiment", tmp_path / "sentiment"))
    renamed(new)
    swaps: list[float] = []
    loads: list[float] = []
    for number in range(6):
        folder = new if number % 2 == 0 else weights / "sentiment"
        begun = time.perf_counter()
        await served.swap("sentiment", folder)
        swaps.append(time.perf_counter() - begun)
        fresh = served.specialist("sentiment").adapter
        loads += [
            each.load_s
            for each in served.replicas()[0].adapters
            if each.adapter == fresh and each.load_s is not None
        ]
        while len(served.replicas()[0].adapters) > 5:
            await asyncio.sleep(0.02)
    print("\n| change | median, s |\n|---|---|")
    print(f"| attesting one adapter | {median(attest):.3f} |")
    print(f"| a replica's whole joining: five adapters and the crowd | {joined:.2f} |")
    print(f"| loading one adapter | {median(loads):.3f} |")
    print(f"| swapping one: load, attest, switch | {median(swaps):.3f} |")
    await served.aclose()
