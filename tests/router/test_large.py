"""The large model by configuration, against a real HTTP server that speaks OpenAI's protocol."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from router.config import PlannerSettings
from router.large import ExemplaryPlanning, from_settings
from specialists.cases import shelf
from specialists.cases.case import Case
from specialists.cases.own import Store
from specialists.cases.vote import Votes, packaged
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from specialists.planning.render import PlanningInputs
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot

GROWTH = "growth m1 e1 p1"


class Server(ThreadingHTTPServer):
    """Replies ``reply`` to every chat completion and keeps what it was sent."""

    daemon_threads = True
    reply = "{}"
    replies: list[str]
    seen: list[dict]
    keys: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body)
        self.server.keys.append(self.headers["Authorization"])
        text = self.server.replies.pop(0) if self.server.replies else self.server.reply
        answer = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text},
                }
            ],
            "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.seen, server.keys, server.replies = [], [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_any_compatible_server_is_reached(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_KEY", "s3cret")
    server.reply = "hello"
    settings = PlannerSettings(
        engine="langchain",
        model="big-1",
        base_url=f"http://127.0.0.1:{server.server_port}/v1",
        api_key_env="MY_KEY",
    )
    engine = from_settings(settings)
    reply = await engine.chat([Message(role="user", content="hi")])
    assert reply.message.content == "hello"
    assert engine.model == "big-1"
    assert server.seen[0]["model"] == "big-1"
    assert server.keys == ["Bearer s3cret"]
    assert reply.usage.prompt_tokens == 11


def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    settings = PlannerSettings(engine="langchain", model="m", api_key_env="NO_SUCH_KEY")
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        from_settings(settings)


@pytest.mark.parametrize("provider", ["nobody", "langchain_nobody:Chat", "json:Nothing", ":"])
def test_an_unknown_provider_is_told(provider: str):
    settings = PlannerSettings(engine="langchain", model="m", provider=provider)
    with pytest.raises(ConfigError, match="neither 'openai' nor an installed"):
        from_settings(settings)


async def test_a_chat_model_plans_after_solved_questions_like_the_one_asked(tmp_path: Path):
    cases = [
        Case(question=text, signature=signature, plan=plan)
        for text, signature, plan in (
            ("how fast did revenue of Alpha Corp grow from 2018 to 2020 ?", "m e s", GROWTH),
            ("growth of net margin of Alpha Corp from 2018 to 2019", "m e s", GROWTH),
            ("what is the tone of the news about Alpha Corp ?", "e", "press e1"),
            ("how is the press on Alpha Corp ?", "e", "press e1"),
        )
    ]
    shelf.write(tmp_path, cases, None, 0, 0)
    job = ExemplaryPlanning(Votes(packaged("none"), tmp_path, Store(tmp_path / "own")), 2)
    await job.ready()
    catalogue = make_snapshot(3, split="train", companies=4, years=range(2018, 2023)).catalogue
    firm = catalogue.companies[0].name
    asked = PlanningInputs(f"How is the press on {firm}?", catalogue, Linker(catalogue))
    told = job.begin(asked, form="full").messages
    assert [message.role for message in told] == [
        *("system", "user", "assistant", "user", "assistant", "user"),
    ]
    assert "press on Alpha Corp" in told[1].content
    assert json.loads(told[2].content)["subtasks"][0]["specialist"] == "sentiment"
    assert "grow" in told[3].content or "growth" in told[3].content
    assert firm in told[-1].content
    without = ExemplaryPlanning(Votes(packaged("none"), tmp_path, Store(tmp_path / "own")), 0)
    assert len(without.begin(asked, form="full").messages) == 2
