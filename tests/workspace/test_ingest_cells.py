"""Cells and headers: the forms numbers, years, units and scales take in financial tables."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.workspace.ingest import cells, headers


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1,234.5", 1234.5, ""),
        ("$ 1,234.5", 1234.5, "USD"),
        ("(123)", -123, ""),
        ("$ (1,234)", -1234, "USD"),
        ("( $ 12 )", -12, "USD"),
        ("-$5", -5, "USD"),
        ("−7", -7, ""),
        ("12%", 12, "%"),
        ("12.5 %", 12.5, "%"),
        ("(3.4)%", -3.4, "%"),
        ("( 0.4 ) % (  % )", -0.4, "%"),
        ("62.0% ( 62.0 % )", 62, "%"),
        ("-154 ( 154 )", -154, ""),
        ("$ -33.7 ( 33.7 )", -33.7, "USD"),
        ("€1.234.567,89", 1234567.89, "EUR"),
        ("1 234 567", 1234567, ""),
        ("£3.2bn", 3.2e9, "GBP"),
        ("$ 16 million", 16e6, "USD"),
        ("1.2 billion", 1.2e9, ""),
        ("45 EUR", 45, "EUR"),
        (".51", 0.51, ""),
        ("1.5e3", 1500, ""),
        ("123 (a)", 123, ""),
        ("1,429*", 1429, ""),
        (7, 7, ""),
        (2.5, 2.5, ""),
    ],
)
def test_numbers(text, value, unit):
    found = cells.number(text)
    assert found is not None
    assert found.value == pytest.approx(value)
    assert found.unit == unit


@pytest.mark.parametrize(
    "text",
    ["", "abc", "12 to 14", "1-2", "Q1", "(12", "12)", "$", "%", "1,23,4x", True, None, "3/4"],
)
def test_no_numbers(text):
    assert cells.number(text) is None


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "$", "€", "£"]))
def test_grouped_amounts_are_read_back(value, sign):
    plain = f"{sign}{abs(value):,}"
    text = f"({plain})" if value < 0 else plain
    assert cells.number(text).value == value


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(text):
    found = cells.number(text)
    assert found is None or isinstance(found.value, float)


@pytest.mark.parametrize("cell", ["", " ", "-", "—", "n/a", "N/A", "nm", None, float("nan")])
def test_blanks(cell):
    assert cells.is_blank(cell)


@pytest.mark.parametrize("cell", ["0", 0, "no", "x"])
def test_not_blank(cell):
    assert not cells.is_blank(cell)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2022-03-01", date(2022, 3, 1)),
        ("03/01/2022", date(2022, 3, 1)),
        ("31-Dec-2017", date(2017, 12, 31)),
        ("December 31, 2017", date(2017, 12, 31)),
        (datetime(2020, 5, 6, 7), date(2020, 5, 6)),
        ("2022", None),
        ("13/45/2022", None),
    ],
)
def test_dates(cell, day):
    assert cells.day(cell) == day


@pytest.mark.parametrize(
    ("header", "year"),
    [
        ("2013", 2013),
        ("FY2013", 2013),
        ("FY13", 2013),
        ("fiscal 2008 ( in millions )", 2008),
        ("december 31 2013", 2013),
        ("december 312013", 2013),
        ("dec . 31 2008", 2008),
        ("12/31/05", 2005),
        ("12/07", 2007),
        ("year ended December 31, 2016", 2016),
        ("as of december 2017", 2017),
        ("1/3/2009", 2008),
        ("january 2 2010", 2009),
        ("2017 (1)", 2017),
        (2013, 2013),
        (2013.0, 2013),
        ("revenue", None),
        ("2008 annual average", None),
        ("2019 - 2023", None),
        ("total", None),
        ("1500", None),
        (12, None),
        (2013.5, None),
    ],
)
def test_years(header, year):
    assert headers.year(header) == year


@pytest.mark.parametrize(
    ("text", "unit", "scale"),
    [
        ("Revenue (in millions)", None, 1e6),
        ("Revenue (USD m)", "USD", 1e6),
        ("Revenue, $ in thousands", "USD", 1e3),
        ("Sales €bn", "EUR", 1e9),
        ("(millions of barrels)", None, 1e6),
        ("Margin (%)", "%", None),
        ("Growth, percent", "%", None),
        ("in millions of dollars", "USD", 1e6),
        ("Net sales $000s", "USD", 1e3),
        ("Price (GBP)", "GBP", None),
        ("Revenue", None, None),
        ("Europe", None, None),
        ("Usdaw members", None, None),
    ],
)
def test_units_and_scales(text, unit, scale):
    found = headers.measure(text)
    assert (found.unit, found.scale) == (unit, scale)


def test_a_sum_that_prose_mentions_is_no_scale():
    assert headers.aside("gross margin fell to $ 1.8 billion in 2001") == ""
    assert headers.aside("as follows ( in thousands , except per share )") == "in thousands"
    assert headers.measure(headers.aside("Acme results (USD m)")) == headers.Measure("USD", 1e6)
    assert headers.measure(headers.aside("dollars in millions")).unit == "USD"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Net Sales ($ in millions)", "net_sales"),
        ("R&D", "r_and_d"),
        ("Gross margin %", "gross_margin_percent"),
        ("2013 notional", "c_2013_notional"),
        ("Größe", "grosse"),
        ("_row", "row"),
        ("Umsatz; DROP TABLE x --", "umsatz_drop_table_x"),
        ("销售", "column_3"),
        ("( in millions )", "amount"),
    ],
)
def test_sql_names(title, name):
    assert headers.column_slug(title, "column_3") == name


@given(st.text(max_size=100))
def test_sql_names_are_plain_identifiers(title):
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,59}", headers.column_slug(title, "column_1"))


def test_repeated_names_are_numbered():
    assert headers.distinct(["a", "b", "a", "a"]) == ["a", "b", "a_2", "a_3"]
