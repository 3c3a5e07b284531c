"""Limits on tools, over the real toolbox: what is late is stopped, what is long is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from specialists.foundation.contracts import ToolSpec
from specialists.foundation.errors import QueryFailed, ToolError
from specialists.workspace.limited import Limited
from specialists.workspace.sandbox import Sandbox, SandboxSettings
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.toolbox import Toolbox
from specialists.workspace.tools import ToolResult

COUNT = {"query": "SELECT COUNT(*) AS n FROM income_statement"}
SLOW = {
    "query": "SELECT SUM(a.revenue * b.revenue * c.revenue * d.revenue * e.revenue) AS n FROM "
    "income_statement a, income_statement b, income_statement c, income_statement d, "
    "income_statement e WHERE a.fiscal_year > 0"
}
"""Two billion rows: admitted, and minutes of work."""


@pytest.fixture
async def toolbox(synthetic: Snapshot) -> AsyncIterator[Toolbox]:
    sandbox = Sandbox(SandboxSettings(deadline_s=60, children=1))
    yield Toolbox(synthetic, sandbox)
    await sandbox.aclose()


async def test_a_late_call_is_stopped_and_told_to_the_model(toolbox: Toolbox) -> None:
    tools = Limited(toolbox, 0.3, 500)
    assert (await Limited(toolbox, 60, 500).call("sql", COUNT)).error is None  # a child is up
    start = time.perf_counter()
    late = await tools.call("sql", SLOW)
    assert time.perf_counter() - start < 3
    assert late.error == "sql took longer than 0.3 s and was stopped: ask for less"
    assert late.data is None
    assert (late.name, late.arguments) == ("sql", SLOW)
    # The only child is free again long before the query's own deadline: it was stopped, not left.
    again = await Limited(toolbox, 30, 500).call("sql", COUNT)
    assert again.data["rows"] == [[72]]
    assert time.perf_counter() - start < 20


async def test_a_call_in_time_is_what_the_toolbox_gives(toolbox: Toolbox) -> None:
    tools = Limited(toolbox, 30, 8_000)
    arguments = {"query": "SELECT revenue FROM income_statement WHERE fiscal_year = 2020 LIMIT 1"}
    limited, plain = await tools.call("sql", arguments), await toolbox.call("sql", arguments)
    assert (limited.data, limited.text, limited.evidence) == (
        plain.data,
        plain.text,
        plain.evidence,
    )
    assert tools.snapshot is toolbox.snapshot
    assert tools.specs(["sql"]) == toolbox.specs(["sql"])


async def test_long_output_is_cut_with_a_note(toolbox: Toolbox) -> None:
    plain = await toolbox.call("list_tables", {})
    for output in (20, 60, 200):
        cut = await Limited(toolbox, 30, output).call("list_tables", {})
        assert len(cut.text) == output
        assert cut.data == plain.data
    assert "cut: " in cut.text
    assert cut.text.startswith(plain.text[:100])
    wrong = await Limited(toolbox, 30, 60).call("describe_table", {"table": "nothing"})
    assert wrong.error is not None
    assert len(wrong.error) == 60


class Breaks:
    """A tool that is out of order."""

    def __init__(self, snapshot: Snapshot, error: BaseException) -> None:
        self.snapshot = snapshot
        self.error = error

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return ()

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        raise self.error


async def test_a_tool_that_breaks_down_is_not_the_models_fault(synthetic: Snapshot) -> None:
    for error in (KeyError("x"), TimeoutError()):
        with pytest.raises(ToolError, match=r"sql broke down: (Key|Timeout)Error"):
            await Limited(Breaks(synthetic, error), 30, 100).call("sql", {})
    with pytest.raises(QueryFailed, match="the disk is gone"):
        await Limited(Breaks(synthetic, QueryFailed("the disk is gone")), 30, 1).call("sql", {})


async def test_whoever_leaves_ends_the_call(toolbox: Toolbox) -> None:
    call = asyncio.create_task(Limited(toolbox, 30, 100).call("sql", SLOW))
    await asyncio.sleep(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
