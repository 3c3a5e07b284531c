"""Supervised learning: from replies alone, in a seeded order, the same packed or not."""

from __future__ import annotations

import itertools
import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from specialists.foundation.contracts import Message, ToolSpec
from specialists.foundation.errors import ConfigError
from training.tuning import faithful, packing, sft
from training.tuning.dialogues import Dialogue
from training.tuning.recipe import Recipe
from training.tuning.rendering import render
from training.tuning.watching import adapter_of

run = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("tuned_run.py"))))

ONE = ("learning.steps=1", "learning.accumulate=1", "learning.bf16=false", "learning.warmup=0",
       "lora.dropout=0", "watch.keep=last")  # fmt: skip
"""One step whose effect can be foretold."""


@pytest.fixture(scope="module")
def said(dialogues) -> list[Dialogue]:
    return [Dialogue(d) for d in dialogues[:40]]


@pytest.fixture
def start(tiny_base, tmp_path) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """Trains; gives the student and what was measured."""
    count = itertools.count()

    def begin(
        learned: list[Dialogue], watched: list[Dialogue], *overrides: str, told: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        made = run.recipe(tiny_base, overrides)
        say = (lambda _: None) if told is None else told.append
        work = run.shop(made, tmp_path / str(next(count)), say=say)
        metrics = sft.train(work, learned, watched)
        assert metrics is not None
        return work.student, metrics

    return begin


def assert_close(one: Any, other: Any) -> None:
    a, b = adapter_of(one.model), adapter_of(other.model)
    for name, value in a.items():
        torch.testing.assert_close(value, b[name], rtol=1e-3, atol=1e-5)


# --- the loss -----------------------------------------------------------------------------------


def test_the_loss_is_of_the_models_own_words_alone(start, said) -> None:
    learned = said[:6]
    student, metrics = start(learned, learned, *ONE, "learning.batch=6", "learning.rate=0")
    rendered = [render(student.tokenizer, d) for d in learned]
    found = faithful.logprobs(student.model, rendered)
    expected = -sum(map(sum, found)) / sum(map(len, found))
    assert metrics["train_loss"] == pytest.approx(expected, abs=1e-4)
    assert metrics["readings"][0]["loss"] == pytest.approx(expected, abs=1e-4)
    assert metrics["tokens"] == sum(map(len, rendered))


def test_dynamic_fine_tuning_weighs_each_token_by_its_probability(start, said) -> None:
    learned = said[:6]
    settings = (*ONE, "learning.batch=6", "learning.rate=0", "sft.loss=dft")
    student, metrics = start(learned, [], *settings)
    found = faithful.logprobs(student.model, [render(student.tokenizer, d) for d in learned])
    each = torch.tensor(list(itertools.chain.from_iterable(found)))
    assert metrics["train_loss"] == pytest.approx(float(-(each * each.exp()).mean()), abs=1e-4)


def test_packed_or_not_or_in_parts_a_step_is_the_same(start, said) -> None:
    learned = said[:8]
    packed, _ = start(learned, [], *ONE, "learning.batch=8")
    padded, _ = start(learned, [], *ONE, "learning.batch=8", "sft.packing=false")
    parts, _ = start(learned, [], *ONE, "learning.batch=2", "learning.accumulate=4")
    spared, _ = start(learned, [], *ONE, "learning.batch=8", "learning.checkpointing=true")
    assert any(value.abs().sum() for n, value in adapter_of(packed.model).items() if "lora_B" in n)
    for other in (padded, parts, spared):
        assert_close(packed, other)


# --- what is read while it learns ---------------------------------------------------------------


def test_exact_replies_are_those_that_greedy_decoding_would_write(start, said) -> None:
    student, metrics = start(said[10:], said[:10], "learning.steps=6")
    rendered = [render(student.tokenizer, d) for d in said[:10]]
    right: list[list[bool]] = []
    with torch.no_grad():
        for each in rendered:
            top = student.model(input_ids=torch.tensor([each.ids])).logits[0].argmax(-1).tolist()
            right.append([top[a - 1 : b - 1] == each.ids[a:b] for a, b in each.replies])
    replies = list(itertools.chain.from_iterable(right))
    assert 0 < sum(replies) < len(replies), "some of each, or this proves nothing"
    last = next(r for r in metrics["readings"] if r["step"] == metrics["best_step"])
    assert last["exact"] == pytest.approx(sum(replies) / len(replies), abs=1e-3)
    assert last["dialogues"] == pytest.approx(sum(map(all, right)) / len(right), abs=1e-3)


def test_with_nothing_to_watch_it_learns_to_the_end(start, said) -> None:
    student, metrics = start(said, [], "learning.steps=3", "watch.patience=1")
    assert metrics["readings"] == []
    assert metrics["steps"] == 3
    assert any(v.abs().sum() for n, v in adapter_of(student.model).items() if "lora_B" in n)


# --- what is learned from -----------------------------------------------------------------------


def test_long_dialogues_are_left_out_counted_and_told(start, said) -> None:
    student, metrics = start(said[:6], said[6:8], "learning.steps=1")
    longest = max(len(render(student.tokenizer, d)) for d in said[:6])
    question = said[0].messages[1].content
    long = Dialogue(
        (
            said[0].messages[0],
            Message(role="user", content=f"{question} " * 9),
            *said[0].messages[2:],
        )
    )
    told: list[str] = []
    student, metrics = start(
        [*said[:6], long], [said[6], long], f"data.length={longest}", "learning.steps=1", told=told
    )
    assert (metrics["dialogues"], metrics["too_long"]) == (6, 1)
    assert any("1 of 7 dialogues to learn from, 1 of 2 to watch" in text for text in told)


def test_when_all_are_too_long_it_says_what_to_set(start, said) -> None:
    with pytest.raises(ConfigError, match=r"at most 8 tokens; set data\.length higher"):
        start(said, said, "data.length=8")


def test_without_steps_it_takes_its_passes_over_the_data(start, said) -> None:
    settings = ("learning.steps=0", "learning.batch=5", "learning.accumulate=2")
    _, metrics = start(said, [], *settings, "learning.epochs=1.5")
    assert metrics["steps"] == int(40 * 1.5 / 10)
    assert metrics["examples"] == 60


def made(**data: Any) -> Recipe:
    return Recipe.parse({"specialist": "x", "method": "sft", **data}, origin="test")


def test_the_order_is_seeded_and_takes_each_once_a_pass() -> None:
    lengths = list(range(50))
    one = sft.order(made(), lengths, 125)
    assert one == sft.order(made(), lengths, 125)
    assert one != sft.order(made(seeds={"order": 2}), lengths, 125)
    assert sorted(one[:50]) == sorted(one[50:100]) == lengths
    assert one[:50] != one[50:100]
    assert sft.order(made(), lengths, 60) == one[:60], "how long it goes on changes nothing"


def test_staged_data_comes_as_it_is_given() -> None:
    order = sft.order(made(data={"order": "staged"}), list(range(20)), 30)
    assert order == [*range(20), *range(10)]


def test_padded_rows_hold_like_lengths() -> None:
    lengths = [(7 * i) % 100 for i in range(1, 257)]
    told = made(sft={"packing": False}, learning={"batch": 8})
    order = sft.order(told, lengths, 256)
    assert Counter(order) == Counter(range(256))
    batches = [order[i : i + 8] for i in range(0, 256, 8)]
    assert max(max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches) < 10
    means = [sum(lengths[i] for i in b) for b in batches]
    assert means != sorted(means), "short ones do not all come first"


# --- a base from the hub ------------------------------------------------------------------------


def test_a_hub_base_learns_and_is_proved_with_its_tools_in_the_prompt(
    likenesses, tmp_path, said
) -> None:
    spec = ToolSpec(name="sql", description="Runs a query.", parameters={"type": "object"})
    shown = [Dialogue(d.messages, (spec,)) for d in said[:8]]
    told = run.recipe(
        likenesses["Qwen/Qwen3-0.6B"],
        (*ONE, "base.form=full", "base.template=training", "base.dtype=bfloat16",
         "learning.bf16=true", "data.length=2048"),
    )  # fmt: skip
    work = run.shop(told, tmp_path / "run")
    metrics = sft.train(work, shown, shown[:2])
    assert metrics is not None
    assert metrics["tokens"] > 8 * 50
    run.loading.save_adapter(work.student.model, tmp_path / "adapter", "likeness")
    assert faithful.check(work.student, tmp_path / "adapter", shown)["mean_error"] <= 1e-3


def test_rows_are_what_the_trainer_is_given(said, tokens_of) -> None:
    rendered = [render(tokens_of, d) for d in said[:3]]
    batch = packing.Rows(0, packing=True)(
        [{"input_ids": each.ids, "labels": each.labels} for each in rendered]
    )
    learned = batch["shift_labels"][0].tolist()
    assert learned == [i for each in rendered for i in each.targets]
    assert batch["input_ids"][0, batch["places"] + 1].tolist() == learned
