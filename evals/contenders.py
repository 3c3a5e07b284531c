"""The arms of the sealed run: the router as it serves, and what it must beat.

- router: as served, with its assurance
- everything: the same, no answer withheld
- no encoder: as served, the worked cases' vote by BM25 instead of the sentence encoder, and no
  vote on tones
- random: adapters of the same shape that learned nothing, in every job
- grammar: uniform draws from what the grammars admit, in every job
- cases: the plan that the worked cases vote for, slots filled by rule; no language model plans
- linker: the first measure, company and period linked, looked up
- rules: a planner of keywords

Arms that only replace the planner have their steps done by the real specialists. None of the
controls withholds anything: each is judged by all it says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from evals.arms import Arm, Arms
from evals.planners import BarePlanning, Write, WritingEngine, by_rules, first_linked
from specialists.agent import Specialist
from specialists.cases.vote import Votes
from specialists.cases.voted import VotedPlanning
from specialists.engines.base import Engine
from specialists.foundation.contracts import (
    Completion,
    Message,
    Plan,
    ReplySchema,
    Sampling,
    ToolSpec,
)
from specialists.foundation.errors import NotFound
from specialists.foundation.records import Assurance
from specialists.planning.render import PlanningInputs
from specialists.planning.task import PlanningTask
from specialists.registry import Entry, Registry, task
from specialists.task import Form, SingleReply

Give = Callable[[str], Specialist]


class Contender:
    """A registry whose specialists are given by a function of the job."""

    assurance: Assurance | None = None

    def __init__(self, listed: Registry, give: Give) -> None:
        self._listed = listed
        self._give = give

    def list(self) -> tuple[Entry, ...]:
        """The jobs there are."""
        return self._listed.list()

    def specialist(self, name: str) -> Specialist:
        """Who does a job in this arm."""
        return self._give(name)

    async def aclose(self) -> None:
        """The models belong to others."""
        return


def planned_by(registry: Registry, name: str, write: Write) -> Contender:
    """The registry's specialists under a planner that a function replaces."""
    planner = Specialist(task=BarePlanning(), engine=WritingEngine(name, write))
    return Contender(
        registry, lambda job: planner if job == "planning" else registry.specialist(job)
    )


def linker(registry: Registry) -> Contender:
    """The linker's first hits, looked up."""
    return planned_by(registry, "linker", first_linked)


def rules(registry: Registry) -> Contender:
    """Keywords."""
    return planned_by(registry, "rules", by_rules)


def cases(registry: Registry) -> Contender:
    """The worked cases' plan.

    Raises:
        NotFound: there are no worked cases.
    """
    voted = registry.specialist("planning").task
    if not isinstance(voted, VotedPlanning) or voted.votes is None:
        raise NotFound("there are no worked cases beside these weights")
    planner = Specialist(
        task=CasePlanning(voted.votes), engine=WritingEngine("cases", lambda _: "")
    )
    return Contender(
        registry, lambda job: planner if job == "planning" else registry.specialist(job)
    )


class CasePlanning(PlanningTask):
    """The planning job done by the worked cases: whatever the engine writes, they answer."""

    def __init__(self, votes: Votes) -> None:
        self._votes = votes

    def begin(
        self, inputs: PlanningInputs, *, form: Form = "compact", seed: int | None = None
    ) -> SingleReply:
        messages = [Message(role="user", content=inputs.question)]
        return SingleReply(messages, {}, lambda _: self._said(inputs))

    def _said(self, inputs: PlanningInputs) -> Plan:
        vote = self._votes.vote(inputs)
        if vote is None:
            return Plan(subtasks=(), note="no worked case fits the question")
        return vote.plan


def without_encoder(registry: Registry) -> Contender:
    """As served, without the second reader of tones; the cases' encoder is the settings' affair."""

    def give(job: str) -> Specialist:
        specialist = registry.specialist(job)
        if job == "sentiment":
            return dataclasses.replace(specialist, task=task(job))
        return specialist

    contender = Contender(registry, give)
    contender.assurance = registry.assurance
    return contender


def control(registry: Registry, arms: Arms, arm: Arm) -> Contender:
    """Every job in a control arm of the accuracy report, without second readings."""

    def give(job: str) -> Specialist:
        specialist = dataclasses.replace(arms.specialist(job, arm), task=task(job))
        if arm != "grammar":
            return specialist
        return dataclasses.replace(specialist, engine=Drawn(specialist.engine))

    return Contender(registry, give)


class Drawn:
    """An engine that draws where it would have decoded greedily; a seed of its own each call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._calls = 0
        self.model = engine.model

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        """One reply, drawn at temperature 1."""
        self._calls += 1
        return await self._engine.chat(
            messages,
            adapter=adapter,
            schema=schema,
            tools=tools,
            sampling=sampling.model_copy(update={"temperature": 1.0, "seed": self._calls}),
            logprobs=logprobs,
        )

    async def aclose(self) -> None:
        """The engine belongs to the arms."""
        return
