"""Public questions over one page each, with the lines that answer them: FinQA and TAT-QA.

The training parts fit what ranks lines, the development parts measure it. Evidence is what the data
name, or where the numbers of the worked answer stand: a number that stands on several lines is
found with any of them. Read from a folder, never from the network; nothing of it is kept here.

Sources: Chen et al., FinQA (2021), MIT; Zhu et al., TAT-QA (2021), data CC BY 4.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from specialists.workspace.numbers import scan
from specialists.workspace.ranking import Line

Part = Literal["train", "test"]
Source = Literal["finqa", "tatqa"]
Cell = tuple[int, int]
"""Places of a line, and of one of its ``headers``."""


@dataclass(frozen=True)
class Asked:
    """A question over a page, and what answers it."""

    id: str
    question: str
    lines: tuple[Line, ...]
    gold: tuple[frozenset[int], ...]
    """For each piece of evidence, the lines that hold it; any of them will do."""
    cells: tuple[frozenset[Cell], ...] = ()
    """The same for single numbers of rows, where the evidence says which."""
    source: str = ""
    company: str = ""
    whole: bool = True
    """All of a page; else only its evidence, whose lines are no rivals to each other."""

    @property
    def sure(self) -> frozenset[int]:
        """Lines that are evidence beyond doubt."""
        return frozenset(next(iter(g)) for g in self.gold if len(g) == 1)


_SENTENCE = re.compile(r"(?<=[a-z0-9)]) \. ")
_PROSE = re.compile(r"(?<=[a-z0-9)%\]”\"])\.\s+(?=[A-Z(])")
_CHUNK = re.compile(r"((?:text|table)_\d+): ")
_STATED = re.compile(r"the (.+?) of (.+?) is ([^;]+?) ;")
_LITERAL = re.compile(r"(?<=[(\s])-?\d[\d.]*(?=%?[,)])")
_STEP = re.compile(r"(\w+)\(([^()]*)\)")


def read(root: Path, part: Part, source: Source) -> Iterator[Asked]:
    """Questions of one source below ``root`` (``$FINROUTE_DATA``) that have evidence.

    Raises:
        FileNotFoundError: the folder lacks the source's file.
    """
    if source == "finqa":
        name = "finqa/train_sample_98.jsonl" if part == "train" else "finqa/dev.jsonl"
        for record in _records(root / name):
            yield from _kept(_finqa(record))
        if part == "train":
            for record in _records(root / "finqa/train_partial_goldctx.jsonl"):
                yield from _kept(_evidence_only(record))
    elif part == "train":
        for record in _records(root / "tatqa/train_partial_ctx.jsonl"):
            yield from _kept(_tatqa_quoted(record))
    else:
        for page in json.loads((root / "tatqa/tatqa_dataset_dev.json").read_text("utf-8")):
            yield from _tatqa_page(page)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _kept(asked: Asked | None) -> Iterator[Asked]:
    if asked is not None and asked.gold:
        yield asked


def _values(text: str) -> frozenset[float]:
    """Absolute values of the numbers in a text, years among them."""
    return frozenset(round(abs(n.quantity.value), 6) for n in scan(text))


# --- FinQA --------------------------------------------------------------------------------------


def finqa_lines(record: Mapping[str, Any]) -> tuple[list[Line], list[list[str]]]:
    """A FinQA page's rows and sentences, and the cells of each row."""
    table: list[list[str]] = record["table"]
    header = table[0] if table else []
    lines: list[Line] = []
    cells: list[list[str]] = []
    for number, row in enumerate(table):
        plain = [n for c in row[1:] for n in scan(c) if not n.is_year]
        if number == 0 and not plain:
            continue
        kept = [j for j in range(1, min(len(row), len(header))) if scan(row[j])]
        heads = tuple(header[j] if number else "" for j in kept)
        lines.append(Line(row[0].strip(), heads))
        cells.append([row[j] for j in kept])
    for text in (record["pre_text"], record["post_text"]):
        whole = text if isinstance(text, str) else " . ".join(text)
        for sentence in _SENTENCE.split(whole):
            if sentence.strip(" ."):
                lines.append(Line(sentence.strip(), table=False))
                cells.append([])
    return lines, cells


def _finqa(record: Mapping[str, Any]) -> Asked:
    lines, cells = finqa_lines(record)
    numbers = [_values(line.text) if not line.table else frozenset[float]() for line in lines]
    gold: list[frozenset[int]] = []
    places: list[frozenset[Cell]] = []
    for name, inside in _STEP.findall(record["program"]):
        first = inside.split(",")[0].strip()
        if name.startswith("table_"):
            rows = frozenset(i for i, line in enumerate(lines) if line.table and line.text == first)
            gold += [rows] if rows else []
            places += [frozenset({(i, j)}) for i in rows for j in range(len(cells[i]))]
    for literal in dict.fromkeys(_LITERAL.findall(record["program"])):
        value = round(abs(float(literal)), 6)
        spots = frozenset(
            (i, j) for i, row in enumerate(cells) for j, c in enumerate(row) if value in _values(c)
        )
        told = frozenset(i for i, held in enumerate(numbers) if value in held)
        found = frozenset(i for i, _ in spots) | told
        if found:
            gold.append(found)
        if spots and not told:
            places.append(spots)
    named = record.get("gold_inds")
    if named:
        sure = _named(named, lines)
        gold = [g & sure or g for g in gold] or [frozenset({i}) for i in sorted(sure)]
        places = [frozenset(c for c in p if c[0] in sure) or p for p in places]
    company = record["id"].split("/")[0] if "/" in record["id"] else ""
    return Asked(
        f"finqa/{record['id']}",
        record["question"],
        tuple(lines),
        tuple(dict.fromkeys(gold)),
        tuple(dict.fromkeys(places)),
        "finqa",
        company,
    )


