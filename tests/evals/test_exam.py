from __future__ import annotations

from pathlib import Path

import pytest

from evals import contenders, exam
from evals.calibrating import assure, halves
from evals.exam import Sat
from evals.gold import GoldQuestion
from evals.grading import Outcome
from evals.planners import by_rules, first_linked
from specialists.agent import Specialist
from specialists.foundation.errors import NotFound
from specialists.foundation.records import ASSURANCE, Artefact, Assurance, Manifest
from specialists.registry import Entry
from specialists.workspace import demo


def sat(
    number: int, outcome: Outcome, *, answerable: bool = True, sure: float = 0.0, seconds: float = 1
) -> Sat:
    return Sat(
        id=str(number),
        kind="lookup",
        answerable=answerable,
        outcome=outcome,
        right=outcome == ("right" if answerable else "abstained"),
        features={"steps": sure} if outcome != "abstained" else {},
        seconds=seconds,
    )


def test_an_arm_is_counted_with_its_bounds() -> None:
    rows = [sat(n, "right", seconds=n) for n in range(8)]
    rows += [sat(8, "wrong", seconds=8), sat(9, "abstained", seconds=9)]
    rows += [sat(10, "abstained", answerable=False), sat(11, "wrong", answerable=False)]
    shown = exam.show("router", rows)
    assert (shown.count, shown.right, shown.wrong, shown.abstained) == (10, 8, 1, 1)
    assert shown.right_share == 0.8
    assert 0.1 < shown.wrong_share + 0.2 < shown.wrong_bound + 0.2
    assert shown.wrong_bound == pytest.approx(0.3942, abs=1e-4)
    assert (shown.unanswerable, shown.unanswerable_right, shown.all_wrong) == (2, 1, 2)
    assert shown.p95_s == 9
    assert shown.by_kind["lookup"] == {"right": 8, "wrong": 2, "abstained": 2}
    assert "right 0.800" in exam.as_line(shown)


def test_margins_are_of_the_answerable_questions_both_were_asked() -> None:
    ours = [sat(n, "right") for n in range(10)] + [sat(10, "wrong", answerable=False)]
    theirs = [sat(n, "right" if n < 4 else "wrong") for n in range(10)]
    (margin,) = exam.margins(ours, {"rules": theirs})
    assert margin.difference == pytest.approx(0.6)
    assert 0.2 < margin.low < 0.6


def test_generated_questions_fit_and_written_ones_prove() -> None:
    generated = [sat(n, "right") for n in range(5)]
    written = [sat(n, "right") for n in range(10, 13)]
    first, second = halves({"generated": generated, "dev": written})
    assert first == generated
    assert second == written


def test_an_assurance_withholds_what_is_often_wrong(tmp_path: Path) -> None:
    Manifest(base=Artefact(name="b", folder="base", digest="d")).write(tmp_path / "weights.json")
    rows = [sat(n, "right", sure=-0.1) for n in range(400)]
    rows += [sat(n, "wrong" if n % 4 < 2 else "right", sure=-3.0) for n in range(400, 501)]
    rows += [sat(n, "abstained", answerable=False) for n in range(501, 600)]
    made = assure(tmp_path, {"generated": rows, "dev": rows}, say=lambda _: None)
    assert Assurance.read(tmp_path / ASSURANCE) == made
    promised = {each.risk: each for each in made.thresholds}
    assert promised[0.03].wrong == 0
    assert promised[0.03].given == 400
    assert promised[0.03].p <= 0.05
    assert made.base == "d"
    assert [each.risk for each in made.thresholds] == sorted(promised)


class Nobody:
    """A registry in which no job has a model; only a planner without one can answer."""

    assurance: Assurance | None = None

    def list(self) -> tuple[Entry, ...]:
        return ()

    def specialist(self, name: str) -> Specialist:
        raise NotFound(name)

    async def aclose(self) -> None:
        return


async def test_questions_are_put_to_the_router_as_it_serves(tmp_path: Path) -> None:
    questions = [
        GoldQuestion(id="1", question="Tell me a joke", answerable=False, kind="unanswerable"),
        GoldQuestion(id="2", question="revenue of Aldergate in 2021", answerable=False, kind="x"),
    ]
    arm = contenders.rules(Nobody())
    workspace = demo.build(tmp_path)
    joke, revenue = await exam.sit(arm, workspace, questions)
    assert (joke.outcome, joke.right) == ("abstained", True)
    assert joke.said.startswith("none -> []")
    assert "get <c1> <e1> <p1>" in revenue.said
    assert joke.seconds > 0
    (hidden, _) = await exam.sit(arm, workspace, questions, sealed=True)
    assert hidden.said == ""


def test_rules_read_what_the_linker_leaves() -> None:
    assert by_rules("how much did <c1> of <e1> grow in <p1> ?") == "growth <c1> <e1> <p1>"
    assert by_rules("what is the tone of the news on <e1> ?") == "press <e1>"
    assert by_rules("which company had the highest <c1> in <p1> ?") == "top <c1> <p1>"
    assert by_rules("in which year was <c1> of <e1> lowest ?") == "trough <c1> <e1>"
    assert by_rules("which companies had <c1> above <n1> in <p1> ?") == "which above <c1> <p1> <n1>"
    assert by_rules("did <e1> have more <c1> than <e2> in <p1> ?") == "more <c1> <e1> <e2> <p1>"
    assert by_rules("what ( <c1> as a share of <c2> ) has <e1> ?") == "get share <c1> <c2> <e1>"
    assert by_rules("revenue of unknown , <c1>") == by_rules("hello") == "none"
    assert first_linked("<c2> and <c1> of <e3> in <p2> and <p1>") == "get <c2> <e3> <p2>"
    assert first_linked("<e1> ?") == "none"
