"""Questions with gold answers put to the whole router: every arm on the same ones.

An arm is a registry (whose weights, who plans) and settings. What is counted and the bounds are
here; who the arms are is ``contenders.py``'s business, what is right ``grading.py``'s.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from evals.gold import GoldQuestion
from evals.grading import Outcome, grade
from evals.intervals import clopper_pearson, paired, wilson
from specialists.foundation.contracts import Value
from specialists.foundation.errors import FinrouteError

if TYPE_CHECKING:
    from router.contracts import Answer
    from router.router import Router
    from specialists.registry import Registry
    from specialists.workspace.versions import Workspace

Say = Callable[[str], None]


class Sat(Value):
    """One question in one arm."""

    id: str
    kind: str
    answerable: bool
    hard: bool = False
    outcome: Outcome
    right: bool
    why: str = ""
    confidence: float | None = None
    features: dict[str, float] = Field(default_factory=dict[str, float])
    """What spoke for the answer; see ``router.assurance``."""
    seconds: float = 0.0
    """Wall time as the caller saw it."""
    said: str = ""
    """The plan and the answer in short, or the error; empty where questions are sealed."""


class Showing(Value):
    """One arm on all questions."""

    arm: str
    count: int
    """Answerable questions."""
    right: int
    wrong: int
    """Wrong answers to answerable questions."""
    partial: int
    abstained: int
    errors: int
    right_share: float
    right_interval: tuple[float, float]
    """95 % Wilson."""
    wrong_share: float
    wrong_bound: float
    """One-sided 95 % Clopper-Pearson upper bound."""
    unanswerable: int
    unanswerable_right: int
    """Unanswerable questions that were not answered."""
    all_wrong: int
    """Wrong answers to any question."""
    all_wrong_bound: float
    p50_s: float
    p95_s: float
    by_kind: dict[str, dict[str, int]]


class Margin(Value):
    """How much more often the first arm is right on the answerable questions than another."""

    arm: str
    difference: float
    low: float
    """One-sided 95 % lower bound."""
    p: float


async def sit(
    registry: Registry,
    workspace: Workspace,
    questions: Sequence[GoldQuestion],
    *,
    risk: float | None = None,
    encoder: str = "auto",
    sealed: bool = False,
    say: Say = lambda _: None,
) -> list[Sat]:
    """Ask every question once, one after the other, the models warm.

    Args:
        risk: of wrong answers, as the router's settings take it; None: the settings' own.
        encoder: of the worked cases, as the settings take it.
        sealed: keep nothing of what was asked or said.
    """
    from router.config import Settings, StateSettings
    from router.router import Router
    from router.state import State

    with tempfile.TemporaryDirectory(prefix="finroute-exam-") as folder:
        settings = Settings(state=StateSettings(url=f"sqlite:///{Path(folder) / 'a.sqlite'}"))
        cases = settings.cases.model_copy(update={"encoder": encoder})
        settings = settings.model_copy(update={"cases": cases})
        if risk is not None:
            cascade = settings.cascade.model_copy(update={"risk": risk})
            settings = settings.model_copy(update={"cascade": cascade})
        router = Router(workspace, Kept(registry), State(settings.state.url), settings)
        async with router:
            await router.warm()
            sat: list[Sat] = []
            for number, question in enumerate(questions, 1):
                sat.append(await _ask(router, question, sealed=sealed))
                if number % 20 == 0 or number == len(questions):
                    right = sum(each.right for each in sat)
                    say(f"{number} of {len(questions)} asked, {right} right")
    return sat


async def _ask(router: Router, question: GoldQuestion, *, sealed: bool) -> Sat:
    from router import assurance

    begun = time.perf_counter()
    answer: Answer | None = None
    said, features = "", dict[str, float]()
    try:
        answer = await router.aask(question.question)
    except FinrouteError as error:
        said = f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - begun
    graded = grade(question, answer)
    if answer is not None:
        steps = "; ".join(f"{f.specialist} {f.status}" for f in answer.findings)
        features = assurance.features(answer)
        said = f"{' | '.join(answer.planning.replies)} -> [{steps}] {' '.join(answer.text.split())}"
    return Sat(
        id=question.id,
        kind=question.kind,
        answerable=question.answerable,
        hard=question.hard,
        outcome=graded.outcome,
        right=graded.right,
        why=graded.why,
        confidence=answer.confidence if answer is not None else None,
        features={name: round(value, 5) for name, value in features.items()},
        seconds=round(seconds, 3),
        said="" if sealed else said,
    )


def show(arm: str, sat: Sequence[Sat]) -> Showing:
    """What an arm's questions come to."""
    asked = [each for each in sat if each.answerable]
    empty = [each for each in sat if not each.answerable]
    outcomes = [each.outcome for each in asked]
    wrong, right = outcomes.count("wrong"), outcomes.count("right")
    all_wrong = wrong + sum(each.outcome == "wrong" for each in empty)
    low, high = wilson(right, len(asked))
    kinds: dict[str, dict[str, int]] = {}
    for each in sorted(sat, key=lambda e: e.kind):
        row = kinds.setdefault(each.kind, {})
        row[each.outcome] = row.get(each.outcome, 0) + 1
    times = sorted(each.seconds for each in sat)
    return Showing(
        arm=arm,
        count=len(asked),
        right=right,
        wrong=wrong,
        partial=outcomes.count("partial"),
        abstained=outcomes.count("abstained"),
        errors=sum(each.outcome == "error" for each in sat),
        right_share=_share(right, len(asked)),
        right_interval=(round(low, 4), round(high, 4)),
        wrong_share=_share(wrong, len(asked)),
        wrong_bound=round(clopper_pearson(wrong, len(asked))[1], 4),
        unanswerable=len(empty),
        unanswerable_right=sum(each.right for each in empty),
        all_wrong=all_wrong,
        all_wrong_bound=round(clopper_pearson(all_wrong, len(sat))[1], 4),
        p50_s=_quantile(times, 0.5),
        p95_s=_quantile(times, 0.95),
        by_kind=kinds,
    )


