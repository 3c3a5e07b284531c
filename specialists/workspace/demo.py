"""The demo workspace: 40 invented companies, fiscal years 2019–2023, statements, segments, texts.

Deterministic in the seed. Statements add up; about one company-year in eight is restated later, and
the restated figures add up too. Nothing in it is real; its companies and wording are never trained
on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from specialists.foundation.errors import NotFound
from specialists.workspace import demo_texts, statements
from specialists.workspace.batch import Batch, NewTable
from specialists.workspace.catalogue import Company, Document, Table
from specialists.workspace.disclosures import disclose
from specialists.workspace.names import DEMO, companies
from specialists.workspace.snapshot import KNOWN_AT, SOURCE
from specialists.workspace.statements import Money, Row, Year, per_share
from specialists.workspace.synthetic import arrow_type
from specialists.workspace.versions import Workspace

NAME = "demo"
SEED = 20
YEARS = (2019, 2020, 2021, 2022, 2023)
_MONEY = Money()
_RESTATED_SHARE = 0.13
_LISTED = date(2018, 12, 31)
"""When the facts about the companies themselves became known."""

Kind = Literal["net presentation", "reclassification", "tax", "segments"]


@dataclass(frozen=True)
class _Line:
    """A row on its way into a table."""

    row: Row
    known_at: date
    source: str


def build(root: Path | None = None, *, name: str = NAME, seed: int = SEED) -> Workspace:
    """The demo workspace, made where it does not exist yet.

    Raises:
        WorkspaceError: another process is making it at this moment.
    """
    try:
        return Workspace.open(name, root)
    except NotFound:
        return Workspace.create(name, root, make_batch(seed))


def make_batch(seed: int = SEED) -> Batch:
    """All of the demo's tables and documents, in memory."""
    firms = companies("demo", len(DEMO), seed)
    lines: dict[str, list[_Line]] = {table: [] for table in statements.TITLES}
    documents: list[Document] = []
    for firm in firms:
        rng = random.Random(f"demo/{seed}/{firm.name}")
        _company(rng, firm, firms, lines, documents)
    tables = tuple(_table(name, part) for name, part in lines.items())
    return Batch(tables=tables, documents=tuple(documents), companies=tuple(firms))


def _company(
    rng: random.Random,
    firm: Company,
    firms: Sequence[Company],
    lines: dict[str, list[_Line]],
    documents: list[Document],
) -> None:
    about: Row = {"company": firm.name, "ticker": firm.ticker, "sector": firm.sector}
    city, founded = rng.choice(statements.CITIES), rng.randint(1892, 2009)
    profile: Row = {**about, "headquarters": city, "founded": founded}
    lines["companies"].append(_Line(profile, _LISTED, "company register"))
    peers = [f for f in firms if f.sector == firm.sector and f != firm]
    others = peers if len(peers) > 1 else [f for f in firms if f != firm]

    final = statements.books(rng, firm.sector, YEARS, _MONEY)
    facts = disclose(rng, firm.sector, final, _MONEY)
    before: Year | None = None
    for year, told in zip(final, facts, strict=True):
        filed = date(year.fiscal_year + 1, rng.choice((2, 3)), rng.randint(10, 28))
        first, notice = year, ""
        if rng.random() < _RESTATED_SHARE:
            first, notice = _as_first_reported(rng, firm, year)
        source = f"{firm.ticker} annual report {year.fiscal_year}"
        originals = _rows(about, first)
        for table, row in originals:
            lines[table].append(_Line(row, filed, source))
        if notice:
            day = date(year.fiscal_year + 1, rng.randint(7, 11), rng.randint(1, 28))
            source = f"{firm.ticker} restatement {year.fiscal_year}"
            for table, row in _rows(about, year):
                if (table, row) not in originals:
                    lines[table].append(_Line(row, day, source))
            documents.append(demo_texts.restatement(firm, year, notice, day))
        documents += demo_texts.headlines(rng, firm, first, before, others)
        documents += demo_texts.filing(rng, firm, first, before, told, filed)
        before = year


