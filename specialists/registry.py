"""Who can answer: every specialist by name, with its weights and the evidence for them.

The embedded registry reads ``weights/weights.json``. Listing it imports no model library; files and
decision records are verified when the registry is opened, weights are read when a specialist is
first used, and an adapter is attested before its first answer. Which adapters may be served at all
is decided in ``serving.py``.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from specialists.adapters import open_adapter
from specialists.agent import Specialist
from specialists.attestation import Canary, attest
from specialists.engines.base import Engine
from specialists.engines.lazy import LazyEngine
from specialists.foundation import records
from specialists.foundation.contracts import Value
from specialists.foundation.decisions import Verdict
from specialists.foundation.errors import AdapterError, NotFound, RecordError
from specialists.foundation.records import (
    ASSURANCE,
    CALIBRATION,
    CANARY,
    RUN,
    Assurance,
    Calibration,
    Manifest,
    RunRecord,
)
from specialists.serving import MEASURING, SHIPPED, Serving, Standing, standing
from specialists.task import Task
from specialists.weights import WEIGHTS

MANIFEST = "weights.json"

TASKS: Mapping[str, str] = {
    "sentiment": "specialists.sentiment.task:SentimentTask",
    "extraction": "specialists.extraction.task:ExtractionTask",
    "table_qa": "specialists.table_qa.task:TableTask",
    "calculation": "specialists.calculation.task:CalculationTask",
    "planning": "specialists.cases.voted:VotedPlanning",
}
"""The jobs there are, as ``module:class``, imported when used."""
STUDIED: Mapping[str, str] = {"maths": "specialists.maths.task:MathsTask"}
"""Jobs that methods of training are studied on; nobody serves them."""

Progress = Callable[[str, float], None]


def task(name: str) -> Task[Any, Any]:
    """The task of a job.

    Raises:
        NotFound: no such job.
    """
    known = {**TASKS, **STUDIED}
    if name not in known:
        raise NotFound(f"no specialist named {name!r}; there are {', '.join(known)}")
    module, _, attribute = known[name].partition(":")
    return getattr(importlib.import_module(module), attribute)()


Attestation = Literal["pending", "attested", "unattested", "refused"]


class Entry(Value):
    """A specialist as a list shows it."""

    name: str
    model: str
    adapter: str | None
    """SHA-256 of the adapter."""
    decision: str | None
    """Id of the decision record."""
    provisional: bool
    """No record says that this adapter was adopted."""
    calibrated: bool
    size_bytes: int
    """Of the adapter's weights."""
    served: bool = True
    """False: it is refused, and its steps fail with the reason."""
    verdict: Verdict | None = None
    """Of the decision record."""
    approved: tuple[str, ...] = ()
    """Who approved the record, with keys that are trusted here; none: it counts as unsigned."""
    reason: str = ""
    """Why it is served, served provisionally, or refused."""
    attestation: Attestation = "pending"
    """Whether the loaded adapter was held against its canary: ``pending`` until it is first used or
    its servers are there; ``unattested`` behind one balanced URL, where nobody can say which server
    was asked; ``refused`` where it failed."""


class Registry(Protocol):
    """Specialists by name."""

    @property
    def assurance(self) -> Assurance | None:
        """When their answers are sure enough to be given; None: nobody measured it."""
        ...

    def list(self) -> tuple[Entry, ...]: ...
    def specialist(self, name: str) -> Specialist: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class Shelved:
    """What is known of one adapter from its folder."""

    folder: Path
    record: RunRecord
    calibration: Calibration | None
    standing: Standing
    canary: Canary | None


