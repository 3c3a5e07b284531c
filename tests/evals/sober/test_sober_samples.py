"""Checks of samples: spread of runs, lengths, diversity, a second machine, other settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as plain_entropy
from statsmodels.discrete.discrete_model import Logit
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from evals.decision.design import Design
from evals.decision.rule import Plan
from evals.decision.samples import Sample
from evals.sober import diversity, hardware, lengths, seeds, variants
from evals.sober.settings import DESIGN, named, settings
from evals.sober.tables import tabled
from specialists.foundation.errors import ConfigError, DataError


def sample(arm: str, question: int, draw: int, right: float, **fields: Any) -> Sample:
    told: dict[str, Any] = {
        "run": 1,
        "paper": "templates",
        "company": f"c{question % 12}",
        "template": f"t{question % 9}",
        "draw_seed": question * 100 + draw,
        "output": "yes" if right else "no",
        "tokens": 10,
        "parses": True,
    } | fields
    return Sample(arm=arm, question=f"q{question}", draw=draw, score=float(right), **told)


def drawn(
    rates: dict[str, float], seed: int, *, questions: int = 120, draws: int = 2, **fields: Any
) -> list[Sample]:
    """Arms of known accuracy on the same questions."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.1, questions)
    return [
        sample(arm, q, d, float(rng.random() < min(max(rate + hard[q], 0), 1)), **fields)
        for arm, rate in rates.items()
        for q in range(questions)
        for d in range(draws)
    ]


# --- tables ---------------------------------------------------------------------------------------


def test_tables_keep_what_every_arm_has() -> None:
    full = [sample(arm, q, d, 1) for arm in "ab" for q in range(4) for d in range(3)]
    ragged = [s for s in full if s.key[:1] != ("b",) or s.question != "q3"]
    ragged = [s for s in ragged if not (s.arm == "a" and s.question == "q0" and s.draw == 2)]
    table = tabled(ragged)
    assert table.sheet.questions == tuple(f"templates/q{q}" for q in range(3))
    assert table.arms["a"].shape == (1, 3, 2)
    with pytest.raises(DataError, match="several ways"):
        tabled([*full, sample("a", 0, 0, 1, decode="greedy")])
    with pytest.raises(DataError, match="no judged samples of c"):
        tabled(full, ["a", "c"])


# --- seeds ----------------------------------------------------------------------------------------


def test_the_interval_of_a_spread_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(1_000):
        runs = rng.normal(0.6, 0.02, (4, 1, 1))
        found = seeds.spread(runs)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.02 <= found.high
    assert hits / 1_000 == pytest.approx(0.95, abs=0.02)


def test_one_run_tells_no_spread() -> None:
    found = seeds.spread(np.ones((1, 5, 2)))
    assert (found.sd, found.low, found.high, found.drawing) == (None, None, None, 0)


@given(st.floats(0.001, 0.05), st.floats(0, 0.05), st.floats(0.001, 0.01))
def test_runs_needed_are_the_fewest_that_do(first: float, second: float, questions: float) -> None:
    runs = seeds.needed(first, second, questions, 0.05)
    assert runs is not None
    reach = (1.959964 + 0.841621) ** 2

    def enough(count: int) -> bool:
        return reach * (questions**2 + (first**2 + second**2) / count) <= 0.05**2 * 1.00001

    assert enough(runs)
    assert runs == 1 or not enough(runs - 1) or reach * questions**2 == 0


def test_no_runs_make_up_for_few_questions() -> None:
    assert seeds.needed(0.01, 0.01, 0.03, 0.05) is None


# --- lengths --------------------------------------------------------------------------------------


def long(seed: int, slope: float = -1.0, draws: int = 3) -> list[Sample]:
    """Replies that are worse the longer they are."""
    rng = np.random.default_rng(seed)
    made: list[Sample] = []
    for q in range(200):
        for d in range(draws):
            tokens = int(rng.integers(4, 64))
            odds = 3.5 + slope * np.log2(tokens)
            right = float(rng.random() < 1 / (1 + np.exp(-odds)))
            made.append(sample("a", q, d, right, tokens=tokens, truncated=tokens > 60))
    return made


