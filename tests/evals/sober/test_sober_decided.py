"""What the committed decisions' samples tell of runs and decoding, against their own records."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.decision.commands import DECISIONS
from evals.sober.decided import Decided, decided
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.records import DECISION


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    """Of maths, which has several runs, and of planning, which has one and is decided greedily."""
    folder = tmp_path_factory.mktemp("decisions")
    for name in ("maths", "planning"):
        (folder / name).symlink_to((DECISIONS / name).resolve())
    return decided(folder)


@pytest.fixture(scope="module")
def record() -> DecisionRecord:
    return DecisionRecord.read(Path(DECISIONS / "maths" / DECISION))


def test_runs_of_all_papers_together_are_those_of_the_record(
    found: Decided, record: DecisionRecord
) -> None:
    assert {each.decision for each in found.runs} == {"maths"}
    for arm in record.arms:
        if len(arm.runs) == 1:
            continue
        papers = [each for each in found.runs if each.arm == arm.name]
        assert [each.paper for each in papers] == ["companies", "templates"]
        for number, run in enumerate(arm.runs):  # papers are of equally many questions
            both = sum(each.spread.means[number] for each in papers) / 2
            assert both == pytest.approx(run.accuracy, abs=1e-9)


def test_greedy_gains_are_differences_of_the_records_greedy_shares(
    found: Decided, record: DecisionRecord
) -> None:
    greedy = {arm.name: arm.greedy for arm in record.arms}
    assert [(e.arm, e.against) for e in found.decoded] == [(g.arm, g.against) for g in record.gains]
    for each, gain in zip(found.decoded, record.gains, strict=True):
        left, right = greedy[each.arm], greedy[each.against]
        assert left is not None
        assert right is not None
        assert each.greedy[0] == pytest.approx(left - right, abs=1e-9)
        assert each.greedy[1] < each.greedy[0] < each.greedy[2]
        assert each.sampled == (gain.mean, gain.low, gain.high)
        assert each.worth[0] == (gain.low > 0 and gain.mean >= 0.03)
