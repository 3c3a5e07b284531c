"""Steps of the table environment a second: the real toolbox beside in-memory SQLite.

The reference answers the same calls with the same limits (no ``SELECT *``, a filter or an aggregate
or a LIMIT, so many rows, so much time, units by column) and without what the real one is for: no
admission of hostile SQL, no process of its own, no cells behind a result. Both are driven by the
same written-out episodes through the loop that serves.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from specialists.agent import Run, Specialist, answer_one
from specialists.engines.template import call_text, parse_reply
from specialists.foundation.contracts import Completion, Message, ReplySchema, Sampling, ToolSpec
from specialists.table_qa.demonstrators import meant
from specialists.table_qa.policy import play
from specialists.table_qa.rows import Rows
from specialists.table_qa.task import TableTask
from specialists.workspace.sandbox import Sandbox, SandboxSettings
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.toolbox import MAX_TEXT, Toolbox
from specialists.workspace.tools import ToolResult, Tools

TASK = TableTask()
QUESTIONS = 64
GROUP = 8
"""Episodes of one question, as learning from rewards draws them."""
AT_ONCE = (1, 8, 64)
LIMITS = SandboxSettings(deadline_s=60)  # a machine busy otherwise fails no bench

_STAR = re.compile(r"\bselect\s+\*|,\s*\*", re.IGNORECASE)
_NARROW = re.compile(r"\b(where|limit|sum|avg|min|max|count)\b", re.IGNORECASE)
_PLAIN = re.compile(r'^(?:(?:SUM|AVG|MIN|MAX)\()?"?(\w+)"?\)?$', re.IGNORECASE)


class Replay:
    """An engine whose replies are written out."""

    model = "replay"

    def __init__(self, replies: Sequence[str]) -> None:
        self._replies = iter(replies)

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        message = parse_reply(next(self._replies))
        return Completion(
            message=message, finish_reason="tool_calls" if message.tool_calls else "stop"
        )

    async def aclose(self) -> None: ...


class InMemory:
    """The tools over SQLite, in this process."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._plain = Toolbox(snapshot, Sandbox())  # its sandbox is never used
        self._units = {
            column.name: {"unit": column.unit, "scale": column.scale}
            for table in snapshot.catalogue.tables
            for column in table.columns
            if column.role == "measure"
        }
        self._data = sqlite3.connect(":memory:")
        for table in snapshot.catalogue.tables:
            names = [column.name for column in table.columns]
            quoted = ", ".join(f'"{name}"' for name in names)
            self._data.execute(f'CREATE TABLE "{table.name}" ({quoted})')
            rows = snapshot.tables[table.name].select(names).to_pylist()
            marks = ", ".join("?" * len(names))
            self._data.executemany(
                f'INSERT INTO "{table.name}" VALUES ({marks})', [tuple(r.values()) for r in rows]
            )

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return self._plain.specs(names)

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        if name != "sql":
            return await self._plain.call(name, arguments)
        query = arguments["query"]
        if _STAR.search(query) or not _NARROW.search(query):
            error = "name the columns you need, with a filter, an aggregate or a LIMIT"
            return ToolResult(name, arguments, text=f"error: {error}", error=error)
        until = time.monotonic() + LIMITS.deadline_s
        self._data.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        try:
            cursor = self._data.execute(query)
            rows = cursor.fetchmany(LIMITS.rows)
        except sqlite3.Error as error:
            return ToolResult(name, arguments, text=f"error: {error}", error=str(error))
        columns = [each[0] for each in cursor.description]
        data = {
            "columns": columns,
            "rows": [list(row) for row in rows],
            "units": [self._unit(column) for column in columns],
        }
        return ToolResult(name, arguments, data, str(data)[:MAX_TEXT])

    def _unit(self, column: str) -> dict[str, Any] | None:
        found = _PLAIN.match(column)
        return self._units.get(found[1]) if found else None

    def close(self) -> None:
        self._data.close()


@dataclass(frozen=True)
class Episode:
    """A question and the replies that answer it."""

    inputs: Any
    replies: tuple[str, ...]


class Unshuffled(random.Random):
    """Leaves listings in the order of the tools."""

    def shuffle(self, x: Any) -> None: ...


