"""A real uvicorn on a free port, over a real router, demo workspace and store.

The engine behind it follows rules instead of weights, so that the protocol is tested whatever the
models say; ``test_service_embedded.py`` serves the real ones.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from router.config import Settings, StateSettings
from service.app import create_app
from service.config import ServiceSettings
from specialists import registry as registries
from specialists.agent import Specialist
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolCall,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import AdapterError, EngineError, Overloaded
from specialists.foundation.records import Assurance
from specialists.registry import Entry
from specialists.workspace import demo
from specialists.workspace.versions import Workspace


class RuleEngine:
    """A chat model by rule: plans one look-up, runs one query, repeats what came back."""

    model = "rules"

    def __init__(self, companies: Sequence[str]) -> None:
        self._companies = companies
        self.delay_s = 0.0
        self.broken = False
        self.full_s: float | None = None
        """Seconds to come back after; None: there is room."""
        self.refused: dict[str, str] = {}
        """Why a job's adapter may not be served, by job."""
        self.cancelled = threading.Event()

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
        if self.broken:
            raise EngineError("the model server is down")
        if self.full_s is not None:
            raise Overloaded("32 calls wait", self.full_s)
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        said = self._plan(messages) if adapter == "planning" else self._look_up(messages)
        if isinstance(said, ToolCall):
            message = Message(role="assistant", tool_calls=(said,))
        else:
            message = Message(role="assistant", content=json.dumps(said))
        return Completion(
            message=message,
            finish_reason="tool_calls" if message.tool_calls else "stop",
            usage=Usage(calls=1, prompt_tokens=10, completion_tokens=5),
            model=self.model,
        )

    async def aclose(self) -> None: ...

    def _plan(self, messages: Sequence[Message]) -> dict[str, Any]:
        question = messages[1].content.splitlines()[0]
        company = next((c for c in self._companies if c in question), None)
        if company is None:
            return {"subtasks": [], "note": "no company of this workspace is named"}
        year = re.findall(r"20\d\d", question)[0]
        inputs = {"company": company, "measure": "revenue", "period": year}
        step = {
            "id": "s1",
            "specialist": "table_qa",
            "instruction": f"What was the revenue of {company} in {year}?",
            "inputs": [{"name": k, "value": v} for k, v in inputs.items()],
        }
        return {"subtasks": [step], "note": ""}

    def _look_up(self, messages: Sequence[Message]) -> ToolCall | dict[str, Any]:
        if messages[-1].role == "tool":
            data = json.loads(messages[-1].content.splitlines()[0])
            value = data["rows"][0][0] if data["rows"] else None
            return {"value": value, **data["units"][0]}
        asked = messages[1].content
        company = next(c for c in self._companies if c in asked).replace("'", "''")
        year = re.findall(r"20\d\d", asked)[0]
        query = (
            "SELECT revenue FROM income_statement "
            f"WHERE company = '{company}' AND fiscal_year = {year}"
        )
        return ToolCall(id="c1", name="sql", arguments={"query": query})


class RuleRegistry:
    """Every job, done by the one engine."""

    assurance: Assurance | None = None

    def __init__(self, engine: RuleEngine) -> None:
        self.engine = engine

    def list(self) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                name=name,
                model="rules",
                adapter=None,
                decision=None,
                provisional=True,
                calibrated=False,
                size_bytes=0,
                served=name not in self.engine.refused,
                reason=self.engine.refused.get(name, ""),
            )
            for name in registries.TASKS
        )

    def specialist(self, name: str) -> Specialist:
        if name in self.engine.refused:
            return Specialist(registries.task(name), self.engine, ready=self._refuse)
        return Specialist(registries.task(name), self.engine, adapter=name, form="full")

    async def _refuse(self) -> None:
        raise AdapterError("not served")

    async def aclose(self) -> None: ...


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder with the demo workspace in it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINROUTE_HOME", str(folder))
        demo.build()
        yield folder


@pytest.fixture(scope="session")
def companies(home: Path) -> list[str]:
    return [c.name for c in Workspace.open("demo").catalogue.companies]


@pytest.fixture
def engine(companies: list[str]) -> RuleEngine:
    return RuleEngine(companies)


@pytest.fixture(scope="session")
def question(companies: list[str]) -> str:
    return f"What was the revenue of {companies[0]} in 2022?"


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve an application on a free port; its address."""
    config = uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        for _ in range(1000):
            if server.started:
                break
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.fixture
def serve(engine: RuleEngine, tmp_path: Path) -> Iterator[Callable[..., httpx.Client]]:
    """Start a service with the given settings; a client of it. Stopped after the test."""
    with ExitStack() as stack:

        def start(**settings: Any) -> httpx.Client:
            router = Settings(state=StateSettings(url=f"sqlite:///{tmp_path / 'a.sqlite'}"))
            app = create_app(router, ServiceSettings(**settings), RuleRegistry(engine))
            url = stack.enter_context(running(app))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield start
