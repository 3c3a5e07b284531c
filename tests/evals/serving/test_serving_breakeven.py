from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.serving.breakeven import NOTHING, Amount, Case, Share, breakeven, load, trained
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord


def case(**told: object) -> Case:
    return Case.model_validate(
        {
            "training": {"usd": 10.0},
            "large": {"usd": 0.01},
            "specialist": {"usd": 0.001},
            **told,
        }
    )


def test_the_formula() -> None:
    found = breakeven(
        case(
            labels=100,
            label_usd=0.5,
            routing=Amount(usd=0.001),
            escalated=Share(hits=20, count=100),
            audit_share=0.002,
        )
    )
    saving = 0.01 - 0.001 - 0.001 - 0.2 * 0.01 - 0.002 * 0.5
    assert found.fixed_usd == pytest.approx(60)
    assert found.saving_usd == pytest.approx(saving)
    assert found.questions == pytest.approx(60 / saving)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 60 / saving < found.high
    assert found.pays == 1


def test_exact_amounts_have_no_spread() -> None:
    found = breakeven(case())
    assert found.low == found.high == found.questions == pytest.approx(10 / 0.009)


def test_never_is_a_result() -> None:
    found = breakeven(case(large=Amount(usd=0.0005)))
    assert found.questions is None
    assert found.low is None
    assert found.high is None
    assert found.pays == 0
    assert "never pays off" in str(found)
    assert breakeven(case(escalated=Share(hits=95, count=100))).questions is None
    assert breakeven(case(large=Amount(usd=0.001))).questions is None


def test_a_saving_that_may_not_be_one_has_no_upper_bound() -> None:
    found = breakeven(case(large=Amount(usd=0.002, se=0.001)))
    assert found.questions == pytest.approx(10_000)
    assert found.high is None
    assert 0.7 < found.pays < 0.95
    assert "never" in str(found)


def test_wrong_answers_with_a_price_count() -> None:
    worse = {
        "wrong_usd": 0.2,
        "specialist_right": Share(hits=900, count=1_000),
        "large_right": Share(hits=950, count=1_000),
    }
    assert breakeven(case(**worse)).questions is None
    better = {**worse, "specialist_right": worse["large_right"], "large_right": Share()}
    assert breakeven(case(**better)).questions == pytest.approx(10 / 0.009)


@settings(deadline=None)
@given(st.floats(0.0, 0.02), st.floats(0.0, 0.02), st.integers(0, 100))
def test_it_never_divides_into_nonsense(large: float, specialist: float, hits: int) -> None:
    told = case(
        large=Amount(usd=large, se=large / 3),
        specialist=Amount(usd=specialist),
        escalated=Share(hits=hits, count=100),
    )
    found = breakeven(told, draws=400)
    assert (found.questions is None) == (found.saving_usd <= NOTHING)
    assert found.questions is None or found.questions > 0
    assert found.high is None or found.low is not None
    assert 0 <= found.pays <= 1


def test_training_costs_come_from_the_records() -> None:
    record = RunRecord(kind="adapter", name="a", digest="d", files={}, seconds=7_200)
    told = record.model_copy(update={"spent": {"usd": 1.5, "device_hours": 0.5}})
    both = trained([record, told], hour_usd=0.1)
    assert both.usd == pytest.approx(0.2 + 1.5)
    assert both.device_hours == pytest.approx(2.5)
    assert not both.stated
    assert trained([told], 0.1).stated


def test_a_case_in_toml(tmp_path: Path) -> None:
    place = tmp_path / "case.toml"
    place.write_text("training.usd = 1\nlarge.usd = 0.01\nspecialist.usd = 0.001\n")
    assert load(place).large.usd == 0.01
    place.write_text("training.usd = -1\nlarge.usd = 0.01\nspecialist.usd = 0.001\n")
    with pytest.raises(ConfigError, match=r"training\.usd"):
        load(place)
