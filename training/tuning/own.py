# pyright: basic
"""Data of one's own: a CSV or JSONL file of inputs and answers becomes examples.

Every line is checked before anything is learned from, and all that is wrong is told at once, by
line and column. Nothing is dropped in silence: what several annotators do not agree on is left out,
counted and listed; a gold answer that fails its job's own check stops everything.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import importlib
import io
import json
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, cast

from specialists.foundation.digests import file_digest
from specialists.foundation.errors import AnswerError, InputError, NotFound
from specialists.own import NONE, SCALES, Column, Format, Row, seed_of
from specialists.task import Example, Task
from specialists.workspace.demo import NAME as DEMO
from specialists.workspace.demo import build
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.versions import Workspace

LISTED = 20
"""Faults that a message tells in full."""
COMMON = (
    Column("id", "what the row is called; rows of several annotators share it; default: the line"),
    Column("group", "rows of a group are learned from or watched with together; default: company"),
    Column("annotator", "who gave the answer, where several did, each in a row of their own"),
)
_DIGITS = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_OTHERS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a spreadsheet (.xlsx)",
}


@dataclass(frozen=True)
class Own:
    """What a file gave."""

    examples: list[Example[Any, Any]]
    about: dict[str, Any]
    """Counts, the file's digest, its licence, the annotators' agreement: for the record."""


@dataclass(frozen=True)
class Fault:
    """Something wrong with a line."""

    line: int
    text: str


@dataclass
class Line:
    """A row as it was read."""

    number: int
    values: dict[str, Any]


@dataclass
class Item:
    """One question, with the answers it was given."""

    line: int
    name: str
    row: dict[str, Any]
    """Its inputs."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By annotator; ``""``: the one answer of a file without annotators."""
    lines: list[int] = field(default_factory=list)


def examples(task: Task[Any, Any], path: Path, workspace: str = "", *, licence: str = "") -> Own:
    """The examples of a file.

    Args:
        workspace: name or folder of the workspace that its questions are about, where the job reads
            one.
        licence: of the data, for the record.

    Raises:
        InputError: all that is wrong with the file, by line and column.
        NotFound: no such workspace, or a job that takes no data of one's own.
    """
    form = format_of(task.name)
    lines = read(path)
    items = _items(path, form, lines)
    told, left_out, agreement = settle(form, items)
    world = _workspace(task.name, workspace) if form.WORKSPACE else None
    made = _made(task, form, path, told, world)
    about: dict[str, Any] = {
        "file": path.name,
        "digest": file_digest(path),
        "licence": licence or "not stated",
        "rows": len(lines),
        "questions": len(items),
        "examples": len(made),
        "left_out": len(left_out),
    }
    if left_out:
        about["not_agreed"] = [f"line {i.line}: {i.name}" for i in left_out[: 5 * LISTED]]
    if agreement is not None:
        about["agreement"] = agreement
    if world is not None:
        about["workspace"] = {"name": world.catalogue.workspace, "digest": world.digest}
    bare = sum(not e.dialogue or e.dialogue[-1].role != "assistant" for e in made)
    if bare:
        about["without_dialogue"] = bare
    return Own(made, about)


def format_of(name: str) -> Format:
    """What a job's file holds.

    Raises:
        NotFound: the job takes no data of one's own.
    """
    try:
        return cast(Format, importlib.import_module(f"specialists.{name}.own"))
    except ModuleNotFoundError as error:
        if not f"specialists.{name}.own".startswith(str(error.name)):
            raise
        raise NotFound(f"the job {name!r} takes no data of one's own") from error


# --- reading ------------------------------------------------------------------------------------


def read(path: Path) -> list[Line]:
    """The rows of a CSV (``.csv``, ``.tsv``) or JSONL (``.jsonl``, ``.ndjson``) file, unchecked.

    Raises:
        InputError: no such file, another kind, not UTF-8, empty, or lines that cannot be read.
    """
    kinds = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    reader = kinds.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: a file of {', '.join(kinds)} is wanted")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    lines, faults = reader(_text(path, raw), path.suffix.lower() == ".tsv")
    if faults:
        raise _refused(path, faults)
    if not lines:
        raise InputError(f"{path} holds no rows")
    return lines


def _text(path: Path, raw: bytes) -> str:
    for start, what in _OTHERS.items():
        if raw.startswith(start):
            raise InputError(f"{path} is {what}: save it as UTF-8 text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line} is not UTF-8 (byte 0x{raw[error.start]:02x}): save the file as "
            "UTF-8"
        ) from error


