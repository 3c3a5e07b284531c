"""Questions over HTTP: one reply, events, earlier answers, callers who leave."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from specialists.workspace.versions import Workspace

Serve = Callable[..., httpx.Client]


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Server-sent events as name and data."""
    name, data = "", ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and name:
            yield name, json.loads(data)
            name = ""


def ask(client: httpx.Client, question: str, **more: Any) -> httpx.Response:
    return client.post("/v1/answers", json={"question": question, **more})


def test_an_answer_and_its_sources(serve: Serve, question: str, companies: list[str]) -> None:
    client = serve()
    reply = ask(client, question)
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    rows = Workspace.open("demo").snapshot().tables["income_statement"].to_pylist()
    revenue = next(
        r["revenue"] for r in rows if r["company"] == companies[0] and r["fiscal_year"] == 2022
    )
    assert answer["status"] == "complete", answer
    assert answer["claims"][0]["value"]["value"] == revenue
    cell = answer["sources"][0]["evidence"]
    assert cell["row"] == {"company": companies[0], "fiscal_year": 2022}
    assert answer["workspace"] == "demo"
    assert answer["usage"]["calls"] >= 3

    assert reply.headers["location"] == f"/v1/answers/{answer['id']}"
    again = client.get(reply.headers["location"]).json()
    assert again["answer"] == answer
    assert [step["subtask"] for step in again["steps"]] == ["s1"]


def test_events_in_order(serve: Serve, question: str) -> None:
    client = serve()
    with client.stream("POST", "/v1/answers", json={"question": question, "stream": True}) as r:
        assert r.headers["content-type"].startswith("text/event-stream")
        assert r.headers["cache-control"] == "no-store"
        seen = list(events(r.iter_lines()))
    names = [name for name, _ in seen]
    assert names == ["started", "plan", "step_started", "tool_call", "step_finished", "answer"]
    assert all(data["event"] == name for name, data in seen)
    answer = seen[-1][1]["answer"]
    assert answer["id"] == seen[0][1]["id"]
    assert r.headers["location"] == f"/v1/answers/{answer['id']}"
    assert client.get(r.headers["location"]).json()["answer"] == answer


def test_events_by_content_negotiation(serve: Serve, question: str) -> None:
    headers = {"Accept": "text/event-stream"}
    with serve().stream("POST", "/v1/answers", json={"question": question}, headers=headers) as r:
        assert [name for name, _ in events(r.iter_lines())][-1] == "answer"


def test_silence_is_bridged(serve: Serve, engine: Any, question: str) -> None:
    engine.delay_s = 0.5
    client = serve(keep_alive_s=0.1)
    with client.stream("POST", "/v1/answers", json={"question": question, "stream": True}) as r:
        text = "\n".join(r.iter_lines())
    assert ": still working" in text
    assert "event: answer" in text


def test_an_unknown_company_is_an_honest_answer(serve: Serve) -> None:
    answer = ask(serve(), "revenue of Nobody in 2022?").json()
    assert answer["status"] == "abstained"
    assert answer["claims"] == []


@pytest.mark.parametrize("stream", [False, True])
def test_leaving_ends_the_work(serve: Serve, engine: Any, question: str, stream: bool) -> None:
    client = serve(max_answers=1)
    assert ask(client, question).status_code == 200
    engine.delay_s = 60
    start = time.monotonic()
    body = {"question": question, "stream": stream}
    with (
        pytest.raises(httpx.ReadTimeout),
        client.stream("POST", "/v1/answers", json=body, timeout=1) as reply,
    ):
        list(reply.iter_lines())
    assert engine.cancelled.wait(10)
    assert time.monotonic() - start < 10
    engine.delay_s = 0
    for _ in range(50):  # the place is free again
        again = ask(client, question)
        if again.status_code == 200:
            break
        time.sleep(0.1)
    assert again.status_code == 200


def test_more_questions_than_places_are_told_to_come_back(
    serve: Serve, engine: Any, question: str
) -> None:
    client = serve(max_answers=2)
    assert ask(client, question).status_code == 200
    engine.delay_s = 1
    with ThreadPoolExecutor(5) as threads:
        replies = list(threads.map(lambda _: ask(client, question), range(5)))
    assert sorted(r.status_code for r in replies) == [200, 200, 429, 429, 429]
    refused = next(r for r in replies if r.status_code == 429)
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["type"] == "urn:finroute:busy"


def test_models_without_room_tell_when_to_come_back(
    serve: Serve, engine: Any, question: str
) -> None:
    client = serve()
    engine.full_s = 12.2
    refused = ask(client, question)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "13"
    assert refused.json()["type"] == "urn:finroute:overloaded"
    engine.full_s = None
    assert ask(client, question).status_code == 200


def test_answers_run_side_by_side(serve: Serve, engine: Any, question: str) -> None:
    client = serve()
    assert ask(client, question).status_code == 200
    engine.delay_s = 0.5  # three calls an answer: six in a row would take nine seconds
    start = time.monotonic()
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(lambda _: ask(client, question), range(6)))
    assert [r.status_code for r in replies] == [200] * 6
    assert time.monotonic() - start < 6


@pytest.mark.parametrize("stream", [False, True])
def test_a_failing_model_is_told(serve: Serve, engine: Any, question: str, stream: bool) -> None:
    client = serve()
    assert ask(client, question).status_code == 200
    engine.broken = True
    reply = ask(client, question, stream=stream)
    if stream:
        name, data = list(events(iter(reply.text.splitlines())))[-1]
        assert name == "error"
        assert data["status"] == 503
    else:
        assert reply.status_code == 503
        assert reply.headers["content-type"] == "application/problem+json"
        data = reply.json()
    assert "model server is down" in data["detail"]


def test_as_of_looks_no_further(serve: Serve, question: str) -> None:
    answer = ask(serve(), question, as_of="2021-06-30").json()
    assert answer["as_of"] <= "2021-06-30"
    assert answer["status"] == "abstained"
