"""From a question and a catalogue to a sound plan, by the job ``planning`` on any model.

The model may be the embedded planning adapter (compact form) or any chat model (full form). It
reads names, titles and years; never a document's text, never a number from a table.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from router.config import CaseSettings
from specialists import agent
from specialists.agent import Specialist
from specialists.cases.vote import Vote
from specialists.cases.voted import VotedPlanning
from specialists.engines.base import Engine
from specialists.foundation.contracts import (
    Finding,
    Message,
    Plan,
    Sampling,
    ServedBy,
    Signals,
    Usage,
)
from specialists.foundation.errors import EngineError, Overloaded, PlanError
from specialists.planning.render import PlanningInputs
from specialists.planning.task import PlanningTask
from specialists.task import Form, SingleReply
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.links import Linker

_YEAR = re.compile(r"\d{4}")
AGAIN = Sampling(temperature=0.7, top_p=0.95, seed=1)
"""How a compact plan is drawn a second time: greedy decoding would only repeat itself."""
FULL_TOKENS = 2_000
"""Tokens a chat model's plan may take."""


@dataclass(frozen=True)
class Drafted:
    """A plan and how it came to be."""

    plan: Plan
    served_by: ServedBy
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    replies: tuple[str, ...] = ()
    """The model's replies, verbatim, in order."""
    confidence: float | None = None
    signals: Signals | None = None
    """What the confidence was made of."""
    gaps: tuple[str, ...] = ()
    """What the question names and the plan leaves out."""


class Planner:
    """Plans questions over one catalogue."""

    def __init__(
        self,
        specialist: Specialist,
        catalogue: Catalogue,
        linker: Linker,
        specialists: Sequence[str],
        max_steps: int,
        cases: CaseSettings,
    ) -> None:
        """``specialists`` are the names a plan may give work to."""
        self._cases = cases
        self._specialist = specialist
        self._catalogue = catalogue
        self._linker = linker
        self._names = tuple(specialists)
        self._max_steps = max_steps

    @property
    def mends(self) -> bool:
        """Whether the model can be told what was wrong: one tuned to handles cannot read that."""
        return self._specialist.form == "full"

    async def draft(self, question: str, *, engine: Engine, reason: str = "") -> Drafted:
        """A sound plan. One that is not goes back once, with the reason.

        Args:
            engine: makes the calls (the specialist's own engine, metered).
            reason: why an earlier plan for this question did not do.

        Raises:
            PlanError: no sound plan after the second attempt.
            Overloaded: the model has no room for the call now.
            EngineError: the model could not be reached.
        """
        specialist = replace(self._specialist, engine=engine)
        inputs, vote = await self._read(question)
        sampling = Sampling(max_tokens=FULL_TOKENS) if self.mends else Sampling()
        runs: list[agent.Run] = []
        sound: list[agent.Run] = []
        for attempt in range(2):
            last = runs[-1] if runs else None
            if last is not None:
                reason = last.outcome.error or reason
            told = (
                replace(specialist, task=_Retold(specialist.task, last, reason))
                if self.mends and reason and isinstance(specialist.task, PlanningTask)
                else specialist
            )
            if attempt and not self.mends:
                sampling = AGAIN
            run = await agent.answer_one(told, inputs, sampling=sampling)
            runs.append(run)
            if run.broken and run.answer is None:
                raise _silent(run)
            wrong = self._unsound(run)
            if run.answer is not None and not wrong:
                sound.append(run)
                if not run.problems:
                    break
        if not sound and vote is not None and self._taught(vote):
            return self._drafted(inputs, runs[-1], runs, vote)
        if not sound:
            why = "; ".join(self._unsound(runs[-1])) or runs[-1].outcome.error
            spelled = inputs.linked.handles.spell(why)  # people do not read handles
            raise PlanError(f"no sound plan was found for this question: {spelled}")
        best = min(sound, key=lambda run: len(run.problems))  # the first of equals
        return self._drafted(inputs, best, runs, vote)

    async def _read(self, question: str) -> tuple[PlanningInputs, Vote | None]:
        """The question with the user's cases it is like, and what the cases make of it."""
        inputs = PlanningInputs(question, self._catalogue, self._linker, self._names)
        task = self._specialist.task
        if self.mends or not isinstance(task, VotedPlanning) or task.votes is None:
            return inputs, None
        cases = await asyncio.to_thread(task.cases, inputs)  # the first loads the encoder
        vote = await asyncio.to_thread(task.votes.vote, inputs)
        return replace(inputs, cases=cases), vote

    def _unsound(self, run: agent.Run) -> list[str]:
        """What makes a plan impossible to carry out; gaps do not."""
        from specialists.planning import check

        if run.answer is None:
            return [run.outcome.error]
        plan: Plan = run.answer
        problems = check.check(plan, self._names)
        if len(plan.subtasks) > self._max_steps:
            problems.append(f"{len(plan.subtasks)} steps; at most {self._max_steps} are allowed")
        return problems

    def _strange(self, inputs: PlanningInputs) -> str:
        """Companies or years the question names where it names none that is known.

        A plan for such a question would be about something else: the latest year, all companies.
        """
        linked = inputs.linked
        kinds = {target.kind for handle, target in linked.handles.items() if handle in linked.text}
        years = [u for u in linked.unknown if _YEAR.search(u)]
        others = [u for u in linked.unknown if u not in years]
        if years and "p" not in kinds:
            return ", ".join(map(repr, years))
        if others and "e" not in kinds and len(self._catalogue.companies) > 1:
            return ", ".join(map(repr, others))
        return ""

    def _drafted(
        self,
        inputs: PlanningInputs,
        best: agent.Run,
        runs: Sequence[agent.Run],
        vote: Vote | None,
    ) -> Drafted:
        taught = vote is not None and self._taught(vote)
        plan: Plan = vote.plan if vote is not None and taught else best.answer
        strange = self._strange(inputs) if plan.subtasks else ""
        if strange:
            plan = Plan(subtasks=(), note=f"not in this workspace: {strange}")
        elif not taught and best.outcome.answer is None and not best.problems:
            # sound, but too unsure of itself
            plan = Plan(subtasks=(), note=f"the planner abstained: {best.outcome.error}")
        elif not taught and vote is not None and self._differ(plan, vote):
            readings = f"{_spoken(plan)} Or: {_spoken(vote.plan)}"
            plan = Plan(subtasks=(), note=f"two readings, ask for one in other words: {readings}")
        return Drafted(
            plan=plan,
            served_by=self._specialist.served_by,
            usage=sum((run.usage for run in runs), Usage()),
            replies=tuple(c.message.content for run in runs for c in run.completions),
            confidence=best.outcome.confidence,
            signals=best.outcome.signals,
            gaps=best.problems if plan.subtasks and not taught else (),
        )

    def _taught(self, vote: Vote) -> bool:
        """Whether the question surely asks for an operation that the user taught."""
        return vote.own and vote.reading.probability >= self._cases.own

    def _differ(self, plan: Plan, vote: Vote) -> bool:
        """Whether the cases read the question otherwise, and surely enough to withhold the plan."""
        if self._cases.disagreement == "signal" or not plan.subtasks:
            return False
        return vote.reading.probability >= self._cases.sure and not vote.agrees(plan)


