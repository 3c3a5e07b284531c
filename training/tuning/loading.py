# pyright: basic
"""The model that learns: a base as it is on disk, frozen, with an adapter that is not.

Adapters are float32 and are never merged into the base, so that nothing the base says can drift
(merging and unmerging in bfloat16 moves it, trl#6688).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from specialists.engines.hub import find
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import artefact_digest
from specialists.weights import WEIGHTS
from training.tuning import sharded, template
from training.tuning.recipe import BaseSection, Recipe

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass
class Student:
    """A base and the adapter that learns."""

    model: PeftModel
    tokenizer: PreTrainedTokenizerFast
    base: Path
    """Folder of the base."""
    digest: str
    """Of the base's files."""
    device: str


def base_folder(base: BaseSection) -> Path:
    """Where a recipe's base is.

    Raises:
        EngineError: no such folder, or an id that is neither cached nor reachable.
    """
    return find(base.source) if base.source else WEIGHTS / "base"


def device(base: BaseSection) -> str:
    """``cpu`` or ``cuda``."""
    if base.device != "auto":
        return base.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def student(recipe: Recipe, *, tools: bool, turns: bool) -> Student:
    """Load the base, put the adapter on it.

    Args:
        tools: the job uses tools.
        turns: the job takes more than one reply.

    Raises:
        ConfigError: a template that is not fit for training, or a start that is no adapter for it.
        EngineError: the base cannot be found or read.
    """
    torch.set_num_threads(recipe.learning.threads)
    disable_progress_bar()  # progress is the run's to tell
    folder = base_folder(recipe.base)
    tokenizer = template.prepare(AutoTokenizer.from_pretrained(folder), recipe.base)
    template.check(tokenizer, turns=turns, tools=tools, listed=recipe.base.form == "full")
    where = device(recipe.base)
    plain: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=TYPES[recipe.base.dtype])
    plain.to(where)
    return Student(_adapted(plain, recipe), tokenizer, folder, artefact_digest(folder), where)


def _adapted(plain: Any, recipe: Recipe) -> PeftModel:
    if recipe.start:
        if not (Path(recipe.start) / "adapter_config.json").is_file():
            raise ConfigError(f"start: {recipe.start} holds no adapter (adapter_config.json)")
        try:
            return PeftModel.from_pretrained(plain, recipe.start, is_trainable=True)
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"start: {recipe.start} is no adapter for this base: {error}") from (
                error
            )
    torch.manual_seed(recipe.seed_of("init"))
    return get_peft_model(
        plain,
        LoraConfig(
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            lora_dropout=recipe.lora.dropout,
            target_modules="all-linear",
            bias="none",
            task_type="CAUSAL_LM",
        ),
    )


def save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    """The adapter in safetensors, as peft, vLLM and the in-process engine read it.

    Args:
        base: the base's name; where it lay on this machine is no part of the adapter.

    To be called by all processes together where the model is in shards.
    """
    # Embeddings are never tuned; left to itself, peft asks the hub whether they were.
    model.save_pretrained(
        str(folder),
        safe_serialization=True,
        state_dict=sharded.state(model),
        save_embedding_layers=False,
    )
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty card; ours tells what it is
