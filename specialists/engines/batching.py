"""Many dialogues on one model: a worker thread that reads and writes them together, step by step.

Dialogues join and leave between steps (continuous batching). A step reads the pending tokens of the
dialogues with one adapter, the eldest dialogue's, in one ragged forward: a fresh prompt, one new
token, or several that a grammar forced. What one dialogue has read serves every other that begins
the same way: the next turn of the same tool use, or one more sample of the same prompt.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from specialists.engines.decode import Decoded
from specialists.engines.lora import Lora
from specialists.engines.qwen3 import Cache, Chunk, Qwen3
from specialists.foundation.errors import Cancelled, EngineError

log = logging.getLogger(__name__)

LEAST = 16
"""Tokens: shorter common beginnings are read again; that is as quick."""


class Reading(Protocol):
    """What a step feeds and asks; see ``decode.Reply``."""

    pending: list[int]
    tokens: list[int]

    @property
    def keep(self) -> int: ...
    def read(self, logits: np.ndarray) -> bool: ...
    def result(self) -> Decoded: ...


@dataclass(eq=False)
class _Row:
    reading: Reading
    lora: Lora | None
    capacity: int
    future: Future[Decoded]
    begun: float = field(default_factory=time.perf_counter)
    read: list[int] = field(default_factory=list[int])
    """Every token in the cache, in order."""
    cache: Cache | None = None


class Batcher:
    """Runs readings on one model. ``submit`` may be called from any thread."""

    def __init__(
        self,
        model: Qwen3,
        *,
        rows: int = 16,
        step_tokens: int = 1024,
        threads: int = 1,
        remember_bytes: int = 64 * 2**20,
    ) -> None:
        """
        Args:
            rows: dialogues under way at once; others wait in order of arrival.
            step_tokens: a step takes fresh prompts up to this many tokens (always at least one).
            threads: torch threads; on a small model a second one costs more than it brings.
            remember_bytes: room for the caches of finished dialogues.
        """
        self._model = model
        self._rows = rows
        self._step_tokens = step_tokens
        self._threads = threads
        self._seen = Seen(remember_bytes)
        self._waiting: queue.SimpleQueue[_Row | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def submit(self, reading: Reading, lora: Lora | None, capacity: int) -> Future[Decoded]:
        """Run a reading; ``capacity`` is the most tokens its dialogue can come to.

        Cancelling the future drops the dialogue at the next step.

        Raises:
            Cancelled: the batcher is closed.
        """
        row = _Row(reading, lora, capacity, Future())
        with self._lock:
            if self._closed:
                raise Cancelled("the model has been released")
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._run, name="finroute-model", daemon=True
                )
                self._worker.start()
            self._waiting.put(row)
        return row.future

    def close(self) -> None:
        """Stop the worker; what was under way is cancelled. May be called twice."""
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
            self._waiting.put(None)
        if worker is not None:
            worker.join()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)
        active: list[_Row] = []
        while True:
            while len(active) < self._rows:
                try:
                    row = self._waiting.get(block=not active)
                except queue.Empty:
                    break
                if row is None:
                    self._leave(active)
                    return
                active.append(row)
            active = [row for row in active if not row.future.cancelled()]
            if active:
                active = self._step(active)

    def _step(self, active: list[_Row]) -> list[_Row]:
        """One forward over what is pending; returns the rows still under way."""
        taking = self._take(active)
        chunks = [
            Chunk(row.reading.pending, row.cache, row.reading.keep)
            for row in taking
            if row.cache is not None
        ]
        finished: set[_Row] = set()
        try:
            logits = self._model.forward(chunks, taking[0].lora)
        except Exception as error:
            log.exception("a step of %d dialogues failed", len(taking))
            for row in taking:
                _settle(row.future, error=EngineError(f"the model failed: {error}"))
            finished.update(taking)
        else:
            for row, scores in zip(taking, logits, strict=True):
                row.read += row.reading.pending
                if _read(row, scores):
                    finished.add(row)
        return [row for row in active if row not in finished]

    def _take(self, active: list[_Row]) -> list[_Row]:
        """The rows of the next step, each with a cache."""
        taking: list[_Row] = []
        fresh: list[list[int]] = []
        tokens = 0
        for row in active:
            pending = row.reading.pending
            if row.lora is not active[0].lora:
                continue  # the eldest dialogue's adapter is served until that dialogue is done
            if taking and len(pending) > 32 and tokens + len(pending) > self._step_tokens:
                continue  # a prompt waits for the next step, words under way do not
            if row.cache is None:
                other, known = self._seen.find(row.lora, pending[: len(pending) - row.reading.keep])
                if any(_common(pending, prompt) >= known + LEAST for prompt in fresh):
                    continue  # this step reads what the next can copy
                fresh.append(pending)
                row.cache = self._model.cache(row.capacity)
                if other is not None:
                    row.cache.copy_from(other, known)
                    row.read += pending[:known]
                    row.reading.pending = pending[known:]
                self._seen.put(row.lora, row.read, row.cache)
            taking.append(row)
            tokens += len(row.reading.pending)
        return taking

    def _leave(self, active: Sequence[_Row]) -> None:
        rows = list(active)
        while not self._waiting.empty():
            row = self._waiting.get()
            if row is not None:
                rows.append(row)
        for row in rows:
            _settle(row.future, error=Cancelled("the model has been released"))


class Seen:
    """The caches of dialogues under way or read lately, by adapter and beginning."""

    def __init__(self, limit_bytes: int, *, least: int = LEAST) -> None:
        self._room = limit_bytes
        self._least = least
        self._entries: list[tuple[Lora | None, list[int], Cache]] = []

    def put(self, lora: Lora | None, tokens: list[int], cache: Cache) -> None:
        """Remember a dialogue, ``tokens`` growing as it goes on; the eldest are forgotten."""
        self._entries.append((lora, tokens, cache))
        self._room -= cache.kv.nbytes
        while self._room < 0:
            self._room += self._entries.pop(0)[2].kv.nbytes

    def find(self, lora: Lora | None, prompt: list[int]) -> tuple[Cache | None, int]:
        """The cache with the longest common beginning, and how many tokens that is."""
        best: Cache | None = None
        length = self._least - 1
        for owner, tokens, cache in reversed(self._entries):
            if owner is lora and tokens[: length + 1] == prompt[: length + 1] != []:
                common = _common(tokens, prompt)
                if common > length:
                    best, length = cache, common
        return best, length if best is not None else 0


def _read(row: _Row, logits: Tensor) -> bool:
    """Whether the row is finished."""
    try:
        done = row.reading.read(logits.numpy())
    except Exception as error:
        log.exception("a reply could not be read")
        _settle(row.future, error=EngineError(f"the reply could not be read: {error}"))
        return True
    if done:
        _settle(row.future, row.reading.result())
    return done


def _common(a: list[int], b: list[int]) -> int:
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))


def _settle(
    future: Future[Decoded], result: Decoded | None = None, error: Exception | None = None
) -> None:
    """Answer the caller, who may have left in the meantime."""
    try:
        if error is not None:
            future.set_exception(error)
        elif result is not None:
            future.set_result(result)
    except InvalidStateError:
        return
