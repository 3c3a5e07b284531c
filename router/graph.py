"""The rooms joined in a LangGraph graph: plan → approve → execute → verify → (plan) → compose.

Checkpoints hold plain JSON; what cannot be stored (models, tools, the clock) is the run's ``Desk``.
Rules that experiments taught:

- The plan's DAG runs inside *one* node: supersteps would make fast branches wait for slow ones.
- One task a subtask, submitted in the plan's topological order, since a task's identity is its name
  and the order of the calls. Each waits for its parents inside.
- A task returns a failed finding and never raises: raised ones would run again on resume.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

from langgraph.func import task
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from router.assurance import assured
from router.budget import Ledger
from router.compose import Material, compose
from router.config import Settings
from router.contracts import Event, Planned, Planning, StepFinished
from router.meter import MeteredEngine
from router.planner import Planner, shortfall
from router.schedule import Work, run_plan
from router.state import State
from router.verify import verify
from router.worker import Worker
from specialists.engines.base import Engine
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Finding, Plan, Ref, Subtask, Usage
from specialists.foundation.errors import Cancelled, PlanError
from specialists.foundation.records import Assurance
from specialists.workspace.catalogue import Catalogue

GRAPH = 2
"""Changes with the graph's shape: a run that another shape began cannot be resumed by this one."""


class Progress(TypedDict, total=False):
    """What a checkpoint holds. Values are JSON."""

    graph: int
    id: str
    created: str
    question: str
    as_of: str | None
    version: str
    digest: str
    round: int
    plan: dict[str, Any]
    gaps: list[str]
    planned: dict[str, Any]
    """How sure the plan is: ``confidence`` and ``signals``."""
    reason: str
    """Why the plan is to be made anew; empty: it is not."""
    stuck: bool
    """No other plan was found."""
    findings: dict[str, dict[str, Any]]
    """By subtask id of the plan at hand."""
    found: dict[str, dict[str, Any]]
    """All that held, of every plan so far, by what was asked."""
    notes: list[str]
    usage: dict[str, Any]
    seconds: float
    """Wall time of earlier runs of this answer, waiting apart."""
    answer: dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """What one run of one answer works with; never stored."""

    id: str
    settings: Settings
    planner: Planner
    planner_engine: Engine
    worker: Callable[[Callable[[Event], None], Ledger], Worker]
    catalogue: Catalogue
    state: State
    ledger: Ledger
    assurance: Assurance | None
    """When an answer is sure enough; None: not known for who plans and works here."""
    began: float
    """``time.monotonic()`` when this run began."""

    def elapsed(self, state: Progress) -> float:
        """Seconds spent on the answer so far, waiting for people apart."""
        return state.get("seconds", 0.0) + time.monotonic() - self.began

    def left(self, state: Progress) -> float:
        """Seconds left of the budget."""
        return self.ledger.budget.seconds - self.elapsed(state)


def build() -> StateGraph[Progress, Desk, Progress, Progress]:
    """The graph, to be compiled with a checkpointer."""
    graph = StateGraph(Progress, context_schema=Desk)
    graph.add_node("plan", _plan)
    graph.add_node("approve", _approve)
    graph.add_node("execute", _execute)
    graph.add_node("verify", _verify)
    graph.add_node("compose", _compose)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", _after_plan, ["approve", "compose"])
    graph.add_conditional_edges("approve", _after_approval, ["execute", "compose"])
    graph.add_edge("execute", "verify")
    graph.add_conditional_edges("verify", _after_verification, ["plan", "compose"])
    graph.add_edge("compose", END)
    return graph


# --- rooms --------------------------------------------------------------------------------------


async def _plan(state: Progress, runtime: Runtime[Desk]) -> Progress:
    desk = runtime.context
    question, reason = state.get("question", ""), state.get("reason", "")
    engine = MeteredEngine(
        desk.planner_engine,
        desk.ledger,
        desk.settings.prices,
        call_s=desk.settings.planner.timeout_s,
        tries=2 if desk.planner.mends else 1,
    )
    try:
        left = max(desk.left(state), 0.0)
        async with asyncio.timeout(left):
            with calling(deadline=time.monotonic() + left):
                drafted = await desk.planner.draft(question, engine=engine, reason=reason)
    except PlanError:
        if not reason:
            raise
        return {"stuck": True}  # the earlier plan stands, with what it found
    except TimeoutError as error:
        raise Cancelled(
            f"the {desk.ledger.budget.seconds:g} s for this answer ran out while planning"
        ) from error
    runtime.stream_writer(Planned(plan=drafted.plan))
    return {
        "plan": drafted.plan.model_dump(mode="json"),
        "gaps": list(drafted.gaps),
        "planned": Planning(
            served_by=drafted.served_by,
            confidence=drafted.confidence,
            signals=drafted.signals,
            replies=drafted.replies,
        ).model_dump(mode="json"),
        "usage": _sum(state, drafted.usage),
        "seconds": desk.elapsed(state),
        "round": state.get("round", -1) + 1,
    }


