# pyright: basic
"""A student that learned in shards (FSDP2), whole again: what is saved and proved is one model.

Under FSDP each process holds a part of every weight. The adapter's parts are brought together and
laid over a base read afresh from disk, which then is what any single process would have trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from torch.distributed.tensor import DTensor, distribute_tensor

from training.tuning.recipe import Recipe

if TYPE_CHECKING:
    from training.tuning.loading import Student


def is_sharded(model: torch.nn.Module) -> bool:
    """Whether this process holds parts of weights."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def adapter_of(model: Any) -> dict[str, torch.Tensor]:
    """The whole adapter on the CPU; to be called by all processes together."""
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: _full(value).detach().cpu().clone() for name, value in state.items()}


def state(model: Any) -> dict[str, torch.Tensor] | None:
    """The adapter's weights as peft saves them, by the model's own names; None: it is not in
    shards, and peft finds them itself. To be called by all processes together."""
    if not is_sharded(model):
        return None
    return {
        name: _full(p).detach().cpu() for name, p in model.named_parameters() if "lora_" in name
    }


def lay(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Put a whole adapter into the model; to be called by all processes together."""
    there = get_peft_model_state_dict(model, save_embedding_layers=False)
    set_peft_model_state_dict(
        model, {name: _like(there.get(name), value) for name, value in weights.items()}
    )


def _full(value: torch.Tensor) -> torch.Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _like(there: torch.Tensor | None, value: torch.Tensor) -> torch.Tensor:
    if not isinstance(there, DTensor):
        return value
    return distribute_tensor(value.to(there.device), there.device_mesh, there.placements)


def whole(student: Student, recipe: Recipe) -> Student:
    """The student as one process holds it; to be called by all processes together."""
    if not is_sharded(student.model):
        return student
    from training.tuning import loading

    weights = adapter_of(student.model)
    fresh = loading.student(recipe, tools=False, turns=False)
    lay(fresh.model, weights)
    fresh.model.eval()
    return fresh
