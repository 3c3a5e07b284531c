"""One reply, token by token: what to feed the model next, and what to make of its logits.

Knows no model and no other dialogue, so that a reply cannot depend on its neighbours in a batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from specialists.engines.grammar import Hold
from specialists.foundation.contracts import Sampling


@dataclass(frozen=True)
class Decoded:
    """A finished reply. ``logprobs`` (nats, before any mask) is one for each token, or empty."""

    tokens: list[int]
    logprobs: list[float]
    ended: bool
    """It came to its end; else the room was used up."""
    end: int | None = None
    """The token it was ended with; no part of ``tokens``. None: the grammar left nothing to say."""
    first: float | None = None
    """When the prompt had been read, by ``time.perf_counter()``."""


class Reply:
    """A reply under way.

    ``pending`` holds the tokens the model has not read yet; when it has, ``read`` takes the float32
    logits (keep, V) behind the last ``keep`` of them and says whether the reply is finished.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        room: int,
        ends: frozenset[int],
        words: int,
        sampling: Sampling,
        hold: Hold | None = None,
        logprobs: bool = False,
        uniform: bool = False,
    ) -> None:
        """
        Args:
            room: how many tokens the reply may have.
            ends: ids that end a reply.
            words: ids at or above this are no tokens (padding of the logits).
            uniform: pay no heed to the logits; every allowed token is as likely.
        """
        self.pending = list(prompt)
        self.tokens: list[int] = []
        self._room = min(room, sampling.max_tokens)
        self._ends = ends
        self._words = words
        self._sampling = sampling
        self._hold = hold
        self._uniform = uniform
        self._logprobs: list[float] | None = [] if logprobs else None
        self._random = np.random.default_rng(sampling.seed)
        self._ended = False
        self._end: int | None = None
        self._first: float | None = None
        self._jump()

    @property
    def keep(self) -> int:
        """How many of the last pending positions' logits are needed."""
        return 1 if self._logprobs is None else 1 + len(self.tokens) - len(self._logprobs)

    def read(self, logits: np.ndarray) -> bool:
        """Take the logits behind the pending tokens; True when the reply is finished."""
        self._first = self._first or time.perf_counter()
        self.pending = []
        if self._logprobs is not None:
            unscored = self.tokens[len(self._logprobs) :]
            self._logprobs += [
                _logprob(row, token) for row, token in zip(logits, unscored, strict=False)
            ]
        if self._closed:
            return True
        token = self._choose(logits[-1])
        if token in self._ends:
            self._ended, self._end = True, token
            return True
        if self._logprobs is not None:
            self._logprobs.append(_logprob(logits[-1], token))
        self._say(token)
        if self._hold is not None:
            self._hold.accept(token)
        self._jump()
        return self._closed and (self._logprobs is None or len(self._logprobs) == len(self.tokens))

    def result(self) -> Decoded:
        return Decoded(self.tokens, self._logprobs or [], self._ended, self._end, self._first)

    @property
    def _closed(self) -> bool:
        return self._ended or len(self.tokens) >= self._room

    def _say(self, token: int) -> None:
        self.tokens.append(token)
        self.pending.append(token)

    def _jump(self) -> None:
        """Say what the grammar leaves no choice about: no sampling, no forward of its own."""
        if self._hold is None:
            return
        for token in self._hold.forced(self.tokens):
            if len(self.tokens) >= self._room:
                return
            self._say(token)
        self._ended = self._hold.done

    def _choose(self, logits: np.ndarray) -> int:
        if self._hold is not None:
            allowed = self._hold.allowed()
            if len(allowed) == 1:
                return int(allowed[0])
        else:
            allowed = np.arange(min(self._words, len(logits)))
        if self._uniform:
            return int(self._random.choice(allowed))
        scores = logits[allowed]
        if self._sampling.temperature == 0:
            return int(allowed[scores.argmax()])
        return int(allowed[self._draw(scores.astype(np.float64))])

    def _draw(self, scores: np.ndarray) -> int:
        weights = np.exp((scores - scores.max()) / self._sampling.temperature)
        if self._sampling.top_p < 1:
            order = np.argsort(-weights, kind="stable")
            held = np.cumsum(weights[order])
            # the smallest set of tokens that holds top_p of the mass stays
            weights[order[1 + int(np.searchsorted(held, self._sampling.top_p * held[-1])) :]] = 0.0
        # In order of ids, not of weight: a last digit, which the batch may change, swaps no tokens.
        mass = np.cumsum(weights)
        place = np.searchsorted(mass, self._random.random() * mass[-1], side="right")
        return min(int(place), len(mass) - 1)


class Scored:
    """Not a reply but a reading: how likely the model holds given tokens after a prompt."""

    def __init__(self, prompt: Sequence[int], target: Sequence[int]) -> None:
        self.pending = [*prompt, *target]
        self.tokens = list(target)
        self.keep = len(target) + 1
        self._logprobs: list[float] = []

    def read(self, logits: np.ndarray) -> bool:
        self._logprobs = [
            _logprob(row, token) for row, token in zip(logits, self.tokens, strict=False)
        ]
        return True

    def result(self) -> Decoded:
        return Decoded(self.tokens, self._logprobs, True)


def _logprob(logits: np.ndarray, token: int) -> float:
    top = float(logits.max())
    return float(logits[token]) - top - math.log(float(np.exp(logits - top).sum(dtype=np.float64)))
