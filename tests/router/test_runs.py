"""The graph: a plan's critical path, resuming after a kill, leases. Real checkpoints, no models."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from router import graph
from router.budget import Budget, Ledger
from router.config import PlannerSettings, Settings
from router.contracts import Answer, Answered
from router.planner import Drafted
from router.runs import Runs
from router.state import Leased, State
from specialists.foundation.contracts import (
    Finding,
    Plan,
    Ref,
    ServedBy,
    Span,
    Subtask,
    Usage,
)
from specialists.foundation.errors import PlanError
from specialists.workspace.catalogue import Catalogue

CATALOGUE = Catalogue(
    workspace="mine", version="1", as_of=date(2024, 1, 1), companies=(), tables=()
)
SECONDS = {"a": 0.1, "b": 0.5, "c": 0.5, "d": 0.01}


def step(id: str, *parents: str) -> Subtask:
    inputs = {f"x{i}": Ref(ref=p) for i, p in enumerate(parents)}
    return Subtask(id=id, specialist="any", instruction=f"say {id}", inputs=inputs)


DIAMOND = Plan(subtasks=(step("a"), step("b"), step("c", "a"), step("d", "b", "c")))


@dataclass
class Plans:
    """A planner that has its plans ready."""

    plans: list[Plan]
    mends: bool = False
    reasons: list[str] = field(default_factory=list)

    async def draft(self, question: str, *, engine: Any, reason: str = "") -> Drafted:
        self.reasons.append(reason)
        if not self.plans:
            raise PlanError("no other plan")
        return Drafted(self.plans.pop(0), ServedBy(model="none"), Usage(calls=1))


@dataclass
class Sleeper:
    """A worker whose steps take time, and which writes down that it ran them."""

    log: Path
    seconds: Mapping[str, float] = field(default_factory=lambda: SECONDS)
    dies_in: str = ""
    fails: set[str] = field(default_factory=set)

    async def work(self, subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        with self.log.open("a") as log:
            log.write(f"{subtask.id}\n")
        await asyncio.sleep(self.seconds.get(subtask.id, 0))
        if subtask.id == self.dies_in:
            os._exit(9)
        made = [f.value for f in given.values()]
        status = "failed" if subtask.id in self.fails else "ok"
        self.fails.discard(subtask.id)
        return Finding(
            subtask=subtask.id,
            specialist="any",
            status=status,
            value=f"{subtask.id}({', '.join(map(str, made))})",
            evidence=(Span(document="d", start=0, end=1, text="x"),),
            reason="" if status == "ok" else "broke",
            usage=Usage(calls=1),
        )


class Idle:
    """No engine: nothing calls it."""

    model = "none"


def desk(state: State, worker: Sleeper, planner: Plans, settings: Settings | None = None):
    async def make() -> graph.Desk:
        return graph.Desk(
            id="f" * 32,
            settings=settings or Settings(),
            planner=planner,  # type: ignore[arg-type]
            planner_engine=Idle(),  # type: ignore[arg-type]
            assurance=None,
            worker=lambda emit, ledger: worker,  # type: ignore[arg-type, return-value]
            catalogue=CATALOGUE,
            state=state,
            ledger=Ledger(Budget()),
            began=time.monotonic(),
        )

    return make


FIRST = graph.Progress(
    graph=graph.GRAPH,
    id="f" * 32,
    created=datetime(2024, 1, 1, tzinfo=UTC).isoformat(),
    question="?",
    as_of=None,
    version="1",
    digest="x",
)


async def run(state: State, worker: Sleeper, planner: Plans, start: Any = FIRST, **more) -> Answer:
    async with Runs(state, 30) as runs:
        if start is not None:
            await runs.begin("f" * 32, "?", "mine")
        else:
            await runs.lease("f" * 32)
        last = None
        async for event in runs.events("f" * 32, start, desk(state, worker, planner, **more)):
            last = event
        assert isinstance(last, Answered)
        return last.answer


def killed_in(step: str, state: State, log: Path) -> int:
    """The exit status of a process that ran the diamond and died in one of its steps."""
    command = [sys.executable, __file__, str(state.path), str(log), step]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, env=env, timeout=60, check=False).returncode


@pytest.fixture
def state(tmp_path: Path):
    state = State(f"sqlite:///{tmp_path / 'answers.sqlite'}")
    yield state
    state.close()


async def test_a_diamond_takes_its_critical_path_inside_the_graph(state: State, tmp_path: Path):
    answer = await run(state, Sleeper(tmp_path / "log"), Plans([DIAMOND]))
    assert [f.value for f in answer.findings] == ["a()", "b()", "c(a())", "d(b(), c(a()))"]
    # the path a, c, d takes 0.61 s; supersteps, where c waits for b, would take 1.01 s
    assert 0.61 <= answer.seconds < 0.9, answer.seconds


async def test_what_is_answered_leaves_no_checkpoints(state: State, tmp_path: Path):
    await run(state, Sleeper(tmp_path / "log", {}), Plans([DIAMOND]))
    async with Runs(state, 30) as runs:
        saved = await runs.saved("f" * 32)
    assert saved.values == {}
    assert state.read("f" * 32).status == "complete"


async def test_after_a_kill_no_step_that_was_done_runs_again(state: State, tmp_path: Path):
    log = tmp_path / "log"
    assert killed_in("d", state, log) == 9
    assert sorted(log.read_text().split()) == ["a", "b", "c", "d"]
    before = state.read("f" * 32)
    assert before.status == "running"
    assert {s.subtask for s in before.steps} == {"a", "b", "c"}
    with pytest.raises(Leased):  # the dead process's lease must run out first
        await run(state, Sleeper(log), Plans([]), None)
    await asyncio.sleep(1.1)
    answer = await run(state, Sleeper(log), Plans([]), None)
    assert sorted(log.read_text().split()) == ["a", "b", "c", "d", "d"]
    assert [f.value for f in answer.findings] == ["a()", "b()", "c(a())", "d(b(), c(a()))"]
    assert [f.subtask for f in answer.findings] == ["a", "b", "c", "d"]


async def test_a_kill_in_the_middle_keeps_the_finished_branch_and_each_its_own(
    state: State, tmp_path: Path
):
    """b dies while c runs: a's finding is a's, though b's and c's are missing."""
    log = tmp_path / "log"
    assert killed_in("b", state, log) == 9
    await asyncio.sleep(1.1)
    answer = await run(state, Sleeper(log, {}), Plans([]), None)
    assert log.read_text().split().count("a") == 1
    assert [f.value for f in answer.findings] == ["a()", "b()", "c(a())", "d(b(), c(a()))"]


async def test_two_runs_of_one_answer_are_refused(state: State, tmp_path: Path):
    runs, other = Runs(state, 30), Runs(state, 30)
    await runs.begin("f" * 32, "?", "mine")
    with pytest.raises(Leased):
        await other.lease("f" * 32)
    await runs.release("f" * 32)
    await other.lease("f" * 32)


async def test_a_run_whose_lease_was_taken_stops(state: State, tmp_path: Path):
    log = tmp_path / "log"
    runs, thief = Runs(state, 0.3), Runs(state, 30)
    await runs.begin("f" * 32, "?", "mine")

    async def whole() -> None:
        slow = Sleeper(log, {"a": 5})
        async for _ in runs.events("f" * 32, FIRST, desk(state, slow, Plans([DIAMOND]))):
            pass

    running = asyncio.create_task(whole())
    while not log.exists():
        await asyncio.sleep(0.01)
    state.release("f" * 32, runs._owner)
    await thief.lease("f" * 32)
    began = time.perf_counter()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.perf_counter() - began < 2
    await runs.aclose()
    with pytest.raises(Leased):  # the thief's lease was not given back by the loser
        await Runs(state, 30).lease("f" * 32)


MENDS = Settings(planner=PlannerSettings(replans=1))


async def test_a_mended_plan_keeps_what_held(state: State, tmp_path: Path):
    log = tmp_path / "log"
    other = Plan(
        subtasks=(
            step("one").model_copy(update={"instruction": "say a"}),
            step("two", "one"),
        )
    )
    planner = Plans([Plan(subtasks=(step("a"), step("b", "a"))), other], mends=True)
    answer = await run(state, Sleeper(log, {}, fails={"b"}), planner, settings=MENDS)
    assert planner.reasons == ["", "b (any) failed: broke"]
    assert log.read_text().split() == ["a", "b", "two"]
    assert [(f.subtask, f.value) for f in answer.findings] == [("one", "a()"), ("two", "two(a())")]
    assert answer.status == "complete"
    assert answer.usage.calls == 2 + 3  # two plans, three steps that ran


async def test_where_no_other_plan_is_found_the_first_one_stands(state: State, tmp_path: Path):
    planner = Plans([Plan(subtasks=(step("a"), step("b")))], mends=True)
    answer = await run(state, Sleeper(tmp_path / "log", {}, fails={"b"}), planner, settings=MENDS)
    assert len(planner.reasons) == 2
    assert answer.status == "partial"
    assert [f.status for f in answer.findings] == ["ok", "failed"]


async def test_plans_are_mended_at_most_so_often(state: State, tmp_path: Path):
    plans = [Plan(subtasks=(step(f"x{i}"),)) for i in range(9)]
    planner = Plans(plans, mends=True)
    worker = Sleeper(tmp_path / "log", {}, fails={f"x{i}" for i in range(9)})
    answer = await run(
        state, worker, planner, settings=Settings(planner=PlannerSettings(replans=3))
    )
    assert len(planner.reasons) == 4
    assert answer.status == "abstained"


async def test_an_empty_plan_is_answered_without_work(state: State, tmp_path: Path):
    planner = Plans([Plan(subtasks=(), note="it asks for the weather")])
    answer = await run(state, Sleeper(tmp_path / "log"), planner)
    assert answer.status == "abstained"
    assert "it asks for the weather" in answer.text
    assert not (tmp_path / "log").exists()


async def test_a_checkpoint_is_plain_json(state: State, tmp_path: Path):
    assert killed_in("d", state, tmp_path / "log") == 9
    async with Runs(state, 30) as runs:
        saved = await runs.saved("f" * 32)
    assert json.loads(json.dumps(saved.values)) == saved.values


def _child(database: str, log: str, dies_in: str) -> None:
    """What the tests above kill: a run that ends its process in one of its steps."""
    state = State(f"sqlite:///{database}")
    worker = Sleeper(Path(log), dies_in=dies_in)

    async def go() -> None:
        runs = Runs(state, 1)
        await runs.begin("f" * 32, "?", "mine")
        async for _ in runs.events("f" * 32, FIRST, desk(state, worker, Plans([DIAMOND]))):
            pass

    asyncio.run(go())


if __name__ == "__main__":
    _child(*sys.argv[1:])
