"""Worlds are what they say, and the rule's power in them is what can be known of it otherwise."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from evals.decision.design import Arm, Contrast, Design, Guard, Paper
from evals.decision.power import (
    Share,
    Sizes,
    by_formula,
    decide,
    least,
    needed,
    of_design,
    planned,
    questions_by_formula,
    simulate,
    worlds,
)
from evals.decision.power_commands import power
from evals.decision.rule import Plan
from evals.decision.scenario import Scenario
from specialists.foundation.errors import ConfigError

EVEN = {"company_sd": 0.0, "template_sd": 0.0, "question_sd": 0.0, "difficulty": 0.0}


def design(*, candidates: int = 1, runs: int = 5, guards: tuple[Guard, ...] = ()) -> Design:
    names = [f"arm {n + 1}" for n in range(candidates)]
    return Design(
        specialist="simulated",
        study="simulated",
        start="start",
        arms=tuple(Arm(name=name, runs=runs) for name in ("start", *names)),
        contrasts=tuple(Contrast(arm=name, against="start") for name in names),
        papers=(Paper(name="test"),),
        guards=guards,
    )


def scenario(*, runs: int = 5, **changed: object) -> Scenario:
    return Scenario.model_validate({"runs": {"start": runs, "arm 1": runs}, **changed})


def means(world: Scenario, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """(count, S) accuracies of each arm's runs, points."""
    cubes = list(world.cubes(count, seed))
    return {
        arm: 100 * np.array([c.arms[arm].mean(axis=(1, 2)) for c in cubes]) for arm in world.runs
    }


# --- worlds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [20.0, 45.0, 80.0])
def test_the_gain_is_the_one_asked_for(start):
    world = scenario(start=start, gains={"arm 1": 5.0}, run_sd=2.0, template_sd=10.0, runs=3)
    found = means(world, 400)
    gains = (found["arm 1"] - found["start"]).mean(axis=1)
    starts = found["start"].mean(axis=1)
    assert gains.mean() == pytest.approx(5.0, abs=3 * gains.std() / 20)
    assert starts.mean() == pytest.approx(start, abs=3 * starts.std() / 20)
    assert world.gain("arm 1", "start") == pytest.approx(0.05)


def test_runs_differ_as_told_and_fixed_weights_do_not():
    world = scenario(
        runs=2, run_sd=2.4, samples=400, questions=400, fixed=frozenset({"start"}), **EVEN
    )
    found = means(world, 600)
    noise = 100 * np.sqrt(0.25 / 400 / 400)
    assert found["arm 1"].std() == pytest.approx(2.4, rel=0.08)
    assert found["start"].std() == pytest.approx(noise, rel=0.08)


@pytest.mark.parametrize("source", ["company", "template"])
def test_gains_differ_between_clusters_as_told(source):
    world = scenario(
        runs=1, run_sd=0.0, samples=400, questions=400, **{**EVEN, f"{source}_sd": 8.0}
    )
    spread: list[float] = []
    for cube in world.cubes(60, 3):
        gap = 100 * (cube.arms["arm 1"] - cube.arms["start"])[0, :, 0]
        codes = cube.sheet.companies if source == "company" else cube.sheet.templates
        groups = np.bincount(codes, gap) / np.bincount(codes)
        spread.append(groups.var(ddof=1))
    assert np.sqrt(np.mean(spread)) == pytest.approx(8.0, rel=0.06)


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 90), st.integers(2, 9), st.integers(1, 4), st.integers(1, 5))
def test_cubes_have_even_clusters_and_shares_of_whole_samples(questions, companies, runs, samples):
    world = scenario(questions=questions, companies=companies, runs=runs, samples=samples)
    (cube,) = world.cubes(1, 5)
    sizes = np.bincount(cube.sheet.companies)
    assert len(sizes) == companies
    assert sizes.max() - sizes.min() <= 1
    for scores in cube.arms.values():
        assert scores.shape == (runs, questions, 1)
        assert np.allclose(scores * samples, np.round(scores * samples))
        assert 0 <= scores.min() <= scores.max() <= 1


