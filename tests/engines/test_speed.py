"""The in-process engine beside transformers' ``generate`` on a model of the embedded base's size.

One thread each, 150 prompt tokens, 60 new ones; best of three. Prints a table; gates nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Grammar, Message, Sampling

NEW, PROMPT = 60, 150
ENDLESS = Grammar(ebnf='root ::= [a-z]{900} "!"')
SIX = [None, "a0", "a1", "a2", "a3", "a4"]


def save_embedded_size(folder: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=2560,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    lora = LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM")
    tuned = get_peft_model(model, lora, adapter_name="a0")
    for name in SIX[2:]:
        tuned.add_adapter(str(name), lora)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.02)
    tuned.save_pretrained(folder)
    return folder


def best(act: Callable[[], object], times: int = 3) -> float:
    """Seconds of the quickest run."""
    spent: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        act()
        spent.append(time.perf_counter() - begun)
    return min(spent)


@pytest.mark.bench
def test_speed_beside_generate(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    folder = save_embedded_size(tmp_path, tokenizer)
    torch.set_num_threads(1)
    rows = {**_ours(folder), **_theirs(folder, tokenizer)}
    print(f"\n{'':44}{'ms':>8}{'tokens/s':>10}")
    for name, (seconds, tokens) in rows.items():
        print(f"{name:44}{seconds * 1e3:8.0f}{tokens / seconds:10.0f}")


def _ours(folder: Path) -> dict[str, tuple[float, int]]:
    engine = LocalEngine.load(
        folder / "base", adapters={str(name): folder / str(name) for name in SIX[1:]}
    )
    sampling = Sampling(max_tokens=NEW)
    fresh = iter(range(10**6))

    async def ask(names: list[str | None], schema: Grammar | None, logprobs: bool) -> None:
        def question() -> list[Message]:  # a new beginning each time: nothing is reused
            return [Message(role="user", content=f"{next(fresh):06d}" + "x " * (PROMPT // 2 - 7))]

        replies = await asyncio.gather(
            *(
                engine.chat(
                    question(), adapter=name, schema=schema, sampling=sampling, logprobs=logprobs
                )
                for name in names
            )
        )
        assert all(reply.usage.completion_tokens == NEW for reply in replies)

    mixed = [SIX[i % 6] for i in range(8)]
    plans: dict[str, tuple[list[str | None], Grammar | None, bool]] = {
        "engine, base": ([None], None, False),
        "engine, adapter": (["a0"], None, False),
        "engine, adapter, grammar and logprobs": (["a0"], ENDLESS, True),
        "engine, 8 rows of one adapter": (["a0"] * 8, None, False),
        "engine, 8 rows of 6 adapters": (mixed, None, False),
        "engine, 8 of 6, grammar and logprobs": (mixed, ENDLESS, True),
    }

    async def all_of_them() -> dict[str, tuple[float, int]]:
        table: dict[str, tuple[float, int]] = {}
        for name, (names, schema, logprobs) in plans.items():
            spent: list[float] = []
            for _ in range(4):
                begun = time.perf_counter()
                await ask(names, schema, logprobs)
                spent.append(time.perf_counter() - begun)
            table[name] = min(spent), NEW * len(names)
        await engine.aclose()
        return table

    return asyncio.run(all_of_them())


@torch.inference_mode()
def _theirs(folder: Path, tokenizer: PreTrainedTokenizerFast) -> dict[str, tuple[float, int]]:
    plain = Qwen3ForCausalLM.from_pretrained(folder / "base").eval()
    options: dict[str, Any] = {
        "max_new_tokens": NEW,
        "min_new_tokens": NEW,
        "do_sample": False,
        "pad_token_id": tokenizer.pad_token_id,
    }
    one, eight = torch.randint(5, 400, (1, PROMPT)), torch.randint(5, 400, (8, PROMPT))
    table = {"generate, base": (best(lambda: plain.generate(one, **options)), NEW)}
    tuned = PeftModel.from_pretrained(plain, str(folder / "a0"), adapter_name="a0").eval()
    for name in SIX[2:]:
        tuned.load_adapter(str(folder / str(name)), adapter_name=str(name))
    table["generate, adapter"] = best(lambda: tuned.generate(input_ids=one, **options)), NEW
    table["generate, 8 rows of one adapter"] = (
        best(lambda: tuned.generate(input_ids=eight, **options)),
        NEW * 8,
    )
    names = [SIX[i % 6] or "__base__" for i in range(8)]
    table["generate, 8 rows of 6 adapters"] = (
        best(lambda: tuned.generate(input_ids=eight, adapter_names=names, **options)),
        NEW * 8,
    )
    return table