def test_the_slope_is_that_of_another_estimator() -> None:
    samples = long(1)
    found = lengths.lengths(samples)
    x = np.log2([s.tokens for s in samples])
    y = np.array([s.score for s in samples], dtype=float)
    groups = np.unique([s.company for s in samples], return_inverse=True)[1]
    model: Any = GLM(y, np.column_stack([np.ones_like(x), x]), family=Binomial())
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert found.slope is not None
    assert found.slope.slope == pytest.approx(fitted.params[1], rel=1e-4)
    assert found.slope.se == pytest.approx(fitted.bse[1], rel=1e-3)
    assert found.slope.low < -1 < found.slope.high
    assert found.wrong is not None
    assert found.right is not None
    assert found.wrong > found.right


def test_within_questions_it_is_the_logit_of_differences() -> None:
    """With two draws a question, Chamberlain's is the logit of the pairs' differences."""
    samples = long(2, draws=2)
    found = lengths.lengths(samples).within
    pairs: list[float] = []
    for q in range(200):
        one, two = (s for s in samples if s.question == f"q{q}")
        if one.score != two.score and one.tokens != two.tokens:
            good, bad = (one, two) if one.score else (two, one)
            pairs.append(np.log2(good.tokens) - np.log2(bad.tokens))
    x = np.array(pairs)
    model: Any = Logit(np.ones(2 * len(x)) * np.repeat([1, 0], len(x)), np.concatenate([x, -x]))
    assert found is not None
    assert found.slope == pytest.approx(float(model.fit(disp=0).params[0]), rel=1e-3)


def test_what_has_no_slope_has_none() -> None:
    assert lengths.lengths([sample("a", q, 0, 1) for q in range(9)]).slope is None
    parted = [sample("a", q, 0, q < 5, tokens=5 if q < 5 else 50) for q in range(9)]
    found = lengths.lengths(parted)
    assert found.slope is None
    assert found.within is None
    assert (found.right_median, found.wrong_median) == (5, 50)
    with pytest.raises(DataError, match="one arm"):
        lengths.lengths([sample("a", 0, 0, 1), sample("b", 0, 0, 1)])


# --- diversity ------------------------------------------------------------------------------------