def test_the_same_seed_is_the_same_world():
    first, again, other = (next(scenario().cubes(1, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.arms["arm 1"], again.arms["arm 1"])
    assert not np.array_equal(first.arms["arm 1"], other.arms["arm 1"])


def test_worlds_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="not there: nobody"):
        next(scenario(gains={"nobody": 3.0}).cubes(1, 0))
    with pytest.raises(ConfigError, match="cannot be drawn"):
        next(scenario(start=96.0, gains={"arm 1": 5.0}).cubes(1, 0))


# --- power --------------------------------------------------------------------------------------


def test_power_rises_with_the_gain_and_is_at_most_a_half_at_delta():
    plan = Plan.of(design(), 600)
    found = [
        simulate(plan, scenario(gains={"arm 1": gain}), simulations=80).adopted["arm 1"].share
        for gain in (0.0, 3.0, 5.0, 8.0)
    ]
    assert found == sorted(found)
    assert found[0] <= 0.05
    assert found[1] <= 0.5 + 2 * np.sqrt(0.25 / 80)
    assert found[2] > 0.8
    assert found[3] > 0.98


def test_a_large_gain_needs_half_of_the_questions():
    (cube,) = scenario(gains={"arm 1": 12.0}, run_sd=0.5).cubes(1, 0)
    judged = decide(Plan.of(design(), 600), cube)
    assert judged.adopted == "arm 1"
    assert (judged.looks[-1].share, judged.looks[-1].stop) == (0.5, "efficacy")


def test_verdicts_add_up_and_looks_save_questions():
    found = simulate(Plan.of(design(), 600), scenario(), simulations=60)
    adopted = sum(share.share for share in found.adopted.values())
    assert adopted + found.insufficient.share + found.kept.share == pytest.approx(1)
    assert 0 < found.saved <= 0.5


def test_harm_on_a_guard_keeps_an_arm_out():
    guard = Guard(paper=Paper(name="old", count=600), margin=4.0)
    plan = Plan.of(design(guards=(guard,)), 600)
    world = scenario(gains={"arm 1": 10.0})
    harmed = {"old": scenario(gains={"arm 1": -4.0})}
    harmless = {"old": scenario()}
    assert simulate(plan, world, harmed, simulations=60).adopted["arm 1"].share <= 0.15
    assert simulate(plan, world, harmless, simulations=60).adopted["arm 1"].share > 0.8


def test_no_simulation_tells_nothing():
    with pytest.raises(ConfigError, match="tell nothing"):
        simulate(Plan.of(design(), 600), scenario(), simulations=0)


@given(st.integers(0, 400), st.integers(1, 400))
def test_a_share_of_none_or_all_is_not_certain(hits, more):
    share = Share.of(hits, hits + more)
    assert 0 < share.error < 0.5
    assert share.share == hits / (hits + more)


@given(st.floats(0.01, 0.3), st.floats(0.0, 0.25), st.integers(1, 20), st.floats(0.01, 0.1))
def test_the_formula_is_that_of_statsmodels(variance, noise, samples, gain):
    spread = np.sqrt(variance + 2 * noise / samples)
    asked = NormalIndPower().solve_power(gain / spread, alpha=0.05, power=0.8, ratio=0)
    # theirs counts rejections on the wrong side too: next to none at this power
    assert questions_by_formula(variance, noise, samples, gain) == pytest.approx(
        asked, rel=1e-3, abs=1
    )


def test_the_formula_by_hand():
    # (1.959964 + 0.841621)^2 / 9 / 0.03^2 = 968.98
    assert questions_by_formula(1 / 9, 0.0, 1, 0.03) == 969


def test_the_formula_agrees_with_simulation_where_it_holds():
    """Independent questions, no luck in training, no smallest gain, one look."""
    asked = questions_by_formula(0.12**2, 0.17, 8, 0.05)
    told = design(runs=2)
    told = told.model_copy(
        update={
            "rule": told.rule.model_copy(update={"delta": 1e-9}),
            "looks": told.looks.model_copy(update={"at": (1.0,)}),
            "limits": told.limits.model_copy(update={"questions": 1, "companies": 1, "runs": 1}),
        }
    )
    world = scenario(
        runs=1, fixed=frozenset({"start", "arm 1"}), gains={"arm 1": 5.0}, samples=8,
        questions=asked, companies=asked, templates=1, company_sd=0.0, question_sd=12.0,
    )  # fmt: skip
    assert world.noise() == pytest.approx(0.17, abs=0.01)
    found = simulate(Plan.of(told, asked), world, simulations=300).adopted["arm 1"].share
    assert found == pytest.approx(0.8, abs=0.08)


# --- of a design --------------------------------------------------------------------------------


def test_a_design_is_told_at_its_own_sizes_and_at_the_least():
    told = design(candidates=2)
    assert planned(told) == Sizes(600, 40)
    assert least(told) == Sizes(300, 40, 3)
    rows = list(of_design(told, scenario(), least(told), (0.0, 8.0), simulations=20))
    # both candidates are alike: one of them is told
    assert [(row.candidate, row.gain) for row in rows] == [("arm 1", 0.0), ("arm 1", 8.0)]
    assert rows[0].power.share < rows[1].power.share


def test_a_design_s_world_has_its_arms_guards_and_samples():
    told = design(guards=(Guard(paper=Paper(name="old", count=90)),))
    world, guards = worlds(told, scenario(start=30.0), Sizes(300, 40, 3), {"arm 1": 5.0})
    assert (world.runs, world.samples, world.start) == ({"start": 3, "arm 1": 3}, 4, 30.0)
    assert (guards["old"].questions, guards["old"].gains) == (90, {})


def test_what_would_be_enough_is_more_runs_or_more_questions():
    told = design(runs=3)
    found = needed(told, scenario(run_sd=1.0), Sizes(600, 40), "arm 1", simulations=40)
    assert found
    runs = [size.runs for size in found if size.runs]
    assert all(3 <= n <= 20 for n in runs)
    lucky = needed(told, scenario(run_sd=6.0), Sizes(600, 40), "arm 1", simulations=20)
    assert lucky == ()  # no number of questions helps where training is a lottery


def test_the_formula_asks_for_fewer_questions_than_the_rule_needs():
    assert 20 < by_formula(design(), scenario()) < 600


def test_the_command_tells_a_table_and_keeps_it(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(
        'specialist = "maths"\nstart = "base"\n'
        'arms = [{name = "base", kind = "base"}, {name = "rules", kind = "classical"}]\n'
        'contrasts = [{arm = "rules", against = "base"}]\npapers = [{name = "own", count = 300}]\n'
    )
    out = tmp_path / "power.json"
    done = CliRunner().invoke(
        power, [str(file), "--simulations", "10", "--gain", "0", "--gain", "9", "--json", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "300 questions, 40 companies" in done.output
    rows = json.loads(out.read_text())["rows"]
    assert [row["gain"] for row in rows] == [0.0, 9.0, 0.0, 9.0]
    assert rows[1]["power"]["share"] > 0.5


def test_the_command_refuses_a_design_that_is_not_there():
    done = CliRunner().invoke(power, ["nowhere"])
    assert done.exit_code == 2
    assert "no design nowhere" in done.output
