"""Numbers as prose and cells write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.foundation.contracts import Quantity
from specialists.workspace.handles import Handles
from specialists.workspace.numbers import format_quantity, mark, scan


@pytest.mark.parametrize(
    ("text", "written", "value", "unit", "scale"),
    [
        ("sales of $ 1,234.5 million in", "$ 1,234.5 million", 1234.5, "USD", 1e6),
        ("a loss of (123) thousand dollars", "(123) thousand dollars", -123, "USD", 1e3),
        ("( 1,250 )", "( 1,250 )", -1250, "", 1),
        ("(12)", "(12)", -12, "", 1),
        ("$ ( 48.2 ) million", "$ ( 48.2 ) million", -48.2, "USD", 1e6),
        ("margin was 12.5 % of", "12.5 %", 12.5, "%", 1),
        ("up 12.5%.", "12.5%", 12.5, "%", 1),
        ("(3.4)%", "(3.4)%", -3.4, "%", 1),
        ("(3.4%)", "(3.4%)", -3.4, "%", 1),
        ("12,400 employees", "12,400", 12400, "", 1),
        ("worth €3bn.", "€3bn", 3, "EUR", 1e9),
        ("paid US$2.1 billion for", "US$2.1 billion", 2.1, "USD", 1e9),
        ("$ -48.2", "$ -48.2", -48.2, "USD", 1),
        ("-$48.2m", "-$48.2m", -48.2, "USD", 1e6),
        ("leverage of 1.2x,", "1.2x", 1.2, "x", 1),
        ("50 basis points", "50 basis points", 50, "%", 0.01),
        ("2.5 percentage points", "2.5 percentage points", 2.5, "%", 1),
        ("CHF 3.5 million", "CHF 3.5 million", 3.5, "CHF", 1e6),
        ("3.5 million euros", "3.5 million euros", 3.5, "EUR", 1e6),
        ("-4.5 ( 4.5 )", "-4.5 ( 4.5 )", -4.5, "", 1),
        ("-4.5 % ( 4.5 % )", "-4.5 % ( 4.5 % )", -4.5, "%", 1),
        ("or 8% ( 8 % ) , in", "8% ( 8 % )", 8, "%", 1),
        ("fell −7.25 per cent", "−7.25 per cent", -7.25, "%", 1),
        ("revenue 5829 .", "5829", 5829, "", 1),
        (".75", ".75", 0.75, "", 1),
        ("$1 500", "$1", 1, "USD", 1),
        ("USD 20k", "USD 20k", 20, "USD", 1e3),
        ("Rs 12,34,567", "Rs 12,34,567", 1234567, "INR", 1),
    ],
)
def test_reads(text: str, written: str, value: float, unit: str, scale: float) -> None:
    number = scan(text)[0]
    assert number.text == written == text[number.start : number.end]
    assert number.quantity == Quantity(value=value, unit=unit, scale=scale)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("visa inc . ( 1 ) had $ 2457 and 50.3 .", [1, 2457, 50.3]),
        ("between 2019-2021 it grew", [2019, 2021]),
        ("2014 - 2019", [2014, 2019]),
        ("- 5", [-5]),
        ("on 2022-12-31 and 12/31/2022", []),
        ("form 10-k, COVID19, the 3rd, Q3, A4 paper, v1.2.3", []),
        ("revenue (in 2022) of 5", [2022, 5]),
        ("rose 5 to 7 %, i.e. 3, 4 or 12.", [5, 7, 3, 4, 12]),
        ("1990s", []),
        ("", []),
    ],
)
def test_finds(text: str, values: list[float]) -> None:
    assert [n.quantity.value for n in scan(text)] == values


def test_years_are_bare_four_digit_integers() -> None:
    text = "in fy2021 , 2022 ( 2023 ) $ 2024 , 2,025 , 2026 units , 2027 million"
    assert [n.quantity.value for n in scan(text) if n.is_year] == [2021, 2022, 2023, 2026]


def test_mark_leaves_years_and_shares_handles() -> None:
    handles = Handles()
    text = mark("$ 5 million in 2022 , $ 5 million in 2021 , 7 % up", handles)
    assert text == "<n1> in 2022 , <n1> in 2021 , <n2> up"
    assert handles.resolve("<n2>").value == Quantity(value=7, unit="%")
    assert mark("in 2022", handles, years="handles") == "in <n3>"


def test_mark_stops_at_the_handles_limit() -> None:
    handles = Handles()
    text = mark(" ".join(str(i) for i in range(3000, 3070)), handles)
    assert text.count("<n") == 64
    assert text.endswith(" 3069")


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity(value=1234.5, unit="USD", scale=1e6), "$1,234.5 million"),
        (Quantity(value=-48.2, unit="USD"), "-$48.2"),
        (Quantity(value=12.5, unit="%"), "12.5%"),
        (Quantity(value=16.126241, unit="%"), "16.13%"),
        (Quantity(value=0.016126241), "0.01613"),
        (Quantity(value=1.2, unit="x"), "1.2x"),
        (Quantity(value=12400, unit="count"), "12,400"),
        (Quantity(value=3, unit="CHF", scale=1e9), "CHF 3 billion"),
        (Quantity(value=50, unit="%", scale=0.01), "0.5%"),
        (Quantity(value=2.5e9, unit="USD"), "$2,500 million"),
        (Quantity(value=0, unit="USD"), "$0"),
        (Quantity(value=1e-6), "0.000001"),
        (Quantity(value=-0.0), "0"),
    ],
)
def test_format(quantity: Quantity, text: str) -> None:
    assert format_quantity(quantity) == text


@given(
    st.integers(-99_999_999, 99_999_999),
    st.sampled_from(["", "USD", "EUR", "%", "x", "CHF"]),
    st.sampled_from([1.0, 1e6, 1e9]),
)
def test_what_is_written_reads_back(cents: int, unit: str, scale: float) -> None:
    quantity = Quantity(value=cents / 100, unit=unit, scale=1.0 if unit in "%x" else scale)
    (number,) = scan(format_quantity(quantity))
    assert number.quantity.amount == pytest.approx(quantity.amount)
    assert number.quantity.unit == unit


@given(st.text(alphabet="0123456789.,()$%- €xmk\n", max_size=60))
def test_spans_never_overlap_and_match_the_text(text: str) -> None:
    end = 0
    for number in scan(text):
        assert end <= number.start < number.end
        assert text[number.start : number.end] == number.text
        end = number.end