def episodes() -> list[Episode]:
    made: list[Episode] = []
    kept: dict[str, Rows] = {}
    for example in TASK.sliced("one").examples("train", QUESTIONS, 31):
        snapshot = example.inputs.snapshot
        assert snapshot is not None
        rows = kept.setdefault(snapshot.digest, Rows.of(snapshot))
        episode = TASK.compact(example.inputs)
        played = play(episode, meant(example, episode), rows, Unshuffled(1), detours=0.0)
        said = [m for m in played.messages if m.role == "assistant"]
        replies = tuple("".join(map(call_text, m.tool_calls)) or m.content for m in said)
        made.append(Episode(example.inputs, replies))
    return made


@dataclass(frozen=True)
class Pace:
    """How fast one arm was."""

    runs: list[Run]
    wall: float
    cpu: float
    """Of this process and its children."""

    @property
    def steps(self) -> int:
        return sum(len(run.events) for run in self.runs)

    @property
    def per_second(self) -> float:
        return self.steps / self.wall

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / self.steps


async def paced(
    chosen: Sequence[Episode], at_once: int, tools: Callable[[Snapshot], Tools], pids: list[int]
) -> Pace:
    room = asyncio.Semaphore(at_once)

    async def one(episode: Episode) -> Run:
        async with room:
            specialist = Specialist(TASK, Replay(episode.replies))
            return await answer_one(specialist, episode.inputs, tools(episode.inputs.snapshot))

    cpu, wall = spent(pids), time.perf_counter()
    runs = list(await asyncio.gather(*(one(each) for each in chosen)))
    return Pace(runs, time.perf_counter() - wall, spent(pids) - cpu)


def spent(pids: Sequence[int]) -> float:
    """Processor seconds of this process and others."""
    total = time.process_time()
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


async def real(chosen: Sequence[Episode], at_once: int, warm: Snapshot) -> Pace:
    sandbox = Sandbox(LIMITS)
    try:  # the processes are up; the snapshots' rows are not there
        await asyncio.gather(
            *(sandbox.pool.run(warm, f"SELECT {n} AS a") for n in range(LIMITS.children))
        )
        boxes: dict[str, Toolbox] = {}
        return await paced(
            chosen,
            at_once,
            lambda s: boxes.setdefault(s.digest, Toolbox(s, sandbox)),
            sandbox.pool.pids(),
        )
    finally:
        await sandbox.aclose()


async def reference(chosen: Sequence[Episode], at_once: int) -> Pace:
    boxes: dict[str, InMemory] = {}

    def tools(snapshot: Snapshot) -> InMemory:
        if snapshot.digest not in boxes:
            boxes[snapshot.digest] = InMemory(snapshot)
        return boxes[snapshot.digest]

    pace = await paced(chosen, at_once, tools, [])
    for box in boxes.values():
        box.close()
    return pace


def same(ours: Pace, other: Pace) -> bool:
    """Both come to the same answers."""
    pairs = zip(ours.runs, other.runs, strict=True)
    return all(a.answer.value == b.answer.value for a, b in pairs)


async def test_the_reference_answers_as_the_toolbox_does() -> None:
    chosen = episodes()[:12]
    warm = chosen[0].inputs.snapshot
    ours, other = await real(chosen, 4, warm), await reference(chosen, 4)
    assert same(ours, other)
    assert ours.steps == other.steps > 30
    with closing(InMemory(warm)) as box:
        for query in ("SELECT * FROM companies WHERE 1 = 1", "SELECT company FROM companies"):
            assert (await box.call("sql", {"query": query})).error is not None


@pytest.mark.bench
@pytest.mark.timeout(1800)
async def test_environment_steps_a_second() -> None:
    fresh = episodes()
    grouped = [each for each in fresh[: QUESTIONS // GROUP] for _ in range(GROUP)]
    warm = TASK.examples("dev", 1, 5).__next__().inputs.snapshot
    assert warm is not None
    print()
    for name, chosen in (("each question once", fresh), (f"groups of {GROUP}", grouped)):
        for at_once in AT_ONCE:
            other = await reference(chosen, at_once)
            ours = await real(chosen, at_once, warm)
            assert same(ours, other)
            print(
                f"environment, {name}, {at_once:2} at once: {ours.per_second:6.0f} steps/s "
                f"({ours.cpu_ms:.2f} ms CPU a step), SQLite in memory {other.per_second:6.0f} "
                f"({other.cpu_ms:.2f} ms), ratio {ours.per_second / other.per_second:.2f} "
                f"(CPU {other.cpu_ms / ours.cpu_ms:.2f}); {ours.steps} steps"
            )
