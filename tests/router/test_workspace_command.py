"""``finroute workspace``: what it prints, and how it ends when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from router.commands.workspace import workspace

CSV = "company,fiscal year,revenue (USD m)\nAcme,2021,1.5\nAcme,2022,2\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FINROUTE_HOME", str(tmp_path / "home"))
    (tmp_path / "income.csv").write_text(CSV)
    (tmp_path / "note.md").write_text("# Acme 2022\n\nAcme had 40 employees.\n")

    def call(*arguments):
        files = [str(tmp_path / a) if "." in a and "/" not in a else a for a in arguments]
        return CliRunner().invoke(workspace, files)

    return call


def told(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_new_add_ls_show(run):
    assert told(run("new", "w", "--json"))["version"] == "000001"
    added = told(run("add", "w", "income.csv", "note.md", "--company", "Acme", "--json"))
    assert added["version"] == "000002"
    assert (added["tables"], added["rows"], added["documents"]) == (["income"], 2, 1)
    (listed,) = told(run("ls", "--json"))
    assert (listed["workspace"], listed["tables"], listed["documents"]) == ("w", 1, 1)
    entry = told(run("show", "w", "--json"))
    assert [c["name"] for c in entry["companies"]] == ["Acme"]
    shown = told(run("show", "w", "income", "--json"))
    assert shown["rows"][1] == {"company": "Acme", "fiscal_year": 2022, "revenue": 2.0}
    text = run("show", "w", "income").output
    assert "revenue" in text
    assert "2022" in text


def test_the_demo_is_there_at_once(run):
    told(run("new", "demo", "--demo", "--json"))
    entry = told(run("show", "demo", "--json"))
    assert len(entry["companies"]) == 40
    text = run("show", "demo").output
    assert "40 companies" in text
    assert "headlines" in text


def test_known_at_and_as_of(run):
    told(run("new", "w", "--json"))
    told(run("add", "w", "income.csv", "--known-at", "2023-05-01", "--json"))
    assert told(run("show", "w", "--as-of", "2023-04-30", "--json"))["tables"] == []
    assert len(told(run("show", "w", "--as-of", "2023-05-01", "--json"))["tables"]) == 1


def test_errors_say_what_is_wrong_and_have_their_own_codes(run):
    missing = run("show", "nowhere")
    assert missing.exit_code == 3
    assert "there is no workspace nowhere" in missing.stderr
    told(run("new", "w", "--json"))
    assert run("new", "w").exit_code == 4
    assert run("new", "a b").exit_code == 2
    refused = run("add", "w", "income.csv", "none.csv")
    assert refused.exit_code == 2
    assert "there is no such file" in refused.stderr
    assert told(run("show", "w", "--json"))["tables"] == []  # all files or none
    assert run("show", "w", "nix").exit_code == 3
    assert run("add", "w", "income.csv", "--limit", "3").exit_code == 2
    assert run("add", "w").exit_code == 2


def test_an_empty_home_tells_how_to_begin(run):
    assert "finroute workspace new" in run("ls").output


def test_help_needs_no_heavy_library():
    code = (
        "import sys; import router.commands.workspace;"
        "heavy = {'pyarrow', 'duckdb', 'tantivy', 'torch', 'rich', 'openpyxl'} & set(sys.modules);"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
