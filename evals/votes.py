"""What the worked cases' vote is worth: alone, beside the nearest case, and beside the model.

Every question has a gold plan. The same questions are read with sentence vectors and with BM25, so
that the encoder's part can be seen. It judges plans, not answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evals.accuracy import AT_ONCE
from evals.intervals import wilson
from evals.questions import Paper
from specialists.agent import Specialist, answer_one
from specialists.cases.case import model_shape
from specialists.cases.library import CaseLibrary
from specialists.cases.solved import Solved, solve
from specialists.cases.vote import Vote, nearest, vote
from specialists.foundation.contracts import Plan, Value
from specialists.planning import check
from specialists.planning.render import PlanningInputs
from specialists.planning.task import PlanningTask
from specialists.task import Example

SURE = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Probabilities of the vote at which its coverage and precision are told."""


class Share(Value):
    """A count of a count, with its 95 % Wilson interval."""

    right: int
    of: int
    low: float
    high: float

    @classmethod
    def made(cls, marks: Sequence[bool]) -> Share:
        low, high = wilson(sum(marks), len(marks)) if marks else (0.0, 1.0)
        return cls(right=sum(marks), of=len(marks), low=round(low, 4), high=round(high, 4))

    @property
    def share(self) -> float:
        return self.right / self.of if self.of else 0.0


class Showing(Value):
    """One reader's showing on one paper. Shares are of the paper's questions where not said."""

    paper: str
    reader: str
    """``encoder`` or ``bm25``."""
    cases: int
    """In the library."""
    shape: Share
    """The vote's plan has the gold plan's words."""
    nearest: Share
    """Whole plans right by the nearest case alone."""
    voted: Share
    """Whole plans right by classifier and nearest case."""
    sure: tuple[tuple[float, Share], ...]
    """Votes from a probability on: how many there are, and how many of them are right."""
    model: Share | None = None
    """Whole plans right by the model alone; None: it was not asked."""
    agreed: Share | None = None
    """Of the questions on which model and vote agree."""
    differed: Share | None = None
    """Of the questions on which they differ: the model's plans that are right."""
    differed_voted: Share | None = None
    """Of the same: the vote's plans that are right."""
    ms: float
    """Milliseconds a vote took, linking included."""


async def measure(
    libraries: Mapping[str, CaseLibrary], paper: Paper, specialist: Specialist | None = None
) -> tuple[Showing, ...]:
    """Put a paper of planning questions to each library and, once, to the model.

    Questions that come with worked cases of their own are left out.

    Args:
        libraries: by reader: the same cases with vectors and with BM25.
        specialist: the planning adapter; None leaves the model's columns out.
    """
    asked = [each for each in map(solve, paper.questions) if each is not None]
    plans = await _asked(asked, specialist) if specialist is not None else None
    return tuple(
        _showing(reader, each, paper.name, asked, plans) for reader, each in libraries.items()
    )


async def _asked(asked: Sequence[Solved], specialist: Specialist) -> list[Plan | None]:
    """The model's plan for each question, held or not; None where it wrote none."""
    bare = replace(specialist, calibration=None, task=PlanningTask())
    await bare.ready()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(example: Example[PlanningInputs, Plan]) -> Plan | None:
        async with gate:
            return (await answer_one(bare, example.inputs)).answer

    return list(await asyncio.gather(*(one(each.example) for each in asked)))


def _showing(
    reader: str,
    library: CaseLibrary,
    paper: str,
    asked: Sequence[Solved],
    plans: Sequence[Plan | None] | None,
) -> Showing:
    begun = time.perf_counter()
    votes = [vote(library, each.example.inputs) for each in asked]
    ms = 1000 * (time.perf_counter() - begun) / max(1, len(votes))
    gold: list[Plan] = [each.example.answer for each in asked]
    alone = [nearest(library, each.example.inputs) for each in asked]
    right = [_agrees(v, plan) for v, plan in zip(votes, gold, strict=True)]
    pairs = list(zip(votes, right, strict=True))
    made = Showing(
        paper=paper,
        reader=reader,
        cases=len(library.cases),
        shape=Share.made([_shaped(v, each) for v, each in zip(votes, asked, strict=True)]),
        nearest=Share.made([_agrees(v, plan) for v, plan in zip(alone, gold, strict=True)]),
        voted=Share.made(right),
        sure=tuple(
            (least, Share.made([ok for v, ok in pairs if v and v.reading.probability >= least]))
            for least in SURE
        ),
        ms=round(ms, 1),
    )
    return made if plans is None else made.model_copy(update=_beside(votes, right, gold, plans))


def _beside(
    votes: Sequence[Vote | None],
    right: Sequence[bool],
    gold: Sequence[Plan],
    plans: Sequence[Plan | None],
) -> dict[str, Share]:
    """The model's columns."""
    held = [p is not None and check.same(p, g) for p, g in zip(plans, gold, strict=True)]
    agree = [
        p is not None and v is not None and v.agrees(p) for p, v in zip(plans, votes, strict=True)
    ]
    return {
        "model": Share.made(held),
        "agreed": Share.made([ok for ok, same in zip(held, agree, strict=True) if same]),
        "differed": Share.made([ok for ok, same in zip(held, agree, strict=True) if not same]),
        "differed_voted": Share.made(
            [ok for ok, same in zip(right, agree, strict=True) if not same]
        ),
    }


def _agrees(found: Vote | None, plan: Plan) -> bool:
    return found is not None and found.agrees(plan)


def _shaped(found: Vote | None, gold: Solved) -> bool:
    """Whether the vote has the words of the gold plan, whatever its slots."""
    if found is None:
        return False
    reading = found.reading
    return model_shape(reading.plan, reading.question) == model_shape(gold.plan, gold.question)
