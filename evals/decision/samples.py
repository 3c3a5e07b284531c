"""The samples of a decision: one row for every reply to every question, in one DuckDB file.

What it is: the only place where outcomes are kept while they come in, and what they are exported to
and read back from. What it is not: a judge of them; ``outcomes.cube`` refuses what is incomplete.

Rows are written a batch a transaction, so that a process killed at any moment loses the batch under
way and never half a row. One process writes at a time. A file belongs to one design: its digest is
stored with the first row, and a design that was changed since is refused.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from evals.decision.design import Design, Registered
from evals.decision.outcomes import Cell, Cube, cube
from evals.machine import now
from specialists.foundation.contracts import Value
from specialists.foundation.digests import canonical, digest
from specialists.foundation.errors import ConfigError, DataError, RecordError

SAMPLED, GREEDY = "sampled", "greedy"
PARQUET, STUDY = "samples.parquet", "study.json"
Finish = Literal["stop", "length", "turns", "error"]
"""stop: it ended by itself · length: cut off at ``max_tokens`` · turns: it called tools to the last
turn there is · error: engine or tool broke down, or the question is more than the model can read"""


class Key(NamedTuple):
    """What makes a sample the one it is."""

    arm: str
    run: int
    paper: str
    question: str
    decode: str
    draw: int


class Sample(Value):
    """One reply to one question, and what was made of it."""

    arm: str
    run: int = Field(ge=1)
    """Which of the arm's runs, from 1."""
    seed: int = 0
    """Of the training run; 0 where nothing was trained."""
    paper: str
    question: str
    company: str
    template: str
    decode: str = SAMPLED
    """``sampled`` as the design says, ``greedy``, or the name of another way to decode."""
    draw: int = Field(ge=0)
    """Which of the K replies, from 0."""
    draw_seed: int = 0
    """Of the tokens' lots: the same for all arms."""
    output: str = ""
    """The last reply, whole."""
    messages_digest: str = ""
    """SHA-256 of the dialogue's opening messages: what was asked, and in which words."""
    tokens: int = 0
    """Written, over all turns."""
    prompt_tokens: int = 0
    seconds: float = 0.0
    """Wall time of the whole dialogue, beside whatever else was under way."""
    finish: Finish = "stop"
    score: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """1 right, 0 wrong; None: could not be judged."""
    parses: bool = False
    truncated: bool = False
    """Some reply was cut off."""
    turns: int = 0
    figures: dict[str, float | None] = Field(default_factory=dict[str, float | None])
    """Secondary measures; None where one does not apply."""
    error: str = ""

    @property
    def key(self) -> Key:
        return Key(self.arm, self.run, self.paper, self.question, self.decode, self.draw)

    @property
    def failed(self) -> bool:
        """Nobody could judge it: engine, tool or judge broke down. It may be asked for again."""
        return self.score is None


KEY = ", ".join(Key._fields)
_COLUMNS: dict[str, tuple[str, pa.DataType]] = {
    "arm": ("VARCHAR", pa.string()),
    "run": ("INTEGER", pa.int32()),
    "seed": ("BIGINT", pa.int64()),
    "paper": ("VARCHAR", pa.string()),
    "question": ("VARCHAR", pa.string()),
    "company": ("VARCHAR", pa.string()),
    "template": ("VARCHAR", pa.string()),
    "decode": ("VARCHAR", pa.string()),
    "draw": ("INTEGER", pa.int32()),
    "draw_seed": ("BIGINT", pa.int64()),
    "output": ("VARCHAR", pa.string()),
    "messages_digest": ("VARCHAR", pa.string()),
    "tokens": ("INTEGER", pa.int32()),
    "prompt_tokens": ("INTEGER", pa.int32()),
    "seconds": ("DOUBLE", pa.float64()),
    "finish": ("VARCHAR", pa.string()),
    "score": ("DOUBLE", pa.float64()),
    "parses": ("BOOLEAN", pa.bool_()),
    "truncated": ("BOOLEAN", pa.bool_()),
    "turns": ("INTEGER", pa.int32()),
    "figures": ("VARCHAR", pa.string()),
    "error": ("VARCHAR", pa.string()),
}
SCHEMA = pa.schema([pa.field(name, kind) for name, (_, kind) in _COLUMNS.items()])
"""Of the export; ``figures`` is canonical JSON."""


class Asked(NamedTuple):
    """A question of the test, as the study's document lists it."""

    question: str
    company: str
    template: str
    place: str
    """Questions of all papers together are looked at in the order of this."""


