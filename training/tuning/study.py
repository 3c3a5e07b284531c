"""A study: several recipes, each under several seeds, made one after the other; nothing is judged.

``training/studies/<name>/study.toml`` lists the arms; each is a recipe file beside it. An arm may
start from another arm's adapter, or learn from one as its teacher. What comes out is a folder of
adapters with their records, which ``finroute evals study`` tests. Stopped studies go on: the runs
are stages of a ``Release``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError
from training.release import Release, Stage
from training.tuning import recipe as recipes
from training.tuning.checkpoints import RECIPE
from training.tuning.layout import ADAPTER

FOLDER = Path(__file__).parents[1] / "studies"
FIRST = 11
Say = Callable[[str], None]


class Arm(Config):
    """One way of making the adapter."""

    name: str
    recipe: str = ""
    """File beside the study; empty: ``<name>.toml``."""
    start: str = ""
    """The arm whose first adapter it goes on from."""
    teacher: str = ""
    """The arm whose first adapter teaches it."""
    seeds: int = 0
    """How many runs; 0: as many as the study says."""


class Study(Config):
    """A study's arms."""

    about: str = ""
    specialist: str
    seeds: int = 3
    first: int = FIRST
    """Seed of each arm's first run; the others follow it."""
    arms: tuple[Arm, ...]


def names() -> tuple[str, ...]:
    """The studies there are."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/study.toml")))


def load(name: str) -> tuple[Study, Path]:
    """A study and its folder, by name or by folder.

    Raises:
        ConfigError: no such study, or arms that need what is not there.
    """
    folder = Path(name) if (Path(name) / "study.toml").is_file() else FOLDER / name
    path = folder / "study.toml"
    if not path.is_file():
        raise ConfigError(f"no study {name!r}; there are {', '.join(names())}")
    study = Study.parse(tomllib.loads(path.read_text(encoding="utf-8")), origin=str(path))
    before: set[str] = set()
    for arm in study.arms:
        for other in filter(None, (arm.start, arm.teacher)):
            if other not in before:
                raise ConfigError(f"{path}: {arm.name} needs {other}, which does not come before")
        before.add(arm.name)
    return study, folder


def stages(
    study: Study, folder: Path, out: Path, *, seeds: int = 0, overrides: Sequence[str] = ()
) -> list[Stage]:
    """The study's runs as stages over ``out``; ``out/<arm>/seed-<n>/adapter`` is what each makes.

    Args:
        seeds: runs of each arm; 0: as the study says.
        overrides: laid over every recipe (a shortened study in CI).
    """
    made: list[Stage] = []
    for arm in study.arms:
        file = folder / (arm.recipe or f"{arm.name}.toml")
        first = f"seed-{study.first}"
        for seed in range(study.first, study.first + (arm.seeds or seeds or study.seeds)):
            name = f"{arm.name}/seed-{seed}"
            needs = [f"{other}/{first}" for other in (arm.start, arm.teacher) if other]
            words = ["train", "run", str(file), "--out", f"{out / name}", f"seed={seed}"]
            if arm.start:
                words.append(f"start={out / arm.start / first / ADAPTER}")
            if arm.teacher:
                words.append(f"teacher.adapter={out / arm.teacher / first / ADAPTER}")
            recipes.load(file, overrides)  # what is wrong with a recipe is told before any runs
            made.append(
                Stage(
                    name,
                    (*words, *overrides),
                    makes=(f"{name}/{ADAPTER}",),
                    needs=tuple(needs),
                    settings=(file,),
                    resume=(str((out / name / RECIPE).resolve()), "--resume"),
                )
            )
    return made


def run(
    name: str,
    out: Path,
    *,
    seeds: int = 0,
    parallel: int = 1,
    only: Sequence[str] = (),
    overrides: Sequence[str] = (),
    say: Say = print,
) -> None:
    """Make a study's adapters below ``out``.

    Args:
        only: names of arms; none: all.

    Raises:
        ConfigError: no such study or arm, or a recipe that is not valid.
        StageFailed: a run ended badly; those before it stay.
    """
    study, folder = load(name)
    listed = stages(study, folder, out, seeds=seeds, overrides=overrides)
    unknown = set(only) - {arm.name for arm in study.arms}
    if unknown:
        raise ConfigError(f"{name} has no arms {', '.join(sorted(unknown))}")
    chosen = [stage.name for stage in listed if stage.name.partition("/")[0] in only]
    out.mkdir(parents=True, exist_ok=True)
    Release(listed, out / "work", out, say=say).run(only=chosen, parallel=parallel)
