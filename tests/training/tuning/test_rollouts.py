"""Episodes keep the very tokens that were said, and are the loop that serves."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from specialists.engines.local import LocalEngine
from specialists.weights import WEIGHTS
from specialists.workspace.sandbox import Sandbox
from training import jobs
from training.tuning import template
from training.tuning.recipe import RolloutSection
from training.tuning.rollouts import Rollouts, Wish, seed_of

TASK = jobs.task("table_qa")
EXAMPLES = list(TASK.examples("dev", 12, 5))


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def opened(runner):
    """Opens rollouts of the embedded base; all are closed in the end."""
    made: list[Rollouts] = []

    def open_(**settings) -> Rollouts:
        engine = LocalEngine.load(WEIGHTS / "base", rows=16)
        end = engine.text.tokenizer.eos_token_id
        assert isinstance(end, int)
        rollouts = Rollouts(
            TASK,
            engine,
            RolloutSection(**settings),
            partial(template.bridge, engine.text.tokenizer),
            form="compact",
            sandbox=Sandbox(),
            end=end,
        )
        made.append(rollouts)
        return rollouts

    yield open_
    for rollouts in made:
        runner.run(rollouts.aclose())


@pytest.fixture(scope="module")
def plain(opened):
    return opened()


@pytest.fixture(scope="module")
def greedy(plain, runner):
    return runner.run(plain.draw([Wish(e, 0) for e in EXAMPLES], temperature=0.0))


def test_a_rollout_is_the_dialogue_rendered_again(plain, greedy):
    text = plain.engine.text
    for rollout in greedy:
        whole = text.encode(text.render(rollout.run.messages, prompt=False))
        said = [*rollout.prompt, *rollout.completion]
        assert rollout.ended
        # the template closes its last turn with a line of its own
        assert whole[: len(said)] == said


def test_only_the_students_words_are_its_own(plain, greedy):
    text = plain.engine.text
    for rollout in greedy:
        own = [t for t, mine in zip(rollout.completion, rollout.mask, strict=True) if mine]
        replies = [m for m in rollout.run.messages if m.role == "assistant"]
        assert sum(t == text.tokenizer.eos_token_id for t in own) == len(replies)
        heard = [t for t, mine in zip(rollout.completion, rollout.mask, strict=True) if not mine]
        for message in rollout.run.messages:
            if message.role == "tool":
                assert message.content in text.decode(heard)
        assert len(rollout.logprobs) == len(rollout.completion)


def test_most_greedy_episodes_of_the_released_base_are_right(greedy):
    right = [TASK.score(r.wish.example, r.run.answer).right for r in greedy]
    assert sum(right) >= 9


def test_samples_follow_from_their_seed_not_from_their_batch(plain, runner):
    wish = Wish(EXAMPLES[0], seed_of("a", 1))
    alone = runner.run(plain.draw([wish]))[0]
    others = [Wish(e, seed_of("b", n)) for n, e in enumerate(EXAMPLES)]
    among = runner.run(plain.draw([*others[:5], wish, *others[5:]]))[5]
    assert alone.completion == among.completion
    many = runner.run(plain.draw([Wish(EXAMPLES[0], seed_of("c", n)) for n in range(24)]))
    assert len({tuple(r.completion) for r in many}) > 1


def test_an_episode_that_runs_long_is_cut_off_and_said_to_be(opened, runner):
    short = opened(tokens=12)
    drawn = runner.run(short.draw([Wish(e, 0) for e in EXAMPLES], temperature=0.0))
    for rollout in drawn:
        assert (
            len([t for t, mine in zip(rollout.completion, rollout.mask, strict=True) if mine]) <= 12
        )
        assert not rollout.ended
        assert rollout.run.answer is None
        assert not rollout.run.broken


def test_turns_are_limited(opened, runner):
    one = opened(turns=1)
    drawn = runner.run(one.draw([Wish(e, 0) for e in EXAMPLES[:3]], temperature=0.0))
    assert all(len(r.run.completions) == 1 and r.run.answer is None for r in drawn)


def test_logprobs_are_the_models_own(plain, greedy):
    import torch
    from transformers import Qwen3ForCausalLM

    model = Qwen3ForCausalLM.from_pretrained(WEIGHTS / "base", dtype=torch.float32)
    for rollout in greedy[:4]:
        ids = torch.tensor([[*rollout.prompt, *rollout.completion]])
        with torch.no_grad():
            logp = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        at = len(rollout.prompt)
        told = logp[torch.arange(at - 1, ids.shape[1] - 1), ids[0, at:]].tolist()
        end = plain.engine.text.tokenizer.eos_token_id
        for mine, theirs, own, token in zip(
            rollout.logprobs, told, rollout.mask, rollout.completion, strict=True
        ):
            if own and token != end:  # the engine does not tell the end's
                assert mine == pytest.approx(theirs, abs=1e-3)
