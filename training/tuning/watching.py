# pyright: basic
"""Measuring while it learns: which adapter was best, and when to stop.

What is measured comes in as a gauge; this file keeps the readings, the best adapter so far and the
patience, and can be put into a checkpoint and taken out again.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from training.tuning.recipe import WatchSection
from training.tuning.sharded import adapter_of, lay

STATE = "watching.json"
BEST = "best.safetensors"


@dataclass(frozen=True)
class Gauge:
    """What is measured on the watched examples."""

    read: Callable[[], Mapping[str, float]]
    """Measure the model as it is now. It may draw random numbers: training's own are put back."""
    by: str
    """The figure that says which adapter is best."""
    more: bool = False
    """More of it is better."""


class Watcher:
    """The readings of one run. Without a gauge there are none, and the last adapter is kept."""

    def __init__(self, gauge: Gauge | None, section: WatchSection, model: Any) -> None:
        self.gauge, self.section, self.model = gauge, section, model
        self.readings: list[dict[str, Any]] = []
        self.best_step = 0
        self.best: float | None = None
        self.worse = 0
        """Measurements since the best one."""
        self._adapter: dict[str, torch.Tensor] = {}

    def due(self, step: int) -> bool:
        return step % self.section.every == 0

    @property
    def spent(self) -> bool:
        """Patience is."""
        return bool(self.section.patience) and self.worse >= self.section.patience

    def measure(self, step: int) -> dict[str, Any] | None:
        """Take a reading, unless this step has one."""
        gauge = self.gauge
        if gauge is None or (self.readings and self.readings[-1]["step"] == step):
            return None
        with randomness_apart():
            found = dict(gauge.read())
        reading = {"step": step, **{name: round(value, 4) for name, value in found.items()}}
        self.readings.append(reading)
        if step == 0:  # whether an adapter is worth having is for the evaluations to say
            return reading
        value = found[gauge.by]
        if not math.isnan(value) and (
            self.best is None or (value > self.best if gauge.more else value < self.best)
        ):
            self.best, self.best_step, self.worse = value, step, 0
            if self.section.keep == "best":
                self._adapter = adapter_of(self.model)
        else:
            self.worse += 1
        return reading

    def restore(self) -> None:
        """Put the best adapter back, if that is the one to keep."""
        if self._adapter:
            lay(self.model, self._adapter)

    def save(self, folder: Path, **more: Any) -> None:
        told = {
            "readings": self.readings,
            "best_step": self.best_step,
            "best": self.best,
            "worse": self.worse,
            **more,
        }
        (folder / STATE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        if self._adapter:
            save_file(self._adapter, folder / BEST, metadata={"format": "pt"})

    def load(self, folder: Path) -> dict[str, Any]:
        """Take up what :meth:`save` wrote; returns all of it."""
        told = json.loads((folder / STATE).read_text(encoding="utf-8"))
        self.readings, self.best_step = told["readings"], told["best_step"]
        self.best, self.worse = told["best"], told["worse"]
        if (folder / BEST).exists():
            self._adapter = load_file(folder / BEST)
        return told


@contextmanager
def randomness_apart() -> Generator[None]:
    """Whatever is drawn inside leaves the sequences of random numbers outside as they were."""
    python, plain = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(plain)
