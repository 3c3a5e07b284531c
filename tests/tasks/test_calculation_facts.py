"""How a calculation's words become handles, and how earlier findings become facts."""

from __future__ import annotations

import re

import pytest

from specialists.calculation.facts import CalculationInputs, Fact, prompt
from specialists.calculation.task import CalculationTask, gather
from specialists.foundation.contracts import Cell, Finding, Quantity, Ref, Span, Subtask
from specialists.foundation.errors import AnswerError, NotFound
from specialists.task import Outcome
from specialists.workspace.handles import Handles

TASK = CalculationTask()
COMPANIES = ("Acme Corp", "Borealis Ltd")


def usd(value: float) -> Quantity:
    return Quantity(value=value, unit="USD", scale=1e6)


def finding(label: str, value: Quantity | str | None, **row: str | int) -> Finding:
    cells = (
        (Cell(table="t", column="c", row=dict(row), value=1.0, unit="USD", scale=1e6),)
        if row
        else ()
    )
    status = "ok" if value is not None else "abstained"
    return Finding(
        subtask="s", specialist="table_qa", status=status, value=value, label=label, evidence=cells
    )


def shown(question: str, *facts: Fact, context: tuple[str, ...] = ()) -> str:
    inputs = CalculationInputs(question=question, facts=facts, context=context)
    return prompt(inputs, Handles()).text


def test_question_and_facts_share_handles() -> None:
    facts = [
        Fact(quantity=usd(10), measure="total revenue", entity="Acme Corp", year=2021),
        Fact(quantity=usd(12), measure="total revenue", entity="Acme Corp", year=2022),
        Fact(quantity=usd(5), measure="goodwill", entity="Acme Corp", year=2022),
    ]
    assert shown("By what percentage did Acme Corp's revenue grow from 2021 to 2022?", *facts) == (
        "by what percentage did <e1> 's <c1> grow from <p1> <n1> to <p2> <n2> ?\n"
        "goodwill <e1> <p2> <n3>"
    )


def test_facts_of_one_measure_stand_in_the_order_of_their_years() -> None:
    facts = [
        Fact(quantity=usd(v), measure="revenue", entity="Acme Corp", year=y)
        for v, y in ((3, 2022), (1, 2020), (2, 2021))
    ]
    inputs = CalculationInputs(question="average revenue of Acme Corp?", facts=tuple(facts))
    made = prompt(inputs, Handles())
    assert made.text == "average <c1> <n1> <n2> <n3> of <e1> ?"
    assert [made.facts[n].year for n in ("<n1>", "<n2>", "<n3>")] == [2020, 2021, 2022]


def test_a_part_and_its_whole_stay_apart() -> None:
    part = Fact(quantity=usd(2), measure="revenue of the Cloud segment", entity="Acme Corp")
    whole = Fact(quantity=usd(9), measure="revenue", entity="Acme Corp")
    text = shown(
        "What percentage of the revenue of Acme Corp was the revenue of the Cloud segment of Acme "
        "Corp in 2022?",
        part,
        whole,
    )
    assert text == ("what percentage of the <c2> <n2> of <e1> was <c1> <n1> of <e1> in <p1> ?")


def test_numbers_in_the_words_become_handles_and_days_do_not() -> None:
    text = shown("If revenue of $3.2 million at December 31, 2021 grows by 5%, what will it be?")
    assert text == "if revenue of <n1> at december 31 , <p1> grows by <n2> , what will it be ?"


def test_sentences_share_their_phrases_with_the_question() -> None:
    text = shown(
        "what was the change in lease expense from 2018 to 2019?",
        context=("Lease expense was $4.5 million in 2019 and $3.1 million in 2018.",),
    )
    question, sentence = text.split("\n")
    assert question == "what was the change in <d1> from <p1> to <p2> ?"
    assert sentence == "<d1> was <n1> in <p2> and <n2> in <p1> ."


def test_more_numbers_than_handles_is_an_error() -> None:
    facts = [Fact(quantity=usd(i), measure="m", year=2000 + i % 20) for i in range(70)]
    with pytest.raises(AnswerError):
        shown("sum?", *facts)


def routed(instruction: str, given: dict[str, Finding], operation: str) -> CalculationInputs:
    inputs = {"operation": operation, **{name: Ref(ref=name) for name in given}}
    subtask = Subtask(id="s3", specialist="calculation", instruction=instruction, inputs=inputs)
    return gather(subtask, given, COMPANIES)


def test_findings_become_facts_with_measure_company_and_year() -> None:
    given = {
        "a": finding("revenue of the Cloud segment of Acme Corp in 2021", usd(5)),
        "b": finding("revenue of Acme Corp", usd(7), company="Acme Corp", fiscal_year=2022),
    }
    inputs = routed("What percentage of it was that?", given, "share")
    assert [(f.measure, f.entity, f.year, f.name) for f in inputs.facts] == [
        ("revenue of the Cloud segment", "Acme Corp", 2021, "a"),
        ("revenue", "Acme Corp", 2022, "b"),
    ]
    assert inputs.operation == "share"
    assert inputs.facts[1].evidence == given["b"].evidence


