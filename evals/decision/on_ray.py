"""The capture on a cluster: one task a run of an arm, on whatever ``RAY_ADDRESS`` names.

The cluster's nodes need this project installed, and reach by path what the design names (a base of
its own, public data, files); adapters are sent along. A node draws the questions itself and must
come to the same ones. It writes nothing: its samples come back to the one who writes. A task whose
node was lost is tried once more elsewhere; what is lost twice is left to the next attempt.
"""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.exceptions import RayError

from evals.decision import questions as asking
from evals.decision.contestants import Answers, Stage
from evals.decision.design import Registered
from evals.decision.entrants import Entrant, Roster
from evals.decision.hands import Here, Machine, Shard
from evals.decision.samples import Sample
from evals.decision.taking import Put, Taker, Turn, Variant
from specialists.foundation.errors import ConfigError, DataError
from specialists.foundation.records import RunRecord, artefact_digest, verify
from specialists.registry import WEIGHTS

TRIES = 1
"""Times that a task is tried again when its node was lost."""


@dataclass(frozen=True)
class Sent:
    """What every node needs to know."""

    registered: Registered
    roster: Roster
    data: Path | None
    machine: Machine
    at_once: int


@dataclass(frozen=True)
class Parcel:
    """What a node is sent: one contestant and what it has left to answer."""

    registered: Registered
    seed: int
    """Of the test."""
    data: Path | None
    base: Path | None
    """None: the embedded one."""
    base_digest: str
    entrant: Entrant
    adapter: bytes
    """Its folder as a tar; empty where it has none."""
    machine: Machine
    at_once: int
    turns: tuple[tuple[str, str, Variant, int], ...]
    """Paper, question, way to decode, draw."""
    openings: dict[tuple[str, str], str]
    """SHA-256 of what each question opens with, by paper and id."""


@dataclass(frozen=True)
class Back:
    """What comes back."""

    rows: tuple[Sample, ...]
    where: str
    fault: str = ""
    """Why it stopped before its end: the judge broke down, or the questions are others."""


class Cluster:
    """Takes samples on a cluster."""

    def __init__(self, sent: Sent, taker: Taker, here: Here, say: Callable[[str], None]) -> None:
        """``here`` reads files of answers: no node needs to have them."""
        self._sent = sent
        self._taker = taker
        self._here = here
        self._say = say

    async def take(self, shards: Sequence[Shard], put: Put) -> None:
        """Take samples, each contestant's as soon as a node has room for it.

        Raises:
            ConfigError: the cluster cannot be reached, or no node has room for a task.
            DataError: the judge broke down, or a node draws other questions.
        """
        near = [shard for shard in shards if isinstance(shard.contestant, Answers)]
        await self._here.take(near, put)
        far = [shard for shard in shards if not isinstance(shard.contestant, Answers)]
        joined = bool(far) and not ray.is_initialized()
        if joined:
            await asyncio.to_thread(_join, self._say)
        try:
            await self._spread(far, put)
        finally:
            if joined:
                ray.shutdown()

    async def _spread(self, shards: Sequence[Shard], put: Put) -> None:
        if not shards:
            return
        machine = self._sent.machine
        needs = {"CPU": float(machine.threads)}
        if machine.device.startswith("cuda"):
            needs["GPU"] = 1.0
        nodes = _room(needs)
        task: Any = ray.remote(_away).options(
            num_cpus=needs["CPU"],
            num_gpus=needs.get("GPU", 0.0),
            max_retries=TRIES,
            scheduling_strategy="SPREAD",
        )
        refs = [(task.remote(self._parcel(shard)), shard) for shard in shards]
        self._say(f"{len(refs)} tasks on {nodes} nodes")
        waiting = [asyncio.ensure_future(self._one(ref, shard, put)) for ref, shard in refs]
        try:
            await asyncio.gather(*waiting)
        except BaseException:
            for ref, _ in refs:
                ray.cancel(ref, force=False)
            raise
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _one(self, ref: Any, shard: Shard, put: Put) -> None:
        try:
            back: Back = await ref
        except RayError as error:  # the node was lost, or the worker was killed for its memory
            self._say(
                f"{shard.name}: lost with its node ({type(error).__name__}); the next attempt "
                f"takes its {len(shard.turns):,} samples"
            )
            return
        for row in back.rows:
            put(row)
        self._say(f"{shard.name}: {len(back.rows):,} samples from {back.where}")
        if back.fault:
            raise DataError(f"{shard.name} on {back.where}: {back.fault}")

    def _parcel(self, shard: Shard) -> Parcel:
        sent, entrant = self._sent, shard.contestant.entrant
        embedded = sent.roster.base == WEIGHTS / "base"
        return Parcel(
            registered=sent.registered,
            seed=self._taker.seed,
            data=sent.data.resolve() if sent.data else None,
            base=None if embedded else sent.roster.base.resolve(),
            base_digest=sent.roster.base_digest,
            entrant=entrant,
            adapter=packed(entrant.folder) if entrant.folder else b"",
            machine=sent.machine,
            at_once=sent.at_once,
            turns=tuple(
                (turn.question.paper, turn.question.id, turn.variant, turn.draw)
                for turn in shard.turns
            ),
            openings={
                (turn.question.paper, turn.question.id): self._taker.opening(
                    turn.question, sent.registered.design.decode.form
                )
                for turn in shard.turns
            },
        )


