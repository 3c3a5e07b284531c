"""Accounting identities over the cells that findings rest on.

A broken identity does not say which cell is wrong, nor that the answer is: companies restate, and
columns are named alike that are not. So it is told, not punished.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from specialists.foundation.contracts import Cell, Finding, Scalar
from specialists.workspace.catalogue import Catalogue

TOLERANCE = 0.005
"""Share of the total by which rounded figures may miss it."""


@dataclass(frozen=True)
class Identity:
    """``total`` is the signed sum of ``parts``."""

    total: str
    parts: tuple[tuple[int, str], ...]

    def __str__(self) -> str:
        right = "".join(f" {'+' if s > 0 else '-'} {p.replace('_', ' ')}" for s, p in self.parts)
        return f"{self.total.replace('_', ' ')} ={right.removeprefix(' +')}"


IDENTITIES = (
    Identity("gross_profit", ((1, "revenue"), (-1, "cost_of_revenue"))),
    Identity(
        "operating_income",
        ((1, "gross_profit"), (-1, "research_and_development"), (-1, "selling_general_admin")),
    ),
    Identity("pretax_income", ((1, "operating_income"), (-1, "interest_expense"))),
    Identity("net_income", ((1, "pretax_income"), (-1, "income_tax"))),
    Identity("total_assets", ((1, "total_liabilities"), (1, "shareholders_equity"))),
    Identity("free_cash_flow", ((1, "operating_cash_flow"), (-1, "capital_expenditure"))),
    Identity(
        "net_change_in_cash",
        (
            (1, "operating_cash_flow"),
            (1, "investing_cash_flow"),
            (1, "financing_cash_flow"),
        ),
    ),
)
"""Each is checked only where all its parts were looked up for one company and year. Outflows that a
source writes as negative numbers (capital expenditure) satisfy it with their sign turned."""


def broken(findings: Iterable[Finding], catalogue: Catalogue) -> list[str]:
    """The identities that the cells at hand do not satisfy, in words."""
    said: list[str] = []
    for (company, year), amounts in _facts(findings, catalogue).items():
        for identity in IDENTITIES:
            names = (identity.total, *(p for _, p in identity.parts))
            if not all(name in amounts for name in names):
                continue
            total = amounts[identity.total]
            gaps = [abs(total - s) for s in _sums(identity, amounts)]
            if min(gaps) > TOLERANCE * max(abs(total), *(abs(amounts[n]) for n in names)):
                said.append(
                    f"{company} {year}: {identity} does not hold in the tables "
                    f"({total:,.6g} against {_sums(identity, amounts)[0]:,.6g})"
                )
    return said


def _sums(identity: Identity, amounts: Mapping[str, float]) -> tuple[float, float]:
    """The signed sum, and the sum where outflows are written as negative numbers."""
    signed = sum(sign * amounts[part] for sign, part in identity.parts)
    plain = sum((1 if amounts[part] < 0 else sign) * amounts[part] for sign, part in identity.parts)
    return signed, plain


def _facts(
    findings: Iterable[Finding], catalogue: Catalogue
) -> dict[tuple[Scalar, Scalar], dict[str, float]]:
    """Amounts by company and year, then by column."""
    facts: dict[tuple[Scalar, Scalar], dict[str, float]] = defaultdict(dict)
    tables = {table.name: table for table in catalogue.tables}
    for finding in findings:
        for cell in finding.evidence:
            table = tables.get(cell.table) if isinstance(cell, Cell) else None
            if (
                not isinstance(cell, Cell)
                or table is None
                or not isinstance(cell.value, int | float)
            ):
                continue
            if any(
                c.name in cell.row
                for c in table.columns
                if c.role in {"label", "attribute"} and c.name in {"segment", "label", "line"}
            ):
                continue  # a part of a company is not the company
            company, period = table.column("company"), table.column("period")
            who = table.company if company is None else cell.row.get(company.name)
            when = None if period is None else cell.row.get(period.name)
            if who is not None and when is not None:
                facts[who, when][cell.column] = float(cell.value) * cell.scale
    return facts
