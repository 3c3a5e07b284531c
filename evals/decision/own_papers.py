"""Questions of one's own: a CSV or JSONL file with gold answers as a paper.

The columns are those of ``specialists/<job>/own.py``, the same that training takes; one answer a
row. Several annotators, their agreement and everything else about learning from such a file are not
here: that is ``training/tuning/own.py``. A file with a fault makes no paper at all.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from specialists.foundation.errors import AnswerError, InputError, NotFound
from specialists.own import NONE, SCALES, Column, Format, Row
from specialists.task import Example, Task
from specialists.workspace.demo import NAME as DEMO
from specialists.workspace.snapshot import Snapshot

_COMMON = (
    Column("id", "what the row is called; default: the line"),
    Column("group", "questions that are not independent of each other; default: the company"),
)
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TOLD = 10
"""Faults that a message tells."""


def examples(task: Task[Any, Any], path: Path, workspace: str = "") -> list[Example[Any, Any]]:
    """The questions of a file.

    Args:
        workspace: name or folder of the workspace they are about, where the job reads one.

    Raises:
        InputError: all that is wrong with the file, by line.
        NotFound: no such workspace, or a job that takes no questions of one's own.
    """
    form = _format(task.name)
    columns = {column.name: column for column in (*_COMMON, *form.COLUMNS)}
    main = next(column.name for column in form.COLUMNS if column.answer)
    world = _world(task.name, workspace) if form.WORKSPACE else None
    made: list[Example[Any, Any]] = []
    faults: list[str] = []
    for line, cells in _rows(path):
        try:
            row = _row(columns, main, cells)
            name = f"own/{path.stem}/{row.get('id', line)}"
            made.append(_placed(form.example(task, name, row, world), row))
        except (AnswerError, InputError) as error:
            faults.append(f"line {line}: {error}")
    ids = [example.id for example in made]
    faults += [
        f"the id {name!r} stands there twice" for name in {i for i in ids if ids.count(i) > 1}
    ]
    if faults or not made:
        told = faults[:_TOLD] + ([f"and {len(faults) - _TOLD} more"] if faults[_TOLD:] else [])
        raise InputError(f"{path} makes no paper:\n  " + "\n  ".join(told or ["it has no rows"]))
    return made


def _format(job: str) -> Format:
    try:
        return cast(Format, importlib.import_module(f"specialists.{job}.own"))
    except ModuleNotFoundError as error:
        raise NotFound(f"the job {job!r} takes no questions of one's own") from error


def _world(job: str, name: str) -> Snapshot:
    if not name:
        raise InputError(f"questions of {job} are about a workspace: name it in the paper")
    from specialists.workspace.demo import build
    from specialists.workspace.versions import Workspace

    folder = Path(name)
    if (folder / "CURRENT").is_file():
        return Workspace.open(folder.resolve().name, folder.resolve().parent).snapshot()
    return (build() if name == DEMO else Workspace.open(name)).snapshot()


def _placed(example: Example[Any, Any], row: Row) -> Example[Any, Any]:
    """A question that belongs to a group counts with it."""
    return replace(example, company=str(row.get("group", example.company)))


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Lines with their cells.

    Raises:
        InputError: no such file, another kind, or not to be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return [(n, _object(path, n, line)) for n, line in _lines(text)]
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise InputError(f"{path}: a file of .csv, .tsv, .jsonl or .ndjson is wanted")
    tabs = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=tabs, strict=True)
    try:
        rows = [(reader.line_num, dict(row)) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not CSV: {error}") from error
    for line, row in rows:
        if None in row or None in row.values():
            raise InputError(f"{path}: line {line} has not as many cells as the header")
    return rows


def _lines(text: str) -> list[tuple[int, str]]:
    return [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def _object(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: line {line} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: line {line} is no object {{…}}")
    return cast(dict[str, Any], data)


def _row(columns: Mapping[str, Column], main: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row.

    Raises:
        AnswerError: an unknown column, a value that is none of its kind, or one that is missing.
    """
    row: dict[str, Any] = {}
    for name, raw in cells.items():
        column = columns.get(main if name == "answer" and name not in columns else name)
        if column is None:
            raise AnswerError(f"{name}: an unknown column; there are {', '.join(columns)}")
        value = _value(column, raw)
        if value is not None:
            row[column.name] = value
    missing = [c.name for c in columns.values() if c.required and c.name not in row]
    if missing:
        raise AnswerError(f"nothing in {', '.join(missing)}")
    return row


def _value(column: Column, raw: Any) -> Any:
    """A cell's value; None where it is empty."""
    if column.kind == "facts" and isinstance(raw, list):
        return cast(list[Any], raw)
    text = "" if raw is None else str(raw).strip()
    if not text:
        return None
    if column.kind == "facts":
        if text.startswith("["):
            return json.loads(text)
        return [part.strip() for part in re.split(r"[\n;]", text) if part.strip()]
    if column.kind == "choice":
        if text.lower() not in column.choices:
            raise AnswerError(f"{column.name}: {text!r} is none of {', '.join(column.choices)}")
        return text.lower()
    if column.kind == "scale" and text.lower() in SCALES:
        return SCALES[text.lower()]
    if column.kind == "value" and text.lower() == NONE:
        return NONE
    number = float(text.replace(",", "")) if _NUMBER.fullmatch(text) else None
    if column.kind in ("number", "scale", "year"):
        if number is None:
            raise AnswerError(f"{column.name}: {text!r} is no number")
        return int(number) if column.kind == "year" else number
    return number if column.kind == "value" and number is not None else text
