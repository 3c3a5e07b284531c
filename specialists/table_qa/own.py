"""Table questions of one's own, each with its answer, over a workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError, InputError
from specialists.own import NONE, SOURCE, Column, Row, linker_of, quantity, seed_of, worth
from specialists.table_qa.inputs import TableAnswer, TableQuestion, link
from specialists.table_qa.rows import Rows
from specialists.table_qa.worked import work
from specialists.task import Example
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    from specialists.table_qa.task import TableTask

WORKSPACE = True
COLUMNS = (
    Column("question", "what is asked", required=True),
    Column("company", "whom it is about, where the question does not say"),
    Column(
        "value",
        "a number, a name, or none where the tables tell it not",
        "value",
        True,
        answer=True,
    ),
    Column("unit", "ISO currency, %, x or count; empty: as the table has it", answer=True),
    Column("scale", "of the number; empty: 1", "scale", answer=True),
)

_YEAR = re.compile(r"(?:19|20)\d\d")


def example(
    task: TableTask, name: str, row: Row, workspace: Snapshot | None
) -> Example[TableQuestion, TableAnswer]:
    """A question as an example; with the dialogue that comes to its answer, where one is found.

    Raises:
        InputError: the question names what the workspace has not.
        AnswerError: the tables tell what the row says they do not, or a unit is missing.
    """
    assert workspace is not None
    inputs = link(
        row["question"],
        linker_of(workspace),
        workspace.catalogue,
        company=row.get("company"),
        snapshot=workspace,
    )
    if inputs.linked.unknown and row["value"] != NONE:
        raise InputError(f"the workspace has nothing on {', '.join(inputs.linked.unknown)}")
    seed = seed_of(name)
    for gold in _golds(row):
        played = work(task, inputs, gold, _rows(workspace), seed)
        if played is not None:
            answer, dialogue, calls = played.answer, tuple(played.messages), tuple(played.calls)
            break
    else:
        answer, calls = _unworked(row), ()
        dialogue = tuple(task.compact(inputs, seed=seed).messages)
    named = [t.label for _, t in inputs.linked.handles.items() if t.kind == "e"]
    company = row.get("company", named[0] if named else "")
    return Example(name, inputs, answer, dialogue, "train", company, source=SOURCE, calls=calls)


def _golds(row: Row) -> list[Quantity | str | None]:
    """What the answer may mean: 2021 is a year's name or a number."""
    value = row["value"]
    if value == NONE:
        return [None]
    if isinstance(value, str):
        return [value]
    number = quantity(value, row)
    bare = not row.get("unit") and "scale" not in row and _YEAR.fullmatch(f"{value:g}")
    return [f"{value:g}", number] if bare else [number]


def _unworked(row: Row) -> TableAnswer:
    """The answer where no dialogue is known that comes to it."""
    gold = _golds(row)[0]
    if gold is None:
        raise AnswerError("the tables tell it: a plain look-up comes to a value")
    if isinstance(gold, Quantity) and not gold.unit:
        raise AnswerError("no look-up or plain calculation comes to it: say its unit (USD, %, x …)")
    return TableAnswer(value=gold)


_ROWS: dict[str, Rows] = {}


def _rows(workspace: Snapshot) -> Rows:
    """The rows of the workspace asked about last."""
    if workspace.digest not in _ROWS:
        _ROWS.clear()
        _ROWS[workspace.digest] = Rows.of(workspace)
    return _ROWS[workspace.digest]


def meaning(row: Row) -> str:
    """The amount and its unit, or the name."""
    value = row["value"]
    return worth(value, row) if isinstance(value, float) else value.casefold()
