"""FinQA and XBRL questions as examples; programs induced only where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specialists.calculation.check import score
from specialists.calculation.facts import CalculationInputs
from specialists.calculation.induce import induce
from specialists.calculation.loaders import formula, gold_context, load, page, translate
from specialists.calculation.program import render
from specialists.calculation.task import Calculation, CalculationTask
from specialists.task import Example

TASK = CalculationTask()


@pytest.fixture(scope="module")
def data() -> Path:
    root = os.environ.get("FINROUTE_DATA")
    if not root:
        pytest.skip("FINROUTE_DATA is not set: the public data sets are read from there")
    return Path(root)


@pytest.fixture(scope="module")
def trained(data: Path) -> list[Example[CalculationInputs, Calculation]]:
    return list(load(TASK, data, "train"))


NUMBERS = {"<n1>": 100.0, "<n2>": 125.0, "<n3>": 7.0}


@pytest.mark.parametrize(
    ("gold", "program"),
    [
        (0.25, "subtract(<n2>, <n1>), divide(#0, <n1>)"),
        (25.0, "subtract(<n2>, <n1>)"),
        (0.07, "divide(<n3>, <n1>)"),
        (112.5, "table_average(<n1>, <n2>)"),
        (232.0, "table_sum(<n1>, <n2>, <n3>)"),
    ],
)
def test_the_one_program_is_found(gold: float, program: str) -> None:
    found = induce(NUMBERS, gold)
    assert found is not None
    assert render(found) == program


def test_no_program_or_several_are_none() -> None:
    assert induce(NUMBERS, 3.14159) is None
    assert induce({"<n1>": 2.0, "<n2>": 2.0, "<n3>": 5.0}, 7.0) is None
    assert induce({"<n1>": 4.0, "<n2>": 2.0}, 2.0) is None  # 4 - 2 and 4 / 2


@pytest.mark.parametrize(
    ("written", "program"),
    [
        ("subtract(125, 100), divide(#0, 100)", "subtract(<n2>, <n1>), divide(#0, <n1>)"),
        ("divide(125, 100), subtract(#0, const_1)", "subtract(<n2>, <n1>), divide(#0, <n1>)"),
        ("add(100, 125), divide(#0, const_2)", "table_average(<n1>, <n2>)"),
        ("add(100, 125), add(#0, 7), divide(#1, const_3)", "table_average(<n1>, <n2>, <n3>)"),
        ("add(100, 125), add(#0, 7)", "table_sum(<n1>, <n2>, <n3>)"),
        ("divide(7, 100), multiply(#0, const_100)", "divide(<n3>, <n1>)"),
        ("add(100, 125)", "add(<n1>, <n2>)"),
    ],
)
def test_one_meaning_has_one_form(written: str, program: str) -> None:
    found = translate(written, NUMBERS)
    assert found is not None
    assert render(found) == program


def test_a_literal_that_is_not_shown_leaves_no_program() -> None:
    assert translate("subtract(125, 99)", NUMBERS) is None
    assert translate("table_sum(revenue, none)", NUMBERS) is None


def test_a_page_is_cut_to_what_the_question_speaks_of() -> None:
    record = {
        "question": "what was the growth in net revenue from 2014 to 2015?",
        "table": [["", "2015", "2014"], ["net revenue", "$ 110", "100"], ["rent", "5 ( 5 )", "4"]],
        "pre_text": ["the company had 12 stores ."],
        "post_text": [],
    }
    inputs = page(record)
    net = [f for f in inputs.facts if f.measure == "net revenue"]
    assert {(f.year, f.quantity.value) for f in net} == {(2015, 110.0), (2014, 100.0)}


def test_gold_evidence_told_in_words_becomes_facts() -> None:
    record = {
        "question": "what percent higher was 2012 than 2011?",
        "contexts": "[x] type=text\ntable_3: the 2011 of amount ( in thousands ) is $ 897 ; "
        "table_4: the 2012 of amount ( in thousands ) is $ 3625 ;",
    }
    facts = gold_context(record).facts
    assert {(f.year, f.quantity.value) for f in facts} == {(2011, 897.0), (2012, 3625.0)}


def test_a_formula_names_what_is_asked() -> None:
    record = {
        "context": "Use formula Current Ratio to answer the question. Formula: … Question: "
        '"A firm has current assets of $1,000,000 and current liabilities of $500,000.". Answer:',
        "target": "2.0",
    }
    case = formula(record)
    assert case is not None
    assert case[0].question == "what is the Current Ratio ?"
    assert case[1] == 2.0
    assert formula({**record, "target": "n/a"}) is None


def test_training_pages_come_with_gold_that_passes(
    trained: list[Example[CalculationInputs, Calculation]],
) -> None:
    examples = trained
    assert len(examples) > 500
    assert all(score(e, e.answer).right for e in examples)
    assert all(e.dialogue[-1].role == "assistant" for e in examples)


def test_development_pages_are_for_evaluation_only(
    data: Path, trained: list[Example[CalculationInputs, Calculation]]
) -> None:
    examples = list(load(TASK, data, "test"))
    assert sum(e.source == "finqa" for e in examples) == 883
    assert {e.fold for e in examples} == {"templates"}
    assert all(e.dialogue[-1].role == "user" for e in examples)
    assert not {e.id for e in examples} & {e.id for e in trained}
