"""FinQA's questions: gold evidence found, answers judged, votes combined."""

from __future__ import annotations

from typing import Any

import pytest

from evals import finqa
from specialists.calculation import page
from specialists.calculation.ranker import Choice

RECORD: dict[str, Any] = {
    "id": "ACME/2016/page_1.pdf-1",
    "question": "what percentage of deposits are loans ?",
    "pre_text": "rent came to $ 12 million in 2016 . other things were told",
    "table": [["in millions", "2016"], ["deposits", "$ 60"], ["loans", "15"], ["cash", "7"]],
    "post_text": "see note 4 .",
    "program": "divide(15, 60)",
    "exe_ans": 0.25,
}


def test_gold_evidence_is_the_lines_with_the_programs_numbers() -> None:
    shown = page.finqa(RECORD)
    lines = finqa.evidence(RECORD, shown)
    assert [shown.lines[i].name for i in lines] == ["table_1", "table_2"]
    table = {**RECORD, "program": "table_max(cash, none)"}
    assert [shown.lines[i].name for i in finqa.evidence(table, shown)] == ["table_3"]
    nowhere = {**RECORD, "program": "divide(999, const_2)"}
    assert len(finqa.evidence(nowhere, shown)) == len(shown.lines)


@pytest.mark.parametrize(
    ("value", "strict", "loose"),
    [(0.25, True, True), (25.0, False, True), (0.2502, False, True), (0.5, False, False)],
)
def test_strict_is_five_decimals_and_loose_the_projects_rule(
    value: float, strict: bool, loose: bool
) -> None:
    mark = finqa.judge(RECORD, value, 0.5)
    assert (mark.strict, mark.loose) == (strict, loose)


def test_no_answer_is_wrong() -> None:
    assert not finqa.judge(RECORD, None, 0.0).loose


def test_the_models_agreement_may_lift_the_second_choice() -> None:
    choices = [
        Choice(4.0, 0.45, "divide(a, b)", ()),
        Choice(0.25, 0.4, "divide(a, b)", ()),
        Choice(75.0, 0.01, "add(a, b)", ()),
    ]
    assert finqa.combined(choices, None)[0] == 4.0
    assert finqa.combined(choices, 0.25)[0] == 0.25
    assert finqa.combined(choices, 12.0)[0] == 4.0
    assert finqa.combined([], 12.0)[0] == 12.0


def test_shares_have_intervals() -> None:
    marks = [finqa.judge(RECORD, v, 0.9) for v in (0.25, 25.0, 3.0, 4.0)]
    made = finqa.share("x", marks)
    assert (made.strict, made.loose, made.count) == (1, 2, 4)
    assert made.low < made.accuracy < made.high
