# pyright: basic
"""What every TRL trainer here shares: checkpoints that are whole, resuming, Ctrl-C, a full disk,
progress, TensorBoard, and measuring while it learns.

A mixin, laid over a trainer of TRL::

    class Sft(Tuned, SFTTrainer): ...

    settings = SFTConfig(**arguments(shop.recipe, shop.folder))
    trainer = Sft(shop=shop, gauge=gauge, model=shop.student.model, args=settings)
    metrics = trainer.learn()  # None: interrupted, a checkpoint is there

A trainer may say more by overriding ``boundary``, ``counted``, ``figures``, ``keep`` and ``take``.
It changes nothing about how a method learns.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.integrations.integration_utils import TensorBoardCallback

from training.tuning import checkpoints
from training.tuning.layout import LOGS
from training.tuning.loading import device
from training.tuning.recipe import Recipe
from training.tuning.watching import Gauge, Watcher
from training.tuning.workshop import Workshop

TELL_S = 5.0
"""Seconds between lines of progress, at least."""
REST = "rest.pt"
"""In a checkpoint: what a trainer keeps beside (``Tuned.keep``)."""


def arguments(recipe: Recipe, folder: Path, *, steps: int = 0, **more: Any) -> dict[str, Any]:
    """The settings that all TRL trainers here have in common.

    Args:
        steps: optimiser steps; 0: ``learning.steps``, or ``learning.epochs`` where that is 0.
        more: what one trainer has beside them; lies over the common ones.
    """
    learning = recipe.learning
    cpu = device(recipe.base) == "cpu"
    schedule: str = learning.schedule
    if schedule == "constant" and learning.warmup:
        schedule = "constant_with_warmup"
    steps = steps or learning.steps
    return {
        "output_dir": str(folder / checkpoints.FOLDER),
        "per_device_train_batch_size": learning.batch,
        "gradient_accumulation_steps": learning.accumulate,
        "max_steps": steps or -1,
        "num_train_epochs": learning.epochs,
        "learning_rate": learning.rate,
        "lr_scheduler_type": schedule,
        "warmup_steps": learning.warmup,
        "max_grad_norm": learning.clip,
        "weight_decay": learning.decay,
        "optim": "adamw_torch_fused",
        "bf16": learning.bf16,
        "gradient_checkpointing": learning.checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "use_cpu": cpu,
        "ddp_backend": "gloo" if cpu and int(os.environ.get("WORLD_SIZE", "1")) > 1 else None,
        "ddp_find_unused_parameters": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": not cpu,
        "seed": recipe.seed_of("order"),
        "data_seed": recipe.seed_of("order"),
        # Saving, logging to TensorBoard and telling of progress are the mixin's.
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": "none",
        "logging_steps": 10,
        "logging_first_step": True,
        "disable_tqdm": True,
        **more,
    }


class Tuned:
    """Laid over a TRL trainer; see the module."""

    def __init__(self, *args: Any, shop: Workshop, gauge: Gauge | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shop = shop
        self.watcher = Watcher(gauge, shop.recipe.watch, shop.student.model)
        self.checkpoints = checkpoints.Checkpoints(shop.folder)
        self.learned = 0
        """Tokens that a gradient was computed over so far, padding apart; of this process."""
        self.asked = False
        """Someone asked to stop (Ctrl-C, SIGTERM)."""
        self._stopped = False
        """It did stop for that, with a checkpoint."""
        self._part: Path | None = None
        self._before = 0.0
        """Seconds of the parts of the run before this one."""
        self._begun: float | None = None
        self.step = 0
        self._board: Any = None
        self._lost: Any = 0.0
        """Sum of the steps' losses."""
        self._recent: tuple[Any, int] = (0.0, 0)
        """The same since it was last told, and the step of that."""
        self.remove_callback(PrinterCallback)  # type: ignore[attr-defined]
        self.add_callback(_Steps(self))  # type: ignore[attr-defined]

    # --- what a trainer may say more -----------------------------------------------------------

    def boundary(self) -> bool:
        """Whether a checkpoint may be taken after this step."""
        return True

    def counted(self, inputs: Any) -> int:
        """Tokens of a micro-batch, padding apart."""
        if "attention_mask" in inputs:
            return int(inputs["attention_mask"].sum())
        return int(inputs["input_ids"].numel()) if "input_ids" in inputs else 0

    def figures(self) -> Mapping[str, float]:
        """What the line of progress tells beside the loss."""
        return {}

    def keep(self) -> dict[str, Any]:
        """What else a checkpoint must hold, as ``torch.save`` takes it."""
        return {}

    def take(self, kept: dict[str, Any]) -> None:
        """Take up what :meth:`keep` gave."""

    # --- the run -------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Spent learning, the parts of a resumed run together."""
        return self._before + (0.0 if self._begun is None else time.monotonic() - self._begun)

    def learn(self) -> dict[str, Any] | None:
        """Learn, or go on learning, to the end; the adapter to keep is then in the model.

        Returns what was measured; None when it was interrupted and a checkpoint is there.

        Raises:
            ConfigError: the folder is another run's, or not to be resumed with this recipe.
            FinrouteError: the disk is full.
        """
        shop = self.shop
        torch.set_num_threads(shop.recipe.learning.threads)
        if self.main:
            checkpoints.begin(
                shop.folder,
                shop.recipe,
                resume=shop.resume,
                data=shop.material.digest,
                base=shop.student.digest,
                say=shop.say,
            )
        found = self.checkpoints.newest(self.say) if shop.resume else None
        if found is not None:
            self._take_up(found)
        with (
            checkpoints.disk_full(shop.folder, self.checkpoints.last_told),
            self._signals(),
            self._tensorboard(),
        ):
            self._begun = time.monotonic()
            if found is None:
                self.measure(0)
            if not self.watcher.spent:  # a run that was resumed after it had come to its end
                self.train(resume_from_checkpoint=found and str(found))  # type: ignore[attr-defined]
                self.step = self.state.global_step  # type: ignore[attr-defined]
        if self._stopped:
            return None
        self.measure(self.step)
        self._before, self._begun = self.seconds, None
        self.watcher.restore()
        self._unwrap()
        return {
            "steps": self.step,
            "seconds": round(self._before, 1),
            "learning_seconds": round(self._before, 1),
            "tokens": self._over_all(self.learned),
            "train_loss": round(self._mean(float(self._lost)) / max(self.step, 1), 4),
            "best_step": self.watcher.best_step,
            "readings": self.watcher.readings,
        }

    def say(self, text: str) -> None:
        """Tell it, once, whatever the number of processes."""
        if self.main:
            self.shop.say(text)

    @property
    def main(self) -> bool:
        """This is the only process, or the first one."""
        return self.accelerator.is_main_process  # type: ignore[attr-defined]

    def measure(self, step: int) -> None:
        """Take a reading on the watched examples."""
        reading = self.watcher.measure(step)
        if reading is None:
            return
        figures = {name: value for name, value in reading.items() if name != "step"}
        self.say(
            f"{self.shop.recipe.name or self.shop.recipe.specialist}: step {step}, watched: "
            + ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        )
        if self.state.is_world_process_zero and self._begun is not None:  # type: ignore[attr-defined]
            self._chart({f"watched/{name}": value for name, value in figures.items()}, step)

    # --- what transformers asks ----------------------------------------------------------------

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        self.learned += self.counted(inputs)
        # Under autocast, peft's cast of a layer's inputs up to float32 is undone at once.
        with disable_input_dtype_casting(self.model, active=self.args.bf16):  # type: ignore[attr-defined]
            loss = super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        self._lost = self._lost + loss
        self._recent = (self._recent[0] + loss, self._recent[1])
        return loss

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._part or self.args.output_dir)  # type: ignore[attr-defined]

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: the card is the adapter's, and written when it is whole."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # The adapter, not the base, nor a copy of the tokenizer.
        model = self.accelerator.unwrap_model(self.model)  # type: ignore[attr-defined]
        model.save_pretrained(output_dir, state_dict=state_dict, save_embedding_layers=False)
        Path(str(output_dir), "README.md").unlink(missing_ok=True)  # peft's empty card

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step = self.state.global_step  # type: ignore[attr-defined]
        if not self.main:
            self._part = self.checkpoints.folder / checkpoints.PART
            self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]
            self._part = None
            return
        try:
            with self.checkpoints.writing(step) as self._part:
                self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]
                super()._save_checkpoint(model, trial)  # type: ignore[misc]
                made = self._part / f"{checkpoints.PREFIX}{step}"
                self.watcher.save(
                    made, seconds=self.seconds, tokens=self.learned, lost=float(self._lost)
                )
                if kept := self.keep():
                    torch.save(kept, made / REST)
                self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]
        finally:
            self._part = None
        self.checkpoints.prune(self.shop.recipe.checkpoint.keep)

    # --- inside --------------------------------------------------------------------------------

    def _take_up(self, found: Path) -> None:
        told = self.watcher.load(found)
        self.step = checkpoints.step_of(found)
        self._before, self.learned, self._lost = told["seconds"], told["tokens"], told["lost"]
        if (found / REST).exists():
            self.take(torch.load(found / REST, weights_only=False))
        self.say(f"going on from {found.name}, after {self._before:.0f} s of learning")

    def _asked(self) -> bool:
        """Whether any process was asked to stop: they stop together."""
        return bool(self._over_all(int(self.asked)))

    def _over_all(self, count: int) -> int:
        """Sum over the processes."""
        if self.accelerator.num_processes == 1:  # type: ignore[attr-defined]
            return count
        there = torch.tensor(count, device=self.accelerator.device)  # type: ignore[attr-defined]
        return int(self.accelerator.reduce(there, "sum"))  # type: ignore[attr-defined]

    def _mean(self, value: float) -> float:
        """Mean over the processes."""
        if self.accelerator.num_processes == 1:  # type: ignore[attr-defined]
            return value
        there = torch.tensor(value, device=self.accelerator.device)  # type: ignore[attr-defined]
        return float(self.accelerator.reduce(there, "mean"))  # type: ignore[attr-defined]

    def _unwrap(self) -> None:
        """Mixed precision stays behind: from here the model computes as it is served."""
        model = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)  # type: ignore[attr-defined]
        model.eval()

    def _chart(self, figures: Mapping[str, float], step: int) -> None:
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(name, value, step)

    @contextmanager
    def _tensorboard(self) -> Generator[None]:
        if not self.main:
            yield
            return
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(self.shop.folder / LOGS))
        callback = TensorBoardCallback(self._board)
        self.add_callback(callback)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            self.remove_callback(callback)  # type: ignore[attr-defined]
            self._board.close()
            self._board = None

    @contextmanager
    def _signals(self) -> Generator[None]:
        """The first Ctrl-C asks to stop after this step; the second stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(number: int, frame: FrameType | None) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            self.say("stopping after this step, with a checkpoint; once more stops at once")

        before = {n: signal.signal(n, heard) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Steps(TrainerCallback):
    """After each step: measure, save, tell, stop."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._due = False
        """A checkpoint is, at the next boundary."""
        self._told = 0.0
        self._from: tuple[float, int, int] = (0.0, 0, 0)
        """Time, step and tokens where this part of the run began."""

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        now = time.monotonic()
        self._from, self._told = (now, state.global_step, self._owner.learned), now
        self._owner._recent = (0.0, state.global_step)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        owner, step = self._owner, state.global_step
        if owner.watcher.due(step):
            owner.measure(step)
            if owner.watcher.spent:
                owner.say(f"step {step}: nothing better in {owner.watcher.worse} readings, enough")
                control.should_training_stop = True
        asked = owner._asked()
        self._due = self._due or asked or step % owner.shop.recipe.checkpoint.every == 0
        if self._due and owner.boundary():
            control.should_save, self._due = True, False
            if asked:
                control.should_training_stop = owner._stopped = True
        if time.monotonic() - self._told >= TELL_S or step == state.max_steps:
            self._told = time.monotonic()
            self._tell(step, state.max_steps)

    def _tell(self, step: int, steps: int) -> None:
        owner = self._owner
        began, first, tokens = self._from
        spent, done = time.monotonic() - began, max(step - first, 1)
        lost, since = owner._recent
        owner._recent = (0.0, step)
        parts = [
            f"{owner.shop.recipe.name or owner.shop.recipe.specialist}: step {step} of {steps} "
            f"({step / steps:.0%})",
            f"loss {float(lost) / max(step - since, 1):.4f}",
            *(f"{name} {value:.4g}" for name, value in owner.figures().items()),
        ]
        if owner.learned > tokens:
            fast = (owner.learned - tokens) * owner.accelerator.num_processes / spent
            parts.append(f"{fast:,.0f} tokens/s")
        parts.append(f"{spent / done:.2f} s a step")
        parts.append(f"{_clock(spent / done * (steps - step))} left")
        owner.say(", ".join(parts))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
