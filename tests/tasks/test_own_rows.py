"""Rows of one's own become examples that pass their job's own check, or say why they cannot."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from specialists.calculation.task import CalculationTask
from specialists.extraction.task import ExtractionTask
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError, FinrouteError
from specialists.maths.task import MathsTask
from specialists.own import seed_of
from specialists.planning.task import PlanningTask
from specialists.sentiment.task import SentimentTask
from specialists.table_qa.task import TableTask
from specialists.task import Example, Task
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot

TASKS = {
    task.name: task
    for task in (
        SentimentTask(),
        ExtractionTask(),
        CalculationTask(),
        PlanningTask(),
        TableTask(),
        MathsTask(),
    )
}


def made(job: str, row: dict[str, Any], world: Snapshot | None = None) -> Example[Any, Any]:
    form = importlib.import_module(f"specialists.{job}.own")
    return form.example(TASKS[job], "own/x/1", row, world)


def proved(job: str, example: Example[Any, Any]) -> None:
    """Its gold reply reads back as its answer, in both forms."""
    task: Task[Any, Any] = TASKS[job]
    for form, seed, reply in (
        ("compact", seed_of(example.id), example.dialogue[-1].content),
        ("full", None, task.written(example)),
    ):
        episode = task.begin(example.inputs, form=form, seed=seed)  # type: ignore[arg-type]
        if form == "compact":
            assert tuple(episode.messages) == example.dialogue[:-1]
        answer = episode.answer(reply)
        assert task.score(example, answer).right
        assert task.validate(example.inputs, answer, ()) == []


def refused(job: str, row: dict[str, Any], world: Snapshot | None = None) -> str:
    with pytest.raises(FinrouteError) as caught:
        made(job, row, world)
    return str(caught.value)


def test_a_headline():
    row = {"headline": "Acme beats Beta", "company": "Acme", "others": "Beta; Gamma"}
    example = made("sentiment", {**row, "sentiment": "positive"})
    proved("sentiment", example)
    assert example.dialogue[1].content == "<e1> beats <e2>"


def test_a_problem():
    example = made("maths", {"question": "2 and 3?", "answer": 5.0, "working": "2+3=5"})
    proved("maths", example)
    assert TASKS["maths"].written(example) == '{"working": "2+3=5", "answer": 5}'
    assert "not a number to reckon with" in refused("maths", {"question": "?", "answer": 1e300})


# --- extraction ---------------------------------------------------------------------------------

PASSAGE = (
    "At the end of 2021, Acme employed 1,250 people, up from 1,100. Revenue in 2021 was "
    "$1.2 billion and net income $ 80 million, or 6.7% of revenue."
)


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        ({"metric": "revenue", "value": 1.2, "scale": 1e9}, "USD"),
        ({"metric": "revenue", "value": 1200.0, "scale": 1e6, "unit": "USD"}, "USD"),
        ({"metric": "number of employees", "value": 1250.0}, "count"),
        ({"metric": "number of employees", "value": 1250.0, "unit": "count"}, "count"),
    ],
)
def test_a_figure_is_found_by_what_it_is_worth(asked, unit):
    row = {"passage": PASSAGE, "company": "Acme", "year": 2021, **asked}
    example = made("extraction", row)
    proved("extraction", example)
    assert example.answer.unit == unit
    assert example.answer.period == 2021
    assert example.company == "Acme"


def test_a_figure_that_is_not_told():
    row = {"passage": PASSAGE, "company": "Acme", "year": 2021, "metric": "order backlog"}
    example = made("extraction", {**row, "value": "none"})
    proved("extraction", example)
    assert example.dialogue[-1].content == '{"value": "none"}'


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metric": "revenue", "value": 1.2}, "is its scale left out?"),
        ({"metric": "revenue", "value": 7.0, "scale": 1e9}, "no figure worth 7 billion; it holds"),
        ({"metric": "revenue", "value": 1.2, "scale": 1e9, "unit": "EUR"}, "in USD, not in EUR"),
        ({"metric": "revenue", "value": "much"}, "neither a number nor none"),
        ({"metric": "number of employees", "value": 6.7, "unit": "%"}, "another kind"),
        ({"metric": "revenue", "value": 1.2, "scale": 1e9, "period": 1999}, "speak of 1999"),
    ],
)
def test_a_figure_that_does_not_fit(asked, said):
    assert said in refused("extraction", {"passage": PASSAGE, "company": "Acme", **asked})


# --- calculation --------------------------------------------------------------------------------

FACTS = ["revenue of Acme in 2021 = $7,351 million", "revenue of Acme in 2022 = $8,497 million"]
ASKED = {"question": "By what percentage did revenue grow from 2021 to 2022?", "company": "Acme"}


@pytest.mark.parametrize(
    "answer",
    [
        {"answer": 15.59, "unit": "%"},
        {"answer": 15.59, "program": "growth(7351, 8497)"},
        {"program": "subtract(8497, 7351), divide(#0, 7,351)".replace("7,351", "7351")},
        {"answer": 15.6, "unit": "%", "program": "subtract(8497, 7351), divide(#0, 7351)"},
    ],
)
def test_a_calculation_by_its_answer_or_its_program(answer):
    example = made("calculation", {**ASKED, "facts": FACTS, **answer})
    proved("calculation", example)
    assert isinstance(example.answer.value, Quantity)
    assert example.answer.value.value == pytest.approx(15.5897, abs=1e-4)
    assert example.company == "Acme"
    assert [f.year for f in example.inputs.facts] == [2021, 2022]
    assert [f.measure for f in example.inputs.facts] == ["revenue", "revenue"]


def test_facts_as_objects_and_programs_over_their_names():
    facts = [
        {"value": 80, "unit": "USD", "scale": 1e6, "measure": "net income", "name": "a"},
        {"value": 1.2, "unit": "USD", "scale": 1e9, "measure": "revenue", "name": "b"},
    ]
    row = {"question": "net income $a over revenue $b, in percent?", "facts": facts}
    example = made("calculation", {**row, "answer": 6.667, "unit": "%", "program": "divide(a, b)"})
    proved("calculation", example)
    assert made("calculation", {**row, "answer": 6.667, "unit": "%"}).answer == example.answer


def test_numbers_in_the_question_and_in_sentences_count():
    row = {
        "question": "What is 12 less what was sold?",
        "context": "Of the units made, 5 were sold.",
        "answer": 7.0,
    }
    proved("calculation", made("calculation", row))


def test_yes_no_and_none():
    row = {
        "question": "Did revenue in 2022 exceed that of 2021?",
        "facts": FACTS,
        "company": "Acme",
    }
    example = made("calculation", {**row, "answer": "yes", "program": "greater(8497, 7351)"})
    proved("calculation", example)
    nothing = made("calculation", {**ASKED, "facts": FACTS[:1], "answer": "none"})
    proved("calculation", nothing)
    assert nothing.dialogue[-1].content == '{"program": null}'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "neither an answer nor a program"),
        ({"answer": 99.0, "unit": "%"}, "no program, or more than one"),
        ({"answer": "yes"}, "needs a program"),
        ({"answer": 3.0, "program": "growth(7351, 8497)"}, "comes to 15.59%, the answer is 3%"),
        ({"program": "growth(7351, 1)"}, "'1' in the program is none of them"),
        ({"program": "rise(7351, 8497)"}, "unknown operation 'rise'"),
        ({"program": "8497 - 7351"}, "is no program"),
        ({"answer": "none", "program": "growth(7351, 8497)"}, "the answer is none"),
        ({"answer": "no", "program": "greater(8497, 7351)"}, "comes to yes, the answer is no"),
    ],
)
def test_a_calculation_that_does_not_fit(answer, said):
    assert said in refused("calculation", {**ASKED, "facts": FACTS, **answer})


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("revenue", "is not of the form"),
        ("revenue = 3 to 4", "is not of the form"),
        ({"value": 1, "sum": 2}, "a fact has no sum"),
        ({"unit": "USD"}, "value: Field required"),
        ({"value": "many"}, "value: Input should be a valid number"),
    ],
)
def test_a_fact_that_cannot_be_read(fact, said):
    assert said in refused("calculation", {**ASKED, "facts": [fact], "answer": 1.0})


# --- over a workspace ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> Snapshot:
    return make_snapshot(7, split="train", companies=5, years=(2019, 2020, 2021, 2022))


@pytest.fixture(scope="module")
def who(world: Snapshot) -> str:
    return world.catalogue.companies[0].name


def value_of(world: Snapshot, who: str, year: int) -> float:
    rows = world.tables["income_statement"].to_pylist()
    return next(r["revenue"] for r in rows if r["company"] == who and r["fiscal_year"] == year)


def test_a_plan_in_names_and_in_handles(world, who):
    question = f"How fast did {who} grow its revenue from 2020 to 2022?"
    for plan in (f"growth <revenue> <{who}> <2020 to 2022>", "growth <c1> <e1> <p1>"):
        example = made("planning", {"question": question, "plan": plan}, world)
        proved("planning", example)
        assert [s.specialist for s in example.answer.subtasks] == [
            "table_qa",
            "table_qa",
            "calculation",
        ]
        assert example.company == who


def test_a_plan_of_nothing(world, who):
    row = {"question": f"Will {who} be bought next year?", "plan": "none"}
    example = made("planning", row, world)
    proved("planning", example)
    assert example.answer.subtasks == ()


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("growth <profit> <e1> <p1>", "<profit> in the plan, of what the question names"),
        ("grow <c1> <e1> <p1>", "a clause begins with one of"),
        ("growth <c1> <e1> <p9>", "<p9> stands for nothing"),
        ("growth <c1> <p1> <e1>", "out of place"),
    ],
)
def test_a_plan_that_cannot_be_read(plan, said, world, who):
    question = f"How fast did {who} grow its revenue from 2020 to 2022?"
    assert said in refused("planning", {"question": question, "plan": plan}, world)


def test_table_questions_are_worked_from_their_answers(world, who):
    first, last = value_of(world, who, 2020), value_of(world, who, 2022)
    asked = {
        f"What was the revenue of {who} in 2022?": {"value": last, "scale": 1e6},
        f"By how many percent did the revenue of {who} change from 2020 to 2022?": {
            "value": round((last - first) / first * 100, 2),
            "unit": "%",
        },
        f"How much higher was the revenue of {who} in 2022 than in 2020?": {
            "value": last - first,
            "unit": "USD",
            "scale": 1e6,
        },
    }
    for question, answer in asked.items():
        example = made("table_qa", {"question": question, **answer}, world)
        assert example.dialogue[-1].role == "assistant"
        assert [call.name for call in example.calls][:3] == ["list_tables", "describe_table", "sql"]
        assert TASKS["table_qa"].validate(example.inputs, example.answer, ()) == []
        assert example.company == who


def test_a_name_and_a_year_are_answers_too(world):
    rows = world.tables["income_statement"].to_pylist()
    best = max((r for r in rows if r["fiscal_year"] == 2021), key=lambda r: r["revenue"])
    row = {"question": "Which company had the highest revenue in 2021?", "value": best["company"]}
    assert made("table_qa", row, world).answer.value == best["company"]
    own = [r for r in rows if r["company"] == best["company"]]
    year = max(own, key=lambda r: r["revenue"])["fiscal_year"]
    row = {"question": f"In which year was the revenue of {best['company']} highest?"}
    assert made("table_qa", {**row, "value": float(year)}, world).answer.value == str(year)


def test_what_no_table_tells(world, who):
    row = {"question": f"What was the number of employees of {who} in 2021?", "value": "none"}
    example = made("table_qa", row, world)
    assert example.answer.value is None
    assert example.dialogue[-1].content == '{"value": null}'
    told = {"question": f"What was the revenue of {who} in 2021?", "value": "none"}
    assert "the tables tell it" in refused("table_qa", told, world)


def test_an_answer_that_nothing_comes_to_has_no_dialogue(world, who):
    row = {"question": f"What was the revenue of {who} in 2021?", "value": 1.0, "unit": "USD"}
    example = made("table_qa", row, world)
    assert example.dialogue[-1].role == "user"
    assert example.calls == ()
    assert "say its unit" in refused("table_qa", {k: row[k] for k in ("question", "value")}, world)


def test_a_question_about_a_stranger(world):
    row = {"question": "What was the revenue of Nonesuch Holdings in 2021?", "value": 1.0}
    assert "nothing on nonesuch" in refused("table_qa", row, world)


# --- what annotators mean -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "one", "same", "other"),
    [
        (
            "sentiment",
            {"sentiment": "positive"},
            {"sentiment": "positive"},
            {"sentiment": "neutral"},
        ),
        ("maths", {"answer": 5.0}, {"answer": 5.0}, {"answer": 5.5}),
        (
            "extraction",
            {"value": 1.2, "scale": 1e9, "unit": "USD"},
            {"value": 1200.0, "scale": 1e6, "unit": "USD"},
            {"value": "none"},
        ),
        (
            "calculation",
            {"answer": 2.0, "unit": "%"},
            {"answer": 2.0, "unit": "%"},
            {"answer": 2.0},
        ),
        (
            "calculation",
            {"program": "add(1,  2)"},
            {"program": "add(1, 2)"},
            {"program": "add(2, 2)"},
        ),
        ("table_qa", {"value": "Acme"}, {"value": "ACME"}, {"value": 2021.0}),
        ("planning", {"plan": "get <C1>  <e1>"}, {"plan": "get <c1> <e1>"}, {"plan": "none"}),
    ],
)
def test_answers_that_mean_the_same(job, one, same, other):
    meaning = importlib.import_module(f"specialists.{job}.own").meaning
    assert meaning(one) == meaning(same) != meaning(other)


def test_handles_follow_from_the_name():
    assert seed_of("own/x/1") == seed_of("own/x/1") != seed_of("own/x/2")
    with pytest.raises(AnswerError):
        TASKS["extraction"].begin(
            made(
                "extraction", {"passage": PASSAGE, "metric": "order backlog", "value": "none"}
            ).inputs
        ).answer("nonsense")
