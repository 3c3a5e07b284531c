"""What a real vLLM server says in float32 is what the engine in process says, word for word: a
hundred prompts an adapter, as the jobs put them, in batches in which all adapters are mixed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from specialists import registry
from specialists.attestation import NumberFormat
from specialists.confidence import spoken
from specialists.engines.base import Engine
from specialists.engines.local import LocalEngine
from specialists.engines.openai import OpenAIEngine
from specialists.engines.vllm import VllmServer
from specialists.foundation.contracts import Completion, Message, ReplySchema, ToolSpec

COUNT = 100
AT_ONCE = 16


@dataclass(frozen=True)
class Asked:
    adapter: str | None
    messages: tuple[Message, ...]
    schema: ReplySchema | None
    tools: tuple[ToolSpec, ...]


def prompts(adapter: str, weights: Path) -> list[Asked]:
    """First turns of a job's questions, of companies that were not learned from."""
    task = registry.task(adapter.partition("@")[0]).equipped(weights)
    found: list[Asked] = []
    for example in task.examples("companies", COUNT, 77):
        episode = task.begin(example.inputs)
        found.append(Asked(adapter, tuple(episode.messages), episode.schema(), episode.tools()))
    assert len(found) == COUNT
    return found


async def answers(engine: Engine, asked: Sequence[Asked]) -> list[Completion]:
    places = asyncio.Semaphore(AT_ONCE)

    async def answer(each: Asked) -> Completion:
        async with places:
            return await engine.chat(
                each.messages,
                adapter=each.adapter,
                schema=each.schema,
                tools=each.tools,
                logprobs=True,
            )

    return list(await asyncio.gather(*(answer(each) for each in asked)))


@pytest.fixture
async def remote(server: VllmServer) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(f"{server.url}/v1", model=server.model, timeout_s=600)
    yield engine
    await engine.aclose()


@pytest.fixture
async def local(
    weights: Path, served_adapters: dict[str, Path], number_format: NumberFormat
) -> AsyncIterator[LocalEngine]:
    if number_format != "float32":
        pytest.skip("word for word holds in float32 alone")
    engine = LocalEngine.load(weights / "base", adapters=served_adapters)
    yield engine
    await engine.aclose()


async def test_greedy_replies_in_mixed_batches_are_those_of_the_engine_in_process(
    remote: OpenAIEngine,
    local: LocalEngine,
    weights: Path,
    served_adapters: dict[str, Path],
) -> None:
    asked = [each for name in served_adapters for each in prompts(name, weights)]
    bare = [Asked(None, each.messages, each.schema, each.tools) for each in asked[::10]]
    mixed = [*asked, *bare]
    random.Random(5).shuffle(mixed)
    ours, theirs = await answers(local, mixed), await answers(remote, mixed)
    other = [
        (each.adapter, mine.message, its.message)
        for each, mine, its in zip(mixed, ours, theirs, strict=True)
        if mine.message != its.message
    ]
    assert other == []
    for mine, its in zip(ours, theirs, strict=True):
        assert mine.finish_reason == its.finish_reason
        assert mine.adapter == its.adapter
        if mine.adapter is None:
            continue  # what it was not tuned to say, it spells in tokens of its own
        # What confidence is made of: a calibration holds for both engines.
        assert spoken([its]).log_probability == pytest.approx(
            spoken([mine]).log_probability, abs=0.02
        )


async def test_likelihoods_are_those_of_the_engine_in_process(
    remote: OpenAIEngine, local: LocalEngine, weights: Path, served_adapters: dict[str, Path]
) -> None:
    for name in served_adapters:
        for each in prompts(name, weights)[:3]:
            told = [*each.messages, Message(role="assistant", content='{"value": "12"}')]
            for adapter in (None, name):
                mine = await local.score(told, adapter=adapter)
                its = await remote.score(told, adapter=adapter)
                assert [t.text for t in its] == [t.text for t in mine]
                assert [t.logprob for t in its] == pytest.approx(
                    [t.logprob for t in mine], abs=1e-3
                )
