"""The loop learns, stops when told, and goes on from where it stopped."""

import json
import signal

import pytest
import torch

from training.pretrain import Pretraining


def quiet(_: str) -> None:
    return


@pytest.fixture
def run(tiny, fresh, tmp_path):
    recipe, train, dev = tiny

    def make(**changes):
        changed = recipe.model_copy(update=changes)
        return Pretraining(
            changed, fresh(), {"table_qa": train}, {"table_qa": dev}, tmp_path, quiet
        )

    return make


def test_loss_falls_and_replies_come_out_right(run):
    trained = run()
    before = trained.watch()["dev"]["table_qa"]
    assert trained.run()
    after = trained.readings[-1]["dev"]["table_qa"]
    assert before["exact"] == 0
    assert after["loss"] < before["loss"] / 4
    assert after["exact"] > 0.4
    lines = (trained.out / "readings.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == trained.step


def test_a_resumed_run_ends_where_an_unbroken_one_does(run):
    unbroken = run(tokens=8_000)
    assert unbroken.run()

    broken = run(tokens=8_000)
    for _ in range(3):
        _, tokens = broken._one_step()
        assert tokens > 0
    broken.checkpoint()
    resumed = run(tokens=8_000)
    resumed.resume()
    assert resumed.step == 3
    assert resumed.run()
    assert resumed.step == unbroken.step
    assert resumed.tokens == unbroken.tokens
    for name, value in unbroken.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value)


def test_interrupt_leaves_a_checkpoint(run):
    trained = run()
    step = trained._one_step

    def interrupted():
        done = step()
        if trained.step == 2:
            signal.raise_signal(signal.SIGINT)
        return done

    trained._one_step = interrupted
    assert not trained.run()
    resumed = run()
    resumed.resume()
    assert resumed.step == 2


def test_a_time_budget_ends_the_run(run):
    trained = run(tokens=10**9, seconds=0.5)
    assert trained.run()
    assert 0.5 <= trained.seconds < 5


def test_padding_counts_nothing_and_replies_count_most(run):
    trained = run()
    batch = next(trained._stream)
    weights = trained._weights(batch).numpy()
    assert (weights[~batch.real[:, 1:]] == 0).all()
    assert (weights[batch.reply[:, 1:]] == 1).all()
    prompt = batch.real[:, 1:] & ~batch.reply[:, 1:]
    assert (abs(weights[prompt] - trained.recipe.prompt_weight) < 1e-6).all()
