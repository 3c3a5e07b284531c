"""Generated passages with an asked figure. Public data come from ``loaders.py``.

The gold figure is drawn first, written, and read back by the same code that serves: an example
whose reading differs from what was drawn is not made.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

from specialists.extraction.check import NOT_FOUND, ExtractionAnswer
from specialists.extraction.measures import dressed
from specialists.extraction.passages import Writer
from specialists.extraction.render import LONGEST, ExtractionInputs
from specialists.extraction.writing import CLOSE, OPEN
from specialists.extraction.years import years
from specialists.foundation.errors import AnswerError
from specialists.task import Example, Fold
from specialists.workspace.names import company_names
from specialists.workspace.numbers import scan

if TYPE_CHECKING:
    from specialists.extraction.task import ExtractionTask

SHUFFLED = 0.3
"""Share of training dialogues with figures numbered at random; in service they are in order."""


UNDATED = 0.8
"""Share of the passages without any year, asked without one, whose document has none either."""


def generate(
    task: ExtractionTask, fold: Fold, count: int, seed: int
) -> Iterator[Example[ExtractionInputs, ExtractionAnswer]]:
    """``count`` examples of a fold, the same for the same seed."""
    rng = random.Random(f"extraction/{fold}/{seed}")
    names = _names("train" if fold in ("train", "dev") else "heldout")
    made = 0
    while made < count:
        example = _example(task, rng, fold, names, f"extraction/{fold}/{seed}/{made}")
        if example is not None:
            made += 1
            yield example


def _example(
    task: ExtractionTask, rng: random.Random, fold: Fold, names: list[str], name: str
) -> Example[ExtractionInputs, ExtractionAnswer] | None:
    owner, other = rng.sample(names, 2)
    about = rng.randint(2008, 2025)
    passage = Writer(rng, fold, owner, other, about)
    drawn = passage.write()
    before, mark, rest = drawn.text.partition(OPEN)
    figure, _, after = rest.partition(CLOSE)
    text = before + figure + after
    entity = passage.asked if rng.random() < 0.93 or passage.asked != owner else ""
    headed = rng.random() < 0.88 or not drawn.gold_year or passage.relative
    undated = drawn.asked_year is None and not years(text, None) and rng.random() < UNDATED
    headed, gold_year = headed and not undated, None if undated else drawn.gold_year
    inputs = ExtractionInputs(
        text=text,
        metric=drawn.metric,
        entity=entity,
        year=drawn.asked_year,
        owner=owner if headed or entity != owner else "",
        about=about if headed else None,
        others=tuple(n for n in (owner, other) if n != entity and n.casefold() in text.casefold()),
    )
    answer = NOT_FOUND
    if drawn.amount is not None:
        place = next((n for n in scan(text) if n.start <= len(before) < n.end), None)
        if not mark or place is None or place.end > LONGEST:
            return None
        quantity = dressed(place, drawn.metric, text)
        if not math.isclose(quantity.amount, drawn.amount, rel_tol=1e-6):
            return None
        answer = ExtractionAnswer(
            found=True,
            metric=drawn.metric,
            entity=entity or inputs.owner,
            period=gold_year,
            value=quantity.value,
            unit=quantity.unit,
            scale=quantity.scale,
            start=place.start,
            end=place.end,
        )
    shuffle = rng.randrange(1 << 30) if fold == "train" and rng.random() < SHUFFLED else None
    try:
        dialogue = task.solved(inputs, answer, shuffle)
    except AnswerError:  # a year or figure that the rendering does not see
        return None
    return Example(
        id=name,
        inputs=inputs,
        answer=answer,
        dialogue=dialogue,
        fold=fold,
        company=owner,
        template=drawn.template,
    )


@cache
def _names(split: Literal["train", "heldout"]) -> list[str]:
    return company_names(split, 400, 7)
