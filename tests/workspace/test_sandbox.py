"""The sandbox's walls: admission first, then a child process that can do no harm.

``pool.run`` runs a statement without admission: these tests use it to show that the second wall
holds by itself.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from specialists.foundation.errors import QueryFailed, QueryRefused
from specialists.workspace.sandbox import Sandbox, SandboxSettings
from specialists.workspace.sandbox_pool import Pool
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot

COUNT = "SELECT count(*) AS n FROM income_statement"

EATS_MEMORY = "SELECT length(repeat('x', 2000000000))"
"""Measured on DuckDB 2.0.0 with memory_limit 256 MB: takes 4 GB."""
DEAF_TO_INTERRUPT = "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))"
"""Measured on DuckDB 2.0.0: ``interrupt()`` has no effect for more than 15 s."""


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize("attack", [EATS_MEMORY, DEAF_TO_INTERRUPT])
async def test_the_measured_attacks_are_refused(
    sandbox: Sandbox, synthetic: Snapshot, attack: str
) -> None:
    with pytest.raises(QueryRefused, match="is not allowed"):
        await sandbox.query(synthetic, attack)


@pytest.mark.parametrize(
    "attack",
    [
        EATS_MEMORY,
        DEAF_TO_INTERRUPT,
        "SELECT sum(length(lpad(company, 1000000000, 'x'))) FROM income_statement",
        "SELECT list_sort(range(100000000))",
        "SELECT damerau_levenshtein(repeat('a', 30000), repeat('b', 30000))",
        "SELECT string_agg(a.company || b.company || c.company) FROM income_statement a, "
        "income_statement b, income_statement c, income_statement d",
    ],
)
async def test_the_child_is_stopped_within_its_deadline(
    sandbox: Sandbox, synthetic: Snapshot, attack: str
) -> None:
    pool = sandbox.pool
    await pool.run(synthetic, COUNT)
    largest = 0.0
    start = time.perf_counter()
    task = asyncio.create_task(pool.run(synthetic, attack))
    while not task.done():
        for pid in pool.pids():
            try:
                largest = max(largest, memory_mb(pid))
            except (OSError, StopIteration):
                continue  # it has just been killed
        await asyncio.sleep(0.02)
    with pytest.raises(QueryFailed, match=r"memory|longer than 2 s"):
        await task
    assert time.perf_counter() - start < sandbox.settings.deadline_s + 1.5
    assert largest < 512 + 512
    assert (await sandbox.query(synthetic, COUNT)).rows == ((72,),)  # the pool recovered


async def test_a_slow_admitted_query_is_stopped(sandbox: Sandbox, synthetic: Snapshot) -> None:
    joins = ", ".join(f"income_statement t{i}" for i in range(8))
    with pytest.raises(QueryFailed, match=r"memory|longer than 2 s"):
        await sandbox.query(synthetic, f"SELECT max(t0.revenue + t7.revenue) FROM {joins}")
    assert (await sandbox.query(synthetic, COUNT)).rows == ((72,),)


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE income_statement",
        "DROP TABLE income_statement",
        "UPDATE income_statement SET revenue = 0",
        "DELETE FROM income_statement",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE MACRO count(x) AS 0",
        "SET memory_limit = '100GB'",
        "SET lock_configuration = false",
        "RESET enable_external_access",
        "COMMIT",
        "ATTACH ':memory:' AS other",
        "COPY income_statement TO '/tmp/stolen.csv'",
        "COPY (SELECT 1) TO '/dev/stdout'",
        "EXPORT DATABASE '/tmp/stolen'",
        "INSTALL httpfs",
        "LOAD json",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_blob('/proc/self/maps')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM 'http://127.0.0.1:9/x.parquet'",
        "SELECT getenv('HOME')",
        "SELECT * FROM python_variable",
        "SELECT * FROM query('SELECT 1; DROP TABLE income_statement')",
        "not even SQL",
    ],
)
async def test_the_child_alone_lets_nothing_out(
    sandbox: Sandbox, synthetic: Snapshot, attack: str
) -> None:
    with pytest.raises(QueryFailed):
        await sandbox.pool.run(synthetic, attack)
    rows = await sandbox.query(synthetic, "SELECT count(*), min(revenue) FROM income_statement")
    assert rows.rows[0][0] == 72
    assert rows.rows[0][1] > 0


async def test_a_child_holds_no_secret_of_its_parent(
    synthetic: Snapshot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FINROUTE_SECRET", "hunter2-in-the-environment")
    held = (tmp_path / "secret.txt").open("w")
    os.set_inheritable(held.fileno(), True)
    pool = Pool(SandboxSettings(children=1))
    try:
        await pool.run(synthetic, COUNT)
        (pid,) = pool.pids()
        if sys.platform == "linux" and os.geteuid() == 0:  # /proc of an undumpable process
            environment = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8")
            assert "hunter2" not in environment
            assert "HOME" not in environment
            files = [os.readlink(f) for f in Path(f"/proc/{pid}/fd").iterdir()]
            assert not any("secret" in file for file in files)
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            assert "NoNewPrivs:\t1" in status
            limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
            assert "Max file size             0 " in limits
    finally:
        held.close()
        await pool.aclose()
    assert not Path(f"/proc/{pid}").exists()


async def test_only_the_catalogues_columns_are_sent(sandbox: Sandbox, synthetic: Snapshot) -> None:
    for hidden in ("_known_at", "_source"):
        with pytest.raises(QueryFailed, match="not found"):
            await sandbox.pool.run(synthetic, f"SELECT {hidden} FROM income_statement")
        with pytest.raises(QueryRefused, match="underscore"):
            await sandbox.query(synthetic, f"SELECT {hidden} FROM income_statement LIMIT 1")


async def test_one_snapshot_is_never_seen_from_another(sandbox: Sandbox) -> None:
    one = make_snapshot(11, split="train", companies=3)
    two = make_snapshot(12, split="train", companies=4)
    sql = "SELECT company FROM companies ORDER BY company LIMIT 100"

    async def names(snapshot: Snapshot) -> None:
        rows = await sandbox.query(snapshot, sql)
        assert [r[0] for r in rows.rows] == sorted(c.name for c in snapshot.catalogue.companies)

    await asyncio.gather(*(names(s) for s in (one, two) * 10))


async def test_snapshots_without_a_digest_are_told_apart(sandbox: Sandbox) -> None:
    for seed in (21, 22):
        made = make_snapshot(seed, split="train", companies=seed - 18)
        bare = Snapshot(made.catalogue, made.tables)
        assert (await sandbox.query(bare, "SELECT count(*) FROM companies")).rows == ((seed - 18,),)


async def test_results_are_bounded(sandbox: Sandbox, synthetic: Snapshot) -> None:
    sql = "SELECT a.company FROM income_statement a CROSS JOIN income_statement b WHERE 1 = 1"
    rows = await sandbox.query(synthetic, sql)
    assert len(rows.rows) == sandbox.settings.rows == 500
    assert rows.truncated
    assert len((await sandbox.query(synthetic, sql + " LIMIT 7")).rows) == 7
    wide = "SELECT " + ", ".join(f"{'company || ' * 30}company AS c{i}" for i in range(8))
    wide += " FROM income_statement WHERE 1 = 1"
    pool = Pool(SandboxSettings(characters=10_000, children=1))
    with pytest.raises(QueryFailed, match="larger than 10000 characters"):
        await pool.run(synthetic, wide)
    await pool.aclose()


async def test_values_are_json(sandbox: Sandbox, synthetic: Snapshot) -> None:
    rows = await sandbox.query(
        synthetic,
        "SELECT 1.5::DECIMAL(4, 2), DATE '2022-01-31', 1 / 0, NULL, TRUE, 'é', "
        "170141183460469231731",
    )
    assert rows.rows == ((1.5, "2022-01-31", None, None, True, "é", 170141183460469231731),)


async def test_errors_speak_of_the_writers_statement(sandbox: Sandbox, synthetic: Snapshot) -> None:
    with pytest.raises(QueryFailed, match="Could not convert string") as failure:
        await sandbox.query(synthetic, "SELECT CAST(company AS INTEGER) FROM companies LIMIT 1")
    assert "_row" not in str(failure.value)
    assert "LINE" not in str(failure.value)


async def test_leaving_ends_the_query(synthetic: Snapshot) -> None:
    pool = Pool(SandboxSettings(children=1, deadline_s=30))
    await pool.run(synthetic, COUNT)
    (pid,) = pool.pids()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(pool.run(synthetic, DEAF_TO_INTERRUPT), 0.3)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        await asyncio.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
    assert (await pool.run(synthetic, COUNT)).rows == [[72]]
    await pool.aclose()
    with pytest.raises(QueryFailed, match="closed"):
        await pool.run(synthetic, COUNT)


async def test_a_killed_child_is_replaced(synthetic: Snapshot) -> None:
    pool = Pool(SandboxSettings(children=1))
    await pool.run(synthetic, COUNT)
    (pid,) = pool.pids()
    os.kill(pid, 9)
    time.sleep(0.1)
    results = [await _outcome(pool, synthetic) for _ in range(2)]
    assert results[-1] == [[72]]
    await pool.aclose()


async def _outcome(pool: Pool, snapshot: Snapshot) -> object:
    try:
        return (await pool.run(snapshot, COUNT)).rows
    except QueryFailed as error:
        return str(error)


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import asyncio, os, sys
        from specialists.workspace.sandbox_pool import Pool, SandboxSettings
        from specialists.workspace.synthetic import make_snapshot

        async def main():
            pool = Pool(SandboxSettings(children=1, deadline_s=60))
            snapshot = make_snapshot(1, split="train", companies=2)
            await pool.run(snapshot, "SELECT 1")
            print(pool.pids()[0], flush=True)
            task = asyncio.create_task(pool.run(
                snapshot, "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))"))
            await asyncio.sleep(0.3)
            os.kill(os.getpid(), 9)

        asyncio.run(main())
    """)
    parent = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert parent.returncode == -9, parent.stderr
    child = Path("/proc", parent.stdout.strip())
    for _ in range(100):
        if not child.exists():
            return
        time.sleep(0.02)
    pytest.fail("the child outlived its parent")


def test_works_from_one_event_loop_after_another(sandbox: Sandbox, synthetic: Snapshot) -> None:
    for _ in range(2):
        assert asyncio.run(sandbox.query(synthetic, COUNT)).rows == ((72,),)


async def test_warm_queries_take_milliseconds(sandbox: Sandbox, synthetic: Snapshot) -> None:
    """Design: p50 ≤ 3 ms through the child. Bounded at 15 ms here, for a busy machine."""
    sql = "SELECT revenue FROM income_statement WHERE company = 'X' AND fiscal_year = 2020"
    times: list[float] = []
    for _ in range(100):
        start = time.perf_counter()
        await sandbox.query(synthetic, sql)
        times.append(time.perf_counter() - start)
    assert sorted(times)[50] < 0.015
