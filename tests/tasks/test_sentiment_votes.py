"""The second reader: what it reads, and what two votes come to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.foundation.contracts import Signals, Subtask
from specialists.sentiment.check import LABELS, Label, SentimentAnswer
from specialists.sentiment.render import SentimentInputs
from specialists.sentiment.task import SentimentTask
from specialists.sentiment.votes import Reader, Vote, Weighing, in_words, pool, told
from specialists.task import Outcome

SUBTASK = Subtask(id="s1", specialist="sentiment", instruction="news on Acme", inputs={})


def test_the_company_asked_about_is_always_alpha() -> None:
    text = "Acme, Boro Foods and Cale fall; ACM down 3% https://x.example/a"
    inputs = SentimentInputs(
        text=text, entity="Acme", forms=("ACM",), others=("Boro Foods", "Cale")
    )
    assert in_words(inputs) == "alpha , beta and gamma fall; alpha down 3%"
    other = SentimentInputs(text=text, entity="Boro Foods", others=("Acme", "ACM", "Cale"))
    assert in_words(other).startswith("beta , alpha and ")


def test_a_company_that_is_not_named_is_told_in_front() -> None:
    assert in_words(SentimentInputs(text="Sales fall", entity="Acme")) == "alpha : Sales fall"
    assert in_words(SentimentInputs(text="Sales fall")) == "Sales fall"


votes = st.tuples(*(st.floats(0.01, 1) for _ in LABELS)).map(
    lambda w: {label: x / sum(w) for label, x in zip(LABELS, w, strict=True)}
)


@given(votes, votes)
def test_a_pooled_vote_is_a_distribution_and_agreement_holds(first: Vote, second: Vote) -> None:
    both = pool(first, second, Weighing(model=0.7, encoder=1.1))
    assert math.isclose(sum(both.values()), 1)
    if top(first) == top(second):
        assert both[top(first)] >= max(both.values()) - 1e-9


def test_the_surer_vote_wins() -> None:
    even = Weighing(model=1, encoder=1)
    sure, unsure = told("positive", 0.95), told("negative", 0.6)
    for one, other in ((sure, unsure), (unsure, sure)):
        both = pool(one, other, even)
        assert top(both) == "positive"


def top(vote: Vote) -> Label:
    return max(LABELS, key=lambda label: vote[label])


class Scripted(Reader):
    """A reader with one opinion."""

    def __init__(self, vote: Vote | None) -> None:
        super().__init__(Path("nowhere"))
        self.vote = vote

    def votes(self, inputs: Sequence[SentimentInputs]) -> list[Vote] | None:
        return None if self.vote is None else [self.vote for _ in inputs]


def outcome(label: Label | None, probability: float) -> Outcome[Any, Any]:
    answer = None if label is None else SentimentAnswer(sentiment=label)
    signals = Signals(log_probability=math.log(probability))
    inputs = SentimentInputs(text="Acme moves", entity="Acme")
    return Outcome(inputs, answer, (), probability, signals)


@pytest.mark.parametrize(
    ("label", "probability", "vote", "expected"),
    [
        ("positive", 0.5, told("negative", 0.97), "negative"),
        ("positive", 0.9999, told("negative", 0.4), "positive"),
        ("neutral", 0.9, told("neutral", 0.9), "neutral"),
        ("neutral", 0.9, None, "neutral"),
        (None, 0.4, told("negative", 0.9), "negative"),
        (None, 0.4, None, None),
    ],
)
def test_a_headline_goes_by_both_votes(
    label: Label | None, probability: float, vote: Vote | None, expected: Label | None
) -> None:
    found = SentimentTask(Scripted(vote)).judged(outcome(label, probability))
    assert (found[0] if found else None) == expected


def test_the_balance_counts_what_both_votes_come_to() -> None:
    task = SentimentTask(Scripted(told("negative", 0.98)))
    conclusion = task.conclude(SUBTASK, [outcome("positive", 0.5)] * 3)
    assert conclusion.value == "negative: 3 negative of 3 headlines"
    assert conclusion.confidence is not None
    assert 0.5 < conclusion.confidence < 1


def test_a_vote_is_a_signal() -> None:
    inputs = SentimentInputs(text="Acme moves", entity="Acme")
    answer = SentimentAnswer(sentiment="positive")
    against = SentimentTask(Scripted(told("negative", 0.8))).signals(inputs, answer, ())
    assert against.vote is False
    assert against.vote_probability == pytest.approx(0.1)
    for task in (SentimentTask(), SentimentTask(Scripted(None))):
        assert task.signals(inputs, answer, ()) == Signals()


def test_without_weights_beside_the_adapters_the_model_judges_alone(tmp_path: Path) -> None:
    task = SentimentTask()
    assert task.equipped(tmp_path) is task
    (tmp_path / "headlines").mkdir()
    assert task.equipped(tmp_path) is not task
    assert Reader(tmp_path / "headlines").votes([SentimentInputs(text="Acme moves")]) is None
