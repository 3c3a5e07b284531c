"""Every public set from the data folder's real file, or from a tiny file of the published form."""

from __future__ import annotations

import csv
import importlib
import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from evals.public import catalogue, filings, origin, problems, rows, staged
from specialists.foundation.errors import ConfigError, InputError, NotFound
from specialists.registry import task

DATA = os.environ.get("FINROUTE_DATA", "")
real = pytest.mark.skipif(not DATA, reason="FINROUTE_DATA names no folder of public data")

FINQA = {  # the authors' own form: the question one level down
    "id": "ETR/2016/page_23.pdf-2",
    "pre_text": ["entergy corporation and subsidiaries"],
    "post_text": ["the net revenue variance is largely due to rates ."],
    "table": [["", "amount ( in millions )"], ["2014 net revenue", "$ 5735"],
              ["2015 net revenue", "$ 5829"]],
    "qa": {"question": "what is the net change in net revenue during 2015?",
           "program": "subtract(5829, 5735)", "exe_ans": 94.0, "gold_inds": {}, "answer": "94"},
}  # fmt: skip
TATQA = {
    "table": {"uid": "t1", "table": [["", "2019", "2018"], ["Revenue", "$1,496.5", "$1,202.9"],
                                     ["Costs", "700.1", "650.0"]]},
    "paragraphs": [{"uid": "p1", "order": 1, "text": "Sales by contract (in millions):"}],
    "questions": [{"uid": "q1", "order": 1, "question": "What was the revenue in 2019?",
                   "answer": ["1,496.5"], "derivation": "", "answer_type": "span",
                   "answer_from": "table", "rel_paragraphs": [], "req_comparison": False,
                   "scale": "million"}],
}  # fmt: skip
MATHS: dict[str, dict[str, Any]] = {
    "gsm8k": {"question": "2 and 3?", "answer": "2+3=<<2+3=5>>5\n#### 5"},
    "math500": {"problem": "Half?", "solution": r"\boxed{\frac12}", "answer": r"\frac12",
                "subject": "Algebra", "level": 2, "unique_id": "test/algebra/1.json"},
    "aime24": {"id": 60, "problem": "Find x.", "solution": "…", "answer": "204", "year": "2024"},
    "aime25": {"problem": "Find y.", "answer": "070", "id": "0"},
    "amc23": {"id": 0, "problem": "Meet?", "answer": 27.0, "url": "https://example.org"},
    "minerva": {"problem": "How far?", "solution": "…", "answer": "6.7e-3", "type": "Physics"},
    "olympiadbench": {"id": 1606, "question": "Find all.", "solution": ["…"],
                      "final_answer": ["$2$,$-1$"], "context": None, "error": None,
                      "subfield": "Algebra", "answer_type": "Numerical"},
}  # fmt: skip
FINANCEBENCH = {
    "financebench_id": "financebench_id_03029",
    "company": "3M",
    "doc_name": "3M_2018_10K",
    "question_type": "metrics-generated",
    "question": "What is the FY2018 capital expenditure amount (in USD millions) for 3M?",
    "answer": "$1577.00",
    "evidence": [
        {"evidence_text": "Purchases of PP&E (1,577)", "doc_name": "3M_2018_10K",
         "evidence_page_num": 59, "evidence_text_full_page": "Cash flows. Purchases (1,577)"}
    ],
}  # fmt: skip


def write(path: Path, *values: object) -> Path:
    """JSON lines, or an array where the name says so."""
    if path.suffix == ".json":
        path.write_text(json.dumps(values), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(v) + "\n" for v in values), encoding="utf-8")
    return path


# --- the data folder's real files ---------------------------------------------------------------


@real
@pytest.mark.parametrize(
    ("name", "job", "first"),
    [
        ("finqa", "calculation", 40),
        ("finqa", "table_qa", 10),
        ("tatqa", "table_qa", 10),
        ("tatqa", "extraction", 10),
        pytest.param("sentfin", "sentiment", 9_999, marks=pytest.mark.nightly),
        pytest.param("tfns", "sentiment", 9_999, marks=pytest.mark.nightly),
    ],
)
def test_a_sets_examples_are_those_of_the_specialists_loader(
    name: str, job: str, first: int
) -> None:
    loaders = importlib.import_module(f"specialists.{job}.loaders")
    theirs = islice(loaders.load(task(job), Path(DATA), "test", (name,)), first)
    ours = islice(staged.examples(name, job=job, data=Path(DATA)), first)
    assert [(e.id, e.dialogue) for e in ours] == [(e.id, e.dialogue) for e in theirs]


