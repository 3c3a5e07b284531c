"""Who is compared: every run of every arm of a design, held against its record; nothing is loaded.

A study's arms must be complete, each of one recipe, and all on one base: what does not hold is told
with the runs it does not hold for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.decision.design import HERE, Arm, Registered, project
from specialists.engines.hub import find
from specialists.foundation import records
from specialists.foundation.digests import digest, file_digest
from specialists.foundation.errors import ConfigError, DataError, RecordError
from specialists.foundation.records import RUN, RunRecord, artefact_digest
from specialists.registry import WEIGHTS

RUNS = HERE.parent / "runs" / "studies"
"""Where ``finroute train study`` leaves what it makes, by study."""
FIRST = 11
"""Seed of a study's first runs where it names none."""
_TUNED = ("trained", "adapter")


@dataclass(frozen=True)
class Entrant:
    """One run of one arm. Nothing of it is loaded."""

    arm: Arm
    run: int
    """From 1."""
    digest: str
    """SHA-256 of the adapter, of the base, of a file of answers, or of how an endpoint is named."""
    seed: int = 0
    """Of its training."""
    folder: Path | None = None
    """Of its adapter."""
    record: RunRecord | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return f"{self.arm.name}/{self.run}"


@dataclass(frozen=True)
class Roster:
    """All contestants of a design, and the base they share."""

    entrants: tuple[Entrant, ...]
    base: Path
    base_digest: str

    @property
    def adapters(self) -> tuple[str, ...]:
        """Digests of all adapters under test, and of the base: what the test's seed follows from.

        A file of answers is none: it can only be made once the questions are there.
        """
        tuned = [e.digest for e in self.entrants if e.folder is not None]
        return (self.base_digest, *tuned)

    @property
    def digests(self) -> dict[str, dict[str, str]]:
        """Of each arm's runs, by arm and number."""
        told: dict[str, dict[str, str]] = {}
        for entrant in self.entrants:
            told.setdefault(entrant.arm.name, {})[str(entrant.run)] = entrant.digest
        return told


def enlist(registered: Registered, runs: Path | None = None, only: Sequence[str] = ()) -> Roster:
    """The contestants of a design, each held against its record.

    Args:
        runs: folder of the study's runs, ``<arm>/seed-<n>/adapter`` each; None: where training
            leaves them.
        only: names of arms; none: all.

    Raises:
        DataError: training runs are missing; all of them are named.
        RecordError: an adapter is not what its record says, runs of one arm were made by different
            recipes, or adapters stand on different bases.
        ConfigError: a file or folder that the design names is not there.
    """
    design = registered.design
    arms = [arm for arm in design.arms if not only or arm.name in only]
    unknown = sorted(set(only) - {arm.name for arm in design.arms})
    if unknown:
        known = ", ".join(arm.name for arm in design.arms)
        raise ConfigError(f"the design has no arms {', '.join(unknown)}; there are {known}")
    home = runs or RUNS / Path(design.study).name
    trained = [a for a in arms if a.kind == "trained"]
    tuned = _trained(registered, trained, home) if trained else []
    tuned += [_adapter(registered, arm) for arm in arms if arm.kind == "adapter"]
    base, base_digest = _base(tuned) if tuned or not design.study else _planned(registered)
    plain = [_plain(registered, arm, base_digest) for arm in arms if arm.kind not in _TUNED]
    order = {arm.name: place for place, arm in enumerate(design.arms)}
    entrants = sorted(
        [*tuned, *(each for some in plain for each in some)],
        key=lambda e: (order[e.arm.name], e.run),
    )
    return Roster(tuple(entrants), base, base_digest)


