"""The program a sandbox child runs: an in-memory DuckDB that answers SELECTs over a pipe.

It is started as a script (``python -I sandbox_child.py``) and imports nothing of this project, so
that it starts fast and holds nothing but the rows it was sent. It is the second wall: the first is
``admission.py``, and what this process may use of the machine is limited by the kernel.

Frames, both ways: one byte of kind, four bytes of length (big endian), the payload.

::

    in   L  limits, JSON       T  table: four bytes of name length, name, Arrow IPC stream
         R  forget all tables  Q  query, JSON {sql, rows, bytes, hidden, ids, cpu_s}
    out  K  done               D  result, JSON {types, rows, ids, truncated}
         E  error, JSON {kind, message}; kind memory: the parent should replace this process
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import struct
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_HEADER = struct.Struct(">cI")


class Database:
    """One DuckDB instance: tables go in, then it is locked and only reads."""

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._locked = False
        self._connection = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            ":memory:",
            config={
                "enable_external_access": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
                "memory_limit": f"{self._memory_mb // 2}MB",
                "max_temp_directory_size": "0KB",
                "temp_directory": "",
                "threads": "1",
            },
        )

    def forget(self) -> None:
        """Start again with an empty instance."""
        self._connection.close()
        self._connection = self._open()
        self._locked = False

    def load(self, name: str, stream: pa.Buffer) -> None:
        """Make a table of an Arrow IPC stream."""
        table = pa.ipc.open_stream(stream).read_all()
        self._connection.register("arriving", table)
        quoted = '"' + name.replace('"', '""') + '"'
        self._connection.execute(f"CREATE TABLE {quoted} AS SELECT * FROM arriving")
        self._connection.unregister("arriving")

    def query(self, sql: str, rows: int, size: int, hidden: int, ids: int) -> dict[str, Any]:
        """Run one SELECT in a transaction that only reads.

        Args:
            sql: one statement.
            rows: how many rows at most come back.
            size: how many characters of values at most come back.
            hidden: how many last columns hold row ids, as an integer or a list of them.
            ids: how many row ids at most come back.
        """
        if not self._locked:
            self._connection.execute("SET lock_configuration = true")
            self._locked = True
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1:
            raise ValueError(f"{len(statements)} statements in one query; one SELECT is allowed")
        if statements[0].type != duckdb.StatementType.SELECT:
            raise ValueError("only SELECT is allowed")
        self._connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            cursor = self._connection.execute(statements[0])
            return _collect(cursor, rows, size, hidden, ids)
        finally:
            self._connection.execute("ROLLBACK")


def _collect(
    cursor: duckdb.DuckDBPyConnection, rows: int, size: int, hidden: int, ids: int
) -> dict[str, Any]:
    described = cursor.description or []
    types = [str(column[1]) for column in described]
    visible = len(types) - hidden
    values: list[list[Any]] = []
    traced: list[list[list[int]]] = []
    used = 0
    while True:
        batch = cursor.fetchmany(64)
        for row in batch:
            if len(values) == rows:
                return {"types": types[:visible], "rows": values, "ids": traced, "truncated": True}
            plain = [_plain(value) for value in row[:visible]]
            used += sum(len(value) if isinstance(value, str) else 8 for value in plain)
            if used > size:
                raise ValueError(f"the result is larger than {size} characters; select less")
            found = [_ids(value, ids) for value in row[visible:]]
            ids -= sum(map(len, found))
            values.append(plain)
            traced.append(found)
        if len(batch) < 64:
            return {"types": types[:visible], "rows": values, "ids": traced, "truncated": False}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


def _ids(value: Any, room: int) -> list[int]:
    if value is None or room <= 0:
        return []
    found = value if isinstance(value, list) else [value]
    return [i for i in found if i is not None][:room]


def _harden() -> None:
    """What this process gives up for good. Memory and processor time are set later."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit_memory(memory_mb: int) -> None:
    """Let the address space grow by ``memory_mb`` from here, and no further."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        used = 2 << 30  # not Linux: what the imports took there is not known
    limit = used + (memory_mb << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_cpu(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(usage.ru_utime + usage.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


class Pipe:
    """The parent's end of the conversation."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
        self._out = os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):  # whatever a library prints must not reach the parent
            os.dup2(null, fd)
        os.close(null)

    def receive(self) -> tuple[bytes, bytes]:
        """The next frame; ends the process when the parent is gone."""
        header = self._in.read(_HEADER.size)
        if len(header) < _HEADER.size:
            os._exit(0)
        kind, length = _HEADER.unpack(header)
        payload = self._in.read(length)
        if len(payload) < length:
            os._exit(0)
        return kind, payload

    def send(self, kind: bytes, value: Any = None) -> None:
        """One frame out."""
        payload = b"" if value is None else json.dumps(value).encode()
        view = memoryview(_HEADER.pack(kind, len(payload)) + payload)
        while view:
            view = view[os.write(self._out, view) :]


def _answer(database: Database, kind: bytes, payload: bytes) -> dict[str, Any] | None:
    if kind == b"R":
        database.forget()
    elif kind == b"T":
        length = int.from_bytes(payload[:4], "big")
        name = payload[4 : 4 + length].decode()
        database.load(name, pa.py_buffer(payload)[4 + length :])
    elif kind == b"Q":
        request = json.loads(payload)
        _limit_cpu(request["cpu_s"])
        return database.query(
            request["sql"], request["rows"], request["bytes"], request["hidden"], request["ids"]
        )
    return None


def _warm(database: Database) -> None:
    """Take the address space that the first use of each library reserves, before it is limited."""
    table = pa.table({"a": pa.array([1], pa.int64())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    database.load("warm", sink.getvalue())
    database.query("SELECT a FROM warm", 1, 100, 0, 0)
    database.forget()


def main() -> None:
    """Answer frames until the parent closes the pipe."""
    pipe = Pipe()
    _harden()
    _, payload = pipe.receive()
    memory_mb = json.loads(payload)["memory_mb"]
    database = Database(memory_mb)
    _warm(database)
    _limit_memory(memory_mb)
    pipe.send(b"K")
    while True:
        kind, payload = pipe.receive()
        try:
            result = _answer(database, kind, payload)
        except (MemoryError, duckdb.OutOfMemoryException):
            pipe.send(
                b"E", {"kind": "memory", "message": "the query needs more memory than it may"}
            )
        except (duckdb.Error, ValueError) as error:
            pipe.send(b"E", {"kind": type(error).__name__, "message": str(error)[:2000]})
        else:
            pipe.send(b"K" if result is None else b"D", result)


if __name__ == "__main__":
    main()