class _Once:
    """Does something once for each name, however many ask, on whatever loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, Future[bool]] = {}

    async def do(self, name: str, act: Callable[[], Awaitable[None]]) -> None:
        """Do it, or wait for who does. An ``AdapterError`` is remembered, all else tried again."""
        while True:
            with self._lock:
                future = self._done.get(name)
                mine = future is None
                if future is None:
                    future = self._done[name] = Future()
            if mine:
                return await self._mine(name, act, future)
            if await asyncio.shield(asyncio.wrap_future(future)):
                return None

    async def _mine(
        self, name: str, act: Callable[[], Awaitable[None]], future: Future[bool]
    ) -> None:
        try:
            await act()
        except AdapterError as error:
            future.set_exception(error)
            raise
        except BaseException:
            with self._lock:
                del self._done[name]
            future.set_result(False)  # the others try for themselves
            raise
        future.set_result(True)


class Shelf:
    """A folder of weights: one base and its adapters, verified when it is opened. Serves nothing:
    who does says how (``Embedded``, ``served.Served``)."""

    def __init__(self, folder: Path = WEIGHTS, *, serving: Serving = MEASURING) -> None:
        """Read the manifest and verify every file it speaks of.

        Args:
            serving: which adapters may be served. By default all, for whoever measures them.

        Raises:
            RecordError: no manifest, or the base or a record is missing, altered, of something
                else or signed by a key that is not trusted.
            AdapterError: an adapter is altered or was made on another base.
            ConfigError: a trusted key that is none.
        """
        self.manifest = Manifest.read(folder / MANIFEST)
        base = self.manifest.base
        self.folder, self.base = folder, folder / base.folder
        records.verify(self.base, base.digest)
        self._serving = serving
        self.adapters = {
            name: self.open(name, folder / artefact.folder, artefact.digest)
            for name, artefact in self.manifest.adapters.items()
        }
        self.assurance = _assurance(folder, self.manifest)

    def open(self, name: str, folder: Path, digest: str | None = None) -> Shelved:
        """An adapter for a specialist, verified: its files, what is told about it, its standing.

        Args:
            digest: the one it must have; None: as its own record says.

        Raises:
            RecordError: a record that is missing, broken or of something else.
            AdapterError: altered, or made on another base.
            ConfigError: a trusted key that is none.
        """
        base = self.manifest.base.digest
        expected = digest or RunRecord.read(folder / RUN).digest
        record = open_adapter(folder, expected=expected, base=base)
        calibration = Calibration.read(folder / CALIBRATION) if _has(folder, CALIBRATION) else None
        canary = Canary.read(folder / CANARY) if _has(folder, CANARY) else None
        if calibration is not None and calibration.base not in ("", base):
            raise RecordError(f"{name}: its {CALIBRATION} speaks of another base")
        about = {CALIBRATION: calibration, CANARY: canary}
        for file, each in about.items():
            if each is not None and each.adapter != record.digest:
                raise RecordError(f"{name}: its {file} speaks of another adapter")
        right = standing(folder, self._serving, specialist=name, adapter=record.digest, base=base)
        return Shelved(folder, record, calibration, right, canary)

    def list(self) -> tuple[Entry, ...]:
        """The specialists there are, by name."""
        return tuple(
            Entry(
                name=name,
                model=self.manifest.base.name,
                adapter=each.record.digest,
                decision=each.standing.decision,
                provisional=not each.standing.adopted,
                calibrated=each.calibration is not None,
                size_bytes=(each.folder / "adapter_model.safetensors").stat().st_size,
                served=each.standing.served,
                verdict=each.standing.verdict,
                approved=each.standing.approved,
                reason=each.standing.reason,
            )
            for name, each in sorted(self.adapters.items())
        )

    def bind(
        self, name: str, engine: Engine, adapter: str, ready: Callable[[], Awaitable[None]]
    ) -> Specialist:
        """A specialist on an engine that serves its adapter.

        One that may not be served raises ``AdapterError`` when it is used: what its task settles by
        code needs no adapter and goes on.

        Args:
            adapter: what the engine calls it.
            ready: awaited before each use.

        Raises:
            NotFound: no such job, or no adapter for it.
        """
        job = task(name).equipped(self.folder)
        each = self.adapters.get(name)
        if each is None:
            there = ", ".join(sorted(self.adapters)) or "none"
            raise NotFound(f"there is no adapter for {name}; there are: {there}")
        if not each.standing.served:
            return Specialist(job, engine, ready=lambda: _refuse(name, each.standing))
        return Specialist(
            task=job,
            engine=engine,
            adapter=adapter,
            digest=each.record.digest,
            calibration=each.calibration,
            decision=each.standing.decision if each.standing.adopted else None,
            ready=ready,
        )


class Embedded(Shelf):
    """The specialists that come with the package, over one in-process base."""

    def __init__(
        self,
        folder: Path = WEIGHTS,
        *,
        threads: int = 1,
        rows: int = 16,
        serving: Serving = MEASURING,
        progress: Progress | None = None,
    ) -> None:
        """Open a folder of weights; see ``Shelf``. No model is loaded yet.

        Args:
            threads: torch threads.
            rows: dialogues under way at once.
            serving: which adapters may be served. By default all, for whoever measures them; who
                answers people uses ``load_embedded``.
        """
        super().__init__(folder, serving=serving)
        self._attested = _Once()
        self._attestations: dict[str, Attestation] = {}

        def load() -> Engine:
            from specialists.engines.local import LocalEngine

            return LocalEngine.load(
                self.base,
                name=self.manifest.base.name,
                adapters={n: a.folder for n, a in self.adapters.items() if a.standing.served},
                threads=threads,
                rows=rows,
                progress=progress,
            )

        self.engine = LazyEngine(self.manifest.base.name, load)
        """The base with the adapters that are served; loaded when first used."""

    def list(self) -> tuple[Entry, ...]:
        """The specialists there are, by name."""
        return tuple(
            each.model_copy(
                update={"attestation": self._attestations.get(each.name, each.attestation)}
            )
            for each in super().list()
        )

    def specialist(self, name: str) -> Specialist:
        """A specialist; nothing is loaded yet. See ``Shelf.bind``.

        Raises:
            NotFound: no such job, or no adapter for it.
        """
        return self.bind(
            name, self.engine, name, lambda: self._attested.do(name, lambda: self._attest(name))
        )

    async def aclose(self) -> None:
        """Release the base."""
        await self.engine.aclose()

    async def _attest(self, name: str) -> None:
        canary = self.adapters[name].canary
        try:
            if canary is None:
                raise AdapterError(
                    f"the adapter {name} has no {CANARY}: nothing proves that it acts"
                )
            await attest(self.engine, name, canary)
        except AdapterError:
            self._attestations[name] = "refused"
            raise
        self._attestations[name] = "attested"


async def _refuse(name: str, why: Standing) -> None:
    raise AdapterError(f"the adapter {name} is not served: {why.reason}")


def _assurance(folder: Path, manifest: Manifest) -> Assurance | None:
    """The assurance beside the manifest.

    Raises:
        RecordError: it was measured on other weights.
    """
    if not _has(folder, ASSURANCE):
        return None
    assurance = Assurance.read(folder / ASSURANCE)
    adapters = {name: artefact.digest for name, artefact in manifest.adapters.items()}
    if (assurance.base, assurance.adapters) != (manifest.base.digest, adapters):
        raise RecordError(
            f"{ASSURANCE} speaks of other weights: measure it again with `finroute evals "
            "calibrate`, or remove it"
        )
    return assurance


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def load_embedded(
    folder: Path = WEIGHTS,
    *,
    threads: int = 1,
    rows: int = 16,
    serving: Serving = SHIPPED,
    progress: Progress | None = None,
) -> Embedded:
    """The embedded specialists, to answer people; see ``Embedded``. Imports no model library yet.

    Args:
        serving: which adapters may be served. By default also those whose record does not adopt
            them: their answers say ``provisional``.
    """
    return Embedded(folder, threads=threads, rows=rows, serving=serving, progress=progress)
