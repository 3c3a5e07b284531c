"""One small supervised run, for tests: in this process or in one of its own that may be killed.

``python tuned_run.py BASE DIALOGUES OUT [--resume] [--killed-writing STEP] [KEY=VALUE ...]``
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from specialists.foundation.contracts import Message
from training import jobs
from training.tuning import checkpoints, loading, sft
from training.tuning.data import Material
from training.tuning.dialogues import Dialogue
from training.tuning.recipe import Recipe
from training.tuning.workshop import Workshop

SETTINGS = {
    "specialist": "table_qa",
    "method": "sft",
    "name": "small",
    "lora": {"rank": 4, "dropout": 0.1},
    "learning": {"steps": 12, "batch": 4, "accumulate": 2, "rate": 1e-3, "bf16": True},
    "watch": {"every": 3, "patience": 0},
    "checkpoint": {"every": 4, "keep": 2},
}
WATCHED = 10


def recipe(base: Path, overrides: Sequence[str] = ()) -> Recipe:
    from specialists.foundation.config import assign

    data = json.loads(json.dumps(SETTINGS | {"base": {"source": str(base)}}))
    for item in overrides:
        assign(data, item)
    return Recipe.parse(data, origin="test")


def shop(
    made: Recipe, out: Path, *, resume: bool = False, say: Callable[[str], None] = lambda _: None
) -> Workshop:
    student = loading.student(made, tools=False, turns=True)
    material = Material([], [], "of-the-test")
    return Workshop(made, out, jobs.task("table_qa"), material, student, None, resume, say)


def dialogues(path: Path) -> list[Dialogue]:
    rows: list[list[dict[str, Any]]] = json.loads(path.read_text("utf-8"))
    return [Dialogue(tuple(Message.model_validate(m) for m in row)) for row in rows]


def learn(work: Workshop, said: Sequence[Dialogue]) -> dict[str, Any] | None:
    """Train; the adapter is then in ``out/adapter``."""
    metrics = sft.train(work, said[WATCHED:], said[:WATCHED])
    if metrics is not None:
        loading.save_adapter(work.student.model, work.folder / "adapter", "test")
    return metrics


def killed_writing(step: int) -> None:
    """Have this process killed in the middle of writing the checkpoint of a step."""
    seal = checkpoints._seal

    def sealed(folder: Path) -> None:
        if checkpoints.step_of(folder) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        seal(folder)

    checkpoints._seal = sealed


def main(base: str, path: str, out: str, *words: str) -> None:
    told = list(words)
    if "--killed-writing" in told:
        at = told.index("--killed-writing")
        killed_writing(int(told[at + 1]))
        del told[at : at + 2]
    resume = "--resume" in told
    made = recipe(Path(base), [word for word in told if word != "--resume"])
    learn(shop(made, Path(out), resume=resume, say=print), dialogues(Path(path)))


if __name__ == "__main__":
    main(*sys.argv[1:])
