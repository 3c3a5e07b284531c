"""How fast the in-process engine is, beside transformers' ``generate`` with peft on the same files.

Both arms take turns, so that a busy machine slows both. Processor time counts no waiting for a core
(others still crowd the caches); wall time is what a caller waits. The engine's arm
goes the whole way of a call (template, tokens, a grammar, a worker thread); the other has ids in
and ids out, and pads nothing since its prompts are as long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from evals.machine import device, now
from specialists.foundation.contracts import Grammar, Message, Sampling, Value
from specialists.foundation.errors import EngineError
from specialists.foundation.records import Manifest
from specialists.registry import MANIFEST

Say = Callable[[str], None]
ENDLESS = Grammar(ebnf='root ::= [a-z ]{2000} "!"')
"""A reply that goes on until the tokens asked for are used up."""


class Timing(Value):
    """Milliseconds of one arm on one case."""

    cpu: float
    """Processor time of the quickest run."""
    wall: float
    """Wall time of the quickest run."""
    wall_median: float


class Row(Value):
    """One case, both arms."""

    case: str
    replies: int
    prompt: int
    """Tokens of each prompt."""
    tokens: int
    """Tokens of each reply."""
    engine: Timing
    generate: Timing

    @property
    def ratio(self) -> float:
        """How many times the processor time of the engine ``generate`` takes."""
        return self.generate.cpu / self.engine.cpu


class Speed(Value):
    """The record."""

    started: str
    device: str
    repeats: int
    load_ms: float
    """Processor time to load the base, its libraries already imported."""
    first_ms: float
    """Processor time of the first token with an adapter: it is read and merged."""
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class _Case:
    name: str
    adapters: tuple[str | None, ...]
    """One for each dialogue."""
    prompt: int = 72
    """Digits of the prompt; the template adds some tokens."""
    tokens: int = 60
    samples: int = 1
    """Replies to each dialogue; more than one are drawn by lot."""


async def measure(weights: Path, *, threads: int = 1, repeats: int = 9, say: Say = print) -> Speed:
    """Time the weights of a folder.

    Raises:
        RecordError: the folder holds no weights.
    """
    manifest = Manifest.read(weights / MANIFEST)
    adapters = {job: weights / made.folder for job, made in manifest.adapters.items()}
    return await compare(
        weights / manifest.base.folder, adapters, threads=threads, repeats=repeats, say=say
    )


async def compare(
    base: Path,
    adapters: Mapping[str, Path],
    *,
    threads: int = 1,
    repeats: int = 9,
    tokens: int = 60,
    say: Say = print,
) -> Speed:
    """Time a base and its adapters.

    Args:
        tokens: of each reply.
    """
    from specialists.engines.generate import Generate
    from specialists.engines.local import LocalEngine

    begun = time.process_time()
    engine = LocalEngine.load(base, adapters=adapters, threads=threads)
    load = time.process_time() - begun
    yardstick = Generate(base, adapters)
    fresh = (f"{i:06d}" for i in range(10**6))  # a new beginning each time: nothing is reused
    names = list(adapters)

    async def reply(content: str, case: _Case, adapter: str | None, seed: int) -> int:
        """Returns the prompt's tokens."""
        sampling = Sampling(
            max_tokens=case.tokens, temperature=1.0 if case.samples > 1 else 0.0, seed=seed
        )
        done = await engine.chat(
            [Message(role="user", content=content)],
            adapter=adapter,
            schema=ENDLESS,
            sampling=sampling,
        )
        if done.usage.completion_tokens != case.tokens:
            raise EngineError(f"a reply of {done.usage.completion_tokens} tokens cannot be timed")
        return done.usage.prompt_tokens

    async def ours(case: _Case) -> int:
        asked = [next(fresh) + "7" * (case.prompt - 6) for _ in case.adapters]
        lengths = await asyncio.gather(
            *(
                reply(content, case, adapter, seed)
                for content, adapter in zip(asked, case.adapters, strict=True)
                for seed in range(case.samples)
            )
        )
        return lengths[0]

    async def theirs(case: _Case, length: int) -> None:
        prompts = [[20 + i % 200 for i in range(length)] for _ in case.adapters]
        yardstick.write(prompts, case.adapters, tokens=case.tokens, samples=case.samples)

    rows: list[Row] = []
    try:
        begun = time.process_time()
        await ours(_Case("first", (names[0],), tokens=1))
        first = time.process_time() - begun
        for case in _cases(names, tokens):
            length = await ours(case)  # also: every adapter is read
            await theirs(case, length)
            spent: tuple[list[tuple[float, float]], ...] = ([], [])
            for _ in range(repeats):
                spent[0].append(await _timed(lambda case=case: ours(case)))
                spent[1].append(await _timed(lambda case=case, n=length: theirs(case, n)))
            rows.append(
                Row(
                    case=case.name,
                    replies=len(case.adapters) * case.samples,
                    prompt=length,
                    tokens=case.tokens,
                    engine=_timing(spent[0]),
                    generate=_timing(spent[1]),
                )
            )
            say(line(rows[-1]))
    finally:
        await engine.aclose()
    return Speed(
        started=now(),
        device=device(threads),
        repeats=repeats,
        load_ms=round(load * 1e3, 1),
        first_ms=round(first * 1e3, 1),
        rows=tuple(rows),
    )


def line(row: Row) -> str:
    """A row in words."""
    return (
        f"{row.case:24} {row.replies} × ({row.prompt} → {row.tokens})  "
        f"engine {row.engine.cpu:7.1f} ms of processor, {row.engine.wall:7.1f} wall   "
        f"generate {row.generate.cpu:7.1f}, {row.generate.wall:7.1f}   × {row.ratio:.2f}"
    )


def _cases(names: list[str], tokens: int) -> Iterator[_Case]:
    one = names[0]
    yield _Case("one reply, base", (None,), tokens=tokens)
    yield _Case("one reply, adapter", (one,), tokens=tokens)
    yield _Case("8 replies, one adapter", (one,) * 8, tokens=tokens)
    yield _Case("8 replies, all adapters", tuple(islice(cycle(names), 8)), tokens=tokens)
    yield _Case("6 samples of one prompt", (one,), tokens=tokens, samples=6)
    yield _Case("a long prompt", (one,), prompt=min(392, 6 * tokens + 32), tokens=1)


async def _timed(act: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds: processor, wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    await act()
    return time.process_time() - cpu, time.perf_counter() - wall


def _timing(spent: list[tuple[float, float]]) -> Timing:
    walls = [wall for _, wall in spent]
    return Timing(
        cpu=round(min(cpu for cpu, _ in spent) * 1e3, 2),
        wall=round(min(walls) * 1e3, 2),
        wall_median=round(median(walls) * 1e3, 2),
    )
