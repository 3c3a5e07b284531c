"""Batches hold whole dialogues, mixed by share, the same for the same seed."""

import itertools

import numpy as np
import pytest

from specialists.foundation.errors import ConfigError
from training.batches import Tokens, bucket, stream


def part(first: int, lengths: list[int]) -> Tokens:
    return Tokens.of([([first] * n, [0] * (n - 1) + [1]) for n in lengths])


def take(parts, shares, count=50, seed=1):
    batches = stream(parts, shares, lengths=(8, 16, 32), tokens=64, pad=0, seed=seed)
    return list(itertools.islice(batches, count))


def test_rows_are_whole_dialogues_and_padding_is_marked():
    for batch in take({"a": part(7, [5, 11, 30])}, {"a": 1.0}):
        assert batch.ids.shape in {(8, 8), (4, 16), (2, 32)}
        assert ((batch.ids == 7) == batch.real).all()
        assert (batch.reply.sum(axis=1) == 1).all()
        assert set(batch.real.sum(axis=1)) <= {5, 11, 30}


def test_shares_hold_for_tokens_not_for_dialogues():
    parts = {"short": part(1, [4] * 50), "long": part(2, [32] * 50)}
    batches = take(parts, {"short": 0.5, "long": 0.5}, count=600)
    counts = [sum(int((b.ids == i).sum()) for b in batches) for i in (1, 2)]
    assert counts[0] / sum(counts) == pytest.approx(0.5, abs=0.05)


def test_the_same_seed_gives_the_same_batches():
    parts = {"a": part(1, list(range(3, 30))), "b": part(2, list(range(3, 30)))}
    shares = {"a": 0.3, "b": 0.7}
    first, again, other = (take(parts, shares, seed=s) for s in (1, 1, 2))
    assert all((x.ids == y.ids).all() for x, y in zip(first, again, strict=True))
    assert any(
        x.ids.shape != y.ids.shape or (x.ids != y.ids).any()
        for x, y in zip(first, other, strict=True)
    )


def test_every_dialogue_comes_once_before_any_comes_twice():
    parts = {"a": Tokens.of([([i] * 6, [1] * 6) for i in range(1, 41)])}
    seen = np.concatenate([b.ids[:, 0] for b in take(parts, {"a": 1.0}, count=5)])
    assert sorted(seen) == list(range(1, 41))


def test_a_dialogue_longer_than_the_longest_row_is_left_out():
    parts = {"a": part(3, [6, 40])}
    assert all(batch.ids.shape[1] == 8 for batch in take(parts, {"a": 1.0}))


def test_an_empty_part_with_a_share_is_an_error():
    with pytest.raises(ConfigError, match="b"):
        take({"a": part(1, [4])}, {"a": 0.5, "b": 0.5}, count=1)


def test_tokens_survive_the_disk(tmp_path):
    tokens = part(9, [3, 5])
    tokens.save(tmp_path / "t.npz")
    again = Tokens.load(tmp_path / "t.npz")
    assert len(again) == 2
    assert (again[1][0] == tokens[1][0]).all()
    assert (again[1][1] == tokens[1][1]).all()


def test_bucket_is_the_smallest_that_holds():
    assert bucket(8, (8, 16)) == 8
    assert bucket(9, (8, 16)) == 16
    assert bucket(17, (8, 16)) is None


def test_the_early_mix_holds_for_as_long_as_it_says():
    parts = {"a": part(1, [8] * 50), "b": part(2, [8] * 50)}
    batches = stream(
        parts,
        {"b": 1.0},
        lengths=(8,),
        tokens=64,
        pad=0,
        seed=1,
        early={"a": 1.0},
        early_batches=40,
    )
    firsts = [int(b.ids[0, 0]) for b in itertools.islice(batches, 150)]
    assert set(firsts[:40]) == {1}
    assert set(firsts[100:]) == {2}
