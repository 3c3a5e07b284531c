"""The generator: labels follow the words, whichever company is asked about."""

from __future__ import annotations

from collections import Counter, defaultdict

from specialists.sentiment import frames
from specialists.sentiment.task import SentimentTask

TASK = SentimentTask()


def test_hundreds_of_templates_a_fifth_held_out() -> None:
    grammars = (frames.POSITIVE, frames.NEGATIVE, frames.NEUTRAL, frames.MIXED)
    total = sum(len(g.templates) for g in grammars)
    held = sum(len(g.pool("templates")) for g in grammars)
    assert total >= 1000
    assert 0.1 < held / total < 0.3


def test_mirrored_templates_are_held_out_together() -> None:
    good, bad = set(frames.POSITIVE.pool("train")), set(frames.NEGATIVE.pool("train"))
    shared = set(frames.POSITIVE.templates) & set(frames.NEGATIVE.templates)
    assert len(shared) > 100
    assert {t for t in shared if t in good} == {t for t in shared if t in bad}


def test_prompts_are_short_and_labels_balanced() -> None:
    examples = list(TASK.examples("train", 1500, 2))
    assert max(len(e.dialogue[1].content.split()) for e in examples) <= 40
    counts = Counter(e.answer.sentiment for e in examples)
    assert all(350 < n < 700 for n in counts.values()), counts


def test_a_mixed_headline_bears_on_its_two_companies_in_opposite_ways() -> None:
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for example in TASK.examples("train", 4000, 3):
        if example.template.startswith("sentiment-mixed"):
            sides[example.template].add(example.answer.sentiment)
            assert example.inputs.entity in example.inputs.text
            assert "<e1>" in example.dialogue[1].content
            assert "<e2>" in example.dialogue[1].content
    assert sum(sides[t] == {"positive", "negative"} for t in sides) > len(sides) / 2


def test_the_one_who_speaks_is_not_the_one_it_happens_to() -> None:
    voices = [
        e
        for e in TASK.examples("train", 1500, 4)
        if e.answer.sentiment == "neutral" and not e.template.startswith("sentiment-neutral")
    ]
    assert len(voices) > 80
    assert all("<e2>" in e.dialogue[1].content for e in voices)
