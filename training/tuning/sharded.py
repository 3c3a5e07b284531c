# pyright: basic
"""A student that learned in shards (FSDP2), whole again: what is saved and proved is one model.

Under FSDP each process holds a part of every weight. The adapter's parts are brought together and
laid over a base read afresh from disk, which then is what any single process would have trained.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from torch.distributed.tensor import DTensor

from training.tuning import loading
from training.tuning.loading import Student
from training.tuning.recipe import Recipe


def is_sharded(model: torch.nn.Module) -> bool:
    """Whether this process holds parts of weights."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def adapter(model: Any) -> dict[str, torch.Tensor]:
    """The whole adapter on the CPU; to be called by all processes together."""
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {
        name: (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu().clone()
        for name, value in state.items()
    }


def whole(student: Student, recipe: Recipe) -> Student:
    """The student as one process holds it; to be called by all processes together."""
    if not is_sharded(student.model):
        return student
    weights = adapter(student.model)
    fresh = loading.student(recipe, tools=False, turns=False)
    set_peft_model_state_dict(fresh.model, weights)
    fresh.model.eval()
    return fresh
