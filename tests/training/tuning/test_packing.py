"""Dialogues in one row learn as they would alone: same loss, same gradients, nothing seen of each
other."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers.models.qwen3 import Qwen3Config, Qwen3ForCausalLM
from trl.trainer.utils import add_fused_lm_head

from specialists.foundation.errors import ConfigError
from training.tuning import packing
from training.tuning.rendering import IGNORED

SHAPE: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
}
LENGTHS = (9, 31, 4, 30, 17, 9)


def adapted(kind: str) -> Any:
    torch.manual_seed(3)
    made = {
        "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SHAPE)),
        "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE)),
    }[kind]()
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(made, lora)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zero at the start: nothing would reach A
            torch.nn.init.normal_(parameter, std=0.1)
    add_fused_lm_head(model.get_base_model(), outputs=("log_probs", "entropy", "is_top1"))
    return model


@pytest.fixture(scope="module")
def examples() -> list[dict[str, list[int]]]:
    torch.manual_seed(4)
    out = []
    for length in LENGTHS:
        ids = torch.randint(0, 97, (length,)).tolist()
        first = max(1, length - 7)
        out.append({"input_ids": ids, "labels": [IGNORED] * first + ids[first:]})
    return out


def learned(model: Any, batch: dict[str, Any]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss as TRL takes it, and gradients."""
    model.zero_grad()
    loss = -model(**batch, fused_lm_head=True).log_probs.sum()
    loss.backward()
    grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), grads


@pytest.mark.parametrize("kind", ["qwen3", "llama"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_packed_rows_give_the_loss_and_gradients_of_dialogues_alone(
    examples, kind: str, checkpointing: bool
) -> None:
    model = adapted(kind)
    alone = [
        learned(
            model,
            {
                "input_ids": torch.tensor([e["input_ids"]]),
                "labels": torch.tensor([e["labels"]]),
            },
        )
        for e in examples
    ]
    if checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train()
    for packed in (True, False):
        with packing.rows(model.get_base_model(), packing=packed):
            loss, grads = learned(model, packing.Rows(0, packing=packed)(examples))
        assert loss == pytest.approx(sum(each for each, _ in alone), rel=1e-5)
        for name, grad in grads.items():
            together = sum(g[name] for _, g in alone)
            torch.testing.assert_close(grad, together, rtol=1e-4, atol=1e-5)


def test_trl_without_this_would_see_the_dialogues_before(examples) -> None:
    """The comparison above can fail: causal attention over the row gives another loss."""
    model = adapted("qwen3")
    batch = packing.Rows(0, packing=True)(examples)
    with packing.rows(model.get_base_model()):
        right, _ = learned(model, batch)
        leaking, _ = learned(model, {k: v for k, v in batch.items() if k != "lengths"})
    assert leaking != pytest.approx(right, rel=1e-3)


def test_no_dialogue_changes_what_another_gives(examples) -> None:
    model = adapted("qwen3").eval()
    collate = packing.Rows(0, packing=True)
    changed = copy.deepcopy(examples)
    changed[1]["input_ids"] = [(i + 1) % 97 for i in changed[1]["input_ids"]]
    changed[1]["labels"] = [(i + 1) % 97 if i >= 0 else i for i in changed[1]["labels"]]
    with torch.no_grad(), packing.rows(model.get_base_model()):
        one, other = (
            model(**collate(each), fused_lm_head=True).log_probs[0] for each in (examples, changed)
        )
    counts = [sum(label != IGNORED for label in e["labels"]) for e in examples]
    before, after = one.split(counts), other.split(counts)
    for index, (a, b) in enumerate(zip(before, after, strict=True)):
        assert torch.equal(a, b) == (index != 1)


def test_groups_hold_every_token_with_little_padding() -> None:
    lengths = (100, 3, 90, 50, 3, 49, 101)
    shapes, there, back = packing.groups(lengths, torch.device("cpu"))
    assert there[back].tolist() == list(range(sum(lengths)))
    assert sum(dialogues * length for dialogues, length in shapes) == len(there)
    assert len(there) <= packing.WASTE * sum(lengths)


def test_the_model_is_as_before_afterwards(examples) -> None:
    model = adapted("qwen3").eval()
    ids = torch.tensor([examples[1]["input_ids"]])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        with packing.rows(model.get_base_model()):
            pass
        after = model(input_ids=ids).logits
    assert torch.equal(before, after)
    assert model.config._attn_implementation == "sdpa"


def test_a_sliding_window_is_refused_before_training() -> None:
    model = MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=16))
    with pytest.raises(ConfigError, match=r"sft\.packing=false"), packing.rows(model):
        pass
    with packing.rows(model, packing=False):
        pass
