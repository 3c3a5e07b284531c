"""Expressions and FinQA programs."""

from __future__ import annotations

import json
import math
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.foundation.errors import ExpressionError
from specialists.workspace.calculator import evaluate, run_program


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(5829 - 5735) / 5735 * 100", 1.63905841325),
        ("-2 ** 2", -4),
        ("2 ** 3 ** 2", 512),
        ("2 ** -1", 0.5),
        ("--3", 3),
        ("12.5%", 0.125),
        ("200 * 5%", 10),
        ("(1250 / 1000) ** (1 / 4) - 1", 0.0573712634),
        ("0.1 + 0.2", 0.3),
        ("max(1, 2, 3) - min(4, 5)", -1),
        ("avg(1, 2, 3, 4) + sum(1, 1)", 4.5),
        ("abs(-3)", 3),
        ("round(2.345, 2)", 2.35),
        ("round(2.5)", 3),
        ("round(1234, -2)", 1200),
        ("1e6 / 2.5E3", 400),
        ("3 × 4 ÷ 2 − 1", 5),
        ("0 ** 0", 1),
        (".5", 0.5),
    ],
)
def test_values(expression: str, value: float) -> None:
    assert evaluate(expression) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "empty"),
        ("1 / 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("5 / (3 - 3)", "division by zero"),
        ("1,234 + 1", "thousands separators"),
        ("2 ^ 3", r"\*\*"),
        ("revenue - 5", "unknown name 'revenue'"),
        ("__import__('os')", "unknown name"),
        ("max", "function"),
        ("abs(1, 2)", "takes 1 numbers"),
        ("(1 + 2", "closing"),
        ("1 +", "ends"),
        ("1 2", "unexpected '2'"),
        ("9 ** 9 ** 9", "beyond ±64"),
        ("1e999", "exponent"),
        ("1" * 41, "digits"),
        ("(9e60 ** 5) * 9e60", "too large"),
        ("(-8) ** 0.5", "no real"),
        ("(" * 40 + "1" + ")" * 40, "nested"),
        ("-" * 200 + "1", "nested"),
        ("1 + " * 400 + "1", "characters"),
        ("1; 2", "unexpected ';'"),
        ("round(1, 99)", "round"),
        ("max(" + "1," * 70 + "1)", "takes 1 to 64"),
        ("a.b", "unknown name"),
        ("1 if 1 else 2", "unexpected"),
    ],
)
def test_refusals_say_why(expression: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        evaluate(expression)


def test_the_dearest_expression_is_cheap() -> None:
    expression = "+".join(["(9.87e60**1.0000001)**0.99999"] * 30)
    start = time.perf_counter()
    evaluate(expression)
    assert time.perf_counter() - start < 0.5


@given(st.text(alphabet="0123456789.+-*/%()eE ,maxin", max_size=60))
def test_any_text_gives_a_number_or_a_clear_error(text: str) -> None:
    try:
        value = evaluate(text)
    except ExpressionError:
        return
    assert math.isfinite(value)


@given(
    st.floats(-1e12, 1e12).filter(lambda v: v == 0 or abs(v) > 1e-12),
    st.floats(-1e12, 1e12).filter(lambda v: abs(v) > 1e-6),
)
def test_agrees_with_floats(a: float, b: float) -> None:
    for op, value in (("+", a + b), ("-", a - b), ("*", a * b), ("/", a / b)):
        assert evaluate(f"{a!r} {op} ({b!r})") == pytest.approx(value, rel=1e-9, abs=1e-3)


def test_program_steps_are_readable() -> None:
    outcome = run_program("subtract(5829, 5735), divide(#0, 5735), multiply(#1, const_m1)")
    assert outcome.value == pytest.approx(-94 / 5735)
    assert [s.expression for s in outcome.steps[:2]] == ["5829 - 5735", "94 / 5735"]
    assert [s.result for s in outcome.steps] == pytest.approx([94, 94 / 5735, -94 / 5735])


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("greater(5, 3)", "yes"),
        ("greater(3, 5)", "no"),
        ("divide(12.5%, const_100)", 0.00125),
        ("exp(2, 3)", 8),
        ("exp(-2, 2)", 4),
        ("subtract(5, -3)", 8),
        ("add(1,234, 1)", 1235),
        ("table_sum(net sales, none)", 6),
        ("table_average(cash (net), none), table_max(net sales, none), subtract(#0, #1)", 12),
    ],
)
def test_programs(program: str, value: float | str) -> None:
    rows = {"net sales": (1.0, 2.0, 3.0), "cash (net)": (10.0, 20.0)}
    assert run_program(program, rows).value == value


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "empty"),
        ("sqrt(4, none)", "unknown operation 'sqrt'"),
        ("add(1)", "two arguments"),
        ("add(1, #0)", "has not run"),
        ("add(1, #5)", "has not run"),
        ("add(1, revenue)", "not a number"),
        ("divide(1, 0)", "division by zero"),
        ("table_sum(nothing, none)", "the rows are sales"),
        ("greater(1, 2), add(#0, 1)", "no step can follow"),
        ("add(1, 2) subtract(1, 2)", "cannot read"),
        (", ".join(["add(1, 2)"] * 33), "33 steps"),
        ("exp(10, 999)", "beyond"),
    ],
)
def test_programs_refused(program: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        run_program(program, {"sales": (1.0,)})


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "subtract", "multiply", "divide"]),
            st.integers(-9999, 9999),
            st.integers(1, 9999),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_step_is_what_its_expression_says(steps: list[tuple[str, int, int]]) -> None:
    program = ", ".join(f"{op}({a}, {b})" for op, a, b in steps)
    for step in run_program(program).steps:
        assert evaluate(step.expression) == pytest.approx(step.result)


def _row_numbers(cells: list[str]) -> tuple[float, ...]:
    """A row's numbers as FinQA's executor reads them: what stands before a parenthesis."""
    numbers = [c.replace("$", "").split("(")[0].strip().replace(",", "") for c in cells]
    return tuple(evaluate(n) for n in numbers if re.fullmatch(r"-?[\d.]+\s*%?", n))


def test_agrees_with_finqa() -> None:
    if "FINROUTE_DATA" not in os.environ:
        pytest.skip("FINROUTE_DATA is not set: FinQA's programs are not here")
    path = Path(os.environ["FINROUTE_DATA"], "finqa", "dev.jsonl")
    wrong: list[str] = []
    count = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        page = json.loads(line)
        rows = {r[0]: _row_numbers(r[1:]) for r in page["table"] if r}
        rows = {k: v for k, v in rows.items() if v}
        value, gold = run_program(page["program"], rows).value, page["exe_ans"]
        count += 1
        if isinstance(gold, str) or isinstance(value, str):
            if value != gold:
                wrong.append(page["id"])
        elif not math.isclose(value, gold, rel_tol=1e-4, abs_tol=1e-5):
            wrong.append(f"{page['id']}: {page['program']} = {value}, not {gold}")
    assert count > 800
    assert not wrong
