"""The Containerfile: linted, pinned, without rights or keys, and all it copies is there."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(sysconfig.get_path("scripts")) / "hadolint"


def instructions(text: str) -> list[tuple[str, str]]:
    """(name, rest) of each instruction, comments gone and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, _, rest in found]


def faults(text: str) -> list[str]:
    """What is wrong with a Containerfile beside its syntax."""
    found: list[str] = []
    users: dict[str, str] = {}
    stage, built = "", set[str]()
    arguments: dict[str, str] = {}
    for name, rest in instructions(text):
        if name == "ARG":
            key, _, value = rest.partition("=")
            arguments.setdefault(key, value)
            if re.search(r"KEY|TOKEN|SECRET|PASSWORD", key):
                found.append(f"{key} would stay in the image's history")
        elif name == "FROM":
            image, _, alias = rest.partition(" AS ")
            image = re.sub(r"\$\{(\w+)\}", lambda m: arguments[m[1]], image)
            stage = alias
            users[stage] = "root"
            if image not in built | {"scratch"} and not re.search(r":v?\d+\.\d+\.\d+", image):
                found.append(f"{image} is not pinned to a version")
            built.add(alias)
        elif name == "USER":
            users[stage] = rest
        elif name == "COPY" and "--from=" not in rest:
            found += [
                f"{source} is not there"
                for source in rest.split()[:-1]
                if not (ROOT / source).exists()
            ]
        elif name == "ENV" and re.search(r"(KEY|TOKEN|SECRET|PASSWORD)\w*=", rest):
            found.append(f"a key in {rest}")
    for target in ("finroute", "vllm"):
        user = users.get(target, "").partition(":")[0]
        if not user.isdigit() or user == "0":
            found.append(f"{target} runs as {user or 'nobody knows whom'}")
    return found


def lint(text: str) -> list[str]:
    """What hadolint finds."""
    ran = subprocess.run(
        [LINTER, "--no-fail", "--format", "json", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return [f"{each['code']} {each['message']}" for each in json.loads(ran.stdout)]


@pytest.fixture(scope="module")
def containerfile(deploy: Path) -> str:
    return (deploy / "Containerfile").read_text("utf-8")


def test_containerfile_is_sound(containerfile: str) -> None:
    assert lint(containerfile) == []
    assert faults(containerfile) == []


@pytest.mark.parametrize(
    ("there", "instead", "told"),
    [
        ("python:3.11.14-slim-bookworm", "python:latest", "not pinned"),
        ("v0.32.0\n", "latest\n", "not pinned"),
        ("COPY router router", "COPY routers router", "routers is not there"),
        ("USER 10001:10001\n", "", "finroute runs as root"),
        ("USER 2000:0", "USER 0:0", "vllm runs as 0"),
        ("FINROUTE_HOME=", "OPENAI_API_KEY=", "a key in"),
    ],
)
def test_broken_containerfile_is_found(
    containerfile: str, there: str, instead: str, told: str
) -> None:
    assert there in containerfile
    assert any(told in fault for fault in faults(containerfile.replace(there, instead, 1)))


def test_linter_can_fail(containerfile: str) -> None:
    broken = containerfile.replace("WORKDIR /src", "WORKDIR src", 1)
    assert any("DL3000" in each for each in lint(broken))


def test_builder_is_sent_what_is_copied(deploy: Path, containerfile: str) -> None:
    ignored = (deploy / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for name, rest in instructions(containerfile)
        if name == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    }
    assert "*" in ignored
    assert all(any(c == s or c.startswith(f"{s}/") for s in sent) for c in copied), copied - sent
