"""The re-analysis, against scipy and statsmodels and against what the paper's readers counted."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import test_proportions_2indep as proportions

from evals.sober import published
from specialists.foundation.errors import InputError

MODELS = published.read()


def test_the_table_is_whole() -> None:
    assert len(MODELS) == len({m.name for m in MODELS}) == 66
    assert all(0 <= x <= 100 for m in MODELS for x in (*m.means, *m.spreads))


def test_the_facts_that_are_told_of_it_come_out() -> None:
    spread = published.spreads(MODELS)
    assert spread["AIME-24"] == pytest.approx(4.5, abs=0.05)
    assert spread["AMC-23"] == pytest.approx(3.9, abs=0.05)
    assert spread["MATH-500"] == pytest.approx(0.9, abs=0.05)
    gains = published.by_model(MODELS, "seeds")
    distilled = [g.gain for g in gains if g.base == "DeepSeek-R1-Distill-Qwen-1.5B"]
    assert len(distilled) == 13
    assert median(distilled) == pytest.approx(3.0, abs=0.05)
    assert sum(g <= 2 for g in distilled) == 6
    assert max(distilled) == pytest.approx(11.5, abs=0.06)
    tuned = [g.gain for g in gains if g.base == "Qwen2.5-7B-Instruct"]
    assert (min(tuned), max(tuned)) == pytest.approx((5.5, 34.2), abs=0.05)


def test_single_sets_are_welchs_test() -> None:
    base = next(m for m in MODELS if m.name == "Qwen2.5-Math-7B")
    limr = next(m for m in MODELS if m.name == "LIMR")
    gains = {g.benchmark: g for g in published.by_benchmark(MODELS, "seeds") if g.model == "LIMR"}
    for place, bench in enumerate(published.BENCHMARKS):
        welch = ttest_ind_from_stats(
            limr.means[place], limr.spreads[place], bench.seeds,
            base.means[place], base.spreads[place], bench.seeds,
            equal_var=False,
        )  # fmt: skip
        assert gains[bench.name].p == pytest.approx(welch.pvalue, rel=1e-9)
    adjusted = np.asarray(multipletests([g.p for g in gains.values()], method="holm")[1])
    assert [g.adjusted for g in gains.values()] == pytest.approx(adjusted.tolist())


def test_the_mean_of_six_sets_is_the_mean_of_six_gains() -> None:
    for gain in published.by_model(MODELS, "seeds"):
        model, base = next((m, b) for m, b in published.bases(MODELS) if m.name == gain.model)
        assert gain.gain == pytest.approx(mean(model.means) - mean(base.means), abs=1e-3)


def test_questions_as_a_sample_are_never_surer() -> None:
    for seeds, questions in zip(
        published.by_benchmark(MODELS, "seeds"),
        published.by_benchmark(MODELS, "questions"),
        strict=True,
    ):
        assert questions.se >= seeds.se
        assert questions.gain == seeds.gain


def test_tallies_add_up() -> None:
    for tally in published.tallies(MODELS):
        assert tally.claimed == tally.survive + tally.small + tally.vanish
        assert tally.survive <= tally.large <= tally.count


def test_products_of_the_vendor_count_for_no_method() -> None:
    assert not any("Instruct" in g.model for g in published.by_model(MODELS, "seeds"))


@pytest.mark.parametrize("pair", published.FINQA)
def test_shares_are_walds_test(pair: tuple[str, float, float, int]) -> None:
    what, first, second, count = pair
    (found,) = published.shares([pair])
    told: Any = proportions(
        first / 100 * count, count, second / 100 * count, count, method="wald", compare="diff"
    )
    assert found.p == pytest.approx(told.pvalue, rel=1e-6), what


def test_the_recheck_comes_out_as_told() -> None:
    told = {s.what: s for s in published.shares()}
    over = told["4B after GRPO over 235B, Snorkel Finance"]
    assert (over.z, over.p) == pytest.approx((2.02, 0.044), abs=0.005)
    assert over.adjusted > 0.05
    mixed = told["trained on one table over mixed, internal test"]
    assert mixed.p == pytest.approx(0.10, abs=0.005)


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    text = published.TABLE.read_text("utf-8").replace("28.7", "good", 1)
    (tmp_path / "published.csv").write_text(text, "utf-8")
    with pytest.raises(InputError, match="line 2"):
        published.read(tmp_path / "published.csv")
    with pytest.raises(InputError, match="no gains"):
        published.tally("nothing", [])
