"""The proof that what a server serves is what was made: canaries, and holding servers against them.

``canary.json`` beside an adapter has a few dialogues with the log-probabilities that base and
adapter gave when it was made. Digests prove the files; the canary proves the serving: an engine
that drops the adapter, applies another, runs another base, template or number format, gives other
log-probabilities. What no single request shows is asked in a crowd: a server that lets an adapter
into the base's requests of one batch is found by asking both at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Literal, Protocol

from pydantic import Field

from specialists.engines.base import Engine
from specialists.foundation.contracts import Message, Sampling, TokenLogprob, Value
from specialists.foundation.digests import digest
from specialists.foundation.errors import AdapterError
from specialists.foundation.records import Record

NumberFormat = Literal["float32", "bfloat16", "float16"]
TOLERANCES: dict[NumberFormat, float] = {"float32": 5e-4, "float16": 3e-3, "bfloat16": 1.5e-2}
"""Nats a token, on average, that any served model may differ from its canary, which is taken in
float32. Measured on the embedded base: float32 under 1e-5, bfloat16 between 1e-3 and 8e-3. Deeper
models round more: what theirs does was measured when the canary was taken (``Canary.rounding``)."""
MARGIN = 3.0
"""Times that: servers add up in another order than the engine that took the canary."""
EFFECT = 0.02
"""Nats a token by which an adapter must move the base on the dialogues of its canary."""
CROWD = 3
"""Rounds of asking the base amid requests for adapters."""
_SHORT = Sampling(max_tokens=6)


class Scoring(Protocol):
    """An engine that tells how likely given words are."""

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the last message's tokens."""
        ...


class Reading(Protocol):
    """An engine that tells how it reads a dialogue."""

    async def tokens(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> Sequence[int]:
        """Ids of a whole dialogue's tokens, as the engine's template and tokenizer make them."""
        ...


class CanaryCase(Value):
    """A dialogue that ends with a reply, and the log-probabilities of that reply's tokens."""

    dialogue: tuple[Message, ...]
    base: tuple[float, ...]
    adapter: tuple[float, ...]
    tokens: str | None = None
    """Digest of the dialogue's token ids; None in canaries that were taken without."""


class Canary(Record):
    """What base and adapter must give."""

    adapter: str
    """Digest of the adapter."""
    base: str
    """Digest of the base."""
    cases: tuple[CanaryCase, ...]
    rounding: dict[NumberFormat, float] = Field(default_factory=dict)
    """How far a shorter number format moves base or adapter, in nats a token (``rounding``)."""

    @property
    def effect(self) -> float:
        """How far the adapter moves the base: mean absolute difference in nats a token."""
        return _distance([c.base for c in self.cases], [c.adapter for c in self.cases])

    def tolerance(self, format: NumberFormat) -> float:
        """Nats a token by which a server in a number format may differ."""
        return max(TOLERANCES[format], MARGIN * self.rounding.get(format, 0.0))


class Attested(Value):
    """How near a served adapter came to its canary, in nats a token."""

    base: float
    adapter: float
    effect: float
    """How far it moves the base where it is served."""


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
                    tokens=await _read(engine, dialogue, adapter),
                )
                for dialogue in dialogues
            ]
        ),
    )
    if canary.effect < EFFECT:
        raise AdapterError(
            f"adapter {adapter} moves the base by {canary.effect:.4f} nats a token on these "
            "dialogues; choose dialogues where it acts"
        )
    return canary


async def rounding(engine: Scoring, adapter: str, canary: Canary) -> float:
    """How far an engine that computes in a shorter number format is from a canary: the larger of
    base's and adapter's mean distances, in nats a token."""
    base = await _readings(engine, canary.cases)
    tuned = await _readings(engine, canary.cases, adapter)
    gaps = (
        _gap(base, [case.base for case in canary.cases]),
        _gap(tuned, [case.adapter for case in canary.cases]),
    )
    return round(max(gaps), 6)


async def attest(
    engine: Scoring,
    adapter: str,
    canary: Canary,
    *,
    cases: int = 3,
    format: NumberFormat = "float32",
) -> Attested:
    """Hold a loaded adapter against the first few cases of its canary.

    Args:
        format: number format in which the model is to be served.

    Raises:
        AdapterError: another template, base or number format, an adapter that does not act, or
            another adapter; the message says which. Or its canary cannot tell.
    """
    told = canary.cases[:cases]
    limit = canary.tolerance(format)
    acts = _gap([case.base for case in told], [case.adapter for case in told])
    if acts <= limit:
        raise AdapterError(
            f"adapter {adapter} cannot be attested in {format}: it moves the base by {acts:.4f} "
            f"nats a token, and rounding alone may move it by {limit:.4f}"
        )
    for case in told:
        read = await _read(engine, case.dialogue, adapter) if case.tokens else None
        if read is not None and read != case.tokens:
            raise AdapterError(
                f"adapter {adapter} is refused: the server reads its dialogues in other tokens "
                "than it was made with: another chat template or tokenizer"
            )
    base = await _readings(engine, told)
    gap = _gap(base, [case.base for case in told])
    if gap > limit:
        why = _shorter("the base", gap, canary, format) or (
            "the base it is served on is not the one it was made on "
            f"({gap:.4f} nats a token apart; {limit:g} are allowed in {format})"
        )
        raise AdapterError(f"adapter {adapter} is refused: {why}")
    tuned = await _readings(engine, told, adapter)
    error, effect = _gap(tuned, [case.adapter for case in told]), _gap(tuned, base)
    if error > limit:
        if effect <= limit:
            raise AdapterError(f"adapter {adapter} is refused: served, it does not act on the base")
        why = _shorter("it", error, canary, format) or (
            f"it gives other log-probabilities than when it was made ({error:.4f} nats a token "
            f"apart; {limit:g} are allowed in {format})"
        )
        raise AdapterError(f"adapter {adapter} is refused: {why}")
    return Attested(base=gap, adapter=error, effect=effect)


