"""The library on disk: built-in cases with their vectors and fits, and the user's own beside them.

``make`` writes the built-in library from planning's training folds; ``load`` reads it. Where the
user has cases, or another encoder than the one it was made with, vectors and fits are made anew and
kept in the finroute home by the digest of all they depend on.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from specialists.cases import shapes
from specialists.cases.case import Case
from specialists.cases.features import Array, Grams, beside
from specialists.cases.library import CaseLibrary
from specialists.cases.own import OwnCase
from specialists.cases.retrieve import ByVector, ByWords
from specialists.cases.shapes import Part, Shapes
from specialists.cases.variants import variants
from specialists.foundation.contracts import Value
from specialists.foundation.digests import digest, file_digest
from specialists.foundation.errors import RecordError
from specialists.workspace import home

if TYPE_CHECKING:
    from specialists.engines.encoder import Encoder

FOLDER = Path(__file__).parent.parent / "weights" / "cases"
RECORD, CASES, ARRAYS, WORDS = "library.json", "cases.jsonl", "arrays.npz", "grams.json"
EXAMPLES = 6_000
"""Examples of planning's training fold that a library is made from."""
SEED = 30_000_017
"""Of those examples: no other use of them has it."""
GRAMS = 2_500
"""Word n-grams that the classifier sees."""
OWN_WEIGHT = 5.0
"""How many built-in cases one of the user's counts as when the classifier is fitted."""


class Record(Value):
    """What a library was made of. Everything else in its folder is checked against it."""

    version: int = 1
    examples: int
    seed: int
    cases: int
    encoder: str
    """SHA-256 of the sentence encoder's weights; empty: it was made without."""
    files: dict[str, str]
    """SHA-256 of the other files."""


def make(
    out: Path = FOLDER,
    *,
    encoder: Encoder | None,
    examples: int = EXAMPLES,
    seed: int = SEED,
) -> Record:
    """Write the built-in library into a folder; deterministic in ``seed``.

    Args:
        encoder: makes the vectors; None: a library for BM25 alone.
        examples: drawn from planning's training fold; fewer cases come of them.
    """
    from specialists.cases.solved import cases

    return write(out, list(cases("train", examples, seed)), encoder, examples, seed)


