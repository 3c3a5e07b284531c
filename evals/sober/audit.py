"""A hundred outputs read by a person, and held against the scorer.

The sheet is drawn by lot from judged replies, the same number from each job, arm and verdict as far
as there are any, and shuffled; nobody chooses what is read. The reader fills ``reader_verdict``
(``right``, ``wrong`` or ``unsure``) and ``note``. The scorer's verdict stands on the sheet, for the
reader must be able to say why it is wrong; who wants to read blind deletes the column first.
"""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from evals.sober.drawn import Reply
from evals.sober.labels import Agreement, agreement
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError, InputError

COLUMNS = (
    "number",
    "job",
    "paper",
    "arm",
    "id",
    "question",
    "gold",
    "output",
    "answer",
    "score",
    "reader_verdict",
    "note",
)
VERDICTS = ("right", "wrong", "unsure")


class Row(Value):
    """One line of the sheet."""

    number: int
    job: str
    paper: str
    arm: str
    id: str
    question: str
    gold: str
    output: str
    answer: str
    score: int
    """The scorer's verdict: 1 right, 0 wrong."""
    reader_verdict: str = ""
    note: str = ""


class Difference(Value):
    """Where reader and scorer differ, or the reader cannot say."""

    number: int
    job: str
    score: int
    reader_verdict: str
    note: str


class Audit(Value):
    """What a read sheet comes to."""

    rows: int
    read: int
    by_job: dict[str, int]
    unsure: int
    agreement: Agreement
    """Scorer first, reader second; what the reader is unsure of is left out."""
    differences: tuple[Difference, ...]


def sheet(replies: Sequence[Reply], count: int = 100, seed: int = 0) -> list[Row]:
    """Draw a sheet: each job as often as the others, half of its replies judged wrong.

    Raises:
        DataError: fewer judged replies than rows.
    """
    judged = [r for r in replies if r.sample.score is not None]
    if len(judged) < count:
        raise DataError(f"{len(judged)} judged replies; {count} are to be read")
    rng = random.Random(seed)
    jobs = sorted({r.job for r in judged})
    drawn: list[Reply] = []
    for place, job in enumerate(jobs):
        share = count * (place + 1) // len(jobs) - count * place // len(jobs)
        own = [r for r in judged if r.job == job]
        wrong = [r for r in own if r.sample.score == 0]
        half = _spread(wrong, share // 2, rng)
        drawn += half + _spread([r for r in own if r.sample.score], share - len(half), rng)
    rest = [r for r in judged if r not in drawn]
    drawn += rng.sample(rest, max(count - len(drawn), 0))
    rng.shuffle(drawn)
    return [_row(number, reply) for number, reply in enumerate(drawn, 1)]


def _spread(replies: Sequence[Reply], count: int, rng: random.Random) -> list[Reply]:
    """So many of them, papers and arms taking turns."""
    groups: dict[tuple[str, str], list[Reply]] = defaultdict(list)
    for reply in replies:
        groups[reply.sample.paper, reply.sample.arm].append(reply)
    queues = [rng.sample(groups[key], len(groups[key])) for key in sorted(groups)]
    taken: list[Reply] = []
    while len(taken) < count and any(queues):
        for queue in queues:
            if queue and len(taken) < count:
                taken.append(queue.pop())
    return taken


def _row(number: int, reply: Reply) -> Row:
    sample = reply.sample
    return Row(
        number=number,
        job=reply.job,
        paper=sample.paper,
        arm=sample.arm,
        id=sample.question,
        question=reply.asked,
        gold=reply.gold,
        output=sample.output,
        answer=reply.answer,
        score=int((sample.score or 0.0) >= 0.5),
    )


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write a sheet, to be opened by any spreadsheet."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list[str](COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.model_dump() for row in rows)


def read(path: Path) -> list[Row]:
    """Read a sheet.

    Raises:
        InputError: no such sheet, or a verdict that is none.
    """
    rows: list[Row] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, told in enumerate(csv.DictReader(file), 2):
                verdict = (told.get("reader_verdict") or "").strip().lower()
                if verdict not in ("", *VERDICTS):
                    known = ", ".join(VERDICTS)
                    raise InputError(f"{path}, line {line}: {verdict!r} is none of {known}")
                rows.append(Row.model_validate({**told, "reader_verdict": verdict}))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no audit sheet: {error}") from error
    return rows


def audited(rows: Sequence[Row]) -> Audit:
    """Hold the reader's verdicts against the scorer's.

    Raises:
        DataError: nothing was read.
    """
    told = [row for row in rows if row.reader_verdict]
    sure = [row for row in told if row.reader_verdict != "unsure"]
    if not sure:
        raise DataError("nobody has read this sheet: the column reader_verdict is empty")
    held = agreement(
        [str(row.number) for row in sure],
        [bool(row.score) for row in sure],
        [row.reader_verdict == "right" for row in sure],
    )
    return Audit(
        rows=len(rows),
        read=len(told),
        by_job=dict(Counter(row.job for row in told)),
        unsure=len(told) - len(sure),
        agreement=held,
        differences=tuple(
            Difference(
                number=row.number,
                job=row.job,
                score=row.score,
                reader_verdict=row.reader_verdict,
                note=row.note,
            )
            for row in told
            if row.reader_verdict != ("right" if row.score else "wrong")
        ),
    )
