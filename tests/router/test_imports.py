"""Importing costs nothing, and the doors open where they should."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import finroute
import router

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "transformers",
    "peft",
    "langgraph",
    "langchain_core",
    "duckdb",
    "pyarrow",
    "fastapi",
    "sqlalchemy",
    "alembic",
    "tantivy",
    "numpy",
    "pandas",
    "rich",
)


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import router",
        "import finroute",
        "import router.cli",
        "from finroute import Answer, Budget, Claim, Question, FinrouteError, Settings",
        "import finroute; dir(finroute)",
    ],
)
def test_nothing_heavy_is_imported(code: str):
    loaded = json.loads(python(f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"))
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_the_router_itself_needs_no_model_library():
    code = "from finroute import Router, Workspace; import sys; print('torch' in sys.modules)"
    assert python(code).strip() == "False"


@pytest.mark.parametrize("module", [finroute, router])
def test_every_public_name_is_there(module):
    for name in module.__all__:
        assert name in dir(module)
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


def test_help_is_quick():
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "router.cli", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - began)
    assert "ask" in done.stdout
    assert "Ask a question" in done.stdout
    assert min(seconds) < 0.5, seconds  # the quickest: the machine may be busy with other things
