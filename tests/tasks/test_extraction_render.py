"""What the model reads of a passage: the question, and the passage in handles."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.extraction.measures import concept, dressed, label, measures
from specialists.extraction.render import ExtractionInputs, render
from specialists.extraction.years import years
from specialists.workspace.handles import PATTERN
from specialists.workspace.numbers import scan

TEXT = "At December 31, 2022, Acme had about 12,400 employees, up from 11,900 the year before."


def asked(text: str = TEXT, metric: str = "headcount", **more: object) -> ExtractionInputs:
    given_ = {"entity": "Acme", "year": 2022, "owner": "Acme", "about": 2022, **more}
    return ExtractionInputs(text=text, metric=metric, **given_)  # type: ignore[arg-type]


def test_question_and_passage_share_their_handles() -> None:
    assert render(asked()).prompt == (
        "number of employees <d1> of <e1> in <p1> ?\n"
        "<e1> <p1> : at <p1> , <e1> had about <n1> <d1> , up from <n2> <p2> ."
    )


def test_handles_stand_for_what_is_written() -> None:
    passage = render(asked())
    assert [passage.number(h).text for h in ("<n1>", "<n2>")] == ["12,400", "11,900"]
    assert passage.handles.resolve("<p2>").value.first == 2021
    assert passage.handles.resolve("<e1>").value == "Acme"


def test_shuffled_numbers_tell_the_same() -> None:
    plain, shuffled = render(asked()), render(asked(), random.Random(3))
    assert plain.prompt != shuffled.prompt
    names = dict(
        zip(
            (m[0] for m in PATTERN.finditer(plain.prompt)),
            (m[0] for m in PATTERN.finditer(shuffled.prompt)),
            strict=True,
        )
    )
    assert PATTERN.sub(lambda m: names[m[0]], plain.prompt) == shuffled.prompt


def test_another_owner_and_other_companies_have_their_own_handles() -> None:
    text = "Boro Foods drilled 300 wells and Acme 400 in 2022."
    passage = render(asked(text, metric="wells drilled", owner="Cale", others=("Boro Foods",)))
    assert passage.prompt == (
        "wells drilled <d1> of <e1> in <p1> ?\n"
        "<e3> <p1> : <e2> <d1> <n1> <d1> and <e1> <n2> in <p1> ."
    )


def test_an_unknown_metric_is_marked_by_its_own_words() -> None:
    passage = render(asked("The load factor was 81.2% in 2022.", metric="load factor"))
    assert passage.prompt.startswith("load factor <d1> of <e1> in <p1> ?")
    assert "the <d1> was <n1> % in <p1>" in passage.prompt


def test_what_is_asked_is_always_the_first_of_its_kind() -> None:
    text = "Revenue was $5 million in 2021. Staff numbered 900 in 2022, 3% more."
    for rng in (None, random.Random(3)):
        question, body = render(asked(text), rng).prompt.split("\n")
        assert question == "number of employees <d1> of <e1> in <p1> ?"
        assert "<d2> was $ <n" in body
        assert "<d1> numbered <n" in body
        assert "> % more" in body


def test_a_plan_is_marked_where_its_measure_stands() -> None:
    text = "We expect sales of $5 billion for 2023. Inventory was $2 billion."
    prompt = render(asked(text, metric="revenue guidance", year=2023)).prompt
    assert prompt.startswith("revenue guidance <d1> of <e1> in <p1> ?")
    assert "we expect <d1> of $ <n1> for <p1> . <d2> was $ <n2>" in prompt


@pytest.mark.parametrize(
    ("text", "metric", "marked"),
    [
        ("Rental costs were $8 million.", "rent expense", "Rental"),
        ("Amortized intangible assets", "amortization of intangibles", "Amortized intangible"),
        ("We paid the leases.", "operating lease cost under ASC", None),
        ("Cash paid for taxes was $3.", "cash paid for income taxes", "Cash paid for taxes"),
    ],
)
def test_a_free_metric_is_marked_where_most_of_it_is_said(
    text: str, metric: str, marked: str | None
) -> None:
    found = [text[s:e] for s, e, key in measures(text, metric) if key == concept(metric)]
    assert found == ([marked] if marked else [])


def test_a_longer_measure_is_not_mistaken_for_a_shorter_one() -> None:
    text = "Operating income was $5 million, net income $3 million."
    keys = [key for _, _, key in measures(text, "net income")]
    assert sorted(keys) == ["net_income", "operating_income"]


def test_a_question_has_one_name_for_each_known_measure() -> None:
    assert label("headcount") == label("staff") == "number of employees"
    assert concept("high end of the revenue outlook") == concept("sales guidance")
    assert label("upper end of sales guidance") == "upper end of revenue guidance"


@pytest.mark.parametrize(
    ("text", "about", "expected"),
    [
        ("in fiscal 2021 and FY22", None, [2021, 2022]),
        ("the year ended December 31, 2020", None, [2020]),
        ("at June 30 , 2019 and 2018", None, [2019, 2018]),
        ("$5 in 2020, $4 the prior year", 2022, [2020, 2019]),
        ("up from the prior year", 2022, [2021]),
        ("up from the prior year", None, []),
        ("we expect more next year", 2022, [2023]),
        ("this year, and not last year", 2022, [2022, 2021]),
        ("$2,021 of 2022 units, 2022 million", 2022, [2022]),
        ("In 2019 we grew. A year earlier we shrank.", 2022, [2019, 2021]),
        ("2,020.5 tons, 2020%, part 2020.1", None, []),
    ],
)
def test_years(text: str, about: int | None, expected: list[int]) -> None:
    assert [year for _, _, year in years(text, about)] == expected


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        ("(in millions) goodwill 1,204.5", "goodwill", (1204.5, "", 1e6)),
        ("( in thousands ) goodwill $ 1,204", "goodwill", (1204, "USD", 1e3)),
        ("$ in millions: employees 900", "employees", (900, "count", 1)),
        ("goodwill 1,204, against $ 1,100", "goodwill", (1204, "USD", 1)),
        ("churn of 3.1", "churn rate", (3.1, "%", 1)),
        ("amounts in millions. tax rate 21.5%", "tax rate", (21.5, "%", 1)),
        ("in millions: order backlog €2.5 billion", "backlog", (2.5, "EUR", 1e9)),
        ("load factor 81", "load factor", (81, "", 1)),
    ],
)
def test_a_figure_takes_unit_and_scale_from_its_passage(
    text: str, metric: str, expected: tuple[float, str, float]
) -> None:
    quantity = dressed(scan(text)[0], metric, text)
    assert (quantity.value, quantity.unit, quantity.scale) == expected


@settings(max_examples=150)
@given(
    st.text(max_size=200),
    st.text(max_size=20),
    st.text(max_size=10),
    st.one_of(st.none(), st.integers(1900, 2099)),
)
def test_any_text_renders_on_two_lines(
    text: str, metric: str, entity: str, year: int | None
) -> None:
    inputs = ExtractionInputs(text=text, metric=metric, entity=entity, year=year, about=year)
    passage = render(inputs)
    assert passage.prompt.count("\n") == 1
    shown = {m[0] for m in PATTERN.finditer(passage.prompt)}
    assert shown <= {name for name, _ in passage.handles.items()} | passage.numbers.keys()
    for handle in shown & passage.numbers.keys():
        number = passage.number(handle)
        assert inputs.text[number.start : number.end] == number.text
