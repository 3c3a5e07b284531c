"""Settings, and the words and variables they become."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from specialists.engines.lora import FUSED
from specialists.engines.vllm_adapters import LINEAR, RANKS, admit, room
from specialists.engines.vllm_flags import PLUGIN, VllmSettings, command, environment
from specialists.foundation.errors import AdapterError, ConfigError

CPU = VllmSettings(device="cpu", python=Path("/env/bin/python"), port=8200)
CUDA = VllmSettings(device="cuda", python=Path("/env/bin/python"), port=8200)
WEIGHT = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


def write_adapter(folder: Path, *keys: str, rank: int = 16, **config: Any) -> Path:
    """An adapter's folder with the names of its tensors and no numbers."""
    folder.mkdir(parents=True)
    told = {"peft_type": "LORA", "r": rank, "lora_alpha": 32, "bias": "none", **config}
    (folder / "adapter_config.json").write_text(json.dumps(told), encoding="utf-8")
    header = {
        key: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for key in keys or [WEIGHT]
    }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    return folder


def flag(words: list[str], name: str) -> str:
    """The word after a flag that stands there once."""
    assert words.count(name) == 1
    return words[words.index(name) + 1]


def test_the_base_is_served_under_its_folders_name(tmp_path: Path) -> None:
    base = tmp_path / "tiny"
    base.mkdir()
    words = command(CPU, base)
    assert words[:5] == ["/env/bin/python", "-m", "vllm.entrypoints.cli.main", "serve", str(base)]
    assert flag(words, "--served-model-name") == "tiny"
    assert (flag(words, "--host"), flag(words, "--port")) == ("127.0.0.1", "8200")
    assert flag(command(CPU, base, name="ground"), "--served-model-name") == "ground"
    assert flag(command(CPU, "Qwen/Qwen3-0.6B"), "--served-model-name") == "Qwen/Qwen3-0.6B"


def test_arithmetic_follows_the_device() -> None:
    assert flag(command(CPU, "b"), "--dtype") == "float32"
    assert flag(command(CUDA, "b"), "--dtype") == "bfloat16"
    assert flag(command(VllmSettings(), "b"), "--dtype") == "auto"
    assert flag(command(CPU.model_copy(update={"dtype": "bfloat16"}), "b"), "--dtype") == "bfloat16"
    assert "--enforce-eager" in command(CPU, "b")
    assert "--enforce-eager" not in command(CUDA, "b")


def test_sizes_are_told_where_they_are_set() -> None:
    sizes = {"context": 512, "sequences": 16, "memory_share": 0.4, "tensor_parallel": 2}
    words = command(CUDA.model_copy(update=sizes), "b")
    assert flag(words, "--max-model-len") == "512"
    assert flag(words, "--max-num-seqs") == "16"
    assert flag(words, "--gpu-memory-utilization") == "0.4"
    assert flag(words, "--tensor-parallel-size") == "2"
    silent = command(CUDA, "b")
    for name in ("--max-model-len", "--max-num-seqs", "--gpu-memory", "--tensor-parallel-size"):
        assert not [word for word in silent if word.startswith(name)]
    assert "--gpu-memory-utilization" not in command(CPU.model_copy(update=sizes), "b")


def test_replies_are_held_tools_read_and_questions_not_logged() -> None:
    words = command(CPU, "b")
    held = {"backend": "xgrammar", "disable_any_whitespace": True}
    assert json.loads(flag(words, "--structured-outputs-config")) == held
    assert flag(words, "--generation-config") == "vllm"
    assert "--no-enable-log-requests" in words
    assert flag(words, "--disable-access-log-for-endpoints") == "/health,/metrics"
    assert "--enable-auto-tool-choice" in words
    assert flag(words, "--tool-call-parser") == "hermes"
    assert "--tool-call-parser" not in command(CPU.model_copy(update={"tool_parser": None}), "b")


def test_prefixes_are_cached_unless_told() -> None:
    assert "--enable-prefix-caching" in command(CPU, "b")
    off = command(CPU.model_copy(update={"prefix_caching": False}), "b")
    assert "--no-enable-prefix-caching" in off
    assert "--enable-prefix-caching" not in off


def test_extra_words_come_last() -> None:
    extra = ("--seed", "7")
    assert command(CPU.model_copy(update={"extra": extra}), "b")[-2:] == list(extra)


def test_adapters_are_named_as_they_are(tmp_path: Path) -> None:
    adapters = {
        "table_qa@3f9c1a2b3c4d": write_adapter(tmp_path / "table, qa=1", rank=9),
        "planning@0b6249c48fde": write_adapter(tmp_path / "planning", rank=4),
    }
    words = command(CPU, "b", adapters)
    assert "--enable-lora" in words
    start = words.index("--lora-modules") + 1
    assert [json.loads(word) for word in words[start : start + 2]] == [
        {"name": name, "path": str(folder)} for name, folder in adapters.items()
    ]
    assert flag(words, "--max-loras") == "2"
    assert flag(words, "--max-cpu-loras") == "4"
    assert flag(words, "--max-lora-rank") == "16"
    first = words.index("--lora-target-modules") + 1
    assert words[first : first + len(LINEAR)] == list(LINEAR)


def test_an_unrepaired_cpu_keeps_a_slot_empty(tmp_path: Path) -> None:
    adapters = {"a": write_adapter(tmp_path / "a"), "b": write_adapter(tmp_path / "b")}
    unrepaired = {"repair": False}
    assert flag(command(CPU.model_copy(update=unrepaired), "b", adapters), "--max-loras") == "3"
    assert flag(command(CUDA.model_copy(update=unrepaired), "b", adapters), "--max-loras") == "2"


