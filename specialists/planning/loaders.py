"""Real questions as examples: FinQA's and TAT-QA's training parts, where the plan can be told.

A page's table becomes a catalogue of one company: each row a measure, each year a period. The real
linker reads the question over it. Of all clauses over what the question names, those that come to
the gold answer are kept; where they agree on one clause the question is an example, else it is left
out. Questions are read at training time and never written anywhere.

- ``finqa`` (Chen et al. 2021, MIT): ``train_sample_98.jsonl``, ``train_partial_goldctx.jsonl``
- ``tatqa`` (Zhu et al. 2021, data CC BY 4.0): ``train_partial_ctx.jsonl``

Questions of the same words (measures, years and numbers aside) are one cluster; one cluster in five
is held out whole and is what ``load(…, "test")`` gives.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from specialists.foundation.contracts import Message, Plan
from specialists.phrasing import held_out
from specialists.planning import clauses
from specialists.planning.clauses import Clause, Noun
from specialists.planning.render import PlanningInputs, compact
from specialists.task import Example, system
from specialists.workspace.catalogue import Catalogue, Column, Company, Period, Table
from specialists.workspace.handles import PATTERN, Handles
from specialists.workspace.links import Linked, Linker
from specialists.workspace.numbers import scan

if TYPE_CHECKING:
    from specialists.planning.task import PlanningTask

Part = Literal["train", "test"]
Cells = dict[tuple[str, int], float]
"""Value by row label and year."""

_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
_STATED = re.compile(r"the (.+?) of (.+?) is ([^;]+?) ;")
_CHUNK = re.compile(r"(?:text|table)_\d+: ")
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
_COMPANY = "the reporting company"
_RELATIVE = 2e-3
_COMMON = frozenset(
    [
        *(
            "what",
            "was",
            "is",
            "were",
            "the",
            "of",
            "in",
            "to",
            "a",
            "an",
            "for",
            "and",
            "as",
            "on",
        ),
        *("by", "how", "did", "much", "from", "between", "at", "?", ".", ",", "'s"),
    ]
)


@dataclass(frozen=True)
class Asked:
    """A real question with its table and its answer."""

    id: str
    question: str
    cells: Cells
    gold: float
    percent: bool
    """The answer may be told in percent or as a fraction."""
    source: str


def load(
    task: PlanningTask, root: Path, part: Part, sources: Sequence[str] = ("finqa", "tatqa")
) -> Iterator[Example[PlanningInputs, Plan]]:
    """Examples of the training parts below ``root`` (``$FINROUTE_DATA``).

    Args:
        part: ``test`` gives the clusters held out of ``train``.

    Raises:
        FileNotFoundError: the folder lacks a source's file.
    """
    readers = {"finqa": _finqa, "tatqa": _tatqa}
    for source in sources:
        seen: set[str] = set()
        for asked in readers[source](root):
            example = _example(task, asked, part)
            if example is not None and example.inputs.question not in seen:
                seen.add(example.inputs.question)
                yield example


# --- pages --------------------------------------------------------------------------------------


def _finqa(root: Path) -> Iterator[Asked]:
    for record in _records(root / "finqa/train_sample_98.jsonl"):
        table: list[list[str]] = record["table"]
        cells = _cells(table[0], table[1:]) if len(table) > 1 else {}
        yield from _asked(record["id"], record["question"], cells, record["exe_ans"], "finqa")
    for record in _records(root / "finqa/train_partial_goldctx.jsonl"):
        stated: Cells = {}
        for chunk in _CHUNK.split(record["contexts"].partition("\n")[2]):
            for row, column, cell in _STATED.findall(chunk):
                _put(stated, row, column, cell)
        yield from _asked(record["id"], record["question"], stated, record["answer"], "finqa")


def _tatqa(root: Path) -> Iterator[Asked]:
    for record in _records(root / "tatqa/train_partial_ctx.jsonl"):
        rows = [[c.strip() for c in r.split(" | ")] for r in _ROW.findall(record["contexts"])]
        head = next((i for i, r in enumerate(rows) if len(_YEAR.findall(" ".join(r))) > 1), None)
        if head is None:
            continue
        cells = _cells(rows[head], rows[head + 1 :])
        yield from _asked(record["id"], record["question"], cells, record["answer"], "tatqa")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _asked(id_: str, question: str, cells: Cells, gold: Any, source: str) -> Iterator[Asked]:
    text = str(gold)
    numbers = [float(gold)] if isinstance(gold, int | float) else _numbers(text)
    if len(cells) > 1 and len(numbers) == 1:
        percent = source == "finqa" or "percent" in text or "%" in text
        yield Asked(id_, question, cells, numbers[0], percent, source)


def _numbers(text: str) -> list[float]:
    try:
        return [float(text)]
    except ValueError:
        return [n.quantity.value for n in scan(text) if not n.is_year]


def _cells(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Cells:
    cells: Cells = {}
    for row in rows:
        for column, cell in zip(header[1:], row[1:], strict=False):
            _put(cells, row[0], column, cell)
    return cells


def _put(cells: Cells, row: str, column: str, cell: str) -> None:
    """One number, where either its row or its column is a year."""
    numbers = scan(cell)
    across, down = _YEAR.findall(column), _YEAR.findall(row)
    if not numbers:
        return
    if len(across) == 1 and row.strip(" -|"):
        cells.setdefault((row.strip(), int(across[0])), numbers[0].quantity.value)
    elif len(down) == 1 and not across and column.strip(" -|"):
        cells.setdefault((column.strip(), int(down[0])), numbers[0].quantity.value)


def _catalogue(cells: Cells) -> Catalogue:
    labels = list(dict.fromkeys(label for label, _ in cells))
    years = tuple(sorted({year for _, year in cells}))
    columns = [Column(name="fiscal_year", title="fiscal year", role="period", type="number")]
    columns += [
        Column(name=f"m{i}", title=label, role="measure", type="number", unit="USD", scale=1e6)
        for i, label in enumerate(labels)
    ]
    table = Table(
        name="page",
        title="page",
        company=_COMPANY,
        columns=tuple(columns),
        periods=years,
        rows=len(years),
    )
    return Catalogue(
        workspace="page",
        version="public",
        as_of=date(2100, 1, 1),
        companies=(Company(name=_COMPANY),),
        tables=(table,),
    )


# --- examples -----------------------------------------------------------------------------------


def _example(task: PlanningTask, asked: Asked, part: Part) -> Example[PlanningInputs, Plan] | None:
    from specialists.planning.check import left_out
    from specialists.planning.task import expand

    catalogue = _catalogue(asked.cells)
    inputs = PlanningInputs(asked.question, catalogue, Linker(catalogue))
    handles = Handles(random.Random(asked.id))
    text, linked = compact(inputs, handles)
    clause = _meant(asked, linked)
    if clause is None or linked.unknown:
        return None
    reply = clauses.write((clause,), handles)
    plan = expand(inputs, (clause,))
    if reply is None or not plan.subtasks or left_out(linked, plan):
        return None
    words = sorted({w for w in PATTERN.sub(" ", text).split() if w not in _COMMON})
    cluster = f"{clause.verb} {' '.join(words)}"
    if held_out(cluster) != (part == "test"):
        return None
    return Example(
        id=f"{asked.source}/{asked.id}",
        inputs=inputs,
        answer=plan,
        dialogue=(
            system(task.name, task.instructions, "compact"),
            Message(role="user", content=text),
            Message(role="assistant", content=reply),
        ),
        fold="templates" if part == "test" else "train",
        company="",
        template=f"{asked.source}:{cluster}",
        source=asked.source,
    )


def _meant(asked: Asked, linked: Linked) -> Clause | None:
    """The one clause over what the question names that comes to gold; None where none or several.

    Where a looked-up number and an arithmetic one both fit, or two operations do, nobody can say
    what was meant.
    """
    titles = {label.casefold(): label for label, _ in asked.cells}
    named = [
        titles[target.label.casefold()]
        for handle, target in linked.handles.items()
        if target.kind == "c" and handle in linked.text and target.label.casefold() in titles
    ]
    periods = [
        target.value
        for handle, target in linked.handles.items()
        if target.kind == "p" and handle in linked.text
    ]
    if not named or not periods:
        return None
    fits = [
        clause
        for clause, value in _candidates(named, periods, asked.cells)
        if _CUES.get(clause.verb, _ANY).search(asked.question) and _comes_to(value, clause, asked)
    ]
    kinds = {(c.verb, c.form) for c in fits}
    return fits[0] if len(kinds) == 1 else None


def _candidates(
    named: Sequence[str], periods: Sequence[Period], cells: Cells
) -> Iterator[tuple[Clause, float]]:
    """Clauses over some measures and all the years, each with what it comes to."""
    times = tuple(periods)
    first, last = min(p.first for p in times), max(p.last for p in times)
    years = [y for p in times for y in range(p.first, p.last + 1)]
    for label in named:
        noun = (Noun(label),)
        values = [cells[label, y] for y in years if (label, y) in cells]
        if len(years) == 1 and values:
            yield Clause("get", None, noun, periods=times), values[0]
        one = first if first != last else first - 1
        if (label, one) in cells and (label, last) in cells:
            a, b = cells[label, one], cells[label, last]
            yield Clause("change", None, noun, periods=times), b - a
            if a:
                yield Clause("growth", None, noun, periods=times), (b - a) / abs(a)
        if len(values) == len(years) > 1:
            yield Clause("mean", None, noun, periods=times), math.fsum(values) / len(values)
            yield Clause("sum", None, noun, periods=times), math.fsum(values)
            yield Clause("max", None, noun, periods=times), max(values)
            yield Clause("min", None, noun, periods=times), min(values)
    if len(years) != 1:
        return
    for one_, two in permutations(named, 2):
        a, b = cells.get((one_, years[0])), cells.get((two, years[0]))
        if a is None or b is None:
            continue
        nouns = (Noun(one_), Noun(two))
        yield Clause("get", "less", nouns, periods=times), a - b
        if b:
            yield Clause("get", "share", nouns, periods=times), a / b
            yield Clause("get", "over", nouns, periods=times), a / b
    for one_, two in combinations(named, 2):
        a, b = cells.get((one_, years[0])), cells.get((two, years[0]))
        if a is not None and b is not None:
            yield Clause("get", "plus", (Noun(one_), Noun(two)), periods=times), a + b


_ANY = re.compile("")
_CUES: Mapping[str, re.Pattern[str]] = {
    "mean": re.compile(r"average|mean\b", re.I),
    "sum": re.compile(r"total|sum\b|combined|cumulative|together", re.I),
    "max": re.compile(r"high|max|most|larg|peak", re.I),
    "min": re.compile(r"low|min\b|minimum|least|small", re.I),
    "growth": re.compile(r"percent|growth|grow|rate|return|%|chang|increas|decreas|declin", re.I),
}
"""Words without which an operation is not meant, even where its number fits."""
_RATES: Mapping[str, bool] = {"growth": True, "share": True, "over": False}
_PERCENT = re.compile(r"percent|portion|share|fraction|%|as a part|growth|how much of", re.I)


def _comes_to(value: float, clause: Clause, asked: Asked) -> bool:
    """Whether a value is gold: a rate as a fraction or in percent, a change with either sign."""
    rate = _RATES.get(clause.form or clause.verb)
    if rate is None:
        return _near(abs(value) if clause.verb == "change" else value, asked.gold, clause)
    told = bool(_PERCENT.search(asked.question)) or not asked.percent
    if clause.form is not None and rate != told:
        return False
    forms = (value, value * 100.0) if rate else (value,)
    return any(_near(abs(v), asked.gold, clause) for v in forms)


def _near(value: float, gold: float, clause: Clause) -> bool:
    signed = clause.verb == "change" or clause.verb == "growth" or clause.form is not None
    wanted = abs(gold) if signed else gold
    have = abs(value) if signed else value
    decimals = len(f"{gold!r}".partition(".")[2]) if "e" not in repr(gold) else 5
    rounding = 0.5 * 10.0**-decimals if gold != round(gold) else 0.0
    return abs(have - wanted) <= max(_RELATIVE * wanted, rounding, 1e-9)
