"""Random workspaces in memory, for training examples: companies, statements that add up, texts.

Deterministic in the seed. The tables have the demo workspace's schema; the companies never overlap
with it, nor those of one split with the other (see ``names``). It is no store: nothing is written.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import pyarrow as pa

from specialists.workspace import statements
from specialists.workspace.catalogue import Catalogue, Column, Company, Document, Table, Title
from specialists.workspace.names import Split, companies, company_names
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE, Snapshot
from specialists.workspace.statements import Money, Row

__all__ = ["Split", "companies", "company_names", "make_snapshot", "statement_rows"]

YEARS = (2018, 2019, 2020, 2021, 2022, 2023)
_TEXT = pa.string()


def make_snapshot(
    seed: int,
    *,
    split: Literal["train", "heldout"],
    companies: int = 12,
    years: Sequence[int] = YEARS,
    documents: bool = False,
) -> Snapshot:
    """A random workspace of ``companies`` over ``years`` (consecutive, ascending), all known.

    Money is in USD millions mostly; some seeds state it in thousands or in another currency.

    Args:
        seed: the same seed gives the same snapshot, digest included.
        documents: also make headlines and filing paragraphs (slower).
    """
    rng = random.Random(f"snapshot/{split}/{seed}")
    money = Money(
        unit=rng.choices(("USD", "EUR", "GBP"), (8, 1, 1))[0],
        scale=rng.choices((1_000_000, 1_000), (4, 1))[0],
    )
    firms = _companies(split, companies, seed)
    rows = statement_rows(rng, firms, years, money)
    day = date(max(years) + 1, 6, 30)
    texts: tuple[Document, ...] = ()
    if documents:
        from specialists.workspace.notices import notices

        texts = notices(rng, firms, rows, money)
    tables = {name: _arrow(name, part, money, day) for name, part in rows.items()}
    catalogue = Catalogue(
        workspace=f"{split}-{seed}",
        version="synthetic",
        as_of=day,
        companies=tuple(firms),
        tables=tuple(describe(name, part, money) for name, part in rows.items()),
        documents=tuple(Title.model_construct(**_title(d)) for d in texts),
    )
    digest = f"synthetic/{split}/{seed}/{companies}/{years[0]}-{years[-1]}/{int(documents)}"
    return Snapshot(catalogue, tables, texts, digest)


_companies = companies  # the parameter of make_snapshot hides the function


def statement_rows(
    rng: random.Random, firms: Sequence[Company], years: Sequence[int], money: Money
) -> dict[str, list[Row]]:
    """The rows of all five tables, in the order company, year, segment."""
    rows: dict[str, list[Row]] = {name: [] for name in statements.TITLES}
    for firm in firms:
        about: Row = {"company": firm.name, "ticker": firm.ticker, "sector": firm.sector}
        city, founded = rng.choice(statements.CITIES), rng.randint(1890, min(years) - 6)
        rows["companies"].append({**about, "headquarters": city, "founded": founded})
        for year in statements.books(rng, firm.sector, years, money):
            key: Row = {**about, "fiscal_year": year.fiscal_year}
            rows["income_statement"].append({**key, **year.income_statement})
            rows["balance_sheet"].append({**key, **year.balance_sheet})
            rows["cash_flow"].append({**key, **year.cash_flow})
            rows["segments"] += [{**key, **segment} for segment in year.segments]
    return rows


def describe(name: str, rows: Sequence[Row], money: Money) -> Table:
    """A statement table's entry in the catalogue."""
    title, description = statements.TITLES[name]
    columns: list[Column] = []
    for column in statements.columns(name, money):
        if column.type == "text":
            values = tuple(sorted({str(r[column.name]) for r in rows}))[:500]
            column = column.model_copy(update={"values": values})
        columns.append(column)
    periods = sorted({int(r["fiscal_year"]) for r in rows if r.get("fiscal_year") is not None})  # type: ignore[arg-type]
    return Table(
        name=name,
        title=title,
        description=description,
        columns=tuple(columns),
        periods=tuple(periods),
        rows=len(rows),
        source="generated",
    )


def _arrow(name: str, rows: Sequence[Row], money: Money, day: date) -> pa.Table:
    data: dict[str, Any] = {}
    for column in statements.columns(name, money):
        values = [r[column.name] for r in rows]
        data[column.name] = pa.array(values, type=arrow_type(column))
    data[ROW] = pa.array(range(len(rows)), type=pa.int64())
    data[KNOWN_AT] = pa.array([day] * len(rows), type=pa.date32())
    data[SOURCE] = pa.array(["generated"] * len(rows), type=_TEXT)
    return pa.table(data)


def arrow_type(column: Column) -> pa.DataType:
    """How a column is stored: years are integers, other numbers doubles."""
    if column.type == "date":
        return pa.date32()
    if column.type == "text":
        return _TEXT
    whole = column.role == "period" or column.name == "founded"
    return pa.int64() if whole else pa.float64()


def _title(document: Document) -> Mapping[str, Any]:
    return {k: v for k, v in document.__dict__.items() if k in Title.model_fields}
