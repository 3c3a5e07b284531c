"""From a token cache to batches: rows of like length, tasks mixed by share, the same for the same
seed.

A row holds one dialogue, from position 0, as it is served: there is no packing, so no attention
crosses from one dialogue into another and no mask is needed. Rows of like length go together, so
that little is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from specialists.foundation.errors import ConfigError


@dataclass(frozen=True)
class Tokens:
    """Tokenised sequences, end to end."""

    ids: NDArray[np.uint16]
    reply: NDArray[np.bool_]
    """True on tokens the assistant writes (its end mark included)."""
    starts: NDArray[np.int64]
    """Where each sequence starts, and one past the last: ``len(starts) == len(self) + 1``."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        span = slice(self.starts[index], self.starts[index + 1])
        return self.ids[span], self.reply[span]

    @classmethod
    def of(cls, sequences: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Tokens:
        """From ``(ids, reply mask)`` pairs."""
        lengths = [len(ids) for ids, _ in sequences]
        return cls(
            np.fromiter((i for ids, _ in sequences for i in ids), np.uint16, sum(lengths)),
            np.fromiter((bool(m) for _, mask in sequences for m in mask), np.bool_, sum(lengths)),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )

    @classmethod
    def load(cls, path: Path) -> Tokens:
        with np.load(path) as data:
            return cls(data["ids"], data["reply"], data["starts"])

    def save(self, path: Path) -> None:
        np.savez(path, ids=self.ids, reply=self.reply, starts=self.starts)


@dataclass(frozen=True)
class Batch:
    """One micro-batch. Arrays are ``[rows, length]``."""

    ids: NDArray[np.int64]
    reply: NDArray[np.bool_]
    """True where the token *is* part of a reply."""
    real: NDArray[np.bool_]
    """False on padding."""

    @property
    def tokens(self) -> int:
        return int(self.real.sum())


def stack(
    sequences: Sequence[tuple[NDArray[np.uint16], NDArray[np.bool_]]], length: int, pad: int
) -> Batch:
    """Right-pad sequences to ``length``."""
    shape = (len(sequences), length)
    ids, reply = np.full(shape, pad, np.int64), np.zeros(shape, np.bool_)
    real = np.zeros(shape, np.bool_)
    for row, (tokens, mask) in enumerate(sequences):
        ids[row, : len(tokens)], reply[row, : len(tokens)] = tokens, mask
        real[row, : len(tokens)] = True
    return Batch(ids, reply, real)


def bucket(length: int, lengths: Sequence[int]) -> int | None:
    """The smallest of the ascending ``lengths`` that holds ``length``; None when none does."""
    return next((limit for limit in lengths if length <= limit), None)


def stream(
    parts: Mapping[str, Tokens],
    shares: Mapping[str, float],
    *,
    lengths: Sequence[int],
    tokens: int,
    pad: int,
    seed: int,
    early: Mapping[str, float] | None = None,
    early_batches: int = 0,
) -> Iterator[Batch]:
    """Batches without end. Each part is read in a fresh shuffle each time round.

    Args:
        shares: how large a part of the *tokens* each part is; normalised here.
        early: the shares of the first ``early_batches`` batches.
        lengths: the row lengths there may be, ascending. Longer sequences are left out.
        tokens: size of a batch in tokens, padding included.
        pad: the padding token.

    Raises:
        ConfigError: a part with a share is missing or empty.
    """
    rng = np.random.default_rng(seed)
    early = early if early and early_batches else shares
    names = [n for n in dict.fromkeys((*shares, *early)) if shares.get(n) or early.get(n)]
    fitting: dict[str, NDArray[np.int64]] = {}
    for name in names:
        sizes = np.diff(parts[name].starts) if name in parts else np.zeros(0, np.int64)
        fitting[name] = np.flatnonzero(sizes <= lengths[-1])
        if not len(fitting[name]):
            raise ConfigError(f"corpus part {name} has a share of the mix and no sequences")
    # Drawing sequences by share / mean length makes the shares hold for tokens.
    sizes = np.array([np.diff(parts[n].starts)[fitting[n]].mean() for n in names])
    first, then = (np.array([mix.get(n, 0.0) for n in names]) / sizes for mix in (early, shares))
    made = 0
    order: dict[str, list[int]] = {name: [] for name in names}
    waiting: dict[int, list[tuple[NDArray[np.uint16], NDArray[np.bool_]]]] = {}
    while True:
        weight = first if made < early_batches else then
        for pick in rng.choice(len(names), size=256, p=weight / weight.sum()):
            name = names[pick]
            if not order[name]:
                order[name] = rng.permutation(fitting[name]).tolist()
            sequence = parts[name][order[name].pop()]
            length = bucket(len(sequence[0]), lengths)
            assert length is not None
            rows = waiting.setdefault(length, [])
            rows.append(sequence)
            if len(rows) == max(1, tokens // length):
                made += 1
                yield stack(rows, length, pad)
                waiting[length] = []
