"""Real vLLM servers: by default on the CPU, the embedded base in float32, five shipped adapters.

A start takes about a minute, so that servers are started once, side by side, and only those that a
collected test asks for. Whoever stops, kills or spoils one makes it whole again (``restart``).

They can look elsewhere, by environment variables: ``FINROUTE_VLLM_DEVICE=cuda`` serves in bfloat16
on a GPU, and ``FINROUTE_VLLM_WEIGHTS`` names another weights folder, for the benchmark
(``shaped.py``).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from specialists.attestation import NumberFormat
from specialists.engines import vllm_install
from specialists.engines.vllm import VllmServer, VllmSettings
from specialists.foundation.errors import EngineError
from specialists.foundation.records import Manifest
from specialists.served import served_name
from specialists.weights import WEIGHTS

HERE = Path(__file__).parent
DEVICE = os.environ.get("FINROUTE_VLLM_DEVICE", "cpu")
START_S = 1800.0
"""A limit for machines that do much else at the time."""


@pytest.hookimpl(tryfirst=True)  # before -m selects by the marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.vllm)
            item.add_marker(pytest.mark.timeout(2 * START_S))


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter of vLLM's environment."""
    named = os.environ.get("FINROUTE_VLLM_PYTHON")
    try:
        return vllm_install.find(Path(named) if named else None).python
    except EngineError as error:
        pytest.skip(f"`make test-vllm` installs vLLM, or name its FINROUTE_VLLM_PYTHON: {error}")


@pytest.fixture(scope="session")
def vllm_settings(vllm_python: Path) -> VllmSettings:
    """How servers are started here."""
    told: dict[str, Any] = {"python": vllm_python, "start_s": START_S, "device": DEVICE}
    if DEVICE == "cpu":
        told |= {"dtype": "float32", "threads": 1, "sequences": 16}
    else:
        told |= {"dtype": "bfloat16", "memory_share": 0.25}  # up to three share the GPU
    return VllmSettings(**told)


@pytest.fixture(scope="session")
def number_format(vllm_settings: VllmSettings) -> NumberFormat:
    """What the servers compute in."""
    return "float32" if vllm_settings.dtype == "float32" else "bfloat16"


@pytest.fixture(scope="session")
def weights() -> Path:
    """The shipped weights. (Overrides the small made ones: a server cannot be spoilt per test.)"""
    return Path(os.environ.get("FINROUTE_VLLM_WEIGHTS", WEIGHTS))


@pytest.fixture(scope="session")
def manifest(weights: Path) -> Manifest:
    return Manifest.read(weights / "weights.json")


@pytest.fixture(scope="session")
def served_adapters(weights: Path, manifest: Manifest) -> dict[str, Path]:
    """Folders of the shipped adapters by their names on the servers, ``name@digest``."""
    return {
        served_name(name, artefact.digest): weights / artefact.folder
        for name, artefact in manifest.adapters.items()
    }


@pytest.fixture(scope="session")
def _servers(
    request: pytest.FixtureRequest,
    vllm_settings: VllmSettings,
    weights: Path,
    manifest: Manifest,
    served_adapters: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, VllmServer]]:
    """The servers that the collected tests ask for, by fixture name, started side by side."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    servers = {
        name: VllmServer(
            vllm_settings,
            weights / manifest.base.folder,
            served_adapters,
            name=manifest.base.name,
            folder=tmp_path_factory.mktemp(name),
        )
        for name in ("server", "second")
        if name in asked
    }

    async def start() -> None:
        async with asyncio.TaskGroup() as group:
            for server in servers.values():
                group.create_task(server.start())

    async def stop() -> None:
        await asyncio.gather(*(server.stop() for server in servers.values()))

    asyncio.run(start())
    yield servers
    asyncio.run(stop())


@pytest.fixture(scope="session")
def server(_servers: dict[str, VllmServer]) -> VllmServer:
    """A server: the base under its name in the manifest, adapters as ``name@digest``."""
    return _servers["server"]


@pytest.fixture(scope="session")
def second(_servers: dict[str, VllmServer]) -> VllmServer:
    """Another one, with the same models, to fail over to."""
    return _servers["second"]
