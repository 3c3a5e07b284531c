from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from specialists.engines.controls import random_adapter
from specialists.engines.local import LocalEngine
from specialists.engines.template import to_chat
from specialists.foundation.contracts import Completion, Grammar, Message, Sampling, ToolSpec
from specialists.foundation.errors import AdapterError, Cancelled, EngineError

ASK = [Message(role="user", content="the revenue of <c1> in 2022?")]
FREE = Sampling(max_tokens=24)
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


def asks(count: int) -> list[list[Message]]:
    return [
        [Message(role="user", content=f"{'net revenue ' * (i % 5)}<c{1 + i % 2}> {2000 + i}?")]
        for i in range(count)
    ]


@torch.inference_mode()
def generated(base: Path, adapter: Path, tokenizer: PreTrainedTokenizerFast, count: int) -> str:
    """What transformers and peft reply, greedily."""
    model = PeftModel.from_pretrained(Qwen3ForCausalLM.from_pretrained(base), str(adapter)).eval()
    prompt = tokenizer.apply_chat_template(
        to_chat(ASK), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    out = model.generate(**prompt, max_new_tokens=count, do_sample=False)
    return tokenizer.decode(out[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)


async def test_greedy_replies_are_those_of_generate(
    base: Path, adapters: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    engine = LocalEngine.load(base, adapters=adapters)
    for name, folder in adapters.items():
        reply = await engine.chat(ASK, adapter=name, sampling=FREE)
        assert reply.message.content == generated(base, folder, tokenizer, 24)
    await engine.aclose()


async def test_samples_do_not_depend_on_who_else_is_in_the_batch(
    base: Path, adapters: dict[str, Path]
) -> None:
    questions = asks(10)
    names = [None, "alpha", "beta"]

    async def ask(engine: LocalEngine, i: int) -> Completion:
        return await engine.chat(
            questions[i],
            adapter=names[i % 3],
            sampling=Sampling(temperature=1.0, top_p=0.9, seed=i, max_tokens=20),
            logprobs=True,
        )

    alone = LocalEngine.load(base, adapters=adapters, rows=1)
    crowd = LocalEngine.load(base, adapters=adapters, rows=8)
    one = [await ask(alone, i) for i in range(10)]
    many = await asyncio.gather(*(ask(crowd, i) for i in range(10)))
    for a, b in zip(one, many, strict=True):
        assert a.message == b.message
        for x, y in zip(a.logprobs, b.logprobs, strict=True):
            assert x.logprob == pytest.approx(y.logprob, abs=1e-3)
    await asyncio.gather(alone.aclose(), crowd.aclose())


async def test_score_agrees_with_transformers(
    base: Path, adapters: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    dialogue = [*ASK, Message(role="assistant", content='{"value": 12.5}')]
    engine = LocalEngine.load(base, adapters=adapters)
    scored = await engine.score(dialogue, adapter="beta")
    await engine.aclose()
    encoded = tokenizer.apply_chat_template(
        to_chat(dialogue), return_dict=True, return_assistant_tokens_mask=True
    )
    ids = torch.tensor(encoded["input_ids"])
    model = PeftModel.from_pretrained(
        Qwen3ForCausalLM.from_pretrained(base), str(adapters["beta"])
    ).eval()
    with torch.inference_mode():
        logp = model(ids[None]).logits[0].log_softmax(-1)
    want = [float(logp[i - 1, ids[i]]) for i, mine in enumerate(encoded["assistant_masks"]) if mine]
    assert [t.logprob for t in scored] == pytest.approx(want, abs=1e-3)


async def test_a_longer_dialogue_reuses_what_was_read(base: Path) -> None:
    told = Message(role="tool", content="12.5")
    engine, fresh = LocalEngine.load(base), LocalEngine.load(base)
    first = await engine.chat(ASK, sampling=FREE)
    again = [*ASK, first.message, told]
    second = await engine.chat(again, sampling=FREE, logprobs=True)
    anew = await fresh.chat(again, sampling=FREE, logprobs=True)
    assert second.message == anew.message
    assert [t.logprob for t in second.logprobs] == pytest.approx(
        [t.logprob for t in anew.logprobs], abs=1e-3
    )
    await asyncio.gather(engine.aclose(), fresh.aclose())


async def test_uniform_draws_fit_the_grammar_and_ignore_the_model(
    base: Path, adapters: dict[str, Path]
) -> None:
    engine = LocalEngine.load(base, adapters=adapters, uniform=True)
    letters = Grammar(ebnf="root ::= [a-h]")
    draws: dict[str | None, list[str]] = {}
    for adapter in (None, "alpha"):
        draws[adapter] = [
            (
                await engine.chat(
                    ASK, adapter=adapter, schema=letters, sampling=Sampling(seed=seed)
                )
            ).message.content
            for seed in range(64)
        ]
    assert draws[None] == draws["alpha"]
    assert set(draws[None]) == set("abcdefgh")
    assert max(draws[None].count(letter) for letter in "abcdefgh") < 24
    await engine.aclose()


async def test_a_random_adapter_acts_as_strongly_and_differently(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    control = random_adapter(adapters["alpha"], tmp_path / "control", seed=5)
    engine = LocalEngine.load(base, adapters={**adapters, "control": control})
    said = {
        name: (await engine.chat(ASK, adapter=name, sampling=FREE)).message.content
        for name in (None, "alpha", "control")
    }
    assert len(set(said.values())) == 3
    with pytest.raises(AdapterError, match="exists already"):
        random_adapter(adapters["alpha"], tmp_path / "control", seed=5)
    await engine.aclose()


async def test_an_adapter_is_replaced_and_a_damaged_one_refused(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    engine = LocalEngine.load(base, adapters={"a": adapters["alpha"]})
    before = await engine.chat(ASK, adapter="a", sampling=FREE)
    engine.add_adapter("a", adapters["beta"])
    after = await engine.chat(ASK, adapter="a", sampling=FREE)
    assert before.message != after.message
    (tmp_path / "adapter_config.json").write_bytes(
        (adapters["alpha"] / "adapter_config.json").read_bytes()
    )
    (tmp_path / "adapter_model.safetensors").write_bytes(b"{}")
    engine.add_adapter("bad", tmp_path)
    with pytest.raises(AdapterError, match="cannot read its weights"):
        await engine.chat(ASK, adapter="bad")
    await engine.aclose()


async def test_closing_cancels_what_is_under_way(base: Path) -> None:
    engine = LocalEngine.load(base)
    endless = Grammar(ebnf='root ::= [a-z]+ "!"')
    calls = [
        asyncio.create_task(
            engine.chat(ask, schema=endless, sampling=Sampling(max_tokens=200, temperature=2.0))
        )
        for ask in asks(20)
    ]
    await asyncio.sleep(0.05)
    await engine.aclose()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert any(isinstance(result, Cancelled) for result in results)
    with pytest.raises(Cancelled):
        await engine.chat(ASK)
    await engine.aclose()


async def test_more_calls_than_rows_are_all_answered(base: Path) -> None:
    engine = LocalEngine.load(base, rows=3)
    replies = await asyncio.gather(*(engine.chat(ask, sampling=FREE) for ask in asks(17)))
    assert all(reply.usage.completion_tokens for reply in replies)
    await engine.aclose()


async def test_one_bad_request_leaves_the_others_alone(base: Path) -> None:
    engine = LocalEngine.load(base)
    results = await asyncio.gather(
        engine.chat(ASK, sampling=FREE),
        engine.chat(ASK, schema={"type": "nonsense"}),
        engine.chat(ASK, tools=[ToolSpec(name="f", description="", parameters=NOTHING)]),
        return_exceptions=True,
    )
    assert isinstance(results[0], Completion)
    assert isinstance(results[1], EngineError)
    assert isinstance(results[2], Completion)
    assert [call.name for call in results[2].message.tool_calls] == ["f"]
    await engine.aclose()


def test_an_unreachable_hub_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EngineError, match=r"Qwen/Qwen3-0\.6B is not in the local cache"):
        LocalEngine.load("Qwen/Qwen3-0.6B")
    with pytest.raises(EngineError, match="not a folder"):
        LocalEngine.load("/no/such/folder")


async def test_an_engine_that_holds_nothing_says_what_the_model_says(base: Path) -> None:
    tool = ToolSpec(name="sql", description="", parameters=NOTHING)
    free = LocalEngine.load(base, held=False)
    plain = await free.chat(ASK, sampling=FREE)
    loose = await free.chat(ASK, schema=NOTHING, tools=[tool], sampling=FREE)
    assert loose.message == plain.message
    held = LocalEngine.load(base)
    assert (await held.chat(ASK, schema=NOTHING, sampling=FREE)).message.content == "{}"
    await asyncio.gather(free.aclose(), held.aclose())


async def test_an_adapter_brings_the_template_it_was_trained_with(
    base: Path, adapters: dict[str, Path], tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    """What is served must be what was trained: the prompt is the adapter's, not the base's."""
    own = tmp_path / "own"
    shutil.copytree(adapters["alpha"], own)
    template = str(tokenizer.chat_template).replace("'<|im_start|>assistant\\n'", "'now: '")
    (own / "chat_template.jinja").write_text(template, encoding="utf-8")
    engine = LocalEngine.load(base, adapters={"plain": adapters["alpha"], "own": own})
    plain, other = (tokenizer.decode(engine.prompt(ASK, (), name)) for name in ("plain", "own"))
    assert plain.endswith("<|im_start|>assistant\n")
    assert other == plain.removesuffix("<|im_start|>assistant\n") + "now: "
    replies = [(await engine.chat(ASK, adapter=n, sampling=FREE)) for n in ("plain", "own")]
    assert replies[0].message.content != replies[1].message.content
    engine.add_adapter("own", adapters["alpha"])
    assert engine.prompt(ASK, (), "own") == engine.prompt(ASK, (), "plain")
    await engine.aclose()
