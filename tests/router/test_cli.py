"""The command line as a person meets it: real processes, exit codes, one line on stderr."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def finroute(home: Path, *arguments: str, stdin: str | None = None, **env: str):
    return subprocess.run(
        [sys.executable, "-m", "router.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "FINROUTE_HOME": str(home), "NO_COLOR": "1", **env},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("ask", ""), 2, "finroute: the question is empty"),
        (("ask", "x" * 2001), 2, "2,001 characters; at most 2,000"),
        (("ask", "revenue \x1b[0m"), 2, "control character U+001B"),
        (("ask", "x?", "--config", "nowhere.toml"), 2, "no file nowhere.toml, and no profile"),
        (("ask", "x?", "--set", "budget.calls=many"), 2, "budget.calls"),
        (("ask", "x?", "--set", "oops"), 2, "an override is written key.sub=value"),
        (("ask", "x?", "--as-of", "yesterday"), 2, "--as-of"),
        (("ask", "x?", "--workspace", "nothere"), 3, "nothere"),
        (("ask", "x?", "--workspace", "../etc"), 2, "../etc"),
        (("ask",), 2, "Missing argument"),
        (("trace", "ffffffff"), 3, "finroute: no answer 'ffffffff'"),
        (("trace", "--set", "state.url=postgresql://h/d"), 2, "state.url"),
        (("fly",), 2, "no command 'fly'; there are ask, trace, workspace"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(home: Path, arguments, code: int, message: str):
    done = finroute(home, *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_traceback_is_shown_to_whom_asks_for_it(home: Path):
    done = finroute(home, "ask", "", FINROUTE_DEBUG="1")
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "QuestionError" in done.stderr


def test_a_question_comes_from_standard_input(home: Path):
    done = finroute(home, "ask", "-", stdin="   \n")
    assert (done.returncode, done.stderr.strip()) == (2, "finroute: the question is empty")


def test_settings_are_shown_without_asking(home: Path):
    done = finroute(home, "ask", "x?", "--dry-run", "--set", "budget.seconds=7")
    assert done.returncode == 0
    assert json.loads(done.stdout)["budget"]["seconds"] == 7
    assert not home.exists()


def test_no_answers_yet(home: Path):
    done = finroute(home, "trace")
    assert (done.returncode, done.stdout) == (0, "no answers yet\n")
    assert json.loads(finroute(home, "trace", "--json").stdout) == []


@pytest.mark.parametrize("command", ["ask", "trace", "workspace", "serve"])
def test_each_command_has_help(home: Path, command: str):
    done = finroute(home, command, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")


def test_the_version_is_told(home: Path):
    assert "0." in finroute(home, "--version").stdout


def test_ctrl_c_ends_with_130(home: Path):
    """Interrupted while it waits for the question."""
    process = subprocess.Popen(
        [sys.executable, "-m", "router.cli", "ask", "-"],
        cwd=ROOT,
        env={**os.environ, "FINROUTE_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, a shell may have switched the signal off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "interrupted"
    assert out == ""
