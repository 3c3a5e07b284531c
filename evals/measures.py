"""Every measure of the embedded models: where its record lies, and how it is made.

A record is made where it is missing or of other weights. Two are only ever read: the sealed
questions, which are run once a release and by hand, and the learning curves, which training makes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evals.machine import device, now
from specialists.foundation.contracts import Value
from specialists.foundation.digests import digest, file_digests
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import ABOUT, ASSURANCE, Manifest
from specialists.registry import MANIFEST

if TYPE_CHECKING:
    from specialists.workspace.ranking import Array, Similarity

Say = Callable[[str], None]
KEYS = "keys.json"
DEV = Path(__file__).with_name("questions") / "dev.jsonl"
CURVES = "curves.jsonl"


@dataclass(frozen=True)
class Place:
    """Where everything is."""

    weights: Path
    out: Path
    """Folder of the records."""
    data: Path | None
    """Folder of public data."""
    threads: int
    count: int
    """Generated questions of each fold; the other sizes follow the measures' own defaults."""
    say: Say = print


Make = Callable[[Place], Awaitable[Value]]


@dataclass(frozen=True)
class Measure:
    """One record."""

    name: str
    make: Make
    public: bool = False
    """Whether it needs public data."""

    @property
    def file(self) -> str:
        return f"{self.name}.json"


async def make(place: Place, only: Sequence[str] = (), *, again: bool = False) -> None:
    """Make the records that are missing or of other weights.

    Args:
        only: names of measures; empty: all.
        again: make them although they are there.

    Raises:
        ConfigError: no such measure.
    """
    known = {measure.name: measure for measure in MEASURES}
    for name in only:
        if name not in known:
            raise ConfigError(f"no measure {name!r}; there are {', '.join(known)}")
    key = fingerprint(place.weights)
    place.out.mkdir(parents=True, exist_ok=True)
    for measure in [known[name] for name in only] or MEASURES:
        keys = read_keys(place.out)
        if not again and fresh(measure, place.weights, place.out):
            place.say(f"{measure.name}: of these weights already")
        elif measure.public and place.data is None:
            place.say(f"{measure.name}: left out, it needs public data")
        else:
            place.say(f"{measure.name}:")
            record = await measure.make(place)
            text = record.model_dump_json(indent=1)
            (place.out / measure.file).write_text(text + "\n", encoding="utf-8")
            keys[measure.name] = key
            (place.out / KEYS).write_text(json.dumps(keys, indent=1) + "\n", encoding="utf-8")


def fresh(measure: Measure, weights: Path, out: Path) -> bool:
    """Whether a record is there and of these weights.

    Records that other commands wrote have no key; those that name digests are known by them.
    """
    path = out / measure.file
    if not path.exists():
        return False
    told = json.loads(path.read_text(encoding="utf-8"))
    manifest = Manifest.read(weights / MANIFEST)
    adapters = {job: each.digest for job, each in manifest.adapters.items()}
    if measure.name == "sentfin" and told.get("adapter") != adapters.get("sentiment"):
        return False
    if "adapters" in told and (told["base"], told["adapters"]) != (manifest.base.digest, adapters):
        return False
    return read_keys(out).get(measure.name, "") in ("", fingerprint(weights))


def fingerprint(weights: Path) -> str:
    """Digest of all that answers: every file of the weights but the records about them."""
    files = file_digests(weights, leave_out=(*ABOUT, ASSURANCE))
    return digest({name: each for name, each in files.items() if not name.startswith("__")})


def read_keys(out: Path) -> dict[str, str]:
    """Of which weights each record is."""
    path = out / KEYS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


# --- each measure -------------------------------------------------------------------------------


async def _accuracy(place: Place) -> Value:
    from evals.accuracy import measure
    from evals.arms import Arms

    arms = Arms.open(place.weights, threads=place.threads)
    try:
        return await measure(
            arms,
            count=place.count,
            controls=min(place.count, 150),
            data=place.data,
            public_count=500,
            started=now(),
            device=device(place.threads),
            say=place.say,
        )
    finally:
        await arms.aclose()


async def _sentfin(place: Place) -> Value:
    from evals.sentfin import measure

    assert place.data is not None
    return await measure(
        place.weights, place.data, count=5_000, threads=place.threads, say=place.say
    )


async def _finqa(place: Place) -> Value:
    from evals.finqa import ask, measure
    from specialists.calculation.ranker import Ranker
    from specialists.registry import Embedded

    assert place.data is not None
    registry = Embedded(place.weights, threads=place.threads)
    try:
        model = replace(registry.specialist("calculation"), calibration=None)
        said = await ask(model, place.data)
    finally:
        await registry.aclose()
    ranker = Ranker.load(place.weights / "programs" / "ranker.npz")
    return measure(place.data, ranker, said=said, say=place.say)


async def _linking(place: Place) -> Value:
    from evals.linking import measure

    return measure(place.data, encoders=_encoders(), say=place.say)


def _encoders() -> dict[str, Similarity]:
    """The packaged sentence encoder, where it is installed."""
    import numpy as np

    from specialists.engines import encoder

    if encoder.installed() is None:
        return {}
    made = encoder.load()

    def similarity(question: str, texts: Sequence[str]) -> Array:
        vectors = np.asarray(made.encode([question, *texts]), dtype=float)
        return vectors[1:] @ vectors[0]

    return {"encoder": similarity}


async def _development(place: Place) -> Value:
    from evals.examining import examine
    from specialists.workspace import demo

    return await examine(place.weights, demo.build(), DEV, threads=place.threads, say=place.say)


async def _speed(place: Place) -> Value:
    from evals.speed import measure

    return await measure(place.weights, threads=place.threads, say=place.say)


async def _failures(place: Place) -> Value:
    from evals import failures

    found = await failures.gather(place.weights, each=10, count=400, say=place.say)
    text = failures.blank(found, failures.causes())
    failures.CAUSES.write_text(text, encoding="utf-8")
    return failures.Failures(jobs={job: tuple(rows) for job, rows in found.items()})


MEASURES = (
    Measure("accuracy", _accuracy),
    Measure("sentfin", _sentfin, public=True),
    Measure("finqa", _finqa, public=True),
    Measure("linking", _linking),
    Measure("exam-dev", _development),
    Measure("speed", _speed),
    Measure("failures", _failures),
)
