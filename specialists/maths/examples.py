"""Generated word problems of six levels. Public ones come from ``loaders.py``.

1 one sum of small numbers · 2 one sum of two-digit numbers · 3 one product or exact quotient ·
4 two sums · 5 two steps with products, unit prices, remainders · 6 three steps. In 5 and 6 numbers
may stand by that have nothing to do with it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from specialists.maths import cast, frames
from specialists.maths.check import MathsAnswer
from specialists.maths.render import MathsInputs
from specialists.phrasing import Phrasing
from specialists.task import Example, Fold

if TYPE_CHECKING:
    from specialists.maths.task import MathsTask

LEVELS = (1, 2, 3, 4, 5, 6)
SHARES = (2, 2, 2, 2, 1, 1)
"""How often each level is drawn."""
CHANGE = 5
"""The largest number that is added or taken away."""
ASIDES: Mapping[int, float] = {5: 0.25, 6: 0.4}
"""How often a number stands by that has nothing to do with it."""


@dataclass
class Problem:
    """A problem in the making: the story so far, and its working."""

    rng: random.Random
    fold: Fold
    scene: cast.Scene
    texts: list[str] = field(default_factory=list[str])
    templates: list[str] = field(default_factory=list[str])
    steps: list[str] = field(default_factory=list[str])
    value: int = 0

    def tell(self, grammar: Phrasing, **numbers: int) -> None:
        """Add a clause."""
        slots = {name: str(number) for name, number in numbers.items()}
        text, template = grammar.draw(self.rng, self.fold, **self.scene.slots, **slots)
        text = _LOOSE.sub("", text)
        self.texts.append(text[:1].upper() + text[1:])
        self.templates.append(template.removeprefix("maths-"))

    def reckon(self, left: int, sign: str, right: int) -> int:
        """Add an equation; its result is the answer so far."""
        self.value = _DO[sign](left, right)
        self.steps.append(f"{left}{sign}{right}={self.value}")
        return self.value


_LOOSE = re.compile(r" (?=[?.,])")
"""A blank that a word left out has left behind."""

_DO: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
}


def generate(
    task: MathsTask, fold: Fold, count: int, seed: int, only: int | None = None
) -> Iterator[Example[MathsInputs, MathsAnswer]]:
    """``count`` examples of a fold, the same for the same seed; of one level, or of all by lot."""
    told = f"level{only}/" if only else ""
    rng = random.Random(f"maths/{told}{fold}/{seed}")
    for number in range(count):
        level = only or rng.choices(LEVELS, SHARES)[0]
        problem = Problem(rng, fold, cast.draw(rng, fold))
        _TELL[level](problem)
        if rng.random() < ASIDES.get(level, 0):
            _interrupt(problem)
        inputs = MathsInputs(
            question=" ".join(problem.texts),
            level=level,
            people=problem.scene.people,
            things=problem.scene.things,
        )
        answer = MathsAnswer(working=", ".join(problem.steps), answer=problem.value)
        yield Example(
            id=f"maths/{told}{fold}/{seed}/{number}",
            inputs=inputs,
            answer=answer,
            dialogue=task.solved(inputs, answer),
            fold=fold,
            company=problem.scene.people[0],
            template="+".join(problem.templates),
        )


def _interrupt(problem: Problem) -> None:
    """Put a clause of another number between the first clause and what follows, or in front of a
    problem told whole."""
    problem.tell(frames.ASIDE, d=problem.rng.randint(2, 12))
    text, template = problem.texts.pop(), problem.templates.pop()
    place = min(1, len(problem.texts) - 1)
    problem.texts.insert(place, text)
    problem.templates.insert(place, template)


def _small_sum(problem: Problem) -> None:
    _one_sum(problem, problem.rng.randint(1, 8), problem.rng.randint(1, CHANGE))


def _large_sum(problem: Problem) -> None:
    _one_sum(problem, problem.rng.randint(9, 15), problem.rng.randint(1, CHANGE))


def _one_sum(problem: Problem, a: int, b: int) -> None:
    """``a + b``, or that less one of them."""
    rng = problem.rng
    whole = rng.random() < 0.4
    if rng.random() < 0.5:
        if whole:
            problem.tell(frames.JOIN, a=a, b=b)
        else:
            _story(problem, a, frames.GAIN, b)
        problem.reckon(a, "+", b)
    else:
        if whole:
            problem.tell(frames.COMPARE, a=a + b, b=b)
        else:
            _story(problem, a + b, frames.LOSS, b)
        problem.reckon(a + b, "-", b)


def _story(problem: Problem, a: int, change: Phrasing, b: int) -> None:
    problem.tell(frames.OPEN, a=a)
    problem.tell(change, b=b)
    problem.tell(frames.ASK)


def _product(problem: Problem) -> None:
    a, b = problem.rng.randint(2, 4), problem.rng.randint(2, 5)
    if problem.rng.random() < 0.5:
        problem.tell(frames.TIMES, a=a, b=b)
        problem.reckon(a, "*", b)
    else:
        problem.tell(frames.SHARE, a=a * b, b=b)
        problem.reckon(a * b, "/", b)


def _two_sums(problem: Problem) -> None:
    start = problem.rng.randint(3, 12)
    problem.tell(frames.OPEN, a=start)
    problem.value = start
    _come_and_go(problem)
    _come_and_go(problem)
    problem.tell(frames.ASK)


def _come_and_go(problem: Problem) -> None:
    """Something is added to what there is, or goes from it."""
    rng = problem.rng
    if problem.value < 4 or rng.random() < 0.5:
        b = rng.randint(1, CHANGE)
        problem.tell(frames.GAIN, b=b)
        problem.reckon(problem.value, "+", b)
    else:
        b = rng.randint(1, min(CHANGE, problem.value - 1))
        problem.tell(frames.LOSS, b=b)
        problem.reckon(problem.value, "-", b)


def _groups(problem: Problem) -> None:
    a, b = problem.rng.randint(2, 4), problem.rng.randint(2, 5)
    problem.tell(frames.GROUPS, a=a, b=b)
    problem.reckon(a, "*", b)


def _two_steps(problem: Problem) -> None:
    rng = problem.rng
    kind = rng.choice(("groups", "change", "total", "rate", "leftover"))
    a, b = rng.randint(2, 4), rng.randint(2, 5)
    if kind == "groups":
        _groups(problem)
        _come_and_go(problem)
        problem.tell(frames.ASK)
    elif kind == "change":
        c = a * b + rng.randint(1, CHANGE)
        problem.tell(frames.CHANGE, a=a, b=b, c=c)
        problem.reckon(c, "-", problem.reckon(a, "*", b))
    elif kind == "total":
        c = rng.randint(1, CHANGE)
        problem.tell(frames.TOTAL, a=a, b=b, c=c)
        problem.reckon(problem.reckon(a, "*", b), "+", c)
    elif kind == "rate":
        c = rng.choice([n for n in range(2, 5) if n != a])
        problem.tell(frames.RATE, a=a, b=a * b, c=c)
        problem.reckon(problem.reckon(a * b, "/", a), "*", c)
    else:
        b = rng.randint(3, 5)
        c = a * b + rng.randint(1, b - 1)
        problem.tell(frames.LEFTOVER, a=c, b=b)
        problem.reckon(c, "-", problem.reckon(a, "*", b))


def _three_steps(problem: Problem) -> None:
    """Groups, then two changes; or groups, one change, and equal parts."""
    rng = problem.rng
    _groups(problem)
    if rng.random() < 0.5:
        _come_and_go(problem)
        _come_and_go(problem)
        problem.tell(frames.ASK)
        return
    total, c = problem.value, rng.randint(2, 4)
    least, most = total // c + 1, (total + CHANGE) // c
    lost = [n for n in range(1, CHANGE + 1) if (total - n) % c == 0 and total - n >= 2 * c]
    if lost and rng.random() < 0.5:
        b = rng.choice(lost)
        problem.tell(frames.LOSS, b=b)
        problem.reckon(total, "-", b)
    else:
        b = c * rng.randint(least, most) - total
        problem.tell(frames.GAIN, b=b)
        problem.reckon(total, "+", b)
    problem.tell(frames.SPLIT, c=c)
    problem.reckon(problem.value, "/", c)


_TELL: Mapping[int, Callable[[Problem], None]] = {
    1: _small_sum,
    2: _large_sum,
    3: _product,
    4: _two_sums,
    5: _two_steps,
    6: _three_steps,
}
