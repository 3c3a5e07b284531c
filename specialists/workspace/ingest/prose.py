"""Text and Markdown to documents, a paragraph each; Markdown's tables to grids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from specialists.foundation.errors import IngestError
from specialists.workspace.catalogue import Document
from specialists.workspace.ingest.encoding import read_text
from specialists.workspace.ingest.headers import slug
from specialists.workspace.ingest.tables import Grid

MAX_PARAGRAPH = 4000
"""Characters. A longer paragraph is cut at a sentence's end."""

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_RULE = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_YEAR = re.compile(r"(?<!\d)(?:19[89]\d|20[0-4]\d)(?!\d)")
_NEWS = re.compile(r"headline|newswire|\bnews\b", re.IGNORECASE)
_FILING = re.compile(r"10-?[kq]|annual|filing|report|md&a", re.IGNORECASE)


@dataclass(frozen=True)
class Prose:
    """What a text file held."""

    documents: tuple[Document, ...]
    grids: tuple[Grid, ...]


def read(
    path: Path, *, markdown: bool, company: str | None, known_at: date, notes: list[str]
) -> Prose:
    """The paragraphs of a file, and a Markdown file's tables.

    A file whose name speaks of headlines or news gives one headline a line.

    Raises:
        IngestError: no words in it, or a Markdown table with rows of differing width.
    """
    lines = read_text(path, notes).split("\n")
    headings: dict[int, str] = {}
    block: list[str] = []
    paragraphs: list[tuple[str, str]] = []
    grids: list[Grid] = []
    kind = _kind(path.stem)

    def close() -> None:
        text = " ".join(" ".join(block).split())
        block.clear()
        if text:
            title = " · ".join(headings[level] for level in sorted(headings)) or path.stem
            paragraphs.extend((title, part) for part in _parts(text))

    number = 0
    while number < len(lines):
        line = lines[number].strip()
        heading = _HEADING.fullmatch(line) if markdown else None
        below = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if heading:
            close()
            level = len(heading[1])
            for deeper in [k for k in headings if k >= level]:
                del headings[deeper]
            headings[level] = heading[2]
        elif markdown and "|" in line and "|" in below and _RULE.fullmatch(below):
            caption = " ".join(block)
            close()
            under = headings[max(headings)] if headings else ""
            name = f"{path.stem} {under}".strip()
            grid, number = _grid(path, lines, number, name, f"{under} {caption}".strip())
            grids.append(grid)
            continue
        elif not line:
            close()
        else:
            block.append(line)
            if kind == "headline":
                close()
        number += 1
    close()
    if not paragraphs and not grids:
        raise IngestError(f"{path.name}: there is no text in it")
    stem = slug(f"{company or ''} {path.stem}", "text")
    documents = tuple(
        Document(
            id=f"{stem}-{n:04d}",
            title=text if kind == "headline" else title,
            kind=kind,
            company=company,
            year=_year(title) or _year(path.stem),
            published=known_at,
            text=text,
            source=path.name,
        )
        for n, (title, text) in enumerate(paragraphs, start=1)
    )
    return Prose(documents, tuple(grids))


def _kind(stem: str) -> Literal["headline", "filing", "note"]:
    if _NEWS.search(stem.replace("_", " ")):
        return "headline"
    return "filing" if _FILING.search(stem) else "note"


def _year(text: str) -> int | None:
    found = {int(y) for y in _YEAR.findall(text.replace("_", " "))}
    return found.pop() if len(found) == 1 else None


def _parts(text: str) -> list[str]:
    """A paragraph, cut at sentence ends where it is longer than one may be."""
    parts: list[str] = []
    rest = text
    while len(rest) > MAX_PARAGRAPH:
        ends = [m.start() for m in _SENTENCE_END.finditer(rest, 0, MAX_PARAGRAPH)]
        space = rest.rfind(" ", 0, MAX_PARAGRAPH)
        cut = ends[-1] if ends else space if space > 0 else MAX_PARAGRAPH
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*parts, rest] if rest else parts


def _grid(path: Path, lines: list[str], start: int, name: str, caption: str) -> tuple[Grid, int]:
    header = _cells(lines[start])
    rows: list[list[object]] = []
    number = start + 2
    while number < len(lines) and "|" in lines[number]:
        row = _cells(lines[number])
        if len(row) != len(header):
            raise IngestError(
                f"{path.name}, line {number + 1}: {len(row)} cells where the table's header has "
                f"{len(header)}"
            )
        rows.append(list(row))
        number += 1
    return Grid(name, header, rows, path.name, caption, start + 3), number


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]
