"""Public passages: questions reworded, figures placed, parts apart."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from specialists.extraction.filings import cells, told
from specialists.extraction.loaders import load, reworded, tagged
from specialists.extraction.task import ExtractionTask

TASK = ExtractionTask()


@pytest.fixture
def data() -> Path:
    root = os.environ.get("FINROUTE_DATA")
    if not root or not Path(root, "tatqa").is_dir():
        pytest.skip("FINROUTE_DATA does not point to the public data")
    return Path(root)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What was the rent expense in 2019?", ("rent expense", 2019)),
        ("What is the company's total debt as of December 31, 2018?", ("debt", 2018)),
        ("What was the amount of goodwill for fiscal year 2017 ?", ("goodwill", 2017)),
        ("What was the change from 2017 to 2018?", ("change from to", None)),
        ("Why did revenue fall?", ("", None)),
    ],
)
def test_questions_become_a_metric_and_a_year(
    question: str, expected: tuple[str, int | None]
) -> None:
    metric, year = reworded(question)
    assert year == expected[1]
    if year is not None:
        assert metric == expected[0]


def test_a_finqa_change_tells_two_figures(tmp_path: Path) -> None:
    row = {
        "question": "what was the change in rental expense from 2007 to 2008?",
        "pre_text": "see note 4 . rental expense was $ 8 million in 2008 and $ 6 million in 2007 .",
        "post_text": "",
        "program": "subtract(8, 6)",
    }
    folder = tmp_path / "finqa"
    folder.mkdir()
    (folder / "train_sample_98.jsonl").write_text(json.dumps(row), encoding="utf-8")
    page = "table_1: the goodwill of 2008 is $ 12 ; text_2: it is tested every year ."
    (folder / "train_partial_goldctx.jsonl").write_text(json.dumps({"contexts": page}), "utf-8")
    goodwill, later, earlier = load(TASK, tmp_path, "train", ["finqa"])
    assert (goodwill.inputs.metric, goodwill.answer.value) == ("goodwill", 12)
    assert (later.answer.period, later.answer.value) == (2008, 8)
    assert (earlier.answer.period, earlier.answer.value) == (2007, 6)
    assert later.answer.unit == "USD"
    assert later.answer.scale == 1e6


def test_conll_sentences_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("-DOCSTART- -X- O O\n\nAcme NNP - I-ORG\npays VBZ - O\n\n5 CD - O\n", "utf-8")
    assert list(tagged(path)) == [(["Acme", "pays"], ["I-ORG", "O"]), (["5"], ["O"])]


def test_real_parts_are_apart_and_read_back(data: Path) -> None:
    train, test = (list(load(TASK, data, part)) for part in ("train", "test"))
    assert {e.source for e in train} == {e.source for e in test} == {"tatqa", "finqa", "sec_ner"}
    assert len(train) > 300
    assert len(test) > 200
    assert {e.inputs.text for e in train}.isdisjoint(e.inputs.text for e in test)
    for example in (*train, *test):
        answer = TASK.begin(example.inputs).answer(example.dialogue[-1].content)
        assert TASK.score(example, answer).right, example.id


def test_conflicting_lists_are_left_alone() -> None:
    assert not list(told("The charge was $8 million and $6 million in 2019, 2018 and 2017."))
    assert not list(told("Rent expense was $8 million in 2019, of which $6 million was cash."))


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        (
            "Amortization expense was $8 million and $6 million in 2019 and 2018, respectively.",
            "Amortization expense",
            {2019: "$8 million", 2018: "$6 million"},
        ),
        (
            "For the years ended December 31, 2019 and 2018, we recorded $157,000 and $247,000 "
            "of legal fees, respectively.",
            "legal fees",
            {2019: "$157,000", 2018: "$247,000"},
        ),
        (
            "The fair value of plan assets at June 30, 2013 was approximately $1.9 billion.",
            "fair value of plan assets",
            {2013: "$1.9 billion"},
        ),
    ],
)
def test_a_plain_sentence_tells_its_figures(
    text: str, metric: str, expected: dict[int, str]
) -> None:
    facts = list(told(text))
    assert {f.metric for f in facts} == {metric}
    assert {f.year: f.place.text for f in facts} == expected


def test_a_table_told_in_words_tells_its_cells() -> None:
    row = "the net sales of 2010 is $ 3514 ; the net sales of 2009 is $ 3743 ; "
    facts = list(cells(row))
    assert [(f.metric, f.year, f.place.text) for f in facts] == [
        ("net sales", 2010, "$ 3514"),
        ("net sales", 2009, "$ 3743"),
    ]