class Samples:
    """A decision's samples. Make one with ``open`` or ``read``."""

    def __init__(
        self, base: duckdb.DuckDBPyConnection, where: str, lock: TextIOWrapper | None
    ) -> None:
        self._base = base
        self._where = where
        self._lock = lock

    # --- opening ------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, registered: Registered | None = None) -> Self:
        """Open a file to write to, made if it is not there.

        Args:
            registered: the design that the samples are for; None: the one they were taken for.

        Raises:
            DataError: another process writes to it, it is no database of samples, or it is not
                there and no design is given.
            RecordError: it holds the samples of another design.
        """
        if registered is None and not path.is_file():
            raise DataError(f"there are no samples at {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
        try:
            base = duckdb.connect(str(path), config={"threads": 1})
        except duckdb.Error as error:
            lock.close()
            raise DataError(
                f"{path} cannot be opened for writing: another program has it open, or it is no "
                f"database of samples ({str(error).splitlines()[0]})"
            ) from error
        made = cls(base, str(path), lock)
        try:
            made._prepare(registered)
        except BaseException:
            made.close()
            raise
        return made

    @classmethod
    def read(cls, folder: Path, registered: Registered | None = None) -> Self:
        """Read an export; nothing can be added to it.

        Raises:
            DataError: no export, or one that is truncated or was altered.
            RecordError: it holds the samples of another design.
        """
        study, parquet = folder / STUDY, folder / PARQUET
        try:
            document = json.loads(study.read_bytes())
            table = pq.read_table(parquet)
        except OSError as error:
            raise DataError(f"{folder} holds no export that can be read: {error}") from error
        except (ValueError, pa.ArrowException) as error:
            raise DataError(f"the export in {folder} is damaged: {error}") from error
        told: dict[str, Any] = document.get("samples", {}) if isinstance(document, dict) else {}
        if table.schema != SCHEMA:
            raise DataError(f"{parquet} has not the columns of samples")
        found = content(table)
        if (found, table.num_rows) != (told.get("digest"), told.get("rows")):
            raise DataError(
                f"{parquet} is not what {STUDY} speaks of: {table.num_rows} rows with digest "
                f"{found[:12]}, where {told.get('rows')} with {str(told.get('digest'))[:12]} were "
                "exported"
            )
        made = cls(duckdb.connect(":memory:", config={"threads": 1}), str(folder), None)
        made._create(document)
        made._insert("samples", table)
        if registered is not None:
            made._belongs(registered)
        return made

    def close(self) -> None:
        """Write what is pending and let others write. May be called twice."""
        self._base.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self, registered: Registered | None) -> None:
        tables = {name for (name,) in self._all("SELECT table_name FROM duckdb_tables()")}
        if "study" in tables:
            if registered is not None:
                self._belongs(registered)
        elif tables or registered is None:
            raise DataError(f"{self._where} is no database of samples")
        else:
            self._create(
                {
                    "version": 1,
                    "name": registered.name,
                    "design": registered.design.model_dump(mode="json"),
                    "written": registered.written,
                    "digest": registered.digest,
                    "files": registered.study,
                    "quick": registered.quick,
                    "registered": now(),
                }
            )

    def _create(self, document: dict[str, Any]) -> None:
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in _COLUMNS.items())
        self._base.begin()
        self._base.execute(f"CREATE TABLE samples ({columns}, PRIMARY KEY ({KEY}))")
        self._base.execute(f"CREATE TABLE retried ({columns})")
        self._base.execute("CREATE TABLE study (document VARCHAR)")
        self._base.execute("INSERT INTO study VALUES (?)", [canonical(document).decode()])
        self._base.commit()

    def _belongs(self, registered: Registered) -> None:
        study = self.study
        if study.get("digest") != registered.digest:
            raise RecordError(
                f"{self._where}: the design was changed after the run: registered "
                f"{str(study.get('digest'))[:12]} at {study.get('registered')}, now "
                f"{registered.digest[:12]}. Put the design back, or begin in another folder"
            )

    # --- the study's document -----------------------------------------------------------------

    @property
    def study(self) -> dict[str, Any]:
        """All that is recorded beside the samples: design, digests, environment, questions …"""
        ((document,),) = self._all("SELECT document FROM study")
        return json.loads(document)

    def note(self, **fields: Any) -> None:
        """Record something beside the samples; what has the same name is replaced.

        Raises:
            RecordError: not a value that can be recorded.
        """
        document = canonical({**self.study, **fields}).decode()
        self._base.execute("UPDATE study SET document = ?", [document])

    @property
    def design(self) -> Design:
        """The design that the samples were taken for."""
        return Design.parse(self.study["design"], origin=self._where)

    def asked(self, papers: Sequence[str]) -> list[tuple[str, Asked]]:
        """The questions of some papers, in the order in which they are looked at, with the paper.

        Raises:
            DataError: nothing is known of such a paper.
        """
        known: dict[str, list[list[str]]] = self.study.get("questions", {})
        missing = [paper for paper in papers if paper not in known]
        if missing:
            raise DataError(f"{self._where}: no questions were drawn for {', '.join(missing)}")
        drawn = [(paper, Asked(*row)) for paper in papers for row in known[paper]]
        return sorted(drawn, key=lambda each: (each[1].place, each[0]))

    # --- samples ------------------------------------------------------------------------------

    def add(self, rows: Iterable[Sample]) -> None:
        """Write samples, all or none of them.

        Raises:
            DataError: one is there already, or this is an export.
        """
        self._write(rows, replace=False)

    def replace(self, rows: Iterable[Sample]) -> None:
        """Write samples that failed before; what they replace is kept apart, and counted."""
        self._write(rows, replace=True)

    def _write(self, rows: Iterable[Sample], *, replace: bool) -> None:
        if self._lock is None:
            raise DataError(f"{self._where} is an export: nothing can be added to it")
        table = _table(rows)
        if not table.num_rows:
            return
        self._base.begin()
        try:
            if replace:
                self._base.register("batch", table)
                self._base.execute(
                    f"INSERT INTO retried SELECT s.* FROM samples s JOIN batch USING ({KEY})"
                )
                self._base.unregister("batch")
            self._insert("samples", table, "OR REPLACE " if replace else "")
            self._base.commit()
        except duckdb.ConstraintException as error:
            self._base.rollback()
            raise DataError(f"{self._where}: a sample is there already: {error}") from error
        except BaseException:
            self._base.rollback()
            raise

    def _insert(self, into: str, table: pa.Table, how: str = "") -> None:
        self._base.register("batch", table)
        self._base.execute(f"INSERT {how}INTO {into} SELECT * FROM batch")
        self._base.unregister("batch")

    def done(self) -> set[Key]:
        """The keys of all samples there are, the failed ones too."""
        return {Key(*row) for row in self._all(f"SELECT {KEY} FROM samples")}

    def failed(self) -> list[Sample]:
        """Samples that nobody could judge; what the contestant itself got wrong is none of them."""
        query = f"SELECT * FROM samples WHERE score IS NULL ORDER BY {KEY}"
        return list(_samples(self._arrow(query)))

    def retried(self) -> list[Sample]:
        """Failed samples that others took the place of."""
        return list(_samples(self._arrow(f"SELECT * FROM retried ORDER BY {KEY}")))

    def rows(
        self, *, arm: str | None = None, paper: str | None = None, decode: str | None = None
    ) -> list[Sample]:
        """Samples, whole, by key."""
        given = {"arm": arm, "paper": paper, "decode": decode}
        told = {name: value for name, value in given.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in told) or "true"
        query = f"SELECT * FROM samples WHERE {where} ORDER BY {KEY}"
        return list(_samples(self._arrow(query, list(told.values()))))

    def __len__(self) -> int:
        return int(self._all("SELECT count(*) FROM samples")[0][0])

    def cells(self, paper: str, decode: str = SAMPLED) -> list[Cell]:
        """The judgements of one paper. A question is called ``paper/question``."""
        query = (
            "SELECT arm, run, paper || '/' || question, company, template, draw, score, error "
            f"FROM samples WHERE paper = ? AND decode = ? ORDER BY {KEY}"
        )
        return [Cell(*row) for row in self._all(query, [paper, decode])]

    def cube(
        self,
        papers: str | Sequence[str],
        arms: Sequence[str] = (),
        decode: str = SAMPLED,
        samples: int | None = None,
        *,
        questions: int | None = None,
    ) -> Cube:
        """Papers, taken together, as arrays.

        Args:
            arms: none: all of the design.
            samples: of each question; None: K of the design, 1 of greedy replies.
            questions: only the first so many, in the order in which they are looked at.

        Raises:
            DataError: anything is missing, double, unjudged or no number; or arms were asked in
                different words or with different lots.
            ConfigError: the design has no such arm.
        """
        wanted = [papers] if isinstance(papers, str) else list(papers)
        design = self.design
        runs = {arm.name: arm.runs for arm in design.arms}
        unknown = sorted(set(arms) - runs.keys())
        if unknown:
            raise ConfigError(f"no arms {', '.join(unknown)}; there are {', '.join(runs)}")
        chosen = {name: runs[name] for name in arms or runs}
        if samples is None:
            samples = 1 if decode == GREEDY else design.decode.samples
        order = [f"{paper}/{each.question}" for paper, each in self.asked(wanted)][:questions]
        self._alike(wanted, chosen, decode, design)
        kept = set(order)
        cells = (
            cell
            for paper in wanted
            for cell in self.cells(paper, decode)
            if cell.arm in chosen and (questions is None or cell.question in kept)
        )
        return cube(cells, chosen, samples, order)

    def _alike(
        self, papers: Sequence[str], arms: Iterable[str], decode: str, design: Design
    ) -> None:
        """Refuse arms that were asked the same question in other words or with other lots."""
        forms = {arm.name: arm.form or design.decode.form for arm in design.arms}
        told = self._all(
            "SELECT paper, question, draw, arm, any_value(messages_digest), any_value(draw_seed), "
            "count(DISTINCT messages_digest), count(DISTINCT draw_seed) FROM samples "
            "WHERE decode = ? AND list_contains(?, paper) AND list_contains(?, arm) "
            "AND finish <> 'error' GROUP BY ALL ORDER BY ALL",
            [decode, list(papers), list(arms)],
        )
        words: dict[tuple[str, str, str], str] = {}
        lots: dict[tuple[str, str, int], int] = {}
        for paper, question, draw, arm, asked, lot, different, lotted in told:
            place = f"paper {paper}, question {question}, arm {arm}"
            first = words.setdefault((forms[arm], paper, question), asked)
            if different > 1 or first != asked:
                raise DataError(f"{place}: the question was put in other words than to other arms")
            if lotted > 1 or lots.setdefault((paper, question, draw), lot) != lot:
                raise DataError(f"{place}, sample {draw}: drawn by other lots than other arms")

    # --- leaving ------------------------------------------------------------------------------

    def table(self) -> pa.Table:
        """All samples by key: the form of the export."""
        return self._arrow(f"SELECT * FROM samples ORDER BY {KEY}")

    def digest(self) -> str:
        """SHA-256 over all samples; see ``content``."""
        return content(self.table())

    def export(self, folder: Path) -> str:
        """Write ``samples.parquet`` and, last, ``study.json``; returns the digest of the content.

        The same samples give the same digest wherever and in whatever order they were taken.
        """
        table = self.table()
        found = content(table)
        retried = [
            {**row.key._asdict(), "error": row.error} for row in self.retried()
        ]  # failures that a later attempt replaced are part of the story
        document = {
            **self.study,
            "samples": {"file": PARQUET, "rows": table.num_rows, "digest": found},
            "retried": retried,
        }
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{PARQUET}.part"
        pq.write_table(table, part, compression="zstd", compression_level=9)
        part.replace(folder / PARQUET)
        part = folder / f"{STUDY}.part"
        part.write_bytes(canonical(document) + b"\n")
        part.replace(folder / STUDY)
        return found

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._base.execute(query, list(values)).fetchall()

    def _arrow(self, query: str, values: Sequence[Any] = ()) -> pa.Table:
        found: pa.Table = self._base.sql(query, params=list(values)).to_arrow_table()
        return found.cast(SCHEMA)


