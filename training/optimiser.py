"""Muon for the matrices, AdamW for embeddings and norms, one schedule for both.

Muon: Jordan et al. 2024 (``torch.optim.Muon``). The schedule is a short warm-up, a plateau, and a
linear decay to zero over the last part of the budget, measured in progress from 0 to 1.
"""

from __future__ import annotations

import torch
from torch import nn

from training.recipe import OptimiserRecipe


def rate(progress: float, recipe: OptimiserRecipe) -> float:
    """The factor on the learning rates at ``progress`` in [0, 1]."""
    if recipe.warmup and progress < recipe.warmup:
        return max(progress / recipe.warmup, 0.01)
    if recipe.cooldown and progress > 1 - recipe.cooldown:
        return max((1 - progress) / recipe.cooldown, 0.0)
    return 1.0


class Optimiser:
    """The two optimisers as one."""

    def __init__(self, model: nn.Module, recipe: OptimiserRecipe) -> None:
        self.recipe = recipe
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            inside = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
            (matrices if inside else rest).append(parameter)
        self._parameters = [*matrices, *rest]
        self._muon = torch.optim.Muon(
            matrices,
            lr=recipe.muon,
            weight_decay=recipe.decay,
            momentum=recipe.momentum,
        )
        self._adamw = torch.optim.AdamW(
            rest, lr=recipe.adamw, betas=recipe.betas, weight_decay=0.0, fused=True
        )

    def step(self, progress: float) -> float:
        """Apply the gradients and clear them. Returns the gradient's norm before clipping."""
        factor = rate(progress, self.recipe)
        for part, base in ((self._muon, self.recipe.muon), (self._adamw, self.recipe.adamw)):
            for group in part.param_groups:
                group["lr"] = base * factor
        limit = self.recipe.clip or float("inf")
        norm = float(nn.utils.clip_grad_norm_(self._parameters, limit))
        self._muon.step()
        self._adamw.step()
        for parameter in self._parameters:
            parameter.grad = None
        return norm

    def state_dict(self) -> dict[str, object]:
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])
