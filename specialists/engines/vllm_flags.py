"""How a vLLM server is started: the settings, and the command line and environment they mean.

Nothing is run here. The flags are those of vLLM 0.32, which is what the requirements pin.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from specialists.engines.vllm_adapters import LINEAR, RANKS, admit, room
from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError

PLUGIN = "finroute_cpu_lora"
"""The name by which vLLM knows ``vllm_cpu_plugin.py``."""
_DEFAULT_RANK = 16
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""A machine's names for itself."""


class VllmSettings(Config):
    """What to start."""

    python: Path | None = None
    """The interpreter of the environment that vLLM is installed in. Without it:
    ``.venv-vllm/bin/python`` in the project's folder, else that of the ``vllm`` on the PATH."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """``auto``: cpu where ``vllm-cpu`` is installed, cuda where ``vllm`` is."""
    dtype: Literal["float32", "bfloat16", "auto"] | None = None
    """Type of weights and arithmetic; ``auto``: as the model was saved. Without it: float32 on a
    CPU, where only it repeats what the engine in process says; bfloat16 on CUDA, where vLLM's
    kernels for LoRA take no float32."""
    host: str = "127.0.0.1"
    """The address to listen on. Beyond this machine it needs ``api_key_env``: whoever reaches the
    server may load adapters into it."""
    port: int = Field(default=0, ge=0, le=65535)
    """0: a free one."""
    context: int | None = Field(default=None, ge=1)
    """Tokens of a prompt and its reply together. Without it: what the model was made for."""
    sequences: int | None = Field(default=None, ge=1)
    """Requests answered at once; the others wait. Without it: vLLM's own number."""
    memory_share: float | None = Field(default=None, gt=0, le=1)
    """CUDA: the share of the GPU's memory to take, weights and cache. Without it: vLLM's 0.9."""
    kv_cache_gb: int = Field(default=1, ge=1)
    """CPU: GiB for the cache of keys and values. (Left alone, vLLM takes most of the machine.)"""
    max_loras: int | None = Field(default=None, ge=1)
    """Adapters that may stand in one batch. Without it: as many as are named at the start, and one
    more where the CPU's bug is not repaired (``repair``)."""
    max_cpu_loras: int | None = Field(default=None, ge=1)
    """Adapters kept in memory to be swapped in. Without it: twice ``max_loras``, so that old and
    new ones are both there while they are exchanged."""
    max_rank: int | None = Field(default=None, ge=1, le=RANKS[-1])
    """The largest rank an adapter may have, rounded up to one vLLM makes room for. Without it: that
    of the adapters named at the start, or 16."""
    repair: bool = True
    """CPU: load ``vllm_cpu_plugin.py``, without which base requests get an adapter's answers as
    soon as every slot is taken."""
    prefix_caching: bool = True
    """Keep what was computed for the beginning of a prompt for the next that begins so."""
    tool_parser: str | None = "hermes"
    """How the server reads tool calls out of a reply; ``hermes`` is what Qwen3 writes. None: not at
    all."""
    threads: int | None = Field(default=None, ge=1)
    """CPU: threads to compute with, on whatever cores the system gives. A small model is fastest
    with 1. Without it: one bound to each core, which suits a large model alone on its machine."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs (or NUMA nodes) that share one model."""
    extra: tuple[str, ...] = ()
    """More flags for ``vllm serve``, word by word. They come last and so win."""
    start_s: float = Field(default=600.0, gt=0)
    """Seconds until it must be healthy."""
    stop_s: float = Field(default=15.0, gt=0)
    """Seconds it may take to end by itself; then it is killed."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key clients must show."""

    @field_validator("max_rank")
    @classmethod
    def _rounded(cls, rank: int | None) -> int | None:
        return None if rank is None else room([rank])

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.host not in LOOPBACK and self.api_key_env is None:
            raise ValueError(
                f"host = '{self.host}' can be reached from elsewhere, and adapters can be loaded "
                "by whoever reaches it: name the variable with a key (api_key_env)"
            )
        if self.max_loras and self.max_cpu_loras and self.max_cpu_loras < self.max_loras:
            raise ValueError(
                f"max_cpu_loras = {self.max_cpu_loras} is fewer than max_loras = {self.max_loras}"
            )
        return self

    @property
    def url(self) -> str:
        """Where clients on this machine find the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def command(
    settings: VllmSettings,
    base: str | Path,
    adapters: Mapping[str, Path] | None = None,
    *,
    name: str | None = None,
) -> list[str]:
    """The words that start the server.

    Args:
        settings: with ``python``, ``device`` and ``port`` resolved, as ``VllmServer`` does it. A
            device left at ``auto`` gets no flags of its own.
        base: a folder as transformers saves it, or a hub id.
        adapters: folders of the adapters to load at the start, by their names on the server.
        name: the base's name on the server; by default the folder's name or the hub id.

    Raises:
        AdapterError: an adapter that vLLM cannot serve.
        ConfigError: adapters in a number format that vLLM has no kernels for there.
    """
    model = str(Path(base).resolve() if Path(base).is_dir() else base)
    return [
        str(settings.python or "python"),
        *("-m", "vllm.entrypoints.cli.main", "serve", model),
        *("--served-model-name", name or model_name(base)),
        *("--host", settings.host, "--port", str(settings.port)),
        *_model_flags(settings),
        *_reply_flags(settings),
        *_lora_flags(settings, adapters or {}),
        *settings.extra,
    ]


def environment(
    settings: VllmSettings,
    base: str | Path,
    *,
    site: Path | None = None,
    outer: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What the server's environment has beside ours.

    Args:
        site: the folder that ``vllm_install.write_site`` made, for a CPU.
        outer: our own environment; ``os.environ`` by default.

    Raises:
        ConfigError: the variable with the key is not set.
    """
    outer = os.environ if outer is None else outer
    told = {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        "PYTHONPATH": "" if site is None else str(site),  # nothing of ours shadows its modules,
        "PYTHONSAFEPATH": "1",  # nor what lies in the current folder
    }
    if Path(base).is_dir():
        told["HF_HUB_OFFLINE"] = "1"
    if settings.device == "cpu":
        told["VLLM_CPU_KVCACHE_SPACE"] = str(settings.kv_cache_gb)
        if settings.threads is not None:
            told["OMP_NUM_THREADS"] = str(settings.threads)
            told["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        if site is not None and settings.repair and "VLLM_PLUGINS" in outer:  # a list of the only
            told["VLLM_PLUGINS"] = f"{outer['VLLM_PLUGINS']},{PLUGIN}"  # ones that are loaded
    if settings.api_key_env is not None:
        key = outer.get(settings.api_key_env)
        if not key:
            raise ConfigError(
                f"api_key_env names {settings.api_key_env}, and no such variable is set"
            )
        told["VLLM_API_KEY"] = key  # not a flag: anybody can list a process's command line
    return told


def model_name(base: str | Path) -> str:
    """What a base is called on the server if nobody names it."""
    return Path(base).resolve().name if Path(base).is_dir() else str(base)


def _model_flags(settings: VllmSettings) -> list[str]:
    dtype = settings.dtype or {"cpu": "float32", "cuda": "bfloat16"}.get(settings.device, "auto")
    flags = ["--dtype", dtype]
    if settings.context is not None:
        flags += ["--max-model-len", str(settings.context)]
    if settings.sequences is not None:
        flags += ["--max-num-seqs", str(settings.sequences)]
    if settings.memory_share is not None and settings.device != "cpu":
        flags += ["--gpu-memory-utilization", str(settings.memory_share)]
    if settings.device == "cpu":
        flags.append("--enforce-eager")  # with LoRA nothing is compiled on a CPU anyway
    if settings.tensor_parallel > 1:
        flags += ["--tensor-parallel-size", str(settings.tensor_parallel)]
    flags.append(
        "--enable-prefix-caching" if settings.prefix_caching else "--no-enable-prefix-caching"
    )
    return flags


def _reply_flags(settings: VllmSettings) -> list[str]:
    held = {"backend": "xgrammar", "disable_any_whitespace": True}
    flags = [
        *("--structured-outputs-config", json.dumps(held)),
        *("--generation-config", "vllm"),  # sampling is as asked, without the model's own top_k
        "--no-enable-log-requests",  # what people ask is not written to a log
        *("--disable-access-log-for-endpoints", "/health,/metrics"),  # asked every few seconds
    ]
    if settings.tool_parser is not None:
        flags += ["--enable-auto-tool-choice", "--tool-call-parser", settings.tool_parser]
    return flags


def _lora_flags(settings: VllmSettings, adapters: Mapping[str, Path]) -> list[str]:
    """None where no adapter is named and no room for any is asked for."""
    ranks = [admit(each, adapters[each], max_rank=settings.max_rank) for each in adapters]
    if not ranks and settings.max_loras is None:
        return []
    if settings.device == "cuda" and settings.dtype == "float32":
        raise ConfigError(
            "dtype = 'float32' with adapters: on CUDA vLLM's kernels for LoRA take 16-bit numbers "
            "alone, and the server would end at its first warm-up. Choose dtype = 'bfloat16'"
        )
    # unrepaired, a row without an adapter gets the last slot: it is kept empty
    spare = int(settings.device == "cpu" and not settings.repair)
    loras = settings.max_loras or len(ranks) + spare
    rank = settings.max_rank or room(ranks or [_DEFAULT_RANK])
    flags = [
        *("--enable-lora", "--max-loras", str(loras)),
        *("--max-cpu-loras", str(settings.max_cpu_loras or 2 * loras)),
        *("--max-lora-rank", str(rank)),
        *("--lora-target-modules", *LINEAR),
    ]
    if adapters:
        # as JSON: the short form name=path would split names and paths at = and ,
        flags += ["--lora-modules"]
        flags += [
            json.dumps({"name": name, "path": str(folder.resolve())})
            for name, folder in adapters.items()
        ]
    return flags
