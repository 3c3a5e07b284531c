"""Public questions about single tables, each with the table as a workspace of its own.

- ``finqa`` (Chen et al. 2021, MIT), ``dev.jsonl``: questions whose gold program uses numbers of the
  page's table alone. Gold is ``exe_ans``, in the scale the table is written in.
- ``tatqa`` (Zhu et al. 2021, data CC BY 4.0), the development contexts: questions answered from the
  table with one number or one label.

They are for evaluation alone: no gold dialogue comes with them. Read from a folder, never from the
network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import IngestError
from specialists.table_qa.inputs import TableAnswer, TableQuestion, link
from specialists.task import Example
from specialists.workspace import visible
from specialists.workspace.batch import NewTable
from specialists.workspace.catalogue import Company
from specialists.workspace.ingest import finqa, tables
from specialists.workspace.links import Linker
from specialists.workspace.numbers import scan
from specialists.workspace.snapshot import ROW, Snapshot

if TYPE_CHECKING:
    from specialists.table_qa.task import TableTask

Part = Literal["train", "test"]

_LITERAL = re.compile(r"(?<=[(\s])-?\d[\d.]*(?=%?[,)])")
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "percent": 1.0, "": 1.0}
_READER = "The company"
"""TAT-QA's tables name no company."""


def load(
    task: TableTask, root: Path, part: Part, sources: Sequence[str] = ("finqa", "tatqa")
) -> Iterator[Example[TableQuestion, TableAnswer]]:
    """Examples of public data below ``root`` (``$FINROUTE_DATA``); none for training.

    Raises:
        FileNotFoundError: the folder lacks a source's file.
    """
    if part == "train":
        return
    if "finqa" in sources:
        yield from _finqa(task, root / "finqa/dev.jsonl")
    if "tatqa" in sources:
        yield from _tatqa(task, root / "tatqa/tatqa_dataset_dev.json")


def _example(
    task: TableTask, id_: str, question: str, snapshot: Snapshot, gold: Quantity | str, source: str
) -> Example[TableQuestion, TableAnswer]:
    catalogue = snapshot.catalogue
    company = catalogue.companies[0].name
    inputs = link(question, Linker(catalogue), catalogue, company=company, snapshot=snapshot)
    dialogue = tuple(task.compact(inputs).messages)
    answer = TableAnswer(value=gold)
    return Example(id_, inputs, answer, dialogue, "templates", company, source, source)


def snapshot_of(made: NewTable, company: Company, day: date) -> Snapshot:
    """One table as a workspace."""
    rows = made.rows.add_column(0, ROW, [list(range(made.rows.num_rows))])
    table = visible.describe(made.table, rows)
    name = table.source or table.name
    catalogue = visible.catalogue(name, "public", day, (company,), (table,), ())
    return Snapshot(catalogue, {table.name: rows}, (), f"table_qa/{name}")


# --- FinQA --------------------------------------------------------------------------------------


def _finqa(task: TableTask, path: Path) -> Iterator[Example[TableQuestion, TableAnswer]]:
    batch = finqa.read(path)
    made = {t.table.source: t for t in batch.tables}
    companies = {c.name: c for c in batch.companies}
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            record = json.loads(line)
            table = made.get(record["id"].rpartition("-")[0])
            gold = record["exe_ans"]
            if table is None or isinstance(gold, str) or not _from_table(record):
                continue
            company = companies[table.table.company or ""]
            snapshot = snapshot_of(table, company, date(2100, 1, 1))
            value = Quantity(value=float(gold))
            yield _example(
                task, f"finqa/{record['id']}", record["question"], snapshot, value, "finqa"
            )


def _from_table(record: Mapping[str, Any]) -> bool:
    """Whether all numbers of the gold program stand in the table."""
    cells = {
        abs(n.quantity.value) for row in record["table"] for cell in row for n in scan(str(cell))
    }
    literals = [abs(float(x)) for x in _LITERAL.findall(record["program"])]
    return "table_" in record["program"] or (bool(literals) and set(literals) <= cells)


# --- TAT-QA -------------------------------------------------------------------------------------


def _tatqa(task: TableTask, path: Path) -> Iterator[Example[TableQuestion, TableAnswer]]:
    for page in json.loads(path.read_text(encoding="utf-8")):
        asked = [(q, g) for q in page["questions"] if (g := _gold(q)) is not None]
        snapshot = _page(page) if asked else None
        if snapshot is None:
            continue
        for question, gold in asked:
            id_ = f"tatqa/{question['uid']}"
            yield _example(task, id_, question["question"], snapshot, gold, "tatqa")


def _gold(question: Mapping[str, Any]) -> Quantity | str | None:
    """The answer, if it is one number or one label out of the table."""
    if question["answer_from"] != "table" or question["answer_type"] not in ("span", "arithmetic"):
        return None
    answer = question["answer"]
    if isinstance(answer, list):
        if len(answer) != 1:
            return None
        answer = answer[0]
    scale, unit = _SCALES[question["scale"]], "%" if question["scale"] == "percent" else ""
    if isinstance(answer, int | float):
        return Quantity(value=float(answer), unit=unit, scale=scale)
    numbers = scan(str(answer))
    if len(numbers) == 1 and numbers[0].text == str(answer).strip() and not numbers[0].is_year:
        return Quantity(value=numbers[0].quantity.value, unit=unit, scale=scale)
    return str(answer)


def _page(page: Mapping[str, Any]) -> Snapshot | None:
    """The table of a page; None where it cannot be read as one."""
    raw: list[list[str]] = page["table"]["table"]
    head = next((i for i, row in enumerate(raw) if _is_body(row)), 0)
    if head == 0:
        return None
    header = [" ".join(dict.fromkeys(r[j] for r in raw[:head] if r[j])) for j in range(len(raw[0]))]
    header[0] = header[0] or "item"
    day = date(2100, 1, 1)
    context = tables.Context(known_at=day, company=_READER, repair=True, one_company=True)
    caption = " ".join(p["text"] for p in page["paragraphs"])[:400]
    source = page["table"]["uid"]
    grid = tables.Grid(
        name="table", header=header, rows=raw[head:], source=source, caption=caption, title="table"
    )
    try:
        made = tables.make(grid, context)
    except IngestError:
        return None
    return snapshot_of(made, Company(name=_READER), day)


def _is_body(row: Sequence[str]) -> bool:
    """Whether a row holds figures under a label, as against headers and years."""
    numbers = [n for cell in row[1:] for n in scan(cell)]
    return bool(row[0].strip()) and any(not n.is_year for n in numbers)
