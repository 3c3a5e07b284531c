"""Estimates: against counts worked by hand, against a real model's memory, and against fresh
data."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RunRecord
from training import jobs
from training.tuning import cost
from training.tuning.recipe import Recipe, load, names

WEIGHTS = Path(cost.EMBEDDED).parent


def phases(recipe: Recipe, device: str = "h100-80gb") -> dict[str, cost.Phase]:
    return {p.name: p for p in cost.estimate(recipe, cost.device(device)).phases}


def test_every_named_recipe_has_an_estimate() -> None:
    for name in names():
        made = load(name)
        guess = cost.estimate(made, cost.fitting(made))
        assert guess.tokens > 0, name
        assert guess.seconds > 0, name
        sampled = made.rewarded or made.method in ("self_sft", "distill_online")
        sampled = sampled or (made.method == "distill" and made.teacher.engine == "local")
        assert (guess.generated > 0) == sampled
        assert guess.usd == pytest.approx(guess.device_hours * guess.hour_usd)


def test_the_embedded_base_is_counted_from_its_files() -> None:
    shape = cost.shape(load("sentiment/sft/embedded"))
    config = json.loads((cost.EMBEDDED / "config.json").read_text())
    assert (shape.layers, shape.width) == (config["num_hidden_layers"], config["hidden_size"])
    d, inner, layers, words = 256, 768, 4, 2560
    matrices = layers * (4 * d * d + 3 * d * inner)
    norms = layers * (2 * d + 2 * 64) + d
    assert shape.parameters == matrices + norms + words * d
    assert shape.matrices == matrices + norms


def test_an_adapters_size_is_that_of_the_file() -> None:
    from safetensors import safe_open

    with safe_open(WEIGHTS / "table_qa" / "adapter_model.safetensors", "pt") as file:
        saved = sum(
            file.get_slice(name).get_shape()[0] * file.get_slice(name).get_shape()[1]
            for name in file.keys()  # noqa: SIM118 - not a mapping
        )
    assert cost.shape(load("table_qa/sft/embedded")).adapter(16) == saved


def test_a_hub_base_that_is_not_here_is_known_by_its_numbers() -> None:
    shape = cost.shape(load("table_qa/sft/qwen3-0.6b"))
    assert (shape.heads, shape.kv, shape.inner, shape.exact) == (2048, 1024, 3072, True)
    other = load("table_qa/sft/qwen3-0.6b", ["base.source=some/other"])
    assert not cost.shape(other).exact
    assert any("proportions" in note for note in cost.estimate(other, cost.device("l4")).notes)
    unknown = load("table_qa/sft/embedded", ["base.source=some/other"])
    with pytest.raises(ConfigError, match=r"cannot tell how large some/other is.*base\.parameters"):
        cost.shape(unknown)


def test_learning_costs_four_products_a_weight_and_six_with_checkpointing() -> None:
    plain = load("sentiment/sft/qwen3-4b", ["learning.checkpointing=false"])
    shape, size = cost.shape(plain), cost.lengths(plain)
    learned = phases(plain)["learning"]
    adapter = shape.adapter(16)
    attention = 2 * shape.layers * shape.heads * size.whole
    share = size.reply / size.whole
    head = 6 * shape.vocabulary * shape.width * share
    a_token = 4 * shape.matrices + 3 * attention + 6 * adapter + head
    assert learned.tokens == 12_000 * size.whole
    assert learned.flops == pytest.approx(learned.tokens * a_token)
    again = phases(load("sentiment/sft/qwen3-4b"))["learning"]
    assert again.flops == pytest.approx(
        learned.flops + learned.tokens * (2 * shape.matrices + attention + 2 * adapter)
    )
    # Full fine-tuning is 6 N; LoRA somewhat more than two thirds of it.
    assert 0.6 < learned.flops / (6 * shape.parameters * learned.tokens) < 0.8


def test_grpo_draws_scores_and_learns() -> None:
    plain = load("table_qa/grpo/qwen3-0.6b", ["grpo.refill=0"])
    size = cost.lengths(plain)
    found = phases(plain)
    episodes = 60 * 16 * 8
    assert found["learning"].tokens == episodes * size.whole
    assert found["episodes: write"].tokens == episodes * size.reply
    assert "scoring" not in found
    filtered = phases(load("table_qa/grpo/qwen3-0.6b", ["grpo.refill=2"]))
    more = 1 + cost.AGREEING + cost.AGREEING**2
    assert filtered["episodes: write"].tokens == pytest.approx(more * episodes * size.reply)
    assert filtered["learning"].tokens == found["learning"].tokens
    held = phases(load("table_qa/grpo/qwen3-0.6b", ["grpo.beta=0.1"]))
    assert held["scoring"].tokens == found["learning"].tokens


def test_a_local_teacher_counts_with_its_own_size(base: Path) -> None:
    local = ["teacher.engine=local", "teacher.source="]
    same = phases(load("sentiment/distill/qwen3-0.6b", local))["teacher: write"]
    small = phases(load("sentiment/distill/qwen3-0.6b", [*local, f"teacher.source={base}"]))
    assert small["teacher: write"].flops < same.flops / 1000


def test_a_hosted_teacher_is_told_beside_the_estimate() -> None:
    words = ["teacher.engine=langchain", "teacher.samples=2"]
    guess = cost.estimate(load("planning/distill/qwen3-0.6b", words), cost.device("l4"))
    assert guess.generated == 0
    (note,) = (note for note in guess.notes if "teacher is not counted" in note)
    assert note.endswith(
        "up to 8,000 dialogues are asked of it, at a price that is not set (teacher.price)"
    )
    words += ["teacher.price={input_usd=1.0, output_usd=10.0}", "teacher.budget_usd=5"]
    made = load("planning/distill/qwen3-0.6b", words)
    (note,) = (n for n in cost.estimate(made, cost.device("l4")).notes if "not counted" in n)
    size = cost.lengths(made)
    dollars = 8_000 * (size.prompt + (size.between + size.reply) / 2 + 10 * size.reply) / 1e6
    assert note.endswith(f"for {dollars:.2f} dollars, stopping at 5 dollars")


def test_decoding_is_bound_by_weights_read_or_by_the_host() -> None:
    """A larger model, a slower memory: more seconds for as many tokens."""

    def seconds(name: str, device: str) -> float:
        return phases(load(name, ["rollout.parallel=1"]), device)["episodes: write"].seconds

    small, large = (seconds(f"table_qa/grpo/qwen3-{n}", "l4") for n in ("0.6b", "4b"))
    assert large > 2 * small
    assert seconds("table_qa/grpo/qwen3-4b", "h100-80gb") < large
    # 8.04 GB of weights at 55 % of 300 GB/s, for each of the tokens, one episode at a time.
    found = phases(load("table_qa/grpo/qwen3-4b", ["rollout.parallel=1"]), "l4")["episodes: write"]
    assert found.seconds == pytest.approx(found.tokens * 8.04e9 / (300e9 * 0.55), rel=0.1)


def test_several_gpus_share_the_base_and_the_work() -> None:
    made = load("table_qa/sft/qwen3-4b", ["learning.steps=100"])
    one = cost.estimate(made, cost.device("h100-80gb"))
    eight = cost.estimate(made, cost.device("8xh100-80gb"))
    assert eight.memory["weights"] == pytest.approx(one.memory["weights"] / 8)
    assert eight.tokens == 8 * one.tokens
    assert eight.device_hours == pytest.approx(eight.hours * 8)


def test_what_does_not_fit_is_told_with_what_would_help() -> None:
    made = load("table_qa/sft/qwen3-4b", ["learning.checkpointing=false", "learning.batch=32"])
    guess = cost.estimate(made, cost.device("l4"))
    assert not guess.fits
    assert guess.helps
    for help_ in guess.helps:
        if not help_.startswith("--"):
            changed = load(
                "table_qa/sft/qwen3-4b",
                ["learning.checkpointing=false", "learning.batch=32", *help_.split()],
            )
            assert cost.estimate(changed, cost.device("l4")).fits, help_
    plain = load("table_qa/sft/qwen3-4b", ["learning.checkpointing=false"])
    assert "learning.checkpointing=true" in cost.estimate(plain, cost.device("h100-80gb")).helps
    tight = load("table_qa/grpo/qwen3-4b", ["learning.batch=8", "rollout.parallel=128"])
    assert "--device h200" in cost.estimate(tight, cost.device("h100-80gb")).helps
    whole = load("table_qa/grpo/qwen3-0.6b", ["learning.batch=64", "learning.accumulate=1"])
    for help_ in cost.estimate(whole, cost.device("l4")).helps:
        if help_.startswith("learning.batch"):
            assert int(re.findall(r"\d+", help_)[0]) % whole.grpo.group == 0


def test_devices_are_named_and_priced() -> None:
    assert cost.device("4xh200").count == 4
    assert cost.device("h200", hour_usd=1.5).hour_usd == 1.5
    with pytest.raises(ConfigError, match=r"no device 'tpu': there are cpu-2, l4, .* 8xh200 is"):
        cost.device("tpu")
    with pytest.raises(ConfigError):
        cost.device("0xh200")
    assert cost.known_as(("NVIDIA H100 80GB HBM3",)).name == "h100-80gb"
    assert cost.known_as(("NVIDIA A100-SXM4-80GB",)).name == "a100-80gb"
    assert cost.known_as(("NVIDIA L40S",)).hour_usd == 0.0, "an L40S is no L4"
    assert cost.known_as(()).unit == "core"
    assert cost.fitting(load("sentiment/sft/embedded")).name == "cpu-2"
    assert cost.fitting(load("sentiment/sft/qwen3-0.6b")).name == "h100-80gb"
    local = load("sentiment/sft/qwen3-0.6b", [f"base.source={cost.EMBEDDED}"])
    assert cost.fitting(local).name == "cpu-2", "small enough for a processor"


def test_actual_over_expected() -> None:
    guess = cost.estimate(load("table_qa/grpo/embedded"), cost.device("cpu-2"))
    metrics = {"tokens": round(2 * guess.tokens), "generated": round(guess.generated / 2)}
    told = cost.compared(guess, metrics, seconds=3 * guess.seconds)
    assert told["ratio"] == {"tokens": 2.0, "generated": 0.5, "seconds": 3.0}
    assert told["expected"]["steps"] == guess.steps
    assert "generated" not in cost.compared(guess, {"tokens": 1}, seconds=1.0)["actual"]


def test_the_released_weights_runs_read_as_they_were_recorded() -> None:
    """Records of before these fields are still records."""
    record = RunRecord.read(WEIGHTS / "table_qa" / "run.json")
    assert record.name == "table_qa"


@pytest.mark.parametrize("job", jobs.NAMES)
def test_lengths_are_those_of_fresh_dialogues(job: str) -> None:
    from transformers import AutoTokenizer

    from training import corpus

    tokenizer = AutoTokenizer.from_pretrained(cost.EMBEDDED)
    whole, written = 0, 0
    examples = list(islice(jobs.task(job).examples("train", 60, 77), 60))
    for example in examples:
        ids, mask = corpus.render(tokenizer, example.dialogue)
        whole += len(ids)
        written += sum(mask)
    size = cost.lengths(load(f"{job}/sft/embedded"))
    assert size.whole == pytest.approx(whole / len(examples), rel=0.2)
    assert size.reply == pytest.approx(written / len(examples), rel=0.3, abs=1)


@pytest.mark.parametrize("bf16", [True, False])
def test_memory_is_near_what_autograd_keeps(base: Path, bf16: bool) -> None:
    """The bytes that a real student keeps for its backward pass, counted as it keeps them."""
    import torch

    from training.tuning import loading

    made = load("sentiment/sft/embedded", [f"base.source={base}", "lora.rank=4"])
    student = loading.student(made, tools=False, turns=False)
    student.model.train()
    shape = cost.read_shape(student.base)
    frozen = {p.untyped_storage().data_ptr() for p in student.model.parameters()}
    kept: dict[int, int] = {}
    alive: list[torch.Tensor] = []  # so that no storage takes the place of another

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in frozen:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    ids = torch.randint(0, shape.vocabulary, (1, 128))
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        student.model.get_base_model().model(ids)
    a_token = sum(kept.values()) / ids.numel() / shape.layers
    assert shape.kept(2 if bf16 else 4) == pytest.approx(a_token, rel=0.35)
