"""A server run as a process of ours: with a log, a number and an end, and none left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from specialists.foundation.errors import EngineError

_GUARD = Path(__file__).with_name("process_guard.py")
_LOOK_S = 0.05
_SLACK_S = 10.0
"""How much longer than its grace a guard may take on a busy machine."""
_TAIL_BYTES = 1 << 18


class GuardedProcess:
    """A command in a process group of its own, under ``process_guard.py``.

    It may be started in one event loop and stopped in another. If this process dies, so does it.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], log: Path, grace_s: float
    ) -> None:
        """Start it. What it prints is added to ``log``.

        Args:
            environment: all of its environment.
            grace_s: seconds it may take to end once it is asked to.

        Raises:
            EngineError: there is no such program.
        """
        self._grace_s = grace_s
        with log.open("ab") as told:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(grace_s), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                env=dict(environment),
                start_new_session=True,  # a terminal's Ctrl-C goes to us alone
            )
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        self._leash, said = self._guard.stdin, self._guard.stdout
        number = said.readline()
        said.close()
        if not number:
            self._leash.close()
            self._guard.wait()
            raise EngineError(f"cannot start {command[0]}: {' '.join(tail(log, 1))}")
        self.pid = int(number)
        """The server's process, and the number of its group."""

    @property
    def code(self) -> int | None:
        """Its exit code, or 128 + the signal that ended it; None while it runs."""
        code = self._guard.poll()
        return code if code is None or code >= 0 else 128 - code

    async def stop(self) -> int:
        """Ask it to end, kill what is left after its grace, and return its exit code."""
        with suppress(OSError):
            self._leash.close()
        until = time.monotonic() + self._grace_s + _SLACK_S
        while self.code is None and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
        return await self._ended()

    async def kill(self) -> int:
        """End it at once, as a crash would, and return its exit code."""
        self._guard.terminate()
        with suppress(OSError):
            self._leash.close()
        return await self._ended()

    async def _ended(self) -> int:
        if self.code is None:
            self._guard.terminate()
        while (code := self.code) is None:
            await asyncio.sleep(_LOOK_S)
        if self._guard.returncode < 0:  # the guard itself was killed: nobody has swept up
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return code


def tail(log: Path, lines: int, *, start: int = 0) -> tuple[str, ...]:
    """The last lines of a log, from byte ``start`` on; none where there is no log."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    return tuple(text.splitlines()[-lines:])
