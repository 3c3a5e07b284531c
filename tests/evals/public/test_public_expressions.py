r"""What is equal to what, in the forms that published answers and models' replies take."""

from __future__ import annotations

import importlib.util
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.public.expressions import LONGEST, equal, value
from evals.public.problems import Problem, final, right

SAME = [
    (r"\frac{3}{4}", "0.75"),
    (r"\dfrac34", "3/4"),
    (r"2\sqrt{3}", r"\sqrt{12}"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"),
    ("(x+1)^2", "x^2+2x+1"),
    (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\pi/2)"),
    ("1,-2", "-2, 1"),
    ("[0,1)", r"\left[0,1\right)"),
    (r"(-\infty, 2] \cup [3, \infty)", r"[3,\infty)\cup(-\infty,2]"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("1,234", "1234"),
    (r"10\%", "10"),
    (r"\$18.90", "18.9"),
    (r"90^\circ", "90"),
    (r"\text{(C)}", "C"),
    (r"\text{Evelyn}", "evelyn"),
    ("5", "x = 5"),
    (r"5\text{ cm}", "5"),
    (
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"\begin{pmatrix}1&2\\3&\frac82\end{pmatrix}",
    ),
    (r"e^{i\pi}", "-1"),
    (r"\binom{5}{2}", "10"),
    (r"\log_2 8", "3"),
    (r"\sin^2 x + \cos^2 x", "1"),
    ("025", "25"),
    (r"1\frac{1}{2}", "1.5"),
    ("1.6e-19", r"1.6 \times 10^{-19}"),
    (r"3\pm\sqrt{2}", r"3 \pm \sqrt{2}"),
]
OTHER = [
    (r"\frac{1}{3}", "0.33"),
    ("(x+1)^2", "x^2+2x+2"),
    (r"(3,\pi/2)", r"(\pi/2,3)"),
    ("[0,1)", "[0,1]"),
    (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    ("6-5i", "6+5i"),
    ("33", "-33"),
    ("", "5"),
    ("1,2", "1,2,2"),
    ("A", "B"),
]


@pytest.mark.parametrize(("gold", "said"), SAME)
def test_the_same_answer_in_another_form(gold: str, said: str) -> None:
    assert equal(gold, said)
    assert equal(said, gold)


@pytest.mark.parametrize(("gold", "said"), OTHER)
def test_another_answer(gold: str, said: str) -> None:
    assert not equal(gold, said)
    assert not equal(said, gold)


@pytest.mark.skipif(
    importlib.util.find_spec("math_verify") is None, reason="math-verify is not installed"
)
def test_agrees_with_math_verify() -> None:
    from math_verify import parse, verify  # pyright: ignore

    differ = [
        (gold, said)
        for told, cases in ((True, SAME), (False, OTHER))
        for gold, said in cases
        if bool(verify(parse(rf"\boxed{{{gold}}}"), parse(rf"\boxed{{{said}}}"))) is not told
    ]
    # It does not read a root of a negative number, e to i pi, and a number with an exponent; and it
    # takes lists for sets.
    assert [gold for gold, _ in differ] == [r"\sqrt[3]{-8}", r"e^{i\pi}", "1.6e-19", "1,2"]


@given(st.fractions(), st.fractions())
def test_fractions_are_equal_when_they_are(one: Fraction, other: Fraction) -> None:
    latex = rf"\frac{{{one.numerator}}}{{{one.denominator}}}"
    assert equal(latex, f"{one.numerator}/{one.denominator}")
    assert equal(latex, f"{other.numerator}/{other.denominator}") == (
        one == other or abs(one - other) <= 1e-12 * abs(one)
    )


@given(st.text(max_size=60))
def test_any_text_is_compared_without_an_error(text: str) -> None:
    equal("3", text)
    value(text)


@given(st.text(alphabet="0123456789+-*/^!(){}[]\\frac sqrt,.ex", max_size=80))
def test_any_formula_is_read_or_left(text: str) -> None:
    equal(r"\frac{1}{2}", text)


def test_nothing_is_run_and_nothing_runs_long() -> None:
    assert value("__import__('os').getcwd()") is None
    assert not equal("1", "9^{9^{9^{9}}}")
    assert not equal("1", "(" * 300 + "1" + ")" * 300)
    assert not equal("1" * (LONGEST + 1), "1" * (LONGEST + 1))


def test_numbers_may_differ_by_what_a_set_allows() -> None:
    assert equal("3.14159", "3.1416", tolerance=0.01)
    assert not equal("3.14159", "3.1416")


def test_a_replys_answer_is_its_last_box() -> None:
    assert final(r"\boxed{1} … so \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"
    assert final("So the answer is 42.") == "42"
    assert final("I do not know") is None
    problem = Problem(id="x/1", source="x", problem="?", answer=r"\frac12")
    assert right(problem, r"Half: $\boxed{0.5}$")
    assert not right(problem, "0.5")  # no answer was given as one
