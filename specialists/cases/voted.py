"""The job ``planning`` with the worked cases' vote beside the model's own plan.

Whoever runs the job runs it with the vote, so that serving, evaluation and calibration see the same
signals. The vote never changes the plan; what a disagreement leads to is the router's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from specialists.cases.shelf import FOLDER
from specialists.cases.vote import Votes, packaged, shown
from specialists.foundation.contracts import Evidence, Plan, Signals
from specialists.planning.pointing import Case
from specialists.planning.render import PlanningInputs
from specialists.planning.task import PlanningTask


class VotedPlanning(PlanningTask):
    """Planning whose signals tell what the worked cases say."""

    def __init__(self, votes: Votes | None = None, encoder: str = "auto") -> None:
        """What it votes with.

        Args:
            votes: None: nothing, until it is ``equipped`` with a folder of weights.
            encoder: ``auto``, ``none`` or a folder; see ``vote.packaged``.
        """
        self.encoder = encoder
        self.votes = votes

    def equipped(self, weights: Path) -> VotedPlanning:
        return VotedPlanning(Votes(packaged(self.encoder), weights / FOLDER.name), self.encoder)

    def reading_with(self, encoder: str) -> VotedPlanning:
        """The same with another encoder; see ``vote.packaged``."""
        if encoder == self.encoder or self.votes is None:
            return self
        return VotedPlanning(Votes(packaged(encoder), self.votes.folder), encoder)

    def cases(self, inputs: PlanningInputs) -> tuple[Case, ...]:
        """The user's cases that the model should see with a question."""
        library = self.votes.library() if self.votes is not None else None
        return () if library is None else shown(library, inputs)

    def signals(
        self, inputs: PlanningInputs, answer: Plan, evidence: Sequence[Evidence]
    ) -> Signals:
        vote = self.votes.vote(inputs) if self.votes is not None else None
        return Signals() if vote is None else vote.signals(answer)
