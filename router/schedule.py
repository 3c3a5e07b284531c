"""Runs a plan: parents first, as parallel as the plan is, a failure harming only its heirs.

Pure asyncio over an injected ``run``; it knows neither models nor the graph library. How a step is
started is injected too (``submit``), because the graph library wants its own kind of task.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from specialists.foundation.calls import calling
from specialists.foundation.contracts import Finding, Plan, Ref, Subtask
from specialists.foundation.errors import FinrouteError, PlanError

Run = Callable[[Subtask, Mapping[str, Finding]], Awaitable[Finding]]
"""Does one subtask. Gets the findings of its parents by the *input name* that refers to them."""
Work = Callable[[], Awaitable[Finding]]
Submit = Callable[[Subtask, Work], "asyncio.Future[Finding]"]

log = logging.getLogger("finroute.schedule")


def _as_task(subtask: Subtask, work: Work) -> asyncio.Future[Finding]:
    async def step() -> Finding:
        return await work()

    return asyncio.create_task(step(), name=f"step {subtask.id}")


async def run_plan(
    plan: Plan,
    run: Run,
    *,
    submit: Submit = _as_task,
    deadline: float | None = None,
    step_s: float | None = None,
) -> dict[str, Finding]:
    """Run every subtask of a plan and return the findings by subtask id.

    Steps are submitted in the plan's order, which must be topological; each waits for its parents
    inside. A step never raises: whatever goes wrong is a failed finding, and so are its heirs, with
    the reason. When the caller is cancelled, so are all steps.

    Args:
        submit: starts a step. It must return at once, with a future of the step's finding.
        deadline: event-loop time by which all must be done; a step that is not is failed.
        step_s: seconds one step may take, from when its parents are done.

    Raises:
        PlanError: a subtask refers to one that does not stand before it.
    """
    _check_order(plan)
    futures: dict[str, asyncio.Future[Finding]] = {}
    try:
        for subtask in plan.subtasks:
            parents = {p: futures[p] for p in subtask.parents()}
            work = partial(_step, subtask, parents, run, deadline, step_s)
            futures[subtask.id] = submit(subtask, work)
        findings = await asyncio.gather(*futures.values())
    finally:
        for future in futures.values():
            future.cancel()
    by_id: dict[str, Finding] = {}
    for subtask, finding in zip(plan.subtasks, findings, strict=True):
        if finding.subtask != subtask.id:
            raise PlanError(
                f"step {subtask.id} was given the finding of step {finding.subtask}: the run that "
                "is resumed belongs to another plan"
            )
        by_id[subtask.id] = finding
    return by_id


def _check_order(plan: Plan) -> None:
    seen: set[str] = set()
    for subtask in plan.subtasks:
        if subtask.id in seen:
            raise PlanError(f"two steps are called {subtask.id}")
        missing = [p for p in subtask.parents() if p not in seen]
        if missing:
            raise PlanError(
                f"step {subtask.id} refers to {', '.join(missing)}, which does not stand before it"
            )
        seen.add(subtask.id)


async def _step(
    subtask: Subtask,
    parents: Mapping[str, asyncio.Future[Finding]],
    run: Run,
    deadline: float | None,
    step_s: float | None,
) -> Finding:
    """One step, from waiting for its parents to its finding. Heirs of the barren do not run."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline):
            # Shielded: a step that gives up waiting must not cancel its parent for its siblings.
            done = {name: await asyncio.shield(parent) for name, parent in parents.items()}
    except TimeoutError:
        return failed(subtask, "the time for this answer ran out before it could begin")
    barren = [f for f in done.values() if f.status != "ok"]
    if barren:
        why = "; ".join(f"{f.subtask}: {f.reason or f.status}" for f in barren)
        reason = f"needs what was not found ({why})"
        if any(f.status == "failed" for f in barren):
            return failed(subtask, reason)
        return failed(subtask, reason).model_copy(update={"status": "abstained"})
    given = {name: done[v.ref] for name, v in subtask.inputs.items() if isinstance(v, Ref)}
    began = loop.time()
    limits = [t for t in (deadline, None if step_s is None else began + step_s) if t is not None]
    until = min(limits, default=None)
    clock = asyncio.timeout_at(until)
    try:
        async with clock:
            with calling(deadline=until and time.monotonic() + until - loop.time()):
                return await run(subtask, given)
    except TimeoutError as error:
        seconds = loop.time() - began
        if clock.expired():
            return failed(subtask, f"not done after {seconds:.1f} s", seconds)
        return failed(subtask, f"a tool or model timed out: {error}", seconds)
    except FinrouteError as error:
        return failed(subtask, str(error), loop.time() - began)
    except Exception as error:  # a step's bug is data: its siblings go on
        log.exception("step %s (%s) broke", subtask.id, subtask.specialist)
        reason = f"internal error: {type(error).__name__}: {error}"
        return failed(subtask, reason, loop.time() - began)


def failed(subtask: Subtask, reason: str, seconds: float = 0.0) -> Finding:
    """The finding of a step that came to nothing."""
    return Finding(
        subtask=subtask.id,
        specialist=subtask.specialist,
        status="failed",
        reason=reason,
        seconds=seconds,
    )
