"""Which set of specialists is best under a budget: each job's work given to one arm, or to none.

A question needs several jobs (its plan's steps). It is right when all of them are: accuracies of
steps are multiplied, as if independent. Steps of one question share a company and a year, so that
they fail together more often than that; the product is then too low, for every portfolio alike.
Its time is the sum of its steps' times, drawn from those measured: plans that run steps side by
side are quicker. Memory is one copy of each model and all adapters.

Up to ``LIMIT`` portfolios all are tried, which is exact. Beyond, a greedy search improves the
cheapest one step at a time, and ``Best.bound`` tells what no portfolio can exceed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from specialists.foundation.config import Config
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError

LIMIT = 5_000
DRAWS = 2_000
"""Of accuracies, for intervals; and of question times, for the 95th percentile."""
NONE = "none"
"""Nobody does the job; questions that need it go unanswered."""
Floats = NDArray[np.float64]


class Choice(Value):
    """One way to have a job done."""

    job: str
    arm: str
    right: int = Field(ge=0)
    count: int = Field(ge=0)
    """Of how many its accuracy was measured on; 0: it answers nothing."""
    usd: float = Field(ge=0)
    """Dollars of one step."""
    seconds: tuple[float, ...] = ()
    """Of the steps measured; empty: none."""
    model: str = ""
    """That must be in memory; empty: none."""
    model_bytes: int = 0
    adapter_bytes: int = 0

    @property
    def accuracy(self) -> float:
        return self.right / self.count if self.count else 0.0


class Traffic(Value):
    """What questions need: how often each combination of jobs occurs."""

    plans: tuple[tuple[str, ...], ...]
    """The jobs of each question seen, one a step."""

    @property
    def shares(self) -> dict[str, float]:
        """Share of questions that need each job."""
        jobs = sorted({job for plan in self.plans for job in plan})
        return {job: sum(job in plan for plan in self.plans) / len(self.plans) for job in jobs}


class Limits(Config):
    """A budget; None: no limit."""

    usd_per_1000: float | None = Field(default=None, ge=0)
    """Dollars for a thousand questions."""
    p95_s: float | None = Field(default=None, ge=0)
    """95th percentile of a question's time."""
    memory_bytes: int | None = Field(default=None, ge=0)


class Portfolio(Value):
    """Who does each job, and what that comes to."""

    arms: dict[str, str]
    accuracy: float
    """Share of questions right."""
    low: float
    high: float
    """95 %, from how well the jobs' accuracies are known; the traffic is taken as it was seen."""
    usd_per_1000: float
    p95_s: float
    memory_bytes: int

    def within(self, limits: Limits) -> bool:
        """Whether it keeps a budget."""
        pairs = (
            (self.usd_per_1000, limits.usd_per_1000),
            (self.p95_s, limits.p95_s),
            (self.memory_bytes, limits.memory_bytes),
        )
        return all(limit is None or value <= limit + 1e-12 for value, limit in pairs)


class Best(Value):
    """The best portfolio of a budget."""

    portfolio: Portfolio | None
    """None: not even doing nothing keeps the budget."""
    exact: bool
    """All portfolios were tried."""
    bound: float
    """No portfolio of this budget is right more often."""
    tried: int
    surest: float | None = None
    """Probability that it is the best of those in the budget, given how well accuracies are known;
    None: not all were tried."""
    front: tuple[Portfolio, ...] = ()
    """Those that no other beats in accuracy, dollars and time at once; cheapest first."""


@dataclass(frozen=True)
class _Books:
    """The choices as arrays, so that a portfolio is looked up and not computed."""

    jobs: tuple[str, ...]
    choices: tuple[tuple[Choice, ...], ...]
    """Of each job."""
    needs: NDArray[np.int64]
    """(P, J): how often each distinct plan needs each job."""
    weights: Floats
    """(P,): share of questions with each plan."""
    accuracies: tuple[Floats, ...]
    """Of each job: (arms, D) draws, the first the estimate itself."""
    times: tuple[Floats, ...]
    """Of each job: (arms, T) seconds it adds to each drawn question."""

    def value(self, arms: Sequence[int]) -> Portfolio:
        """What a portfolio comes to."""
        chosen = [self.choices[j][arm] for j, arm in enumerate(arms)]
        draws = self.right(arms)
        low, high = np.quantile(draws[1:], [0.025, 0.975])
        expected = self.weights @ self.needs
        models = {c.model: c.model_bytes for c in chosen if c.model}
        return Portfolio(
            arms={c.job: c.arm for c in chosen},
            accuracy=float(draws[0]),
            low=float(low),
            high=float(high),
            usd_per_1000=1e3 * float(sum(n * c.usd for n, c in zip(expected, chosen, strict=True))),
            p95_s=float(np.quantile(sum(self.times[j][a] for j, a in enumerate(arms)), 0.95)),
            memory_bytes=sum(models.values()) + sum(c.adapter_bytes for c in chosen),
        )

    def right(self, arms: Sequence[int]) -> Floats:
        """(D,): share of questions right, in each draw."""
        drawn = np.stack([self.accuracies[j][arm] for j, arm in enumerate(arms)])  # (J, D)
        return self.weights @ np.prod(drawn[None] ** self.needs[:, :, None], axis=1)


