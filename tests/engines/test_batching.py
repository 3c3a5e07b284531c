from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from specialists.engines.batching import Batcher, Seen
from specialists.engines.decode import Decoded, Scored
from specialists.engines.qwen3 import Qwen3
from specialists.foundation.errors import Cancelled, EngineError


class Breaking(Scored):
    """A reading that cannot be read."""

    def read(self, logits: np.ndarray) -> bool:
        raise ValueError("no sense in this")


@pytest.fixture
def model(base: Path) -> Qwen3:
    return Qwen3.load(base)


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