def test_a_finding_without_a_number_stops_the_calculation() -> None:
    given = {"a": finding("backlog of Acme Corp in 2021", None)}
    with pytest.raises(NotFound, match="backlog of Acme Corp in 2021 is not a number"):
        routed("By how much did it grow?", given, "growth")


def test_a_conclusion_carries_the_sources_of_the_numbers_used() -> None:
    given = {
        "a": finding(
            "revenue of Acme Corp in 2021", usd(10), company="Acme Corp", fiscal_year=2021
        ),
        "b": finding(
            "revenue of Acme Corp in 2022", usd(12), company="Acme Corp", fiscal_year=2022
        ),
    }
    inputs = routed(
        "By what percentage did the revenue of Acme Corp grow from 2021 to 2022?", given, "growth"
    )
    episode = TASK.begin(inputs)
    assert episode.messages[1].content == (
        "by what percentage did the <c1> of <e1> grow from <p1> <n1> to <p2> <n2> ?"
    )
    answer = episode.answer('{"program": "subtract(<n2>, <n1>), divide(#0, <n1>)"}')
    subtask = Subtask(id="s3", specialist="calculation", instruction="growth", inputs={})
    done = TASK.conclude(subtask, [Outcome(inputs, answer, confidence=0.9)])
    assert done.status == "ok"
    assert isinstance(done.value, Quantity)
    assert (done.value.value, done.value.unit) == (pytest.approx(20.0), "%")
    assert sum(isinstance(e, Cell) for e in done.evidence) == 2
    assert not any(isinstance(e, Span) for e in done.evidence)
    assert "revenue of Acme Corp in 2022" in done.label
    nothing = TASK.conclude(subtask, [Outcome(inputs, episode.answer('{"program": null}'))])
    assert nothing.status == "abstained"
    assert nothing.reason


@pytest.mark.parametrize(
    "reply",
    ["", "12", '{"program": 5}', '{"program": "add(<n1>)"}', '{"program": "add(<n8>, <n1>)"}'],
)
def test_a_reply_that_is_no_program_is_an_error(reply: str) -> None:
    inputs = CalculationInputs(question="sum?", facts=(Fact(quantity=usd(1), measure="revenue"),))
    with pytest.raises(AnswerError):
        TASK.begin(inputs).answer(reply)


def test_generated_prompts_are_short_and_free_of_names_and_digits() -> None:
    for example in TASK.examples("train", 300, 3):
        text = example.dialogue[1].content
        assert len(text.split()) <= 130
        assert not re.search(r"\d", re.sub(r"<[a-z]\d+>|p / e|31", "", text)), text


def test_folds_share_neither_companies_nor_templates_and_repeat() -> None:
    trained = list(TASK.examples("train", 500, 1))
    apart = list(TASK.examples("templates", 500, 1))
    owners = {f.entity for e in trained for f in e.inputs.facts} - {""}
    assert not owners & {f.entity for e in apart for f in e.inputs.facts}
    assert not {e.template for e in trained} & {e.template for e in apart}
    assert [e.dialogue for e in TASK.examples("train", 20, 1)] == [e.dialogue for e in trained[:20]]
    nothing = sum(e.answer.program is None for e in trained) / len(trained)
    assert 0.005 < nothing < 0.1


@pytest.mark.parametrize(
    ("operation", "right", "wrong"),
    [
        (
            "growth",
            "subtract(<n2>, <n1>), divide(#0, <n1>)",
            "subtract(<n1>, <n2>), divide(#0, <n2>)",
        ),
        ("growth", "divide(<n2>, <n1>), subtract(#0, const_1)", "subtract(<n2>, <n1>)"),
        ("difference", "subtract(<n1>, <n2>)", "subtract(<n2>, <n1>)"),
        ("ratio", "divide(<n1>, <n2>)", "divide(<n2>, <n1>)"),
        ("sum", "add(<n2>, <n1>)", "table_average(<n1>, <n2>)"),
        ("maximum", "table_max(<n1>, <n2>)", "table_min(<n1>, <n2>)"),
        ("cagr", "cagr(<n2>, <n1>)", "subtract(<n2>, <n1>), divide(#0, <n1>)"),
    ],
)
def test_the_plans_own_operation_is_a_second_opinion(
    operation: str, right: str, wrong: str
) -> None:
    given = {
        "a": finding("revenue of Acme Corp in 2019", usd(10)),
        "b": finding("revenue of Acme Corp in 2022", usd(12)),
    }
    inputs = routed("What of the revenue of Acme Corp from 2019 to 2022?", given, operation)
    episode = TASK.begin(inputs)
    good, bad = (episode.answer(f'{{"program": "{text}"}}') for text in (right, wrong))
    assert TASK.validate(inputs, good, ()) == []
    assert any("the plan" in problem for problem in TASK.validate(inputs, bad, ()))