def _named(named: Mapping[str, str], lines: Sequence[Line]) -> frozenset[int]:
    """The lines that the data set names as evidence."""
    found: set[int] = set()
    for text in named.values():
        stated = {row.strip() for row, _, _ in _STATED.findall(text)}
        for i, line in enumerate(lines):
            if line.table:
                label = line.text
                hit = bool(label) and any(s == label or s.endswith(f" {label}") for s in stated)
            else:
                hit = len(line.text) > 20 and line.text.strip(" .") in text
            if hit:
                found.add(i)
    return frozenset(found)


def _evidence_only(record: Mapping[str, Any]) -> Asked:
    text = record["contexts"].partition("\n")[2]
    parts = _CHUNK.split(text)[1:]
    lines: list[Line] = []
    for kind, chunk in zip(parts[::2], parts[1::2], strict=True):
        stated = _STATED.findall(chunk)
        if kind.startswith("table") and stated:
            lines.append(Line(stated[0][0].strip(), tuple(c.strip() for _, c, _ in stated)))
        elif chunk.strip(" ."):
            lines.append(Line(chunk.strip()[:600], table=False))
    gold = tuple(frozenset({i}) for i in range(len(lines)))
    return Asked(
        f"finqa/{record['id']}", record["question"], tuple(lines), gold, (), "finqa", whole=False
    )


# --- TAT-QA -------------------------------------------------------------------------------------


def tatqa_lines(
    table: Sequence[Sequence[str]], paragraphs: Sequence[str]
) -> tuple[list[Line], list[list[str]]]:
    """A TAT-QA page's rows and sentences, and the cells of each row."""
    head = next((i for i, row in enumerate(table) if _is_body(row)), len(table))
    while head > 1 and not any(cell.strip() for cell in table[head - 1][1:]):
        head -= 1  # a heading of rows, not of columns
    width = max((len(r) for r in table), default=0)
    above = [_header(table[:head], j) for j in range(width)]
    lines: list[Line] = []
    cells: list[list[str]] = []
    heading = ""
    for row in table[head:]:
        kept = [j for j in range(1, len(row)) if scan(row[j])]
        label = row[0].strip() if row else ""
        if not kept:
            heading = label or heading
            continue
        lines.append(Line(label, tuple(above[j] for j in kept), heading))
        cells.append([row[j] for j in kept])
    for paragraph in paragraphs:
        for sentence in _PROSE.split(paragraph):
            if sentence.strip():
                lines.append(Line(sentence.strip(), table=False))
                cells.append([])
    return lines, cells


def _header(rows: Sequence[Sequence[str]], column: int) -> str:
    """What stands above a column; a heading over several columns reaches to the right."""
    parts: list[str] = []
    for row in rows:
        cell = row[column].strip() if column < len(row) else ""
        parts.append(cell)
    return " ".join(dict.fromkeys(p for p in parts if p))


def _is_body(row: Sequence[str]) -> bool:
    numbers = [n for cell in row[1:] for n in scan(cell)]
    return bool(row) and bool(row[0].strip()) and any(not n.is_year for n in numbers)


def _markdown(text: str) -> list[list[str]]:
    rows = [r.strip() for r in text.splitlines() if r.strip().startswith("|")]
    cells = [[c.strip() for c in r.strip("|").split("|")] for r in rows]
    return [r for r in cells if not all(re.fullmatch(r"-{3,}", c) for c in r)]


def _tatqa_quoted(record: Mapping[str, Any]) -> Asked | None:
    """A question whose evidence is quoted; numbers of a worked answer are not told."""
    chunks = re.split(r"^\[(\w+)\] type=(?:table|text)\n", record["contexts"], flags=re.M)[1:]
    table: list[list[str]] = []
    paragraphs: list[str] = []
    for name, text in zip(chunks[::2], chunks[1::2], strict=True):
        if name.endswith("_table"):
            table = _markdown(text)
        else:
            paragraphs.append(" ".join(text.split()))
    lines, cells = tatqa_lines(table, paragraphs)
    gold: list[frozenset[int]] = []
    places: list[frozenset[Cell]] = []
    for evidence in record["evidence"]:
        quote = " ".join(evidence["quote"].split())
        if evidence["chunk_id"].endswith("_table"):
            spots, rows = _quoted(quote, lines, cells)
            gold += [rows] if rows else []
            places += [spots] if spots else []
        elif len(quote) < 160:
            told = frozenset(
                i for i, line in enumerate(lines) if not line.table and quote in line.text
            )
            gold += [told] if told else []
    if not gold:
        found = _induced(record, lines, cells)
        gold = [frozenset({i}) for i in dict.fromkeys(i for i, _ in found)]
        places = [frozenset({c}) for c in found]
    return Asked(
        f"tatqa/{record['id']}", record["question"], tuple(lines), tuple(gold), tuple(places),
        "tatqa",
    )  # fmt: skip


