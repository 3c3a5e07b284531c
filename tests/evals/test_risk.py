from __future__ import annotations

import numpy as np
import pytest

from evals.intervals import clopper_pearson, paired
from evals.risk import GRID, NEVER, learn, p_value


def test_the_exact_bound_of_no_hits_is_the_rule_of_three() -> None:
    low, high = clopper_pearson(0, 100)
    assert low == 0
    assert high == pytest.approx(1 - 0.05 ** (1 / 100))
    assert clopper_pearson(100, 100)[1] == 1
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_exact_bounds_enclose_the_share_and_mirror() -> None:
    low, high = clopper_pearson(7, 50)
    assert low < 7 / 50 < high
    mirrored = clopper_pearson(43, 50)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


def test_few_wrong_of_many_prove_a_small_risk() -> None:
    assert p_value(0, 99, 0.03) < 0.05 < p_value(0, 98, 0.03)
    assert p_value(3, 300, 0.03) < 0.05 < p_value(4, 300, 0.03)
    assert p_value(0, 0, 0.03) == 1


def test_the_lowest_threshold_that_is_proved_is_learned() -> None:
    sure = [0.9] * 150 + [0.6] * 50 + [None] * 100
    wrong = [False] * 150 + [True] * 10 + [False] * 140
    found = learn(sure, wrong, 0.03)
    assert 0.6 < found.confidence <= 0.9
    assert (found.wrong, found.given) == (0, 150)
    assert found.p <= 0.05


def test_withheld_answers_and_silence_are_never_wrong() -> None:
    sure = [0.9] * 20 + [None] * 280
    found = learn(sure, [False] * 300, 0.03)
    assert found.confidence == min(GRID)
    assert found.given == 20


def test_too_few_questions_prove_nothing() -> None:
    assert learn([0.9] * 50, [False] * 50, 0.03).confidence == NEVER


def test_each_group_by_itself_must_hold() -> None:
    sure = [0.9] * 500 + [0.9] * 100
    wrong = [False] * 500 + [True] * 3 + [False] * 97
    groups = ["generated"] * 500 + ["dev"] * 100
    assert learn(sure, wrong, 0.03).confidence < 0.9
    assert learn(sure, wrong, 0.03, groups=groups).confidence > 0.9


def test_the_promise_holds_in_most_repetitions() -> None:
    """Of 60 calibrations on fresh draws, few choose a threshold whose true risk is too large."""
    rng = np.random.default_rng(5)
    broken = 0
    for _ in range(60):
        sure = rng.uniform(0, 1, 400)
        wrong = rng.uniform(0, 1, 400) < 0.3 * (1 - sure)
        level = learn(sure.tolist(), wrong.tolist(), 0.05).confidence
        true = 0.15 * (1 - level) ** 2 if level <= 1 else 0.0
        broken += true > 0.05
    assert broken <= 8


def test_arms_are_compared_on_the_same_questions() -> None:
    ours = [True] * 80 + [False] * 20
    theirs = [True] * 60 + [False] * 40
    found = paired(ours, theirs)
    assert found.difference == pytest.approx(0.2)
    assert 0.1 < found.low < 0.2
    assert found.p == pytest.approx(0.5**20)
    same = paired(ours, ours)
    assert (same.difference, same.low, same.p) == (0, 0, 1)
    assert paired(theirs, ours).low < 0
