"""Search: ranking, filters, dates, and queries that would break a query language."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.workspace.catalogue import Company, Document
from specialists.workspace.search import SearchIndex, index_of
from specialists.workspace.synthetic import make_snapshot

FIRMS = (Company(name="Orla Foods", aliases=("Orla",)), Company(name="Tarn Energy"))


def doc(id, text, company="Orla Foods", year=2022, kind="filing", day=(2023, 3, 1), title=""):
    return Document(
        id=id,
        title=title or text,
        kind=kind,
        company=company,
        year=year,
        published=date(*day),
        text=text,
    )


DOCUMENTS = (
    doc("a", "The company had 400 employees and 12 stores."),
    doc("b", "Employees left; the workforce shrank.", year=2021, day=(2022, 3, 1)),
    doc("c", "Drilling permits were granted.", company="Tarn Energy"),
    doc(
        "d",
        "Tarn Energy buys stake in Orla",
        company="Tarn Energy",
        kind="headline",
        day=(2022, 5, 5),
    ),
    doc("e", "Weather was mild.", company=None, year=None, kind="note", day=(2020, 1, 1)),
)


@pytest.fixture(scope="module")
def index():
    return SearchIndex.build(DOCUMENTS, FIRMS)


def found(index, query, **filters):
    return [hit.document for hit in index.search(query, **filters)]


def test_words_are_stemmed_and_ranked(index):
    assert found(index, "employee") == ["b", "a"]
    assert found(index, "store employees")[0] == "a"


def test_filters_narrow(index):
    assert found(index, "employees", year=2022) == ["a"]
    assert found(index, "permit", company="tarn energy") == ["c"]
    assert found(index, "employees", kind="headline") == []


def test_a_company_is_found_where_it_is_merely_mentioned(index):
    assert found(index, "stake", company="Orla Foods") == ["d"]


def test_nothing_published_later_is_found(index):
    assert found(index, "employees", as_of=date(2022, 12, 31)) == ["b"]
    assert found(index, "employees", as_of=date(2022, 2, 28)) == []


def test_without_telling_words_the_newest_come_first(index):
    assert found(index, "what is the", company="Orla Foods") == ["a", "d", "b"]
    assert found(index, "", limit=2)[0] in {"a", "c"}


def test_a_stored_index_answers_as_the_one_in_memory(index, tmp_path):
    SearchIndex.build(DOCUMENTS, FIRMS, tmp_path / "index")
    stored = SearchIndex.open(tmp_path / "index")
    for query in ("employees", "stake", "weather permits"):
        assert stored.search(query) == index.search(query)


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "a AND (",
        "title:employees",
        "+-!(){}[]^~*?:\\/",
        "NOT",
        "employees~99",
        "\x00",
        "'; --",
    ],
)
def test_query_syntax_is_only_words(index, query):
    assert isinstance(index.search(query), list)


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_no_query_fails(query):
    index = SHARED
    hits = index.search(query, company=query[:10] or None)
    assert all(hit.document in {d.id for d in DOCUMENTS} for hit in hits)


SHARED = SearchIndex.build(DOCUMENTS, FIRMS)


def test_a_very_long_query_is_cut_not_refused(index):
    assert found(index, "employees " + " ".join(f"word{i}" for i in range(5000)))[0] in {"a", "b"}


def test_limit_and_order_are_stable(index):
    assert len(index.search("the company employees", limit=1)) == 1
    assert index.search("employees", limit=0) == []
    twins = [doc(f"t{n}", "identical words here") for n in (3, 1, 2)]
    assert found(SearchIndex.build(twins), "identical") == ["t1", "t2", "t3"]


def test_a_synthetic_snapshot_is_indexed_in_memory_once():
    snapshot = make_snapshot(1, split="train", companies=2, documents=True)
    assert index_of(snapshot) is index_of(snapshot)
    assert index_of(snapshot).search("employees", limit=3)


def test_no_documents_no_hits():
    assert SearchIndex.build(()).search("anything") == []
