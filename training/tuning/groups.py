"""Groups of episodes: several of one question, paid, and drawn again elsewhere where all agree.

A group in which every episode is paid the same teaches nothing: its advantages are zero. Before a
step such groups are replaced by groups of fresh questions (dynamic sampling, DAPO, arXiv
2503.14476), as often as the recipe allows. TRL does not do that (trl#3708).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from specialists.task import Task
from training.tuning import rewards
from training.tuning.data import Examples
from training.tuning.recipe import Recipe
from training.tuning.rollouts import Rollout, Rollouts, Wish, seed_of


@dataclass(frozen=True)
class Paid:
    """An episode and what it is paid."""

    rollout: Rollout
    parts: Mapping[str, float | None]
    reward: float | None
    """None: it could not be judged."""


@dataclass(frozen=True)
class Drawn:
    """What a step learns from."""

    groups: list[list[Paid]]
    asked: int
    """Groups drawn, those that were replaced among them."""
    replaced: int
    written: int
    """Tokens sampled for all groups drawn."""


class Groups:
    """Draws the groups of one run. The same step of the same recipe and student gives the same."""

    def __init__(self, recipe: Recipe, task: Task, rollouts: Rollouts, examples: Examples) -> None:  # type: ignore[type-arg]
        self._recipe, self._task, self._rollouts = recipe, task, rollouts
        self._examples = examples
        self.luck = 0.5
        """Of the placebo: how often it pays. Set to the start's own success by the trainer."""

    async def draw(self, chosen: Sequence[int], step: int) -> Drawn:
        """A group for each chosen example.

        Args:
            chosen: places in the examples.
            step: what the seeds follow from, beside the recipe's own.
        """
        spare = self._spare(chosen)
        groups = await self._groups(chosen, step, attempt=0)
        asked, replaced, written = len(groups), 0, _written(groups)
        for attempt in range(1, self._recipe.grpo.refill + 1):
            flat = [place for place, group in enumerate(groups) if agree(group)]
            fresh = list(itertools.islice(spare, len(flat)))
            if not fresh:
                break
            drawn = await self._groups(fresh, step, attempt=attempt)
            asked += len(drawn)
            written += _written(drawn)
            for place, group in zip(flat, drawn, strict=False):
                if not agree(group):
                    groups[place] = group
                    replaced += 1
        return Drawn(groups, asked, replaced, written)

    def _spare(self, chosen: Sequence[int]) -> Iterator[int]:
        """Examples to go on with: those that follow the chosen ones, in the recipe's order, so that
        a staged order stays one."""
        count = len(self._examples)
        taken = set(chosen)
        follow = ((max(chosen) + 1 + ahead) % count for ahead in range(count))
        return (place for place in follow if place not in taken)

    async def _groups(self, places: Sequence[int], step: int, attempt: int) -> list[list[Paid]]:
        size, seed = self._recipe.grpo.group, self._recipe.seed_of("sampler")
        wishes = [
            Wish(self._examples[place], seed_of(seed, step, attempt, place, number))
            for place in places
            for number in range(size)
        ]
        drawn = await self._rollouts.draw(wishes)
        paid = [self.pay(rollout) for rollout in drawn]
        return [paid[at : at + size] for at in range(0, len(paid), size)]

    def pay(self, rollout: Rollout) -> Paid:
        """Judge an episode."""
        parts = rewards.parts(self._task, rollout.wish.example, rollout.run)
        if self._recipe.method == "grpo_placebo":
            return Paid(rollout, parts, rewards.placebo(str(rollout.wish.seed), self.luck))
        return Paid(rollout, parts, rewards.reward(parts, self._recipe.reward.weights))


def _written(groups: Sequence[Sequence[Paid]]) -> int:
    return sum(sum(paid.rollout.mask) for group in groups for paid in group)


def agree(group: Sequence[Paid]) -> bool:
    """Whether all of a group that could be judged were paid the same."""
    told = [paid.reward for paid in group if paid.reward is not None]
    return len(told) < 2 or max(told) - min(told) < 1e-9
