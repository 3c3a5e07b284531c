"""N-grams and shapes: what the classifier sees, and what it makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.cases import shapes
from specialists.cases.features import Grams, beside
from specialists.cases.shapes import SEVERAL, fit, parts

ABOVE = ["which firms had at least 3", "who had at least 3", "firms of at least 3 please"]
BELOW = ["which firms had at most 3", "who had at most 3", "firms of at most 3 please"]
GROWTH = ["how fast did revenue grow", "growth of revenue", "revenue growth please"]
TEXTS = [*ABOVE, *BELOW, *GROWTH]
SHAPES = ["which above"] * 3 + ["which below"] * 3 + ["growth"] * 3


def test_rows_have_length_one_and_know_no_new_words():
    grams = Grams.of(TEXTS, 100)
    rows = grams.rows([*TEXTS, "zzz yyy"])
    np.testing.assert_allclose(np.linalg.norm(rows[:-1], axis=1), 1, atol=1e-6)
    assert rows[-1, 0] >= 0
    assert "which firms" in grams.idf
    assert "fast did" not in grams.idf  # one text alone has it


def test_extended_keeps_the_places_of_what_was_known():
    grams = Grams.of(TEXTS, 100)
    wide = grams.extended(["the vornet ratio"])
    assert list(wide.idf)[: len(grams.idf)] == list(grams.idf)
    assert wide.rows(["vornet"])[0].sum() > 0
    np.testing.assert_array_equal(wide.rows(TEXTS)[:, : len(grams.idf)], grams.rows(TEXTS))


def test_both_views_stand_side_by_side():
    grams = Grams.of(TEXTS, 100).rows(TEXTS)
    vectors = np.ones((len(TEXTS), 4), dtype=np.float32)
    assert beside(grams, vectors).shape == (9, 4 + grams.shape[1])
    assert beside(grams, None) is grams


def test_a_shape_is_told_apart_by_part():
    assert parts("which above growth share ~") == ("which", "above", "growth", "share", "~")
    assert parts("get ; press") == (SEVERAL, "-", "-", "-", "-")
    assert parts("none")[0] == "none"


def test_only_shapes_that_some_case_has_are_answered():
    rows = Grams.of(TEXTS, 100).rows(TEXTS)
    fitted = fit(rows, SHAPES)
    for row, shape in zip(rows, SHAPES, strict=True):
        told = fitted.probabilities(row)
        assert next(iter(told)) == shape
        assert set(told) == {"which above", "which below", "growth"}
        assert sum(told.values()) == pytest.approx(1)


def test_a_fit_goes_on_from_an_earlier_one_with_a_new_class_and_new_features():
    grams = Grams.of(TEXTS, 100)
    before = fit(grams.rows(TEXTS), SHAPES)
    texts, told = [*TEXTS, "what is the vornet"], [*SHAPES, "@vornet"]
    wide = grams.extended(["vornet"])
    weights = np.array([1.0] * 9 + [5.0])
    after = fit(wide.rows(texts), told, weights, before)
    assert next(iter(after.probabilities(wide.rows(["tell me the vornet"])[0]))) == "@vornet"
    assert next(iter(after.probabilities(wide.rows([GROWTH[1]])[0]))) == "growth"


def test_one_shape_alone_is_certain():
    rows = Grams.of(TEXTS, 100).rows(TEXTS[:3])
    assert fit(rows, ["get"] * 3).probabilities(rows[0]) == {"get": pytest.approx(1)}
    assert shapes.class_of("get ; press") == SEVERAL