def margins(ours: Sequence[Sat], others: Mapping[str, Sequence[Sat]]) -> tuple[Margin, ...]:
    """The first arm against each other one, on the answerable questions both were asked."""
    made: list[Margin] = []
    for arm, sat in others.items():
        theirs = {each.id: each.right for each in sat}
        both = [each for each in ours if each.answerable and each.id in theirs]
        found = paired([each.right for each in both], [theirs[each.id] for each in both])
        made.append(
            Margin(
                arm=arm,
                difference=round(found.difference, 4),
                low=round(found.low, 4),
                p=float(f"{found.p:.3g}"),
            )
        )
    return tuple(made)


def as_line(showing: Showing) -> str:
    """One arm in a line."""
    low, high = showing.right_interval
    return (
        f"{showing.arm:16} right {showing.right_share:.3f} [{low:.3f}, {high:.3f}] of "
        f"{showing.count}, wrong {showing.wrong_share:.3f} (≤ {showing.wrong_bound:.3f}), "
        f"abstained {showing.abstained}, partial {showing.partial}, errors {showing.errors}; "
        f"unanswerable {showing.unanswerable_right}/{showing.unanswerable}; "
        f"p50 {showing.p50_s:.2f} s, p95 {showing.p95_s:.2f} s"
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _quantile(ascending: Sequence[float], share: float) -> float:
    """Nearest rank."""
    if not ascending:
        return 0.0
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


class Kept:
    """A registry that outlives the routers it is lent to."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.assurance = registry.assurance
        self.list = registry.list
        self.specialist = registry.specialist

    async def aclose(self) -> None:
        """Left to the owner."""
        await asyncio.sleep(0)
