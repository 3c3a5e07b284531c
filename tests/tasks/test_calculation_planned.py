"""Calculations a plan names by their operation, carried out by code."""

from __future__ import annotations

import json

import pytest

from specialists.calculation import planned
from specialists.calculation.facts import CalculationInputs, Fact
from specialists.calculation.task import settled
from specialists.foundation.contracts import Quantity, Ref, Scalar, Step, Subtask
from specialists.foundation.errors import AnswerError
from specialists.task import Conclusion

USD = {"unit": "USD", "scale": 1e6}


def carry_out(operation: str, *numbers: Quantity, **literals: Scalar) -> Conclusion:
    inputs: dict[str, Scalar | Ref] = {"operation": operation, **literals}
    step = Subtask(
        id="s9",
        specialist="calculation",
        instruction="What of it from 2020 to 2022?",
        inputs=inputs,
    )
    facts = tuple(Fact(quantity=q, measure=f"item {i}") for i, q in enumerate(numbers))
    return settled(
        step, CalculationInputs(question=step.instruction, facts=facts, operation=operation)
    )


def money(value: float) -> Quantity:
    return Quantity(value=value, unit="USD", scale=1e6)


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ("growth", Quantity(value=50.0, unit="%")),
        ("difference", Quantity(value=-40.0, unit="USD", scale=1e6)),
        ("ratio", Quantity(value=80 / 120, unit="x")),
        ("share", Quantity(value=100 * 80 / 120, unit="%")),
        ("sum", Quantity(value=200.0, unit="USD", scale=1e6)),
        ("average", Quantity(value=100.0, unit="USD", scale=1e6)),
        ("cagr", Quantity(value=100 * (1.5**0.5 - 1), unit="%")),
    ],
)
def test_each_operation(operation: str, result: Quantity) -> None:
    conclusion = carry_out(operation, money(80), money(120))
    assert isinstance(conclusion.value, Quantity)
    assert conclusion.value.value == pytest.approx(result.value)
    assert (conclusion.value.unit, conclusion.value.scale) == (result.unit, result.scale)
    assert any(isinstance(e, Step) for e in conclusion.evidence)


def test_yes_and_no() -> None:
    assert carry_out("greater", money(120), money(80)).value == "yes"
    assert carry_out("greater", money(80), money(120)).value == "no"
    above: dict[str, Scalar] = {"limit": 1e8, "unit": "USD", "side": "above"}
    assert carry_out("greater", money(120), **above).value == "yes"
    assert carry_out("greater", money(120), **{**above, "side": "below"}).value == "no"
    percent = Quantity(value=12.0, unit="%")
    assert carry_out("greater", percent, limit=10.0, unit="%", side="above").value == "yes"


def test_limits_of_another_kind_are_refused() -> None:
    for limit, unit in ((5.0, "%"), (5e9, "EUR"), (5.0, "")):
        with pytest.raises(AnswerError):
            carry_out("greater", money(120), limit=limit, unit=unit, side="above")


def test_whose_number_is_largest() -> None:
    names = json.dumps(["Acme", "Bolt", "Cog"])
    numbers = (money(80), money(120), money(90))
    assert carry_out("largest", *numbers, names=names).value == "Bolt"
    assert carry_out("smallest", *numbers, names=names).value == "Acme"


def test_an_operation_takes_its_numbers() -> None:
    with pytest.raises(AnswerError):
        planned.written("growth", ("<n1>",))
    with pytest.raises(AnswerError):
        planned.written("sorcery", ("<n1>", "<n2>"))
