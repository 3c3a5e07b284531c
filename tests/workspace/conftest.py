"""One snapshot and one sandbox for all tests of this folder: children start once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from specialists.workspace.sandbox import Sandbox, SandboxSettings
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot


@pytest.fixture(scope="session")
def synthetic() -> Snapshot:
    """Twelve companies over six years, with documents."""
    return make_snapshot(1, split="heldout", documents=True)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose queries may take two seconds."""
    made = Sandbox(SandboxSettings(deadline_s=2, memory_mb=512))
    yield made
    asyncio.run(made.aclose())
