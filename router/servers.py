"""The model servers that a profile has started: which they are, and keeping them running.

Servers that others run are not here: a URL is all that is known of those.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from router.config import Settings
from specialists.engines.vllm import VllmServer
from specialists.engines.vllm_flags import LOOPBACK, VllmSettings
from specialists.foundation.errors import ConfigError, EngineError
from specialists.registry import Shelf
from specialists.served import served_name
from specialists.workspace import home

log = logging.getLogger("finroute.servers")

Tell = Callable[[str, float, str], None]
"""Told of a server that starts: its role, the seconds since then, the last line of its log."""

LOOK_S = 1.0
AGAIN_S = (1.0, 5.0, 15.0, 60.0)
"""Seconds before a server that ended is started again: the first time, the second …; the last holds
on."""


@dataclass(frozen=True)
class Start:
    """A server to be started."""

    role: str
    """``specialists`` or ``planner``."""
    url: str
    settings: VllmSettings
    """With host and port of the URL."""
    base: str | Path
    name: str
    """The base's name on the server."""
    adapters: dict[str, Path]


def starts(settings: Settings) -> tuple[Start, ...]:
    """The servers that a profile has started.

    Raises:
        ConfigError: a server to be started at an address that is not this machine's.
        RecordError: the specialists' weights are missing or altered.
    """
    found: list[Start] = []
    chosen = settings.specialists
    if chosen.engine == "vllm" and chosen.servers.start is not None:
        shelf = Shelf(chosen.folder, serving=chosen.serving)
        adapters = {
            served_name(name, each.record.digest): each.folder
            for name, each in shelf.adapters.items()
            if each.standing.served
        }
        name = chosen.servers.model or shelf.manifest.base.name
        url = chosen.servers.urls[0]
        found.append(
            Start("specialists", url, _at(chosen.servers.start, url), shelf.base, name, adapters)
        )
    planner = settings.planner
    if planner.start is not None and planner.base_url is not None:
        at = _at(planner.start, planner.base_url)
        found.append(Start("planner", planner.base_url, at, planner.model, planner.model, {}))
    ports = [(start.settings.host, start.settings.port) for start in found]
    if len(set(ports)) != len(ports):
        raise ConfigError("two servers are to be started at the same address; give them two ports")
    return tuple(found)


async def answers(url: str) -> bool:
    """Whether a model server answers at an OpenAI-compatible URL."""
    import httpx

    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return (await client.get(f"{url.rstrip('/')}/models")).status_code in (200, 401)
    except httpx.HTTPError:
        return False


class Servers:
    """Starts servers, starts those again that end by themselves, and ends them all."""

    def __init__(self, wanted: Sequence[Start], tell: Tell | None = None) -> None:
        """Nothing is started yet. Logs are in ``servers/<role>`` of the home folder."""
        self._servers = {
            each.role: VllmServer(
                each.settings,
                each.base,
                each.adapters,
                name=each.name,
                folder=home.home() / "servers" / each.role,
                progress=_for(tell, each.role),
            )
            for each in wanted
        }
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start them side by side, and watch them from then on.

        Raises:
            EngineError: one could not be started; the others are ended again.
        """
        begun = [asyncio.ensure_future(server.start()) for server in self._servers.values()]
        try:
            await asyncio.gather(*begun)
        except BaseException:
            for each in begun:
                each.cancel()
            await asyncio.gather(*begun, return_exceptions=True)
            await self.stop()
            raise
        self._watching = asyncio.create_task(self._watch(), name="keep model servers running")

    async def stop(self) -> None:
        """End them all."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    async def _watch(self) -> None:
        ended = dict.fromkeys(self._servers, 0)
        while True:
            await asyncio.sleep(LOOK_S)
            for role, server in self._servers.items():
                if server.running:
                    continue
                wait = AGAIN_S[min(ended[role], len(AGAIN_S) - 1)]
                ended[role] += 1
                log.warning("the %s' server ended; it is started again in %g s", role, wait)
                await asyncio.sleep(wait)
                try:
                    await server.restart()
                except EngineError as error:
                    log.error("the %s' server: %s", role, error)


def _for(tell: Tell | None, role: str) -> Callable[[float, str], None] | None:
    if tell is None:
        return None
    return lambda seconds, line: tell(role, seconds, line)


def _at(settings: VllmSettings, url: str) -> VllmSettings:
    """The settings with the URL's address."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if settings.port not in (0, port):
        raise ConfigError(f"a server with port = {settings.port} will not be found at {url}")
    if host not in LOOPBACK and settings.host in LOOPBACK:
        raise ConfigError(
            f"{url} is not this machine's own address, so no server can be started there: start it "
            "there and leave `start` out, or set start.host and start.api_key_env"
        )
    return settings.model_copy(update={"port": port})
