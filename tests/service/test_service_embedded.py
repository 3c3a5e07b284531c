"""The real thing: ``finroute serve`` in its own process, answering with the embedded models."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from specialists.registry import MANIFEST, WEIGHTS

pytestmark = pytest.mark.skipif(
    not (WEIGHTS / MANIFEST).is_file(), reason="the embedded models are not in specialists/weights"
)


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "router.cli", "serve", "--port", str(port)],
        env={**os.environ, "FINROUTE_HOME": str(home)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as made:
            _wait(made, process)
            yield made
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert process.returncode in (0, -15)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    told = "nothing"
    for _ in range(600):
        assert process.poll() is None
        try:
            reply = client.get("/readyz")
        except httpx.ConnectError:
            time.sleep(0.2)
            continue
        if reply.status_code == 200:
            return
        told = reply.text
        time.sleep(0.2)
    pytest.fail(f"not ready: {told}")


def test_the_embedded_models_answer(client: httpx.Client, question: str) -> None:
    reply = client.post("/v1/answers", json={"question": question})
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    assert answer["status"] in ("complete", "partial", "abstained")
    assert answer["plan"]["subtasks"] or answer["notes"] or answer["plan"]["note"]
    for claim in answer["claims"]:
        assert claim["sources"], "a claim without a source"
    served = [f["served_by"] for f in answer["findings"] if f["served_by"]]
    assert all(s["adapter"] for s in served)


def test_the_embedded_specialists_are_listed(client: httpx.Client) -> None:
    listed = client.get("/v1/specialists").json()["specialists"]
    assert listed
    assert all(len(s["adapter"]) == 64 and s["size_bytes"] > 0 for s in listed)
