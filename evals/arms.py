"""Who is compared: each job's adapter, and the controls that show it is the adapter that answers.

``adapter`` is what serves. ``base`` is the base model without it. ``random`` is an adapter of the
same shape whose weights are drawn at random, tensor by tensor with the real one's spread.
``grammar`` draws uniformly from what the grammar admits, whatever any model says.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from specialists import registry
from specialists.agent import Specialist
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Sampling
from specialists.foundation.records import Manifest

Arm = Literal["adapter", "base", "random", "grammar"]
ARMS: tuple[Arm, ...] = ("adapter", "base", "random", "grammar")
WEIGHT_FILE = "adapter_model.safetensors"


class Arms:
    """All arms of all jobs, over one base read once (and once more for the uniform draw)."""

    def __init__(self, folder: Path, scratch: Path, *, threads: int, rows: int, seed: int) -> None:
        """Read and verify the weights.

        Raises:
            RecordError: the manifest, the base or an adapter is missing or altered.
            AdapterError: an adapter is not for this base.
        """
        self.folder = folder
        self.manifest = Manifest.read(folder / registry.MANIFEST)
        self._registry = registry.Embedded(folder, threads=threads, rows=rows)
        base = folder / self.manifest.base.folder
        random = {
            job: randomised(folder / artefact.folder, scratch / job, seed)
            for job, artefact in self.manifest.adapters.items()
        }
        self._random = LocalEngine.load(base, adapters=random, threads=threads, rows=rows)
        self._grammar = LocalEngine.load(base, threads=threads, rows=rows, uniform=True)

    @classmethod
    def open(cls, folder: Path, *, threads: int = 2, rows: int = 16, seed: int = 0) -> Self:
        """Arms whose scratch folder goes when they close."""
        scratch = Path(tempfile.mkdtemp(prefix="finroute-arms-"))
        made = cls(folder, scratch, threads=threads, rows=rows, seed=seed)
        made._scratch = scratch
        return made

    _scratch: Path | None = None

    @property
    def jobs(self) -> tuple[str, ...]:
        """Jobs that have an adapter."""
        return tuple(self.manifest.adapters)

    def specialist(self, job: str, arm: Arm) -> Specialist:
        """A job's specialist in an arm. No calibration: answers are judged, not withheld."""
        served = dataclasses.replace(self._registry.specialist(job), calibration=None)
        if arm == "adapter":
            return served
        if arm == "base":
            return Specialist(task=served.task, engine=self._registry.engine)
        if arm == "random":
            return Specialist(task=served.task, engine=self._random, adapter=job)
        return Specialist(task=served.task, engine=self._grammar)

    def sampling(self, arm: Arm, number: int) -> Sampling:
        """Greedy; the uniform draw has a seed of its own for each question."""
        return Sampling(temperature=1.0, seed=number) if arm == "grammar" else Sampling()

    def sizes(self) -> dict[str, int]:
        """Bytes of each artefact's weights."""
        sizes = {"base": _weigh(self.folder / self.manifest.base.folder)}
        for job, artefact in self.manifest.adapters.items():
            sizes[job] = _weigh(self.folder / artefact.folder)
        return sizes

    async def aclose(self) -> None:
        """Release the models and the scratch folder."""
        await asyncio.gather(self._registry.aclose(), self._random.aclose(), self._grammar.aclose())
        if self._scratch is not None:
            shutil.rmtree(self._scratch)


def _weigh(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def randomised(adapter: Path, out: Path, seed: int) -> Path:
    """A copy of an adapter with normal weights of each tensor's mean and spread."""
    from safetensors.numpy import load_file, save_file

    out.mkdir(parents=True)
    shutil.copy(adapter / "adapter_config.json", out)
    rng = np.random.default_rng(seed)
    tensors: Mapping[str, Any] = load_file(adapter / WEIGHT_FILE)
    drawn = {
        name: rng.normal(tensor.mean(), tensor.std(), tensor.shape).astype(np.float32)
        for name, tensor in sorted(tensors.items())
    }
    save_file(drawn, out / WEIGHT_FILE, metadata={"format": "pt"})
    return out
