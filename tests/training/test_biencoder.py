"""The bi-encoder over a tiny base: made, saved, served; and the coefficients of the ranking."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from specialists.engines.biencoder import BiEncoder, prepared, similarity
from specialists.workspace import evidence
from specialists.workspace.ranking import Line
from training import biencoder
from training.biencoder import BiencoderRecipe, Pair
from training.ranking import kept_apart

LABELS = (
    "net sales",
    "interest expense",
    "prepaid rent",
    "goodwill",
    "treasury stock",
    "royalties",
)


def test_what_is_trained_is_what_is_served(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [
        Pair(f"how large was {label} in 2021 ?", (label,), tuple(x for x in LABELS if x != label))
        for label in LABELS
    ]
    monkeypatch.setattr(biencoder, "pairs", lambda data: (pairs, pairs))
    recipe = BiencoderRecipe(seconds=3.0, rank=4, dim=16, questions=4, longest=24)
    out = tmp_path / "links"
    found = biencoder.train(tiny_base, tmp_path, out, recipe=recipe, say=lambda text: None)
    assert found["steps"] > 0
    assert found["reload_error"] < biencoder.TOLERANCE
    served = BiEncoder.load(tiny_base, out)
    vectors = served.encode(["Net sales", "goodwill", ""])
    assert vectors.shape == (3, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)
    cosines = similarity(served, "goodwill", ["goodwill", "royalties"])
    assert cosines[0] == pytest.approx(1.0, abs=1e-4)


def test_texts_are_prepared_as_the_base_reads_them() -> None:
    assert prepared("Acme’s R&D, 2021") == "acme 's r & d , 2021"


def test_names_of_measures_are_questions_and_labels_answers() -> None:
    names = biencoder.synonyms()
    assert len(names) > 1000
    assert Pair("top line", ("revenue", "revenue"), name=True) in names


@pytest.mark.skipif("FINROUTE_DATA" not in os.environ, reason="FINROUTE_DATA is not set")
def test_no_page_is_learned_from_and_kept_apart() -> None:
    asked = evidence.read(Path(os.environ["FINROUTE_DATA"]), "train", "tatqa")
    sides: dict[tuple[Line, ...], set[bool]] = {}
    for one in itertools.islice(asked, 150):
        sides.setdefault(one.lines, set()).add(kept_apart(one))
    assert all(len(side) == 1 for side in sides.values())
    assert {True, False} == set().union(*sides.values())