def content(table: pa.Table) -> str:
    """SHA-256 over the rows' canonical JSON, a line each, in the order they have.

    It does not depend on how a file was compressed.

    Raises:
        DataError: a number that is not finite.
    """
    made = hashlib.sha256()
    try:
        for batch in table.to_batches(max_chunksize=4096):
            for row in batch.to_pylist():
                made.update(canonical(row) + b"\n")
    except RecordError as error:
        raise DataError(f"samples with a number that is not finite: {error}") from error
    return made.hexdigest()


def opening(messages: Iterable[Value]) -> str:
    """SHA-256 of the messages that a dialogue opens with."""
    return digest([message.model_dump(mode="json") for message in messages])


def _table(rows: Iterable[Sample]) -> pa.Table:
    made = [{**row.model_dump(), "figures": canonical(row.figures).decode()} for row in rows]
    return pa.Table.from_pylist(made, schema=SCHEMA)


def _samples(table: pa.Table) -> Iterator[Sample]:
    for row in table.to_pylist():
        yield Sample.model_validate({**row, "figures": json.loads(row["figures"])})


def _locked(path: Path) -> TextIOWrapper:
    """Hold the file's lock; the system lets go of it when the process ends, however it ends.

    Raises:
        DataError: another writer holds it.
    """
    lock = path.with_name(f"{path.name}.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise DataError(
            f"{path} is being written to by another process; there is one writer at a time"
        ) from error
    return lock
