"""FinQA pages to a workspace: real tables of annual reports with the text around them.

Each page gives one table of its company and its sentences as filing paragraphs. Questions, programs
and answers are never read. Source: Chen et al., FinQA (2021), MIT licence; ids name ticker, year
and page (``ETR/2016/page_23.pdf-2``), and pages without such an id are skipped.

The data set lost its punctuation marks: ``2014`` stands for a dash and ``2019`` for an apostrophe.
A cell that is nothing but ``2014``, in a column of amounts, is therefore read as empty.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from specialists.foundation.errors import IngestError
from specialists.workspace.batch import Batch, NewTable
from specialists.workspace.catalogue import Company, Document
from specialists.workspace.ingest import cells, headers, tables
from specialists.workspace.ingest.tables import Grid

_ID = re.compile(r"([A-Z.]{1,6})/(\d{4})/(page_\d+)\.pdf-\d+")
_DASH = re.compile(r"\$?\s*2014\s*%?")
_APOSTROPHE = re.compile(r"\s2019(s\b|\s(?=\w))")
_NOTE_MARK = re.compile(r"(?:\s*[(\[]\s*\w\s*[)\]])+$")
_LONG = 900
"""Characters after which a paragraph ends with its sentence."""


def read(
    path: Path,
    *,
    limit: int | None = None,
    known_at: date | None = None,
    progress: Callable[[int], None] | None = None,
) -> Batch:
    """The pages of a FinQA JSONL file as one batch.

    Args:
        limit: at most so many pages, in the file's order.
        known_at: when the pages became known; by default the last day of February after their year.
        progress: told the number of pages read so far.

    Raises:
        IngestError: a line that is not a FinQA record, or no page with an id that names its source.
    """
    pages: dict[str, dict[str, Any]] = {}
    unnamed = 0
    for number, record in _records(path):
        if not _ID.fullmatch(record["id"]):
            unnamed += 1
            continue
        page = record["id"].rpartition("-")[0]
        if page not in pages:
            if limit is not None and len(pages) >= limit:
                break
            _check(path, number, record)
            pages[page] = record
            if progress is not None:
                progress(len(pages))
    if not pages:
        raise IngestError(f"{path.name}: no record has an id such as ETR/2016/page_23.pdf-2")
    notes: list[str] = []
    if unnamed:
        notes.append(f"{path.name}: {unnamed} records without ticker, year and page were skipped")
    batch = Batch(notes=tuple(notes))
    for page, record in pages.items():
        batch += _page(page, record, known_at)
    firms = {company.name: company for company in batch.companies}
    return Batch(batch.tables, batch.documents, tuple(firms.values()), batch.notes)


def _records(path: Path) -> Any:
    if not path.is_file():
        raise IngestError(f"{path}: there is no such file")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise IngestError(f"{path.name}, line {number}: not JSON: {error}") from error
            if not isinstance(record, dict) or not isinstance(record.get("id"), str):
                raise IngestError(f"{path.name}, line {number}: no record with an id")
            yield number, record


def _check(path: Path, number: int, record: dict[str, Any]) -> None:
    table = record.get("table")
    good = isinstance(table, list) and len(table) > 0 and all(isinstance(r, list) for r in table)
    if not good or not all(k in record for k in ("pre_text", "post_text")):
        raise IngestError(
            f"{path.name}, line {number}: a FinQA record has table, pre_text and post_text"
        )


def _page(page: str, record: dict[str, Any], known_at: date | None) -> Batch:
    found = _ID.fullmatch(record["id"])
    assert found is not None
    ticker, year, sheet = found[1], int(found[2]), found[3]
    day = known_at or date(year + 1, 2, 28)
    name, aliases = names().get(ticker, (ticker, ()))
    company = Company(name=name, ticker=ticker, aliases=aliases)
    before, after = _sentences(record["pre_text"]), _sentences(record["post_text"])
    notes: list[str] = []
    table = _table(page, record["table"], company, year, sheet, before, day, notes)
    title = f"{name} {year} annual report, {sheet.replace('_', ' ')}"
    paragraphs = [*_paragraphs(before), *_paragraphs(after)]
    documents = tuple(
        Document(
            id=f"{ticker}-{year}-{sheet}-{n}",
            title=title,
            kind="filing",
            company=name,
            year=year,
            published=day,
            text=text,
            source=page,
        )
        for n, text in enumerate(paragraphs, start=1)
    )
    made = (table,) if table is not None else ()
    return Batch(made, documents, (company,), tuple(notes))


def _table(
    page: str,
    raw: Sequence[Sequence[object]],
    company: Company,
    year: int,
    sheet: str,
    before: Sequence[str],
    day: date,
    notes: list[str],
) -> NewTable | None:
    width = len(raw[0])
    grid = [[_text(c) for c in row] for row in raw if len(row) == width]
    grid = [row for row in grid if not any("copyright" in cell for cell in row)]
    header, rows = grid[0], grid[1:]
    if any(cells.number(h) and headers.year(h) is None for h in header[1:]):
        header, rows = ["item", *(f"value {n}" for n in range(1, width))], grid
        if width == 2:
            header[1] = "value"
    rows = [
        [_NOTE_MARK.sub("", row[0]), *("" if _DASH.fullmatch(c) else c for c in row[1:])]
        for row in rows
    ]
    caption = before[-1] if before else ""
    lines = [row[0] for row in rows if row[0]]
    about = ", ".join(dict.fromkeys(lines[:4]))
    context = tables.Context(known_at=day, company=company.name, repair=True, one_company=True)
    try:
        made = tables.make(
            Grid(
                name=f"{company.ticker} {year} {sheet}",
                header=header,
                rows=rows,
                source=page,
                caption=" ".join(before[-3:])[-400:],
                title=f"{company.name} {year}: {about}"[:160],
                description=caption[:300],
            ),
            context,
        )
    except IngestError as error:
        notes.append(f"{page}: its table was skipped: {error}")
        return None
    notes += context.notes
    return made


def _text(cell: object) -> str:
    return _APOSTROPHE.sub(r"'\1", " ".join(str(cell).split()))


def _sentences(text: object) -> list[str]:
    """FinQA's text as sentences; newer copies hold a list of them."""
    joined = " ".join(map(str, text)) if isinstance(text, list) else str(text)
    joined = _APOSTROPHE.sub(r"'\1", " ".join(joined.split()))
    parts = (p.strip(" .") for p in re.split(r"(?<=[a-z0-9)%]) \. |(?<=\w\w)\. (?=\w)", joined))
    return [f"{p}." for p in parts if len(p) > 2]


def _paragraphs(sentences: Sequence[str]) -> list[str]:
    made: list[str] = []
    block = ""
    for sentence in sentences:
        block = f"{block} {sentence}".strip()
        if len(block) > _LONG:
            made.append(block)
            block = ""
    return [*made, block] if block else made


@cache
def names() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Ticker → name and other names of the companies in the data set."""
    text = files("specialists.workspace.ingest").joinpath("tickers.toml").read_text("utf-8")
    return {ticker: (said[0], tuple(said[1:])) for ticker, said in tomllib.loads(text).items()}
