"""One router a workspace, opened when first asked for, all over the same models."""

from __future__ import annotations

import asyncio
from typing import Any

from router.config import Settings
from router.router import Router
from router.state import Recorded
from service.config import ServiceSettings
from service.problems import Busy
from specialists.engines.pool import PoolStats
from specialists.fleet import ReplicaState
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError, FinrouteError, NotFound
from specialists.registry import Entry, Registry
from specialists.served import Served
from specialists.workspace.versions import Workspace


class Listed(Value):
    """A workspace as a list shows it."""

    name: str
    version: str = ""
    companies: int = 0
    tables: tuple[str, ...] = ()
    documents: int = 0
    error: str = ""
    """Why it cannot be read, where it cannot."""


class Routers:
    """The routers of one service. All on the service's event loop."""

    def __init__(self, settings: Settings, service: ServiceSettings, registry: Registry) -> None:
        self.settings = settings
        self._service = service
        self._registry = registry
        self._routers: dict[str, Router] = {}
        self._opening = asyncio.Lock()
        self._running = 0
        self._warming: asyncio.Task[dict[str, str]] | None = None

    # --- answers under way ----------------------------------------------------------------------

    def begin(self) -> None:
        """Take a place for an answer; ``end`` gives it back.

        Raises:
            Busy: as many as may be are under way.
        """
        if self._running >= self._service.max_answers:
            raise Busy(f"{self._running} answers are under way; try again in a moment")
        self._running += 1

    async def end(self) -> None:
        """Give an answer's place back."""
        self._running -= 1

    # --- workspaces -----------------------------------------------------------------------------

    async def of(self, name: str | None) -> Router:
        """The router over a workspace; None: the settings' own.

        Raises:
            NotFound: no such workspace, or one that may not be asked here.
        """
        name = name or self.settings.workspace
        there = self._allowed(await asyncio.to_thread(Workspace.names))
        default = name == self.settings.workspace and self._allowed([name])
        if name not in there and not default:
            raise NotFound(f"there is no workspace {name!r}; there are: {', '.join(there) or '-'}")
        async with self._opening:
            if name not in self._routers:
                self._routers[name] = await asyncio.to_thread(
                    Router.open, name, self.settings, registry=self._registry
                )
            return self._routers[name]

    async def workspaces(self) -> list[Listed]:
        """The workspaces that may be asked."""
        return await asyncio.to_thread(self._list)

    def specialists(self) -> tuple[Entry, ...]:
        """The specialists there are."""
        return self._registry.list()

    async def recorded(self, id: str) -> Recorded:
        """An answer by its whole id.

        Raises:
            NotFound: no such answer, or one over a workspace that may not be asked here.
        """
        router = await self.of(None)
        found = await asyncio.to_thread(router.trace, id)
        if found.id != id or not self._allowed([found.workspace]):
            raise NotFound(f"no answer {id!r}")
        return found

    def _allowed(self, names: list[str]) -> list[str]:
        allowed = self._service.workspaces
        return [name for name in names if not allowed or name in allowed]

    def _list(self) -> list[Listed]:
        return [_listed(name) for name in self._allowed(Workspace.names())]

    # --- lifetime -------------------------------------------------------------------------------

    def start_warming(self) -> None:
        """Load the models in the background."""
        self._warming = asyncio.create_task(self._warm(), name="load the models")

    def check_ready(self) -> dict[str, str]:
        """Return when the models are loaded.

        Returns:
            Why specialists are refused, by name: their steps fail, the others answer.

        Raises:
            NotReady: they are not, or cannot be; or every model server is away.
        """
        if self._warming is None or not self._warming.done():
            raise NotReady("the models are being loaded" + self._waiting())
        failure = None if self._warming.cancelled() else self._warming.exception()
        if failure is not None:
            told = str(failure) if isinstance(failure, FinrouteError) else type(failure).__name__
            raise NotReady(f"the models cannot be loaded: {told}")
        replicas = self.replicas()
        if replicas and not any(each.state == "up" for each in replicas):
            raise NotReady("no model server answers" + self._waiting())
        refused = {e.name: e.reason for e in self._registry.list() if not e.served}
        return refused | self._warming.result()

    async def reload(self) -> tuple[str, ...]:
        """Serve what the weights' folder holds by now; see ``Served.reload``.

        Raises:
            ConfigError: the models run in process, which reads its weights once.
            RecordError, AdapterError, Unavailable: it cannot be; what was served goes on.
        """
        if not isinstance(self._registry, Served):
            raise ConfigError("models in process read their weights once: restart the service")
        return await self._registry.reload()

    def replicas(self) -> tuple[ReplicaState, ...]:
        """The model servers; none where models run in process."""
        return self._registry.replicas() if isinstance(self._registry, Served) else ()

    def pool(self) -> PoolStats | None:
        """How calls to the model servers went; None where models run in process."""
        return self._registry.fleet.pool.stats() if isinstance(self._registry, Served) else None

    def _waiting(self) -> str:
        """What is known of servers that are not up, as the end of a sentence."""
        away = [
            f"{each.url} is {each.state} ({each.reason})"
            for each in self.replicas()
            if each.state != "up"
        ]
        return ": " + "; ".join(away) if away else ""

    async def aclose(self) -> None:
        """Stop loading, release models, sandboxes and stores."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        for router in self._routers.values():
            await router.aclose()
        if not self._routers:
            await self._registry.aclose()

    async def _warm(self) -> dict[str, str]:
        return await (await self.of(None)).warm()


class NotReady(FinrouteError):
    """The service cannot answer yet."""

    status = 503


def _listed(name: str) -> Listed:
    try:
        workspace = Workspace.open(name)
        catalogue: Any = workspace.catalogue
    except FinrouteError as error:
        return Listed(name=name, error=str(error))
    return Listed(
        name=name,
        version=catalogue.version,
        companies=len(catalogue.companies),
        tables=tuple(table.name for table in catalogue.tables),
        documents=len(catalogue.documents),
    )
