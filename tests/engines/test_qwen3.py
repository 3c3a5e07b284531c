"""The forward against transformers and peft, token by token, in ragged batches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import Qwen3ForCausalLM

from specialists.engines.lora import Lora
from specialists.engines.qwen3 import Chunk, Qwen3
from specialists.foundation.errors import AdapterError, EngineError

CLOSE = 2e-4


def sequences(count: int) -> list[list[int]]:
    draw = torch.Generator().manual_seed(3)
    return [torch.randint(3, 400, (9 + 7 * i,), generator=draw).tolist() for i in range(count)]


@torch.inference_mode()
def reference(base: Path, adapter: Path | None, tokens: list[int]) -> torch.Tensor:
    model: torch.nn.Module = Qwen3ForCausalLM.from_pretrained(base).eval()
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter)).eval()
    return model(torch.tensor([tokens])).logits[0]


@pytest.mark.parametrize("name", [None, "alpha", "beta"])
@pytest.mark.parametrize("spare", [0, 2**29], ids=["one layout", "two layouts"])
def test_logits_are_those_of_transformers_and_peft(
    base: Path, adapters: dict[str, Path], name: str | None, spare: int
) -> None:
    model = Qwen3.load(base, spare_bytes=spare)
    lora = Lora.load(name, adapters[name], model.shape, model.like) if name else None
    texts = sequences(3)
    caches = [model.cache(64) for _ in texts]
    read: list[list[torch.Tensor]] = [[] for _ in texts]
    for start, end in ((0, 6), (6, 7), (7, None)):  # a prompt, one token, several tokens
        rows = [text[start:end] for text in texts]
        chunks = [Chunk(row, cache, len(row)) for row, cache in zip(rows, caches, strict=True)]
        for have, new in zip(read, model.forward(chunks, lora), strict=True):
            have.append(new)
    for text, got in zip(texts, read, strict=True):
        want = reference(base, adapters[name] if name else None, text)
        assert torch.allclose(torch.cat(got), want, atol=CLOSE)
    if name:
        untuned = reference(base, None, texts[1])
        assert not torch.allclose(torch.cat(read[1]), untuned, atol=0.1)  # adapters act


def test_a_lone_row_reads_as_in_company(base: Path, adapters: dict[str, Path]) -> None:
    model = Qwen3.load(base)
    lora = Lora.load("alpha", adapters["alpha"], model.shape, model.like)
    first, second = sequences(2)
    alone, together = model.cache(32), model.cache(32)
    for token in first:
        (one,) = model.forward([Chunk([token], alone)], lora)
    crowd = model.forward([Chunk(first, together), Chunk(second, model.cache(32))], lora)
    assert torch.allclose(one, crowd[0], atol=CLOSE)


def test_merged_copies_are_few_and_made_again(base: Path, adapters: dict[str, Path]) -> None:
    model = Qwen3.load(base, spare_bytes=0)
    loras = [Lora.load(n, f, model.shape, model.like) for n, f in adapters.items()]
    (text,) = sequences(1)
    made: list[list[torch.Tensor]] = [[], []]
    for _ in range(2):
        for lora, seen in zip(loras, made, strict=True):
            seen.extend(model.forward([Chunk(text, model.cache(16))], lora))
            assert model.merged == (lora.name,)
    for seen in made:
        assert torch.equal(*seen)
    assert not torch.allclose(made[0][0], made[1][0], atol=0.1)


def test_a_copied_cache_goes_on_as_if_read(base: Path) -> None:
    model = Qwen3.load(base)
    (text,) = sequences(1)
    first, second = model.cache(32), model.cache(32)
    model.forward([Chunk(text[:5], first)])
    second.copy_from(first, 4)
    (whole,) = model.forward([Chunk(text[4:], second)])
    assert torch.allclose(whole[0], reference(base, None, text)[-1], atol=CLOSE)


def test_other_architectures_are_refused_by_name(base: Path, tmp_path: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    with pytest.raises(EngineError, match="model_type llama is not served in process"):
        Qwen3.load(tmp_path)


def test_a_missing_or_damaged_file_is_named(base: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no readable config\.json"):
        Qwen3.load(tmp_path)
    (tmp_path / "config.json").write_bytes((base / "config.json").read_bytes())
    with pytest.raises(EngineError, match=r"no \.safetensors"):
        Qwen3.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(EngineError, match="cannot read the weights"):
        Qwen3.load(tmp_path)


def test_loading_tells_its_progress(base: Path) -> None:
    told: list[float] = []
    Qwen3.load(base, progress=lambda name, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] > 0.9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"peft_type": "IA3"}, "is IA3, not LoRA"),
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"r": 64}, "rank 64; at most 16"),
    ],
)
def test_what_is_more_than_lora_is_refused(
    base: Path, adapters: dict[str, Path], tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    config = json.loads((adapters["alpha"] / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, **change}))
    model = Qwen3.load(base)
    with pytest.raises(AdapterError, match=reason):
        Lora.load("x", tmp_path, model.shape, model.like)


def test_an_adapter_of_another_base_does_not_fit(base: Path, adapters: dict[str, Path]) -> None:
    from dataclasses import replace

    model = Qwen3.load(base)
    for change, reason in (({"hidden": 48}, "does not fit"), ({"layers": 1}, "1 layers")):
        with pytest.raises(AdapterError, match=reason):
            Lora.load("x", adapters["alpha"], replace(model.shape, **change), model.like)


def test_files_as_the_hub_has_them(base: Path, tmp_path: Path) -> None:
    """An untied head in two files, the older spelling of the rotary base, another class name."""
    from safetensors.torch import load_file, save_file

    from specialists.engines.text import Text

    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((base / name).read_bytes())
    config = json.loads((base / "config.json").read_text())
    config.pop("rope_parameters")
    config |= {"rope_theta": 1e6, "rope_scaling": None, "tie_word_embeddings": False}
    (tmp_path / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((base / "tokenizer_config.json").read_text())
    tokenizer["tokenizer_class"] = "Qwen2Tokenizer"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    weights = load_file(base / "model.safetensors")
    draw = torch.Generator().manual_seed(1)
    head = torch.randn(weights["model.embed_tokens.weight"].shape, generator=draw)
    save_file(weights, tmp_path / "model-00001-of-00002.safetensors", {"format": "pt"})
    save_file({"lm_head.weight": head}, tmp_path / "model-00002-of-00002.safetensors")

    model = Qwen3.load(tmp_path)
    (text,) = sequences(1)
    (got,) = model.forward([Chunk(text, model.cache(32), len(text))])
    theirs = Qwen3ForCausalLM.from_pretrained(base, tie_word_embeddings=False)
    theirs.config.rope_parameters["rope_theta"] = 1e6
    theirs.model.rotary_emb = type(theirs.model.rotary_emb)(theirs.config)
    with torch.inference_mode():
        theirs.lm_head.weight.copy_(head)
        want = theirs.eval()(torch.tensor([text])).logits[0]
    assert torch.allclose(got, want, atol=CLOSE)
    spelled = Text.load(tmp_path).encode("<|im_start|>user\nnet <c1><|im_end|>")
    assert spelled == Text.load(base).encode("<|im_start|>user\nnet <c1><|im_end|>")