def write(
    out: Path, cases: Sequence[Case], encoder: Encoder | None, examples: int, seed: int
) -> Record:
    """Write cases, their vectors and the fits over them; see ``make``."""
    texts = [case.question for case in cases]
    grams = Grams.of(texts, GRAMS)
    rows = grams.rows(texts)
    told = [case.shape for case in cases]
    arrays = _packed("words", shapes.fit(rows, told))
    if encoder is not None:
        vectors = encoder.encode(texts)
        arrays["vectors"] = vectors.astype(np.float16)
        arrays |= _packed("both", shapes.fit(beside(rows, vectors), told))
    out.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{case.model_dump_json(exclude_defaults=True)}\n" for case in cases)
    (out / CASES).write_text(lines, encoding="utf-8")
    (out / WORDS).write_text(json.dumps(grams.idf, ensure_ascii=False), encoding="utf-8")
    with (out / ARRAYS).open("wb") as file:
        np.savez(file, **arrays)
    record = Record(
        examples=examples,
        seed=seed,
        cases=len(cases),
        encoder=encoder.digest if encoder is not None else "",
        files={name: file_digest(out / name) for name in (CASES, WORDS, ARRAYS)},
    )
    (out / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return record


def load(
    folder: Path = FOLDER,
    *,
    encoder: Encoder | None,
    own: Sequence[OwnCase] = (),
    cache: Path | None = None,
) -> CaseLibrary | None:
    """The library of a folder with the user's cases; None where the folder holds none.

    Args:
        encoder: None: BM25 and word n-grams alone.
        cache: where new vectors and fits are kept; None: ``cases`` in the finroute home.

    Raises:
        RecordError: a file is missing or not the one its record speaks of.
    """
    if not (folder / RECORD).is_file():
        return None
    record = _record(folder)
    lines = (folder / CASES).read_text(encoding="utf-8").splitlines()
    cases = [Case.model_validate_json(line) for line in lines]
    grams = Grams(json.loads((folder / WORDS).read_text(encoding="utf-8")))
    with np.load(folder / ARRAYS) as file:
        arrays: dict[str, Any] = dict(file)
    known = encoder is not None and encoder.digest == record.encoder
    vectors: Array | None = arrays["vectors"].astype(np.float32) if known else None
    kind = "words" if encoder is None else "both"
    fitted = _unpacked(kind, arrays, cases) if encoder is None or known else None
    if own or fitted is None:
        own_cases = [*variants(own, cases), *(case.case for case in own)]
        grams = grams.extended([case.question for case in own_cases])
        key = digest([record.model_dump(), encoder.digest if encoder else "", _key(own)])
        place = (cache or home.home() / "cases") / f"{key[:16]}.npz"
        cases = [*cases, *own_cases]
        held = _cached(place, kind, cases)
        if held is None:
            weights = np.ones(len(cases))
            weights[len(cases) - len(own) :] = OWN_WEIGHT
            held = _renewed(cases, weights, encoder, vectors, grams, fitted)
            _keep(place, kind, *held)
        vectors, fitted = held
    texts = [case.question for case in cases]
    if encoder is None or vectors is None:
        return CaseLibrary(cases, ByWords(texts), grams, fitted, own)
    return CaseLibrary(cases, ByVector(encoder, vectors), grams, fitted, own)


def _key(own: Sequence[OwnCase]) -> list[str]:
    """What tells one set of own cases from another."""
    return [f"{case.name}:{case.case.id}" for case in own]


def _record(folder: Path) -> Record:
    record = Record.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    for name, expected in record.files.items():
        if file_digest(folder / name) != expected:
            raise RecordError(
                f"{folder / name} is not the file its {RECORD} speaks of; make the library again: "
                "finroute train release"
            )
    return record


def _renewed(
    cases: Sequence[Case],
    weights: npt.NDArray[np.float64],
    encoder: Encoder | None,
    vectors: Array | None,
    grams: Grams,
    before: Shapes | None,
) -> tuple[Array | None, Shapes]:
    """Vectors and fits with the user's cases."""
    texts = [case.question for case in cases]
    if encoder is not None:
        new = encoder.encode(texts if vectors is None else texts[len(vectors) :])
        vectors = new if vectors is None else np.vstack([vectors, new])
    rows = beside(grams.rows(texts), vectors)
    told = [case.shape for case in cases]
    return vectors, shapes.fit(rows, told, weights, before)


# --- arrays -------------------------------------------------------------------------------------


def _packed(kind: str, fitted: Shapes) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for number, part in enumerate(fitted.parts):
        arrays[f"{kind}{number}names"] = np.array(part.names)
        arrays[f"{kind}{number}weights"] = part.weights.astype(np.float16)
        arrays[f"{kind}{number}bias"] = part.bias
    return arrays


def _unpacked(kind: str, arrays: dict[str, Any], cases: Sequence[Case]) -> Shapes:
    parts = tuple(
        Part(
            tuple(map(str, arrays[f"{kind}{number}names"])),
            arrays[f"{kind}{number}weights"].astype(np.float32),
            arrays[f"{kind}{number}bias"],
        )
        for number in itertools.takewhile(lambda n: f"{kind}{n}names" in arrays, itertools.count())
    )
    return Shapes(tuple(dict.fromkeys(shapes.class_of(case.shape) for case in cases)), parts)


def _cached(place: Path, kind: str, cases: Sequence[Case]) -> tuple[Array | None, Shapes] | None:
    try:
        with np.load(place) as file:
            arrays: dict[str, Any] = dict(file)
    except (OSError, ValueError):
        return None
    vectors = arrays["vectors"].astype(np.float32) if "vectors" in arrays else None
    return vectors, _unpacked(kind, arrays, cases)


def _keep(place: Path, kind: str, vectors: Array | None, fitted: Shapes) -> None:
    arrays = _packed(kind, fitted)
    if vectors is not None:
        arrays["vectors"] = vectors.astype(np.float16)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(".tmp")
    with draft.open("wb") as file:
        np.savez(file, **arrays)
    draft.replace(place)
