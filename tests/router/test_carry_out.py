"""A plan of one's own is carried out by the real worker, and nothing is recorded of it."""

from __future__ import annotations

from specialists.cases.written import read
from specialists.foundation.contracts import Plan
from specialists.planning.render import PlanningInputs
from specialists.planning.task import expand
from specialists.workspace.links import Linker

QUESTION = "What was the revenue of Kestrel Biosciences in 2022?"


async def test_a_written_plan_gives_its_value(make_router, engine, workspace):
    catalogue = workspace.snapshot(None).catalogue
    linker = Linker(catalogue)
    plan = expand(PlanningInputs(QUESTION, catalogue, linker), read("revenue", QUESTION, linker))
    async with make_router(engine) as router:
        findings = await router.acarry_out(plan)
        asked = await router.aask(QUESTION)
    (finding,) = findings.values()
    assert finding.status == "ok"
    assert finding.value == asked.findings[0].value
    assert "planning" not in engine.calls[: len(engine.calls) - asked.usage.calls]


async def test_a_step_that_finds_nothing_says_why(make_router, engine, by_code):
    plan = Plan.model_validate(
        {
            "subtasks": [
                {
                    "id": "s1",
                    "specialist": "table_qa",
                    "instruction": "What was the revenue of Nobody Corp in 2022?",
                    "inputs": {"measure": "revenue", "company": "Nobody Corp", "period": "2022"},
                }
            ]
        }
    )
    async with make_router(engine) as router:
        (finding,) = (await router.acarry_out(plan)).values()
    assert finding.status != "ok"
    assert finding.reason
