"""Invented figures that only texts tell: headcount, stores, backlog, guidance, charges, churn …

Drawn to fit a company's statements. This file knows numbers, not wording.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from specialists.workspace.statements import Money, Year

Measure = Literal[
    "employees",
    "stores",
    "order backlog",
    "customers",
    "subscribers",
    "restructuring charge",
    "capital expenditure guidance",
    "revenue guidance",
    "patents",
    "churn rate",
    "effective tax rate",
    "litigation provision",
]


@dataclass(frozen=True)
class Disclosure:
    """One figure of one company and fiscal year. ``about`` is the year it speaks of."""

    measure: Measure
    value: float
    """Whole units: people, currency units, percent."""
    high: float | None
    """The upper end, where a range is guided."""
    unit: str
    """``count``, ``%`` or a currency code."""
    year: int
    about: int


_BACKLOG = ("Industrials", "Technology", "Energy", "Transportation")
_STORES = ("Consumer Discretionary", "Consumer Staples")
_SUBSCRIBERS = ("Communications", "Technology")
_PATENTS = ("Technology", "Healthcare", "Industrials", "Materials")


def disclose(
    rng: random.Random, sector: str, years: Sequence[Year], money: Money
) -> list[list[Disclosure]]:
    """Disclosures of each year, in the order of ``years`` (one company)."""
    unit = money.scale
    first = years[0].income_statement["revenue"] * unit
    staff = first / rng.uniform(180_000, 700_000)
    stores, users = rng.randint(60, 2400), rng.randint(200_000, 20_000_000)
    clients, patents = rng.randint(400, 90_000), rng.randint(80, 6_000)
    made: list[list[Disclosure]] = []
    for year in years:
        income, flow = year.income_statement, year.cash_flow
        sales, now = income["revenue"] * unit, year.fiscal_year
        found: list[Disclosure] = []

        def say(
            measure: Measure,
            value: float,
            unit: str,
            *,
            about: int = now,
            high: float | None = None,
            into: list[Disclosure] = found,
            now: int = now,
        ) -> None:
            into.append(Disclosure(measure, value, high, unit, now, about))

        staff = max(60.0, staff * rng.uniform(0.93, 1.12))
        say("employees", _round(staff, 3), "count")
        if sector in _STORES:
            stores = max(12, int(stores * rng.uniform(0.93, 1.09)))
            say("stores", stores, "count")
        if sector in _BACKLOG:
            say("order backlog", _round(sales * rng.uniform(0.3, 1.6), 2), money.unit)
        if sector in _SUBSCRIBERS:
            users = int(users * rng.uniform(0.95, 1.2))
            say("subscribers", _round(users, 2), "count")
            say("churn rate", round(rng.uniform(0.7, 9.5), 1), "%")
        else:
            clients = int(clients * rng.uniform(0.96, 1.12))
            say("customers", _round(clients, 2), "count")
        if sector in _PATENTS:
            patents = int(patents * rng.uniform(0.98, 1.12))
            say("patents", patents, "count")
        if income["pretax_income"] > 0:
            say(
                "effective tax rate",
                round(income["income_tax"] / income["pretax_income"] * 100, 1),
                "%",
            )
        if rng.random() < 0.3:
            say("restructuring charge", _round(sales * rng.uniform(0.004, 0.03), 2), money.unit)
        if rng.random() < 0.25:
            say("litigation provision", _round(sales * rng.uniform(0.002, 0.02), 2), money.unit)
        low = sales * rng.uniform(0.98, 1.1)
        high = low * rng.uniform(1.02, 1.06) if rng.random() < 0.5 else None
        say(
            "revenue guidance",
            _round(low, 3),
            money.unit,
            about=now + 1,
            high=None if high is None else max(_round(high, 3), _round(low * 1.02, 3)),
        )
        spend = flow["capital_expenditure"] * unit * rng.uniform(0.9, 1.3)
        say("capital expenditure guidance", _round(spend, 2), money.unit, about=now + 1)
        made.append(found)
    return made


def _round(value: float, digits: int) -> float:
    """A number as prose would give it: so many significant digits."""
    return float(f"{value:.{digits}g}")


SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def spoken(value: float, unit: str) -> str:
    """A figure in the usual form: ``12,400``, ``$1.2 billion``, ``4.5%``."""
    if unit == "%":
        return f"{value:.1f}%"
    if unit == "count":
        return f"{value / 1e6:g} million" if value >= 1e6 else f"{value:,.0f}"
    sign = SIGNS.get(unit, f"{unit} ")
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if abs(value) >= size:
            return f"{sign}{float(f'{value / size:.6g}'):,}{word}".replace(".0 ", " ")
    return f"{sign}{value:,.0f}"
