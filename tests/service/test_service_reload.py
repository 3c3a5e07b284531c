"""SIGHUP, sent for real: what is heard, what is told, and that nothing is lost by it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from typing import Any

import pytest

from service.reload import reloading
from service.routers import Routers
from specialists.foundation.errors import AdapterError, ConfigError


class Told:
    """Routers that note when they are told to reload."""

    def __init__(self) -> None:
        self.under_way = self.most = self.done = 0
        self.error: Exception | None = None

    async def reload(self) -> tuple[str, ...]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.05)
        self.under_way -= 1
        self.done += 1
        if self.error is not None:
            raise self.error
        return ("table_qa",)


async def hup(told: Told, done: int) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    end = time.monotonic() + 10
    while told.done < done:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_the_signal_reloads_the_weights(caplog: pytest.LogCaptureFixture) -> None:
    told: Any = Told()
    with caplog.at_level(logging.WARNING), reloading(told):
        await hup(told, 1)
        told.error = AdapterError("table_qa was altered")
        await hup(told, 2)
        told.error = None
        for _ in range(3):  # signals that come close are one or several, never at once
            os.kill(os.getpid(), signal.SIGHUP)
        await hup(told, 3)
        await asyncio.sleep(0.3)
    assert told.most == 1
    assert "the weights were reloaded: table_qa" in caplog.text
    assert "the weights were not reloaded: table_qa was altered" in caplog.text


async def test_the_signal_is_left_as_it_was() -> None:
    before = signal.getsignal(signal.SIGHUP)
    told: Any = Told()
    with reloading(told):
        assert signal.getsignal(signal.SIGHUP) != before
    assert signal.getsignal(signal.SIGHUP) == before


async def test_models_in_process_are_not_reloaded() -> None:
    from router.config import Settings
    from service.config import ServiceSettings
    from specialists.registry import load_embedded

    registry = load_embedded()
    routers = Routers(Settings(), ServiceSettings(), registry)
    with pytest.raises(ConfigError, match="restart the service"):
        await routers.reload()
    await registry.aclose()