def _silent(run: agent.Run) -> EngineError:
    """What is told where the model did not answer: when to ask again, where that is known."""
    said = f"the planner did not answer: {run.outcome.error}"
    if isinstance(run.cause, Overloaded):
        return Overloaded(said, run.cause.retry_after)
    return EngineError(said)


def _spoken(plan: Plan) -> str:
    """What a plan asks for in the end, in words."""
    inner = {parent for step in plan.subtasks for parent in step.parents()}
    last = [step.instruction for step in plan.subtasks if step.id not in inner]
    return " ".join(last) or f"nothing ({plan.note})."


class _Retold(PlanningTask):
    """The job, with an earlier attempt and what was wrong with it at the end of the dialogue."""

    def __init__(self, job: PlanningTask, earlier: agent.Run | None, reason: str) -> None:
        self._job = job
        self._earlier = earlier
        self._reason = reason

    def begin(
        self, inputs: PlanningInputs, *, form: Form = "compact", seed: int | None = None
    ) -> SingleReply:
        episode = self._job.begin(inputs, form=form, seed=seed)
        if self._earlier is not None and self._earlier.completions:
            episode.messages.append(self._earlier.completions[-1].message)
        episode.messages.append(
            Message(role="user", content=f"That plan does not do: {self._reason}. Write another.")
        )
        return episode


def shortfall(findings: Sequence[Finding]) -> str:
    """What a run lacks, as the reason for another plan; empty when nothing does."""
    return "; ".join(
        f"{f.subtask} ({f.specialist}) {f.status}: {f.reason or 'no reason given'}"
        for f in findings
        if f.status != "ok"
    )
