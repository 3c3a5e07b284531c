"""Plans as people write them: what they mean, and what is refused with which words."""

from __future__ import annotations

import pytest

from specialists.cases.written import PlanInputError, read
from specialists.planning.clauses import Clause, Noun, made
from specialists.workspace.catalogue import Period
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot

CASH, INVENTORY = Noun("cash and cash equivalents"), Noun("inventory")
CURRENT = Noun("current liabilities")
REVENUE = Noun("revenue")


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(make_snapshot(3, split="train", companies=4, years=range(2018, 2023)).catalogue)


@pytest.fixture(scope="module")
def firms(linker: Linker) -> list[str]:
    return [company.name for company in linker.catalogue.companies]


def year(number: int) -> Period:
    return Period(first=number, last=number)


def test_steps_and_an_expression_say_the_same(linker: Linker, firms: list[str]):
    question = f"What is the cover of {firms[0]} in 2021?"
    measure = made("over", made("less", CASH, INVENTORY), CURRENT)
    want = (Clause("get", "over", measure.parts, (firms[0],), (), (year(2021),)),)
    steps = (
        f"a = get cash of {firms[0]} in 2021; b = get inventory of {firms[0]} in 2021; "
        "c = current liabilities; divide(subtract(a, b), c)"
    )
    assert read(steps, question, linker) == want
    assert read("(cash - inventory) / current liabilities", question, linker) == want
    assert read("divide(subtract(cash, inventory), current liabilities)", question, linker) == want


def test_growth_and_lists_over_years_and_companies(linker: Linker, firms: list[str]):
    question = f"How did {firms[0]} and {firms[1]} do?"
    both = (firms[0], firms[1])

    def one(plan: str) -> Clause:
        (clause,) = read(plan, question, linker)
        return clause

    one_firm = f"revenue of {firms[0]}"
    years = (year(2020), year(2022))
    assert one(f"growth({one_firm} in 2020, {one_firm} in 2022)") == Clause(
        "growth", None, (REVENUE,), both[:1], (), years
    )
    assert one(f"{one_firm} in 2022 - {one_firm} in 2020").verb == "change"
    assert one(f"revenue of {firms[0]} in 2021 - revenue of {firms[1]} in 2021") == Clause(
        "diff", None, (REVENUE,), both, (), (year(2021),)
    )
    assert one(f"divide(revenue of {firms[1]}, revenue of {firms[0]})").companies == both[::-1]
    assert one(f"average({one_firm} in 2020, {one_firm} in 2021)").verb == "mean"
    assert one("max(revenue)") == Clause("max", None, (REVENUE,), both)
    assert one(f"press({firms[1]})") == Clause("press", companies=both[1:])


def test_unnamed_steps_are_all_answered(linker: Linker, firms: list[str]):
    question = f"Revenue and tone of {firms[0]} in 2021?"
    clauses = read(f"revenue; press({firms[0]})", question, linker)
    assert [clause.verb for clause in clauses] == ["get", "press"]


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ("", "the plan is empty"),
        ("divide(cash", "a bracket is not closed"),
        ("wrangle(cash)", "no function 'wrangle'; there are add"),
        ("cash / zorblax", "'zorblax' is no"),
        ("a = cash; a = inventory; a", "two steps are called 'a'"),
        ("cash /", "a measure is missing"),
        ("cash inventory", "names 2 measures"),
        ("divide(cash, inventory, revenue)", "divide takes two values, not 3"),
        ("((cash - inventory) / revenue - inventory) / (cash + revenue)", "levels deep"),
        ("press(revenue)", "press takes companies"),
        ("cash in 2020 / inventory in 2021", "mixes companies or years"),
    ],
)
def test_what_cannot_be_is_refused_in_words(plan: str, why: str, linker: Linker, firms: list[str]):
    with pytest.raises(PlanInputError, match=why):
        read(plan, f"What is the cover of {firms[0]} in 2021?", linker)
