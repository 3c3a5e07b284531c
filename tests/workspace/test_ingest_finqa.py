"""FinQA pages: tables of their companies, paragraphs with sources, no questions and no answers."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from specialists.foundation.errors import IngestError
from specialists.workspace.ingest import finqa
from specialists.workspace.search import index_of
from specialists.workspace.versions import Workspace

PAGE = {
    "id": "ETR/2016/page_23.pdf-2",
    "question": "what was the secret question?",
    "answer": "4711.25",
    "program": "divide(4711.25, const_1)",
    "pre_text": "entergy 2019s net revenue is shown below . amounts follow ( in millions ) .",
    "table": [
        ["( in millions )", "december 31 2016", "december 31 2015", "change"],
        ["net revenue ( 1 )", "$ 6179", "$ 5829", "350"],
        ["write-offs", "2014", "-12 ( 12 )", "12"],
        ["margin", "62.0% ( 62.0 % )", "61%", ""],
    ],
    "post_text": "( 1 ) see note 4 . results may vary .",
}


@pytest.fixture
def pages(tmp_path):
    def write(*records):
        path = tmp_path / "pages.jsonl"
        path.write_text("\n".join(json.dumps(r) for r in records) + "\n")
        return path

    return write


def test_a_page_becomes_a_table_of_its_company(pages):
    batch = finqa.read(pages(PAGE))
    (new,) = batch.tables
    assert new.table.company == "Entergy"
    assert (new.table.name, new.table.source) == ("etr_2016_page_23", "ETR/2016/page_23.pdf")
    assert new.table.periods == (2015, 2016)
    assert new.rows["net_revenue"].to_pylist() == [5829, 6179]
    assert new.rows["write_offs"].to_pylist() == [-12, None]
    assert new.rows["margin"].to_pylist() == [61, 62]
    units = {c.name: (c.unit, c.scale) for c in new.table.columns if c.role == "measure"}
    assert units == {"net_revenue": ("USD", 1e6), "write_offs": ("USD", 1e6), "margin": ("%", 1)}
    assert new.rows["_known_at"].to_pylist() == [date(2017, 2, 28)] * 2
    assert batch.companies[0].ticker == "ETR"


def test_its_text_becomes_filing_paragraphs(pages):
    batch = finqa.read(pages(PAGE), known_at=date(2020, 1, 1))
    assert [d.id for d in batch.documents] == ["ETR-2016-page_23-1", "ETR-2016-page_23-2"]
    first = batch.documents[0]
    assert first.text.startswith("entergy's net revenue is shown below.")
    assert (first.company, first.year, first.kind) == ("Entergy", 2016, "filing")
    assert first.published == date(2020, 1, 1)


def test_questions_and_answers_are_nowhere(pages, tmp_path):
    space = Workspace.create("w", tmp_path / "root", finqa.read(pages(PAGE)))
    for path in space.folder.rglob("*"):
        if path.is_file() and path.suffix in {".json", ".parquet"}:
            assert b"secret question" not in path.read_bytes()
    snapshot = space.snapshot()
    told = snapshot.catalogue.model_dump_json() + str(snapshot.documents)
    told += str([t.to_pylist() for t in snapshot.tables.values()])
    assert "4711" not in told


def test_two_questions_of_one_page_give_one_table(pages):
    batch = finqa.read(pages(PAGE, {**PAGE, "id": "ETR/2016/page_23.pdf-3"}))
    assert len(batch.tables) == 1


def test_a_page_whose_id_names_no_source_is_skipped_and_noted(pages):
    batch = finqa.read(pages({**PAGE, "id": "finqa_dev_1"}, PAGE))
    assert len(batch.tables) == 1
    assert "1 records without ticker" in batch.notes[0]


def test_a_table_without_header_row_keeps_its_first_row(pages):
    table = [["current assets", "$ 28.1"], ["goodwill", "9.5"]]
    (new,) = finqa.read(pages({**PAGE, "table": table})).tables
    assert new.rows["item"].to_pylist() == ["current assets", "goodwill"]
    assert new.rows["value"].to_pylist() == [28.1, 9.5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "line 1: not JSON"),
        ("[1]", "line 1: no record with an id"),
        ('{"id": "ETR/2016/page_23.pdf-2"}', "line 1: a FinQA record has table"),
        ('{"id": "x"}', "no record has an id such as"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, words):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(IngestError, match=words):
        finqa.read(path)


@pytest.fixture(scope="module")
def dev():
    base = os.environ.get("FINROUTE_DATA")
    path = Path(base or ".") / "finqa" / "dev.jsonl"
    if not base or not path.is_file():
        pytest.skip("FINROUTE_DATA with finqa/dev.jsonl is not set")
    return path


def test_all_dev_pages_become_a_workspace(dev, tmp_path):
    batch = finqa.read(dev)
    assert len(batch.tables) >= 120
    skipped = [n for n in batch.notes if "was skipped" in n]
    assert len(skipped) <= 3
    space = Workspace.create("finqa", tmp_path, batch)
    snapshot = space.snapshot()
    assert len(snapshot.tables) == len(batch.tables)
    assert sum(bool(t.periods) for t in snapshot.catalogue.tables) > 60
    assert index_of(snapshot).search("pension cost", company="Becton Dickinson")
    assert space.verify()


def test_limit_reads_the_first_pages_only(dev):
    seen = []
    batch = finqa.read(dev, limit=5, progress=seen.append)
    assert seen == [1, 2, 3, 4, 5]
    assert len({d.source for d in batch.documents}) <= 5
