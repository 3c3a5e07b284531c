"""A vLLM server of our own: started, waited for, watched and ended.

A server that others run (Kubernetes, Ray Serve) needs none of this: its URL is all that is used.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from specialists.engines import vllm_install, vllm_log
from specialists.engines.process import GuardedProcess, tail
from specialists.engines.vllm_flags import VllmSettings, command, environment, model_name
from specialists.foundation.errors import ConfigError, EngineError

__all__ = ["Progress", "VllmServer", "VllmSettings", "command", "environment"]

Progress = Callable[[float, str], None]
"""Told, while a server starts, the seconds since then and the last line of its log."""

LOG = "server.log"
_LOOK_S = 0.25
_TELL_S = 1.0
_HEALTH_S = 5.0
_LINES = 400
"""Of the log, that a cause is looked for in."""


class VllmServer:
    """One vLLM server. ``async with VllmServer(...) as server`` starts and ends it.

    It belongs to no event loop, and ends when this process does.
    """

    def __init__(
        self,
        settings: VllmSettings,
        base: str | Path,
        adapters: Mapping[str, Path] | None = None,
        *,
        name: str | None = None,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            base: a folder as transformers saves it, or a hub id.
            adapters: folders of the adapters to load at the start, by their names on the server.
            name: the base's name on the server; by default the folder's name or the hub id.
            folder: where its log and its site are written; by default a new temporary folder.
            progress: told how the start goes, about once a second.
        """
        self.model = name or model_name(base)
        """The base's name on the server."""
        self._settings = settings
        self._base = base
        self._adapters = dict(adapters or {})
        self._folder = folder
        self._progress = progress
        self._process: GuardedProcess | None = None
        self._began = 0

    @property
    def url(self) -> str:
        """Its root, ``http://host:port``; the port is known once it has been started."""
        return self._settings.url

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters it starts with."""
        return tuple(self._adapters)

    @property
    def folder(self) -> Path:
        """Its run folder."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="finroute-vllm-"))
        return self._folder

    @property
    def pid(self) -> int | None:
        """The server's process, whose number its whole group has; None: it does not run."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether there is a process, healthy or not."""
        return self._process is not None and self._process.code is None

    def version(self) -> str:
        """Version of the vLLM that is installed, which is not imported for it.

        Raises:
            EngineError: none is.
        """
        return vllm_install.find(self._settings.python).version

    async def start(self) -> None:
        """Start it, and wait until it is healthy. A port of 0 is settled for good.

        Raises:
            EngineError: vLLM is not installed, the port is taken, or the server ended or was not
                healthy in time; with the lines of its log that matter and the exact command.
            AdapterError: an adapter that vLLM cannot serve.
            ConfigError: the device or the key is not to be had.
        """
        if self.running:
            raise EngineError(f"the server at {self.url} runs already")
        install = await asyncio.to_thread(vllm_install.find, self._settings.python)
        self._settings = _resolved(self._settings, install)
        words = command(self._settings, self._base, self._adapters, name=self.model)
        site = self._site(install)
        told = environment(self._settings, self._base, site=site)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._began = self._log.stat().st_size if self._log.exists() else 0
        self._process = GuardedProcess(
            words,
            environment={**os.environ, **told},
            log=self._log,
            grace_s=self._settings.stop_s,
        )
        try:
            await self._wait(self._process, words, told)
        except BaseException:
            await self.stop()
            raise

    async def healthy(self) -> bool:
        """Whether it runs and says that it can answer."""
        import httpx

        if not self.running:
            return False
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_HEALTH_S) as client:
                return (await client.get(f"{self.url}/health")).status_code == 200
        except httpx.HTTPError:
            return False

    def logs(self, lines: int = 50) -> tuple[str, ...]:
        """The last lines it printed, of all its runs."""
        return tail(self._log, lines)

    async def stop(self) -> None:
        """End it: it may finish what it does for ``stop_s`` seconds, then its group is killed."""
        if self._process is not None:
            await self._process.stop()

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            await self._process.kill()

    async def restart(self) -> None:
        """Stop and start it, at the same address, with the adapters it first started with."""
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def _log(self) -> Path:
        return self.folder / LOG

    def _site(self, install: vllm_install.Install) -> Path | None:
        if install.device != "cpu":
            return None
        return vllm_install.write_site(self.folder / "site", install, repair=self._settings.repair)

    async def _wait(
        self, process: GuardedProcess, words: list[str], told: Mapping[str, str]
    ) -> None:
        begun = heard = time.monotonic()
        while not await self.healthy():
            now = time.monotonic()
            if process.code is not None:
                raise EngineError(self._why(f"ended with code {process.code}", words, told))
            if now - begun > self._settings.start_s:
                limit = f"was not healthy within {self._settings.start_s:g} seconds"
                raise EngineError(self._why(limit, words, told))
            if self._progress is not None and now - heard >= _TELL_S:
                heard = now
                last = tail(self._log, 1, start=self._began)
                self._progress(now - begun, last[0] if last else "")
            await asyncio.sleep(_LOOK_S)

    def _why(self, what: str, words: list[str], told: Mapping[str, str]) -> str:
        """What to tell of a start that failed."""
        lines = tail(self._log, _LINES, start=self._began)
        code = self._process.code if self._process is not None else None
        advice = vllm_log.advice(lines, code or 0)
        shown = {key: "…" if key == "VLLM_API_KEY" else value for key, value in told.items()}
        parts = [
            f"the vLLM server at {self.url} {what}" + (f": {advice}" if advice else ""),
            *(f"  {line}" for line in vllm_log.cause(lines)),
            f"all of its log: {self._log}",
            "it was started with:",
            "  " + " ".join(f"{key}={shlex.quote(value)}" for key, value in shown.items()),
            f"  {shlex.join(words)}",
        ]
        return "\n".join(parts)


def _resolved(settings: VllmSettings, install: vllm_install.Install) -> VllmSettings:
    """Settings with interpreter, device and port settled.

    Raises:
        ConfigError: the installed vLLM is for another device.
        EngineError: the port is taken.
    """
    if settings.device not in ("auto", install.device):
        raise ConfigError(
            f"device = '{settings.device}', but {install.python} has {install.dist} "
            f"{install.version}, which is for {install.device}"
        )
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise EngineError(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose "
                "another port, or port = 0 for a free one"
            ) from error
        port = int(probe.getsockname()[1])
    return settings.model_copy(
        update={"python": install.python, "device": install.device, "port": port}
    )