async def attest_crowd(
    engine: Engine,
    adapters: Sequence[str],
    dialogues: Iterable[Sequence[Message]],
    *,
    rounds: int = CROWD,
    tolerance: float = TOLERANCES["float32"],
) -> float:
    """Ask the base alone, then amid requests for adapters: it must answer the same.

    Catches servers whose batches let an adapter into rows that have none (on CPUs, vLLM 0.32 with
    as many adapters loaded as ``max_loras``: vllm#48421).

    Args:
        dialogues: each ending with a reply, which is left away.
        tolerance: nats a token by which rounding may change a reply.

    Returns:
        The largest gap seen, in nats.

    Raises:
        AdapterError: the base's replies change with the company they are in.
    """
    prompts = [tuple(dialogue[:-1]) for dialogue in dialogues]

    async def ask(prompt: Sequence[Message], adapter: str | None) -> tuple[TokenLogprob, ...]:
        done = await engine.chat(prompt, adapter=adapter, sampling=_SHORT, logprobs=True)
        return done.logprobs

    alone = [await ask(prompt, None) for prompt in prompts]
    worst = 0.0
    for _ in range(rounds if adapters else 0):
        crowd = [(p, a) for p in prompts for a in (*adapters, None)]
        said = await asyncio.gather(*(ask(prompt, adapter) for prompt, adapter in crowd))
        amid = [reply for (_, adapter), reply in zip(crowd, said, strict=True) if adapter is None]
        worst = max([worst, *(_apart(a, b) for a, b in zip(alone, amid, strict=True))])
    # The format's own noise differs from batch to batch: as much as from the canary.
    if worst > 2 * tolerance:
        raise AdapterError(
            f"the base's replies change by {worst:.4f} nats a token when adapters are asked at the "
            "same time: the server lets adapters into requests that name none (on a CPU: start it "
            "with max_loras of one more than the adapters loaded, or by `finroute up`)"
        )
    return worst


def _shorter(what: str, gap: float, canary: Canary, format: NumberFormat) -> str:
    """What is told of a gap that a shorter number format explains; empty: none does."""
    if format == "bfloat16" or gap > 2 * canary.tolerance("bfloat16"):
        return ""
    return (
        f"{what} is {gap:.4f} nats a token off, as one served in a shorter number format than "
        f"{format} is (--dtype)"
    )


async def _read(engine: object, dialogue: Sequence[Message], adapter: str) -> str | None:
    """Digest of a dialogue's token ids; None: the engine does not tell."""
    read = getattr(engine, "tokens", None)
    return None if read is None else digest(list(await read(dialogue, adapter=adapter)))


async def _readings(
    engine: Scoring, cases: Sequence[CanaryCase], adapter: str | None = None
) -> list[tuple[float, ...]]:
    """What an engine gives on the dialogues of some cases."""
    return [_values(await engine.score(case.dialogue, adapter=adapter)) for case in cases]


def _values(tokens: Sequence[TokenLogprob]) -> tuple[float, ...]:
    return tuple(round(token.logprob, 6) for token in tokens)


def _apart(one: Sequence[TokenLogprob], other: Sequence[TokenLogprob]) -> float:
    """Mean distance of two replies to the same, up to the first word they do not share: rounding
    may decide between two that are equally likely, and what follows is another story."""
    both = list(zip(one, other, strict=False))
    if not both:
        return _gap([_values(one)], [_values(other)])
    shared = sum(1 for _ in takewhile(lambda pair: pair[0].text == pair[1].text, both))
    told = both[: shared + 1]
    return _gap([_values([a for a, _ in told])], [_values([b for _, b in told])])


_Readings = Sequence[Sequence[float]]


def _gap(left: _Readings, right: _Readings) -> float:
    """Mean distance; infinite where the two are not even as long."""
    if [len(r) for r in left] != [len(r) for r in right]:
        return float("inf")
    return _distance(left, right)


def _distance(left: _Readings, right: _Readings) -> float:
    gaps = [abs(x - y) for a, b in zip(left, right, strict=True) for x, y in zip(a, b, strict=True)]
    return sum(gaps) / len(gaps) if gaps else 0.0
