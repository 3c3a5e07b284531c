"""An adapter's folder, and the proof that what is loaded is what was made.

A folder holds ``adapter_model.safetensors``, ``adapter_config.json``, ``run.json`` (how it was
made), ``README.md`` (its card) and ``canary.json``: a few dialogues with the log-probabilities that
base and adapter gave when it was made. Digests prove the files; the canary proves the serving: an
engine that drops the adapter, applies another, or runs another base gives other log-probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from specialists.foundation import records
from specialists.foundation.contracts import Message, TokenLogprob, Value
from specialists.foundation.errors import AdapterError, RecordError
from specialists.foundation.records import Record, RunRecord

TOLERANCE = 0.01
"""Nats a token, on average: above what float32 differs by machine, below an adapter's effect."""


class Scoring(Protocol):
    """An engine that tells how likely given words are."""

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the last message's tokens."""
        ...


class CanaryCase(Value):
    """A dialogue that ends with a reply, and the log-probabilities of that reply's tokens."""

    dialogue: tuple[Message, ...]
    base: tuple[float, ...]
    adapter: tuple[float, ...]


class Canary(Record):
    """What base and adapter must give."""

    adapter: str
    """Digest of the adapter."""
    base: str
    """Digest of the base."""
    cases: tuple[CanaryCase, ...]

    @property
    def effect(self) -> float:
        """How far the adapter moves the base: mean absolute difference in nats a token."""
        return _distance([c.base for c in self.cases], [c.adapter for c in self.cases])


def open_adapter(folder: Path, *, expected: str, base: str) -> RunRecord:
    """Check an adapter's folder and return its record.

    Args:
        expected: the digest it must have.
        base: digest of the base it is to be served on.

    Raises:
        AdapterError: altered, without a record, or made on another base; the message says which.
    """
    try:
        record = records.verify(folder, expected)
    except RecordError as error:
        raise AdapterError(f"the adapter in {folder.name} is refused: {error}") from error
    if record.kind != "adapter":
        raise AdapterError(f"{record.name} in {folder.name} is a {record.kind}, not an adapter")
    if record.base != base:
        raise AdapterError(
            f"the adapter {record.name} was made on base {(record.base or 'unknown')[:12]}; "
            f"this base is {base[:12]}"
        )
    return record


async def take_canary(
    engine: Scoring,
    adapter: str,
    dialogues: Sequence[Sequence[Message]],
    *,
    digest: str,
    base: str,
) -> Canary:
    """Write down what base and adapter give on some dialogues, each ending with a reply.

    Raises:
        AdapterError: the adapter moves the base too little for a canary to tell them apart.
    """
    canary = Canary(
        adapter=digest,
        base=base,
        cases=tuple(
            [
                CanaryCase(
                    dialogue=tuple(dialogue),
                    base=_values(await engine.score(dialogue)),
                    adapter=_values(await engine.score(dialogue, adapter=adapter)),
                )
                for dialogue in dialogues
            ]
        ),
    )
    if canary.effect < 2 * TOLERANCE:
        raise AdapterError(
            f"adapter {adapter} moves the base by {canary.effect:.4f} nats a token on these "
            "dialogues; choose dialogues where it acts"
        )
    return canary


async def attest(engine: Scoring, adapter: str, canary: Canary, *, cases: int = 3) -> None:
    """Hold a loaded adapter against the first few cases of its canary.

    Raises:
        AdapterError: another base, an adapter that does not act, or another adapter.
    """
    told = canary.cases[:cases]
    dialogues = [case.dialogue for case in told]
    base = [_values(await engine.score(d)) for d in dialogues]
    if _differ(base, [case.base for case in told]):
        raise AdapterError(
            f"adapter {adapter} is refused: the base it is served on is not the one it was made on"
        )
    tuned = [_values(await engine.score(d, adapter=adapter)) for d in dialogues]
    if not _differ(tuned, [case.adapter for case in told]):
        return
    if not _differ(tuned, base):
        raise AdapterError(f"adapter {adapter} is refused: served, it does not act on the base")
    raise AdapterError(
        f"adapter {adapter} is refused: it gives other log-probabilities than when it was made"
    )


def _values(tokens: Sequence[TokenLogprob]) -> tuple[float, ...]:
    return tuple(round(token.logprob, 6) for token in tokens)


_Readings = Sequence[Sequence[float]]


def _differ(left: _Readings, right: _Readings) -> bool:
    return [len(r) for r in left] != [len(r) for r in right] or _distance(left, right) > TOLERANCE


def _distance(left: _Readings, right: _Readings) -> float:
    gaps = [abs(x - y) for a, b in zip(left, right, strict=True) for x, y in zip(a, b, strict=True)]
    return sum(gaps) / len(gaps) if gaps else 0.0
