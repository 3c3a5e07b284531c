"""The specialists over model servers: the same weights, records and canaries as in process, their
adapters loaded on every replica by digest, attested there, and asked through one pool.

What a specialist costs here is a name: servers are looked for when the first is used.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from specialists.agent import Specialist
from specialists.fleet import DIGITS, Fleet, FleetSettings, Managed, ReplicaState, Wanted, secret
from specialists.foundation.errors import AdapterError, RecordError
from specialists.registry import Attestation, Entry, Shelf, Shelved
from specialists.serving import SHIPPED, Serving
from specialists.weights import WEIGHTS

_BEST: tuple[Attestation, ...] = ("attested", "unattested", "refused")
"""What counts where replicas differ: one that is right can answer."""


class Served(Shelf):
    """A folder of weights, served by vLLM or what speaks like it."""

    def __init__(
        self,
        settings: FleetSettings,
        folder: Path = WEIGHTS,
        *,
        serving: Serving = SHIPPED,
    ) -> None:
        """Open a folder of weights; see ``Shelf``. No server is asked yet.

        Raises:
            ConfigError: a variable that should hold a key or a secret is not set.
        """
        super().__init__(folder, serving=serving)
        model = settings.model or self.manifest.base.name
        key = secret(settings.key_env, "servers.key_env")
        salt = secret(settings.salt_env, "servers.salt_env")
        tells_apart = salt.encode() if salt is not None else secrets.token_bytes(32)

        def connect(url: str) -> Managed:
            from specialists.engines.openai import OpenAIEngine

            return OpenAIEngine(
                url,
                model=model,
                key=key,
                timeout_s=settings.timeout_s,
                salt=tells_apart,
                readings=settings.pool.concurrency,
            )

        self._settings = settings
        wanted = [
            self._wanted(name, each)
            for name, each in sorted(self.adapters.items())
            if each.standing.served
        ]
        self.fleet = Fleet(settings, wanted, model=model, connect=connect)
        """The servers, and who of them is fit to answer."""

    def list(self) -> tuple[Entry, ...]:
        """The specialists there are, by name."""
        return tuple(
            each.model_copy(update={"attestation": self._attestation(each)})
            for each in super().list()
        )

    def specialist(self, name: str) -> Specialist:
        """A specialist; see ``Shelf.bind``.

        Raises:
            NotFound: no such job, or no adapter for it.
        """
        known = self.adapters.get(name)
        served = known is not None and known.standing.served
        adapter = self.fleet.adapter(name) if served else name
        return self.bind(name, self.fleet.pool, adapter, lambda: self.fleet.ready(name))

    async def swap(self, name: str, folder: Path) -> None:
        """Serve another adapter for a specialist, without a pause: see ``Fleet.swap``.

        Args:
            folder: of the new adapter, with its records; the servers must find it, too.

        Raises:
            RecordError: a record that is missing, broken or of something else.
            AdapterError: altered, made on another base, without the right to be served, or refused
                by a server. The old one goes on being served.
            Unavailable: no server is up.
        """
        each = self.open(name, folder)
        if not each.standing.served:
            raise AdapterError(f"the adapter in {folder} is not served: {each.standing.reason}")
        await self._put(name, each)

    async def reload(self) -> tuple[str, ...]:
        """Serve what the folder's manifest names by now: adapters that changed are swapped, each
        without a pause. The whole folder is verified before anything is changed.

        Returns:
            Names of the specialists whose adapters were swapped, or may be served no more.

        Raises:
            RecordError: a record is missing, altered or of something else, or there is another
                base, or other specialists: those need a restart.
            AdapterError: see ``swap``; those swapped before it stay so, without an assurance.
            Unavailable: no server is up.
        """
        there = await asyncio.to_thread(Shelf, self.folder, serving=self._serving)
        if there.manifest.base.digest != self.manifest.base.digest:
            raise RecordError(f"{self.folder} has another base now, which needs new servers")
        if there.adapters.keys() != self.adapters.keys():
            raise RecordError(
                f"{self.folder} has adapters for {', '.join(sorted(there.adapters))} now, and "
                f"{', '.join(sorted(self.adapters))} are served: that needs a restart"
            )
        changed = [name for name, each in there.adapters.items() if await self._put(name, each)]
        self.manifest, self.adapters = there.manifest, there.adapters  # what is told of them, too
        self.assurance = there.assurance
        return tuple(changed)

    def replicas(self) -> tuple[ReplicaState, ...]:
        """The servers and what each serves."""
        return self.fleet.states()

    async def aclose(self) -> None:
        """Stop looking after the servers; they stay as they are."""
        await self.fleet.aclose()

    async def _put(self, name: str, each: Shelved) -> bool:
        """Serve an adapter, or none where it may not be; whether that is another than before."""
        before = self.adapters.get(name)
        if each.standing.served:
            await self.fleet.swap(self._wanted(name, each))
        elif before is not None and before.standing.served:
            await self.fleet.unload(name)
        changed = before is None or _served(each) != _served(before)
        if changed:
            self.assurance = None  # it was measured with the old one
        self.adapters[name] = each
        return changed

    def _attestation(self, entry: Entry) -> Attestation:
        if not entry.served:
            return "pending"
        found = {each.state for each in self.fleet.residency(entry.name)}
        for state in _BEST:
            if state in found:
                return state
        return "pending"

    def _wanted(self, name: str, each: Shelved) -> Wanted:
        root = self._settings.folder
        inside = root and each.folder.is_relative_to(self.folder)
        place = Path(root) / each.folder.relative_to(self.folder) if inside else each.folder
        return Wanted(
            specialist=name,
            name=f"{self._settings.prefix}{served_name(name, each.record.digest)}",
            folder=str(place if inside else place.resolve()),
            canary=each.canary,
        )


def _served(each: Shelved) -> str | None:
    """Digest of what is served; None: it may not be."""
    return each.record.digest if each.standing.served else None


def served_name(specialist: str, digest: str) -> str:
    """What servers call an adapter: its job and the beginning of its digest."""
    return f"{specialist}@{digest[:DIGITS]}"