def test_diversity_by_hand() -> None:
    said = [["x", "x", "x", "x"], ["x", "y", "z", "w"], ["x", "x", "y", "y"]]
    rights = [[1, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    samples = [
        sample("a", q, d, rights[q][d], output=said[q][d]) for q in range(3) for d in range(4)
    ]
    found = diversity.diversity(samples)
    assert found.distinct == pytest.approx((1 + 4 + 2) / 3)
    assert found.same == found.mixed == pytest.approx(1 / 3)
    assert (found.at_1, found.at_k) == pytest.approx((5 / 12, 2 / 3))
    assert found.gap == pytest.approx(2 / 3 - 5 / 12)
    with pytest.raises(DataError, match="draws"):
        diversity.diversity(samples[:-1])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_entropy_is_scipys_corrected(counts: list[int]) -> None:
    plain = float(plain_entropy(counts, base=2))
    told = diversity.entropy(counts)
    assert plain - 1e-9 <= told <= np.log2(sum(counts)) + 1e-9
    correction = (len(counts) - 1) / (2 * sum(counts) * np.log(2))
    assert told == pytest.approx(min(plain + correction, np.log2(sum(counts))))


# --- another machine ------------------------------------------------------------------------------


def replayed(seed: int, **rates: float) -> list[Sample]:
    return drawn(rates, seed, questions=400, draws=4)


def test_the_same_replies_are_portable() -> None:
    here = replayed(1, a=0.7, b=0.6)
    found = hardware.compare(here, here[:], [("a", "b")])
    assert found.portable
    assert all(s.same_output == s.same_score == 1 for s in found.shifts)
    assert found.moves[0].here == found.moves[0].there


def test_a_machine_that_favours_an_arm_is_found() -> None:
    here = replayed(1, a=0.7, b=0.6)
    there = replayed(1, a=0.4, b=0.6)
    found = hardware.compare(here, there, [("a", "b")])
    assert found.moves[0].found == "moved"
    assert not found.portable
    assert found.moves[0].move.mean == pytest.approx(-0.3, abs=0.06)
    assert {s.arm: s.shift.mean for s in found.shifts}["b"] == pytest.approx(0, abs=0.05)


def test_a_few_questions_show_nothing() -> None:
    here = drawn({"a": 0.7, "b": 0.6}, 1, questions=20)
    there = drawn({"a": 0.7, "b": 0.6}, 2, questions=20)
    assert hardware.compare(here, there, [("a", "b")]).moves[0].found == "not shown"


def test_other_lots_or_words_are_refused() -> None:
    here = replayed(1, a=0.7)
    for change, told in (({"draw_seed": 7}, "lot"), ({"messages_digest": "x"}, "other words")):
        there = [s.model_copy(update=change) for s in here]
        with pytest.raises(DataError, match=told):
            hardware.compare(here, there, [])
    with pytest.raises(DataError, match="in common"):
        hardware.compare(here, [], [])
    with pytest.raises(DataError, match="nothing of b"):
        hardware.compare(here, here, [("a", "b")])


def test_a_fifth_is_replayed() -> None:
    kept = [q for q in range(5_000) if hardware.chosen(f"templates/q{q}")]
    assert len(kept) / 5_000 == pytest.approx(0.2, abs=0.02)


# --- other settings -------------------------------------------------------------------------------


def plan(questions: int) -> Plan:
    design = Design.model_validate(
        {
            "specialist": "calculation",
            "start": "base",
            "arms": [
                {"name": "base", "kind": "base"},
                {"name": "sft", "kind": "adapter", "folder": "x"},
                {"name": "other", "kind": "adapter", "folder": "y"},
            ],
            "contrasts": [
                {"arm": "sft", "against": "base"},
                {"arm": "other", "against": "base"},
            ],
            "papers": [{"name": "templates"}],
            "guards": [{"paper": {"name": "companies"}}],
        }
    )
    return Plan.of(design, questions)


def by_setting() -> Iterator[tuple[str, list[Sample]]]:
    yield DESIGN, drawn({"base": 0.5, "sft": 0.8}, 1, questions=300)
    yield "cool", drawn({"base": 0.5, "sft": 0.8}, 2, questions=300, decode="cool")
    yield "short", drawn({"base": 0.5, "sft": 0.5}, 3, questions=150, decode="short")


def test_a_setting_that_takes_the_gain_turns_the_verdict() -> None:
    told = variants.turns(plan(600), dict(by_setting()), ("base", "sft"))
    own, cool, short = told
    assert (own.verdict, own.adopted, own.turned) == ("adopt", "sft", False)
    assert not cool.turned
    assert not cool.gains[0].shown
    assert short.turned
    assert short.adopted is None
    assert short.gains[0].shown
    assert short.questions == 150
    assert variants.width(short.gains[0].gain, 600) < variants.width(short.gains[0].gain, 150)
    half = variants.width(short.gains[0].gain, 600)
    assert variants.questions_for(short.gains[0].gain, half) in (600, 601)


def test_what_cannot_be_compared_is_refused() -> None:
    told = dict(by_setting())
    with pytest.raises(DataError, match="nothing to compare"):
        variants.turns(plan(600), {"cool": told["cool"]}, ("base", "sft"))
    with pytest.raises(DataError, match="start and a candidate"):
        variants.turns(plan(600), told, ("base",))


def test_settings_differ_from_the_designs_in_one_thing() -> None:
    own, *others = settings()
    assert own.name == DESIGN
    for each in others:
        fields = ("sampling", "held", "form", "dtype", "rows")
        assert sum(getattr(each, f) != getattr(own, f) for f in fields) == 1, each.name
    with pytest.raises(ConfigError, match="there are design, greedy"):
        named("warm")
