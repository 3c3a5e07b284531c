from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from specialists.engines.base import Engine
from specialists.engines.lazy import LazyEngine
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Message, Sampling
from specialists.foundation.errors import Cancelled, EngineError

ASK = [Message(role="user", content="?")]
SHORT = Sampling(max_tokens=2)


async def test_it_loads_once_when_first_asked(base: Path) -> None:
    loads: list[int] = []

    def load() -> LocalEngine:
        loads.append(1)
        return LocalEngine.load(base)

    engine = LazyEngine("tiny", load)
    assert isinstance(engine, Engine)
    assert engine.model == "tiny"
    assert not engine.loaded
    await asyncio.gather(*(engine.chat(ASK, sampling=SHORT) for _ in range(5)))
    assert engine.loaded
    assert loads == [1]
    said = Message(role="assistant", content="net")
    assert len(await engine.score([*ASK, said])) >= 1
    await engine.aclose()
    with pytest.raises(Cancelled):
        await engine.chat(ASK)


async def test_a_failed_load_may_be_tried_again(base: Path, tmp_path: Path) -> None:
    folders = iter([tmp_path, base])
    engine = LazyEngine("tiny", lambda: LocalEngine.load(next(folders)))
    with pytest.raises(EngineError):
        await engine.chat(ASK, sampling=SHORT)
    await engine.chat(ASK, sampling=SHORT)
    await engine.aclose()


async def test_closing_what_was_never_loaded_is_quiet() -> None:
    await LazyEngine("tiny", lambda: pytest.fail("loaded")).aclose()


async def test_a_caller_who_leaves_does_not_stop_the_loading(base: Path) -> None:
    engine = LazyEngine("tiny", lambda: LocalEngine.load(base))
    leaving = asyncio.create_task(engine.chat(ASK, sampling=SHORT))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await engine.chat(ASK, sampling=SHORT)).usage.calls == 1
    await engine.aclose()
