from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.confidence import (
    FLOOR,
    confidence,
    doubt,
    features,
    joint,
    log_odds,
    mean,
    merge,
    predict,
)
from specialists.foundation.contracts import Signals
from specialists.foundation.records import Calibration, Logistic

BOTH = Logistic(
    intercept=0.5,
    weights={"words": 1.0, "doubtless": 0.5, "vote": 2.0},
    usual={"words": -1.0, "doubtless": 1.0, "vote": 0.0},
)


def calibration(**fields: object) -> Calibration:
    told = {"specialist": "s", "adapter": None, "logistic": BOTH, "fold": "dev", "count": 10}
    return Calibration.model_validate({**told, **fields})


def test_signals_merge_to_all_that_is_known_the_later_over_the_earlier() -> None:
    words = Signals(log_probability=-0.5, mean_log_probability=-0.1, checks=True)
    task = Signals(vote=False, link=0.0, checks=None)
    merged = merge(words, task)
    assert merged == Signals(
        log_probability=-0.5, mean_log_probability=-0.1, checks=True, vote=False, link=0.0
    )
    assert merge(words, Signals(checks=False)).checks is False


def test_without_log_probabilities_there_is_no_confidence() -> None:
    assert confidence(Signals()) is None
    assert confidence(Signals(vote=True), calibration()) is None


def test_uncalibrated_it_is_the_models_own_probability() -> None:
    values = [math.log(0.5), math.log(0.8)]
    assert joint(values) == pytest.approx(math.log(0.4))
    assert mean(values) == pytest.approx(math.log(0.4) / 2)
    assert confidence(Signals(log_probability=joint(values))) == pytest.approx(0.4)


def test_calibrated_it_is_the_logistic_of_what_is_known() -> None:
    half = Signals(log_probability=math.log(0.5), vote=True)
    odds = 0.5 + (math.log(0.5) + 1) + 0.5 * (math.log(2) - 1) + 2
    assert confidence(half, calibration()) == pytest.approx(1 / (1 + math.exp(-odds)))


def test_what_is_not_known_stands_at_its_usual_value() -> None:
    told = {"words": -1.0, "doubtless": 1.0}
    assert predict(BOTH, told) == predict(BOTH, {**told, "vote": 0.0}) == predict(BOTH, {})


def test_features_are_of_what_is_known_and_bounded() -> None:
    assert features(Signals(checks=True)) == {}
    told = features(
        Signals(
            log_probability=0.0, vote=False, vote_probability=1.0, agreement=0.5, similarity=-0.2
        )
    )
    assert told == {
        "words": 0.0,
        "doubtless": FLOOR,
        "vote": -1.0,
        "vote_odds": FLOOR,
        "agreement": 0.5,
        "similarity": -0.2,
    }
    assert features(Signals(log_probability=-900.0))["words"] == -FLOOR
    assert log_odds(0.0) == -FLOOR
    assert log_odds(0.5) == 0


@given(st.floats(-50, 0), st.floats(-50, 0))
def test_more_probable_is_never_less_confident(a: float, b: float) -> None:
    low, high = sorted((a, b))
    unsure = confidence(Signals(log_probability=low), calibration())
    sure = confidence(Signals(log_probability=high), calibration())
    assert unsure is not None
    assert sure is not None
    assert 0 <= unsure <= sure <= 1


def test_doubt_is_told_below_the_threshold_alone() -> None:
    strict = calibration(threshold=0.6)
    assert doubt(0.6, strict) == ""
    assert "(59%, at least 60% needed)" in doubt(0.59, strict)
    assert doubt(0.0, None) == doubt(None, strict) == ""
