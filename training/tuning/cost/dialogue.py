"""How long a job's dialogues are: ``lengths.toml`` says what was counted."""

from __future__ import annotations

import tomllib
from pathlib import Path

from specialists.foundation.config import Config
from training.tuning.recipe import Recipe

LENGTHS = Path(__file__).parents[1] / "lengths.toml"


class Lengths(Config):
    """Mean tokens of a dialogue."""

    prompt: float
    reply: float
    between: float
    turns: float

    @property
    def whole(self) -> float:
        """Tokens of the whole dialogue."""
        return self.prompt + self.reply + self.between


def lengths(recipe: Recipe) -> Lengths:
    """Mean lengths of a job's dialogues in a recipe's form, none longer than the recipe allows."""
    table = tomllib.loads(LENGTHS.read_text(encoding="utf-8"))
    told = table.get(recipe.specialist, {}).get(recipe.base.form)
    if told is None or recipe.data.file:
        # Data of one's own: nothing is known but the limit.
        part = recipe.data.length / 8
        return Lengths(prompt=part * 2, reply=part, between=part, turns=1)
    found = Lengths(**told)
    if found.whole <= recipe.data.length:
        return found
    share = recipe.data.length / found.whole
    return Lengths(
        prompt=found.prompt * share,
        reply=found.reply * share,
        between=found.between * share,
        turns=found.turns,
    )
