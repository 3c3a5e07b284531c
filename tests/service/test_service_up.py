"""``finroute up`` without a model server: what it would start, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.up import up
from specialists.foundation.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path))


def run(*words: str) -> str:
    done = CliRunner().invoke(up, list(words), standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_dry_run_prints_the_commands() -> None:
    told = run("--profile", "vllm-cpu", "--dry-run")
    assert told.startswith("# specialists, at http://127.0.0.1:8200/v1\n")
    assert "--served-model-name finroute-base" in told
    assert "--port 8200" in told
    assert "table_qa@" in told
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True" in told


def test_a_profile_in_process_starts_no_server() -> None:
    assert run("--profile", "embedded", "--dry-run").startswith("# no model server is started")


def test_an_unguarded_door_is_not_opened_to_others() -> None:
    with pytest.raises(ConfigError, match="without API keys"):
        run("--profile", "vllm-cpu", "--host", "0.0.0.0")
