from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from torch import Tensor

from specialists.engines.batching import Batcher, Seen
from specialists.engines.decode import Decoded, Scored
from specialists.engines.lora import Lora
from specialists.engines.qwen3 import Chunk, Qwen3
from specialists.foundation.errors import Cancelled, EngineError


class Breaking(Scored):
    """A reading that cannot be read."""

    def read(self, logits: np.ndarray) -> bool:
        raise ValueError("no sense in this")


class Stalling(Scored):
    """A reading that takes its time, so that others queue up behind it."""

    def __init__(self) -> None:
        super().__init__([5], [6])
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, logits: np.ndarray) -> bool:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().read(logits)


class Watched(Qwen3):
    """Writes down what each step reads: the adapter, and how many tokens of each dialogue."""

    steps: ClassVar[list[tuple[Lora | None, list[int]]]] = []

    def forward(self, chunks: Sequence[Chunk], lora: Lora | None = None) -> list[Tensor]:
        self.steps.append((lora, [len(chunk.tokens) for chunk in chunks]))
        return super().forward(chunks, lora)


@pytest.fixture
def model(base: Path) -> Watched:
    watched = Watched.load(base)
    watched.steps.clear()
    assert isinstance(watched, Watched)
    return watched


def together(
    batcher: Batcher, asked: list[tuple[Scored, Lora | None]]
) -> list[Decoded | BaseException]:
    """Ask all at once."""
    stall = Stalling()
    first = batcher.submit(stall, None, 2)
    assert stall.begun.wait(30)
    futures = [batcher.submit(reading, lora, 60) for reading, lora in asked]
    stall.go_on.set()
    assert isinstance(first.result(30), Decoded)
    return results(futures)


def results(futures: list[Future[Decoded]]) -> list[Decoded | BaseException]:
    return [future.exception(30) or future.result() for future in futures]


def test_one_broken_reading_fails_alone(model: Qwen3) -> None:
    batcher = Batcher(model)
    readings = [Scored([5, 6], [7]), Breaking([5, 6], [7]), Scored([8, 9, 10], [11, 12])]
    done = results([batcher.submit(r, None, 5) for r in readings])
    assert isinstance(done[0], Decoded)
    assert isinstance(done[1], EngineError)
    assert "no sense in this" in str(done[1])
    assert isinstance(done[2], Decoded)
    batcher.close()


def test_a_failed_step_fails_its_dialogues_and_no_later_one(model: Qwen3) -> None:
    batcher = Batcher(model)
    (bad,) = results([batcher.submit(Scored([10**6], [1]), None, 2)])  # no such token
    assert isinstance(bad, EngineError)
    (good,) = results([batcher.submit(Scored([5], [6]), None, 2)])
    assert isinstance(good, Decoded)
    batcher.close()


def test_long_prompts_take_turns(model: Qwen3) -> None:
    batcher = Batcher(model, step_tokens=64, rows=8)
    readings = [Scored([3 + i] * 60, [7]) for i in range(6)]
    assert all(
        isinstance(d, Decoded) for d in results([batcher.submit(r, None, 61) for r in readings])
    )
    batcher.close()


def test_a_closed_batcher_takes_nothing(model: Qwen3) -> None:
    batcher = Batcher(model)
    batcher.close()
    batcher.close()
    with pytest.raises(Cancelled):
        batcher.submit(Scored([5], [6]), None, 2)


def test_a_prompt_asked_at_once_is_read_once(model: Watched) -> None:
    batcher, prompt = Batcher(model), list(range(40, 90))
    done = together(batcher, [(Scored(prompt, [token]), None) for token in (7, 8, 9)])
    batcher.close()
    assert [lengths for _, lengths in model.steps[1:]] == [[51], [2, 2]]
    for token, got in zip((7, 8, 9), done, strict=True):
        (alone,) = model.forward([Chunk([*prompt, token], model.cache(60), 2)])
        assert isinstance(got, Decoded)
        assert got.logprobs == pytest.approx([float(alone.log_softmax(-1)[0, token])], abs=1e-4)


def test_adapters_take_turns_and_the_eldest_is_first(
    model: Watched, adapters: dict[str, Path]
) -> None:
    alpha, beta = (Lora.load(n, f, model.shape, model.like) for n, f in adapters.items())
    batcher = Batcher(model)
    asked = [(Scored([5, 6], [7]), lora) for lora in (alpha, beta, alpha, None, beta)]
    done = together(batcher, asked)
    batcher.close()
    assert model.steps[1:] == [(alpha, [3, 3]), (beta, [3, 3]), (None, [3])]
    assert done[0] == done[2] != done[1] == done[4]


def test_what_was_seen_is_found_by_its_longest_beginning(model: Qwen3) -> None:
    caches = [model.cache(40) for _ in range(3)]
    seen = Seen(10**9, least=4)
    seen.put(None, [1, 2, 3, 4, 5, 9], caches[0])
    seen.put(None, [1, 2, 3, 4, 5, 6, 7, 8], caches[1])
    assert seen.find(None, [1, 2, 3, 4, 5, 6, 7, 1, 1]) == (caches[1], 7)
    assert seen.find(None, [1, 2, 3, 4, 5, 9, 9]) == (caches[0], 6)
    assert seen.find(None, [1, 2, 3, 7, 7, 7]) == (None, 0)  # too short to be worth it
    assert seen.find(None, []) == (None, 0)


def test_the_eldest_is_forgotten_where_there_is_no_room(model: Qwen3) -> None:
    size = model.cache(40).kv.nbytes
    seen = Seen(2 * size, least=1)
    for first in (1, 2, 3):
        seen.put(None, [first] * 5, model.cache(40))
    assert seen.find(None, [1] * 5)[0] is None
    assert seen.find(None, [2] * 5)[0] is not None
    assert seen.find(None, [3] * 5)[0] is not None