def _quoted(
    quote: str, lines: Sequence[Line], cells: Sequence[Sequence[str]]
) -> tuple[frozenset[Cell], frozenset[int]]:
    if quote.startswith("|"):
        return frozenset(), frozenset()
    value = _values(quote)
    if len(value) == 1 and re.fullmatch(r"[\s$€£()%\d,.\-–]+", quote):
        if any(n.is_year for n in scan(quote)):
            return frozenset(), frozenset()  # a year stands in the header
        spots = frozenset(
            (i, j) for i, row in enumerate(cells) for j, c in enumerate(row) if value & _values(c)
        )
        return spots, frozenset(i for i, _ in spots)
    rows = frozenset(i for i, line in enumerate(lines) if line.table and line.text == quote)
    return frozenset(), rows


_PERCENT = re.compile(r"percent|%|rate", re.I)


def _induced(
    record: Mapping[str, Any], lines: Sequence[Line], cells: Sequence[Sequence[str]]
) -> list[Cell]:
    """The two numbers of one row or one column whose only computation gives the answer."""
    answer = re.match(r"\s*-?[\d,]+(?:\.\d+)?", str(record["answer"]).replace("$", ""))
    if answer is None:
        return []
    gold = abs(float(answer[0].replace(",", "")))
    percent = "percent" in str(record["answer"])
    numbers = {
        (i, j): scan(c)[0].quantity.value for i, row in enumerate(cells) for j, c in enumerate(row)
    }
    found: list[list[Cell]] = []
    for a, x in numbers.items():
        for b, y in numbers.items():
            if a == b or (a[0] != b[0] and a[1] != b[1]):
                continue
            if any(_near(gold, v) for v in _outcomes(x, y, percent, a < b)):
                found.append(sorted((a, b)))
    pairs = {tuple(p) for p in found}
    return list(pairs.pop()) if len(pairs) == 1 else []


def _outcomes(x: float, y: float, percent: bool, first: bool) -> Iterator[float]:
    if percent:
        if y:
            yield abs((x - y) / y * 100)
            yield abs(x / y * 100)
    elif first:
        yield abs(x - y)
        yield abs((x + y) / 2)
        yield abs(x + y)


def _near(gold: float, value: float) -> bool:
    return gold > 0.02 and abs(gold - value) <= 0.00501 if gold < 1e5 else abs(gold - value) < 0.51


def _tatqa_page(page: Mapping[str, Any]) -> Iterator[Asked]:
    lines, cells = tatqa_lines(page["table"]["table"], [p["text"] for p in page["paragraphs"]])
    for question in page["questions"]:
        gold: list[frozenset[int]] = []
        places: list[frozenset[Cell]] = []
        for told in _told(question):
            values = _values(told)
            number = bool(values) and re.fullmatch(r"[\s$€£()%\d,.\-–]+(?:million|billion)?", told)
            if number:
                if any(n.is_year for n in scan(told)):
                    continue
                spots = frozenset(
                    (i, j)
                    for i, row in enumerate(cells)
                    for j, c in enumerate(row)
                    if values & _values(c)
                )
                texts = frozenset(
                    i
                    for i, line in enumerate(lines)
                    if not line.table and "text" in question["answer_from"]
                    and values & _values(line.text)
                )  # fmt: skip
                if question["answer_from"] == "text":
                    spots = frozenset[Cell]()
                found = frozenset(i for i, _ in spots) | texts
                gold += [found] if found else []
                places += [spots] if spots and not texts else []
            else:
                found = frozenset(
                    i
                    for i, line in enumerate(lines)
                    if (line.text == told if line.table else told in line.text)
                )
                gold += [found] if found else []
        if gold:
            yield Asked(
                f"tatqa/{question['uid']}",
                question["question"],
                lines=tuple(lines),
                gold=tuple(dict.fromkeys(gold)),
                cells=tuple(dict.fromkeys(places)),
                source="tatqa",
            )


def _told(question: Mapping[str, Any]) -> list[str]:
    """The pieces of a worked answer: numbers of its derivation, or its spans."""
    if question["answer_type"] in ("arithmetic", "count") or question["derivation"]:
        return list(dict.fromkeys(re.findall(r"\d[\d,]*(?:\.\d+)?", question["derivation"])))
    answer = question["answer"]
    return [str(a).strip() for a in answer] if isinstance(answer, list) else [str(answer)]
