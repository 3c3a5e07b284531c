"""The rule adopts what is shown to be worth having, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.decision.outcomes import Cube, Sheet
from evals.decision.rule import Expense, Judgement, Plan, holm, judge
from specialists.foundation.errors import DataError

QUESTIONS = 600
PLAN = Plan(
    start="start",
    needs={"sft": ("start",), "grpo": ("sft", "start")},
    controls=("placebo",),
    delta=0.03,
    alpha=0.05,
    aim=0.05,
    power=0.8,
    margins={},
    looks=(1.0,),
    futility=0.1,
    cost=0.0,
    p95=0.0,
    trained=frozenset({"sft", "grpo", "placebo"}),
    runs=3,
    questions=300,
    companies=40,
    planned=QUESTIONS,
)


def sheet(count: int = QUESTIONS, companies: int = 60, templates: int = 30) -> Sheet:
    rng = np.random.default_rng(1)
    return Sheet(
        tuple(f"q{n}" for n in range(count)),
        np.unique(rng.integers(companies, size=count), return_inverse=True)[1].astype(np.int64),
        np.unique(rng.integers(templates, size=count), return_inverse=True)[1].astype(np.int64),
    )


def cube(seed: int = 0, runs: int = 3, count: int = QUESTIONS, **shares: float) -> Cube:
    """Arms with so many right; questions differ in how hard they are."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.15, size=count)
    told = {"start": 0.5, "sft": 0.5, "grpo": 0.5, "placebo": 0.5} | shares
    arms = {}
    for arm, share in told.items():
        chance = np.clip(share + hard, 0, 1)
        size = (1 if arm == "start" else runs, count, 4)
        arms[arm] = (rng.random(size) < chance[None, :, None]).astype(float)
    return Cube(sheet(count), arms)


def why(made: Judgement) -> str:
    return "; ".join(made.reasons)


def test_a_clear_gain_over_all_it_is_held_against_is_adopted():
    made = judge(PLAN, cube(sft=0.56, grpo=0.68))
    assert (made.verdict, made.adopted) == ("adopt", "grpo")
    gain = made.gain("grpo", "start")
    assert gain.significant
    assert gain.estimate.low <= 0.18 <= gain.estimate.high


def test_a_gain_over_the_start_alone_is_not_enough():
    """It gained as much as gold dialogues for as long did: those are adopted."""
    made = judge(PLAN, cube(sft=0.65, grpo=0.65))
    assert (made.verdict, made.adopted) == ("adopt", "sft")


def test_a_gain_over_a_harmed_rival_is_not_enough():
    """GRPO beats an SFT that did harm; over the start it has nothing."""
    made = judge(PLAN, cube(sft=0.38, grpo=0.5))
    assert made.gain("grpo", "sft").estimate.low > 0
    assert made.adopted is None


def test_a_gain_too_small_to_be_worth_it_is_not_adopted():
    made = judge(replace(PLAN, delta=0.3), cube(sft=0.6, grpo=0.6))
    assert made.gain("sft", "start").significant
    assert not made.gain("sft", "start").big_enough
    assert made.verdict == "keep the start"


def test_no_gain_with_narrow_intervals_keeps_the_start():
    made = judge(replace(PLAN, delta=0.12, aim=0.2), cube())
    assert made.verdict == "keep the start"
    assert "sft against start" in why(made)


def test_no_gain_with_wide_intervals_is_insufficient_and_says_what_would_settle_it():
    made = judge(replace(PLAN, planned=300), cube(count=300, sft=0.53, grpo=0.53))
    assert made.verdict == "insufficient evidence"
    assert made.needs
    assert all("training runs" in need or "questions" in need for need in made.needs)


def test_the_cheapest_of_equals_is_adopted():
    arms = cube(sft=0.65, grpo=0.65)
    plan = replace(PLAN, needs={"sft": ("start",), "grpo": ("start",)})
    cheap = {"sft": Expense(1.0, 1.0, 0.1), "grpo": Expense(1.0, 1.0, 0.5)}
    told = judge(plan, arms, expenses=cheap | {"start": Expense(1.0, 1.0)})
    assert told.adopted == "sft"
    dear = {"sft": Expense(2.0, 1.0, 0.1), "grpo": Expense(1.0, 1.0, 0.5)}
    assert judge(plan, arms, expenses=dear | {"start": Expense(1.0, 1.0)}).adopted == "grpo"


