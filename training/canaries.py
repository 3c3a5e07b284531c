"""The canary beside an adapter: dialogues with the log-probabilities that base and adapter give.

They are read through the engine that serves, so they also say how far serving is from training.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from specialists.attestation import Canary, NumberFormat, rounding, take_canary
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Message
from specialists.foundation.records import CANARY, artefact_digest

CASES = 8
SHORT: NumberFormat = "bfloat16"
"""What large models are served in: what it does to the model is measured beside the canary."""

Dialogue = Sequence[Message]


def write(base: Path, folder: Path, job: str, dialogues: Sequence[Dialogue]) -> float:
    """Write ``canary.json``, of the dialogues on which the adapter moves the base most.

    Returns the adapter's mean effect on those (nats a token).

    Raises:
        AdapterError: the adapter hardly moves the base on any of them.
    """
    canary = asyncio.run(_take(base, folder, job, dialogues))
    canary.write(folder / CANARY)
    return canary.effect


async def _take(base: Path, folder: Path, job: str, dialogues: Sequence[Dialogue]) -> Canary:
    canary = await _in_float32(base, folder, job, dialogues)
    short = LocalEngine.load(base, adapters={job: folder}, dtype=SHORT)
    try:
        return canary.model_copy(update={"rounding": {SHORT: await rounding(short, job, canary)}})
    finally:
        await short.aclose()


async def _in_float32(base: Path, folder: Path, job: str, dialogues: Sequence[Dialogue]) -> Canary:
    engine = LocalEngine.load(base, adapters={job: folder})
    try:
        # An adapter may act on any turn: each reply of a dialogue is a case of its own.
        turns = [
            dialogue[: at + 1]
            for dialogue in dialogues
            for at, message in enumerate(dialogue)
            if message.role == "assistant"
        ]
        moved: list[tuple[float, int]] = []
        for index, dialogue in enumerate(turns):
            plain = await engine.score(dialogue)
            tuned = await engine.score(dialogue, adapter=job)
            gaps = [abs(a.logprob - b.logprob) for a, b in zip(plain, tuned, strict=True)]
            moved.append((-sum(gaps) / len(gaps), index))
        chosen = [turns[index] for _, index in sorted(moved)[:CASES]]
        return await take_canary(
            engine,
            job,
            chosen,
            digest=artefact_digest(folder),
            base=artefact_digest(base),
        )
    finally:
        await engine.aclose()
