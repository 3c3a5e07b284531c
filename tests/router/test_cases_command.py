"""``finroute cases``: add, import, list, show and remove; what is refused, and with which code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.commands.cases import cases
from specialists.foundation.errors import InputError, NotFound
from specialists.workspace.versions import Workspace

QUESTION = "What is the zorblax cover of Kestrel Biosciences in 2022?"
PLAN = "(inventory - accounts payable) / current liabilities"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose demo workspace is the real one, and without cases."""
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path))
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "demo").symlink_to(workspace.folder)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cases, list(arguments))


def add(*more: str, plan: str = PLAN) -> Result:
    return run("add", QUESTION, "--plan", plan, "--no-run", *more)


def test_a_case_is_added_listed_shown_and_removed():
    assert "no cases of your own yet" in run("ls").output
    made: dict[str, Any] = json.loads(add("--json").output)
    assert made["case"] == "zorblax-cover"
    assert made["kept as"] == "@zorblax-cover e1 p1"
    assert "zorblax-cover" in run("ls").output
    assert json.loads(run("show", "zorblax-cover", "--json").output)["plan"] == PLAN
    assert run("remove", "zorblax-cover").output == "removed: zorblax-cover\n"
    assert json.loads(run("ls", "--json").output) == []


@pytest.mark.parametrize(
    ("result", "kind", "why"),
    [
        (lambda: add(plan="inventory / flubber"), InputError, "'flubber' is no"),
        (lambda: add(plan="wrangle(inventory)"), InputError, "there is no function 'wrangle'"),
        (lambda: add("--workspace", "nowhere"), NotFound, "nowhere"),
        (lambda: run("show", "gone"), NotFound, "there is no case 'gone'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_kept(result: Any, kind: type[InputError], why: str):
    done: Result = result()
    assert isinstance(done.exception, kind)
    assert why in str(done.exception)
    assert json.loads(run("ls", "--json").output) == []


def test_a_name_is_taken_once_unless_replaced():
    assert add().exit_code == 0
    again = add()
    assert isinstance(again.exception, InputError)
    assert "--replace" in str(again.exception)
    assert add("--replace").exit_code == 0
    assert add("--name", "other").exit_code == 0
    assert len(json.loads(run("ls", "--json").output)) == 2


def test_a_file_is_imported_whole_or_not_at_all(tmp_path: Path):
    file = tmp_path / "given.jsonl"
    good = {"question": QUESTION, "plan": PLAN}
    file.write_text(json.dumps(good) + "\n\n" + json.dumps({**good, "plan": "flubber"}) + "\n")
    done = run("import", str(file), "--no-run")
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith("case 2: 'flubber'")
    assert json.loads(run("ls", "--json").output) == []
    file.write_text(json.dumps(good) + "\n" + json.dumps({**good, "name": "second"}) + "\n")
    assert run("import", str(file), "--no-run").exit_code == 0
    assert [c["case"] for c in json.loads(run("ls", "--json").output)] == [
        "zorblax-cover",
        "second",
    ]
    file.write_text("not json\n")
    done = run("import", str(file), "--no-run")
    assert "line 1 is not a case" in str(done.exception)
