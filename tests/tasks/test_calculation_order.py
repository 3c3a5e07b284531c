"""Changes: code puts dated numbers in order, and what is contracted expands to the same."""

import pytest

from specialists.calculation.facts import Fact
from specialists.calculation.order import contracted, expanded
from specialists.calculation.program import parse, render
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError


def fact(year: int | None, measure: str = "revenue", entity: str = "Acme") -> Fact:
    return Fact(quantity=Quantity(value=1.0), measure=measure, entity=entity, year=year)


FACTS = {
    "<n1>": fact(2023),
    "<n2>": fact(2021),
    "<n3>": fact(2021, "net income"),
    "<n4>": fact(2023, "net income"),
    "<n5>": fact(None),
    "<n6>": fact(None),
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("growth(<n1>, <n2>)", "subtract(<n1>, <n2>), divide(#0, <n2>)"),
        ("growth(<n2>, <n1>)", "subtract(<n1>, <n2>), divide(#0, <n2>)"),
        ("change(<n1>, <n2>)", "subtract(<n1>, <n2>)"),
        ("cagr(<n2>, <n1>)", "cagr(<n1>, <n2>)"),
        ("growth(<n5>, <n6>)", "subtract(<n6>, <n5>), divide(#0, <n5>)"),
        ("growth(<n3>, <n1>)", "subtract(<n1>, <n3>), divide(#0, <n3>)"),
        (
            "growth(<n1>, <n2>), growth(<n3>, <n4>), subtract(#0, #1)",
            "subtract(<n1>, <n2>), divide(#0, <n2>), subtract(<n4>, <n3>), divide(#2, <n3>),"
            " subtract(#1, #3)",
        ),
        ("subtract(<n2>, <n1>)", "subtract(<n2>, <n1>)"),
    ],
)
def test_what_was_written_is_put_in_order(written: str, meant: str):
    assert render(expanded(parse(written), FACTS)) == meant


@pytest.mark.parametrize(
    ("meant", "text", "written"),
    [
        ("subtract(<n1>, <n2>), divide(#0, <n2>)", "<n2> <n1>", "growth(<n2>, <n1>)"),
        ("subtract(<n1>, <n2>), divide(#0, <n2>)", "<n1> <n2>", "growth(<n1>, <n2>)"),
        ("subtract(<n6>, <n5>), divide(#0, <n5>)", "<n6> <n5>", "growth(<n5>, <n6>)"),
        ("subtract(<n1>, <n2>)", "<n1> <n2>", "change(<n1>, <n2>)"),
        ("subtract(<n6>, <n5>)", "<n6> <n5>", "subtract(<n6>, <n5>)"),
        # how much more it was before: told as a change, code would turn its sign
        ("subtract(<n2>, <n1>)", "<n1> <n2>", "subtract(<n2>, <n1>)"),
        (
            "subtract(<n2>, <n1>), divide(#0, <n1>)",
            "<n1> <n2>",
            "subtract(<n2>, <n1>), divide(#0, <n1>)",
        ),
        ("cagr(<n1>, <n2>)", "<n2> <n1>", "cagr(<n2>, <n1>)"),
        ("divide(<n1>, <n3>)", "<n1> <n3>", "divide(<n1>, <n3>)"),
        (
            "subtract(<n1>, <n2>), divide(#0, <n2>), subtract(<n4>, <n3>), divide(#2, <n3>),"
            " subtract(#1, #3)",
            "<n2> <n3> <n1> <n4>",
            "growth(<n2>, <n1>), growth(<n3>, <n4>), subtract(#0, #1)",
        ),
        (
            "subtract(<n1>, <n2>), divide(#0, <n2>), multiply(#1, const_100)",
            "<n2> <n1>",
            "growth(<n2>, <n1>), multiply(#0, const_100)",
        ),
        (
            "subtract(<n1>, <n2>), divide(#0, <n2>), multiply(#0, const_100)",
            "<n2> <n1>",
            "change(<n2>, <n1>), divide(#0, <n2>), multiply(#0, const_100)",
        ),
    ],
)
def test_gold_is_contracted_and_expands_to_itself(meant: str, text: str, written: str):
    short = contracted(parse(meant), FACTS, text)
    assert render(short) == written
    assert render(expanded(short, FACTS)) == meant


def test_the_change_of_a_number_to_itself_is_refused():
    with pytest.raises(AnswerError, match="to itself"):
        expanded(parse("growth(<n1>, <n1>)"), FACTS)
