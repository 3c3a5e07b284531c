"""Thousands of hostile statements against a stored workspace in which secrets are planted.

Statements come from a grammar of attacks, from mutations of valid queries, and
from a grammar of odd but allowed ones. None may bring back
a file's text, an environment variable, a setting, a row known later than ``as_of``, or a hidden
column, and none may change what the next query sees.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from specialists.foundation.errors import QueryFailed, QueryRefused
from specialists.workspace.batch import Batch, NewTable
from specialists.workspace.catalogue import Column, Table
from specialists.workspace.sandbox import Sandbox, SandboxSettings
from specialists.workspace.snapshot import KNOWN_AT, SOURCE, Snapshot
from specialists.workspace.versions import Workspace

FILE_SECRET = "xyzzy-in-a-file"
ENV_SECRET = "xyzzy-in-the-environment"
SOURCE_SECRET = "xyzzy-in-a-source"
LATER_NAME = "Xyzzy Later Corp"
LATER_VALUE = 987654.25
SETTINGS = ("244.1 MiB", "v2.0", "lock_configuration", "duckdb_")
"""What DuckDB's settings and own tables would show; no statement below contains them as text."""

COLUMNS = (
    Column(name="company", role="company", type="text"),
    Column(name="fiscal_year", role="period", type="number"),
    Column(name="revenue", role="measure", type="number", unit="USD", scale=1e6),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Snapshot, Path]]:
    """A snapshot as of 2022 of a workspace whose later rows, and a file, hold secrets."""
    root = tmp_path_factory.mktemp("fuzz")
    day, later = date(2022, 3, 1), date(2024, 3, 1)
    rows = [(f"Firm {i}", 2020 + j, 100.0 * i + j, day) for i in range(4) for j in range(3)]
    rows += [(LATER_NAME, 2020, LATER_VALUE, later), ("Firm 1", 2021, LATER_VALUE, later)]
    data = {c.name: [row[i] for row in rows] for i, c in enumerate(COLUMNS)}
    data[KNOWN_AT] = pa.array([row[3] for row in rows], pa.date32())
    data[SOURCE] = [SOURCE_SECRET] * len(rows)
    table = Table(name="income", title="Income", columns=COLUMNS, rows=len(rows))
    batch = Batch(tables=(NewTable(table, pa.table(data), ("company", "fiscal_year")),))
    workspace = Workspace.create("fuzz", root / "workspaces", batch)
    files = root / "files"
    files.mkdir()
    (files / "secret.csv").write_text(f"company,revenue\n{FILE_SECRET},1\n", encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setenv("FINROUTE_SECRET", ENV_SECRET)
    yield workspace.snapshot(date(2022, 12, 31)), files
    patch.undo()


VALID = (
    "SELECT revenue FROM income WHERE company = 'Firm 1' AND fiscal_year = 2021",
    "SELECT company, sum(revenue) AS total FROM income GROUP BY company ORDER BY total DESC",
    "SELECT avg(revenue) FROM income WHERE fiscal_year BETWEEN 2020 AND 2021",
    "WITH t AS (SELECT company, max(revenue) AS m FROM income GROUP BY company) "
    "SELECT company FROM t WHERE m > 100",
    "SELECT a.revenue - b.revenue FROM income a JOIN income b ON a.company = b.company "
    "WHERE a.fiscal_year = 2021 AND b.fiscal_year = 2020",
    "SELECT company FROM income WHERE revenue > (SELECT avg(revenue) FROM income)",
    "SELECT CASE WHEN revenue > 100 THEN 'big' ELSE 'small' END FROM income LIMIT 3",
)
TOKENS = (
    ";", "--", "/*", "*/", "'", '"', "''", "$$", "\\", "\x00", "\u2019", "(", ")", "((", "[", "]",
    "{", "}", ",", ".", "::", ":=", "->", "@", "?", "$1", "*", "* EXCLUDE (company)", "_row",
    "_known_at", "_source", "rowid", "DROP TABLE income", "COPY", "ATTACH", "PRAGMA", "SET",
    "INTO", "UNION ALL", "EXCEPT", "LATERAL", "FROM", "SELECT", "WITH", "RECURSIVE", "VALUES (1)",
    "USING SAMPLE 1", "FOR UPDATE", "OFFSET 1", "LIMIT 10%", "QUALIFY 1 = 1", "PIVOT", "NULL",
    "income", "main.income", "memory.main.income", "information_schema.tables", "sqlite_master",
    "pg_catalog.pg_settings", "lambda x: x", "x'41'", "E'\\n'", "1e999", "9" * 60, "ALL", "ANY",
    "COLUMNS('.*')", "range(9)", "unnest([1])", "current_user", "~ '(a+)+$'", "COLLATE NOCASE",
    "INTERVAL 1 DAY", "AT TIME ZONE 'UTC'", "TRY_CAST(1 AS JSON)", "ROW(1)", "MAP {1: 2}",
)  # fmt: skip


def relations(rng: random.Random, files: Path) -> str:
    """Something to read from that must not be readable."""
    file = f"{files}/secret.csv"
    return rng.choice(
        (
            f"'{file}'", f'"{file}"', f"read_csv('{file}')", f"read_csv_auto(['{file}'])",
            f"read_text('{file}')", f"read_blob('{file}')", f"sniff_csv('{file}')",
            f"glob('{files}/*')", f"parquet_scan('{file}')", "query('SELECT 1')",
            "read_text('/proc/self/environ')", "duckdb_settings()", "duckdb_secrets()",
            "duckdb_tables()", "duckdb_columns()", "pragma_database_list()", "pragma_version()",
            "information_schema.columns", "pg_catalog.pg_tables", "sqlite_master",
            "query_table('income')", "duckdb_extensions()", "duckdb_functions()",
            "duckdb_variables()", "duckdb_temporary_files()", "test_all_types()",
            "memory.information_schema.schemata", "repeat_row(1, num_rows=9)", "range(1000000000)",
            "generate_series(1, 1000000000)", "unnest(range(99999999))", "arriving", "warm",
        )
    )  # fmt: skip


def scalars(rng: random.Random, files: Path) -> str:
    """An expression that must not be worked out."""
    file = f"{files}/secret.csv"
    return rng.choice(
        (
            "getenv('FINROUTE_SECRET')", "current_setting('memory_limit')", "version()",
            "current_database()", "current_user", "getvariable('x')", "_row", "_known_at",
            "_source", "rowid", "income._source", '"_source"', "income", "COLUMNS(*)",
            "repeat('x', 1000000000)", "lpad('x', 1000000000, 'y')", "list(revenue)",
            "string_agg(company)", "levenshtein(repeat('a', 99999), repeat('b', 99999))",
            "regexp_matches(company, '(a+)+$')", "list_sum(range(99999999))", "random()",
            "nextval('s')", "pg_sleep(60)", "sleep_ms(60000)", "query('SELECT 1')", "hash(income)",
            f"(SELECT content FROM read_text('{file}'))", "struct_pack(a := income)",
            "json_serialize_sql('SELECT 1')", "in_search_path('a', 'b')", "error('x')",
            "array_agg(income)", "income.*", "now()", "uuid()", "txid_current()", "stats(revenue)",
            "printf('%1000000000d', 1)", "format('{:1000000000}', 'x')", "bitstring('1', 99999999)",
            "map_from_entries([(1, 2)])", "getenv('PATH')", "add_parquet_key('a', 'b')",
        )
    )  # fmt: skip


def attack(rng: random.Random, files: Path) -> str:
    """One statement of the grammar of attacks."""
    relation, scalar, valid = relations(rng, files), scalars(rng, files), rng.choice(VALID)
    out = f"{files}/stolen{rng.randrange(999)}"
    return rng.choice(
        (
            f"SELECT * FROM {relation}",
            f"SELECT count(*) FROM {relation}",
            f"FROM {relation}",
            f"SELECT {scalar} FROM income LIMIT 5",
            f"SELECT {scalar}",
            f"SELECT max({scalar}) FROM income",
            f"SELECT company FROM income WHERE {scalar} IS NOT NULL",
            f"SELECT company FROM income ORDER BY {scalar} LIMIT 3",
            f"SELECT company FROM income GROUP BY company, {scalar}",
            f"{valid} UNION ALL SELECT {scalar} FROM income",
            f"{valid} UNION ALL SELECT * FROM {relation}",
            f"SELECT company FROM income WHERE company IN (SELECT company FROM {relation})",
            f"WITH x AS (SELECT * FROM {relation}) SELECT company FROM x LIMIT 5",
            f"WITH income AS (SELECT * FROM {relation}) SELECT company FROM income LIMIT 5",
            f"SELECT (SELECT company FROM {relation} LIMIT 1) FROM income LIMIT 1",
            f"SELECT i.company FROM income i, {relation} r LIMIT 5",
            f"SELECT i.company FROM income i, LATERAL (SELECT * FROM {relation}) r LIMIT 5",
            f"{valid}; SELECT * FROM {relation}",
            f"{valid}; DROP TABLE income",
            f"{valid} -- ; \n; DELETE FROM income",
            f"{valid} /* */ ; UPDATE income SET revenue = 0",
            f"COPY income TO '{out}.csv'",
            f"COPY (SELECT {scalar}) TO '{out}.parquet'",
            f"COPY ({valid}) TO '{out}.csv' (FORMAT csv)",
            f"EXPORT DATABASE '{out}'",
            f"ATTACH '{out}.db' AS other",
            f"CREATE TABLE other AS {valid}",
            f"CREATE VIEW income AS SELECT * FROM {relation}",
            f"INSERT INTO income SELECT * FROM {relation}",
            "INSERT INTO income VALUES ('x', 1, 1, 1)",
            "DELETE FROM income",
            "SET enable_external_access = true",
            f"SET VARIABLE x = (SELECT {scalar})",
            "RESET lock_configuration",
            f"PREPARE p AS {valid}",
            f"EXPLAIN ANALYZE {valid}",
            f"EXECUTE IMMEDIATE '{valid}'",
            f"SELECT * FROM ({valid}) PIVOT (max(revenue) FOR company IN ('a'))",
            f"SELECT company FROM income WHERE company = '{scalar}' OR 1 = 1 LIMIT 5",
            f"SELECT company FROM income WHERE company = '' OR ''='' ; {valid} --'",
        )
    )


def mutation(rng: random.Random, files: Path) -> str:
    """A valid query, damaged or loaded."""
    words = rng.choice(VALID).split(" ")
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(words) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            words.insert(at, rng.choice(TOKENS))
        elif kind == 1 and words:
            words[at % len(words)] = rng.choice(TOKENS)
        elif kind == 2 and words:
            words[at % len(words)] = scalars(rng, files)
        elif kind == 3 and words:
            del words[at % len(words)]
        elif kind == 4 and words:
            words[at % len(words)] = relations(rng, files)
        else:
            words[at:at] = rng.choice(VALID).split(" ")[: rng.randint(1, 6)]
    text = " ".join(words)
    if rng.random() < 0.2:
        at = rng.randrange(len(text) + 1)
        text = (
            text[:at] + chr(rng.choice((0, 9, 10, 34, 39, 59, 0x2028, 0xFEFF, 0x1F600))) + text[at:]
        )
    return text


def plausible(rng: random.Random) -> str:
    """A query of the allowed language, as odd as it permits: most of these run."""

    def value(depth: int, alias: str) -> str:
        column = f"{alias}.{rng.choice(('company', 'fiscal_year', 'revenue'))}"
        number = f"{alias}.{rng.choice(('fiscal_year', 'revenue'))}"
        leaf = (column, number, str(rng.randint(-9, 3000)), "'Firm 1'", "NULL")
        if depth == 0:
            return rng.choice(leaf)
        inner = value(depth - 1, alias)
        return rng.choice(
            (
                *leaf,
                f"({number} {rng.choice('+-*/%')} {rng.choice((number, '7', '0', '0.5'))})",
                f"coalesce({column}, {column})",
                f"CASE WHEN {number} > 100 THEN {inner} END",
                f"TRY_CAST({inner} AS {rng.choice(('DOUBLE', 'VARCHAR', 'DATE', 'INTEGER'))})",
                f"upper({alias}.company || 'x')",
                f"round({number}, 1)",
                f"(SELECT {rng.choice(('max', 'min', 'avg', 'count'))}(z.revenue) FROM income z "
                f"WHERE z.fiscal_year = {number})",
                f"lag({column}) OVER (PARTITION BY {alias}.company ORDER BY {number})",
                f"sum({number}) OVER (ORDER BY {number} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            )
        )

    def condition(alias: str) -> str:
        return rng.choice(
            (
                f"{alias}.revenue > {rng.randint(0, 400)}",
                f"{alias}.company LIKE '%{rng.randint(0, 4)}%'",
                f"{alias}.fiscal_year IN (2020, 2021)",
                f"{alias}.company IN (SELECT company FROM income WHERE revenue < 200)",
                f"EXISTS (SELECT 1 FROM income q WHERE q.company = {alias}.company)",
                f"NOT ({alias}.revenue BETWEEN 5 AND 100)",
                "1 = 1",
            )
        )

    kind = rng.randrange(5)
    where = f"WHERE {condition('a')} {rng.choice(('AND', 'OR'))} {condition('a')}"
    if kind == 0:
        return f"SELECT {value(2, 'a')}, {value(1, 'a')} FROM income a {where} ORDER BY 1 LIMIT 9"
    if kind == 1:
        how = rng.choice(("JOIN", "LEFT JOIN", "FULL JOIN"))
        on = rng.choice(("a.company = b.company", "a.fiscal_year < b.fiscal_year"))
        return (
            f"SELECT {value(1, 'a')}, {value(1, 'b')} FROM income a {how} income b ON {on} {where}"
        )
    if kind == 2:
        made = rng.choice(("sum(a.revenue)", "arg_max(a.company, a.revenue)", "count(DISTINCT "
                           "a.company)", "median(a.revenue)", "max(a.company)"))  # fmt: skip
        return f"SELECT a.fiscal_year, {made} AS m FROM income a {where} GROUP BY ALL ORDER BY m"
    if kind == 3:
        operator = rng.choice(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
        arm = "SELECT a.company, a.revenue FROM income a"
        return f"{arm} {where} {operator} {arm} WHERE {condition('a')}"
    inner = f"SELECT DISTINCT a.company AS c, a.revenue AS r FROM income a {where}"
    return f"WITH t AS ({inner}) SELECT t.c, max(t.r) FROM t GROUP BY t.c HAVING count(*) > 0"


def statements(seed: int, count: int, files: Path) -> list[str]:
    rng = random.Random(seed)
    made: list[str] = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.2:
            made.append(plausible(rng))
        else:
            made.append(attack(rng, files) if kind < 0.6 else mutation(rng, files))
    return made


async def assault(snapshot: Snapshot, files: Path, count: int, seed: int) -> Counter[str]:
    """Run statements; what came of them, counted. Fails on the first that brings back a secret."""
    sandbox = Sandbox(SandboxSettings(deadline_s=1, memory_mb=512))
    outcomes: Counter[str] = Counter()
    slots = asyncio.Semaphore(4)

    async def one(sql: str) -> None:
        async with slots:
            try:
                rows = await sandbox.query(snapshot, sql)
            except QueryRefused as error:
                outcomes["refused"] += 1
                told = str(error).replace(sql, "")
                assert ENV_SECRET not in told
                assert LATER_NAME not in told
            except QueryFailed as error:
                outcomes["failed"] += 1
                told = str(error)
                assert not any(s in told for s in (FILE_SECRET, ENV_SECRET, LATER_NAME)), sql
            else:
                outcomes["ran"] += 1
                told = json.dumps([rows.rows, rows.columns])
                secrets = (FILE_SECRET, ENV_SECRET, SOURCE_SECRET, LATER_NAME, str(LATER_VALUE))
                assert not any(s in told for s in secrets), sql
                values = json.dumps(rows.rows)
                assert not any(s in values for s in SETTINGS), sql
                assert all(c.table == "income" for c in rows.cells), sql
                assert all(c.value != LATER_VALUE for c in rows.cells), sql
                assert all(c.known_at == date(2022, 3, 1) for c in rows.cells), sql
                assert not any(column.startswith("_") for column in rows.columns), sql

    try:
        await asyncio.gather(*(one(sql) for sql in statements(seed, count, files)))
        after = await sandbox.query(snapshot, "SELECT count(*), sum(revenue) FROM income")
        assert after.rows == ((12, 1812.0),)
    finally:
        await sandbox.aclose()
    assert [f.name for f in files.iterdir()] == ["secret.csv"]
    return outcomes


async def test_two_thousand_hostile_statements(world: tuple[Snapshot, Path]) -> None:
    outcomes = await assault(*world, count=2_000, seed=7)
    assert sum(outcomes.values()) == 2_000
    assert outcomes["refused"] > 1_000
    assert outcomes["ran"] > 300  # the gate is not simply shut


@pytest.mark.nightly
async def test_ten_thousand_hostile_statements(world: tuple[Snapshot, Path]) -> None:
    outcomes = await assault(*world, count=10_000, seed=11)
    assert sum(outcomes.values()) == 10_000


async def test_the_child_alone_keeps_the_secrets(world: tuple[Snapshot, Path]) -> None:
    """Three hundred attacks with no admission: settings may show, secrets may not."""
    snapshot, files = world
    sandbox = Sandbox(SandboxSettings(deadline_s=0.5, memory_mb=512))
    rng = random.Random(3)
    wasteful = ("1000000000", "99999", "repeat", "range(", "sleep")
    attacks = [a for a in (attack(rng, files) for _ in range(500))
               if not any(w in a for w in wasteful)][:300]  # fmt: skip
    ran = 0
    try:
        for sql in attacks:
            try:
                raw = await sandbox.pool.run(snapshot, sql)
            except QueryFailed as error:
                told = str(error)
            else:
                ran += 1
                told = json.dumps(raw.rows)
            secrets = (FILE_SECRET, ENV_SECRET, SOURCE_SECRET, LATER_NAME, str(LATER_VALUE))
            assert not any(secret in told for secret in secrets), sql
        after = await sandbox.query(snapshot, "SELECT count(*), sum(revenue) FROM income")
        assert after.rows == ((12, 1812.0),)
    finally:
        await sandbox.aclose()
    assert ran > 10
    assert [f.name for f in files.iterdir()] == ["secret.csv"]


async def test_tracing_never_changes_a_result(world: tuple[Snapshot, Path]) -> None:
    """Random queries give the same rows with and without their provenance."""
    snapshot, _ = world
    sandbox = Sandbox(SandboxSettings(children=1))
    rng = random.Random(5)
    compared = 0
    try:
        while compared < 150:
            sql = plausible(rng).replace(" LIMIT 9", "")
            ready = sandbox._prepare(snapshot, sql)
            try:
                plain = await sandbox.pool.run(snapshot, ready.plain)
            except QueryFailed:
                continue
            traced = await sandbox.query(snapshot, sql)
            assert sorted(map(repr, plain.rows)) == sorted(repr(list(r)) for r in traced.rows), sql
            if traced.rows and "EXCEPT" not in sql and "INTERSECT" not in sql:
                assert traced.cells, sql
            compared += 1
    finally:
        await sandbox.aclose()