def best(
    choices: Sequence[Choice],
    traffic: Traffic,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    *,
    seed: int = 0,
    limit: int = LIMIT,
) -> Best:
    """The portfolio of a budget that is right most often; of equals the cheapest, then quickest.

    Args:
        limit: portfolios up to which all are tried.

    Raises:
        ConfigError: no traffic, two choices of one name, or a job that nobody can do.
    """
    books = _books(choices, traffic, seed)
    sizes = [len(of) for of in books.choices]
    if prod(sizes) > limit:
        return _greedy(books, limits)
    every = [(arms, books.value(arms)) for arms in product(*(range(size) for size in sizes))]
    fit = [(arms, each) for arms, each in every if each.within(limits)]
    if not fit:
        return Best(portfolio=None, exact=True, bound=0.0, tried=len(every))
    arms, chosen = min(fit, key=lambda pair: _order(pair[1]))
    draws = np.stack([books.right(arms) for arms, _ in fit])[:, 1:]
    top = draws.max(axis=0)
    return Best(
        portfolio=chosen,
        exact=True,
        bound=chosen.accuracy,
        tried=len(every),
        surest=float((books.right(arms)[1:] >= top - 1e-12).mean()),
        front=front([each for _, each in fit]),
    )


def front(portfolios: Sequence[Portfolio]) -> tuple[Portfolio, ...]:
    """Those that none beats in accuracy, dollars and time at once; cheapest first."""
    kept: list[Portfolio] = []
    for each in sorted(portfolios, key=lambda p: (p.usd_per_1000, p.p95_s, -p.accuracy)):
        if not any(k.accuracy >= each.accuracy and k.p95_s <= each.p95_s for k in kept):
            kept.append(each)
    return tuple(kept)


def _order(portfolio: Portfolio) -> tuple[float, float, float, int]:
    return (
        -round(portfolio.accuracy, 12),
        portfolio.usd_per_1000,
        portfolio.p95_s,
        portfolio.memory_bytes,
    )


def _greedy(books: _Books, limits: Limits) -> Best:
    """Improve one job at a time, for as long as one can be improved within the budget."""
    cheapest = [
        min(range(len(of)), key=lambda a, of=of: (of[a].usd, of[a].adapter_bytes))
        for of in books.choices
    ]
    tried = 1
    at = books.value(cheapest)
    while True:
        better: list[tuple[Portfolio, list[int]]] = []
        for j, of in enumerate(books.choices):
            for arm in range(len(of)):
                if arm != cheapest[j]:
                    arms = [*cheapest[:j], arm, *cheapest[j + 1 :]]
                    found = books.value(arms)
                    tried += 1
                    if found.within(limits) and (
                        not at.within(limits) or _order(found) < _order(at)
                    ):
                        better.append((found, arms))
        if not better:
            break
        at, cheapest = min(better, key=lambda pair: _order(pair[0]))
    surest = [int(np.argmax(rows[:, 0])) for rows in books.accuracies]
    return Best(
        portfolio=at if at.within(limits) else None,
        exact=False,
        bound=float(books.right(surest)[0]),
        tried=tried,
    )


def _books(choices: Sequence[Choice], traffic: Traffic, seed: int) -> _Books:
    if not traffic.plans:
        raise ConfigError("no question was seen: what would a portfolio be for?")
    jobs = tuple(sorted({job for plan in traffic.plans for job in plan}))
    by_job = tuple(tuple(c for c in choices if c.job == job) for job in jobs)
    for job, of in zip(jobs, by_job, strict=True):
        names = [choice.arm for choice in of]
        if not of:
            raise ConfigError(f"questions need the job {job!r}, and nobody is there to do it")
        if len(set(names)) != len(names):
            raise ConfigError(f"{job}: two choices are named alike")
    plans = sorted({tuple(sorted(plan)) for plan in traffic.plans})
    seen = [tuple(sorted(plan)) for plan in traffic.plans]
    needs = np.array([[plan.count(job) for job in jobs] for plan in plans], dtype=np.int64)
    weights = np.array([seen.count(plan) / len(seen) for plan in plans])
    rng = np.random.default_rng(seed)
    drawn_plans = needs[rng.choice(len(plans), size=DRAWS, p=weights)]  # (T, J)
    return _Books(
        jobs=jobs,
        choices=by_job,
        needs=needs,
        weights=weights,
        accuracies=tuple(np.stack([_accuracy(c, rng) for c in of]) for of in by_job),
        times=tuple(
            np.stack([_times(choice, drawn_plans[:, j], rng) for choice in of])
            for j, of in enumerate(by_job)
        ),
    )


def _accuracy(choice: Choice, rng: np.random.Generator) -> Floats:
    """(1 + D,): the estimate, then draws of the Beta posterior under Jeffreys' prior."""
    if choice.count == 0:
        return np.zeros(1 + DRAWS)
    drawn = rng.beta(choice.right + 0.5, choice.count - choice.right + 0.5, DRAWS)
    return np.concatenate([[choice.accuracy], drawn])


def _times(choice: Choice, needed: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """(T,): seconds that the job adds to each drawn question."""
    if not choice.seconds or not needed.any():
        return np.zeros(len(needed))
    drawn = rng.choice(np.asarray(choice.seconds), size=(len(needed), int(needed.max())))
    return (drawn * (np.arange(drawn.shape[1]) < needed[:, None])).sum(axis=1)


def nobody(jobs: Sequence[str]) -> tuple[Choice, ...]:
    """The choice not to have a job done, for each."""
    return tuple(Choice(job=job, arm=NONE, right=0, count=0, usd=0.0) for job in jobs)
