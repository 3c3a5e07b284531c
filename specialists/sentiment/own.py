"""Headlines of one's own, each with a company and its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specialists.own import SOURCE, Column, Row
from specialists.sentiment.check import LABELS, SentimentAnswer
from specialists.sentiment.render import LONGEST, SentimentInputs
from specialists.task import Example
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    from specialists.sentiment.task import SentimentTask

WORKSPACE = False
COLUMNS = (
    Column("headline", f"the text; {LONGEST} characters of it are read", required=True),
    Column("company", "the company it is judged for, as the text names it; empty: as a whole"),
    Column("others", "other companies it names, between semicolons"),
    Column(
        "sentiment",
        "how it bears on the company",
        "choice",
        required=True,
        choices=LABELS,
        answer=True,
    ),
)


def example(
    task: SentimentTask, name: str, row: Row, workspace: Snapshot | None
) -> Example[SentimentInputs, SentimentAnswer]:
    """A headline as an example."""
    others = tuple(part.strip() for part in row.get("others", "").split(";") if part.strip())
    inputs = SentimentInputs(text=row["headline"], entity=row.get("company", ""), others=others)
    answer = SentimentAnswer(sentiment=row["sentiment"])
    dialogue = task.solved(inputs, answer)
    return Example(name, inputs, answer, dialogue, "train", inputs.entity, source=SOURCE)


def meaning(row: Row) -> str:
    """The label."""
    return row["sentiment"]