def _rows(about: Row, year: Year) -> list[tuple[str, Row]]:
    key: Row = {**about, "fiscal_year": year.fiscal_year}
    return [
        ("income_statement", {**key, **year.income_statement}),
        ("balance_sheet", {**key, **year.balance_sheet}),
        ("cash_flow", {**key, **year.cash_flow}),
        *(("segments", {**key, **segment}) for segment in year.segments),
    ]


def _as_first_reported(rng: random.Random, firm: Company, year: Year) -> tuple[Year, str]:
    """The year as it stood before its restatement, and the notice that tells of the change."""
    income, sheet = dict(year.income_statement), dict(year.balance_sheet)
    flow, segments = dict(year.cash_flow), [dict(s) for s in year.segments]
    shift = max(2, int(income["revenue"] * rng.uniform(0.008, 0.03)))
    kinds: list[Kind] = ["net presentation", "reclassification", "tax", "segments"]
    kind = rng.choice(kinds)
    if kind == "net presentation":
        income["revenue"] += shift
        income["cost_of_revenue"] += shift
        _move(segments[0], shift)
        changed, old, new = "revenue", income["revenue"], year.income_statement["revenue"]
        why = "certain sales in which we act as an agent are now presented net"
    elif kind == "reclassification":
        shift = min(shift, int(income["selling_general_admin"] / 3))
        income["cost_of_revenue"] -= shift
        income["gross_profit"] += shift
        income["selling_general_admin"] += shift
        changed, old = "gross profit", income["gross_profit"]
        new = year.income_statement["gross_profit"]
        why = "freight costs were moved from selling expenses to cost of revenue"
    elif kind == "tax":
        shift = max(1, shift // 4)
        income["income_tax"] -= shift
        income["net_income"] += shift
        shares = income["diluted_shares"]
        income["diluted_eps"] = per_share(income["net_income"], shares, _MONEY)
        for line in ("other_current_liabilities", "current_liabilities", "total_liabilities"):
            sheet[line] -= shift
        sheet["shareholders_equity"] += shift
        flow["net_income"] += shift
        flow["working_capital_change"] -= shift
        changed, old, new = "net income", income["net_income"], year.income_statement["net_income"]
        why = "an error in the provision for foreign taxes was found"
    else:
        _move(segments[0], shift)
        _move(segments[1], -shift)
        changed = f"{segments[0]['segment']} revenue"
        old = segments[0]["segment_revenue"]
        new = year.segments[0]["segment_revenue"]
        why = "one business unit was moved between segments"
    notice = (
        f"{firm.name} has restated its consolidated figures for fiscal {year.fiscal_year}. "
        f"{changed[0].upper()}{changed[1:]} is now {_signed(new)} instead of the {_signed(old)} "
        f"first reported, because {why}."
    )
    return Year(year.fiscal_year, income, sheet, flow, tuple(segments)), notice


def _move(segment: dict[str, Any], shift: int) -> None:
    segment["segment_revenue"] += shift


def _signed(millions: Any) -> str:
    text = f"${abs(millions):,.0f} million"
    return f"a loss of {text}" if millions < 0 else text


def _table(name: str, lines: Sequence[_Line]) -> NewTable:
    columns = statements.columns(name, _MONEY)
    data: dict[str, Any] = {
        c.name: pa.array([line.row[c.name] for line in lines], type=arrow_type(c)) for c in columns
    }
    data[KNOWN_AT] = pa.array([line.known_at for line in lines], type=pa.date32())
    data[SOURCE] = pa.array([line.source for line in lines], type=pa.string())
    title, description = statements.TITLES[name]
    table = Table(
        name=name,
        title=title,
        description=description,
        columns=columns,
        rows=len(lines),
        source="demo",
    )
    return NewTable(table=table, rows=pa.table(data), key=statements.KEYS[name])
