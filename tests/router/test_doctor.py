"""A profile held against this machine: what is missing is named, with what would mend it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from router import config
from router.commands.doctor import doctor
from router.doctor import Check, examine
from router.servers import starts
from specialists.foundation.errors import ConfigError

NOWHERE = "specialists.servers.start.python=/nowhere/bin/python"
GONE = "specialists.servers.urls=['http://127.0.0.1:9/v1']"


def look(profile: str, *overrides: str, environ: dict[str, str] | None = None) -> dict[str, Check]:
    settings = config.load(profile, overrides)
    return {check.about: check for check in asyncio.run(examine(settings, environ or {}))}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_embedded_profile_lacks_nothing_here() -> None:
    found = look("embedded")
    assert {check.state for check in found.values()} <= {"ok", "warning"}
    assert found["engine"].found == "models run in process"
    assert found["planning"].state == "ok"
    assert found["planning"].found.startswith("adopted by record")
    assert found["sentiment"].state == "warning"  # served, and not adopted


def test_vllm_that_is_not_installed_comes_with_its_command() -> None:
    found = look("vllm-cpu", NOWHERE, GONE)["specialists' server"]
    assert found.state == "missing"
    assert "no interpreter /nowhere/bin/python" in found.found
    assert "vllm-cpu.txt" in found.mend


def test_too_small_a_machine_is_told() -> None:
    found = look("embedded", "needs.memory_gb=1e6", "needs.disk_gb=1e9", "needs.gpu_memory_gb=1e6")
    assert [found[name].state for name in ("memory", "disk", "gpu")] == ["missing"] * 3
    assert "the profile takes 1e+06" in found["memory"].found


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_a_gpu_profile_without_gpu_weights_and_key() -> None:
    found = look("qwen3-0.6b")
    assert "no NVIDIA GPU" in found["gpu"].found
    assert found["weights"].state == "missing"
    assert "weights/qwen3-0.6b" in found["weights"].mend
    assert found["planner.api_key_env"].state == "missing"
    assert found["planner.api_key_env"].mend == "export OPENAI_API_KEY=…"
    assert look("qwen3-0.6b", environ={"OPENAI_API_KEY": "k"})["planner.api_key_env"].state == "ok"


def test_servers_of_others_are_asked_whether_they_answer() -> None:
    settings = config.load("vllm-cpu", [GONE])
    servers = settings.specialists.servers.model_copy(update={"start": None, "balanced": True})
    chosen = settings.specialists.model_copy(update={"servers": servers})
    told = asyncio.run(examine(settings.model_copy(update={"specialists": chosen}), {}))
    found = {check.about: check for check in told}
    assert found["server http://127.0.0.1:9/v1"].state == "missing"
    assert found["attestation"].state == "warning"
    assert "unattested" in found["attestation"].found


def test_the_command_ends_with_1_where_something_is_missing() -> None:
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(doctor, list(words), standalone_mode=False)
        assert done.exception is None
        return done.return_value, done.output

    code, text = run("--profile", "embedded")
    assert (code, text.splitlines()[-1]) == (0, "nothing is missing")
    code, text = run("--profile", "vllm-cpu", "--set", NOWHERE, "--set", GONE)
    assert (code, text.splitlines()[-1]) == (1, "1 missing")
    assert "✗ specialists' server" in text
    code, text = run("--profile", "vllm-cpu", "--set", NOWHERE, "--set", GONE, "--json")
    assert code == 1
    assert [each["about"] for each in json.loads(text) if each["state"] == "missing"] == [
        "specialists' server"
    ]


# --- which servers a profile starts -------------------------------------------------------------


def test_a_profile_starts_its_base_with_every_adapter_at_its_url() -> None:
    (start,) = starts(config.load("vllm-cpu"))
    assert (start.role, start.name) == ("specialists", "finroute-base")
    assert (start.settings.host, start.settings.port) == ("127.0.0.1", 8200)
    assert sorted(name.partition("@")[0] for name in start.adapters) == [
        "calculation",
        "extraction",
        "planning",
        "sentiment",
        "table_qa",
    ]
    assert all(folder.is_dir() for folder in start.adapters.values())
    assert starts(config.load("embedded")) == ()


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        (["specialists.servers.start.port=9"], "will not be found at"),
        (["specialists.servers.urls=['http://10.1.2.3:8200/v1']"], "not this machine's own"),
        (
            [
                "planner.engine=langchain",
                "planner.model=large",
                "planner.base_url=http://127.0.0.1:8200/v1",
                "planner.start={}",
            ],
            "two servers are to be started at the same address",
        ),
    ],
)
def test_servers_that_cannot_be_where_they_are_looked_for(overrides: list[str], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        starts(config.load("vllm-cpu", overrides))


@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("specialists.servers.urls=[]", "exactly one URL"),
        ("specialists.engine=vlm", "'embedded' or 'vllm'"),
        ("planner.start={}", "needs base_url"),
    ],
)
def test_settings_that_make_no_sense_are_refused(override: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        config.load("vllm-cpu", [override])


def test_every_profile_is_valid_and_names_what_it_takes() -> None:
    for name in config.profiles():
        assert config.load(name).needs.memory_gb > 0
    assert set(config.profiles()) == {"embedded", "vllm-cpu", "qwen3-0.6b", "qwen3-4b"}
