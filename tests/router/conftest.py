"""A router over the real demo workspace, with an engine that replays replies by rule.

The engine is a real ``Engine`` and speaks the embedded models' compact forms; everything behind it
(tasks, linker, tools, sandbox, graph, store) is the real thing.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from router.config import Settings, StateSettings
from router.router import Router
from router.state import State
from specialists import registry as registries
from specialists.agent import Specialist
from specialists.calculation.task import CalculationTask
from specialists.engines.template import parse_reply
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)
from specialists.foundation.records import Assurance
from specialists.registry import Entry
from specialists.table_qa.task import TableTask
from specialists.task import Task
from specialists.workspace import demo
from specialists.workspace.versions import Workspace

Rule = Callable[[Sequence[Message]], str]
HANDLE = re.compile(r"<[a-z]\d+>")


def handles(text: str, kind: str) -> list[str]:
    """The handles of a kind in a prompt, in order."""
    return [h for h in HANDLE.findall(text) if h[1] == kind]


def call(name: str, **arguments: str) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def table_qa(messages: Sequence[Message]) -> str:
    """Looks one value up: list, describe, query, answer."""
    asked = messages[1].content
    last = messages[-1]
    if last.role == "user":
        return call(
            "list_tables", **{"company": e} if (e := next(iter(handles(asked, "e")), "")) else {}
        )
    if last.name == "list_tables":
        tables = [p for p in last.content.split(" ; ") if handles(asked, "c")[0] in p]
        return call("describe_table", table=handles(tables[0], "t")[0])
    if last.name == "describe_table":
        described = parse_reply(messages[-2].content) if messages[-2].content else messages[-2]
        table = described.tool_calls[0].arguments["table"]
        where = [*handles(asked, "e")[:1], *handles(asked, "p")[:1]]
        measure = handles(asked, "c")[0]
        return call("sql", query=f"SELECT {measure} FROM {table} WHERE {' AND '.join(where)}")
    found = handles(last.content, "n")
    return json.dumps({"value": found[0] if found else None})


def planning(messages: Sequence[Message]) -> str:
    """Growth where it says grow, else a look-up; the press where it says press."""
    text = messages[1].content
    c, e, p = (handles(text, kind) for kind in "cep")
    if not e or not (c or "press" in text):
        return "none"
    clauses = []
    if c:
        verb = "growth" if re.search(r"\b(grow|growth|grew)\b", text) else "get"
        clauses.append(" ".join([verb, *dict.fromkeys(c), *dict.fromkeys(e), *dict.fromkeys(p)]))
    if "press" in text:
        clauses.append(f"press {e[0]}")
    return " ; ".join(clauses)


def calculation(messages: Sequence[Message]) -> str:
    """Growth of the two numbers given."""
    numbers = list(dict.fromkeys(handles(messages[1].content, "n")))
    return json.dumps(
        {"program": f"subtract({numbers[1]}, {numbers[0]}), divide(#0, {numbers[0]})"}
    )


def sentiment(messages: Sequence[Message]) -> str:
    return json.dumps({"sentiment": "positive"})


RULES: dict[str, Rule] = {
    "planning": planning,
    "table_qa": table_qa,
    "calculation": calculation,
    "sentiment": sentiment,
    "extraction": lambda messages: "null",
}


class ReplayEngine:
    """Replies by rule. ``delay`` holds every reply of an adapter back for some seconds."""

    model = "replay"

    def __init__(self) -> None:
        self.rules = dict(RULES)
        self.delay: dict[str, float] = {}
        self.calls: list[str] = []
        self.messages: list[Sequence[Message]] = []
        self.cancelled = 0
        self.open = 0

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        name = adapter or str(messages[0].content.split()[0])
        self.calls.append(name)
        self.messages.append(tuple(messages))
        self.open += 1
        try:
            await asyncio.sleep(self.delay.get(name, 0))
            text = self.rules[name](messages)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1
        message = parse_reply(text)
        return Completion(
            message=message,
            finish_reason="tool_calls" if message.tool_calls else "stop",
            usage=Usage(calls=1, prompt_tokens=10, completion_tokens=5),
            model=self.model,
            adapter=adapter,
        )

    async def aclose(self) -> None:
        return


class ReplayRegistry:
    """Every job, done by one engine."""

    assurance: Assurance | None = None

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.closed = False

    def list(self) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                name=name,
                model=self.engine.model,
                adapter="0" * 64,
                decision=None,
                provisional=True,
                calibrated=False,
                size_bytes=0,
            )
            for name in registries.TASKS
        )

    def specialist(self, name: str) -> Specialist:
        return Specialist(registries.task(name), self.engine, adapter=name, digest="0" * 64)

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def by_code() -> None:
    """Asked for by tests in which code carries out what a plan says in full."""


@pytest.fixture(autouse=True)
def by_models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step goes to its model, so that what happens around a model's call is seen."""
    real = request.node.path.name == "test_embedded.py"
    if not real and "by_code" not in request.fixturenames:
        for task in (TableTask, CalculationTask):
            monkeypatch.setattr(task, "settle", Task.settle)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return demo.build(tmp_path_factory.mktemp("workspaces"))


@pytest.fixture
def engine() -> ReplayEngine:
    return ReplayEngine()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=StateSettings(url=f"sqlite:///{tmp_path / 'answers.sqlite'}"))


@pytest.fixture
def make_router(workspace: Workspace, settings: Settings) -> Iterator[Callable[..., Router]]:
    def make(engine: Any, changed: Settings | None = None) -> Router:
        now = changed or settings
        return Router(workspace, ReplayRegistry(engine), State(now.state.url), now)

    return make
