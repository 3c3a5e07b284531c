"""Checkpoints of a tuning run: whole or not there, the newest few, of one recipe alone.

A checkpoint is written aside, its files are named with their digests, and then it is renamed: what
stands under its name is whole, whenever the process or the disk gave up. What is in a checkpoint is
the trainer's business (``trainer.py``); no heavy library is imported here.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from specialists.foundation.digests import file_digests
from specialists.foundation.errors import ConfigError, FinrouteError, RecordError
from training.tuning.recipe import Recipe

FOLDER = "checkpoints"
PREFIX = "checkpoint-"
PART = ".part"
"""Where a checkpoint is written before it has its name."""
WHOLE = "whole.json"
"""In a checkpoint, written last: digests of its other files."""
RECIPE = "recipe.json"
"""In the run's folder: what the run was begun with."""
ROOM = 1 << 20
"""Bytes; a disk with less than this left is full."""
FULL = (errno.ENOSPC, errno.EDQUOT)

Say = Callable[[str], None]


class Checkpoints:
    """Those of one run."""

    def __init__(self, run: Path) -> None:
        self.folder = run / FOLDER

    def all(self) -> list[Path]:
        """By step, the newest last."""
        found = (p for p in self.folder.glob(f"{PREFIX}*") if step_of(p) >= 0)
        return sorted(found, key=step_of)

    def newest(self, say: Say = print) -> Path | None:
        """The newest one that is as it was written; what is damaged is told and passed over."""
        for folder in reversed(self.all()):
            wrong = damage(folder)
            if not wrong:
                return folder
            say(f"{folder.name} is damaged ({wrong}): going back to the one before")
        return None

    @contextmanager
    def writing(self, step: int) -> Generator[Path]:
        """Yields the folder to put ``checkpoint-<step>`` into; it gets its place when all is well.

        Raises:
            FinrouteError: the disk is full. The checkpoints before stay as they are.
        """
        part = self.folder / PART
        shutil.rmtree(part, ignore_errors=True)
        try:
            with disk_full(self.folder, self.last_told):
                part.mkdir(parents=True)
                yield part
                made = part / f"{PREFIX}{step}"
                _seal(made)
                place = self.folder / made.name
                shutil.rmtree(place, ignore_errors=True)  # of the same step: a resumed run's
                made.rename(place)
                _sync(self.folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def prune(self, keep: int) -> None:
        """Leave the newest ``keep``; at least one."""
        for folder in self.all()[: -max(keep, 1)]:
            shutil.rmtree(folder, ignore_errors=True)

    def last_told(self) -> str:
        """What is left to go on from, in words."""
        there = self.all()
        if not there:
            return "there is no checkpoint yet"
        return f"the last whole checkpoint is {there[-1]}; make room and go on with --resume"


def begin(
    run: Path, recipe: Recipe, *, resume: bool, data: str = "", base: str = "", say: Say = print
) -> None:
    """Open a run's folder, or go on in it: note what it is begun with, or hold it against that.

    Called again for the same run it does no harm, so it can be asked before data and base are read
    and again when their digests are known.

    Args:
        data: digest of what is learned from; empty: not known yet.
        base: digest of the base's files; empty: not known yet.

    Raises:
        ConfigError: the folder holds a started run and ``resume`` is not set; or none to resume; or
            one of another recipe, other seeds, data or base.
    """
    path = run / RECIPE
    begun = Checkpoints(run).all()
    if not resume:
        if begun:
            raise ConfigError(
                f"{run} holds a started run ({begun[-1].name}): go on with --resume, "
                "or give another folder"
            )
        run.mkdir(parents=True, exist_ok=True)
        _note(path, recipe, data, base)
        return
    if not path.is_file():
        raise ConfigError(f"{run} holds no run to go on with: start it without --resume")
    noted = json.loads(path.read_text(encoding="utf-8"))
    differing = _differing(noted["recipe"], _plain(recipe))
    if differing:
        raise ConfigError(
            f"{run} was begun with another recipe; it can only be resumed with the same one: "
            + "; ".join(differing)
        )
    for what, now in (("data", data), ("base", base)):
        if now and noted[what] and noted[what] != now:
            raise ConfigError(
                f"{run} was begun with another {what} ({noted[what][:12]}, now {now[:12]}): "
                "it cannot be resumed"
            )
    _note(path, recipe, data or noted["data"], base or noted["base"])
    if not begun:
        say(f"{run} holds no checkpoint yet: from the beginning")


def _note(path: Path, recipe: Recipe, data: str, base: str) -> None:
    told = {"digest": recipe.digest, "data": data, "base": base, "recipe": _plain(recipe)}
    part = path.with_suffix(f".{os.getpid()}")  # processes that learn together all come here
    with disk_full(path.parent, lambda: ""):
        part.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        part.rename(path)


def _plain(recipe: Recipe) -> dict[str, Any]:
    """All that decides the run: the recipe without its name, seeds as they resolve."""
    told = recipe.model_dump(mode="json", exclude={"name", "about", "seed", "seeds"})
    seeds = {what: recipe.seed_of(what) for what in ("order", "init", "sampler")}
    return json.loads(json.dumps({**told, "seeds": seeds}))


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], under: str = "") -> list[str]:
    told: list[str] = []
    for key in dict.fromkeys((*before, *now)):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            told += _differing(old, new, f"{under}{key}.")
        elif old != new:
            told.append(f"{under}{key} was {json.dumps(old)}, is {json.dumps(new)}")
    return told


def step_of(folder: Path) -> int:
    """The optimiser step a checkpoint was taken after; -1: it is no checkpoint."""
    number = folder.name.removeprefix(PREFIX)
    return int(number) if folder.is_dir() and number.isdecimal() else -1


def damage(folder: Path) -> str:
    """What is wrong with a checkpoint, in words; empty when it is as it was written."""
    try:
        noted = json.loads((folder / WHOLE).read_text(encoding="utf-8"))
        found = file_digests(folder, leave_out=(WHOLE,))
    except (OSError, ValueError, RecordError) as error:
        return str(error)
    changed = [name for name in {**noted, **found} if noted.get(name) != found.get(name)]
    return ", ".join(sorted(changed))


def _seal(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
    digests = file_digests(folder, leave_out=(WHOLE,))
    path = folder / WHOLE
    path.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_full(folder: Path, left: Callable[[], str]) -> Generator[None]:
    """Turn "no space left" into an error that says where and what to do.

    torch and safetensors report a full disk as errors of their own, so one that comes while the
    disk has no room counts as well.

    Args:
        left: what is left to go on from, in words.

    Raises:
        FinrouteError: the disk is full.
    """
    try:
        yield
    except FinrouteError:
        raise
    except Exception as error:
        if not _is_full(error, folder):
            raise
        told = left()
        raise FinrouteError(
            f"no space left on the disk of {folder}" + (f": {told}" if told else "")
        ) from error


def _is_full(error: BaseException, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    if "No space left" in str(error):
        return True
    if not isinstance(error, (RuntimeError, OSError)) and "Safetensor" not in type(error).__name__:
        return False
    there = next(p for p in (folder, *folder.parents) if p.exists())
    return shutil.disk_usage(there).free < ROOM
