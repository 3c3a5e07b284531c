"""The engine's contract, kept by the HTTP engine over a real vLLM server: the very tests that the
engine in process passes (``tests/engines/test_contract.py``)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from specialists.engines.openai import OpenAIEngine
from specialists.engines.vllm import VllmServer


def _contract() -> ModuleType:
    path = Path(__file__).parents[1] / "engines" / "test_contract.py"
    spec = importlib.util.spec_from_file_location("engine_contract", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


contract = _contract()
globals().update({name: t for name, t in vars(contract).items() if name.startswith("test_")})


@pytest.fixture(params=["plain", "streaming"])
async def served(
    request: pytest.FixtureRequest, server: VllmServer, served_adapters: dict[str, Path]
) -> AsyncIterator[Any]:
    engine = OpenAIEngine(
        f"{server.url}/v1", model=server.model, streaming=request.param == "streaming"
    )
    yield contract.Served(engine, adapters=tuple(served_adapters), undecided=False, context=1024)
    await engine.aclose()


def test_the_whole_contract_is_asked() -> None:
    asked = [name for name in globals() if name.startswith("test_")]
    assert len(asked) > 10
