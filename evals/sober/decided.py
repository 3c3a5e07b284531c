"""What the committed decisions' own samples tell of their verdicts: how far training runs of one
recipe lie apart on each paper, and what would have come out had every arm been decoded greedily.

Nothing is sampled anew: a design takes one greedy reply a question beside those it decides by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from evals.decision.crossed import Table, difference
from evals.decision.design import Design
from evals.decision.outcomes import Cube
from evals.decision.samples import GREEDY, Samples
from evals.sober.seeds import Spread, needed, spread
from specialists.foundation.contracts import Value
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.records import DECISION


class Runs(Value):
    """An arm's training runs on one paper."""

    decision: str
    arm: str
    paper: str
    spread: Spread
    needed: int | None
    """Runs of each of two such arms that find the gain worth having, on the decision's questions;
    None: no number does."""


class Decoded(Value):
    """A contrast at the temperature of its decision, and greedily; fractions."""

    decision: str
    arm: str
    against: str
    sampled: tuple[float, float, float]
    """Mean, low, high."""
    greedy: tuple[float, float, float]
    worth: tuple[bool, bool]
    """Whether it is significant and large enough by itself: sampled, and greedily."""


class Decided(Value):
    """Of all committed decisions."""

    runs: tuple[Runs, ...]
    decoded: tuple[Decoded, ...]


def decided(folder: Path) -> Decided:
    """Read the decisions below a folder.

    Raises:
        DataError: samples that are missing or altered.
        RecordError: a record that is.
    """
    names = sorted(path.parent.name for path in folder.glob(f"*/{DECISION}"))
    return Decided(
        runs=tuple(each for name in names for each in _runs(folder / name, name)),
        decoded=tuple(each for name in names for each in _decoded(folder / name, name)),
    )


def _runs(folder: Path, name: str) -> Iterator[Runs]:
    record = DecisionRecord.read(folder / DECISION)
    several = [arm.name for arm in record.arms if len(arm.runs) > 1]
    if not several:
        return
    kept = Samples.read(folder / "samples")
    whole = kept.cube(_papers(record))
    enough: dict[str, int | None] = {}
    for arm in several:
        apart = float(np.std(_mean(whole.arms[arm]).mean(axis=1), ddof=1))
        enough[arm] = needed(apart, apart, _fixed(whole, arm, record.start), _delta(record))
    for paper in _papers(record):
        cube = kept.cube(paper)
        for arm in several:
            told = spread(cube.arms[arm])
            yield Runs(decision=name, arm=arm, paper=paper, spread=told, needed=enough[arm])


def _fixed(cube: Cube, arm: str, against: str) -> float:
    """Standard error of a gain that the questions alone leave: the runs taken as they are."""
    sheet = cube.sheet
    left, right = (_mean(cube.arms[n]).mean(axis=0, keepdims=True) for n in (arm, against))
    return difference(left, right, sheet.companies, sheet.templates).se


def _decoded(folder: Path, name: str) -> Iterator[Decoded]:
    record = DecisionRecord.read(folder / DECISION)
    kept = Samples.read(folder / "samples")
    if GREEDY not in kept.study["variants"]:
        return  # decided greedily as it is
    cube = kept.cube(_papers(record), decode=GREEDY, samples=1)
    large = _delta(record)
    for gain in record.gains:
        found = difference(
            _mean(cube.arms[gain.arm]),
            _mean(cube.arms[gain.against]),
            cube.sheet.companies,
            cube.sheet.templates,
            level=gain.level,
        )
        yield Decoded(
            decision=name,
            arm=gain.arm,
            against=gain.against,
            sampled=(gain.mean, gain.low, gain.high),
            greedy=(found.mean, found.low, found.high),
            worth=(
                gain.low > 0 and gain.mean >= large,
                found.low > 0 and found.mean >= large,
            ),
        )


def _papers(record: DecisionRecord) -> Sequence[str]:
    return [paper.name for paper in Design.model_validate(record.design_text).papers]


def _delta(record: DecisionRecord) -> float:
    """The gain worth having, as a fraction."""
    return Design.model_validate(record.design_text).rule.delta / 100


def _mean(scores: Table) -> Table:
    """(S, Q, K) to (S, Q)."""
    return scores.mean(axis=2)
