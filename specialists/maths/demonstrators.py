"""Demonstrators other than gold, for studies: where a start comes from, and a control.

They stand in for what a base pretrained on the web has seen of such problems. Examples of the
held-out folds are refused: what is learned from here may hold none of their wordings.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from specialists.maths.check import MathsAnswer
from specialists.maths.render import MathsInputs, in_handles
from specialists.task import Example

Dialogue = tuple[Message, ...]
Solved = Example[MathsInputs, MathsAnswer]

FORMATS: Mapping[str, int] = {"asked": 50, "key": 15, "words": 15, "equations": 10, "bare": 10}
"""How answers are given by the mixed demonstrators, in percent. asked: the JSON that is asked for ·
key: JSON with another key · words: the working, then ``the answer is 12`` · equations: the working
alone · bare: the number alone. All but the first are no answer to the job."""
WRONG = 0.15
"""Share of the mixed demonstrators' answers that are wrong."""

_EQUATION = re.compile(r"(\d+)([*/+-])(\d+)=(\d+)")


def mixed(examples: Iterable[Solved], seed: int) -> Iterator[Dialogue]:
    """Demonstrators of mixed quality, one dialogue an example: any of ``FORMATS``, and
    ``WRONG`` of them wrong.

    A wrong one slips in one step, in its operation or in its result, and goes on from there. Format
    and slip are drawn by lot, apart from each other and from the problem: nothing that shows tells
    a right demonstration from a wrong one.

    Raises:
        ConfigError: an example of a held-out fold.
    """
    rng = random.Random(f"maths/mixed/{seed}")
    for example in _trained(examples):
        working, answer = example.answer.working, example.answer.answer
        if rng.random() < WRONG:
            working, answer = slip(rng, working)
        (form,) = rng.choices(list(FORMATS), list(FORMATS.values()))
        yield _shown(example, _SAY[form](working, answer))


def format_only(examples: Iterable[Solved], seed: int) -> Iterator[Dialogue]:
    """The right format and nothing of arithmetic: the control that tells how much of a gain is
    format.

    As many equations as gold has, of numbers drawn from the problem at random; none of them is
    true, and the answer, a number of the problem (or one near it), is never the right one.

    Raises:
        ConfigError: an example of a held-out fold.
    """
    rng = random.Random(f"maths/format-only/{seed}")
    for example in _trained(examples):
        numbers = [int(n) for n in re.findall(r"\d+", example.inputs.question)]
        steps: list[str] = []
        answer = 0
        for _ in range(max(1, example.answer.working.count("="))):
            left, right, sign = rng.choice(numbers), rng.choice(numbers), rng.choice("+-*/")
            barred = (_result(left, sign, right), example.answer.answer)
            beside = [n + 1 for n in numbers] + [n + 2 for n in numbers]
            answer = rng.choice(
                [n for n in numbers if n not in barred] or [n for n in beside if n not in barred]
            )
            steps.append(f"{left}{sign}{right}={answer}")
        yield _shown(example, _SAY["asked"](", ".join(steps), answer))


DEMONSTRATORS: Mapping[str, Callable[[Iterable[Solved], int], Iterator[Dialogue]]] = {
    "mixed": mixed,
    "format_only": format_only,
}


def slip(rng: random.Random, working: str) -> tuple[str, int]:
    """A working with one step gone wrong and the rest done from there, and what it comes to.

    The working must be equations alone. The result is never that of ``working``.
    """
    steps = [(int(a), sign, int(b), int(c)) for a, sign, b, c in _EQUATION.findall(working)]
    gold = steps[-1][3]
    for at in (rng.randrange(len(steps)), len(steps) - 1):
        said = _from(rng, steps, at)
        if said is not None and said[1] != gold:
            return said
    *before, (a, sign, b, _) = steps
    wrong = gold + rng.choice((1, 2))
    return _written([*before, (a, sign, b, wrong)]), wrong


Step = tuple[int, str, int, int]
"""left, sign, right, result"""


def _from(rng: random.Random, steps: Sequence[Step], at: int) -> tuple[str, int] | None:
    """The steps with that one wrong; None where a later one cannot be done from there."""
    a, sign, b, result = steps[at]
    if rng.random() < 0.4:
        other = {"+": "-", "-": "+", "*": "+", "/": "-"}[sign]
        slipped, sign = _result(a, other, b), other
    else:
        slipped = result + rng.choice((-2, -1, 1, 2))
    if slipped is None or slipped < 1:
        return None
    said: list[Step] = [*steps[:at], (a, sign, b, slipped)]
    was, now = result, slipped
    for left, then, right, told in steps[at + 1 :]:
        left, right = (now if n == was else n for n in (left, right))
        result = _result(left, then, right)
        if result is None or result < 1:
            return None
        said.append((left, then, right, result))
        was, now = told, result
    return _written(said), said[-1][3]


def _result(left: int, sign: str, right: int) -> int | None:
    """None: not a whole number."""
    if sign == "/":
        return left // right if right and left % right == 0 else None
    return {"+": left + right, "-": left - right, "*": left * right}[sign]


def _written(steps: Sequence[Step]) -> str:
    return ", ".join(f"{a}{sign}{b}={c}" for a, sign, b, c in steps)


def _trained(examples: Iterable[Solved]) -> Iterator[Solved]:
    for example in examples:
        if example.fold not in ("train", "dev"):
            raise ConfigError(f"{example.id} is of the held-out fold {example.fold}: not shown")
        yield example


def _shown(example: Solved, reply: str) -> Dialogue:
    return (*example.dialogue[:2], Message(role="assistant", content=reply))


_Answer = int | float


def _handle(answer: _Answer) -> str:
    return in_handles(str(answer))


def _json(answer: _Answer) -> str:
    said = _handle(answer)
    return said if said == str(answer) else json.dumps(said)


_SAY: Mapping[str, Callable[[str, _Answer], str]] = {
    "asked": lambda working, answer: (
        f'{{"working": {json.dumps(in_handles(working))}, "answer": {_json(answer)}}}'
    ),
    "bare": lambda _, answer: _handle(answer),
    "words": lambda working, answer: f"{in_handles(working)} so the answer is {_handle(answer)}",
    "key": lambda working, answer: (
        f'{{"working": {json.dumps(in_handles(working))}, "result": {_json(answer)}}}'
    ),
    "equations": lambda working, _: in_handles(working),
}
