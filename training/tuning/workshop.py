"""What a method of tuning is given: one run's recipe, material, student and folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.task import Task
from training.tuning.data import Material
from training.tuning.recipe import Recipe

if TYPE_CHECKING:
    from training.tuning.loading import Student

Say = Callable[[str], None]


@dataclass
class Workshop:
    """One run under way. Methods train ``student.model`` in place."""

    recipe: Recipe
    folder: Path
    """The run's own: ``checkpoints/``, ``logs/``, ``traces/``, ``adapter/``."""
    task: Task[Any, Any]
    material: Material
    student: Student
    data: Path | None
    """Folder of public data."""
    resume: bool
    say: Say
