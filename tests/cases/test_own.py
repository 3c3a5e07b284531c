"""The user's own cases: what is kept of them, and a file that only grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from specialists.cases.own import OwnCase, Store, make
from specialists.cases.written import PlanInputError
from specialists.foundation.errors import InputError, NotFound, WorkspaceError
from specialists.planning.clauses import Clause, Noun
from specialists.workspace.catalogue import Period
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(make_snapshot(3, split="train", companies=4, years=range(2018, 2023)).catalogue)


@pytest.fixture(scope="module")
def firm(linker: Linker) -> str:
    return linker.catalogue.companies[0].name


@pytest.fixture(scope="module")
def burn(linker: Linker, firm: str) -> OwnCase:
    plan = "cash / (cost of revenue - inventory)"
    return make(None, f"What is the burn multiple of {firm} in 2021?", plan, linker)


def test_an_operation_no_verb_says_is_called_by_its_name(burn: OwnCase, firm: str):
    assert burn.name == "burn-multiple"
    assert burn.case.question == "what is the burn multiple of Alpha Corp in 2018 ?"
    assert burn.case.plan == "@burn-multiple e1 p1"
    given = Clause("get", None, (), ("Else Inc",), (), (Period(first=2019, last=2019),))
    (clause,) = burn.shown.pattern.applied(given)
    assert (clause.verb, clause.form, clause.companies) == ("get", "over", ("Else Inc",))
    assert [leaf.label for noun in clause.measures for leaf in noun.leaves()] == [
        "cash and cash equivalents",
        "cost of revenue",
        "inventory",
    ]


def test_a_plan_whose_measures_are_all_named_is_an_ordinary_case(linker: Linker, firm: str):
    case = make("x", f"How did {firm}'s revenue move in 2021?", "growth(revenue)", linker)
    assert case.case.plan == "growth m1 e1 p1"
    assert case.slots == (Noun("revenue"),)


def test_it_comes_back_from_json_as_it_was(burn: OwnCase):
    again = OwnCase.model_validate_json(burn.model_dump_json())
    assert again == burn
    assert again.shown == burn.shown


def test_a_plan_must_not_speak_of_what_the_question_does_not_name(linker: Linker, firm: str):
    other = linker.catalogue.companies[1].name
    with pytest.raises(PlanInputError, match=f"{other}, which the question does not name"):
        make(None, f"Cover of {firm} in 2021?", f"cash of {other}", linker)
    with pytest.raises(PlanInputError, match="2020, which the question does not name"):
        make(None, f"Cover of {firm} in 2021?", "cash in 2020", linker)
    with pytest.raises(InputError, match="no name for a case"):
        make("Not A Name", f"Cover of {firm} in 2021?", "cash", linker)


def test_cases_are_added_found_and_removed(tmp_path: Path, burn: OwnCase):
    store = Store(tmp_path / "home" / "cases.jsonl")
    assert store.read() == ()
    store.add([burn])
    assert Store(store.path).read() == (burn,)
    assert store.find("burn-multiple") == burn
    with pytest.raises(InputError, match="--replace"):
        store.add([burn])
    later = burn.model_copy(update={"question": "other words"})
    store.add([later], replace=True)
    assert store.read() == (later,)
    store.remove("burn-multiple")
    assert store.read() == ()
    with pytest.raises(NotFound, match="there are: none"):
        store.remove("burn-multiple")


def test_nothing_is_added_where_one_name_is_taken(tmp_path: Path, burn: OwnCase):
    store = Store(tmp_path / "cases.jsonl")
    store.add([burn])
    with pytest.raises(InputError):
        store.add([burn.model_copy(update={"name": "new"}), burn])
    assert [case.name for case in store.read()] == ["burn-multiple"]


def test_a_line_cut_short_is_not_there_and_harms_no_other(tmp_path: Path, burn: OwnCase):
    store = Store(tmp_path / "cases.jsonl")
    store.add([burn])
    with store.path.open("a", encoding="utf-8") as file:
        file.write('{"name": "half')
    assert store.read() == (burn,)
    second = burn.model_copy(update={"name": "second"})
    store.add([second])
    assert store.read() == (burn, second)


def test_a_line_that_is_no_case_is_named(tmp_path: Path, burn: OwnCase):
    store = Store(tmp_path / "cases.jsonl")
    store.add([burn])
    store.path.write_text(store.path.read_text() + "{}\n")
    with pytest.raises(WorkspaceError, match="line 2 is not a case"):
        store.read()
