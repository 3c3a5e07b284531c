"""The large model that plans and, asked, steps in: any LangChain chat model, by configuration.

It learns the form of plans from worked cases like the question, put before it as solved dialogues.
"""

from __future__ import annotations

import asyncio
import os

from router.config import PlannerSettings
from specialists.cases.shots import reply, shots
from specialists.cases.vote import Votes, question
from specialists.engines.langchain import LangChainEngine, connect
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from specialists.planning.render import PlanningInputs
from specialists.planning.task import PlanningTask
from specialists.task import Form, SingleReply
from specialists.workspace.standins import masked

LOOKED_AT = 40
"""Nearest cases among which examples of different shapes are sought."""


def from_settings(settings: PlannerSettings) -> LangChainEngine:
    """The chat model that the settings name.

    Raises:
        ConfigError: no such provider, or the variable that should hold its key is not set.
    """
    key = None
    if settings.api_key_env is not None:
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise ConfigError(f"planner.api_key_env: {settings.api_key_env} is not set")
    chat = connect(
        settings.provider,
        settings.model,
        url=settings.base_url,
        key=key,
        timeout_s=settings.timeout_s,
        section="planner",
    )
    return LangChainEngine(chat, name=settings.model, structured=settings.structured)


class ExemplaryPlanning(PlanningTask):
    """Planning in full, after a few worked cases like the question."""

    def __init__(self, votes: Votes, count: int) -> None:
        """``votes`` hold the cases; ``count`` of them at most are shown."""
        self._votes = votes
        self._count = count

    async def ready(self) -> None:
        """Load the cases, and their encoder, where the event loop does not wait for it."""
        await asyncio.to_thread(self._votes.library)

    def begin(
        self, inputs: PlanningInputs, *, form: Form = "full", seed: int | None = None
    ) -> SingleReply:
        episode = super().begin(inputs, form=form, seed=seed)
        library = self._votes.library() if form == "full" and self._count else None
        if library is None:
            return episode
        text, linked = question(inputs, ())
        near = library.nearest(masked(text, linked.handles).text, LOOKED_AT)
        examples = [
            message
            for asked, plan in shots((case for case, _ in near), self._count)
            for message in (
                Message(role="user", content=f"Question: {asked}"),
                Message(role="assistant", content=reply(plan)),
            )
        ]
        episode.messages[1:1] = examples
        return episode
