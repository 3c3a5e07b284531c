"""Public word problems with their worked steps, read from a folder, never from the network.

``gsm8k`` (Cobbe et al. 2021, arXiv 2110.14168, MIT): gold is the number after ``####``; the
calculator's marks ``<<48/2=24>>`` are taken out of the steps. By the SHA-256 of the question one
problem in ten is of the part ``dev``: real wording never trained on. Its official test set is not
read here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from specialists.foundation.errors import InputError
from specialists.maths.check import MathsAnswer, plain
from specialists.maths.render import MathsInputs
from specialists.task import Example

if TYPE_CHECKING:
    from specialists.maths.task import MathsTask

Part = Literal["train", "dev"]
SOURCE = "gsm8k"
DEV_ONE_IN = 10

_MARK = re.compile(r"<<[^<>]*>>")


def load(task: MathsTask, root: Path, part: Part) -> Iterator[Example[MathsInputs, MathsAnswer]]:
    """Examples of public data below ``root`` (``$FINROUTE_DATA``), in the order of the file.

    Raises:
        FileNotFoundError: the folder lacks the file.
        InputError: a line without a question, or without a number after ``####``.
    """
    path = root / SOURCE / "train.jsonl"
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            where = f"{path.name}, line {number + 1}"
            row = json.loads(line)
            question, told = str(row.get("question", "")).strip(), str(row.get("answer", ""))
            if not question:
                raise InputError(f"{where}: there is no question")
            if part_of(question) != part:
                continue
            inputs, answer = MathsInputs(question=question), solution(told, where)
            yield Example(
                id=f"{SOURCE}/{part}/{number}",
                inputs=inputs,
                answer=answer,
                dialogue=task.solved(inputs, answer),
                fold=part,
                template=f"{SOURCE}/{number}",
                source=SOURCE,
            )


def part_of(question: str) -> Part:
    """Which part a question belongs to: a property of its text alone."""
    drawn = int(hashlib.sha256(question.strip().lower().encode()).hexdigest(), 16)
    return "dev" if drawn % DEV_ONE_IN == 0 else "train"


def solution(told: str, where: str = "the answer") -> MathsAnswer:
    """Worked steps and the number after ``####``.

    Raises:
        InputError: there is no such number.
    """
    steps, mark, number = told.rpartition("####")
    try:
        value = plain(Decimal(number.strip().replace(",", "").removeprefix("$")))
    except (InvalidOperation, ValueError) as error:
        raise InputError(f"{where}: {number.strip()[:40]!r} is not a number") from error
    if not mark:
        raise InputError(f"{where}: there is no number after ####")
    working = " ".join(_MARK.sub("", steps).split())
    return MathsAnswer(working=working, answer=value)
