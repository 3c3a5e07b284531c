from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evals.serving.goodput import Slo, goodput
from evals.serving.requests import Load, Request, Trial


def request(**told: object) -> Request:
    return Request.model_validate({"question": "q", "seconds": 0.4, **told})


def trial(*requests: Request, seconds: float = 2.0) -> Trial:
    return Trial(
        arm="a", load=Load(kind="open", level=1), duration_s=seconds, requests=tuple(requests)
    )


def test_a_request_is_good_when_it_meets_every_limit() -> None:
    slo = Slo(ttft_ms=100, tpot_ms=10, e2el_ms=500)
    good = request(ttft_s=0.1, tpot_s=0.01, right=True)
    slow = [
        good.model_copy(update=late)
        for late in ({"ttft_s": 0.11}, {"tpot_s": 0.011}, {"seconds": 0.6}, {"error": "broke"})
    ]
    found = goodput(trial(good, *slow), slo)
    assert (found.good, found.count, found.share, found.per_second) == (1, 5, 0.2, 0.5)
    assert found.low < 0.2 < found.high


def test_as_vllm_counts_one_token_has_no_time_per_token() -> None:
    assert Slo(tpot_ms=1).met(request(tpot_s=None))
    assert Slo(ttft_ms=1).met(request(ttft_s=None))


def test_right_counts_where_it_is_judged() -> None:
    slo = Slo(e2el_ms=500)
    assert goodput(trial(request(right=True), request(right=False)), slo).right_per_second == 0.5
    assert goodput(trial(request(right=True), request()), slo).right_per_second is None


def test_an_objective_without_limits_is_none() -> None:
    with pytest.raises(ValidationError, match="at least one"):
        Slo()


@settings(deadline=None)
@given(st.lists(st.floats(0, 2), max_size=30), st.floats(0, 2000), st.floats(0, 500))
def test_wider_limits_are_met_by_no_fewer(times: list[float], ms: float, more: float) -> None:
    of = trial(*(request(seconds=t) for t in times))
    assert goodput(of, Slo(e2el_ms=ms)).good <= goodput(of, Slo(e2el_ms=ms + more)).good
    assert goodput(of, Slo(e2el_ms=ms)).share <= 1
