"""Evidence of public questions: small records in the data sets' form, and the sets themselves."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from specialists.workspace import evidence

TABLE = [
    ["( in millions )", "2018", "2017"],
    ["goodwill", "$ 482", "$ 75"],
    ["trade names", "31.5", "75"],
]


def test_finqa_pages_become_lines() -> None:
    record = {
        "table": TABLE,
        "pre_text": "the table shows intangible assets . amortization was 12 in 2018 .",
        "post_text": "",
    }
    lines, cells = evidence.finqa_lines(record)
    assert [line.text for line in lines if line.table] == ["goodwill", "trade names"]
    assert lines[0].headers == ("2018", "2017")
    assert cells[0] == ["$ 482", "$ 75"]
    assert sum(not line.table for line in lines) == 2


def test_tatqa_tables_keep_their_headings() -> None:
    table = [
        ["", "As at March 31,", ""],
        ["", "2019", "2018"],
        ["Included in current assets:", "", ""],
        ["Receivables", "15,731", "13,652"],
        ["", "23,442", "21,531"],
    ]
    lines, _ = evidence.tatqa_lines(table, ["Receivables rose. They are due within a year."])
    assert lines[0].heading == "Included in current assets:"
    assert lines[0].headers == ("As at March 31, 2019", "2018")
    assert [line.table for line in lines] == [True, True, False, False]


@pytest.mark.skipif("FINROUTE_DATA" not in os.environ, reason="FINROUTE_DATA is not set")
@pytest.mark.parametrize("source", ["finqa", "tatqa"])
def test_public_questions_have_evidence_on_their_pages(source: evidence.Source) -> None:
    root = Path(os.environ["FINROUTE_DATA"])
    asked = list(itertools.islice(evidence.read(root, "test", source), 120))
    assert len(asked) == 120
    for one in asked:
        assert one.gold
        places = {i for group in one.gold for i in group}
        assert places <= set(range(len(one.lines)))
        for group in one.cells:
            assert all(j < len(one.lines[i].headers) for i, j in group)
    sure = sum(all(len(g) == 1 for g in one.gold) for one in asked) / len(asked)
    assert sure > 0.7
