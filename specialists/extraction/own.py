"""Passages of one's own, each with a metric that is asked for and the figure it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specialists.extraction.check import NOT_FOUND, ExtractionAnswer, same_amount, same_unit, unfit
from specialists.extraction.measures import dressed
from specialists.extraction.render import LONGEST, ExtractionInputs, Passage, render
from specialists.foundation.errors import AnswerError
from specialists.own import NONE, SOURCE, Column, Row, quantity, seed_of, worth
from specialists.task import Example
from specialists.workspace.numbers import Number, format_quantity
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    from specialists.extraction.task import ExtractionTask

WORKSPACE = False
COLUMNS = (
    Column("passage", f"the text; {LONGEST} characters of it are read", required=True),
    Column("metric", "what is asked for, in words: number of employees", required=True),
    Column("company", "whose metric; empty: the passage's own company"),
    Column("year", "the fiscal year asked about; empty: the latest the passage tells", "year"),
    Column("owner", "the company whose document this is, where it is not the one asked about"),
    Column("about", "the document's fiscal year", "year"),
    Column("value", "the figure, or none where it is not told", "value", True, answer=True),
    Column("unit", "ISO currency, %, x or count; empty: as the passage has it", answer=True),
    Column("scale", "of the figure; empty: 1", "scale", answer=True),
    Column("period", "the figure's fiscal year; empty: the year asked", "year", answer=True),
)


def example(
    task: ExtractionTask, name: str, row: Row, workspace: Snapshot | None
) -> Example[ExtractionInputs, ExtractionAnswer]:
    """A passage as an example.

    Raises:
        AnswerError: the passage does not hold the figure, or not in this unit.
    """
    inputs = ExtractionInputs(
        text=row["passage"],
        metric=row["metric"],
        entity=row.get("company", ""),
        year=row.get("year"),
        owner=row.get("owner", ""),
        about=row.get("about"),
    )
    answer = NOT_FOUND if row["value"] == NONE else _told(inputs, row)
    dialogue = task.solved(inputs, answer, seed_of(name))
    company = inputs.entity or inputs.owner
    return Example(name, inputs, answer, dialogue, "train", company, source=SOURCE)


def _told(inputs: ExtractionInputs, row: Row) -> ExtractionAnswer:
    if not isinstance(row["value"], float):
        raise AnswerError(f"value {row['value']!r} is neither a number nor {NONE}")
    passage = render(inputs)
    asked = quantity(row["value"], row)
    place = _place(inputs, passage, row)
    found = dressed(place, inputs.metric, inputs.text)
    return ExtractionAnswer(
        found=True,
        metric=inputs.metric,
        entity=inputs.entity or inputs.owner,
        period=row.get("period", inputs.year),
        value=asked.value,
        unit=found.unit,
        scale=asked.scale,
        start=place.start,
        end=place.end,
    )


def _place(inputs: ExtractionInputs, passage: Passage, row: Row) -> Number:
    """The passage's figure that is worth what the row says."""
    asked = quantity(row["value"], row)
    told = {n: dressed(n, inputs.metric, inputs.text) for n in passage.numbers.values()}
    worth_it = [n for n, q in told.items() if same_amount(asked, q)]
    if not worth_it:
        there = ", ".join(format_quantity(q) for q in told.values()) or "no figure"
        hint = ""
        if any(abs(q.value) == abs(asked.value) for q in told.values()):
            hint = "; is its scale left out?"
        raise AnswerError(
            f"the passage holds no figure worth {format_quantity(asked)}; it holds {there}{hint}"
        )
    if all(unfit(n, inputs) for n in worth_it):
        raise AnswerError(
            f"{worth_it[0].text!r} is of another kind (money, share, count) than {inputs.metric}"
        )
    fit = [n for n in worth_it if not row.get("unit") or same_unit(row["unit"], told[n].unit)]
    if not fit:
        units = ", ".join(dict.fromkeys(told[n].unit or "no unit" for n in worth_it))
        raise AnswerError(f"the passage gives the figure in {units}, not in {row['unit']}")
    return fit[0]


def meaning(row: Row) -> str:
    """The amount, its unit and its year."""
    if not isinstance(row["value"], float):
        return row["value"]
    return f"{worth(row['value'], row)} {row.get('period', row.get('year', ''))}".strip()
