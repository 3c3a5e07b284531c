"""Score and validate of sentiment, and how replies are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.foundation.contracts import Span
from specialists.foundation.errors import AnswerError
from specialists.sentiment.check import LABELS, SentimentAnswer, read, score, validate
from specialists.sentiment.render import SentimentInputs

labels = st.sampled_from(LABELS)


@settings(max_examples=500)
@given(labels, labels, st.sampled_from(["", " ", "\n"]), st.sampled_from([None, 0, 2]))
def test_another_label_is_wrong_however_it_is_written(
    gold: str, other: str, space: str, indent: int | None
) -> None:
    reply = space + json.dumps({"sentiment": other}, indent=indent) + space
    judged = score(SentimentAnswer(sentiment=gold), read(reply))
    assert judged.right == (gold == other)
    assert (judged.parts["distance"] == 0) == judged.right


@settings(max_examples=500)
@given(
    labels,
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sampled_from(["{}", " {}", "{}\n", "```json\n{}\n```", "```\n{}\n```"]),
    st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")]),
    st.sampled_from(["", " ", "  "]),
)
def test_the_same_label_in_another_dress_is_right(
    gold: str, case: object, frame: str, separators: tuple[str, str], pad: str
) -> None:
    written = json.dumps({"sentiment": f"{pad}{case(gold)}{pad}"}, separators=separators)  # type: ignore[operator]
    assert score(SentimentAnswer(sentiment=gold), read(frame.format(written))).right


@settings(max_examples=300)
@given(st.text(max_size=80))
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        answer = read(text)
    except AnswerError:
        return
    assert answer.sentiment in LABELS


@pytest.mark.parametrize(
    "reply",
    [
        "positive",
        '{"sentiment": "bullish"}',
        '{"sentiment": null}',
        '{"sentiment": "positive", "why": "because"}',
        '["positive"]',
        '{"sentiment": ["positive"]}',
        '{"sentiment": "positive"} and more',
        "",
        "{" * 5000,
    ],
)
def test_what_is_no_answer_is_an_error(reply: str) -> None:
    with pytest.raises(AnswerError):
        read(reply)


def test_no_answer_is_wrong() -> None:
    assert not score(SentimentAnswer(sentiment="neutral"), None).right


def test_opposite_labels_are_twice_as_far_as_neighbours() -> None:
    gold = SentimentAnswer(sentiment="positive")
    near, far = (score(gold, SentimentAnswer(sentiment=s)) for s in ("neutral", "negative"))
    assert far.parts["distance"] == 2 * near.parts["distance"]


def test_a_text_that_does_not_name_the_company_is_a_fault() -> None:
    answer = SentimentAnswer(sentiment="positive")
    inputs = SentimentInputs(text="Boro shares rise", entity="Acme")
    assert validate(inputs, answer, ()) == ["the text does not name Acme"]
    known = inputs.model_copy(update={"forms": ("Boro",)})
    assert validate(known, answer, ()) == []


def test_evidence_must_be_the_text_judged() -> None:
    answer = SentimentAnswer(sentiment="positive")
    inputs = SentimentInputs(text="Acme shares rise", entity="Acme")
    own = Span(document="d", start=0, end=16, text="Acme shares rise")
    assert validate(inputs, answer, [own]) == []
    assert validate(inputs, answer, [own.model_copy(update={"text": "Boro shares fall"})])
