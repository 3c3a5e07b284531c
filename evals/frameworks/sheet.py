"""Questions as another framework takes them: a system message, a user message, the right label.

JSON lines, one question each. Only the sentiment job: its reply is one turn without tools, and what
is right can be told by a framework that knows nothing of ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from specialists.foundation.errors import ConfigError
from specialists.task import Example, Form, Task

JOB = "sentiment"
LABEL = r'"sentiment"\s*:\s*"(\w+)"'
"""Where a reply has its label, for a framework that reads it with a pattern of its own."""


def rows(
    task: Task[Any, Any], examples: Sequence[Example[Any, Any]], form: Form = "compact"
) -> list[dict[str, str]]:
    """The questions as rows: ``id``, ``system``, ``user``, ``label``.

    Raises:
        ConfigError: a job whose reply no other framework can judge.
    """
    if task.name != JOB:
        raise ConfigError(f"only {JOB} is put to other frameworks, not {task.name}")
    made: list[dict[str, str]] = []
    for example in examples:
        system, user = task.begin(example.inputs, form=form).messages
        made.append(
            {
                "id": example.id,
                "system": system.content,
                "user": user.content,
                "label": example.answer.sentiment,
            }
        )
    return made


def write(path: Path, given: Sequence[dict[str, str]]) -> Path:
    """Write the rows, and return the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    return path
