"""What answers share, and the desk each one gets: who plans, who works, on which tables.

Holds the specialists, the sandbox and a few snapshots' tools. It runs nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from router.budget import Budget, Ledger
from router.config import Settings
from router.graph import Desk
from router.planner import Planner
from router.state import State
from router.worker import Worker
from specialists import registry as registries
from specialists.agent import Specialist
from specialists.cases.vote import Votes, packaged
from specialists.cases.voted import VotedPlanning
from specialists.foundation.contracts import Usage
from specialists.foundation.errors import AdapterError, ToolError
from specialists.planning.render import JOBS
from specialists.registry import Registry
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.toolbox import Toolbox

log = logging.getLogger("finroute.desks")

PLACES = 4
"""Snapshots whose tools are kept at hand."""


class Desks:
    """Makes desks. Belongs to one event loop, as engines and sandboxes do."""

    def __init__(self, registry: Registry, settings: Settings, state: State) -> None:
        self._registry = registry
        self._settings = settings
        self._state = state
        self._sandbox = Sandbox()
        self._planning: Specialist | None = None
        self._places: dict[str, tuple[Toolbox, Linker]] = {}
        self._starting: set[asyncio.Task[None]] = set()

    async def make(self, id: str, snapshot: Snapshot, budget: Budget | None, spent: Usage) -> Desk:
        """A desk for one run of an answer; loads the planner where it is not loaded yet.

        Args:
            budget: what the answer may consume; None: as the settings say.
            spent: what earlier runs of the same answer have consumed.
        """
        planning = self._planner()
        toolbox, linker = await self._place(snapshot)
        await planning.ready()  # loading is the cold start's time, not this answer's
        settings = self._settings

        return Desk(
            id=id,
            settings=settings,
            planner=Planner(
                planning,
                snapshot.catalogue,
                linker,
                # One tuned to all jobs plans for all: a step without its adapter fails by itself.
                self.jobs() if planning.form == "full" else tuple(JOBS),
                settings.schedule.max_steps,
                settings.cases,
            ),
            planner_engine=planning.engine,
            worker=lambda emit, ledger: Worker(
                specialist=self._registry.specialist,
                large=self._large if planning.form == "full" else None,
                tools=toolbox,
                settings=settings,
                ledger=ledger,
                emit=emit,
            ),
            catalogue=snapshot.catalogue,
            state=self._state,
            ledger=Ledger(budget or settings.budget, spent),
            assurance=self._registry.assurance if planning.form == "compact" else None,
            began=time.monotonic(),
        )

    def jobs(self) -> tuple[str, ...]:
        """The specialists a plan may give work to: those that are served."""
        return tuple(e.name for e in self._registry.list() if e.name in JOBS and e.served)

    async def warm(self, snapshot: Snapshot) -> dict[str, str]:
        """Load and attest every specialist that is served, and start a sandbox on the snapshot.

        Returns:
            Why a specialist cannot be served, by name: its steps will fail, the others answer.

        Raises:
            EngineError: the planner cannot be loaded, is not served, or no server answers.
        """
        await self._place(snapshot)
        await self._planner().ready()
        refused: dict[str, str] = {}
        for name in self.jobs():
            try:
                await self._registry.specialist(name).ready()
            except AdapterError as error:
                refused[name] = str(error)
        return refused

    async def aclose(self) -> None:
        """Release the models and the sandbox."""
        for starting in self._starting:
            starting.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await self._registry.aclose()
        await self._sandbox.aclose()

    def _planner(self) -> Specialist:
        if self._settings.planner.engine == "langchain":
            if self._planning is None:
                from router.large import ExemplaryPlanning, from_settings

                engine = from_settings(self._settings.planner)
                cases = self._settings.cases
                job = ExemplaryPlanning(Votes(packaged(cases.encoder)), cases.shots)
                self._planning = Specialist(job, engine, form="full", ready=job.ready)
            return self._planning
        planning = self._registry.specialist("planning")
        if self._planning is None or self._planning.adapter != planning.adapter:  # swapped
            if isinstance(planning.task, VotedPlanning):
                task = planning.task.reading_with(self._settings.cases.encoder)
                planning = replace(planning, task=task)
            self._planning = planning
        return self._planning

    def _large(self, name: str) -> Specialist:
        """A job on the planner's model, which was not tuned to it."""
        return replace(self._planner(), task=registries.task(name))

    async def _place(self, snapshot: Snapshot) -> tuple[Toolbox, Linker]:
        """The tools and the linker of a snapshot."""
        known = self._places.get(snapshot.digest)
        if known is None:
            linker = await asyncio.to_thread(Linker, snapshot.catalogue, snapshot.documents)
            known = (Toolbox(snapshot, self._sandbox), linker)
            while len(self._places) >= PLACES:
                self._places.pop(next(iter(self._places)))
            self._places[snapshot.digest] = known
            starting = asyncio.create_task(self._start_sandbox(snapshot))
            self._starting.add(starting)
            starting.add_done_callback(self._starting.discard)
        return known

    async def _start_sandbox(self, snapshot: Snapshot) -> None:
        """Have a child process with the snapshot's rows ready before a model asks for it."""
        try:
            await self._sandbox.pool.run(snapshot, "SELECT 1")
        except ToolError as error:  # the first query will say so, too
            log.warning("the sandbox did not start: %s", error)
