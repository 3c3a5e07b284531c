"""Worked cases as examples for a chat model: sound plans over stand-ins."""

from __future__ import annotations

import json

import pytest

from specialists.cases.case import Case
from specialists.cases.shots import reply, shot, shots
from specialists.planning import check
from specialists.planning.render import JOBS
from specialists.planning.task import read_written

GROWTH = Case(
    question="how fast did the gross margin of Alpha Corp grow from 2018 to 2020 ?",
    signature="m e s",
    plan="growth m1 e1 p1",
)


def test_an_example_is_a_sound_plan_that_reads_back_as_it_was():
    made = shot(GROWTH)
    assert made is not None
    question, plan = made
    assert question == GROWTH.question
    assert check.check(plan, JOBS) == []
    assert [step.specialist for step in plan.subtasks] == ["table_qa", "table_qa", "calculation"]
    assert check.same(read_written(reply(plan)), plan)
    assert json.loads(reply(plan))["subtasks"][2]["inputs"][1] == {"name": "a", "ref": "s1"}


@pytest.mark.parametrize(
    ("question", "signature", "plan", "said"),
    [
        (
            "which firms in Retail sector had over $ 500 million of revenue in 2018 ?",
            "r n m p",
            "which above m1 r1 p1 n1",
            "Which companies in the Retail sector had revenue above $500 million in 2018?",
        ),
        (
            "Beta Inc against Alpha Corp : revenue 2019",
            "e e m p",
            "diff m1 e1 e2 p1",
            "By how much did the revenue of Beta Inc in 2019 exceed the revenue of Alpha Corp in "
            "2019?",
        ),
    ],
)
def test_slots_are_what_they_stand_for(question: str, signature: str, plan: str, said: str):
    made = shot(Case(question=question, signature=signature, plan=plan))
    assert made is not None
    assert made[1].subtasks[-1].instruction == said


def test_cases_that_cannot_be_examples_are_passed_over():
    nothing = Case(question="will Alpha Corp be bought ?", signature="e", plan="none")
    hidden = Case(question="revenue and revenue", signature="m m", plan="get m1 m2")
    own = Case(question="burn of Alpha Corp", signature="e", plan="@burn e1")
    assert [shot(case) for case in (nothing, hidden, own)] == [None, None, None]
    again = GROWTH.model_copy(update={"question": GROWTH.question.replace("fast", "much")})
    other = Case(question="press on Alpha Corp", signature="e", plan="press e1")
    assert [q for q, _ in shots([nothing, GROWTH, again, other], 4)] == [
        GROWTH.question,
        other.question,
    ]
    assert len(shots([GROWTH, other], 1)) == 1
