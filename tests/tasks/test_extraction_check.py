"""Score and validate of extraction: equal worth is right, anything else is wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from specialists.extraction.check import NOT_FOUND, ExtractionAnswer, score, validate
from specialists.extraction.render import ExtractionInputs
from specialists.foundation.contracts import Span
from specialists.workspace.numbers import scan

SCALES = (1.0, 1e3, 1e6, 1e9)
UNITS = ("USD", "EUR", "GBP", "%", "count", "x")


@st.composite
def golds(draw: st.DrawFn) -> ExtractionAnswer:
    unit = draw(st.sampled_from(UNITS))
    digits = draw(st.integers(0, 2))
    value = draw(st.integers(1, 99_999_999)) / 10**digits
    scale = 1.0 if unit in ("%", "x") else draw(st.sampled_from(SCALES))
    return ExtractionAnswer(
        found=True,
        metric=draw(st.sampled_from(["order backlog", "number of employees", "rent expense"])),
        entity=draw(st.sampled_from(["Acme Corp", "Boro Foods"])),
        period=draw(st.integers(1995, 2035)),
        value=value,
        unit=unit,
        scale=scale,
    )


def changed(gold: ExtractionAnswer, way: str, pick: int) -> ExtractionAnswer:
    assert gold.value is not None
    assert gold.period is not None
    if way == "scale":
        others = [s for s in SCALES if s != gold.scale]
        return gold.model_copy(update={"scale": others[pick % len(others)]})
    if way == "unit":
        others = [u for u in UNITS if u != gold.unit]
        return gold.model_copy(update={"unit": others[pick % len(others)]})
    if way == "sign":
        return gold.model_copy(update={"value": -gold.value})
    if way == "year":
        shift = (-10, -2, -1, 1, 2, 10)[pick % 6]
        return gold.model_copy(update={"period": gold.period + shift})
    if way == "digit":
        text = f"{gold.value:.2f}".rstrip("0").rstrip(".")
        places = [i for i, c in enumerate(text) if c.isdigit()]
        place = places[pick % len(places)]
        digit = str((int(text[place]) + 1 + pick % 9) % 10)
        return gold.model_copy(update={"value": float(text[:place] + digit + text[place + 1 :])})
    if way == "entity":
        return gold.model_copy(update={"entity": "Cale Motors"})
    if way == "metric":
        return gold.model_copy(update={"metric": "number of patents"})
    return NOT_FOUND


WAYS = ("scale", "unit", "sign", "year", "digit", "entity", "metric", "silence")


@settings(max_examples=1200)
@given(golds(), st.sampled_from(WAYS), st.integers(0, 1000))
def test_every_mutation_is_wrong(gold: ExtractionAnswer, way: str, pick: int) -> None:
    other = changed(gold, way, pick)
    if way == "digit":
        assume(other.value != gold.value)
    assert not score(gold, other).right, (way, other)
    assert score(gold, gold).right


@settings(max_examples=800)
@given(golds(), st.sampled_from(SCALES), st.sampled_from(["upper", "same", "named"]))
def test_the_same_worth_told_otherwise_is_right(
    gold: ExtractionAnswer, scale: float, dress: str
) -> None:
    assert gold.value is not None
    fixed = gold.unit in ("%", "x")
    value = gold.value if fixed else gold.value * gold.scale / scale
    update: dict[str, object] = {"value": value, "scale": gold.scale if fixed else scale}
    if dress == "upper":
        update["entity"] = f" {gold.entity.upper()} "
    if dress == "named" and gold.metric == "number of employees":
        update["metric"] = "headcount"
    if gold.unit == "count":
        update["unit"] = "" if dress == "same" else "count"
    assert score(gold, gold.model_copy(update=update)).right


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("$1.2 billion", "$1,200 million"),
        ("12.0%", "12 %"),
        ("12 percent", "12.00%"),
        ("$ 1,234,500", "$1.2345 million"),
        ("4.5 million", "4,500,000"),
        ("125 bps", "1.25%"),
        ("€3bn", "€ 3,000 million"),
    ],
)
def test_equal_forms_as_they_are_written(first: str, second: str) -> None:
    answers = [
        ExtractionAnswer(
            found=True, value=n.quantity.value, unit=n.quantity.unit, scale=n.quantity.scale
        )
        for n in (scan(first)[0], scan(second)[0])
    ]
    assert score(answers[0], answers[1]).right


def test_silence_is_right_only_where_nothing_is_told() -> None:
    told = ExtractionAnswer(found=True, value=3)
    assert score(NOT_FOUND, NOT_FOUND).right
    assert score(NOT_FOUND, None).right
    assert not score(NOT_FOUND, told).right
    assert not score(told, None).right
    assert not score(told, ExtractionAnswer(found=True, value=math.nan)).right
    assert not score(told, ExtractionAnswer(found=True, value=math.inf)).right
    assert not score(told, ExtractionAnswer(found=True)).right


TEXT = (
    "In 2022 Acme employed 12,400 people. "
    "Its order backlog was $3.2 billion, up from $2.9 billion in 2021."
)


def found(metric: str, figure: str, year: int, /, **update: object) -> ExtractionAnswer:
    start = TEXT.index(figure)
    number = next(n for n in scan(TEXT) if n.start == start)
    return ExtractionAnswer(
        found=True,
        metric=metric,
        entity="Acme",
        period=year,
        value=number.quantity.value,
        unit=number.quantity.unit or "count",
        scale=number.quantity.scale,
        start=number.start,
        end=number.end,
    ).model_copy(update=update)


BACKLOG = ExtractionInputs(
    text=TEXT, metric="order backlog", entity="Acme", year=2022, owner="Acme"
)


def test_a_sound_answer_has_no_fault() -> None:
    span = Span(document="d", start=0, end=len(TEXT), text=TEXT)
    assert validate(BACKLOG, found("order backlog", "$3.2 billion", 2022), [span]) == []
    staff = BACKLOG.model_copy(update={"metric": "headcount"})
    assert validate(staff, found("headcount", "12,400", 2022), ()) == []
    assert validate(BACKLOG, NOT_FOUND, ()) == []


@pytest.mark.parametrize(
    ("update", "fault"),
    [
        ({"value": 3.3}, "does not hold this figure"),
        ({"scale": 1e6}, "does not hold this figure"),
        ({"unit": "EUR"}, "does not give the figure in EUR"),
        ({"period": 2021}, "is of 2021, not of 2022"),
        ({"period": 2019}, "does not speak of 2019"),
        ({"entity": "Boro"}, "is of Boro, not of Acme"),
        ({"metric": "revenue"}, "is of revenue, not of order backlog"),
        ({"value": None}, "no figure is given"),
        ({"value": math.inf}, "no figure is given"),
        ({"start": 0, "end": 2}, "does not hold this figure"),
    ],
)
def test_faults_are_named(update: dict[str, object], fault: str) -> None:
    answer = found("order backlog", "$3.2 billion", 2022, **update)
    assert any(fault in f for f in validate(BACKLOG, answer, ())), validate(BACKLOG, answer, ())


def test_a_unit_that_the_metric_cannot_have_is_a_fault() -> None:
    staff = BACKLOG.model_copy(update={"metric": "headcount"})
    answer = found("headcount", "$3.2 billion", 2022)
    assert "number of employees is not told in USD" in validate(staff, answer, ())


def test_a_metric_the_passage_does_not_speak_of_is_a_fault() -> None:
    patents = BACKLOG.model_copy(update={"metric": "number of patents"})
    answer = found("number of patents", "12,400", 2022)
    assert "the passage does not speak of number of patents" in validate(patents, answer, ())


def test_evidence_must_hold_the_figure() -> None:
    answer = found("order backlog", "$3.2 billion", 2022)
    span = Span(document="d", start=0, end=9, text="Something")
    assert validate(BACKLOG, answer, [span]) == ["the evidence does not hold the figure"]


def test_another_companys_passage_must_name_the_company() -> None:
    other = BACKLOG.model_copy(update={"entity": "Boro", "owner": "Acme"})
    answer = found("order backlog", "$3.2 billion", 2022, entity="Boro")
    assert "the passage does not name Boro" in validate(other, answer, ())


def test_a_plan_may_be_told_the_year_before() -> None:
    text = "For 2023 we expect revenue of $5.0 billion."
    inputs = ExtractionInputs(
        text=text, metric="revenue guidance", entity="Acme", year=2022, owner="Acme", about=2022
    )
    number = scan(text)[1]
    answer = ExtractionAnswer(
        found=True,
        metric="revenue guidance",
        entity="Acme",
        period=2023,
        value=5.0,
        unit="USD",
        scale=1e9,
        start=number.start,
        end=number.end,
    )
    assert validate(inputs, answer, ()) == []
    assert validate(inputs.model_copy(update={"metric": "revenue"}), answer, ()) != []


def test_a_count_beside_money_is_not_money() -> None:
    wrong = found("order backlog", "12,400", 2022, unit="USD")
    assert "the figure counts people" in "; ".join(validate(BACKLOG, wrong, ()))
