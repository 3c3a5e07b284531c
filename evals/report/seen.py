"""What the samples show beyond the record: lengths of right and wrong replies, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)
SHOWN = 1_000
"""Letters of a failed sample's output that are kept."""
RIGHT = 0.5
"""A sample counts as right from this score on, where its length is looked at."""


class Row(Protocol):
    """A sample as the store holds it (``evals.decision.samples``)."""

    @property
    def arm(self) -> str: ...
    @property
    def run(self) -> int: ...
    @property
    def question(self) -> str: ...
    @property
    def company(self) -> str: ...
    @property
    def draw(self) -> int: ...
    @property
    def output(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def finish(self) -> str: ...
    @property
    def score(self) -> float | None: ...
    @property
    def error(self) -> str: ...


@dataclass(frozen=True)
class Replies:
    """One arm's samples, one after the other."""

    score: NDArray[np.float64]
    """(N,): nan where a sample was not judged."""
    tokens: NDArray[np.float64]
    """(N,): written."""
    seconds: NDArray[np.float64]
    """(N,): from question to answer."""


@dataclass(frozen=True)
class Failure:
    """A sample that broke down."""

    arm: str
    run: int
    question: str
    draw: int
    finish: str
    error: str
    output: str


@dataclass(frozen=True)
class Seen:
    """The samples of the sealed test, as the page needs them."""

    replies: Mapping[str, Replies] = field(default_factory=dict[str, Replies])
    failures: tuple[Failure, ...] = ()
    questions: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many questions each company has."""


def seen(rows: Iterable[Row]) -> Seen:
    """Samples as arrays, whatever order they come in.

    Args:
        rows: the sealed test's samples at the design's decoding.
    """
    columns: dict[str, list[tuple[int, str, int, float, float, float]]] = {}
    failures: list[Failure] = []
    companies: dict[str, set[str]] = {}
    for row in rows:
        score = float("nan") if row.score is None else row.score
        columns.setdefault(row.arm, []).append(
            (row.run, row.question, row.draw, score, float(row.tokens), row.seconds)
        )
        companies.setdefault(row.company, set()).add(row.question)
        if row.error:
            place = (row.arm, row.run, row.question, row.draw)
            failures.append(Failure(*place, row.finish, row.error, row.output[:SHOWN]))
    replies: dict[str, Replies] = {}
    for arm in sorted(columns):
        told = np.array([each[3:] for each in sorted(columns[arm])], dtype=np.float64)
        replies[arm] = Replies(told[:, 0], told[:, 1], told[:, 2])
    return Seen(
        replies,
        tuple(sorted(failures, key=lambda f: (f.arm, f.run, f.question, f.draw))),
        {company: len(companies[company]) for company in sorted(companies)},
    )


def lengths(
    replies: Replies, *, right: bool
) -> tuple[int, tuple[float, float, float, float, float]] | None:
    """How many of an arm's replies are right (wrong), and the quantiles of their tokens.

    Returns:
        None where there are none.
    """
    judged = ~np.isnan(replies.score)
    of = replies.tokens[judged & ((replies.score >= RIGHT) == right)]
    if not len(of):
        return None
    p10, p25, p50, p75, p90 = (float(q) for q in np.quantile(of, QUANTILES))
    return len(of), (p10, p25, p50, p75, p90)
