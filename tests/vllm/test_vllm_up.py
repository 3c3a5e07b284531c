"""``finroute up --profile vllm-cpu``: one command, and a question is answered over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

QUESTION = "How fast did Valcourt Stores grow its revenue from 2021 to 2023?"
READY_S = 1800


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def service(vllm_python: Path, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The service's URL and the model server's port, of a real ``finroute up``."""
    door, models = free_port(), free_port()
    log = tmp_path / "up.log"
    words = [
        *(sys.executable, "-m", "router.cli", "up", "--profile", "vllm-cpu", "--port", str(door)),
        *("--set", f"specialists.servers.urls=['http://127.0.0.1:{models}/v1']"),
        *("--set", f"specialists.servers.start.python='{vllm_python}'"),
        *("--set", f"specialists.servers.start_s={READY_S}"),
        *("--set", "budget.seconds=600"),
    ]
    environment = {**os.environ, "FINROUTE_HOME": str(tmp_path / "home")}
    with log.open("w") as out:
        running = subprocess.Popen(words, stdout=out, stderr=out, env=environment)
    url = f"http://127.0.0.1:{door}"
    try:
        end = time.monotonic() + READY_S
        while not ready(url):
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.5)
        yield url, models
    finally:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(120)
        finally:
            running.kill()
    assert not listening(models), "the model server outlived the command"


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_demo_question_is_answered_over_http(service: tuple[str, int]) -> None:
    url, models = service
    with httpx.Client(base_url=url, trust_env=False, timeout=600) as client:
        answer: dict[str, Any] = client.post("/v1/answers", json={"question": QUESTION}).json()
        told = client.get("/readyz").json()
        metrics = client.get("/metrics").text
    assert answer["status"] == "complete", answer
    assert answer["claims"]
    served = {f["served_by"]["adapter"] for f in answer["findings"] if f["served_by"]}
    assert all(served)
    assert set(told["attestation"].values()) == {"attested"}
    (replica,) = told["replicas"]
    assert (replica["url"], replica["state"]) == (f"http://127.0.0.1:{models}/v1", "up")
    assert 'finroute_adapter_resident{adapter="table_qa@' in metrics
    # The same question in process: the same answer, from the same weights.
    command = [sys.executable, "-m", "router.cli", "ask", "--json", QUESTION]
    here = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(here.stdout)["text"] == answer["text"]
