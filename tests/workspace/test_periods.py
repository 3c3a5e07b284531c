"""Fiscal years in words."""

from __future__ import annotations

from itertools import pairwise

import pytest

from specialists.workspace.periods import find_periods

FIRST, LAST = 2018, 2023

READINGS = {
    "revenue in 2022": ["2022"],
    "acme capex 2022 vs 2021": ["2022", "2021"],
    "sales in fy22": ["2022"],
    "sales in fy 2022": ["2022"],
    "sales in f.y. 2022": ["2022"],
    "fiscal 2022 sales": ["2022"],
    "the year 2022": ["2022"],
    "in '22": ["2022"],
    "from 2019 to 2023": ["2019 to 2023"],
    "between 2019 and 2022": ["2019 to 2022"],
    "2019-23": ["2019 to 2023"],
    "2019–2023": ["2019 to 2023"],
    "years 2020 through 2022": ["2020 to 2022"],
    "fy 2019-fy 2021": ["2019 to 2021"],
    "since 2021": ["2021 to 2023"],
    "from 2019 onwards": ["2019 to 2023"],
    "up to 2020": ["2018 to 2020"],
    "over the last three years": ["2021 to 2023"],
    "the past 3 fiscal years": ["2021 to 2023"],
    "the last decade": ["2018 to 2023"],
    "last year": ["2023"],
    "the most recent fiscal year": ["2023"],
    "two years ago": ["2022"],
    "the year before last": ["2022"],
    "the prior year": ["2022"],
    "2021 against the prior year": ["2021", "2020"],
    "2020 and then 2022 over the year before": ["2020", "2022", "2021"],
    "over time": ["2018 to 2023"],
    "in each year": ["2018 to 2023"],
    "in each of the years from 2019 to 2021": ["2019 to 2021"],
    "2021 and 2022": ["2021", "2022"],
    "2019, 2020 and 2021": ["2019", "2020", "2021"],
    "december 31, 2021": ["2021"],
    "the year ended december 31, 2020": ["2020"],
    "from 2016 to 2020": [None],
    "q3 2022": [None],
    "the first-quarter sales of 2022": [None, "2022"],
    "the second quarter of fiscal 2022": [None],
    "in 1997": [None],
    "from 1990 to 1995": [None],
    "next year": [None],
    "revenue of 2,022 million": [],
    "a price of $2022": [],
    "a 5-year plan": [],
    "20220 units": [],
    "no time at all": [],
}


@pytest.mark.parametrize(("text", "wanted"), READINGS.items())
def test_reads(text: str, wanted: list[str | None]) -> None:
    found = find_periods(text, FIRST, LAST)
    assert [m.period.label if m.period else None for m in found] == wanted


def test_mentions_are_in_order_and_apart() -> None:
    text = "from 2019 to 2021, in 2022, since 2020, last year and the prior year"
    found = find_periods(text, FIRST, LAST)
    assert [m.start for m in found] == sorted(m.start for m in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(m.period is None or m.period.first <= m.period.last for m in found)
