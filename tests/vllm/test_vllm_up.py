"""``finroute up --profile vllm-cpu``: one command, and a question is answered over HTTP; then
another adapter is put in place under it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.records import ASSURANCE, DECISION, Manifest
from specialists.registry import MANIFEST

QUESTION = "How fast did Valcourt Stores grow its revenue from 2021 to 2023?"
READY_S = 1800


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Up:
    """A real ``finroute up``."""

    url: str
    models: int
    """The model server's port."""
    weights: Path
    """A copy, to be changed."""
    pid: int


@pytest.fixture(scope="module")
def service(
    vllm_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Up]:
    door, models = free_port(), free_port()
    folder = tmp_path_factory.mktemp("up")
    copied = Path(shutil.copytree(weights, folder / "weights"))
    log = folder / "up.log"
    words = [
        *(sys.executable, "-m", "router.cli", "up", "--profile", "vllm-cpu", "--port", str(door)),
        *("--set", f"specialists.servers.urls=['http://127.0.0.1:{models}/v1']"),
        *("--set", f"specialists.weights='{copied}'"),
        *("--set", f"specialists.servers.start.python='{vllm_python}'"),
        *("--set", "specialists.servers.retire_s=0"),
        *("--set", f"specialists.servers.start_s={READY_S}"),
        *("--set", "budget.seconds=600"),
    ]
    environment = {**os.environ, "FINROUTE_HOME": str(folder / "home")}
    with log.open("w") as out:
        running = subprocess.Popen(words, stdout=out, stderr=out, env=environment)
    url = f"http://127.0.0.1:{door}"
    try:
        end = time.monotonic() + READY_S
        while not ready(url):
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.5)
        yield Up(url, models, copied, running.pid)
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


@pytest.fixture
def client(service: Up) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, trust_env=False, timeout=600) as client:
        yield client


def test_the_demo_question_is_answered_over_http(service: Up, client: httpx.Client) -> None:
    answer: dict[str, Any] = client.post("/v1/answers", json={"question": QUESTION}).json()
    told = client.get("/readyz").json()
    metrics = client.get("/metrics").text
    assert answer["status"] == "complete", answer
    assert answer["claims"]
    served = {f["served_by"]["adapter"] for f in answer["findings"] if f["served_by"]}
    assert all(served)
    assert set(told["attestation"].values()) == {"attested"}
    (replica,) = told["replicas"]
    assert (replica["url"], replica["state"]) == (f"http://127.0.0.1:{service.models}/v1", "up")
    assert 'finroute_adapter_resident{adapter="table_qa@' in metrics
    # The same question in process: the same answer, from the same weights.
    command = [sys.executable, "-m", "router.cli", "ask", "--json", QUESTION]
    here = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(here.stdout)["text"] == answer["text"]


def test_another_adapter_is_put_in_place_by_a_signal(
    service: Up,
    client: httpx.Client,
    renamed: Callable[[Path], str],
    make_record: Callable[..., DecisionRecord],
) -> None:
    before = Manifest.read(service.weights / MANIFEST)
    folder = service.weights / "sentiment"
    digest = renamed(folder)
    record = make_record(adapter=digest, base=before.base.digest)
    record.write(folder / DECISION)
    named = before.adapters["sentiment"].model_copy(update={"digest": digest})
    after = before.model_copy(update={"adapters": {**before.adapters, "sentiment": named}})
    after.write(service.weights / MANIFEST)
    (service.weights / ASSURANCE).unlink()  # it was measured with the old one
    os.kill(service.pid, signal.SIGHUP)
    name = f"sentiment@{digest[:12]}"
    end = time.monotonic() + 60
    while True:
        held = {
            each["adapter"]: each["state"]
            for replica in client.get("/readyz").json()["replicas"]
            for each in replica["adapters"]
        }
        if name in held and len(held) == len(after.adapters):
            break
        assert time.monotonic() < end, held
        time.sleep(0.2)
    assert held[name] == "attested"
    asked = "How is the press about Lumenfall Media?"
    answer: dict[str, Any] = client.post("/v1/answers", json={"question": asked}).json()
    served = {f["specialist"]: f["served_by"] for f in answer["findings"] if f["served_by"]}
    assert served["sentiment"]["adapter"] == digest
