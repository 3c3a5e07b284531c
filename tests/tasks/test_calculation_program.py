"""Programs: parsed, printed, held to their grammar, run with units and scales."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.calculation import execute, program
from specialists.calculation.execute import Dated
from specialists.calculation.program import Op
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.workspace.calculator import evaluate, run_program

HANDLES = ("<n1>", "<n2>", "<n3>")


def quantities(**values: Quantity) -> dict[str, Dated]:
    return {f"<{k}>": Dated(q, 2020 + int(k[1:])) for k, q in values.items()}


@st.composite
def programs(draw: st.DrawFn) -> program.Program:
    ops: list[Op] = []
    for k in range(draw(st.integers(1, 4))):
        earlier = [f"#{i}" for i in range(k)]
        arg = st.sampled_from([*HANDLES, "const_2", "const_100", *earlier])
        if draw(st.booleans()):
            name = draw(st.sampled_from(["add", "subtract", "multiply", "divide"]))
            ops.append(Op(name, (draw(arg), draw(arg))))
        else:
            listed = st.lists(st.sampled_from(HANDLES), min_size=1, max_size=3)
            ops.append(Op(draw(st.sampled_from(program.LISTED)), tuple(draw(listed))))
    return tuple(ops)


@settings(max_examples=200, deadline=None)
@given(programs())
def test_a_printed_program_reads_back(ops: program.Program) -> None:
    assert program.parse(program.render(ops)) == ops


@settings(max_examples=150, deadline=None)
@given(programs())
def test_the_grammar_admits_every_program_over_its_handles(ops: program.Program) -> None:
    xgrammar = pytest.importorskip("xgrammar")
    from xgrammar.testing import _is_grammar_accept_string

    grammar = xgrammar.Grammar.from_ebnf(program.grammar(HANDLES).ebnf)
    reply = json.dumps({"program": program.render(ops)})
    assert _is_grammar_accept_string(grammar, reply)
    if "<n" in reply:
        assert not _is_grammar_accept_string(grammar, reply.replace("<n", "<n6"))
    assert not _is_grammar_accept_string(grammar, reply.replace("(", "(7, ", 1))


@settings(max_examples=200, deadline=None)
@given(programs(), st.lists(st.floats(0.5, 1e6), min_size=3, max_size=3))
def test_unitless_results_are_those_of_the_calculator(
    ops: program.Program, values: list[float]
) -> None:
    numbers = {h: Dated(Quantity(value=v)) for h, v in zip(HANDLES, values, strict=True)}
    if any(a == "const_100" for op in ops for a in op.args):
        return  # 100 × a ratio is a percentage here: told otherwise on purpose
    try:
        result = execute.run(ops, numbers, percent=False)
    except AnswerError:
        return
    amounts: list[float] = []
    for op in ops:
        args = [
            amounts[int(a[1:])]
            if a.startswith("#")
            else program.CONSTANTS.get(a) or numbers[a].quantity.value
            for a in op.args
        ]
        if op.name in program.LISTED:
            word = {"table_sum": "sum", "table_average": "avg"}.get(op.name, op.name[6:])
            amounts.append(float(evaluate(f"{word}({', '.join(f'{a:.17g}' for a in args)})")))
        else:
            written = ", ".join(f"{a:.17g}" for a in args)
            amounts.append(float(run_program(f"{op.name}({written})").value))
    assert isinstance(result.raw, float)
    assert result.raw == pytest.approx(amounts[-1], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "add",
        "add(<n1>)",
        "add(<n1>, <n2>, <n3>)",
        "add(<n1>, 5)",
        "add(<n1>, #0)",
        "add(<n1>, <n2>),",
        "add(<n1>, <n2>); add(<n1>, <n2>)",
        "__import__(<n1>, <n2>)",
        "add(<n1>, <n2>)" + ", add(#0, <n1>)" * 9,
    ],
)
def test_what_is_no_program_is_refused(text: str) -> None:
    with pytest.raises(AnswerError):
        program.parse(text)


def _value(text: str, numbers: dict[str, Dated], percent: bool = False) -> Quantity | str:
    return execute.run(program.parse(text), numbers, percent=percent).value


def test_scales_are_reconciled() -> None:
    numbers = quantities(
        n1=Quantity(value=1.5, unit="USD", scale=1e9), n2=Quantity(value=500, unit="USD", scale=1e6)
    )
    told = _value("subtract(<n1>, <n2>)", numbers)
    assert isinstance(told, Quantity)
    assert told.amount == pytest.approx(1e9)
    assert (told.unit, told.scale) == ("USD", 1e9)
    assert _value("divide(<n1>, <n2>)", numbers) == Quantity(value=3.0, unit="x")


def test_growth_is_told_in_percent_whatever_the_wording() -> None:
    numbers = quantities(n1=Quantity(value=100, unit="USD"), n2=Quantity(value=125, unit="USD"))
    for text in (
        "subtract(<n2>, <n1>), divide(#0, <n1>)",
        "divide(<n2>, <n1>), subtract(#0, const_1)",
    ):
        value = _value(text, numbers)
        assert value == Quantity(value=25.0, unit="%")
        assert execute.run(program.parse(text), numbers, percent=False).raw == pytest.approx(0.25)


def test_a_share_is_told_in_percent_and_a_ratio_is_not() -> None:
    numbers = quantities(n1=Quantity(value=20, unit="USD"), n2=Quantity(value=80, unit="USD"))
    text = "divide(<n1>, <n2>)"
    for question, unit in (
        ("What percentage of revenue was income?", "%"),
        ("What was the share of income in revenue?", "%"),
        ("What was the ratio of income to revenue?", "x"),
        ("How many times revenue was income?", "x"),
        ("What was income divided by revenue, as a multiple?", "x"),
        ("What was the gross margin?", "%"),
    ):
        value = _value(text, numbers, execute.wants_percent(question))
        assert isinstance(value, Quantity)
        assert value.unit == unit, question


def test_compound_growth_counts_the_years() -> None:
    numbers = {
        "<n1>": Dated(Quantity(value=100.0), 2018),
        "<n2>": Dated(Quantity(value=121.0), 2020),
    }
    value = _value("cagr(<n2>, <n1>)", numbers)
    assert isinstance(value, Quantity)
    assert value.unit == "%"
    assert value.value == pytest.approx(10.0)


def test_comparisons_answer_yes_or_no() -> None:
    numbers = quantities(
        n1=Quantity(value=1, unit="USD", scale=1e9), n2=Quantity(value=900, unit="USD", scale=1e6)
    )
    assert _value("greater(<n1>, <n2>)", numbers) == "yes"
    assert _value("greater(<n2>, <n1>)", numbers) == "no"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("add(<n1>, <n2>)", "mixes units"),
        ("divide(<n1>, <n3>)", "no finite result"),
        ("add(<n1>, <n9>)", "stands for no number"),
        ("cagr(<n1>, <n4>)", "earlier year"),
    ],
)
def test_nonsense_is_an_error_that_says_what_is_wrong(text: str, told: str) -> None:
    numbers = quantities(
        n1=Quantity(value=1, unit="USD"),
        n2=Quantity(value=2, unit="EUR"),
        n3=Quantity(value=0, unit="USD"),
        n4=Quantity(value=3, unit="USD"),
    )
    with pytest.raises(AnswerError, match=told):
        _value(text, numbers)


def test_per_share_figures_keep_the_currency() -> None:
    numbers = quantities(
        n1=Quantity(value=300, unit="USD", scale=1e6),
        n2=Quantity(value=100, unit="count", scale=1e6),
        n3=Quantity(value=5, unit="%"),
    )
    assert _value("divide(<n1>, <n2>)", numbers) == Quantity(value=3.0, unit="USD")
    assert _value("multiply(<n1>, <n3>)", numbers) == Quantity(value=15.0, unit="USD", scale=1e6)


def test_each_step_recomputes_to_its_result() -> None:
    numbers = quantities(
        n1=Quantity(value=-12.5, unit="USD", scale=1e3), n2=Quantity(value=8, unit="USD", scale=1e3)
    )
    for text in (
        "subtract(<n2>, <n1>), divide(#0, <n1>)",
        "table_average(<n1>, <n2>), table_max(<n1>, <n2>), subtract(#0, #1)",
        "add(<n1>, const_2), multiply(#0, const_m1)",
    ):
        for step in execute.run(program.parse(text), numbers, percent=False).steps:
            assert float(evaluate(step.expression)) == pytest.approx(step.result)
