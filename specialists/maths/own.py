"""Word problems of one's own, each with its number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specialists.foundation.errors import AnswerError
from specialists.maths.check import MathsAnswer
from specialists.maths.render import MathsInputs
from specialists.own import SOURCE, Column, Row
from specialists.task import Example
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    from specialists.maths.task import MathsTask

WORKSPACE = False
COLUMNS = (
    Column("question", "the problem", required=True),
    Column("answer", "the number it comes to", "number", required=True, answer=True),
    Column("working", "how, with equations such as 7+5=12; what it teaches is to work so"),
)


def example(
    task: MathsTask, name: str, row: Row, workspace: Snapshot | None
) -> Example[MathsInputs, MathsAnswer]:
    """A problem as an example.

    Raises:
        AnswerError: a number of more digits than can be told exactly.
    """
    number = row["answer"]
    try:
        whole = int(number) if number == int(number) else number
        answer = MathsAnswer(working=row.get("working", ""), answer=whole)
    except (ValueError, OverflowError) as error:
        raise AnswerError(f"{number} is not a number to reckon with") from error
    inputs = MathsInputs(question=row["question"])
    return Example(name, inputs, answer, task.solved(inputs, answer), "train", source=SOURCE)


def meaning(row: Row) -> str:
    """The number."""
    return f"{row['answer']:.15g}"