def _trained(registered: Registered, arms: Sequence[Arm], home: Path) -> list[Entrant]:
    file = project(registered.design.study, registered.path) / "study.toml"
    told = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    first = int(told.get("first", FIRST))
    places = [
        (
            arm,
            number,
            first + number - 1,
            home / arm.name / f"seed-{first + number - 1}" / "adapter",
        )
        for arm in arms
        for number in range(1, arm.runs + 1)
    ]
    missing = [place for place in places if not (place[3] / RUN).is_file()]
    if missing:
        names = ", ".join(f"{arm.name}/seed-{seed}" for arm, _, seed, _ in missing)
        raise DataError(
            f"{len(missing)} of {len(places)} training runs are missing in {home}: {names}; make "
            "them with `finroute train study`"
        )
    found = [_tuned(arm, number, seed, folder) for arm, number, seed, folder in places]
    for arm in arms:
        recipes = {e.record.recipe_digest for e in found if e.arm is arm and e.record is not None}
        if len(recipes) > 1:
            several = ", ".join(sorted(recipe[:12] for recipe in recipes))
            raise RecordError(f"the runs of arm {arm.name} were made by several recipes: {several}")
    return found


def _tuned(arm: Arm, number: int, seed: int, folder: Path) -> Entrant:
    record = records.verify(folder, RunRecord.read(folder / RUN).digest)
    return Entrant(arm, number, record.digest, seed, folder, record)


def _adapter(registered: Registered, arm: Arm) -> Entrant:
    folder = project(arm.folder, registered.path)
    if not (folder / RUN).is_file():
        raise ConfigError(f"arm {arm.name}: {folder} holds no adapter with its record ({RUN})")
    return _tuned(arm, 1, 0, folder)


def _base(tuned: Sequence[Entrant]) -> tuple[Path, str]:
    """The one base of all adapters; the embedded one where no adapter and no study names another.

    Raises:
        RecordError: several, or one that is not what the records say.
    """
    made = [e.record for e in tuned if e.record is not None]
    digests = {record.base or "" for record in made}
    if len(digests) > 1:
        names = ", ".join(f"{e.name} on {(e.record.base or '?')[:12]}" for e in tuned if e.record)
        raise RecordError(f"the adapters stand on several bases: {names}")
    sources = {(record.recipe.get("base") or {}).get("source") or "" for record in made}
    source = next((each for each in sorted(sources) if each), "")
    folder = find(source) if source else WEIGHTS / "base"
    found = artefact_digest(folder)
    if digests and found not in digests:
        raise RecordError(
            f"the base in {folder} has digest {found[:12]}; the adapters were made on "
            f"{digests.pop()[:12]}"
        )
    return folder, found


def _planned(registered: Registered) -> tuple[Path, str]:
    """The base that a study is to train on, as its recipes say: no run of it was asked for, and
    perhaps none is made yet.

    Raises:
        ConfigError: several bases, or one that is named in what the recipes extend.
    """
    folder = project(registered.design.study, registered.path)
    recipes = [n for n in registered.study if n.endswith(".toml") and n != "study.toml"]
    sources = {_source(folder / name) for name in recipes}
    if len(sources) > 1:
        raise ConfigError(f"the recipes in {folder} train on several bases: {sorted(sources)}")
    source = next(iter(sources), "")
    base = find(source) if source else WEIGHTS / "base"
    return base, artefact_digest(base)


def _source(recipe: Path) -> str:
    """Where a recipe's base is; empty: it is the embedded one."""
    told = tomllib.loads(recipe.read_text(encoding="utf-8"))
    source = told.get("base", {}).get("source")
    if source is not None:
        return str(source)
    before = str(told.get("extends", ""))
    if before.endswith(".toml"):
        return _source(recipe.parent / before)
    if before and not before.endswith("/embedded"):
        raise ConfigError(
            f"{recipe} does not say itself what base it trains on: set base.source there"
        )
    return ""


def _plain(registered: Registered, arm: Arm, base: str) -> list[Entrant]:
    if arm.kind == "base":
        return [Entrant(arm, 1, base)]
    if arm.kind == "classical":
        return [Entrant(arm, 1, digest({"classical": registered.design.specialist}))]
    if arm.kind == "endpoint":
        told = {"provider": arm.provider, "model": arm.model, "url": arm.url}
        return [Entrant(arm, 1, digest(told))]
    path = project(arm.file, registered.path)
    if not path.is_file():
        raise ConfigError(f"arm {arm.name}: there is no file {path}")
    return [Entrant(arm, number, file_digest(path)) for number in range(1, arm.runs + 1)]
