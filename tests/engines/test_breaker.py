"""The circuit breaker: closed, open, half-open, and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from specialists.engines.breaker import Breaker, BreakerSettings


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock, **settings: float) -> Breaker:
    return Breaker(BreakerSettings.model_validate(settings), clock=clock)


def test_failures_in_a_row_open_it() -> None:
    made = breaker(Clock(), trip_after=3)
    for _ in range(2):
        made.failed(made.enter())
    made.succeeded(made.enter())
    for _ in range(2):
        made.failed(made.enter())
    assert made.state == "closed"
    made.failed(made.enter())
    assert made.state == "open"
    assert "10.0 s" in made.obstacle


def test_a_share_of_failures_opens_it_once_the_window_is_full() -> None:
    made = breaker(Clock(), trip_after=5, trip_share=0.5, window=10)
    for n in range(10):
        assert made.state == "closed"
        (made.failed if n % 2 else made.succeeded)(made.enter())
    assert made.state == "open"


def test_one_probe_after_a_while_closes_it() -> None:
    clock = Clock()
    made = breaker(clock, trip_after=1, open_s=10)
    made.failed(made.enter())
    clock.now = 9.9
    assert made.state == "open"
    clock.now = 10.0
    assert made.state == "half-open"
    assert not made.obstacle
    probe = made.enter()
    assert "tried" in made.obstacle
    made.succeeded(probe)
    assert made.state == "closed"


def test_a_failed_probe_opens_it_for_as_long_again() -> None:
    clock = Clock()
    made = breaker(clock, trip_after=5, open_s=10)
    for _ in range(5):
        made.failed(made.enter())
    clock.now = 10.0
    made.failed(made.enter())
    assert made.wait_s == 10.0


def test_a_probe_that_was_left_says_nothing() -> None:
    clock = Clock()
    made = breaker(clock, trip_after=1, open_s=10)
    made.failed(made.enter())
    clock.now = 10.0
    made.left(made.enter(), waited_s=0.1)
    assert made.state == "half-open"
    assert not made.obstacle


def test_stragglers_judge_nothing() -> None:
    clock = Clock()
    made = breaker(clock, trip_after=1, open_s=10)
    before = [made.enter() for _ in range(3)]
    made.failed(before[0])
    made.succeeded(before[1])
    assert made.state == "open"
    clock.now = 10.0
    made.succeeded(made.enter())
    made.failed(before[2])
    assert made.state == "closed"


def test_callers_that_leave_a_silent_server_count() -> None:
    made = breaker(Clock(), trip_after=2, stalled_s=30)
    for _ in range(5):
        made.left(made.enter(), waited_s=29)
    assert made.state == "closed"
    for _ in range(2):
        made.left(made.enter(), waited_s=30)
    assert made.state == "open"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["enter", "succeeded", "failed", "left", "wait"]), st.integers(0, 9)
        ),
        max_size=80,
    )
)
def test_open_admits_nobody_and_half_open_one(events: list[tuple[str, int]]) -> None:
    clock = Clock()
    made = breaker(clock, trip_after=2, window=4, open_s=5)
    calls: list[int] = []
    probes = 0  # calls let in since it last opened
    for event, number in events:
        opened = made.state != "closed"
        if event == "wait":
            clock.now += number
        elif event == "enter":
            if not made.obstacle:
                assert made.state != "open"
                probes = probes + 1 if opened else 0
                assert probes <= 1
                calls.append(made.enter())
        elif calls:
            call = calls.pop(number % len(calls))
            if event == "left":
                made.left(call, waited_s=0)
            else:
                getattr(made, event)(call)
            if not made.obstacle or made.state == "open":
                probes = 0  # the probe is over, one way or another
        assert made.wait_s <= 5
