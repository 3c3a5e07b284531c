"""A finding is held against its own evidence; mutations of a right one are caught."""

from datetime import date

import pytest

from router.verify import check, verify
from specialists.foundation.contracts import Cell, Finding, Plan, Quantity, Ref, Span, Step, Subtask
from specialists.workspace.catalogue import Catalogue, Column, Company, Table

COLUMNS = ("revenue", "cost_of_revenue", "gross_profit")
CATALOGUE = Catalogue(
    workspace="mine",
    version="1",
    as_of=date(2024, 5, 1),
    companies=(Company(name="Acme Corp", ticker="ACM"), Company(name="Bolt")),
    tables=(
        Table(
            name="income",
            title="Income",
            columns=(
                Column(name="company", role="company", type="text"),
                Column(name="year", role="period", type="number"),
                *(Column(name=c, role="measure", type="number") for c in COLUMNS),
            ),
            rows=1,
        ),
    ),
)
SUBTASK = Subtask(
    id="s1",
    specialist="table_qa",
    instruction="What was the revenue of Acme Corp in 2022?",
    inputs={"measure": "revenue", "company": "Acme Corp", "period": "2022"},
)


def cell(column: str = "revenue", value: float = 10.0, **changes) -> Cell:
    facts = {
        "table": "income",
        "column": column,
        "row": {"company": "Acme Corp", "year": 2022},
        "value": value,
        "unit": "USD",
        "scale": 1e6,
    }
    return Cell(**{**facts, **changes})


def finding(**changes) -> Finding:
    facts = {
        "subtask": "s1",
        "specialist": "table_qa",
        "status": "ok",
        "value": Quantity(value=10.0, unit="USD", scale=1e6),
        "evidence": (cell(),),
    }
    return Finding(**{**facts, **changes})


def test_a_right_finding_passes():
    assert check(SUBTASK, finding(), CATALOGUE) == []
    thousand = Quantity(value=10_000.0, unit="USD", scale=1e3)
    assert check(SUBTASK, finding(value=thousand), CATALOGUE) == []
    ticker = SUBTASK.model_copy(update={"inputs": {"company": "acm", "period": "2022"}})
    assert check(ticker, finding(), CATALOGUE) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"value": Quantity(value=10.0, unit="USD", scale=1e3)}, "source says 1e+07"),
        ({"value": Quantity(value=-10.0, unit="USD", scale=1e6)}, "source says"),
        ({"value": Quantity(value=10.1, unit="USD", scale=1e6)}, "source says"),
        ({"value": Quantity(value=10.0, unit="EUR", scale=1e6)}, "unit is EUR"),
        ({"value": Quantity(value=float("nan"))}, "not a finite number"),
        ({"value": None}, "no value"),
        ({"evidence": ()}, "no evidence"),
        ({"evidence": (cell(row={"company": "Bolt", "year": 2022}),)}, "about Bolt"),
        ({"evidence": (cell(row={"company": "Acme Corp", "year": 2021}),)}, "rests on 2021"),
        (
            {"evidence": (Span(document="d", start=0, end=1, text="11 million"),)},
            "does not stand in",
        ),
        ({"evidence": (cell(), Step(expression="add(4, 5)", result=9.0))}, "calculation gave 9"),
    ],
)
def test_a_mutated_finding_is_caught(changes, problem: str):
    found = check(SUBTASK, finding(**changes), CATALOGUE)
    assert any(problem in said for said in found), found


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence": (Span(document="d", start=0, end=1, text="sales of $10 million"),)},
        {"evidence": (cell(), Step(expression="x", result=1e7))},
        {
            "value": Quantity(value=12.5, unit="%"),
            "evidence": (Step(expression="x", result=0.125),),
        },
        {"value": "Acme Corp"},
    ],
)
def test_other_right_forms_pass(changes):
    assert check(SUBTASK, finding(**changes), CATALOGUE) == []


def test_the_heirs_of_what_did_not_hold_do_not_hold():
    heir = Subtask(id="s2", specialist="calculation", instruction="", inputs={"a": Ref(ref="s1")})
    step = finding(
        subtask="s2",
        value=Quantity(value=9.0),
        evidence=(Step(expression="x", result=9.0),),
    )
    wrong = finding(value=Quantity(value=9.0, unit="USD", scale=1e6))
    done = verify(Plan(subtasks=(SUBTASK, heir)), {"s1": wrong, "s2": step}, CATALOGUE)
    assert [f.status for f in done.findings.values()] == ["failed", "failed"]
    assert "did not pass verification" in done.findings["s1"].reason
    assert "rests on s1" in done.findings["s2"].reason


def _cells(profit: float) -> dict[str, Finding]:
    amounts = dict(zip(COLUMNS, (10.0, 4.0, profit), strict=True))
    return {
        column: finding(
            subtask=column,
            value=Quantity(value=value, unit="USD", scale=1e6),
            evidence=(cell(column, value),),
        )
        for column, value in amounts.items()
    }


def test_a_broken_identity_is_told_and_nothing_is_refused():
    plan = Plan(subtasks=tuple(SUBTASK.model_copy(update={"id": c}) for c in COLUMNS))
    held = verify(plan, _cells(6.0), CATALOGUE)
    assert held.notes == ()
    broken = verify(plan, _cells(7.0), CATALOGUE)
    assert broken.notes == (
        "Acme Corp 2022: gross profit = revenue - cost of revenue does not hold in the tables "
        "(7e+06 against 6e+06)",
    )
    assert all(f.status == "ok" for f in broken.findings.values())


def test_identities_hold_within_rounding_and_only_where_all_parts_are_there():
    plan = Plan(subtasks=tuple(SUBTASK.model_copy(update={"id": c}) for c in COLUMNS))
    assert verify(plan, _cells(6.02), CATALOGUE).notes == ()
    two = Plan(subtasks=plan.subtasks[:2])
    assert verify(two, _cells(99.0), CATALOGUE).notes == ()