def test_the_best_is_adopted_where_cheaper_ones_are_worse():
    plan = replace(PLAN, needs={"sft": ("start",), "grpo": ("start",)})
    cheap = {"sft": Expense(0.1, 1.0), "grpo": Expense(1.0, 1.0), "start": Expense(1.0, 1.0)}
    assert judge(plan, cube(sft=0.6, grpo=0.75), expenses=cheap).adopted == "grpo"


def test_a_guard_that_is_not_shown_to_hold_forbids():
    arms = cube(sft=0.65, grpo=0.5)
    plan = replace(PLAN, margins={"easy": 0.04})
    harmed = cube(seed=3, sft=0.42)
    made = judge(plan, arms, {"easy": harmed})
    assert made.verdict == "keep the start"
    assert "not shown to keep easy" in why(made)
    kept = cube(seed=3, start=0.9, sft=0.9, grpo=0.9)
    assert judge(plan, arms, {"easy": kept}).adopted == "sft"


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (Expense(2.0, 1.0), "2.00 × it"),
        (Expense(1.0, 3.0), "95th percentile of time"),
        (Expense(None, 1.0), "was not measured"),
    ],
)
def test_a_gate_that_is_not_passed_forbids(own, told):
    plan = replace(PLAN, needs={"sft": ("start",)}, cost=1.5, p95=1.5)
    expenses = {"start": Expense(1.0, 1.0), "sft": own}
    made = judge(plan, cube(sft=0.7), expenses=expenses)
    assert made.verdict == "keep the start"
    assert told in why(made)


def test_too_few_runs_decide_nothing():
    made = judge(PLAN, cube(runs=2, sft=0.65))
    assert made.verdict == "insufficient evidence"
    assert "2 training runs; 3 are needed" in why(made)


def test_an_adapter_that_exists_is_judged_as_it_is():
    made = judge(replace(PLAN, trained=frozenset()), cube(runs=1, sft=0.65))
    assert made.adopted == "sft"
    assert made.gain("sft", "start").estimate.run_sd is None


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, quick=True),
        replace(PLAN, questions=601),
        replace(PLAN, companies=61),
    ],
)
def test_little_evidence_is_described_and_decides_nothing(plan):
    made = judge(plan, cube(sft=0.8))
    assert (made.verdict, made.adopted) == ("descriptive only", None)


def test_a_control_that_gains_is_told_and_never_adopted():
    made = judge(PLAN, cube(placebo=0.8))
    assert made.adopted is None
    assert "the control placebo gained" in why(made)


def test_a_look_at_half_stops_where_everything_is_settled():
    plan = replace(PLAN, looks=(0.5, 1.0), needs={"sft": ("start",)}, controls=())
    early = judge(plan, cube(sft=0.75).first(300))
    assert early.looks[-1].stop == "efficacy"
    assert (early.verdict, early.stopped) == ("adopt", True)
    futile = judge(plan, cube(sft=0.35).first(300))
    assert (futile.looks[-1].stop, futile.adopted) == ("futility", None)
    undecided = judge(plan, cube(sft=0.53).first(300))
    assert not undecided.stopped
    whole = judge(plan, cube(sft=0.75))
    assert [look.questions for look in whole.looks] == [300, 600]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda c: Cube(c.sheet, {n: a for n, a in c.arms.items() if n != "sft"}),
            "of the arms sft",
        ),
        (lambda c: c.first(599), "599 questions are there; the looks are at 600"),
    ],
)
def test_broken_data_gives_no_verdict(change, told):
    with pytest.raises(DataError, match=told):
        judge(PLAN, change(cube()))


def test_a_guard_without_samples_gives_no_verdict():
    with pytest.raises(DataError, match="no samples of the guards easy"):
        judge(replace(PLAN, margins={"easy": 0.04}), cube())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_what_is_adopted_was_shown(seed, sft, grpo):
    made = judge(replace(PLAN, planned=300), cube(seed=seed, count=300, sft=sft, grpo=grpo))
    if made.adopted:
        gains = [g for g in made.gains if g.arm == made.adopted]
        assert all(g.significant and g.big_enough and g.adjusted < 0.05 for g in gains)
        assert {g.against for g in gains} >= {"start"}
    else:
        assert made.verdict != "adopt"
    assert made.reasons


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_that_of_statsmodels(values):
    from statsmodels.stats.multitest import multipletests

    ours = holm({str(place): p for place, p in enumerate(values)})
    theirs = multipletests(values, method="holm")[1]
    assert [ours[str(place)] for place in range(len(values))] == pytest.approx(list(theirs))
