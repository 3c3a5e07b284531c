"""Plans that point at worked cases: patterns filled with what the next question names."""

from __future__ import annotations

import pytest

from specialists.foundation.errors import AnswerError
from specialists.planning import clauses
from specialists.planning.clauses import Clause, Noun, made
from specialists.planning.examples import generate
from specialists.planning.pointing import Case, Pattern
from specialists.planning.render import PlanningInputs
from specialists.planning.task import TASK
from specialists.workspace.catalogue import Period
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot

CATALOGUE = make_snapshot(8, split="heldout", companies=6).catalogue
LINKER = Linker(CATALOGUE)
ONE, TWO = CATALOGUE.companies[0].name, CATALOGUE.companies[1].name
SALES, PROFIT, DEBT = Noun("revenue"), Noun("net income"), Noun("long-term debt")
Y2020 = Period(first=2020, last=2020)


def test_slots_are_filled_and_what_is_fixed_stays() -> None:
    solved = Clause("get", "over", (DEBT, SALES), ("Alpha Corp",), (), (Y2020,))
    pattern = Pattern.of([solved], [SALES])  # the case's question names revenue alone
    given = Clause("get", None, (PROFIT,), (ONE,), (), ())
    (filled,) = pattern.applied(given)
    assert filled == Clause("get", "over", (DEBT, PROFIT), (ONE,), (), ())


def test_a_ratio_may_stand_where_the_case_has_one_measure() -> None:
    pattern = Pattern.of([Clause("growth", None, (SALES,), ("Alpha Corp",))], [SALES])
    given = Clause("get", "share", (PROFIT, SALES), (ONE, TWO))
    (filled,) = pattern.applied(given)
    assert filled == Clause("growth", "share", (PROFIT, SALES), (ONE, TWO))


def test_several_clauses_and_what_does_not_fit() -> None:
    two = [
        Clause("top", None, (SALES,), periods=(Y2020,)),
        Clause("max", None, (SALES,), periods=(Y2020,)),
    ]
    pattern = Pattern.of(two, [SALES])
    assert [c.verb for c in pattern.applied(Clause("get", None, (DEBT,)))] == ["top", "max"]
    with pytest.raises(AnswerError):
        pattern.applied(Clause("get", None, (DEBT,), (ONE,)))
    share = Pattern.of([Clause("get", "share", (PROFIT, SALES))], [PROFIT, SALES])
    with pytest.raises(AnswerError):
        share.applied(Clause("get", None, (DEBT,)))


def test_a_reply_points_at_a_case() -> None:
    ratio = made("over", DEBT, made("plus", SALES, PROFIT))
    solved = Clause("get", ratio.form, ratio.parts, ("Alpha Corp",), (), (Y2020,))
    case = Case("what was alpha corp 's vornet cover in 2018 ?", Pattern.of([solved], []))
    question = f"{ONE}'s vornet cover in 2021?"
    inputs = PlanningInputs(question, CATALOGUE, LINKER, cases=(case,))
    episode = TASK.begin(inputs)
    text = episode.messages[1].content
    assert text == f"<o1> {case.question} | <e1> 's vornet cover in <p1> ?"
    plan = episode.answer("<o1> <e1> <p1>")
    wanted = [s.inputs["measure"] for s in plan.subtasks if "measure" in s.inputs]
    assert wanted == ["long-term debt", "revenue", "net income"]
    assert {s.inputs["period"] for s in plan.subtasks if "period" in s.inputs} == {"2021"}
    assert not plan.note


def test_training_points_often_and_reads_back() -> None:
    pointed = 0
    for example in generate(TASK, "train", 260, 19):
        reply = example.dialogue[2].content
        if not reply.startswith("<o"):
            continue
        pointed += 1
        text = example.dialogue[1].content
        assert reply.split()[0] in text.partition(" | ")[0]
        episode = TASK.begin(example.inputs)
        mine, theirs = (
            [w for w in t.split() if clauses.PATTERN.fullmatch(w)]
            for t in (episode.messages[1].content, text)
        )
        names = dict(zip(theirs, mine, strict=True))
        plan = episode.answer(" ".join(names.get(w, w) for w in reply.split()))
        assert TASK.score(example, plan).right, (text, reply)
    assert pointed >= 8
