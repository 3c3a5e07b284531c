"""The five jobs, as training sees them: their tasks, and the training parts of their public
data."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from specialists.task import Example, Task

NAMES = ("sentiment", "extraction", "table_qa", "calculation", "planning")
STUDIES = ("maths",)
"""Jobs that methods are studied on: with no weights in a release."""


def task(name: str) -> Task[Any, Any]:
    """The task of a job: the one its ``task.py`` defines."""
    module = importlib.import_module(f"specialists.{name}.task")
    (made,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Task)
        and value.__module__ == module.__name__
    )
    return made()


def public(name: str, data: Path) -> Iterator[Example[Any, Any]]:
    """Training examples from public data below ``data``; none where a job has no loaders."""
    if find_spec(f"specialists.{name}.loaders") is None:
        return iter(())
    return importlib.import_module(f"specialists.{name}.loaders").load(task(name), data, "train")
