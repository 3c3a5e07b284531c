"""The verdict under other settings: decoding, length, format, engine. Does it turn?

The same questions are asked again under each setting of ``settings.py``, and the rule judges each
table as it judged the design's own. Two things are told: whether the verdict is another, and how
far each gain moved, paired question by question, since a verdict may turn by a hair and a gain move
far without turning it. Guards, gates and looks are left out: they have papers and times of their
own. So are the least numbers of questions, companies and runs, which these tables need not reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from evals.decision.crossed import Estimate, difference
from evals.decision.outcomes import Cube
from evals.decision.rule import Judgement, Plan, judge
from evals.decision.samples import Sample
from evals.sober.settings import DESIGN
from evals.sober.tables import tabled
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError

QUESTIONS, SAMPLES = 300, 2
"""Of the finalists under each setting: a gain's move is then known to about 4 points either way
(``width``), which shows what turns a verdict and costs a quarter of a capture."""


class Moved(Value):
    """A gain under a setting."""

    arm: str
    against: str
    gain: Estimate
    move: Estimate | None
    """From the gain under the design's own setting; None: this is it."""

    @property
    def shown(self) -> bool:
        """The move is more than chance."""
        return self.move is not None and (self.move.low > 0 or self.move.high < 0)


class Turn(Value):
    """One setting."""

    setting: str
    questions: int
    samples: int
    accuracy: dict[str, float]
    gains: tuple[Moved, ...]
    verdict: str
    adopted: str | None
    turned: bool
    """Another verdict, or another arm, than under the design's own setting."""


def finalists(plan: Plan, judgement: Judgement) -> tuple[str, ...]:
    """The start, the arm that was adopted or came nearest to it, and what that was held against."""
    best = judgement.adopted or max(
        plan.needs, key=lambda arm: judgement.gain(arm, plan.start).estimate.mean
    )
    return tuple(dict.fromkeys((plan.start, best, *plan.needs[best])))


def narrowed(plan: Plan, arms: Sequence[str], questions: int) -> Plan:
    """A design's plan for finalists alone, on so many questions looked at once.

    Raises:
        DataError: the start is not among them, or no candidate is.
    """
    needs = {
        arm: kept
        for arm, others in plan.needs.items()
        if arm in arms and (kept := tuple(other for other in others if other in arms))
    }
    if plan.start not in arms or not needs:
        raise DataError(f"{', '.join(arms)}: the start and a candidate are needed")
    return replace(
        plan,
        needs=needs,
        controls=tuple(c for c in plan.controls if c in arms),
        margins={},
        looks=(1.0,),
        runs=1,
        questions=0,
        companies=0,
        planned=questions,
        quick=False,
    )


def turns(plan: Plan, samples: Mapping[str, Sequence[Sample]], arms: Sequence[str]) -> list[Turn]:
    """The verdict under each setting, the design's own first.

    Args:
        plan: of the design.
        samples: by setting; ``design`` must be among them.
        arms: finalists, all of them under each setting.

    Raises:
        DataError: nothing under the design's own setting, or no questions that two settings share.
    """
    if DESIGN not in samples:
        raise DataError(f"nothing to compare with: there are no samples under {DESIGN!r}")
    tables = {setting: tabled(each, arms) for setting, each in samples.items()}
    # The same draws everywhere: what else lies between two settings is then no chance of theirs.
    counts = [_draws(table) for table in tables.values() if _draws(table) > 1]
    draws = min(counts, default=1)
    own = tabled(samples[DESIGN], arms, draws)
    made: list[Turn] = []
    first: Turn | None = None
    for setting in (DESIGN, *(each for each in samples if each != DESIGN)):
        table = own if setting == DESIGN else tabled(samples[setting], arms, draws)
        turn = _turn(plan, setting, table, own, arms, first)
        first = first or turn
        made.append(turn)
    return made


def _turn(
    plan: Plan, setting: str, table: Cube, own: Cube, arms: Sequence[str], first: Turn | None
) -> Turn:
    narrow = narrowed(plan, arms, len(table.sheet.questions))
    judgement = judge(narrow, table)
    verdict = (judgement.verdict, judgement.adopted)
    gains = tuple(
        Moved(
            arm=gain.arm,
            against=gain.against,
            gain=gain.estimate,
            move=None if setting == DESIGN else moved(table, own, gain.arm, gain.against),
        )
        for gain in judgement.gains
    )
    return Turn(
        setting=setting,
        questions=len(table.sheet.questions),
        samples=_draws(table),
        accuracy={arm: float(scores.mean()) for arm, scores in table.arms.items()},
        gains=gains,
        verdict=judgement.verdict,
        adopted=judgement.adopted,
        turned=first is not None and verdict != (first.verdict, first.adopted),
    )


def _draws(table: Cube) -> int:
    return next(iter(table.arms.values())).shape[2]


def moved(there: Cube, here: Cube, arm: str, against: str) -> Estimate:
    """How far a gain is from one table to another, on the questions that both have.

    Raises:
        DataError: they share fewer than two questions.
    """
    shared = [q for q in here.sheet.questions if q in set(there.sheet.questions)]
    if len(shared) < 2:
        raise DataError("two settings share no questions")
    rows = [here.sheet.questions.index(q) for q in shared]
    other = [there.sheet.questions.index(q) for q in shared]
    gap = there.arms[arm].mean(axis=2)[:, other] - here.arms[arm].mean(axis=2)[:, rows]
    base = there.arms[against].mean(axis=2)[:, other] - here.arms[against].mean(axis=2)[:, rows]
    return difference(gap, base, here.sheet.companies[rows], here.sheet.templates[rows])


def width(found: Estimate, questions: int) -> float:
    """Half the 95 % interval that a move would have on so many questions, as a fraction."""
    return (found.high - found.low) / 2 * (found.questions / questions) ** 0.5


def questions_for(found: Estimate, half: float) -> int:
    """Questions on which a move is known to within ``half`` either way."""
    return ceil(found.questions * ((found.high - found.low) / 2 / half) ** 2)
