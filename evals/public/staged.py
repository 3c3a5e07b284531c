"""Public sets as examples of a specialist, read by the specialists' own loaders.

Those read one layout, the data folder's. A file from elsewhere, or a hub's rows, is written down in
that layout for as long as it is read; so that one form has one reader, and its rules (which part is
for testing, which near-duplicates are dropped) hold whatever the source.
"""

from __future__ import annotations

import ast
import csv
import importlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.public import origin
from evals.public.catalogue import Published, published
from evals.public.rows import Row
from specialists import registry
from specialists.foundation.errors import ConfigError, InputError
from specialists.task import Example

TONES = ("positive", "neutral", "negative")


def examples(
    name: str, *, job: str = "", source: str | Path | None = None, data: Path | None = None
) -> Iterator[Example[Any, Any]]:
    """The test part of a public set as examples of a job.

    Args:
        job: the specialist; empty: the set's usual one.
        source: see ``origin.read``.

    Raises:
        NotFound: no such set.
        ConfigError: the set holds no questions for that job.
        InputError: the rows are not what they must be; names file, line and field.
    """
    about = published(name)
    chosen = job or next(iter(about.jobs), "")
    if about.kind != "job" or chosen not in about.jobs:
        known = ", ".join(about.jobs) or "none"
        raise ConfigError(
            f"{about.title} has no examples for {job or 'a specialist'}; for: {known}"
        )
    loaders: Any = importlib.import_module(f"specialists.{chosen}.loaders")
    task = registry.task(chosen)
    records = list(_records(about, origin.read(about, source, data)))
    with tempfile.TemporaryDirectory(prefix="finroute-public-") as folder:
        root = Path(folder)
        _write(root / about.at_home, records)
        yield from loaders.load(task, root, "test", (name,))


def _records(about: Published, rows: Iterator[Row]) -> Iterator[dict[str, Any]]:
    forms = {"finqa": _finqa, "tatqa": _tatqa, "sentfin": _sentfin, "tfns": _tfns}
    form = forms[about.name]
    return (form(row, number) for number, row in enumerate(rows, 1))


def _finqa(row: Row, number: int) -> dict[str, Any]:
    table = row.items("table")
    if not all(isinstance(line, list) for line in table):
        raise row.wrong("table", "a list of rows", table)
    gold = row.get("exe_ans")
    if isinstance(gold, str) and gold not in ("yes", "no"):
        try:
            gold = float(gold)
        except ValueError as error:
            raise row.wrong("exe_ans", "a number, yes or no", gold) from error
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        raise row.wrong("exe_ans", "a number, yes or no", gold)
    return {
        "id": row.text("id"),
        "question": row.text("question"),
        "pre_text": row.get("pre_text"),
        "post_text": row.get("post_text"),
        "table": table,
        "program": row.text("program"),
        "exe_ans": gold,
        "answer": row.values.get("answer", ""),
    }


_ASKED = ("uid", "question", "answer", "answer_type", "answer_from", "scale")


def _tatqa(row: Row, number: int) -> dict[str, Any]:
    table = Row(row.mapping("table"), row.where)
    if not all(isinstance(line, list) for line in table.items("table")):
        raise row.wrong("table.table", "a list of rows", table.get("table"))
    table.text("uid")
    for paragraph in row.items("paragraphs"):
        for name in ("text", "order"):
            Row(paragraph, f"{row.where}, paragraphs").get(name)
    for place, asked in enumerate(row.items("questions"), 1):
        missing = [name for name in _ASKED if name not in asked]
        if missing:
            raise InputError(f"{row.where}: field questions[{place}].{missing[0]} is missing")
    return dict(row.values)


def _sentfin(row: Row, number: int) -> dict[str, Any]:
    told = row.get("entities|Decisions")
    if isinstance(told, str):  # the authors' CSV holds a dictionary as text
        try:
            told = ast.literal_eval(told)
        except (ValueError, SyntaxError) as error:
            raise row.wrong("entities|Decisions", "a tone by entity", told) from error
    if not isinstance(told, dict) or not told:
        raise row.wrong("entities|Decisions", "a tone by entity", told)
    for entity, tone in told.items():
        if tone not in TONES:
            raise row.wrong(f"entities.{entity}", f"one of {', '.join(TONES)}", tone)
    return {"id": number, "title": row.text("title|Title"), "entities": told}


def _tfns(row: Row, number: int) -> dict[str, Any]:
    label = row.text("label")
    if label not in ("0", "1", "2"):
        raise row.wrong("label", "0 (bearish), 1 (bullish) or 2 (neutral)", label)
    return {"text": row.text("text"), "label": label}


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    elif path.suffix == ".json":
        path.write_text(json.dumps(records), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
