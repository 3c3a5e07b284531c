"""Accept, retry, escalate, abstain: the whole table."""

import pytest

from router.cascade import CascadeSettings, decide

SURE = CascadeSettings(accept=0.7, attempts=2)


@pytest.mark.parametrize(
    ("status", "confidence", "attempts", "large", "verdict"),
    [
        ("ok", 0.9, 1, True, "accept"),
        ("ok", 0.7, 1, True, "accept"),
        ("ok", None, 1, True, "accept"),
        ("ok", 0.69, 1, True, "retry"),
        ("ok", 0.69, 2, True, "escalate"),
        ("ok", 0.69, 2, False, "abstain"),
        ("failed", None, 1, True, "retry"),
        ("failed", None, 2, True, "escalate"),
        ("failed", None, 2, False, "abstain"),
        ("abstained", None, 1, True, "escalate"),
        ("abstained", 0.99, 1, False, "abstain"),
    ],
)
def test_the_policy(status, confidence, attempts, large, verdict):
    found = decide(SURE, status=status, confidence=confidence, attempts=attempts, large=large)
    assert found == verdict


def test_by_default_the_calibration_alone_decides():
    settings = CascadeSettings()
    assert decide(settings, status="ok", confidence=0.0, attempts=1, large=False) == "accept"
    assert decide(settings, status="failed", confidence=None, attempts=1, large=False) == "abstain"


@pytest.mark.parametrize(("attempts", "verdict"), [(1, "retry"), (2, "retry"), (3, "abstain")])
def test_a_refused_answer_is_drawn_again_where_its_check_may_choose(attempts, verdict):
    settings = CascadeSettings(samples=3)
    found = decide(
        settings,
        status="abstained",
        confidence=0.4,
        attempts=attempts,
        large=False,
        resample=True,
    )
    assert found == verdict