def _csv(text: str, tabs: bool) -> tuple[list[Line], list[Fault]]:
    """Rows under a header. A line break within quotes is part of the cell."""
    header = text.partition("\n")[0]
    apart = "\t" if tabs or ("\t" in header and "," not in header) else ","
    if ";" in header and "," not in header and "\t" not in header:
        apart = ";"
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=apart, strict=True)
    lines: list[Line] = []
    faults: list[Fault] = []
    names: list[str] | None = None
    before = 0
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = [cell.strip() for cell in cells]
                if doubled := [n for n, k in Counter(names).items() if k > 1 or not n]:
                    what = ", ".join(repr(n) for n in doubled)
                    return [], [Fault(number, f"the header names the column {what} twice or not")]
            elif len(cells) != len(names):
                faults.append(
                    Fault(
                        number,
                        f"{len(cells)} cells where the header has {len(names)}; put a cell with "
                        f"{apart!r} in it between double quotes",
                    )
                )
            else:
                lines.append(Line(number, dict(zip(names, cells, strict=True))))
    except csv.Error as error:
        faults.append(Fault(before + 1, f"not CSV: {error}"))
    return lines, faults


def _jsonl(text: str, _: bool) -> tuple[list[Line], list[Fault]]:
    lines: list[Line] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line, object_pairs_hook=_once, parse_constant=_constant)
        except (ValueError, RecursionError) as error:
            faults.append(Fault(number, f"not JSON: {error}"))
            continue
        if isinstance(data, dict):
            lines.append(Line(number, data))
        else:
            faults.append(Fault(number, "not an object {…}, one a line"))
    return lines, faults


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError(f"a key stands twice in {[key for key, _ in pairs]}")
    return data


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _refused(path: Path, faults: Sequence[Fault]) -> InputError:
    """All that is wrong, the first of it in full."""
    ordered = sorted(faults, key=lambda fault: fault.line)
    told = [f"line {fault.line}: {fault.text}" for fault in ordered[:LISTED]]
    rest = ordered[LISTED:]
    if rest:
        numbers = ", ".join(str(n) for n in dict.fromkeys(fault.line for fault in rest))
        told.append(f"and {len(rest)} more, in lines {numbers}")
    many = f"{len(faults)} faults" if len(faults) > 1 else "a fault"
    return InputError(f"{path} has {many}; nothing was learned from it:\n  " + "\n  ".join(told))


# --- columns ------------------------------------------------------------------------------------


def _items(path: Path, form: Format, lines: Sequence[Line]) -> list[Item]:
    """The questions of a file, values checked, the rows of one question together."""
    columns = {column.name: column for column in (*COMMON, *form.COLUMNS)}
    main = next(c.name for c in form.COLUMNS if c.answer)
    faults = _strange(columns, main, lines)
    if faults:
        raise _refused(path, faults)
    items: dict[str, Item] = {}
    for line in lines:
        common, inputs, answers = _parted(columns, main, line, faults)
        name = str(common.get("id") or line.number)
        item = items.get(name)
        if item is None:
            item = items[name] = Item(line.number, name, inputs | _group(common))
        elif who := _doubled(item, common, inputs, answers):
            faults.append(Fault(line.number, who))
            continue
        item.answers |= answers
        item.lines.append(line.number)
    if faults:
        raise _refused(path, faults)
    return list(items.values())


def _group(common: Mapping[str, Any]) -> dict[str, Any]:
    return {"group": common["group"]} if "group" in common else {}


def _doubled(
    item: Item,
    common: Mapping[str, Any],
    inputs: Mapping[str, Any],
    answers: Mapping[str, Any],
) -> str:
    """Why a row cannot be another annotator's of the same question; empty where it can."""
    again = sorted(item.answers.keys() & answers.keys())
    if "annotator" not in common and again:
        return f"id: {item.name!r} stands in line {item.line} already"
    if again:
        return f"annotator: {again[0]!r} answered {item.name!r} already"
    given = dict(inputs) | _group(common)
    differing = [k for k in item.row.keys() | given.keys() if item.row.get(k) != given.get(k)]
    if differing:
        what = ", ".join(sorted(differing))
        return f"{what}: not the same as in line {item.line}, which has the same id"
    return ""


def _numbered(name: str, columns: Mapping[str, Column], main: str) -> tuple[str, str] | None:
    """``sentiment_2`` or ``answer_2``: the column and the annotator."""
    stem, _, number = name.rpartition("_")
    stem = main if stem == "answer" and stem not in columns else stem
    fits = number.isdigit() and stem in columns and columns[stem].answer
    return (stem, number) if fits else None


