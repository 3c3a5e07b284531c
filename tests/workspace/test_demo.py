"""The demo workspace: complete, consistent, restated here and there, the same for the same seed."""

from __future__ import annotations

import re
from datetime import date

import pytest

from specialists.workspace import demo, names
from specialists.workspace.search import index_of
from specialists.workspace.snapshot import KNOWN_AT, SOURCE


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def space(root):
    return demo.build(root)


def by_key(snapshot, table):
    return {(r["company"], r["fiscal_year"]): r for r in snapshot.tables[table].to_pylist()}


def test_forty_companies_five_years_all_tables(space):
    entry = space.catalogue
    assert len(entry.companies) == 40
    assert {t.name: t.rows for t in entry.tables if t.name != "segments"} == {
        "companies": 40,
        "income_statement": 200,
        "balance_sheet": 200,
        "cash_flow": 200,
    }
    assert all(t.periods == demo.YEARS for t in entry.tables if t.name != "companies")


def test_building_again_opens_the_same_workspace(space, root):
    assert demo.build(root).manifest == space.manifest


def test_same_seed_gives_the_same_content(space, tmp_path):
    again = demo.build(tmp_path)
    assert again.manifest.content == space.manifest.content
    other = demo.build(tmp_path, name="other", seed=21)
    assert other.manifest.content != space.manifest.content


def assert_adds_up(snapshot):
    income, sheets = by_key(snapshot, "income_statement"), by_key(snapshot, "balance_sheet")
    flows = by_key(snapshot, "cash_flow")
    for key, r in income.items():
        assert r["gross_profit"] == r["revenue"] - r["cost_of_revenue"]
        assert r["net_income"] == r["pretax_income"] - r["income_tax"]
        spent = r["research_and_development"] + r["selling_general_admin"]
        assert r["operating_income"] == r["gross_profit"] - spent
        assert r["diluted_eps"] == pytest.approx(r["net_income"] / r["diluted_shares"], abs=0.0051)
        assert flows[key]["net_income"] == r["net_income"]
        sheet = sheets[key]
        owed = sheet["total_liabilities"] + sheet["shareholders_equity"]
        assert sheet["total_assets"] == owed
        parts = [
            s["segment_revenue"]
            for s in snapshot.tables["segments"].to_pylist()
            if (s["company"], s["fiscal_year"]) == key
        ]
        assert sum(parts) == r["revenue"]


def test_statements_add_up_as_restated_and_as_first_reported(space):
    assert_adds_up(space.snapshot())
    # Filings come by the end of March, restatements from July on.
    assert_adds_up(space.snapshot(date(2021, 4, 30)))


def test_a_restatement_is_seen_from_its_day_on_and_not_before(space):
    everything = by_key(space.snapshot(), "income_statement")
    restated = {k: r for k, r in everything.items() if "restatement" in r[SOURCE]}
    assert len(restated) >= 8
    for key, row in restated.items():
        day = row[KNOWN_AT]
        before = space.snapshot(date.fromordinal(day.toordinal() - 1))
        old = by_key(before, "income_statement")[key]
        assert (
            old["revenue"] != row["revenue"]
            or old["net_income"] != row["net_income"]
            or (old["gross_profit"] != row["gross_profit"])
        )
        assert by_key(space.snapshot(day), "income_statement")[key] == row


def test_nothing_of_the_future_is_visible(space):
    day = date(2021, 6, 1)
    snapshot = space.snapshot(day)
    assert all(max(t[KNOWN_AT].to_pylist()) <= day for t in snapshot.tables.values())
    assert all(d.published <= day for d in snapshot.documents)
    income = next(t for t in snapshot.catalogue.tables if t.name == "income_statement")
    assert income.periods == (2019, 2020)
    assert snapshot.catalogue.as_of == day


def test_a_day_before_all_filings_shows_the_companies_alone(space):
    snapshot = space.snapshot(date(2018, 12, 31))
    assert [t.name for t in snapshot.catalogue.tables] == ["companies"]
    assert snapshot.documents == ()


def test_six_headlines_a_company_year_and_many_name_two_companies(space):
    heads = [d for d in space.snapshot().documents if d.kind == "headline"]
    assert len(heads) == 40 * 5 * 6
    words = {name.split()[0] for name, _, _ in names.DEMO}
    naming_two = sum(len(words & set(re.findall(r"\w+", d.text))) >= 2 for d in heads)
    assert naming_two > 300


@pytest.mark.parametrize(
    "phrase",
    [
        r"[\d,]+ (?:full-time )?employees",
        r"[\d,]+ stores",
        r"\$[\d.]+ (?:million|billion) backlog",
        r"customers",
        r"subscribers",
        r"restructuring charges? ",
        r"capital expenditure",
        r"guidance for \d{4} is \$",
        r"[\d,]+ (?:granted )?patents",
        r"churn",
        r"effective (?:tax )?rate",
        r"litigation provision of \$",
    ],
)
def test_documents_tell_what_no_table_has(space, phrase):
    texts = [d.text for d in space.snapshot().documents if d.kind == "filing"]
    assert sum(bool(re.search(phrase, text)) for text in texts) >= 5


def test_result_headlines_say_what_the_statements_say(space):
    """A headline's percentage is the change of the figures known when it was published."""
    checked = 0
    for document in space.snapshot().documents:
        found = re.search(r"sales (up|shrink) (\d+)% in (\d{4})", document.text)
        if not found or document.kind != "headline":
            continue
        income = by_key(space.snapshot(date(document.year + 1, 6, 30)), "income_statement")
        now = income[document.company, document.year]["revenue"]
        then = income[document.company, document.year - 1]["revenue"]
        assert round(abs(now / then - 1) * 100) == int(found[2])
        assert (now > then) == (found[1] == "up")
        checked += 1
    assert checked >= 10


def test_documents_are_found_by_their_words(space):
    snapshot = space.snapshot()
    hits = index_of(snapshot).search(
        "how many employees", company="Aldergate Systems", year=2021, kind="filing"
    )
    texts = {d.id: d for d in snapshot.documents}
    assert hits
    assert texts[hits[0].document].year == 2021
    assert re.search(r"employees|workforce|headcount", texts[hits[0].document].text, re.I)


def test_stored_bytes_are_whole(space):
    assert space.verify() >= 8
