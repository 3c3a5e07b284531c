"""SIGHUP: serve what the weights' folder holds by now, without a pause.

The usual word to a service that its files have changed. What came of it is in the log; what cannot
be put in place leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

from service.routers import Routers
from specialists.foundation.errors import FinrouteError

log = logging.getLogger("finroute.service")


@contextmanager
def reloading(routers: Routers) -> Generator[None]:
    """Listen for the signal, on the running loop. Only a process's main thread can."""
    heard = getattr(signal, "SIGHUP", None)
    if heard is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    turn = asyncio.Lock()
    tasks: set[asyncio.Task[None]] = set()

    def hear() -> None:
        task = loop.create_task(_reload(routers, turn), name="reload the weights")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(heard, hear)
    try:
        yield
    finally:
        loop.remove_signal_handler(heard)
        for task in tasks:
            task.cancel()


async def _reload(routers: Routers, turn: asyncio.Lock) -> None:
    async with turn:  # one after the other: the second finds what the first has done
        try:
            changed = await routers.reload()
        except FinrouteError as error:
            log.error("the weights were not reloaded: %s", error)
            return
    log.warning("the weights were reloaded: %s", ", ".join(changed) or "nothing is new")
