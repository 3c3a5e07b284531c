"""A call is made once, whoever makes it again; failures are made anew."""

import asyncio

from specialists.workspace.remembered import Memory, Remembered
from specialists.workspace.tools import ToolResult


class Counting:
    """Tools that count, wait a moment, and fail where they are told to."""

    def __init__(self, snapshot, failing: int = 0) -> None:
        self.snapshot, self.calls, self.failing = snapshot, 0, failing

    def specs(self, names):
        return ()

    async def call(self, name, arguments):
        self.calls += 1
        mine = self.calls
        await asyncio.sleep(0.01)
        if mine <= self.failing:
            return ToolResult(name, arguments, error="late")
        return ToolResult(name, arguments, data=mine)


class Snap:
    def __init__(self, digest: str) -> None:
        self.digest = digest


async def test_the_same_call_at_once_and_later_is_made_once():
    tools, memory = Counting(Snap("a")), Memory()
    both = Remembered(tools, memory), Remembered(tools, memory)
    told = await asyncio.gather(*(t.call("sql", {"query": "q"}) for t in both * 4))
    again = await both[0].call("sql", {"query": "q"})
    assert tools.calls == 1
    assert {r.data for r in (*told, again)} == {1}
    assert (memory.made, memory.spared) == (1, 8)


async def test_other_arguments_tools_and_snapshots_are_other_calls():
    memory = Memory()
    tools = [Counting(Snap("a")), Counting(Snap("b")), Counting(Snap(""))]
    for each in tools:
        kept = Remembered(each, memory)
        for name, query in (("sql", "q"), ("sql", "p"), ("calculator", "q"), ("sql", "q")):
            await kept.call(name, {"query": query})
    assert [t.calls for t in tools] == [3, 3, 4]  # without a digest nothing is kept


async def test_a_failure_is_not_kept():
    tools = Counting(Snap("a"), failing=1)
    kept = Remembered(tools, Memory())
    first = await kept.call("sql", {"query": "q"})
    second = await kept.call("sql", {"query": "q"})
    assert (first.error, second.error) == ("late", None)
    assert tools.calls == 2


async def test_who_waits_for_a_call_that_was_cancelled_makes_it():
    tools, memory = Counting(Snap("a")), Memory()
    kept = Remembered(tools, memory)
    first = asyncio.create_task(kept.call("sql", {"query": "q"}))
    await asyncio.sleep(0)
    second = asyncio.create_task(kept.call("sql", {"query": "q"}))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).data == 2


async def test_the_eldest_are_forgotten():
    tools, memory = Counting(Snap("a")), Memory(limit=2)
    kept = Remembered(tools, memory)
    for query in ("1", "2", "3", "1"):
        await kept.call("sql", {"query": query})
    assert tools.calls == 4
