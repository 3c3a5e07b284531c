from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.serving.portfolio import Choice, Limits, Traffic, best, front, nobody
from specialists.foundation.errors import ConfigError

JOBS = ("planning", "table_qa", "calculation")
TRAFFIC = Traffic(
    plans=(("planning", "table_qa"),) * 6
    + (("planning", "table_qa", "table_qa", "calculation"),) * 3
    + (("planning",),)
)


def choice(job: str, arm: str, right: int, usd: float, seconds: float = 0.1) -> Choice:
    return Choice(
        job=job,
        arm=arm,
        right=right,
        count=100,
        usd=usd,
        seconds=(seconds,),
        model="base" if arm != "hosted" else "",
        model_bytes=1_000,
        adapter_bytes=10 if arm == "adapter" else 0,
    )


CHOICES = [
    *(choice(job, "adapter", 95, 1e-4) for job in JOBS),
    *(choice(job, "base", 80, 1e-4) for job in JOBS),
    *(choice(job, "hosted", 97, 5e-3, 1.0) for job in JOBS),
    *nobody(JOBS),
]


def test_figures_are_what_they_say() -> None:
    found = best(CHOICES, TRAFFIC, Limits(p95_s=0.9))
    chosen = found.portfolio
    assert chosen is not None
    assert found.exact
    assert found.tried == 64
    assert chosen.arms == dict.fromkeys(JOBS, "adapter")
    a = 0.95
    assert chosen.accuracy == pytest.approx(0.6 * a**2 + 0.3 * a**4 + 0.1 * a)
    assert chosen.low < chosen.accuracy < chosen.high
    assert chosen.usd_per_1000 == pytest.approx(1e3 * 1e-4 * (0.6 * 2 + 0.3 * 4 + 0.1))
    assert chosen.memory_bytes == 1_000 + 30
    assert chosen.p95_s == pytest.approx(0.4)
    assert TRAFFIC.shares == {"calculation": 0.3, "planning": 1.0, "table_qa": 0.9}


def test_budgets_bind() -> None:
    rich = best(CHOICES, TRAFFIC).portfolio
    assert rich is not None
    assert set(rich.arms.values()) == {"hosted"}
    poor = best(CHOICES, TRAFFIC, Limits(usd_per_1000=0.0)).portfolio
    assert poor is not None
    assert poor.accuracy == 0
    small = best(CHOICES, TRAFFIC, Limits(memory_bytes=1_010, usd_per_1000=1.0)).portfolio
    assert small is not None
    assert sorted(small.arms.values()).count("adapter") == 1
    assert best(CHOICES[:3], TRAFFIC, Limits(usd_per_1000=0.0)).portfolio is None


def test_the_front_has_no_one_beaten() -> None:
    found = best(CHOICES, TRAFFIC)
    for one, other in product(found.front, found.front):
        if one is not other:
            assert not (
                one.accuracy >= other.accuracy
                and one.usd_per_1000 <= other.usd_per_1000
                and one.p95_s <= other.p95_s
            )
    assert found.portfolio in found.front
    assert found.surest is not None
    assert found.surest > 0.3
    assert front([]) == ()


amount = st.integers(0, 8)
drawn = st.lists(st.tuples(st.integers(0, 100), amount), min_size=2, max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(drawn, min_size=3, max_size=3), st.floats(0, 25), st.floats(0, 10))
def test_never_worse_than_any_set_within_the_budget_and_more_money_never_hurts(
    told: list[list[tuple[int, int]]], usd: float, more: float
) -> None:
    choices = [
        choice(job, str(n), right, cents / 1e3)
        for job, arms in zip(JOBS, told, strict=True)
        for n, (right, cents) in enumerate(arms)
    ]
    found = best(choices, TRAFFIC, Limits(usd_per_1000=usd))
    every = product(*([c for c in choices if c.job == job] for job in JOBS))
    fit: list[float] = []
    for combination in every:
        by_job = {c.job: c for c in combination}
        plans = [[by_job[job] for job in plan] for plan in TRAFFIC.plans]
        if 1e3 * sum(c.usd for plan in plans for c in plan) / len(plans) <= usd:
            fit.append(sum(prod(c.accuracy for c in plan) for plan in plans) / len(plans))
    assert (found.portfolio is None) == (not fit)
    if found.portfolio is not None:
        assert found.portfolio.accuracy == pytest.approx(max(fit))
        richer = best(choices, TRAFFIC, Limits(usd_per_1000=usd + more)).portfolio
        assert richer is not None
        assert richer.accuracy >= found.portfolio.accuracy - 1e-12


def test_beyond_the_limit_a_bound_is_told() -> None:
    for limits in (Limits(), Limits(usd_per_1000=1.0)):
        exact = best(CHOICES, TRAFFIC, limits)
        greedy = best(CHOICES, TRAFFIC, limits, limit=10)
        assert not greedy.exact
        assert exact.portfolio is not None
        assert greedy.portfolio is not None
        assert greedy.portfolio.within(limits)
        assert greedy.portfolio.accuracy <= exact.portfolio.accuracy + 1e-12 <= greedy.bound + 1e-9


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="nobody is there"):
        best(CHOICES[:1], TRAFFIC)
    with pytest.raises(ConfigError, match="named alike"):
        best([*CHOICES, CHOICES[0]], TRAFFIC)
    with pytest.raises(ConfigError, match="no question"):
        best(CHOICES, Traffic(plans=()))
