"""The whole path, question to sourced answer, over the real workspace, tools, graph and store."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import date

import pytest

from router.budget import Budget
from router.config import PlannerSettings, Settings
from router.contracts import Answered, ApprovalAsked, Event, Planned, Started
from router.router import Router
from specialists.foundation.errors import Cancelled, FinrouteError, NotFound, QuestionError
from specialists.workspace.versions import Workspace

GROWTH = "How much did the revenue of Kestrel Biosciences grow from 2021 to 2023?"
Make = Callable[..., Router]


async def follow(events) -> list[Event]:
    async with aclosing(events):
        return [event async for event in events]


async def test_a_question_is_planned_worked_and_answered_with_sources(make_router: Make, engine):
    async with make_router(engine) as router:
        answer = await router.aask(GROWTH)
    first, second = (s.evidence for s in sorted(answer.sources, key=lambda s: s.title))
    assert (first.row["fiscal_year"], second.row["fiscal_year"]) == (2021, 2023)
    growth = (second.value / first.value - 1) * 100
    assert answer.claims[0].value.value == pytest.approx(growth)
    assert answer.status == "complete"
    assert [f.specialist for f in answer.findings] == ["table_qa", "table_qa", "calculation"]
    assert answer.text.count("[1]") >= 1
    assert answer.usage.calls == len(engine.calls)
    assert answer.provisional == ("calculation", "planning", "table_qa")


async def test_what_a_plan_says_in_full_calls_no_model(make_router: Make, engine, by_code):
    async with make_router(engine) as router:
        answer = await router.aask(GROWTH)
    first, second = (s.evidence for s in sorted(answer.sources, key=lambda s: s.title))
    assert answer.status == "complete"
    assert answer.claims[0].value.value == pytest.approx((second.value / first.value - 1) * 100)
    assert engine.calls == ["planning"]
    assert answer.provisional == ("planning",)
    assert all(f.trace or f.evidence for f in answer.findings)


async def test_events_come_in_the_order_things_happen(make_router: Make, engine):
    async with make_router(engine) as router:
        events = await follow(router.astream(GROWTH))
    kinds = [e.event for e in events]
    assert kinds[:2] == ["started", "plan"]
    assert kinds[-1] == "answer"
    assert kinds.count("answer") == kinds.count("plan") == 1
    place = {}
    for i, e in enumerate(events):
        if e.event == "step_started":
            place["start", e.subtask.id] = i
        elif e.event == "step_finished":
            place["end", e.finding.subtask] = i
        elif e.event == "tool_call":
            assert place["start", e.subtask] < i
            assert ("end", e.subtask) not in place
    assert set(place) == {(k, s) for k in ("start", "end") for s in ("s1", "s2", "s3")}
    assert place["start", "s3"] > max(place["end", "s1"], place["end", "s2"])
    answered = events[-1]
    assert isinstance(answered, Answered)
    finished = [e.finding for e in events if e.event == "step_finished"]
    assert sorted(finished, key=lambda f: f.subtask) == [*answered.answer.findings]
    assert isinstance(events[0], Started)
    assert events[0].id == answered.answer.id


async def test_the_answer_is_in_the_store_with_its_steps(make_router: Make, engine):
    async with make_router(engine) as router:
        answer = await router.aask(GROWTH)
        recorded = router.trace(answer.id[:8])
    assert recorded.answer == answer
    assert {s.subtask for s in recorded.steps} == {"s1", "s2", "s3"}


@pytest.mark.parametrize("text", ["", " \n", "x" * 2001, "revenue\x00"])
async def test_a_bad_question_reaches_no_model(make_router: Make, engine, text: str):
    async with make_router(engine) as router:
        with pytest.raises(QuestionError):
            await router.aask(text)
        assert engine.calls == []
        assert router.state.latest() == []


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What was the revenue of Nestle in 2022?", "'nestle'"),
        ("What was the revenue of Kestrel Robotics in 2022?", "'kestrel robotics'"),
        ("What was the revenue of Nestle in 2022; DROP TABLE income_statement", "'nestle'"),
    ],
)
async def test_what_the_workspace_has_not_is_said(
    make_router: Make, engine, question: str, named: str
):
    async with make_router(engine) as router:
        answer = await router.aask(question)
    assert answer.status == "abstained"
    assert f"not in this workspace: {named}" in answer.text
    assert answer.sources == ()


async def test_a_failed_branch_leaves_its_siblings(make_router: Make, engine):
    def broken(messages) -> str:
        raise RuntimeError("the model crashed")

    engine.rules["sentiment"] = broken
    async with make_router(engine) as router:
        answer = await router.aask(f"{GROWTH[:-1]} and how is the press?")
    assert answer.status == "partial"
    assert "The revenue of Kestrel Biosciences" in answer.text
    assert any("crashed" in note for note in answer.notes)
    assert {f.specialist: f.status for f in answer.findings}["sentiment"] == "failed"


async def test_a_calculation_that_abstains_leaves_what_it_rests_on(make_router: Make, engine):
    engine.rules["calculation"] = lambda messages: '{"program": null}'
    async with make_router(engine) as router:
        answer = await router.aask(GROWTH)
    assert answer.status == "partial"
    assert "grow" not in answer.claims[0].text
    assert "Left open" in answer.text


async def test_a_caller_that_leaves_cancels_the_work(make_router: Make, engine):
    engine.delay["table_qa"] = 30
    async with make_router(engine) as router:
        asking = asyncio.create_task(router.aask(GROWTH))
        while engine.calls.count("table_qa") < 2:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert engine.open == 0
        assert engine.cancelled == 2
        assert router.state.latest()[0].status == "cancelled"


async def test_leaving_the_stream_cancels_the_work_too(make_router: Make, engine):
    engine.delay["table_qa"] = 30
    async with make_router(engine) as router:
        async with aclosing(router.astream(GROWTH)) as events:
            async for event in events:
                if event.event == "step_started":
                    break
        assert engine.open == 0


async def test_time_runs_out_and_what_is_done_is_told(make_router: Make, engine):
    engine.delay["sentiment"] = 30
    async with make_router(engine) as router:
        await router.warm()
        began = time.perf_counter()
        answer = await router.aask(
            f"{GROWTH[:-1]} and how is the press?", budget=Budget(seconds=2.5)
        )
    assert time.perf_counter() - began < 5
    assert answer.status == "partial"
    assert "not done after" in answer.notes[0]


async def test_the_budget_holds_across_parallel_steps(make_router: Make, engine):
    async with make_router(engine) as router:
        answer = await router.aask(f"{GROWTH[:-1]} and how is the press?", budget=Budget(calls=10))
    assert len(engine.calls) <= 10
    assert answer.usage.calls <= 10
    assert answer.status in {"partial", "abstained"}
    assert any("budget of 10 model calls" in note for note in answer.notes)


async def test_a_plan_waits_for_approval(make_router: Make, engine, settings: Settings):
    careful = settings.model_copy(update={"planner": PlannerSettings(approve=True)})
    async with make_router(engine, careful) as router:
        events = await follow(router.astream(GROWTH))
        asked = events[-1]
        assert isinstance(asked, ApprovalAsked)
        assert len(asked.plan.subtasks) == 3
        assert engine.calls == ["planning"]
        assert router.trace(asked.id).status == "rests"
        again = await follow(router.resume(asked.id))
        assert again == [asked]
        done = await follow(router.resume(asked.id, approved=True))
        assert isinstance(done[-1], Answered)
        assert done[-1].answer.status == "complete"
        assert engine.calls.count("planning") == 1
        once_more = await follow(router.resume(asked.id))
        assert once_more == [done[-1]]


async def test_a_plan_that_is_refused_is_not_carried_out(make_router: Make, engine, settings):
    careful = settings.model_copy(update={"planner": PlannerSettings(approve=True)})
    async with make_router(engine, careful) as router:
        answer = await router.aask(GROWTH, approve=lambda plan: False)
        assert answer.status == "abstained"
        assert "the plan was not approved" in answer.text
        assert engine.calls == ["planning"]
        with pytest.raises(Cancelled, match="waits for approval"):
            await router.aask(GROWTH)


async def test_resuming_what_is_not_there(make_router: Make, engine):
    async with make_router(engine) as router:
        with pytest.raises(NotFound):
            await follow(router.resume("f" * 32))


async def test_only_what_was_known_on_the_day_counts(make_router: Make, engine):
    question = "What was the revenue of Kestrel Biosciences in 2022?"
    async with make_router(engine) as router:
        now = await router.aask(question)
        known = now.sources[0].known_at
        assert known is not None
        before = await router.aask(question, as_of=date(known.year, known.month, 1))
    assert before.as_of == date(known.year, known.month, 1)
    assert before.status == "abstained"
    assert before.sources == ()


async def test_answers_side_by_side_do_not_mix(make_router: Make, engine, workspace: Workspace):
    names = [c.name for c in workspace.snapshot().catalogue.companies[:5]]
    async with make_router(engine) as router:
        answers = await asyncio.gather(
            *(router.aask(f"What was the revenue of {name} in 2022?") for name in names)
        )
    for name, answer in zip(names, answers, strict=True):
        assert answer.text.startswith(f"The revenue of {name} in 2022 was ")
        assert answer.sources[0].evidence.row["company"] == name


def test_callers_without_a_loop_are_served(make_router: Make, engine):
    with make_router(engine) as router:
        answers = [router.ask(GROWTH) for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert answers[0].id != answers[1].id
    assert router.registry.closed


def test_a_router_belongs_to_one_loop(make_router: Make, engine):
    with make_router(engine) as router:
        router.ask(GROWTH)
        with pytest.raises(FinrouteError, match="another event loop"):
            asyncio.run(router.aask(GROWTH))


async def test_an_unsure_planner_draws_again_and_then_says_so(make_router: Make, engine):
    engine.rules["planning"] = lambda messages: "growth <c9>"
    async with make_router(engine) as router:
        with pytest.raises(FinrouteError, match="no sound plan was found"):
            await router.aask(GROWTH)
        assert engine.calls == ["planning", "planning"]
        recorded = router.state.latest()[0]
    assert recorded.status == "failed"
    assert "no sound plan" in recorded.error


async def test_a_plan_that_leaves_a_year_out_is_drawn_again(make_router: Make, engine):
    planning = engine.rules["planning"]

    def first_short(messages) -> str:
        return "get <c1> <e1> <p1>" if engine.calls.count("planning") == 1 else planning(messages)

    question = "What was the revenue and the net income of Kestrel Biosciences in 2022?"
    engine.rules["planning"] = first_short
    async with make_router(engine) as router:
        events = await follow(router.astream(question))
    planned = next(e for e in events if isinstance(e, Planned))
    assert len(planned.plan.subtasks) == 2
    assert events[-1].answer.status == "complete"
