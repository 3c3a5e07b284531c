from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.confidence import Signals, confidence, doubt, interpolate, joint, mean, merge
from specialists.foundation.records import Calibration


def calibration(**fields: object) -> Calibration:
    told = {
        "specialist": "s",
        "adapter": None,
        "knots": ((-2.0, 0.1), (-1.0, 0.5), (0.0, 0.9)),
        "fold": "dev",
        "count": 10,
    }
    return Calibration.model_validate({**told, **fields})


def test_without_log_probabilities_there_is_no_confidence() -> None:
    assert confidence([]) is None
    assert confidence([], calibration()) is None


def test_signals_merge_to_all_that_is_known_the_later_over_the_earlier() -> None:
    words = Signals(log_probability=-0.5, mean_log_probability=-0.1, checks=True)
    task = Signals(vote=False, link=0.0, checks=None)
    merged = merge(words, task)
    assert merged == Signals(
        log_probability=-0.5, mean_log_probability=-0.1, checks=True, vote=False, link=0.0
    )
    assert merge(words, Signals(checks=False)).checks is False


def test_uncalibrated_it_is_the_models_own_probability() -> None:
    assert confidence([math.log(0.5), math.log(0.8)]) == pytest.approx(0.4)


def test_calibrated_by_the_joint_or_the_mean() -> None:
    values = [-0.5, -1.0]
    assert confidence(values, calibration()) == pytest.approx(0.3)
    assert confidence(values, calibration(feature="mean")) == pytest.approx(0.6)
    assert joint(values) == -1.5
    assert mean(values) == -0.75


@given(st.floats(-50, 5), st.floats(-50, 5))
def test_more_probable_is_never_less_confident(a: float, b: float) -> None:
    knots = calibration().knots
    low, high = sorted((a, b))
    assert 0.1 <= interpolate(knots, low) <= interpolate(knots, high) <= 0.9


def test_knots_are_met_and_ends_are_flat() -> None:
    knots = calibration().knots
    assert [interpolate(knots, x) for x in (-9, -2, -1, 0, 9)] == [0.1, 0.1, 0.5, 0.9, 0.9]


def test_doubt_is_told_below_the_threshold_alone() -> None:
    strict = calibration(threshold=0.6)
    assert doubt(0.6, strict) == ""
    assert "(59%, at least 60% needed)" in doubt(0.59, strict)
    assert doubt(0.0, None) == doubt(None, strict) == ""
