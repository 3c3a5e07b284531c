"""A sheet through lm-evaluation-harness, with nothing of ours but the weights.

The harness loads base and adapter with transformers and peft, renders the dialogue with the
tokenizer's own template, decodes greedily without a grammar, reads the label with a pattern and
counts. So a difference may come from the engine, the template, the end of a reply, the reading or
the judge: each has another implementation here.
"""

from __future__ import annotations

import json
import os
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evals.frameworks.sheet import LABEL
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError, EngineError

NAME = "lm-evaluation-harness"
TASK = "finroute_sentiment"
MOST = 32
"""Tokens of a reply."""
END = "<|im_end|>"


class Told(Value):
    """What the harness makes of one question."""

    id: str
    output: str
    label: str
    """As its pattern read it; ``[invalid]``: no label."""
    right: bool


class Measured(Value):
    """A run of the harness."""

    framework: str
    version: str
    accuracy: float
    """As the harness reports it."""
    stderr: float
    told: tuple[Told, ...]


def installed() -> bool:
    """Whether the harness is there; it is no dependency of ours."""
    return find_spec("lm_eval") is not None


def run(sheet: Path, base: Path, adapter: Path | None, *, template: bool = True) -> Measured:
    """Put a sheet to a model. Nothing goes to the network.

    Args:
        sheet: JSON lines of ``sheet.rows``, all of one system message.
        base: folder of the base, as transformers saves it.
        adapter: folder of a LoRA adapter; None: the base alone.
        template: apply the chat template. The harness's own default is not to.

    Raises:
        ConfigError: the harness is not installed.
        EngineError: it gave no results.
    """
    if not installed():
        raise ConfigError("lm-evaluation-harness is not installed: pip install lm-eval==0.4.13")
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        os.environ[name] = "1"
    evaluate: Any = import_module("lm_eval.evaluator").simple_evaluate
    hf: Any = import_module("lm_eval.models.huggingface").HFLM
    model = hf(
        pretrained=str(base),
        peft=None if adapter is None else str(adapter),
        device="cpu",
        dtype="float32",
        batch_size=8,
    )
    found = evaluate(
        model=model,
        tasks=[task(sheet)],
        apply_chat_template=template,
        system_instruction=_system(sheet),
        log_samples=True,
        bootstrap_iters=0,
    )
    if found is None:
        raise EngineError(f"{NAME} gave no results")
    figures = found["results"][TASK]
    samples = [s for s in found["samples"][TASK] if s["filter"] == "label"]
    return Measured(
        framework=NAME,
        version=metadata.version("lm_eval"),
        accuracy=float(figures["exact_match,label"]),
        stderr=_number(figures.get("exact_match_stderr,label")),
        told=tuple(
            Told(
                id=sample["doc"]["id"],
                output=sample["resps"][0][0],
                label=str(sample["filtered_resps"][0]),
                right=bool(sample["exact_match"]),
            )
            for sample in samples
        ),
    )


def task(sheet: Path) -> dict[str, Any]:
    """The task as the harness's own configuration."""
    return {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(sheet)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{user}}",
        "doc_to_target": "{{label}}",
        "generation_kwargs": {
            "until": [END],
            "do_sample": False,
            "temperature": 0.0,
            "max_gen_toks": MOST,
        },
        "filter_list": [
            {
                "name": "label",
                "filter": [
                    {"function": "regex", "regex_pattern": LABEL},
                    {"function": "take_first"},
                ],
            }
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "num_fewshot": 0,
        "metadata": {"version": 1},
    }


def _system(sheet: Path) -> str:
    found = {json.loads(line)["system"] for line in sheet.read_text("utf-8").splitlines()}
    if len(found) != 1:
        raise ConfigError(f"{sheet} has {len(found)} system messages; the harness takes one")
    return found.pop()


def _number(told: Any) -> float:
    try:
        return float(told)
    except (TypeError, ValueError):
        return float("nan")  # the harness writes "N/A" where it did not compute it