def _strange(columns: Mapping[str, Column], main: str, lines: Sequence[Line]) -> list[Fault]:
    """Columns that mean nothing; missing ones that every row needs."""
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for line in lines:
        for name in line.values:
            seen.setdefault(name, line.number)
    known = {name: _column(name, columns, main) for name in seen}
    for name, column in known.items():
        if column is None:
            near = difflib.get_close_matches(name.strip().lower(), columns, 1)
            hint = f"is {near[0]} meant? There are" if near else "there are"
            faults.append(
                Fault(seen[name], f"{name}: an unknown column; {hint} {', '.join(columns)}")
            )
    there = {column for column in known.values() if column is not None}
    missing = [c for c in columns.values() if c.required and c.name not in there]
    faults += [Fault(lines[0].number, f"{c.name}: missing: {c.about}") for c in missing]
    return faults


def _column(name: str, columns: Mapping[str, Column], main: str) -> str | None:
    """The column a name in a file means."""
    if name in columns:
        return name
    if name == "answer":
        return main
    numbered = _numbered(name, columns, main)
    return numbered[0] if numbered else None


def _parted(
    columns: Mapping[str, Column], main: str, line: Line, faults: list[Fault]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, Any]]]:
    """A row's common values, its inputs, and the answers by annotator; faults are added."""
    own = {column.name for column in COMMON}
    common: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    several: dict[str, dict[str, Any]] = defaultdict(dict)
    bad: set[str] = set()
    for name, raw in line.values.items():
        column = columns[_column(name, columns, main) or name]
        numbered = None if name in columns else _numbered(name, columns, main)
        try:
            value = cell(column, raw)
        except AnswerError as error:
            faults.append(Fault(line.number, f"{name}: {error}"))
            bad.add(column.name)
            continue
        if numbered is not None:
            several[numbered[1]] |= {} if value is None else {column.name: value}
        elif value is not None:
            into = shared if column.answer else common if column.name in own else inputs
            into[column.name] = value
    answers = {str(common.get("annotator", "")): shared}
    if several:  # an empty cell is an annotator who gave no answer
        answers = {who: shared | given for who, given in several.items() if main in given}
        if not answers and main not in bad:
            faults.append(Fault(line.number, f"{main}: no annotator gave an answer"))
            bad.add(main)
    for column in columns.values():
        held = [inputs] if not column.answer else list(answers.values())
        if column.required and column.name not in bad and any(column.name not in h for h in held):
            faults.append(Fault(line.number, f"{column.name}: empty: {column.about}"))
    return common, inputs, answers


def cell(column: Column, raw: Any) -> Any:
    """The value of a cell; None where it is empty.

    Raises:
        AnswerError: it is not of the column's kind.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    if column.kind == "facts":
        return _facts(raw)
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise AnswerError(f"{json.dumps(raw)[:60]} is neither a text nor a number")
    text = raw.strip() if isinstance(raw, str) else repr(raw)
    if column.kind == "choice":
        if text.lower() not in column.choices:
            raise AnswerError(f"{text[:60]!r} is none of {', '.join(column.choices)}")
        return text.lower()
    if column.kind == "year":
        if not _YEAR.fullmatch(text):
            raise AnswerError(f"{text[:60]!r} is no year: four digits are wanted")
        return int(text)
    if column.kind == "scale" and text.lower() in SCALES:
        return SCALES[text.lower()]
    if column.kind in ("number", "scale"):
        return _number(text)
    if column.kind == "value":
        if text.lower() == NONE:
            return NONE
        return _number(text) if _DIGITS.fullmatch(text) else text
    return text


def _number(text: str) -> float:
    if not _DIGITS.fullmatch(text):
        raise AnswerError(
            f"{text[:60]!r} is no number: digits with a point for decimals are wanted, unit and "
            "scale in columns of their own"
        )
    return float(text.replace(",", ""))


def _facts(raw: Any) -> list[str | dict[str, Any]]:
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        try:
            raw = json.loads(raw, parse_constant=_constant)
        except ValueError as error:
            raise AnswerError(f"a list that is not JSON: {error}") from error
    if isinstance(raw, str):
        return [part.strip() for part in re.split(r"[\n;]", raw) if part.strip()]
    if not isinstance(raw, list) or not all(isinstance(part, str | dict) for part in raw):
        raise AnswerError("a list of texts or of objects is wanted")
    return raw


# --- annotators ---------------------------------------------------------------------------------


def settle(
    form: Format, items: Sequence[Item]
) -> tuple[list[tuple[Item, Row]], list[Item], dict[str, Any] | None]:
    """Each question with the answer that more than half of its annotators gave; those without one;
    and the annotators' agreement (None: there is but one)."""
    votes = {item.name: {who: form.meaning(a) for who, a in item.answers.items()} for item in items}
    told: list[tuple[Item, Row]] = []
    left_out: list[Item] = []
    for item in items:
        said = votes[item.name]
        meant, count = Counter(said.values()).most_common(1)[0]
        if 2 * count > len(said):
            who = next(w for w, m in said.items() if m == meant)
            told.append((item, item.row | item.answers[who]))
        else:
            left_out.append(item)
    several = sorted({who for said in votes.values() for who in said})
    if len(several) < 2:
        return told, left_out, None
    return told, left_out, agreement(several, list(votes.values()), len(left_out))


