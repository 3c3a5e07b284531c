"""The generator: the gold figure is the one that was drawn, among figures that are not."""

from __future__ import annotations

import random
from collections import Counter

from specialists.extraction import frames
from specialists.extraction.metrics import METRICS, OPEN_METRICS, draw
from specialists.extraction.passages import UNANSWERABLE
from specialists.extraction.render import render
from specialists.extraction.task import ExtractionTask
from specialists.workspace.handles import PATTERN

TASK = ExtractionTask()
SAMPLE = tuple(TASK.examples("train", 1200, 8))


def test_hundreds_of_templates_some_of_each_held_out() -> None:
    shared = (
        *(frames.LEVEL, frames.PAIR, frames.TRIPLE, frames.JOINT),
        *(frames.GUIDE, frames.RANGE, frames.TABLE),
    )
    grammars = (*shared, *frames.SPECIFIC.values())
    assert sum(len(g.templates) for g in grammars) >= 900
    assert all(g.pool("templates") for g in shared)
    assert sum(len(g.pool("templates")) for g in grammars) >= 150


def test_every_metric_is_drawn() -> None:
    rng = random.Random(1)
    asked = {draw(rng).name for _ in range(4000)}
    assert asked == {*METRICS, *OPEN_METRICS}


def test_prompts_fit() -> None:
    assert max(len(e.dialogue[1].content.split()) for e in SAMPLE) <= 160
    assert max(len(e.inputs.text) for e in SAMPLE) <= 1600


def test_the_unanswerable_share() -> None:
    silent = sum(not e.answer.found for e in SAMPLE) / len(SAMPLE)
    assert abs(silent - UNANSWERABLE) < 0.04


def test_figures_and_years_must_be_chosen() -> None:
    numbers = [[n.start for n in render(e.inputs).numbers.values()] for e in SAMPLE]
    assert sum(len(places) > 1 for places in numbers) > 0.8 * len(SAMPLE)
    told = [(e, n) for e, n in zip(SAMPLE, numbers, strict=True) if e.answer.found]
    first = sum(places.index(e.answer.start or 0) == 0 for e, places in told)
    assert first < 0.6 * len(told)
    earlier = [e for e in SAMPLE if e.inputs.about and e.answer.period == e.inputs.about - 1]
    assert len(earlier) > 80


def test_the_gold_figure_stands_where_it_says() -> None:
    for example in SAMPLE:
        answer, text = example.answer, example.inputs.text
        if not answer.found:
            continue
        assert answer.start is not None
        digits = "".join(c for c in text[answer.start : answer.end] if c.isdigit() or c == ".")
        assert float(digits) == answer.value
        assert text.isprintable()


def test_some_training_dialogues_are_numbered_at_random_and_no_others() -> None:
    def in_order(prompt: str) -> bool:
        seen: Counter[str] = Counter()
        for kind, number in dict.fromkeys(PATTERN.findall(prompt)):
            seen[kind] += 1
            if int(number) > 2 * seen[kind] + 2:
                return False
        return True

    shuffled = sum(not in_order(e.dialogue[1].content) for e in SAMPLE) / len(SAMPLE)
    assert 0.2 < shuffled < 0.4
    held = list(TASK.examples("templates", 100, 8))
    for example in held:
        assert example.dialogue[1].content == render(example.inputs).prompt
