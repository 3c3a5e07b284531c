"""The bill of materials: of CycloneDX's schema, of the lock, and the same each time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def run(script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def script(deploy: Path) -> Path:
    return deploy / "sbom.py"


@pytest.fixture(scope="module")
def printed(script: Path) -> str:
    ran = run(script)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def bill(printed: str) -> Any:
    return json.loads(printed)


def test_bill_fits_the_schema(printed: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(printed) is None
    broken = json.loads(printed)
    broken["components"][0]["type"] = "thing"
    assert validator.validate_str(json.dumps(broken)) is not None


def test_bill_names_what_runs_and_no_tool_of_developers(bill: Any, deploy: Path) -> None:
    named = {each["name"]: each["version"].partition("+")[0] for each in bill["components"]}
    assert {"torch", "transformers", "fastapi", "duckdb", "langgraph"} <= named.keys()
    assert named.keys().isdisjoint({"pytest", "pyright", "ruff", "trl", "ray", "hypothesis"})
    lines = (deploy.parent / "requirements/lock.txt").read_text("utf-8").lower().splitlines()
    assert f"torch=={named['torch']}" in lines


def test_bill_says_who_needs_whom(bill: Any) -> None:
    refs = {each["bom-ref"] for each in bill["components"]}
    refs.add(bill["metadata"]["component"]["bom-ref"])
    graph = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    assert graph.keys() == refs
    reached: set[str] = set()
    waiting = [bill["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += graph[ref]
    assert reached == refs


def test_bill_is_the_same_each_time(script: Path, printed: str) -> None:
    assert run(script).stdout == printed


def test_another_version_than_the_lock_names_is_refused(script: Path, tmp_path: Path) -> None:
    root = tmp_path / "deploy"
    root.mkdir()
    (tmp_path / "requirements").mkdir()
    (root / "sbom.py").write_bytes(script.read_bytes())
    (tmp_path / "requirements/lock.txt").write_text("torch==1.0.0\n")
    ran = run(root / "sbom.py")
    assert ran.returncode == 1
    assert "the lock names 1.0.0" in ran.stderr
    assert ran.stdout == ""