@real
def test_gsm8k_at_home_gives_what_was_never_trained_on() -> None:
    from specialists.maths import loaders

    found = list(problems.problems("gsm8k", data=Path(DATA)))
    kept = list(loaders.load(task("maths"), Path(DATA), "dev"))  # type: ignore[arg-type]
    assert [p.problem for p in found] == [e.inputs.question for e in kept]
    made = list(problems.as_examples(task("maths"), found))  # type: ignore[arg-type]
    assert [e.answer.answer for e in made] == [e.answer.answer for e in kept]


# --- tiny files of the published form -----------------------------------------------------------


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_finqa_as_its_authors_publish_it(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"test{suffix}", FINQA)
    (example,) = staged.examples("finqa", source=path)
    assert example.answer.raw == 94.0
    assert example.company == "ETR"
    (other,) = staged.examples("finqa", job="table_qa", source=path)
    assert "net revenue" in other.inputs.question


def test_tatqa_as_its_authors_publish_it(tmp_path: Path) -> None:
    path = write(tmp_path / "dev.json", TATQA)
    (example,) = staged.examples("tatqa", source=path)
    assert example.answer.value.amount == pytest.approx(1_496.5e6)


def test_sentfin_as_its_authors_csv(tmp_path: Path) -> None:
    path = tmp_path / "SEntFiN-v1.1.csv"
    titles = [f"Firm {n} gains as Bank {n} slips" for n in range(40)]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["S No.", "Title", "Decisions", "Words"])
        for n, title in enumerate(titles):
            told = f"{{'Firm {n}': 'positive', 'Bank {n}': 'negative'}}"
            writer.writerow([n, title, told, 7])
    found = list(staged.examples("sentfin", source=path))
    assert {e.answer.sentiment for e in found} <= {"positive", "negative"}
    assert all(e.source == "sentfin" for e in found)


