"""The check of table answers: gold passes, equal forms pass, what is beyond tolerance does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.foundation.contracts import Cell, Quantity, Step
from specialists.table_qa.check import match, score, validate
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.table_qa.task import TableTask
from specialists.task import Example

TASK = TableTask()
Solved = Example[TableQuestion, TableAnswer]


@pytest.fixture(scope="module")
def examples() -> list[Solved]:
    return [e for fold in ("train", "templates") for e in TASK.examples(fold, 150, 21)]


def test_gold_passes_its_own_check(examples: list[Solved]) -> None:
    for example in examples:
        assert TASK.score(example, example.answer).right
        assert validate(example.inputs, example.answer, example.answer.evidence) == []


def test_mutated_answers_are_rejected(examples: list[Solved]) -> None:
    tried = 0
    for example in examples:
        value = example.answer.value
        if not isinstance(value, Quantity) or abs(value.amount) < 1e-9:
            continue
        for mutant in _mutations(value):
            assert not score(example, TableAnswer(value=mutant)).right, (value, mutant)
            tried += 1
    assert tried >= 500


def _mutations(value: Quantity) -> Iterator[Quantity]:
    copy = value.model_copy
    for factor in (1e3, 1e6, 1e-3):
        yield copy(update={"scale": value.scale * factor})
    yield copy(update={"value": -value.value})
    yield copy(update={"unit": {"%": "x", "x": "%", "USD": "EUR"}.get(value.unit, "USD")})
    yield copy(update={"value": value.value / 100.0})
    yield copy(update={"value": value.value * 0.998})
    digits = f"{abs(value.value):.6e}"
    changed = str((int(digits[0]) % 9) + 1) + digits[1:]
    yield copy(update={"value": float(changed) * (1 if value.value > 0 else -1)})


def test_other_years_and_companies_are_rejected(examples: list[Solved]) -> None:
    """The answer to another question about the same workspace is wrong, unless it is equal."""
    tried = 0
    for example, other in pairwise(examples):
        gold, value = example.answer.value, other.answer.value
        if gold is None or value is None or match(gold, value):
            continue
        assert not score(example, other.answer).right
        tried += 1
    assert tried >= 100


def test_equal_answers_are_accepted(examples: list[Solved]) -> None:
    tried = 0
    for example in examples:
        value = example.answer.value
        for same in _equivalents(value):
            assert score(example, TableAnswer(value=same)).right, (value, same)
            tried += 1
    assert tried >= 500


def _equivalents(value: Quantity | str | None) -> Iterator[Quantity | str]:
    if isinstance(value, str):
        yield from (value, value.upper(), f" {value.lower()} ")
    if isinstance(value, Quantity):
        for scale in (1.0, 1e3, 1e6):
            yield Quantity(value=value.amount / scale, unit=value.unit, scale=scale)
        yield value.model_copy(update={"value": value.value * 0.9996})


def test_nothing_is_right_only_where_gold_is_nothing(examples: list[Solved]) -> None:
    assert any(e.answer.value is None for e in examples)
    for example in examples:
        assert score(example, None).right == (example.answer.value is None)
        if example.answer.value is None:
            assert not score(example, TableAnswer(value="Acme")).right


amounts = st.floats(1e-3, 1e12) | st.floats(-1e12, -1e-3)


@settings(max_examples=300, deadline=None)
@given(amounts, st.sampled_from([1.0, 1e3, 1e6]), st.floats(-9e-4, 9e-4))
def test_what_is_within_tolerance_matches(value: float, scale: float, noise: float) -> None:
    gold = Quantity(value=value, unit="USD")
    assert match(gold, Quantity(value=value * (1 + noise) / scale, unit="USD", scale=scale))


@settings(max_examples=300, deadline=None)
@given(amounts, st.floats(2e-3, 10.0), st.booleans())
def test_what_is_beyond_tolerance_does_not(value: float, off: float, down: bool) -> None:
    gold = Quantity(value=value, unit="USD")
    factor = 1 / (1 + off) if down else 1 + off
    assert not match(gold, gold.model_copy(update={"value": value * factor}))


def _lookup(examples: list[Solved]) -> Solved:
    return next(
        e
        for e in examples
        if e.template.startswith("lookup:") and len(e.answer.cells) == 1 and e.company
    )


def _with(example: Solved, **changes: object) -> TableAnswer:
    (cell,) = example.answer.cells
    return example.answer.model_copy(update={"evidence": (cell.model_copy(update=changes),)})


def test_validation_names_what_does_not_fit_the_question(examples: list[Solved]) -> None:
    example = _lookup(examples)
    (cell,) = example.answer.cells
    number = cell.value
    assert isinstance(number, int | float)
    wrong = {
        "another company": _with(example, row={**cell.row, "company": "Nobody Ltd"}),
        "another year": _with(example, row={**cell.row, "fiscal_year": 1990}),
        "another column": _with(example, column="founded"),
        "another number": _with(example, value=float(number) * 2 + 1),
        "another scale": _with(example, scale=cell.scale * 1e3),
        "another unit": _with(example, unit="JPY"),
        "no source": example.answer.model_copy(update={"evidence": ()}),
        "no such table": _with(example, table="nowhere"),
    }
    for what, answer in wrong.items():
        assert validate(example.inputs, answer, answer.evidence), what


def test_a_calculated_number_must_be_a_calculator_result(examples: list[Solved]) -> None:
    example = next(
        e
        for e in examples
        if any(isinstance(s, Step) for s in e.answer.evidence) and e.answer.value
    )
    value = example.answer.value
    assert isinstance(value, Quantity)
    other = example.answer.model_copy(
        update={"value": value.model_copy(update={"value": value.value + 1.0})}
    )
    assert "the number is no calculator result" in validate(example.inputs, other, ())


def test_evidence_is_made_of_cells_and_steps_only(examples: list[Solved]) -> None:
    for example in examples:
        assert all(isinstance(e, Cell | Step) for e in example.answer.evidence)
        if isinstance(example.answer.value, Quantity):
            assert example.answer.cells
