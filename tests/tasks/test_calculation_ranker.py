"""Pages read, programs tried out, and the ranker that chooses among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from specialists.calculation import candidates, features, page, ranker, second
from specialists.calculation.facts import CalculationInputs, Fact, prompt
from specialists.calculation.program import parse
from specialists.calculation.ranker import Choice, Ranker
from specialists.calculation.task import Calculation, CalculationTask, run
from specialists.foundation.contracts import Quantity
from specialists.workspace.handles import Handles
from training import program_cases, programs

RECORD: dict[str, Any] = {
    "question": "what was the percent change in deposits from 2015 to 2016 ?",
    "pre_text": "rent came to $ 12 million and $ 10 million in 2016 and 2015 , respectively .",
    "table": [
        ["in millions", "2016", "2015"],
        ["deposits", "$ 60", "$ 48"],
        ["loans", "-9 ( 9 )", "5.5% ( 5.5 % )"],
        ["total", "111", "98"],
    ],
    "post_text": "see note 4 .",
}


def test_a_page_gives_each_number_its_row_column_and_year() -> None:
    read = page.finqa(RECORD)
    cells = [(n.label, n.years, n.value, n.percent) for n in read.numbers if n.kind == "cell"]
    assert cells == [
        ("deposits", (2016,), 60.0, False),
        ("deposits", (2015,), 48.0, False),
        ("loans", (2016,), -9.0, False),
        ("loans", (2015,), 5.5, True),
        ("total", (2016,), 111.0, False),
        ("total", (2015,), 98.0, False),
    ]
    prose = [(n.value, n.years) for n in read.numbers if n.kind == "prose" and n.money]
    assert prose == [(12.0, (2016,)), (10.0, (2015,))]


def test_evidence_told_in_words_reads_like_its_table() -> None:
    told = "table_1: millions the net sales of 2016 is $ 60 ; the net sales of 2015 is $ 48 ;"
    read = page.told("what were sales ?", told)
    assert [(n.label, n.header, n.value) for n in read.numbers] == [
        ("net sales", "2016", 60.0),
        ("net sales", "2015", 48.0),
    ]


def test_headers_of_two_rows_become_one() -> None:
    grid = [["", "Years ended", ""], ["", "2019", "2018"], ["Fixed price", "$ 1,452.4", "1,146.2"]]
    read = page.report("what is it ?", grid, [])
    assert [(n.years, n.value) for n in read.numbers] == [((2019,), 1452.4), ((2018,), 1146.2)]


def test_a_page_can_be_cut_to_some_lines() -> None:
    read = page.finqa(RECORD)
    cut = read.only([1])
    assert [line.name for line in cut.lines] == ["table_2", "question"]
    assert {n.line for n in cut.numbers if n.kind == "cell"} == {0}


def test_every_template_comes_to_what_it_says() -> None:
    made = candidates.of(page.finqa(RECORD))
    values = {
        (candidates.TEMPLATES[t], made.numbers(k)): v
        for k, (t, v) in enumerate(zip(made.template, made.value, strict=True))
    }
    assert values["subtract(a, b), divide(#0, b)", (0, 1)] == pytest.approx(0.25)
    assert values["divide(a, b)", (1, 3)] == pytest.approx(48 / 0.055)
    assert values["add(a, b), divide(#0, c)", (0, 2, 4)] == pytest.approx(51 / 111)
    assert values["growth(a, b), growth(c, d), subtract(#0, #1)", (0, 1, 4, 5)] == pytest.approx(
        12 / 48 - 13 / 98
    )
    assert values["sum of a set", (0, 2, 4)] == 162.0
    assert np.isfinite(made.value).all()
    assert "lookup(a)" not in {name for name, _ in values}
    assert made.terms.max() < len(page.finqa(RECORD).numbers) ** 2 * len(candidates.CHANNELS)


def test_features_have_the_widths_that_weights_are_made_for() -> None:
    read = page.finqa(RECORD)
    made = features.of(read)
    count = len(read.numbers)
    assert made.single.shape == (count, features.SINGLE)
    assert made.pair.shape == (count, count, features.PAIR)
    assert made.asked.shape == (programs.CUE,)


@pytest.fixture(scope="module")
def learned() -> Ranker:
    cases = [
        made
        for question in program_cases.generated(3, 140)
        if (made := program_cases.case(question, programs.RELEVANCE)) is not None
    ]
    return programs.fit(cases, seed=1, members=1, epochs=5, say=lambda _: None)


def test_what_is_learned_answers_unseen_questions(learned: Ranker) -> None:
    right: list[bool] = []
    for question in program_cases.generated(4, 40):
        choices = learned.choose(question.page)
        right.append(bool(choices) and second.same(choices[0].value, question.gold))
    assert sum(right) / len(right) > 0.2


def test_a_kept_ranker_says_the_same(learned: Ranker, tmp_path: Path) -> None:
    learned.save(tmp_path / "ranker.npz")
    again = Ranker.load(tmp_path / "ranker.npz")
    one, other = learned.choose(page.finqa(RECORD)), again.choose(page.finqa(RECORD))
    assert one[0].value == other[0].value
    assert one[0].probability == pytest.approx(other[0].probability, abs=0.02)
    assert sum(c.probability for c in one) <= 1.0 + 1e-4


def test_a_page_without_numbers_has_no_answer(learned: Ranker) -> None:
    assert learned.choose(page.told("why ?", "text_1: nothing is told here")) == []


def _inputs() -> CalculationInputs:
    facts = tuple(
        Fact(
            quantity=Quantity(value=value, unit="USD", scale=1e6),
            measure="revenue",
            entity="Acme Corp",
            year=year,
            name=name,
        )
        for name, value, year in (("a", 48.0, 2015), ("b", 60.0, 2016))
    )
    return CalculationInputs(question="change from $a to $b", facts=facts)


def test_the_second_opinion_reads_facts_in_words_and_in_one_scale() -> None:
    read = second.read(_inputs())
    assert (
        read.question == "change from revenue of Acme Corp in 2015 to revenue of Acme Corp in 2016"
    )
    assert [(n.value, n.years) for n in read.numbers if n.kind == "cell"] == [
        (60.0, (2016,)),
        (48.0, (2015,)),
    ]


def test_the_second_opinion_votes(
    learned: Ranker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned.save(tmp_path / "ranker.npz")
    monkeypatch.setattr(ranker, "WEIGHTS", tmp_path / "ranker.npz")
    monkeypatch.setattr(ranker, "default", lambda: learned)
    inputs = _inputs()
    facts = prompt(inputs, Handles()).facts
    change = run(parse("subtract(<n2>, <n1>)"), inputs.question, facts)
    told = CalculationTask().signals(inputs, change, ())
    choices = learned.choose(second.read(inputs))
    chance = sum(c.probability for c in choices if second.same(c.value, 12.0))
    assert told.vote_probability == pytest.approx(chance)
    assert told.vote is second.same(choices[0].value, 12.0)


def test_without_coefficients_there_is_no_opinion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranker, "WEIGHTS", tmp_path / "none.npz")
    told = second.opinion(_inputs(), Calculation(raw=1.0))
    assert told.vote is None
    assert told.vote_probability is None


def test_ratios_may_be_told_in_percent() -> None:
    assert Choice(0.1, 1.0, "divide(a, b)", ()).fraction
    assert Choice(0.1, 1.0, "subtract(a, b), divide(#0, b)", ()).fraction
    assert not Choice(0.1, 1.0, "subtract(a, b)", ()).fraction
    assert not Choice(0.1, 1.0, "multiply(a, b), divide(#0, const_1000)", ()).fraction


def test_templates_added_later_are_never_chosen_by_an_older_file(
    learned: Ranker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned.save(tmp_path / "ranker.npz")
    longer = (*candidates.TEMPLATES, "a form of tomorrow")
    monkeypatch.setattr(ranker, "TEMPLATES", longer)
    again = Ranker.load(tmp_path / "ranker.npz")
    assert again.members[0].bias.shape == (len(longer),)
    assert again.members[0].bias[-1] == ranker.NEVER


def test_compound_growth_counts_the_years_between() -> None:
    told = "table_1: millions the net sales of 2016 is $ 121 ; the net sales of 2014 is $ 100 ;"
    made = candidates.of(page.told("what was the compound growth ?", told))
    yearly = made.value[made.template == candidates.TEMPLATES.index("cagr(a, b)")]
    assert yearly == pytest.approx([0.1])
