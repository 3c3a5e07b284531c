# pyright: basic
"""The proof that what was saved is what was trained: the adapter is loaded again, from disk, over
the base from disk, and must give the trainer's log-probabilities; the base must not have moved.

Everything is computed in float32, whatever it was trained in: bfloat16 weights are exact there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import artefact_digest
from training.tuning.dialogues import Dialogue
from training.tuning.loading import Student
from training.tuning.rendering import Rendered, render

TOLERANCE = 1e-3
"""Mean absolute difference of log-probabilities (nats) that a reloaded adapter may show."""
SERVED = "Qwen3ForCausalLM"
"""The architecture that the in-process engine serves."""

Readings = list[list[float]]


def check(
    student: Student,
    adapter: Path,
    dialogues: Sequence[Dialogue],
    *,
    tolerance: float = TOLERANCE,
) -> dict[str, Any]:
    """Hold a saved adapter against the model it was saved from.

    Args:
        student: after training: its model has the adapter that was saved.
        adapter: folder of the saved adapter.
        dialogues: whose replies are read; not those learned from.

    Returns:
        What was found, for the run's record: ``mean_error`` and ``served_error`` (nats), and so on.

    Raises:
        RecordError: the saved adapter gives other log-probabilities than the trained one, or the
            base changed, on disk or in memory.
        ConfigError: there is no dialogue to read.
    """
    rendered = [render(student.tokenizer, dialogue) for dialogue in dialogues]
    context = student.model.config.max_position_embeddings
    kept = [i for i, each in enumerate(rendered) if len(each) <= context]
    rendered, dialogues = [rendered[i] for i in kept], [dialogues[i] for i in kept]
    if not rendered:
        raise ConfigError("the reload check needs a dialogue that the base's context holds")
    if artefact_digest(student.base) != student.digest:
        raise RecordError(f"the files of the base in {student.base} changed during training")
    with in_float32(student.model):
        trained = logprobs(student.model, rendered)
        plain: Any = AutoModelForCausalLM.from_pretrained(student.base, dtype=torch.float32)
        plain.to(student.device)
        moved = differing(student.model, plain)
    if moved:
        raise RecordError(
            f"the base's weights changed in memory during training: {', '.join(moved[:3])}"
            + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
        )
    loaded = logprobs(PeftModel.from_pretrained(plain, str(adapter)), rendered)
    del plain  # the engine loads one more
    found: dict[str, Any] = {
        "mean_error": difference(trained, loaded),
        "tolerance": tolerance,
        "dialogues": len(rendered),
        "tokens": sum(map(len, trained)),
        "base": "unchanged",
    }
    _within(found["mean_error"], tolerance, "loaded again")
    if served_here(student, dialogues):
        last = [each[-_last(r) :] for each, r in zip(trained, rendered, strict=True)]
        served = asyncio.run(_served(student, adapter, [d.messages for d in dialogues]))
        found["served_error"] = difference(last, served)
        _within(found["served_error"], tolerance, "served in process")
    return found


def _within(error: float, tolerance: float, how: str) -> None:
    if not error <= tolerance:  # not a number is not within
        raise RecordError(
            f"the saved adapter is not the trained one: {how}, its log-probabilities differ by "
            f"{error:.2g} nats; at most {tolerance:g} is right"
        )


def _last(rendered: Rendered) -> int:
    """Tokens of the last reply."""
    begin, end = rendered.replies[-1]
    return end - begin


@torch.no_grad()
def logprobs(model: Any, dialogues: Sequence[Rendered]) -> Readings:
    """Log-probabilities (nats, float32) of each dialogue's reply tokens."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    out: Readings = []
    for each in dialogues:
        ids = torch.tensor([each.ids], device=device)
        places = torch.tensor(
            [i - 1 for begin, end in each.replies for i in range(begin, end)], device=device
        )
        logits = model(input_ids=ids, use_cache=False).logits[0, places].float()
        picked = logits.log_softmax(-1).gather(1, ids[0, places + 1, None])
        out.append(picked[:, 0].tolist())
    model.train(was_training)
    return out


def difference(a: Readings, b: Readings) -> float:
    """Mean absolute difference of two readings of the same tokens, in nats."""
    pairs = [
        (x, y) for left, right in zip(a, b, strict=True) for x, y in zip(left, right, strict=True)
    ]
    return sum(abs(x - y) for x, y in pairs) / len(pairs)


@contextmanager
def in_float32(model: Any) -> Generator[None]:
    """Compute in float32 while it lasts. Going up from bfloat16 and back again changes nothing."""
    halves = [p for p in model.parameters() if p.dtype != torch.float32]
    before = [p.dtype for p in halves]
    for parameter in halves:
        parameter.data = parameter.data.float()
    try:
        yield
    finally:
        for parameter, dtype in zip(halves, before, strict=True):
            parameter.data = parameter.data.to(dtype)


def differing(model: Any, plain: Any) -> list[str]:
    """Names of the base's weights that are not, bit for bit, what they are on disk."""
    inside = {
        name.replace(".base_layer.", "."): parameter
        for name, parameter in model.get_base_model().named_parameters()
        if "lora_" not in name
    }
    return [
        name
        for name, parameter in plain.named_parameters()
        if name not in inside or not torch.equal(inside[name], parameter)
    ]


def served_here(student: Student, dialogues: Sequence[Dialogue]) -> bool:
    """Whether the in-process engine can say what it makes of these dialogues."""
    config = json.loads((student.base / "config.json").read_text(encoding="utf-8"))
    return config.get("architectures") == [SERVED] and not any(d.tools for d in dialogues)


async def _served(
    student: Student, adapter: Path, dialogues: Sequence[Sequence[Message]]
) -> Readings:
    """Log-probabilities of each dialogue's last reply, as the engine that serves gives them."""
    engine = LocalEngine.load(
        student.base,
        adapters={"saved": adapter},
        device=student.device,
        template=str(student.tokenizer.chat_template),
    )
    try:
        return [
            [token.logprob for token in await engine.score(messages, adapter="saved")]
            for messages in dialogues
        ]
    finally:
        await engine.aclose()
