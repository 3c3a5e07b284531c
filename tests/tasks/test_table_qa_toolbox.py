"""The short dialogue over the real toolbox: it observes what plain rows do, and admits gold."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from specialists.foundation.contracts import Cell, Quantity, ToolCall, ToolSpec
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.inputs import TableQuestion, link
from specialists.table_qa.policy import Ask, Play, Script, play
from specialists.table_qa.rows import Rows
from specialists.table_qa.task import TableTask
from specialists.workspace.links import Linker
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.toolbox import Toolbox

GROWTH = "( {1} - {0} ) / {0} * 100"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(7, split="train", companies=5, years=(2019, 2020, 2021, 2022))


def _names(snapshot: Snapshot) -> tuple[str, str, str, str]:
    first, second = (c.name for c in snapshot.catalogue.companies[:2])
    rows = snapshot.tables["segments"].to_pylist()
    segment = next(r["segment"] for r in rows if r["company"] == first)
    return first, second, segment, snapshot.catalogue.companies[0].sector


def _ask(ep: CompactEpisode, **options: Any) -> Ask:
    where = options.pop("where", tuple(ep.handles.of("e", "r", "p")))
    return Ask(tuple(ep.handles.of("c")), where, **options)


def _either(ep: CompactEpisode, kind: Any) -> str:
    return f"( {' OR '.join(ep.handles.of(kind))} )"


CASES: dict[str, Any] = {
    "What was the revenue of $e in 2021?": lambda ep: Script((_ask(ep),)),
    "How fast did $e's revenue grow from 2019 to 2022?": lambda ep: Script(
        (_ask(ep, where=(*ep.handles.of("e"), f"ENDS({ep.handles.of('p')[0]})")),), GROWTH
    ),
    "Growth of net income at $e, 2021 versus 2020?": lambda ep: Script(
        (_ask(ep, where=(*ep.handles.of("e"), _either(ep, "p"))),), GROWTH
    ),
    "Average total assets of $e from 2019 to 2021?": lambda ep: Script(
        (_ask(ep, aggregate="AVG"),)
    ),
    "Highest inventory of $e from 2019 to 2021?": lambda ep: Script((_ask(ep, aggregate="MAX"),)),
    "Average revenue of $e from 2019 to 2021?": lambda ep: Script((_ask(ep, aggregate="AVG"),)),
    "Which company had the highest revenue in 2022?": lambda ep: Script(
        (_ask(ep, key="company", order=f"{ep.handles.of('c')[0]} DESC"),), answer="first"
    ),
    "Which company in the $s sector had the lowest goodwill in 2022?": lambda ep: Script(
        (_ask(ep, key="company", order=f"{ep.handles.of('c')[0]} ASC"),), answer="first"
    ),
    "In which year was the revenue of $e lowest?": lambda ep: Script(
        (_ask(ep, key="fiscal_year", order=f"{ep.handles.of('c')[0]} ASC"),), answer="first"
    ),
    "Who had the higher net income in 2020, $e or $f?": lambda ep: Script(
        (
            Ask(
                tuple(ep.handles.of("c")),
                (_either(ep, "e"), *ep.handles.of("p")),
                key="company",
                order=f"{ep.handles.of('c')[0]} DESC",
            ),
        ),
        answer="first",
    ),
    "Difference in revenue between $e and $f in 2020?": lambda ep: Script(
        (_ask(ep, where=(_either(ep, "e"), *ep.handles.of("p"))),), "{0} - {1}"
    ),
    "What was the gross margin of $e in 2020?": lambda ep: Script((_ask(ep),), "{0} / {1} * 100"),
    "What was the revenue of the $g segment of $e in 2020?": lambda ep: Script(
        (_ask(ep),), labels=True
    ),
    "Which segment of $e had the highest revenue in 2020?": lambda ep: Script(
        (_ask(ep, key="label", order=f"{ep.handles.of('c')[0]} DESC"),), answer="first", labels=True
    ),
    "What was the total revenue across all companies in 2020?": lambda ep: Script(
        (_ask(ep, aggregate="SUM"),)
    ),
    "Which company had the highest gross margin in 2020?": lambda ep: Script(
        (
            _ask(
                ep,
                key="company",
                order=f"{ep.handles.of('c')[0]} / {ep.handles.of('c')[1]} DESC",
            ),
        ),
        answer="first",
    ),
    "What is the revenue of $e?": lambda ep: Script((_ask(ep, order="fiscal_year DESC"),)),
    "Where is $e headquartered?": lambda ep: Script((_ask(ep),), answer="first"),
}


def _play(question: str, snapshot: Snapshot) -> tuple[TableQuestion, Play]:
    first, second, segment, sector = _names(snapshot)
    text = question
    for slot, name in {"$e": first, "$f": second, "$g": segment, "$s": sector}.items():
        text = text.replace(slot, name)
    inputs = link(text, Linker(snapshot.catalogue), snapshot.catalogue)
    episode = TableTask().compact(inputs, seed=3)
    script = CASES[question](episode)
    return inputs, play(episode, script, Rows.of(snapshot), random.Random(0), detours=0)


def admitted(call: ToolCall, specs: tuple[ToolSpec, ...]) -> bool:
    """Whether a call fits the tools offered."""
    spec = next((s for s in specs if s.name == call.name), None)
    if spec is None or not set(spec.parameters["required"]) <= set(call.arguments):
        return False
    for name, value in call.arguments.items():
        schema = spec.parameters["properties"].get(name)
        if schema is None or value not in schema.get("enum", [value]):
            return False
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return False
    return True


def _as_shown(data: list[dict[str, Any]], shown: str, snapshot: Snapshot) -> None:
    """Order a listing as the player, who shuffles it, had it."""
    titles = {t.name: t.title.lower() for t in snapshot.catalogue.tables}
    places = shown.split(" ; ")
    data.sort(
        key=lambda d: next(i for i, p in enumerate(places) if p.startswith(titles[d["table"]]))
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tools(snapshot: Snapshot) -> AsyncIterator[Toolbox]:
    sandbox = Sandbox()
    yield Toolbox(snapshot, sandbox)
    await sandbox.aclose()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("question", list(CASES))
async def test_real_tools_observe_what_plain_rows_do(
    question: str, snapshot: Snapshot, tools: Toolbox
) -> None:
    inputs, played = _play(question, snapshot)
    assert played.answer.value is not None, [m.content for m in played.messages]
    task = TableTask()
    episode = task.compact(inputs, seed=3)
    order = iter(played.messages[2:])
    for message in order:
        for call in message.tool_calls:
            assert admitted(call, episode.tools()), (call, episode.tools())
            meant = episode.expand(call)
            result = await tools.call(meant.name, meant.arguments)
            assert result.error is None, (meant, result.error)
            shown = next(order).content
            if call.name == "list_tables":
                _as_shown(result.data, shown, snapshot)
            assert episode.observe(call, result).content == shown
    answer = episode.answer(played.reply)
    gold = played.answer.value
    if isinstance(gold, Quantity):
        assert isinstance(answer.value, Quantity)
        assert (answer.value.unit, answer.value.scale) == (gold.unit, gold.scale)
        assert answer.value.value == pytest.approx(gold.value, rel=1e-9)
        assert any(isinstance(e, Cell) for e in answer.evidence)
    else:
        assert answer.value == gold
    assert task.validate(inputs, answer, answer.evidence) == []
    assert {c.model_dump_json() for c in answer.cells} == {
        c.model_dump_json() for c in played.answer.cells
    }
