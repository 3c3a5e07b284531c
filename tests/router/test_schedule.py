"""Parents first, as parallel as the plan is, failures isolated, time limited."""

import asyncio
import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.schedule import run_plan
from specialists.foundation.contracts import Finding, Plan, Ref, Subtask
from specialists.foundation.errors import EngineError, PlanError


def step(id: str, *parents: str) -> Subtask:
    inputs = {f"x{i}": Ref(ref=p) for i, p in enumerate(parents)}
    return Subtask(id=id, specialist="any", instruction=f"do {id}", inputs=inputs)


def ok(subtask: Subtask, value: str = "v") -> Finding:
    return Finding(subtask=subtask.id, specialist="any", status="ok", value=value)


DIAMOND = Plan(subtasks=(step("a"), step("b"), step("c", "a"), step("d", "b", "c")))


async def test_a_diamond_takes_its_critical_path():
    seconds = {"a": 0.1, "b": 0.3, "c": 0.3, "d": 0.02}

    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        await asyncio.sleep(seconds[subtask.id])
        return ok(subtask)

    began = time.perf_counter()
    findings = await run_plan(DIAMOND, run)
    took = time.perf_counter() - began
    assert list(findings) == ["a", "b", "c", "d"]
    assert 0.42 <= took < 0.55  # 0.1 + 0.3 + 0.02; levels would take 0.62


async def test_a_failure_harms_only_its_heirs():
    plan = Plan(subtasks=(step("a"), step("b"), step("c", "a"), step("d", "c"), step("e", "b")))

    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        if subtask.id == "a":
            raise EngineError("the model is gone")
        return ok(subtask)

    found = await run_plan(plan, run)
    assert {i: f.status for i, f in found.items()} == {
        "a": "failed",
        "b": "ok",
        "c": "failed",
        "d": "failed",
        "e": "ok",
    }
    assert found["a"].reason == "the model is gone"
    assert "a: the model is gone" in found["d"].reason


async def test_the_heirs_of_an_abstention_abstain():
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        if subtask.id != "a":
            return ok(subtask)
        return Finding(subtask="a", specialist="any", status="abstained", reason="not there")

    found = await run_plan(DIAMOND, run)
    assert [f.status for f in found.values()] == ["abstained", "ok", "abstained", "abstained"]


async def test_a_bug_is_a_failed_finding_too(caplog: pytest.LogCaptureFixture):
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        if subtask.id == "b":
            raise ZeroDivisionError("oops")
        return ok(subtask)

    found = await run_plan(DIAMOND, run)
    assert found["b"].reason == "internal error: ZeroDivisionError: oops"
    assert found["c"].status == "ok"
    assert "step b" in caplog.text


async def test_findings_arrive_by_the_name_of_the_input():
    plan = Plan(
        subtasks=(
            step("a"),
            Subtask(
                id="b",
                specialist="any",
                instruction="",
                inputs={"later": Ref(ref="a"), "earlier": Ref(ref="a"), "year": 2020},
            ),
        )
    )
    seen: dict[str, Mapping[str, Finding]] = {}

    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        seen[subtask.id] = given
        return ok(subtask)

    await run_plan(plan, run)
    assert set(seen["b"]) == {"later", "earlier"}
    assert seen["b"]["later"].subtask == "a"


async def test_a_slow_step_is_failed_and_the_others_are_kept():
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        await asyncio.sleep(5 if subtask.id == "b" else 0)
        return ok(subtask)

    found = await run_plan(DIAMOND, run, step_s=0.05)
    assert [f.status for f in found.values()] == ["ok", "failed", "ok", "failed"]
    assert "not done after" in found["b"].reason


async def test_at_the_deadline_what_is_done_is_kept():
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        await asyncio.sleep(5 if subtask.id == "c" else 0)
        return ok(subtask)

    began = time.perf_counter()
    found = await run_plan(DIAMOND, run, deadline=asyncio.get_running_loop().time() + 0.1)
    assert time.perf_counter() - began < 1
    assert [f.status for f in found.values()] == ["ok", "ok", "failed", "failed"]


async def test_a_steps_own_timeout_is_not_taken_for_the_deadline():
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        raise TimeoutError("socket")

    found = await run_plan(Plan(subtasks=(step("a"),)), run, step_s=5)
    assert found["a"].reason == "a tool or model timed out: socket"


async def test_cancelling_the_plan_cancels_every_step():
    cancelled: list[str] = []

    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cancelled.append(subtask.id)
            raise
        return ok(subtask)

    running = asyncio.create_task(run_plan(DIAMOND, run))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(cancelled) == ["a", "b"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(subtasks=(step("b", "a"), step("a"))), "refers to a"),
        (Plan(subtasks=(step("a", "a"),)), "refers to a"),
        (Plan(subtasks=(step("a"), step("a"))), "two steps are called a"),
    ],
)
async def test_a_plan_out_of_order_does_not_begin(plan: Plan, message: str):
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        raise AssertionError("it began")

    with pytest.raises(PlanError, match=message):
        await run_plan(plan, run)


async def test_another_steps_finding_is_an_error():
    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        return ok(step("z"))

    with pytest.raises(PlanError, match="another plan"):
        await run_plan(Plan(subtasks=(step("a"),)), run)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_step_begins_before_its_parents_are_done(data: st.DataObject):
    count = data.draw(st.integers(1, 9))
    ids = [f"s{i}" for i in range(count)]
    steps = [
        step(
            i, *data.draw(st.lists(st.sampled_from(ids[:n]), max_size=3, unique=True)) if n else ()
        )
        for n, i in enumerate(ids)
    ]
    waits = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    broken = data.draw(st.sets(st.sampled_from(ids), max_size=2))
    done: set[str] = set()

    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        assert set(subtask.parents()) <= done
        for _ in range(waits[ids.index(subtask.id)]):
            await asyncio.sleep(0)
        if subtask.id in broken:
            raise EngineError("broken")
        done.add(subtask.id)
        return ok(subtask)

    found = asyncio.run(run_plan(Plan(subtasks=tuple(steps)), run))
    for each in steps:
        sound = each.id not in broken and all(found[p].status == "ok" for p in each.parents())
        assert found[each.id].status == ("ok" if sound else "failed")
