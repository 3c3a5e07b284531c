"""Work into seconds: what learning, reading and writing tokens take on one device."""

from __future__ import annotations

from typing import Literal

from specialists.foundation.contracts import Value
from training.tuning.cost.hardware import Device
from training.tuning.cost.shapes import BYTES, Shape
from training.tuning.recipe import Recipe

EXAMPLE_MS = 2.5
"""Making one generated example."""

Kind = Literal["learn", "read", "write"]


class Phase(Value):
    """One part of a run."""

    name: str
    kind: Kind
    tokens: float
    flops: float
    seconds: float


class Clock:
    """Turns work into seconds on one device."""

    def __init__(self, device: Device, shape: Shape, recipe: Recipe, units: int) -> None:
        self.device, self.shape, self.recipe, self.units = device, shape, recipe, units
        self.weights = shape.parameters * BYTES[recipe.base.dtype]
        self.kv_token = 2 * shape.layers * shape.kv * BYTES[recipe.base.dtype]

    def learn(
        self,
        name: str,
        tokens: float,
        scored: float,
        length: float,
        passes: float,
        padded: float = 1.0,
    ) -> Phase:
        """Forward and backward over tokens, ``scored`` of which are learned from."""
        s, ckpt = self.shape, self.recipe.learning.checkpointing
        adapter = s.adapter(self.recipe.lora.rank)
        layer = 2 * s.matrices + _attention(s, length)
        # Forward; backward through what came in (attention has two inputs for each product).
        flops = tokens * (layer + 2 * s.matrices + 2 * _attention(s, length) + 6 * adapter)
        flops += tokens * (layer + 2 * adapter if ckpt else 0.0)
        flops += scored * 6 * s.vocabulary * s.width
        slow = 4.0 if ckpt else 3.0
        return self._phase(name, "learn", tokens, flops, slow * passes, padded)

    def read(self, name: str, tokens: float, scored: float, length: float, passes: float) -> Phase:
        """Forward alone."""
        s = self.shape
        flops = tokens * (2 * s.matrices + _attention(s, length))
        flops += scored * 2 * s.vocabulary * s.width
        return self._phase(name, "read", tokens, flops, passes)

    def write(self, name: str, tokens: float, episodes: float, context: float) -> Phase:
        """Sampling, ``rollout.parallel`` episodes at a time on each unit."""
        s, d = self.shape, self.device
        flops = tokens * (2 * s.parameters + 2 * _attention(s, context))
        together = max(1.0, min(self.recipe.rollout.parallel, episodes))
        steps = tokens / together / self._engines
        moved = self.weights + self.kv_token * context * together
        step = max(
            moved / (d.bandwidth_gbs * 1e9 * d.write),
            flops / max(tokens, 1) * together / (d.tflops * 1e12 * d.read),
            s.layers * d.layer_ms / 1e3,
        )
        seconds = steps * (step + together * d.token_ms / 1e3)
        return Phase(name=name, kind="write", tokens=tokens, flops=flops, seconds=seconds)

    @property
    def _engines(self) -> int:
        """In-process engines: one a GPU; one a process on cores, whatever its threads."""
        return self.units if self.device.unit == "GPU" else 1

    def of(self, shape: Shape) -> Clock:
        """The same for another model."""
        return Clock(self.device, shape, self.recipe, self.units)

    def start(self) -> Phase:
        """Libraries, the base, the examples; and the proof at the end."""
        seconds = self.device.start_s + self.recipe.data.count * EXAMPLE_MS / 1e3
        return Phase(name="start and end", kind="read", tokens=0, flops=0, seconds=seconds)

    def _phase(
        self,
        name: str,
        kind: Kind,
        tokens: float,
        flops: float,
        passes: float,
        padded: float = 1.0,
    ) -> Phase:
        d = self.device
        share = d.learn if kind == "learn" else d.read
        seconds = max(
            padded * flops / (d.tflops * 1e12 * share * self.units),
            passes * self.shape.layers * d.layer_ms / 1e3,
        )
        return Phase(name=name, kind=kind, tokens=tokens, flops=flops, seconds=seconds)


def _attention(shape: Shape, length: float) -> float:
    """FLOPs of a token's attention going forward, in a dialogue of this length: it looks back at
    half of it."""
    return 2.0 * shape.layers * shape.heads * length
