"""Replies token by token, against one forward over the whole text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specialists.engines.decode import Reply
from specialists.engines.grammar import Grammars
from specialists.engines.qwen3 import Chunk, Qwen3
from specialists.engines.text import Text
from specialists.foundation.contracts import Sampling

SCHEMA = {
    "type": "object",
    "properties": {
        "sentiment": {"enum": ["positive", "negative"]},
        "unit": {"enum": ["USD", "%"]},
    },
    "required": ["sentiment", "unit"],
    "additionalProperties": False,
}


def speak(model: Qwen3, text: Text, reply: Reply, capacity: int = 200) -> list[int]:
    """Run a reply by itself; returns how many tokens each forward read."""
    cache, steps, done = model.cache(capacity), [], False
    while not done:
        steps.append(len(reply.pending))
        (logits,) = model.forward([Chunk(reply.pending, cache, reply.keep)])
        done = reply.read(logits.numpy())
    return steps


@pytest.mark.parametrize("temperature", [0.0, 1.5])
@pytest.mark.parametrize("held", [True, False])
def test_logprobs_are_the_models_own_also_where_words_are_forced(
    base: Path, temperature: float, held: bool
) -> None:
    model, text = Qwen3.load(base), Text.load(base)
    grammars = Grammars(text, model.shape.vocab)
    prompt = text.encode("<|im_start|>user\nnet revenue<|im_end|>\n<|im_start|>assistant\n")
    for seed in range(5):
        reply = Reply(
            prompt,
            room=60,
            ends=text.ends,
            words=text.size,
            sampling=Sampling(temperature=temperature, seed=seed, max_tokens=60),
            hold=grammars.hold((), SCHEMA) if held else None,
            logprobs=True,
        )
        steps = speak(model, text, reply)
        said = reply.result()
        assert len(said.logprobs) == len(said.tokens)
        assert len(steps) <= len(said.tokens) + 1
        if held:
            assert max(steps[1:]) > 1  # forced words are read together
            assert steps[0] > len(prompt)  # and those at the beginning with the prompt
        whole = model.forward(
            [Chunk([*prompt, *said.tokens], model.cache(300), len(said.tokens) + 1)]
        )[0].log_softmax(-1)
        want = [float(whole[i, token]) for i, token in enumerate(said.tokens)]
        assert said.logprobs == pytest.approx(want, abs=1e-3)


def test_a_fully_forced_reply_asks_nothing(base: Path) -> None:
    model, text = Qwen3.load(base), Text.load(base)
    hold = Grammars(text, model.shape.vocab).hold((), {"const": "positive"})
    reply = Reply(
        text.encode("x"),
        room=50,
        ends=text.ends,
        words=text.size,
        sampling=Sampling(),
        hold=hold,
    )
    assert text.decode(reply.tokens) == '"positive"'
    assert speak(model, text, reply) == [1 + len(reply.tokens)]
    assert reply.result().ended


def test_top_p_keeps_the_smallest_set_that_holds_the_mass() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))

    def draws(top_p: float) -> set[int]:
        seen = set()
        for seed in range(200):
            sampling = Sampling(temperature=1.0, top_p=top_p, seed=seed, max_tokens=1)
            reply = Reply([0], room=1, ends=frozenset({9}), words=4, sampling=sampling)
            reply.read(logits[None])
            seen.add(reply.tokens[0])
        return seen

    assert draws(0.4) == {0}
    assert draws(0.7) == {0, 1}
    assert draws(0.9) == {0, 1, 2}
    assert draws(1.0) == {0, 1, 2, 3}


def test_draws_do_not_hang_on_a_last_digit() -> None:
    rng = np.random.default_rng(0)
    logits = np.repeat(rng.normal(size=50), 4).astype(np.float32)  # many ties
    nudged = logits + rng.normal(size=200).astype(np.float32) * 1e-6
    for seed in range(100):
        chosen = []
        for row in (logits, nudged):
            sampling = Sampling(temperature=1.0, top_p=0.9, seed=seed, max_tokens=1)
            reply = Reply([0], room=1, ends=frozenset({999}), words=200, sampling=sampling)
            reply.read(row[None])
            chosen.append(reply.tokens[0])
        assert chosen[0] == chosen[1]


def test_padding_of_the_logits_is_never_said() -> None:
    logits = np.array([[0.0, 1.0, 5.0]], dtype=np.float32)
    reply = Reply([0], room=1, ends=frozenset({9}), words=2, sampling=Sampling(max_tokens=1))
    reply.read(logits)
    assert reply.tokens == [1]
