from __future__ import annotations

from pathlib import Path

import pytest

from evals.speed import compare, line, measure
from specialists.weights import WEIGHTS


async def test_both_arms_write_as_many_tokens(base: Path, adapters: dict[str, Path]) -> None:
    told: list[str] = []
    speed = await compare(base, adapters, repeats=1, tokens=4, say=told.append)
    assert [row.tokens for row in speed.rows] == [4, 4, 4, 4, 4, 1]
    assert [row.replies for row in speed.rows] == [1, 1, 8, 8, 6, 1]
    for row in speed.rows:
        assert 0 < row.engine.wall <= row.engine.wall_median
        assert row.ratio == pytest.approx(row.generate.cpu / row.engine.cpu)
    assert told == [line(row) for row in speed.rows]


def test_the_yardstick_acts_with_its_adapters(base: Path, adapters: dict[str, Path]) -> None:
    from specialists.engines.generate import Generate

    yardstick = Generate(base, adapters)
    prompt = list(range(20, 40))
    names = [None, "alpha", "beta"]
    alone = [yardstick.write([prompt], [name], tokens=8)[0] for name in names]
    assert len({tuple(tokens) for tokens in alone}) == 3
    assert yardstick.write([prompt] * 3, names, tokens=8) == alone
    assert len(yardstick.write([prompt], ["beta"], tokens=8, samples=3)) == 3


@pytest.mark.bench
async def test_speed_of_the_embedded_engine() -> None:
    import torch

    torch.set_num_threads(1)
    print()
    speed = await measure(WEIGHTS)
    print(
        f"load {speed.load_ms:.0f} ms, first token of an adapter {speed.first_ms:.0f} ms, "
        f"{speed.device}"
    )
