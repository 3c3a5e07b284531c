"""A change of one number from itself is put in order; nothing else is touched."""

import pytest

from specialists.calculation.facts import Fact
from specialists.calculation.order import chronological
from specialists.calculation.program import parse, render
from specialists.foundation.contracts import Quantity


def fact(year: int | None, measure: str = "revenue", entity: str = "Acme") -> Fact:
    return Fact(quantity=Quantity(value=1.0), measure=measure, entity=entity, year=year)


FACTS = {"<n1>": fact(2023), "<n2>": fact(2021), "<n3>": fact(2021, "net income")}


@pytest.mark.parametrize(
    ("written", "asked", "meant"),
    [
        (
            "subtract(<n2>, <n2>), divide(#0, <n2>)",
            {"<n1>", "<n2>"},
            "subtract(<n1>, <n2>), divide(#0, <n2>)",
        ),
        (
            "subtract(<n1>, <n1>), divide(#0, <n1>)",
            {"<n1>", "<n2>"},
            "subtract(<n1>, <n2>), divide(#0, <n2>)",
        ),
        ("subtract(<n1>, <n1>)", {"<n1>", "<n2>"}, "subtract(<n1>, <n2>)"),
        ("cagr(<n2>, <n2>)", {"<n1>", "<n2>"}, "cagr(<n1>, <n2>)"),
        ("subtract(<n2>, <n1>)", {"<n1>", "<n2>"}, "subtract(<n2>, <n1>)"),
        ("divide(<n1>, <n1>)", {"<n1>", "<n2>"}, "divide(<n1>, <n1>)"),
        ("subtract(<n1>, <n1>)", {"<n1>", "<n3>"}, "subtract(<n1>, <n1>)"),
        ("subtract(<n1>, <n1>)", {"<n1>", "<n2>", "<n3>"}, "subtract(<n1>, <n1>)"),
        ("subtract(<n1>, <n1>)", set(), "subtract(<n1>, <n1>)"),
    ],
)
def test_the_two_years_of_a_change(written: str, asked: set[str], meant: str):
    assert render(chronological(parse(written), asked, FACTS)) == meant
