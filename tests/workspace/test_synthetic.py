"""Random workspaces: names kept apart, statements that add up, the same seed the same content."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.workspace import names, statements
from specialists.workspace.names import companies, company_names, split_of
from specialists.workspace.snapshot import KNOWN_AT, ROW, SOURCE
from specialists.workspace.synthetic import make_snapshot


def rows(snapshot, table):
    return snapshot.tables[table].to_pylist()


def test_pools_are_large_and_share_no_leading_word():
    train, held, demo = (
        company_names(s, n) for s, n in (("train", 900), ("heldout", 400), ("demo", 40))
    )
    first = [{name.split()[0] for name in pool} for pool in (train, held, demo)]
    assert len(set(train)) == 900
    assert len(set(held)) == 400
    assert not first[0] & first[1]
    assert not first[0] & first[2]
    assert not first[1] & first[2]


@given(st.integers(0, 10_000), st.sampled_from(["train", "heldout"]))
@settings(max_examples=40, deadline=None)
def test_every_drawn_name_belongs_to_its_pool(seed, split):
    firms = companies(split, 20, seed)
    assert all(split_of(c.name.split()[0]) == split for c in firms)
    assert len({c.ticker for c in firms}) == 20
    assert all(c.sector in names.SECTORS for c in firms)


def test_more_companies_than_the_pool_has_are_refused():
    with pytest.raises(ValueError, match="leading words"):
        companies("heldout", 5000, 1)


def check_statements(snapshot):
    """Every identity of the statements, exactly."""
    for r in rows(snapshot, "income_statement"):
        assert r["gross_profit"] == r["revenue"] - r["cost_of_revenue"]
        spent = r["research_and_development"] + r["selling_general_admin"]
        assert r["operating_income"] == r["gross_profit"] - spent
        assert r["pretax_income"] == r["operating_income"] - r["interest_expense"]
        assert r["net_income"] == r["pretax_income"] - r["income_tax"]
    sheets = {}
    for r in rows(snapshot, "balance_sheet"):
        current = r["cash_and_equivalents"] + r["accounts_receivable"] + r["inventory"]
        assert r["current_assets"] == current + r["other_current_assets"]
        long = r["property_plant_equipment"] + r["goodwill"] + r["other_noncurrent_assets"]
        assert r["total_assets"] == r["current_assets"] + long
        owed = r["accounts_payable"] + r["short_term_debt"] + r["other_current_liabilities"]
        assert r["current_liabilities"] == owed
        later = r["long_term_debt"] + r["other_noncurrent_liabilities"]
        assert r["total_liabilities"] == owed + later
        assert r["total_assets"] == r["total_liabilities"] + r["shareholders_equity"]
        sheets[r["company"], r["fiscal_year"]] = r
    income = {(r["company"], r["fiscal_year"]): r for r in rows(snapshot, "income_statement")}
    for r in rows(snapshot, "cash_flow"):
        key = (r["company"], r["fiscal_year"])
        assert r["net_income"] == income[key]["net_income"]
        earned = r["net_income"] + r["depreciation_amortization"] + r["working_capital_change"]
        assert r["operating_cash_flow"] == earned
        assert r["investing_cash_flow"] == -r["capital_expenditure"] - r["acquisitions"]
        paid = r["dividends_paid"] + r["share_repurchases"]
        assert r["financing_cash_flow"] == r["net_debt_issued"] - paid
        assert r["free_cash_flow"] == r["operating_cash_flow"] - r["capital_expenditure"]
        moved = r["operating_cash_flow"] + r["investing_cash_flow"] + r["financing_cash_flow"]
        assert r["net_change_in_cash"] == moved
    parts = {}
    for r in rows(snapshot, "segments"):
        held = parts.setdefault((r["company"], r["fiscal_year"]), [0.0, 0.0])
        held[0] += r["segment_revenue"]
        held[1] += r["segment_operating_income"]
    for key, (sales, profit) in parts.items():
        assert sales == income[key]["revenue"]
        assert profit == income[key]["operating_income"]
    return sheets


@given(st.integers(0, 100_000))
@settings(max_examples=25, deadline=None)
def test_statements_add_up_within_and_between_years(seed):
    snapshot = make_snapshot(seed, split="train", companies=4)
    sheets = check_statements(snapshot)
    flows = {(r["company"], r["fiscal_year"]): r for r in rows(snapshot, "cash_flow")}
    for company in {c for c, _ in sheets}:
        for before, now in pairwise(range(2018, 2024)):
            past, present, flow = sheets[company, before], sheets[company, now], flows[company, now]
            cash = present["cash_and_equivalents"] - past["cash_and_equivalents"]
            assert cash == flow["net_change_in_cash"]
            debt = [s["short_term_debt"] + s["long_term_debt"] for s in (past, present)]
            assert debt[1] - debt[0] == flow["net_debt_issued"]
            kept = flow["net_income"] - flow["dividends_paid"] - flow["share_repurchases"]
            assert present["shareholders_equity"] - past["shareholders_equity"] == kept
    owned = [c.name for c in statements.columns("balance_sheet") if c.role == "measure"]
    owned.remove("shareholders_equity")
    assert min(sheet[line] for sheet in sheets.values() for line in owned) >= 0


def test_same_seed_same_content_other_seed_other_content():
    one, same, other = (make_snapshot(s, split="train") for s in (3, 3, 4))
    assert one.digest == same.digest != other.digest
    assert one.catalogue == same.catalogue
    assert all(one.tables[t].equals(same.tables[t]) for t in one.tables)
    assert not one.tables["segments"].equals(other.tables["segments"])


def test_catalogue_describes_its_tables():
    snapshot = make_snapshot(9, split="heldout", companies=5, years=(2020, 2021))
    for table in snapshot.catalogue.tables:
        names = [c.name for c in table.columns]
        assert snapshot.tables[table.name].column_names == [*names, ROW, KNOWN_AT, SOURCE]
        assert table.rows == snapshot.tables[table.name].num_rows
        company = table.column("company")
        assert set(company.values) == {c.name for c in snapshot.catalogue.companies}
    assert snapshot.catalogue.tables[1].periods == (2020, 2021)


def test_documents_are_about_the_companies_and_in_the_catalogue():
    snapshot = make_snapshot(2, split="train", companies=3, documents=True)
    assert len(snapshot.documents) == 3 * 6 * 5
    assert [d.id for d in snapshot.documents] == [t.id for t in snapshot.catalogue.documents]
    assert len({d.id for d in snapshot.documents}) == len(snapshot.documents)
    firms = {c.name for c in snapshot.catalogue.companies}
    assert all(d.company in firms for d in snapshot.documents)


def test_guided_ranges_rise():
    text = " ".join(d.text for d in make_snapshot(5, split="train", documents=True).documents)
    assert "employees" in text
    assert "patents" in text
