"""A case's shape, and its plan over another question's slots."""

from __future__ import annotations

import pytest

from specialists.cases.case import Case, case_of, model_shape, shape
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import Handles
from specialists.workspace.standins import Masked, masked


def asked(text: str) -> Masked:
    """A linked question; handles stand for whatever their kind can be."""
    handles = Handles()
    for number in range(1, 5):
        handles.bind("c", None, f"measure {number}")
        handles.bind("e", f"Firm {number}", f"Firm {number}")
        handles.bind("p", Period(first=2014 + number, last=2014 + number), f"{2014 + number}")
    handles.bind("p", Period(first=2015, last=2018), "2015 to 2018")  # <p5>
    handles.bind("n", Quantity(value=3), "3")
    return masked(text, handles)


def test_a_case_keeps_no_name_and_no_number():
    case = case_of(
        asked("how fast did <e2> grow its <c3> from <p1> to <p3> ?"), "growth <c3> <e2> <p1> <p3>"
    )
    assert case.question == ("how fast did Alpha Corp grow its revenue from 2018 to 2019 ?")
    assert (case.plan, case.signature) == ("growth m1 e1 p1 p2", "e m p p")
    assert case.shape == "growth"


def test_a_measure_told_by_its_parts_is_one_slot():
    question = asked(
        "( <c1> as a share of <c2> ) of <e1> and ( ( <c1> plus <c2> ) divided by <c3> )"
    )
    assert question.signature == "m e m"
    assert question.text == "gross margin of Alpha Corp and current ratio"
    case = case_of(question, "get share <c1> <c2> <e1> ; get over plus <c1> <c2> <c3> <e1>")
    assert case.plan == "get m1 e1 ; get m2 e1"
    assert case.filled(asked("<c1> of <e2> and ( <c2> minus <c4> )")) == (
        "get <c1> <e2> ; get less <c2> <c4> <e2>"
    )


def test_slots_are_filled_in_the_order_of_mention():
    case = Case(question="", signature="e m p e", plan="diff m1 e2 e1 p1")
    assert case.filled(asked("<e3> <c2> <p1> <e1>")) == "diff <c2> <e1> <e3> <p1>"
    assert case.filled(asked("<c2> <e3> <e1> <p1>")) == "diff <c2> <e1> <e3> <p1>"


def test_a_list_takes_as_many_as_there_are():
    case = Case(question="", signature="m e e p", plan="top m1 e1 e2 p1")
    assert case.filled(asked("<c1> <e1> <e2> <e4> <p2>")) == "top <c1> <e1> <e2> <e4> <p2>"
    assert (
        Case(question="", signature="m e p", plan="get m1 e1 p1 ; press e1").filled(
            asked("<c1> <c2> <e1> <p1>")
        )
        == "get <c1> <c2> <e1> <p1> ; press <e1>"
    )


@pytest.mark.parametrize(
    ("signature", "plan", "question"),
    [
        ("m e p", "get m1 e1 p1", "<c1> <p1>"),  # no company
        ("m e", "get m1 e1", "<c1> <e1> <p1>"),  # a year more
        ("m m e", "get m1 e1 ; growth m2 e1", "<c1> <c2> <c3> <e1>"),  # which of the three?
    ],
)
def test_slots_that_do_not_fit_give_no_plan(signature: str, plan: str, question: str):
    assert Case(question="", signature=signature, plan=plan).filled(asked(question)) is None


def test_misfit_orders_cases_by_how_near_their_slots_are():
    question = asked("<e1> <c1> <p1> <p2>")
    plan = "growth m1 e1 p1 p2"
    near = [
        Case(question="", signature=signature, plan=plan).misfit(question)
        for signature in ("e m p p", "m e p p", "m e p s", "m e p", "m e p p n")
    ]
    assert near == [0, 1, 2, 3, 6]


def test_a_shape_says_where_things_are_taken_out_of_turn():
    assert shape("diff m1 e2 e1 p1 ; press e1") == "diff ~ ; press"
    assert shape("which above growth m1 p1 n1") == "which above growth"
    question = asked("( <c1> as a share of <c2> ) of <e1> less that of <e2>")
    assert model_shape("diff share <c1> <c2> <e2> <e1>", question) == "diff ~"
    assert model_shape("get share <c2> <c1> <e1>", question) == "get share"


def test_a_plan_about_what_is_not_named_makes_no_case():
    with pytest.raises(AnswerError, match="<e2>"):
        case_of(asked("<c1> of <e1>"), "get <c1> <e2>")