def packed(folder: Path) -> bytes:
    """A folder as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, arcname=".")
    return buffer.getvalue()


def _join(say: Callable[[str], None]) -> None:
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        say("RAY_ADDRESS names no cluster: a local one is started")
    try:
        ray.init(address=address) if address else ray.init(include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"cannot reach the Ray cluster at {address}: {error}") from error


def _room(needs: dict[str, float]) -> int:
    """How many nodes there are; what none has room for is refused, since it would wait for ever."""
    nodes: list[dict[str, Any]] = [node for node in ray.nodes() if node["Alive"]]
    for node in nodes:
        if all(node["Resources"].get(what, 0.0) >= count for what, count in needs.items()):
            return len(nodes)
    told = " and ".join(f"{count:g} {what}" for what, count in needs.items())
    raise ConfigError(f"a contestant needs {told}, and no node of the cluster has that")


# --- on a node ----------------------------------------------------------------------------------


def _away(parcel: Parcel) -> Back:
    """Take a parcel's samples. Runs in a worker of Ray."""
    where = f"{ray.util.get_node_ip_address()} {ray.get_runtime_context().get_node_id()[:8]}"
    rows: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="finroute-") as name:
        try:
            asyncio.run(_taken(parcel, Path(name), rows.append))
        except DataError as error:
            return Back(tuple(rows), where, str(error))
    return Back(tuple(rows), where)


async def _taken(parcel: Parcel, scratch: Path, put: Put) -> None:
    design = parcel.registered.design
    drawn = asking.draw(parcel.registered, parcel.seed, data=parcel.data, access=None)
    by_id = {(q.paper, q.id): q for questions in drawn.values() for q in questions}
    task = asking.job(design)
    taker = Taker(task, design.decode, parcel.seed)
    for key, told in parcel.openings.items():
        if key not in by_id or taker.opening(by_id[key], design.decode.form) != told:
            raise DataError(f"this node draws another question for {'/'.join(key)}")
    stage = Stage(
        Roster((_unpacked(parcel, scratch),), _base(parcel), parcel.base_digest),
        task,
        path=parcel.registered.path,
        rows=parcel.at_once,
        **asdict(parcel.machine),
    )
    turns = [Turn(by_id[paper, name], way, draw) for paper, name, way, draw in parcel.turns]
    try:
        await taker.all(stage.contestants[0], turns, put, at_once=parcel.at_once)
    finally:
        await stage.aclose()


def _unpacked(parcel: Parcel, scratch: Path) -> Entrant:
    entrant = parcel.entrant
    if not parcel.adapter:
        return entrant
    folder = scratch / "adapter"
    with tarfile.open(fileobj=io.BytesIO(parcel.adapter)) as tar:
        tar.extractall(folder, filter="data")
    record: RunRecord = verify(folder, entrant.digest)
    return Entrant(entrant.arm, entrant.run, entrant.digest, entrant.seed, folder, record)


def _base(parcel: Parcel) -> Path:
    base = parcel.base or WEIGHTS / "base"
    if artefact_digest(base) != parcel.base_digest:
        raise DataError(f"the base in {base} of this node is another one")
    return base
