"""The files of ``deploy/``, read; each check is also shown a file with one thing broken."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

Edit = Callable[[Any], object]


@pytest.fixture(scope="session")
def deploy() -> Path:
    return Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="session")
def compose(deploy: Path) -> dict[str, Any]:
    return yaml.safe_load((deploy / "compose.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def values(deploy: Path) -> dict[str, Any]:
    """Of production-stack's chart."""
    return yaml.safe_load((deploy / "kubernetes/production-stack.values.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def manifests(deploy: Path) -> list[dict[str, Any]]:
    """Every object of our own, as its file has it."""
    kustomization = yaml.safe_load((deploy / "kubernetes/kustomization.yaml").read_text("utf-8"))
    files = [deploy / "kubernetes" / name for name in kustomization["resources"]]
    return [
        each
        for file in files
        if file.is_file()
        for each in yaml.safe_load_all(file.read_text("utf-8"))
    ]


@pytest.fixture
def edited() -> Callable[[Any, Edit], Any]:
    """A copy of something with one thing changed."""

    def change(whole: Any, edit: Edit) -> Any:
        copy = deepcopy(whole)
        edit(copy)
        return copy

    return change
