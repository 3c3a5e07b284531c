"""Child processes that run SQL over one snapshot's rows, with hard limits from outside.

The parent trusts nothing a child says: answers are JSON of bounded size, and a child that is late,
dies or speaks nonsense is killed and replaced. Whether a statement may run at all is decided before
(``admission.py``); this file would stop it from doing harm if that were wrong.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import select
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from specialists.foundation.config import Config
from specialists.foundation.errors import QueryFailed
from specialists.workspace.snapshot import ROW, Snapshot

_HEADER = struct.Struct(">cI")
_SCRIPT = Path(__file__).with_name("sandbox_child.py")
_SMALL_ROWS, _SMALL_CELLS = 64, 512
"""What is kept of results: small ones, of which dialogues ask the same again and again."""
_PASSED_OVER = 64
"""How many later queries may be served before an older one, since a process holds their rows."""


class SandboxSettings(Config):
    """What a query may cost. A larger limit never makes a query more trusted."""

    children: int = 2
    """Processes that run queries; each starts when first needed."""
    deadline_s: float = 5.0
    """Wall time of one query; then its process is killed."""
    load_s: float = 60.0
    """Wall time for a process to start and take in a snapshot's rows."""
    memory_mb: int = 1024
    """Address space a process may add to what it starts with; DuckDB keeps to half of it."""
    rows: int = 500
    """Rows of one result."""
    characters: int = 500_000
    """Characters of all values of one result."""
    evidence: int = 200
    """Contributing rows that are traced for one result."""
    remembered: int = 2048
    """Small results that are kept, by statement and snapshot. 0: none."""


class QueryLate(QueryFailed):
    """A query that was stopped at its deadline."""


@dataclass(frozen=True)
class RawRows:
    """What a child answered."""

    types: tuple[str, ...]
    """DuckDB's type of each visible column."""
    rows: list[list[Any]]
    ids: list[list[list[int]]]
    """For each row, for each hidden column: positions of contributing rows in their table."""
    truncated: bool
    """There were more rows than may come back."""


class Pool:
    """Children, started when needed and kept. Safe to use from several tasks, loops and threads."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._closed = False
        self._waiting: deque[_Job] = deque()
        self._known: OrderedDict[_Key, RawRows] = OrderedDict()
        self._threads = ThreadPoolExecutor(settings.children, thread_name_prefix="sandbox")
        self._finalizer = weakref.finalize(self, _end, self._all, self._threads, self._waiting)

    async def run(self, snapshot: Snapshot, sql: str, hidden: int = 0) -> RawRows:
        """Run one statement over a snapshot. **The statement must have been admitted.**

        Args:
            snapshot: its catalogue's tables are what the statement can see, each with a column
                ``_row``, the row's position.
            sql: one SELECT with lower-case names.
            hidden: how many of its last columns are row positions, or lists of them.

        Raises:
            QueryFailed: it did not run: an error in it, memory or size limit.
            QueryLate: it was stopped at its deadline.
        """
        if self._closed:
            raise QueryFailed("the sandbox is closed")
        job = _Job(snapshot, sql, hidden)
        with self._lock:
            known = self._recalled(job)
            if known is not None:
                return known
            self._waiting.append(job)
        self._threads.submit(self._serve)
        try:
            return await asyncio.wrap_future(job.result)
        except asyncio.CancelledError:
            job.cancel()
            raise

    async def aclose(self) -> None:
        """Kill all children. Queries under way fail."""
        self._closed = True
        self._finalizer()

    def pids(self) -> list[int]:
        """Process ids of the living children."""
        with self._lock:
            return [child.pid for child in self._all]

    def _serve(self) -> None:
        """Answer one of the queries that wait: one thread's work."""
        with self._lock:
            if not self._waiting:
                return  # closed
            job = self._next()
            known = self._recalled(job)  # the same was asked, and answered, in the meantime
        if not job.result.set_running_or_notify_cancel():
            return
        try:
            job.result.set_result(known or self._work(job))
        except BaseException as error:  # noqa: BLE001 - raised where the query is awaited
            job.result.set_exception(error)

    def _next(self) -> _Job:
        """The oldest query whose rows an idle process holds; the oldest of all where there is none.

        So that many dialogues over a few snapshots do not have them loaded in turn. None is passed
        over for long.
        """
        oldest = self._waiting[0]
        held = {child.content for child in self._idle}
        job = oldest
        if oldest.passed < _PASSED_OVER:
            job = next((each for each in self._waiting if each.content in held), oldest)
        if job is not oldest:
            oldest.passed += 1
        self._waiting.remove(job)
        return job

    def _recalled(self, job: _Job) -> RawRows | None:
        """What the same query over the same rows came to: no statement here has another outcome."""
        known = self._known.get(job.key)
        if known is not None:
            self._known.move_to_end(job.key)
        return known

    def _remember(self, job: _Job, raw: RawRows) -> None:
        small = len(raw.rows) <= _SMALL_ROWS and sum(map(len, raw.rows)) <= _SMALL_CELLS
        if not small or not job.snapshot.digest:
            return
        with self._lock:
            self._known[job.key] = raw
            while len(self._known) > self.settings.remembered:
                self._known.popitem(last=False)

    def _work(self, job: _Job) -> RawRows:
        child = self._take(job.content)
        healthy = False
        try:
            job.begin(child)
            if child.content != job.content:
                child.load(job.content, job.snapshot)
            raw = child.query(job.sql, job.hidden)
            healthy = True
            self._remember(job, raw)
            return raw
        except _Refused as error:
            healthy = not error.fatal
            raise (QueryLate if error.late else QueryFailed)(str(error)) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise QueryFailed(f"the query's process failed: {error}") from error
        finally:
            job.end()
            self._give(child, healthy)

    def _take(self, content: str) -> _Child:
        with self._lock:
            same = [child for child in self._idle if child.content == content]
            if not same and len(self._all) < self.settings.children and not self._closed:
                child = _Child(self.settings)
                self._all.add(child)
                return child
            child = same[-1] if same else self._idle[0]
            self._idle.remove(child)
            return child

    def _give(self, child: _Child, healthy: bool) -> None:
        with self._lock:
            if healthy and child.alive and not self._closed:
                self._idle.append(child)
                return
            self._all.discard(child)
        child.kill()


