"""What the arms answered, as arrays: the form in which the analysis reads the samples.

Broken data never becomes a verdict: whatever is missing, double or no number is refused here, with
the place named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.foundation.errors import DataError

Scores = NDArray[np.float64]
"""(S, Q, K): runs, questions, samples of each; fractions right."""
Codes = NDArray[np.int64]
"""(Q,): which cluster each question is of, numbered from 0."""


@dataclass(frozen=True)
class Sheet:
    """The questions of a paper, in the order in which they are looked at."""

    questions: tuple[str, ...]
    companies: Codes
    templates: Codes

    def first(self, count: int) -> Sheet:
        """The first so many questions."""
        return Sheet(
            self.questions[:count],
            np.unique(self.companies[:count], return_inverse=True)[1].astype(np.int64),
            np.unique(self.templates[:count], return_inverse=True)[1].astype(np.int64),
        )


@dataclass(frozen=True)
class Cube:
    """Every arm's scores on one sheet."""

    sheet: Sheet
    arms: Mapping[str, Scores]

    def first(self, count: int) -> Cube:
        """On the first so many questions."""
        return Cube(self.sheet.first(count), {n: a[:, :count] for n, a in self.arms.items()})


@dataclass(frozen=True)
class Cell:
    """One judged sample."""

    arm: str
    run: int
    question: str
    company: str
    template: str
    sample: int
    score: float | None
    """None: it could not be judged."""
    error: str = ""
    """Why it failed; a failed sample that was judged wrong has a score and an error."""


def cube(
    cells: Iterable[Cell], runs: Mapping[str, int], samples: int, order: Iterable[str]
) -> Cube:
    """The samples of one paper as arrays.

    Args:
        runs: how many runs each arm must have.
        samples: how many samples each question must have from each run.
        order: the questions that must be there, in the order in which they are looked at.

    Raises:
        DataError: a run, question or sample is missing or there twice, of an arm that is not in
            the design, was not judged, or has a score that is no number from 0 to 1.
    """
    asked = tuple(order)
    place = {question: number for number, question in enumerate(asked)}
    filled = {arm: np.full((count, len(asked), samples), np.nan) for arm, count in runs.items()}
    numbers: dict[str, dict[int, int]] = {arm: {} for arm in runs}
    where: dict[str, tuple[str, str]] = {}
    for cell in cells:
        told = f"arm {cell.arm}, run {cell.run}, question {cell.question}, sample {cell.sample}"
        if cell.arm not in filled:
            raise DataError(f"{told}: the design has no such arm")
        if cell.question not in place:
            raise DataError(f"{told}: the test has no such question")
        if cell.score is None:
            raise DataError(f"{told}: was not judged ({cell.error or 'no reason is told'})")
        if not 0 <= cell.score <= 1:
            raise DataError(f"{told}: the score {cell.score} is no number from 0 to 1")
        if where.setdefault(cell.question, (cell.company, cell.template)) != (
            cell.company,
            cell.template,
        ):
            raise DataError(f"{told}: arms were asked different questions under one id")
        run = numbers[cell.arm].setdefault(cell.run, len(numbers[cell.arm]))
        if run >= runs[cell.arm]:
            raise DataError(f"{told}: the design has {runs[cell.arm]} runs of this arm")
        if not 0 <= cell.sample < samples:
            raise DataError(f"{told}: the design has {samples} samples of a question")
        spot = (run, place[cell.question], cell.sample)
        if not np.isnan(filled[cell.arm][spot]):
            raise DataError(f"{told}: there twice")
        filled[cell.arm][spot] = cell.score
    for arm, scores in filled.items():
        missing = int(np.isnan(scores).sum())
        if missing:
            run, question, sample = (int(n) for n in np.argwhere(np.isnan(scores))[0])
            raise DataError(
                f"arm {arm}: {missing} of {scores.size} samples are missing, the first of them "
                f"run {run + 1}, question {asked[question]}, sample {sample}"
            )
    return Cube(
        Sheet(
            asked,
            _codes([where[question][0] for question in asked]),
            _codes([where[question][1] for question in asked]),
        ),
        filled,
    )


def _codes(names: list[str]) -> Codes:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