def test_adapters_in_float32_are_for_cpus(tmp_path: Path) -> None:
    adapters = {"a": write_adapter(tmp_path / "a")}
    long = {"dtype": "float32"}
    with pytest.raises(ConfigError, match="dtype = 'bfloat16'"):
        command(CUDA.model_copy(update=long), "b", adapters)
    assert flag(command(CUDA.model_copy(update=long), "b"), "--dtype") == "float32"  # no adapters
    assert flag(command(CPU.model_copy(update=long), "b", adapters), "--dtype") == "float32"


def test_room_for_later_adapters_can_be_asked_for() -> None:
    assert not [word for word in command(CPU, "b") if "lora" in word]
    words = command(CPU.model_copy(update={"max_loras": 3}), "b")
    assert flag(words, "--max-loras") == "3"
    assert flag(words, "--max-lora-rank") == "16"
    assert "--lora-modules" not in words
    more = VllmSettings(max_loras=3, max_cpu_loras=9, max_rank=20)
    assert flag(command(more, "b"), "--max-lora-rank") == "32"
    assert flag(command(more, "b"), "--max-cpu-loras") == "9"


def test_an_environment_keeps_to_itself(tmp_path: Path) -> None:
    told = environment(CPU, tmp_path, site=tmp_path / "site", outer={})
    assert told == {
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(tmp_path / "site"),
        "PYTHONSAFEPATH": "1",
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    assert "HF_HUB_OFFLINE" not in environment(CPU, "Qwen/Qwen3-0.6B", outer={})
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment(CUDA, "b", outer={})
    assert environment(CUDA, "b", outer={})["PYTHONPATH"] == ""


def test_threads_are_free_to_move() -> None:
    told = environment(CPU.model_copy(update={"threads": 2}), "b", outer={})
    assert told["OMP_NUM_THREADS"] == "2"
    assert told["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"


def test_the_repair_is_loaded_beside_a_list_of_plugins(tmp_path: Path) -> None:
    outer = {"VLLM_PLUGINS": "other"}
    assert environment(CPU, "b", site=tmp_path, outer=outer)["VLLM_PLUGINS"] == f"other,{PLUGIN}"
    assert "VLLM_PLUGINS" not in environment(CUDA, "b", outer=outer)


def test_a_key_goes_by_the_environment_alone() -> None:
    settings = CPU.model_copy(update={"api_key_env": "SERVER_KEY"})
    assert environment(settings, "b", outer={"SERVER_KEY": "s3"})["VLLM_API_KEY"] == "s3"
    assert "s3" not in " ".join(command(settings, "b"))
    with pytest.raises(ConfigError, match="SERVER_KEY"):
        environment(settings, "b", outer={})


def test_settings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ConfigError, match="api_key_env"):
        VllmSettings.parse({"host": "0.0.0.0"}, origin="router.toml")
    with pytest.raises(ConfigError, match="max_cpu_loras"):
        VllmSettings.parse({"max_loras": 4, "max_cpu_loras": 2}, origin="router.toml")
    with pytest.raises(ConfigError, match="tenser"):
        VllmSettings.parse({"tenser_parallel": 2}, origin="router.toml")


def test_the_address_is_one_that_can_be_called() -> None:
    assert CPU.url == "http://127.0.0.1:8200"
    assert VllmSettings(host="0.0.0.0", port=1, api_key_env="K").url == "http://127.0.0.1:1"
    assert VllmSettings(host="::1", port=1).url == "http://[::1]:1"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"use_dora": True}, "DoRA"),
        ({"bias": "lora_only"}, "biases"),
        ({"lora_bias": True}, "lora_bias"),
        ({"alora_invocation_tokens": [1, 2]}, "activated"),
        ({"trainable_token_indices": [7]}, "embeddings"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"peft_type": "IA3"}, "not LoRA"),
        ({"rank": 1024}, "rank 1024"),
        ({"rank_pattern": {"q_proj": 600}}, "rank 600"),
    ],
)
def test_adapters_that_vllm_cannot_serve_are_refused(
    config: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(AdapterError, match=reason):
        command(CPU, "b", {"odd": write_adapter(tmp_path / "odd", **config)})


@pytest.mark.parametrize(
    "key",
    [
        "base_model.model.lm_head.lora_A.weight",
        "base_model.model.model.embed_tokens.lora_embedding_A",
        "base_model.model.lm_head.base_layer.weight",
        "base_model.model.model.layers.0.self_attn.q_norm.lora_A.weight",
    ],
)
def test_what_is_changed_beside_linear_layers_is_named(key: str, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "odd", WEIGHT, key, target_modules="all-linear")
    with pytest.raises(AdapterError, match=key):
        admit("odd", folder)


def test_a_damaged_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="adapter_config"):
        admit("none", tmp_path / "none")
    folder = write_adapter(tmp_path / "cut")
    (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(AdapterError, match="weights"):
        admit("cut", folder)


def test_a_rank_beyond_the_servers_is_refused(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "large", rank=20)
    assert admit("large", folder) == 20
    with pytest.raises(AdapterError, match="1 to 16"):
        admit("large", folder, max_rank=16)


def test_ranks_are_rounded_up_to_those_there_are() -> None:
    assert [room([rank]) for rank in (1, 2, 8, 9, 33, 257, 512)] == [1, 8, 8, 16, 64, 320, 512]
    assert room([4, 20, 16]) == 32
    assert list(RANKS) == sorted(RANKS)


def test_both_engines_serve_the_same_layers() -> None:
    assert set(LINEAR) == {member for members in FUSED.values() for member in members}


def test_an_adapter_that_peft_wrote_is_served(adapters: dict[str, Path]) -> None:
    assert {name: admit(name, folder) for name, folder in adapters.items()} == {
        "alpha": 4,
        "beta": 8,
    }
