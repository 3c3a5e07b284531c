"""One measurement for ``test_bench_sft.py``, in a process of its own: prints JSON.

``python sft_speed.py trl|ours JOB TOKENS THREADS``
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from specialists.engines.template import to_chat
from training import jobs
from training.tuning import loading, recipe
from training.tuning.dialogues import Dialogue
from training.tuning.rendering import render


class Clock:
    """Times a trainer's ``train``: seconds on the wall and of the processor."""

    wall = cpu = 0.0

    def __enter__(self) -> Clock:
        whole = Trainer.train

        def train(trainer: Any, *args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            done = whole(trainer, *args, **kwargs)
            self.wall, self.cpu = time.perf_counter() - wall, time.process_time() - cpu
            return done

        self._whole, Trainer.train = whole, train
        return self

    def __exit__(self, *error: object) -> None:
        Trainer.train = self._whole


def trl(made: recipe.Recipe, dialogues: list[Dialogue], steps: int, out: Path) -> int:
    """TRL as it comes: ``SFTConfig``'s own defaults, on the same model and adapter. Returns the
    number of tokens."""
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    student = loading.student(made, tools=False, turns=False)
    chats = [to_chat(dialogue.messages) for dialogue in dialogues]
    for turn in itertools.chain.from_iterable(chats):
        for call in turn.get("tool_calls", ()):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    trainer = SFTTrainer(
        model=student.model,
        args=SFTConfig(
            str(out), max_steps=steps, use_cpu=True, report_to="none", disable_tqdm=True
        ),
        train_dataset=Dataset.from_dict({"messages": chats}),
        processing_class=student.tokenizer,
    )
    trainer.train()
    return trainer._total_train_tokens


def ours(made: recipe.Recipe, dialogues: list[Dialogue], steps: int, out: Path) -> int:
    """A run of the recipe. Returns the number of tokens."""
    from training.tuning import sft
    from training.tuning.data import Material
    from training.tuning.workshop import Workshop

    changed = {"learning": made.learning.model_copy(update={"steps": steps})}
    told = made.model_copy(update=changed)
    student = loading.student(told, tools=False, turns=False)
    task, material = jobs.task(told.specialist), Material([], [], "bench")
    shop = Workshop(told, out, task, material, student, None, False, lambda _: None)
    metrics: Any = sft.train(shop, dialogues, [])
    return metrics["tokens"]


def main(how: str, job: str, tokens: int, threads: int) -> None:
    examples = itertools.islice(jobs.task(job).examples("train", 2_000, 5), 1_200)
    dialogues = [Dialogue(example.dialogue) for example in examples]
    made = recipe.load(f"{job}/sft/embedded", [f"learning.threads={threads}"])
    tokenizer = loading.AutoTokenizer.from_pretrained(loading.WEIGHTS / "base")
    mean = sum(len(render(tokenizer, dialogue)) for dialogue in dialogues) / len(dialogues)
    torch.set_num_threads(threads)
    run, batch = (trl, 8) if how == "trl" else (ours, made.learning.batch)
    with tempfile.TemporaryDirectory() as folder, Clock() as clock:
        done = run(made, dialogues, max(1, round(tokens / mean / batch)), Path(folder))
    print(json.dumps({"tokens": done, "seconds": clock.wall, "cpu": clock.cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