def agreement(
    annotators: Sequence[str], votes: Sequence[Mapping[str, str]], left_out: int = 0
) -> dict[str, Any]:
    """How far annotators agree on what answers mean.

    ``agree``: the share of pairs of answers to one question that are the same. ``kappa``: Cohen's
    (1960), of two annotators who both answered everything. ``alpha``: Krippendorff's for nominal
    data (2004), of more, or where answers are missing. The last two are None where only one answer
    ever occurs: there is no chance agreement to correct for.
    """
    pairs = [one == other for said in votes for one, other in combinations(said.values(), 2)]
    found: dict[str, Any] = {
        "annotators": len(annotators),
        "questions": sum(len(said) > 1 for said in votes),
        "answered_once": sum(len(said) == 1 for said in votes),
        "agree": round(sum(pairs) / len(pairs), 4) if pairs else None,
        "left_out": left_out,
    }
    codes = {meant: i for i, meant in enumerate(sorted({m for v in votes for m in v.values()}))}
    table = [[codes[said[who]] if who in said else None for said in votes] for who in annotators]
    whole = len(annotators) == 2 and all(None not in row for row in table)
    found["kappa" if whole else "alpha"] = (
        None if len(codes) < 2 or not pairs else _kappa(table) if whole else _alpha(table)
    )
    return found


def _kappa(table: list[list[Any]]) -> float:
    from sklearn.metrics import cohen_kappa_score

    return round(float(cohen_kappa_score(*table)), 4)


def _alpha(table: list[list[Any]]) -> float:
    import krippendorff
    import numpy as np

    data = np.array([[np.nan if v is None else v for v in row] for row in table], dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return round(float(krippendorff.alpha(data, level_of_measurement="nominal")), 4)


# --- examples -----------------------------------------------------------------------------------


def _made(
    task: Task[Any, Any],
    form: Format,
    path: Path,
    told: Sequence[tuple[Item, Row]],
    world: Snapshot | None,
) -> list[Example[Any, Any]]:
    made: list[Example[Any, Any]] = []
    faults: list[Fault] = []
    for item, row in told:
        name = f"own/{path.stem}/{item.name}"
        try:
            found = form.example(task, name, row, world)
        except (AnswerError, InputError) as error:
            faults.append(Fault(item.line, str(error)))
            continue
        try:
            problem = fault(task, found)
        except AnswerError as error:
            problem = str(error)
        if problem:
            faults.append(Fault(item.line, f"the answer fails the check of {task.name}: {problem}"))
            continue
        made.append(_grouped(found, row))
    if faults:
        raise _refused(path, faults)
    return made


def fault(task: Task[Any, Any], example: Example[Any, Any]) -> str:
    """What the job's own check finds wrong with a gold answer; empty where nothing is."""
    last = example.dialogue[-1]
    if last.role != "assistant":
        return ""  # an answer without a dialogue: there is no reply to check
    answer = example.answer
    if not example.calls:
        episode = task.begin(example.inputs, seed=seed_of(example.id))
        answer = episode.answer(last.content)
        score = task.score(example, answer)
        if not score.right:
            return score.note or f"{last.content} is not right"
    return "; ".join(task.validate(example.inputs, answer, ()))


def _grouped(example: Example[Any, Any], row: Row) -> Example[Any, Any]:
    """Which examples stay together: those of a group, else of a company, else of one question."""
    asked = example.dialogue[1].content.encode()
    template = f"own:{hashlib.sha256(asked).hexdigest()[:12]}"
    return replace(example, company=row.get("group", example.company), template=template)


def _workspace(job: str, name: str) -> Snapshot:
    """What a workspace holds now.

    Raises:
        InputError: none was named.
        NotFound: there is no such workspace.
    """
    if not name:
        raise InputError(f"the questions of {job} are about a workspace: name it (data.workspace)")
    folder = Path(name)
    if (folder / "CURRENT").is_file():
        return Workspace.open(folder.resolve().name, folder.resolve().parent).snapshot()
    return (build() if name == DEMO else Workspace.open(name)).snapshot()