def _after_plan(state: Progress) -> Literal["approve", "compose"]:
    return "approve" if _steps(state) and not state.get("stuck", False) else "compose"


async def _approve(state: Progress, runtime: Runtime[Desk]) -> Progress:
    if not runtime.context.settings.planner.approve or interrupt({"plan": state.get("plan")}):
        return {}
    refused = Plan(subtasks=(), note="the plan was not approved")
    return {"plan": refused.model_dump(mode="json"), "findings": {}, "gaps": []}


def _after_approval(state: Progress) -> Literal["execute", "compose"]:
    return "execute" if _steps(state) else "compose"


@task(name="step")
async def _step(work: Work) -> dict[str, Any]:
    return (await work()).model_dump(mode="json")


async def _execute(state: Progress, runtime: Runtime[Desk]) -> Progress:
    desk, emit = runtime.context, runtime.stream_writer
    plan = Plan.model_validate(state.get("plan"))
    number = state.get("round", 0)
    kept = _kept(plan, state)
    worker = desk.worker(emit, desk.ledger)

    def submit(subtask: Subtask, work: Work) -> asyncio.Future[Finding]:
        async def recorded() -> Finding:
            finding = await work()
            await asyncio.to_thread(desk.state.step, desk.id, number, finding)
            emit(StepFinished(finding=finding))
            return finding

        return asyncio.ensure_future(_finding(_step(recorded)))

    async def run(subtask: Subtask, given: Mapping[str, Finding]) -> Finding:
        return kept.get(subtask.id) or await worker.work(subtask, given)

    findings = await run_plan(
        plan,
        run,
        submit=submit,
        deadline=asyncio.get_running_loop().time() + max(desk.left(state), 0.0),
        step_s=desk.settings.schedule.step_s,
    )
    new = [f.usage for id, f in findings.items() if id not in kept]
    return {
        "findings": {id: f.model_dump(mode="json") for id, f in findings.items()},
        "usage": _sum(state, *new),
    }


async def _verify(state: Progress, runtime: Runtime[Desk]) -> Progress:
    desk = runtime.context
    plan = Plan.model_validate(state.get("plan"))
    checked = verify(plan, _findings(state), desk.catalogue)
    forms = _forms(plan)
    held = {forms[id]: f for id, f in checked.findings.items() if f.status == "ok"}
    again = desk.planner.mends and state.get("round", 0) < desk.settings.planner.replans
    return {
        "findings": {id: f.model_dump(mode="json") for id, f in checked.findings.items()},
        "found": {
            **state.get("found", {}),
            **{form: f.model_dump(mode="json") for form, f in held.items()},
        },
        "notes": list(checked.notes),
        "reason": shortfall(list(checked.findings.values())) if again else "",
    }


def _after_verification(state: Progress) -> Literal["plan", "compose"]:
    return "plan" if state.get("reason", "") else "compose"


async def _compose(state: Progress, runtime: Runtime[Desk]) -> Progress:
    desk = runtime.context
    answer = compose(
        Material(
            id=desk.id,
            question=state.get("question", ""),
            plan=Plan.model_validate(state.get("plan")),
            findings=_findings(state),
            catalogue=desk.catalogue,
            created=datetime.fromisoformat(state.get("created", "")).astimezone(UTC),
            planning=Planning.model_validate(state.get("planned", {})),
            gaps=tuple(state.get("gaps", [])),
            notes=tuple(state.get("notes", [])),
            usage=Usage.model_validate(state.get("usage", {})),
            seconds=desk.elapsed(state),
        )
    )
    answer = assured(answer, desk.assurance, desk.settings.cascade.risk)
    await asyncio.to_thread(desk.state.finish, answer)
    return {"answer": answer.model_dump(mode="json")}


# --- between JSON and values --------------------------------------------------------------------


def _steps(state: Progress) -> bool:
    return bool(Plan.model_validate(state.get("plan")).subtasks)


def _findings(state: Progress) -> dict[str, Finding]:
    return {id: Finding.model_validate(f) for id, f in state.get("findings", {}).items()}


async def _finding(stored: Any) -> Finding:
    return Finding.model_validate(await stored)


def _sum(state: Progress, *more: Usage) -> dict[str, Any]:
    return sum(more, Usage.model_validate(state.get("usage", {}))).model_dump(mode="json")


def _kept(plan: Plan, state: Progress) -> dict[str, Finding]:
    """What earlier plans found and this one asks again, under this plan's ids."""
    found = state.get("found", {})
    forms = _forms(plan)
    return {
        id: Finding.model_validate(found[form]).model_copy(update={"subtask": id})
        for id, form in forms.items()
        if form in found
    }


def _forms(plan: Plan) -> dict[str, str]:
    """Each step's meaning, as a key that does not depend on ids."""
    known: dict[str, str] = {}
    for step in plan.subtasks:
        inputs = sorted(
            (name, f"<{known[value.ref]}>" if isinstance(value, Ref) else repr(value))
            for name, value in step.inputs.items()
        )
        known[step.id] = repr((step.specialist, step.instruction, inputs))
    return known
