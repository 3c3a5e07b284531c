"""Who and what is let in, and the shape of every refusal."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from service.auth import digest, holder, new_key
from service.command import serve as serve_command
from service.config import Key, ServiceSettings, is_loopback, load
from specialists.foundation.errors import ConfigError
from specialists.registry import TASKS

Serve = Callable[..., httpx.Client]
PATHS = (
    ("POST", "/v1/answers"),
    ("GET", f"/v1/answers/{'0' * 32}"),
    ("GET", "/v1/specialists"),
    ("GET", "/v1/workspaces"),
)
JSON = {"Content-Type": "application/json"}


def test_keys(serve: Serve, question: str) -> None:
    key, entry = new_key("desk")
    client = serve(keys=(entry,))
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {key}"},
        {"X-API-Key": entry.sha256},
        {"X-API-Key": ""},
    )
    for method, path in PATHS:
        for headers in wrong:
            reply = client.request(method, path, headers=headers, json={"question": question})
            assert reply.status_code == 401, (method, path, headers)
            assert reply.headers["www-authenticate"] == "Bearer"
            assert reply.json()["type"] == "urn:finroute:unauthorized"
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        assert client.get("/v1/workspaces", headers=headers).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_only_hashes_are_kept() -> None:
    key, entry = new_key("desk")
    other, _ = new_key("desk")
    assert entry.sha256 == hashlib.sha256(key.encode()).hexdigest() == digest(key)
    assert holder(key, (Key(name="x", sha256="0" * 64), entry)) == "desk"
    assert holder(other, (entry,)) is None
    assert key not in entry.model_dump_json()


def test_without_keys_only_this_machine() -> None:
    ServiceSettings(host="127.0.0.1").check_address()
    ServiceSettings(host="0.0.0.0", keys=(new_key("desk")[1],)).check_address()
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.com", ""):
        with pytest.raises(ConfigError, match="without API keys"):
            ServiceSettings(host=host).check_address()
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example.com")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": ""},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
    ],
)
def test_without_keys_no_web_page_gets_in(
    serve: Serve, question: str, headers: dict[str, str]
) -> None:
    client = serve()
    reply = client.post("/v1/answers", json={"question": question}, headers=headers)
    assert reply.status_code == 403
    assert client.get("/v1/workspaces", headers={"Origin": "http://localhost:1"}).is_success


REFUSED = [
    ({"question": ""}, 422, "question-error"),
    ({"question": "  \n "}, 422, "question-error"),
    ({"question": "x" * 2001}, 422, "question-error"),
    ({"question": "a\u0007b"}, 422, "question-error"),
    ({}, 422, "request-error"),
    ({"question": 5}, 422, "request-error"),
    ({"question": "x", "colour": "red"}, 422, "request-error"),
    ({"question": "x", "as_of": "tomorrow"}, 422, "request-error"),
    ({"question": "x", "workspace": "nowhere"}, 404, "not-found"),
    ({"question": "x", "workspace": "../../etc"}, 404, "not-found"),
    ({"question": "x", "workspace": "x" * 300}, 422, "request-error"),
]


def test_refusals_are_problems(serve: Serve) -> None:
    client = serve()
    for body, status, kind in REFUSED:
        for stream in (False, True):
            reply = client.post("/v1/answers", json={**body, "stream": stream})
            assert reply.status_code == status, reply.text
            assert reply.headers["content-type"] == "application/problem+json"
            problem: dict[str, Any] = reply.json()
            assert problem["type"] == f"urn:finroute:{kind}"
            assert problem["status"] == status
            assert problem["detail"]
            assert "/tmp" not in reply.text  # no path of this machine


def test_other_refusals(serve: Serve) -> None:
    client = serve()
    for method, path, content, statuses in (
        ("GET", "/v1/nothing", b"", (404,)),
        ("DELETE", "/v1/answers", b"", (405,)),
        ("POST", "/v1/answers", b"{not json", (422,)),
        ("POST", "/v1/answers", b"[" * 30_000, (400, 422)),
        ("POST", "/v1/answers", b'{"question": "\xff"}', (400, 422)),
        ("GET", "/v1/answers/0123", b"", (422,)),
        ("GET", f"/v1/answers/{'0' * 32}", b"", (404,)),
        ("GET", "/v1/answers/%2e%2e", b"", (404, 422)),
    ):
        reply = client.request(method, path, content=content, headers=JSON)
        assert reply.status_code in statuses, (method, path, reply.text)
        assert reply.headers["content-type"] == "application/problem+json"


def test_a_question_by_a_form_is_refused(serve: Serve) -> None:
    """A web page may send plain text to any address without being asked; JSON it may not."""
    content = json.dumps({"question": "x"})
    reply = serve().post("/v1/answers", content=content, headers={"Content-Type": "text/plain"})
    assert reply.status_code == 422


def test_large_bodies_are_refused(serve: Serve) -> None:
    client = serve(max_body_bytes=2_000)
    body = json.dumps({"question": "x" * 5_000}).encode()
    for content in (body, iter([body[:1500], body[1500:]])):  # with a length, and in chunks
        reply = client.post("/v1/answers", content=content, headers=JSON)
        assert reply.status_code == 413
        assert reply.json()["detail"] == "a request's body has at most 2,000 bytes"


def test_a_large_length_is_refused_before_the_body_comes(serve: Serve) -> None:
    client = serve(max_body_bytes=2_000)
    address = (client.base_url.host, client.base_url.port)
    with socket.create_connection(address, timeout=5) as raw:
        raw.sendall(
            b"POST /v1/answers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999\r\n\r\n{"
        )
        assert b" 413 " in raw.recv(4096)


def test_listings(serve: Serve, companies: list[str]) -> None:
    client = serve()
    specialists = client.get("/v1/specialists").json()["specialists"]
    assert {s["name"] for s in specialists} >= {"planning", "table_qa", "sentiment"}
    assert all(s["provisional"] for s in specialists)
    (demo,) = client.get("/v1/workspaces").json()["workspaces"]
    assert demo["name"] == "demo"
    assert demo["companies"] == len(companies)
    assert "income_statement" in demo["tables"]


def test_workspaces_can_be_narrowed(serve: Serve, question: str) -> None:
    client = serve(workspaces=("other",))
    assert client.get("/v1/workspaces").json() == {"workspaces": []}
    for body in ({"question": question}, {"question": question, "workspace": "demo"}):
        assert client.post("/v1/answers", json=body).status_code == 404


def ready(client: httpx.Client) -> dict[str, Any]:
    """What a service says once its models are loaded."""
    for _ in range(100):
        reply = client.get("/readyz")
        if reply.status_code == 200:
            return reply.json()
        assert reply.status_code == 503
        assert reply.json()["type"] == "urn:finroute:not-ready"
        time.sleep(0.05)
    pytest.fail("never ready")


def test_ready_when_the_models_are(serve: Serve) -> None:
    told = ready(serve())
    assert (told["status"], told["refused"], told["reasons"]) == ("ok", [], {})
    assert set(told["attestation"]) == set(TASKS)
    assert told["replicas"] == []  # models run in process


def test_ready_without_the_specialists_that_are_refused(serve: Serve, engine: Any) -> None:
    engine.refused["sentiment"] = "refused: there is no decision.json beside it"
    client = serve()
    told = ready(client)
    assert told["refused"] == ["sentiment"]
    assert told["reasons"] == engine.refused
    assert "sentiment" not in told["attestation"]
    listed = {each["name"]: each for each in client.get("/v1/specialists").json()["specialists"]}
    assert (listed["sentiment"]["served"], listed["table_qa"]["served"]) == (False, True)
    assert listed["sentiment"]["reason"] == engine.refused["sentiment"]


def test_never_ready_without_a_planner(serve: Serve, engine: Any) -> None:
    engine.refused["planning"] = "refused"
    client = serve()
    for _ in range(100):
        reply = client.get("/readyz")
        assert reply.status_code == 503
        if reply.json()["detail"] != "the models are being loaded":
            break
        time.sleep(0.05)
    assert reply.json()["detail"] == "the models cannot be loaded: not served"


def test_not_ready_says_why(serve: Serve) -> None:
    client = serve(workspaces=("other",))  # the default workspace may not be asked
    time.sleep(0.3)
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert "there is no workspace 'demo'" in reply.json()["detail"]


def test_openapi(serve: Serve) -> None:
    schema = serve().get("/openapi.json").json()
    ask = schema["paths"]["/v1/answers"]["post"]
    examples = ask["requestBody"]["content"]["application/json"]["examples"]
    assert set(examples) == {"one value", "as of a day", "events"}
    assert "text/event-stream" in ask["responses"]["200"]["content"]
    assert "application/problem+json" in ask["responses"]["401"]["content"]
    assert {"HTTPBearer", "APIKeyHeader"} <= set(schema["components"]["securitySchemes"])
    for path in ("/v1/specialists", "/v1/workspaces", "/v1/answers/{id}", "/healthz", "/readyz"):
        assert path in schema["paths"]


def test_settings_file(tmp_path: Path, home: Path) -> None:
    assert load().port == 8080
    file = tmp_path / "service.toml"
    file.write_text('port = 9\n[[keys]]\nname = "a"\nsha256 = "xyz"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="keys"):
        load(file)
    file.write_text("ports = 9\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key; the keys here are host, port"):
        load(file)


def test_command(tmp_path: Path, home: Path) -> None:
    run = CliRunner().invoke
    made = run(serve_command, ["--new-key", "desk"])
    assert made.exit_code == 0
    key = next(word for word in made.output.split() if word.startswith("fr_"))
    file = tmp_path / "service.toml"
    file.write_text(made.output.split("service.toml:")[1], encoding="utf-8")
    assert holder(key, load(file).keys) == "desk"
    shown = run(serve_command, ["--service", str(file), "--port", "9", "--dry-run"])
    assert shown.exit_code == 0
    assert '"port": 9' in shown.output
    assert key not in shown.output
    refused = run(serve_command, ["--host", "0.0.0.0"])
    assert isinstance(refused.exception, ConfigError)
    assert "without API keys" in str(refused.exception)
