"""Devices that runs are estimated for and priced by: their numbers are in ``devices.toml``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError
from training.tuning.cost.shapes import shape
from training.tuning.recipe import Recipe

DEVICES = Path(__file__).parents[1] / "devices.toml"
SMALL = 1e8
"""Parameters below which a base is meant for a processor."""


class Device(Config):
    """What a run runs on; ``devices.toml`` says what each number means."""

    name: str = ""
    about: str = ""
    match: str = ""
    """Part of the name that CUDA gives it."""
    unit: Literal["core", "GPU"] = "GPU"
    units: int = 1
    """How many the machine has."""
    count: int = 0
    """How many are in use together; 0: the recipe's threads on a processor, one GPU."""
    tflops: float
    memory_gb: float
    bandwidth_gbs: float
    hour_usd: float
    learn: float
    read: float
    write: float
    layer_ms: float
    token_ms: float
    start_s: float


def devices() -> dict[str, Device]:
    """The devices there are numbers of, by name."""
    told = tomllib.loads(DEVICES.read_text(encoding="utf-8"))
    return {name: Device(name=name, **numbers) for name, numbers in told.items()}


def device(name: str, *, hour_usd: float | None = None) -> Device:
    """A device by its name; ``8xh100-80gb`` is eight of it.

    Args:
        hour_usd: the price of an hour of one unit, where it is not the listed one.

    Raises:
        ConfigError: no such device.
    """
    known = devices()
    several = re.fullmatch(r"(\d+)x(.+)", name)
    found = known.get(several[2] if several else name)
    if found is None or (several and int(several[1]) < 1):
        raise ConfigError(
            f"no device {name!r}: there are {', '.join(known)}, and 8x{next(reversed(known))} "
            "is eight of one"
        )
    changes: dict[str, Any] = {"count": int(several[1])} if several else {}
    if hour_usd is not None:
        changes["hour_usd"] = hour_usd
    return found.model_copy(update=changes)


def fitting(recipe: Recipe) -> Device:
    """The device a base is meant for: a processor for the embedded one, an H100 for hub bases.

    Raises:
        ConfigError: nothing tells how large the base is.
    """
    where = recipe.base.device
    if where != "auto":
        return device("cpu-2" if where == "cpu" else "h100-80gb")
    small = not recipe.base.source or shape(recipe).parameters < SMALL
    return device("cpu-2" if small else "h100-80gb")


def known_as(gpus: tuple[str, ...]) -> Device:
    """The device that CUDA's names stand for; a processor where there are none.

    A GPU without numbers gets those of the smallest one, and no price.
    """
    known = devices()
    if not gpus:
        return known["cpu-2"]
    for found in known.values():
        if found.match and re.search(rf"\b{re.escape(found.match)}\b", gpus[0]):
            return found
    return known["l4"].model_copy(
        update={"name": gpus[0], "about": "not in devices.toml", "hour_usd": 0.0}
    )
