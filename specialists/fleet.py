"""The servers behind one base: found, filled with adapters, attested, watched, restored.

A replica joins by the same road each time, when it is first seen and when it is back after a
restart: it becomes healthy, every adapter it lacks is loaded under a name that holds its digest
(``table_qa@3f9c1a2b3c4d``: a changed adapter is another name, so that no cache of the old one can
answer for it), and each is held against its canary. The pool sends it nothing before that, and
nothing for an adapter that failed there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from specialists.attestation import Canary, NumberFormat, attest, attest_crowd
from specialists.engines.breaker import Breaker
from specialists.engines.pool import Pool, PoolSettings
from specialists.engines.replica import Replica, Server
from specialists.engines.vllm_flags import VllmSettings
from specialists.foundation import calls
from specialists.foundation.config import Config
from specialists.foundation.contracts import Message, Sampling, Value
from specialists.foundation.errors import (
    AdapterError,
    ConfigError,
    EngineError,
    Overloaded,
    Unavailable,
)

log = logging.getLogger("finroute.fleet")

_HELLO = (Message(role="user", content="hello"),)
DIGITS = 12
"""Of an adapter's digest in the name it is served by."""


class FleetSettings(Config):
    """Servers that speak the OpenAI protocol, all of one base."""

    urls: tuple[str, ...] = ()
    """Each replica's own URL, such as ``http://10.0.0.7:8000/v1``."""
    discover: str = ""
    """``host:port``: every address that the name resolves to is a replica (a headless Kubernetes
    Service); asked again at each watch."""
    balanced: bool = False
    """The one URL leads to several servers: adapters must be loaded there by whoever runs them, and
    nobody can say which server was asked, so that nothing can be attested."""
    model: str = ""
    """The base's name on the servers; empty: as in the weights' manifest."""
    prefix: str = ""
    """What stands before an adapter's name on the servers: Ray Serve LLM has ``model:adapter``."""
    key_env: str | None = None
    """Name of the environment variable that holds the servers' key. The key never stands here."""
    folder: str = ""
    """Where the servers find the weights' folder; empty: where it is here."""
    format: NumberFormat = "float32"
    """Number format in which the base is served: how near a canary must come depends on it."""
    watch_s: float = Field(default=2.0, gt=0)
    """Seconds between two looks at each replica."""
    start_s: float = Field(default=300.0, gt=0)
    """Seconds a first question waits for a replica that can answer it."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds one call may take."""
    retire_s: float = Field(default=60.0, ge=0)
    """Seconds that an adapter which was swapped for another stays loaded, for answers that began
    with it."""
    salt_env: str | None = None
    """Name of the environment variable with the secret that tells tenants' prefix caches apart.
    None: a secret of this process, so that two processes share no cached prefix."""
    pool: PoolSettings = PoolSettings()
    start: VllmSettings | None = None
    """The server that ``finroute up`` starts at the one URL; None: others run them."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for url in self.urls:
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                raise ValueError(f"{url!r} is no URL; give e.g. http://127.0.0.1:8200/v1")
        if self.balanced and (len(self.urls) != 1 or self.discover):
            raise ValueError("balanced = true needs exactly one URL and nothing to discover")
        if self.discover and not self.discover.rpartition(":")[2].isdigit():
            raise ValueError(f"discover = {self.discover!r} names no port; give host:port")
        if self.start is not None and (len(self.urls) != 1 or self.discover):
            raise ValueError("a server that is started needs exactly one URL to be found at")
        return self


@dataclass(frozen=True)
class Wanted:
    """An adapter that every replica must serve."""

    specialist: str
    name: str
    """What servers call it: ``specialist@digest``."""
    folder: str
    """Where the servers find it."""
    canary: Canary | None


class Residency(Value):
    """An adapter on one replica."""

    adapter: str
    state: Literal["loading", "attested", "unattested", "refused"]
    reason: str = ""
    load_s: float | None = None
    """Seconds its cold load took; None: the server had it already."""
    attest_s: float | None = None
    """Seconds its attestation took."""


class ReplicaState(Value):
    """One server, as ``/readyz`` and metrics tell it."""

    url: str
    state: Literal["joining", "up", "down", "refused"]
    reason: str = ""
    adapters: tuple[Residency, ...] = ()
    joins: int = 0
    """How often it joined: more than once, it was away in between."""


@dataclass
class _Place:
    """A replica, and what is known of it."""

    engine: Managed
    replica: Replica
    state: Literal["joining", "up", "down", "refused"] = "joining"
    reason: str = "not reached yet"
    residents: dict[str, Residency] = field(default_factory=dict[str, Residency])
    joins: int = 0
    joining: asyncio.Task[None] | None = None


class Managed(Server, Protocol):
    """A server whose adapters can be changed while it runs."""

    async def models(self) -> tuple[str, ...]:
        """Names it answers to: its base, and the adapters that are loaded."""
        ...

    async def load_adapter(self, name: str, path: str) -> None:
        """Have it load an adapter from a folder that it sees."""
        ...

    async def unload_adapter(self, name: str) -> None:
        """Have it forget an adapter."""
        ...


Connect = Callable[[str], Managed]
"""Makes the engine of one server, by its URL."""


class Fleet:
    """Keeps a pool's replicas fit to answer. Belongs to the event loop that first asks it."""

    def __init__(
        self, settings: FleetSettings, wanted: Sequence[Wanted], *, model: str, connect: Connect
    ) -> None:
        """No server is asked yet: ``ready`` begins.

        Args:
            wanted: the adapters that every replica must serve.
            model: the base's name on the servers.
        """
        self._settings = settings
        self._wanted = {each.specialist: each for each in wanted}
        self._connect = connect
        self._places: dict[str, _Place] = {}
        self._watching: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.pool = Pool(model, settings=settings.pool, missing=self._missing)
        """Answers, on the replicas that are fit to."""

    # --- what others see ------------------------------------------------------------------------

    def states(self) -> tuple[ReplicaState, ...]:
        """Every replica, in order of URL."""
        return tuple(
            ReplicaState(
                url=url,
                state=place.state,
                reason=place.reason,
                adapters=tuple(place.residents[name] for name in sorted(place.residents)),
                joins=place.joins,
            )
            for url, place in sorted(self._places.items())
        )

    def adapter(self, specialist: str) -> str:
        """What the servers call a specialist's adapter.

        Raises:
            AdapterError: it is not among those wanted.
        """
        if specialist not in self._wanted:
            there = ", ".join(sorted(self._wanted)) or "none"
            raise AdapterError(f"no adapter for {specialist} is served here; there are: {there}")
        return self._wanted[specialist].name

    def residency(self, specialist: str) -> tuple[Residency, ...]:
        """A specialist's adapter, on each replica that knows of it."""
        name = self.adapter(specialist)
        return tuple(p.residents[name] for p in self._places.values() if name in p.residents)

    async def ready(self, specialist: str) -> None:
        """Return when a replica serves the specialist's adapter, attested.

        Raises:
            AdapterError: every replica there is refuses it; the message says why.
            Unavailable: none is there in time.
        """
        name = self.adapter(specialist)
        self.start()
        left = calls.remaining()
        wait = self._settings.start_s if left is None else min(left, self._settings.start_s)
        try:
            async with asyncio.timeout(wait):
                while not self._serves(name):
                    self._raise_if_refused(specialist, name)
                    await self._changed.wait()
        except TimeoutError:
            told = "; ".join(
                f"{each.url} is {each.state}" + (f" ({each.reason})" if each.reason else "")
                for each in self.states()
            )
            raise Unavailable(
                f"no model server serves {name} after {wait:.0f} s: "
                + (told or "no server was found")
            ) from None

    def start(self) -> None:
        """Begin to look after the replicas, on the running loop."""
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="watch model servers")

    # --- changes --------------------------------------------------------------------------------

    async def swap(self, wanted: Wanted) -> None:
        """Serve another adapter for a specialist: loaded and attested beside the old one on every
        replica that is up, then asked instead of it. The old one stays for ``retire_s``, until
        answers that began with it are through, and is unloaded.

        Raises:
            AdapterError: a replica refuses the new one; the old one goes on being served.
            Unavailable: no replica is up.
        """
        old = self._wanted.get(wanted.specialist)
        if old is not None and old.name == wanted.name:
            self._wanted[wanted.specialist] = wanted  # its folder may have moved
            return
        up = [place for place in self._places.values() if place.state == "up"]
        if not up:
            raise Unavailable(f"no model server is up to take {wanted.name}")
        await asyncio.gather(*(self._settle(place, wanted) for place in up))
        refused = [
            f"{place.replica.url}: {place.residents[wanted.name].reason}"
            for place in up
            if wanted.name not in place.replica.adapters
        ]
        if refused:
            await asyncio.gather(*(self._forget(place, wanted.name) for place in up))
            raise AdapterError(f"{wanted.name} was not put in place: " + "; ".join(refused))
        self._wanted[wanted.specialist] = wanted
        self._tell()
        if old is not None:
            leaving = asyncio.create_task(self._retire(old.name), name=f"retire {old.name}")
            self._retiring.add(leaving)
            leaving.add_done_callback(self._retiring.discard)

    async def unload(self, specialist: str) -> None:
        """Serve a specialist no more, once its answers under way are through.

        Raises:
            AdapterError: it is not served.
        """
        name = self.adapter(specialist)
        del self._wanted[specialist]
        self._tell()
        await self._retire(name)

    async def aclose(self) -> None:
        """Stop watching and close the connections. The servers stay as they are."""
        joining = (place.joining for place in self._places.values())
        tasks = [self._watching, *self._retiring, *joining]
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)
        await self.pool.aclose()

    # --- looking after --------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            try:
                await self._find()
                await asyncio.gather(*(self._look(place) for place in self._places.values()))
            except EngineError as error:
                log.warning("looking after the model servers: %s", error)
            except Exception:  # the watch outlives whatever one look runs into
                log.exception("looking after the model servers")
            await asyncio.sleep(self._settings.watch_s)

    async def _find(self) -> None:
        """Places for replicas that are new; those that are gone leave the pool."""
        urls = set(self._settings.urls)
        if self._settings.discover:
            urls |= await _resolve(self._settings.discover)
        for url in sorted(urls - set(self._places)):
            engine = self._connect(url)
            replica = Replica(engine, Breaker(self._settings.pool.breaker), up=False)
            self._places[url] = _Place(engine, replica)
            self.pool.replicas.append(replica)
        for url in sorted(set(self._places) - urls):
            place = self._places.pop(url)
            self._down(place, "it is no longer found")
            self.pool.replicas.remove(place.replica)
            if place.joining is not None:
                place.joining.cancel()
            await place.engine.aclose()

    async def _look(self, place: _Place) -> None:
        if place.joining is not None and not place.joining.done():
            return
        if not await self._healthy(place):
            if place.state != "down":
                self._down(place, "it does not say that it is well")
            return
        if place.state in ("joining", "down"):
            place.joining = asyncio.create_task(self._join(place), name=f"join {place.replica.url}")
            return
        if place.state == "up" and not self._settings.balanced:
            there = set(await place.engine.models())
            for each in tuple(self._wanted.values()):
                if each.name in place.replica.adapters and each.name not in there:
                    place.replica.adapters.discard(each.name)
                    await self._settle(place, each)

    async def _join(self, place: _Place) -> None:
        """The road from healthy to serving."""
        place.state, place.reason = "joining", "its adapters are being loaded and attested"
        place.joins += 1
        place.residents.clear()
        try:
            for each in tuple(self._wanted.values()):
                await self._settle(place, each)
            served = place.replica.adapters
            if place.residents and not served:
                raise AdapterError(next(each.reason for each in place.residents.values()))
            if not self._settings.balanced:
                await self._crowd(place)
        except AdapterError as error:
            place.replica.adapters.clear()
            place.state, place.reason = "refused", str(error)
            log.error("%s is refused: %s", place.replica.url, error)
        except EngineError as error:
            self._down(place, str(error))
        else:
            place.replica.up = place.replica.base_ok = True
            place.state, place.reason = "up", ""
        finally:
            self._tell()

    async def _settle(self, place: _Place, wanted: Wanted) -> None:
        """Have an adapter loaded and attested on one replica; its residency tells what came of it.

        Raises:
            Unavailable: the server does not answer.
        """
        engine, name = place.engine, wanted.name
        place.residents[name] = Residency(adapter=name, state="loading")
        load_s: float | None = None
        try:
            if self._settings.balanced:
                await self._answering(place, wanted)
                return
            if name not in await engine.models():
                began = time.monotonic()
                await engine.load_adapter(name, wanted.folder)
                load_s = time.monotonic() - began
            if wanted.canary is None:
                raise AdapterError(f"the adapter {name} has no canary: nothing proves that it acts")
            began = time.monotonic()
            await attest(engine, name, wanted.canary, format=self._settings.format)
            place.residents[name] = Residency(
                adapter=name,
                state="attested",
                load_s=load_s,
                attest_s=time.monotonic() - began,
            )
            place.replica.adapters.add(name)
            place.replica.up = True
        except (Unavailable, Overloaded):
            raise
        except EngineError as error:  # what the server says of the adapter, or cannot do at all
            place.replica.adapters.discard(name)
            place.residents[name] = Residency(
                adapter=name, state="refused", reason=str(error), load_s=load_s
            )
            log.error("%s on %s: %s", name, place.replica.url, error)
            if load_s is not None:
                with suppress(EngineError):
                    await engine.unload_adapter(name)
        finally:
            self._tell()

    async def _answering(self, place: _Place, wanted: Wanted) -> None:
        """Behind a balanced URL: that an adapter answers must do.

        Raises:
            AdapterError: it does not.
        """
        try:
            await place.engine.chat(_HELLO, adapter=wanted.name, sampling=Sampling(max_tokens=1))
        except AdapterError as error:
            raise AdapterError(
                f"the servers behind {place.replica.url} do not serve {wanted.name}: load it there "
                f"under that name, from {wanted.folder} ({error})"
            ) from error
        place.residents[wanted.name] = Residency(
            adapter=wanted.name,
            state="unattested",
            reason="one URL for several servers: which of them was asked cannot be said",
        )
        place.replica.adapters.add(wanted.name)
        place.replica.up = True

    async def _healthy(self, place: _Place) -> bool:
        if not self._settings.balanced:
            return await place.engine.healthy()
        try:  # what stands before several servers need not have vLLM's /health
            await place.engine.models()
        except EngineError:
            return False
        return True

    async def _crowd(self, place: _Place) -> None:
        canaries = {w.name: w.canary for w in self._wanted.values() if w.canary is not None}
        there = [name for name in canaries if name in place.replica.adapters]
        dialogues = [canaries[name].cases[0].dialogue for name in there]
        format = self._settings.format
        tolerance = max((canaries[name].tolerance(format) for name in there), default=0.0)
        await attest_crowd(place.engine, there, dialogues, tolerance=tolerance)

    def _missing(self, replica: Replica, adapter: str | None) -> None:
        """The pool found that a server has lost an adapter."""
        for place in self._places.values():
            if place.replica is replica and place.state == "up":
                self._down(place, f"it no longer knows {adapter or self.pool.model}")

    def _down(self, place: _Place, reason: str) -> None:
        """Nothing is known of a server that was away: it may come back as another."""
        place.replica.up = place.replica.base_ok = False
        place.replica.adapters.clear()
        place.residents.clear()
        place.state, place.reason = "down", reason
        self._tell()

    async def _retire(self, name: str) -> None:
        await asyncio.sleep(self._settings.retire_s)
        await self.pool.drained(name)
        await asyncio.gather(*(self._forget(place, name) for place in self._places.values()))

    async def _forget(self, place: _Place, name: str) -> None:
        place.replica.adapters.discard(name)
        place.residents.pop(name, None)
        with suppress(EngineError):  # it was not there, or the server is away: gone all the same
            await place.engine.unload_adapter(name)

    def _serves(self, name: str) -> bool:
        return any(name in place.replica.adapters for place in self._places.values())

    def _raise_if_refused(self, specialist: str, name: str) -> None:
        if not self._places:
            return
        reasons: list[str] = []
        for url, place in sorted(self._places.items()):
            resident = place.residents.get(name)
            if place.state == "refused":
                reasons.append(f"{url}: {place.reason}")
            elif resident is not None and resident.state == "refused":
                reasons.append(f"{url}: {resident.reason}")
            else:
                return
        raise AdapterError(f"no server serves {specialist}: " + "; ".join(reasons))

    def _tell(self) -> None:
        """Wake whoever waits for a change."""
        self.pool.wake()
        self._changed.set()
        self._changed = asyncio.Event()


async def _resolve(name: str) -> set[str]:
    """The URLs of all addresses behind a name; none while it does not resolve."""
    host, _, port = name.rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, int(port), type=1)
    except OSError as error:
        log.warning("%s does not resolve: %s", host, error)
        return set()
    addresses = {str(each[4][0]) for each in found}
    return {f"http://{f'[{a}]' if ':' in a else a}:{port}/v1" for a in addresses}


def secret(
    variable: str | None, setting: str, environ: Mapping[str, str] = os.environ
) -> str | None:
    """What an environment variable holds; None where none is named.

    Raises:
        ConfigError: it is named and not set.
    """
    if variable is None:
        return None
    if not environ.get(variable):
        raise ConfigError(f"{setting}: {variable} is not set")
    return environ[variable]