def test_tfns_from_parquet_as_the_hub_has_it(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    texts = [f"{a}{b} {b}{a}{a} {a}{a}{b} gains" for a in "bdfgk" for b in "amnoprst"]
    path = tmp_path / "validation.parquet"
    parquet.write_table(pa.table({"text": texts, "label": [n % 3 for n in range(40)]}), path)
    assert 0 < len(list(staged.examples("tfns", source=path))) < 40


@pytest.mark.parametrize("name", MATHS)
def test_problems_of_the_published_form(tmp_path: Path, name: str) -> None:
    (found,) = problems.problems(name, source=write(tmp_path / "test.jsonl", MATHS[name]))
    assert found.source == name
    assert problems.right(found, rf"Thus \boxed{{{found.answer}}}.")
    assert not problems.right(found, r"Thus \boxed{-17}.")


def test_olympiads_answer_and_its_error(tmp_path: Path) -> None:
    (two,) = problems.problems(
        "olympiadbench", source=write(tmp_path / "a.jsonl", MATHS["olympiadbench"])
    )
    assert problems.right(two, r"\boxed{-1, 2}")
    near = MATHS["olympiadbench"] | {"final_answer": ["4.0"], "error": "0.1"}
    (one,) = problems.problems("olympiadbench", source=write(tmp_path / "b.jsonl", near))
    assert problems.right(one, r"\boxed{4.05}")
    assert not problems.right(one, r"\boxed{4.2}")


def test_only_plain_numbers_are_examples_of_the_maths_job(tmp_path: Path) -> None:
    given = [
        *problems.problems("math500", source=write(tmp_path / "a.jsonl", MATHS["math500"])),
        *problems.problems("amc23", source=write(tmp_path / "b.jsonl", MATHS["amc23"])),
        *problems.problems("minerva", source=write(tmp_path / "c.jsonl", MATHS["minerva"])),
    ]
    (made,) = problems.as_examples(task("maths"), given)  # type: ignore[arg-type]
    assert made.answer.answer == 27
    assert made.source == "amc23"


def test_financebench_figures_and_words(tmp_path: Path) -> None:
    words = FINANCEBENCH | {
        "financebench_id": "id_2",
        "answer": "No. The operating margin fell by 1.7 % in FY2022 since gross margin fell.",
    }
    found = list(filings.filings(write(tmp_path / "open_source.jsonl", FINANCEBENCH, words)))
    assert found[0].figure is not None
    assert found[0].pages == ("Cash flows. Purchases (1,577)",)
    assert filings.right(found[0], "$1,577 million") is True
    assert filings.right(found[0], "1600") is False
    assert filings.right(found[0], "it is 1,577 or 1,600") is False
    assert filings.right(found[1], "No") is None


# --- what is wrong is named ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"table": "none"}, r"test\.jsonl, line 2: field table must be a list"),
        ({"qa": {"question": "q", "program": "p"}}, r"line 2: field exe_ans is missing"),
        ({"qa": FINQA["qa"] | {"exe_ans": "n/a"}}, r"line 2: field exe_ans must be a number"),  # type: ignore[operator]
        ({"id": None}, r"line 2: field id is missing"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_field(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "test.jsonl", FINQA, FINQA | change)
    with pytest.raises(InputError, match=said):
        list(staged.examples("finqa", source=path))


def test_files_that_are_none(tmp_path: Path) -> None:
    broken = tmp_path / "test.jsonl"
    broken.write_text('{"text": "a", "label": 0}\n{"text": ', encoding="utf-8")
    with pytest.raises(InputError, match=r"test\.jsonl, line 2: not JSON"):
        list(rows.read(broken))
    (tmp_path / "a.json").write_text('{"rows": []}')
    with pytest.raises(InputError, match="must be an array"):
        list(rows.read(tmp_path / "a.json"))
    (tmp_path / "b.csv").write_text("text,label\na,0\nb,1,2\n")
    with pytest.raises(InputError, match=r"b\.csv, line 3: more cells"):
        list(rows.read(tmp_path / "b.csv"))
    (tmp_path / "c.csv").write_text("text,label\n")
    with pytest.raises(InputError, match="holds no row"):
        list(rows.read(tmp_path / "c.csv"))
    (tmp_path / "d.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(InputError, match="not a Parquet file"):
        list(rows.read(tmp_path / "d.parquet"))
    (tmp_path / "e.jsonl").write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(InputError, match="not UTF-8"):
        list(rows.read(tmp_path / "e.jsonl"))
    with pytest.raises(InputError, match="ends with none of"):
        list(rows.read(tmp_path / "f.xlsx"))
    with pytest.raises(InputError, match=r"line 1: field label must be 0"):
        list(staged.examples("tfns", source=write(tmp_path / "g.jsonl", {"text": "a", "label": 3})))
    bad = TATQA | {"questions": [{"uid": "q"}]}
    with pytest.raises(InputError, match=r"questions\[1\]\.question is missing"):
        list(staged.examples("tatqa", source=write(tmp_path / "h.json", bad)))
    with pytest.raises(InputError, match=r"entities\.Firm must be one of"):
        list(
            staged.examples(
                "sentfin",
                source=write(tmp_path / "i.jsonl", {"title": "x", "entities": {"Firm": 1}}),
            )
        )


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*nowhere\.jsonl"):
        list(staged.examples("finqa", source=tmp_path / "nowhere.jsonl"))
    with pytest.raises(InputError, match=r"has no finqa/dev\.jsonl"):
        list(staged.examples("finqa", source=tmp_path))
    with pytest.raises(InputError, match="not kept in the data folder"):
        list(problems.problems("aime24", data=tmp_path))
    with pytest.raises(NotFound, match="there are finqa"):
        catalogue.published("finqq")
    with pytest.raises(ConfigError, match="for planning; for: sentiment"):
        list(staged.examples("tfns", job="planning", data=tmp_path))
    with pytest.raises(InputError, match="not on the hub"):
        list(origin.read(catalogue.published("sentfin"), "hub", None))


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"math-ai/aime25 cannot be read from the hub.*local file"):
        list(problems.problems("aime25", source="hub"))


def test_every_set_tells_its_licence_and_paper() -> None:
    for name, each in catalogue.SETS.items():
        assert each.name == name
        assert each.licence
        assert each.paper
        assert each.fields
        assert each.count > 0