_Key = tuple[str, str, int]


class _Job:
    """A query that waits or is under way, so that whoever waits for it can end it."""

    def __init__(self, snapshot: Snapshot, sql: str, hidden: int) -> None:
        self.snapshot, self.sql, self.hidden = snapshot, sql, hidden
        self.content = _content(snapshot)
        self.key: _Key = (self.content, sql, hidden)
        self.result: Future[RawRows] = Future()
        self.passed = 0
        """Later queries served before it."""
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._cancelled = False

    def begin(self, child: _Child) -> None:
        with self._lock:
            self._child = child
            if self._cancelled:
                raise _Refused("the query was cancelled", fatal=False)

    def end(self) -> None:
        with self._lock:
            self._child = None

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._child is not None:
                self._child.kill()


class _Refused(Exception):
    """A child's error, or a limit it ran into. ``fatal``: the child must be replaced."""

    def __init__(self, message: str, *, fatal: bool, late: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal
        self.late = late


class _Child:
    """One process. Used by one thread at a time; ``kill`` may come from any."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self.content: str | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"ARROW_DEFAULT_MEMORY_POOL": "system", "LANG": "C.UTF-8"},
            cwd="/",
            close_fds=True,
            start_new_session=True,  # a terminal's Ctrl-C goes to the parent alone
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        os.set_blocking(self._in.fileno(), False)  # a child that does not read must not hold us
        self._greeted = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def load(self, content: str, snapshot: Snapshot) -> None:
        """Replace what the child holds by a snapshot's tables."""
        until = time.monotonic() + self._settings.load_s
        if not self._greeted:
            self._ask(b"L", _json({"memory_mb": self._settings.memory_mb}), until)
            self._greeted = True
        else:  # even where the last load failed: some of its tables may be there
            self._ask(b"R", b"", until)
        self.content = None
        tables = tables_of(snapshot)
        for name, stream in tables:  # all are sent before the first is waited for
            label = name.encode()
            self._send(b"T", len(label).to_bytes(4, "big") + label + stream, until)
        refused: list[_Refused] = []
        for _ in tables:  # every answer is taken, or the next question would be told this one's
            try:
                self._reply(until)
            except _Refused as error:
                if error.fatal:
                    raise
                refused.append(error)
        if refused:
            raise refused[0]
        self.content = content

    def query(self, sql: str, hidden: int) -> RawRows:
        settings = self._settings
        request = {
            "sql": sql,
            "rows": settings.rows,
            "bytes": settings.characters,
            "hidden": hidden,
            "ids": settings.evidence,
            "cpu_s": math.ceil(settings.deadline_s) + 1,
        }
        answer = self._ask(b"Q", _json(request), time.monotonic() + settings.deadline_s)
        return RawRows(
            tuple(answer["types"]), answer["rows"], answer["ids"], bool(answer["truncated"])
        )

    def _ask(self, kind: bytes, payload: bytes, until: float) -> dict[str, Any]:
        self._send(kind, payload, until)
        return self._reply(until)

    def _send(self, kind: bytes, payload: bytes, until: float) -> None:
        try:
            self._write(_HEADER.pack(kind, len(payload)) + payload, until)
        except BrokenPipeError:
            raise _Refused(_death(self._process), fatal=True) from None

    def _reply(self, until: float) -> dict[str, Any]:
        try:
            reply, length = _HEADER.unpack(self._read(_HEADER.size, until))
            if length > 4 * self._settings.characters + 1_000_000:
                raise _Refused("the query's process answered out of bounds", fatal=True)
            answer: dict[str, Any] = json.loads(self._read(length, until) or b"{}")
        except BrokenPipeError:
            raise _Refused(_death(self._process), fatal=True) from None
        if reply == b"E":
            raise _Refused(_sentence(answer["message"]), fatal=answer["kind"] == "memory")
        return answer

    def _write(self, data: bytes, until: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._in.fileno(), select.POLLOUT, until)
            view = view[self._in.write(view) or 0 :]

    def _read(self, count: int, until: float) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait(self._out.fileno(), select.POLLIN, until)
            chunk = self._out.read(min(count - len(parts), 1 << 20))
            if not chunk:
                raise BrokenPipeError
            parts += chunk
        return bytes(parts)

    def _wait(self, fd: int, event: int, until: float) -> None:
        poller = select.poll()
        poller.register(fd, event)
        if not poller.poll(max(0.0, until - time.monotonic()) * 1000):
            raise _Refused(
                f"the query took longer than {self._settings.deadline_s:g} s and was stopped",
                fatal=True,
                late=True,
            )


def tables_of(snapshot: Snapshot) -> list[tuple[str, bytes]]:
    """What a child is sent: per table its name and rows, in lower-case names, as an IPC stream.

    Only the catalogue's columns and the row's position go; when a row became known and where it
    came from stay here.
    """
    streams: list[tuple[str, bytes]] = []
    for table in snapshot.catalogue.tables:
        rows = snapshot.tables[table.name]
        columns: dict[str, Any] = {
            column.name.lower(): _plain(rows.column(column.name)) for column in table.columns
        }
        columns[ROW] = pa.array(range(rows.num_rows), pa.int64())
        sent = pa.table(columns)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, sent.schema) as writer:
            writer.write_table(sent)
        streams.append((table.name.lower(), sink.getvalue().to_pybytes()))
    return streams


def _plain(column: Any) -> Any:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _content(snapshot: Snapshot) -> str:
    return snapshot.digest or f"unnamed {id(snapshot.tables)}"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _death(process: subprocess.Popen[bytes]) -> str:
    code = process.wait(timeout=5)
    if code == 1:
        return "the query's process could not start: duckdb and pyarrow must be importable"
    return "the query ran out of memory or time and was stopped"


def _sentence(message: str) -> str:
    """A DuckDB error without its drawing of the (rewritten) statement."""
    return message.split("\n\nLINE ")[0].split("\nLINE ")[0].strip()[:500]


def _end(children: set[_Child], threads: ThreadPoolExecutor, waiting: deque[_Job]) -> None:
    for child in list(children):
        child.kill()
    children.clear()
    threads.shutdown(wait=False, cancel_futures=True)
    while waiting:
        job = waiting.popleft()
        if job.result.set_running_or_notify_cancel():
            job.result.set_exception(QueryFailed("the sandbox is closed"))
