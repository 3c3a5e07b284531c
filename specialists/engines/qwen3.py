"""The Qwen3 architecture for serving: many dialogues and many adapters in one forward.

Not for training, and not a general runner: it reads the ``config.json`` and ``model.safetensors``
that transformers writes and gives the same logits (the tests hold it to that), with none of its
import time and half of its time a token on a small model. A batch is *ragged*: the new tokens of
all dialogues lie end to end, so matrices see one tall input, attention sees each dialogue alone,
and nothing is padded. Each dialogue owns its key-value cache.

Shapes: N tokens of the batch · D hidden · H query heads · K key-value heads · E head size · V words
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from specialists.engines.lora import Lora
from specialists.foundation.errors import EngineError

Progress = Callable[[str, float], None]
"""Told what is being loaded and how much of it (0 … 1) is there."""


@dataclass(frozen=True)
class Shape:
    """The numbers of ``config.json`` that the forward needs."""

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head: int
    vocab: int
    context: int
    eps: float
    theta: float
    tied: bool

    @classmethod
    def read(cls, folder: Path) -> Shape:
        """Read a model folder's ``config.json``.

        Raises:
            EngineError: unreadable, or a model this forward does not speak for.
        """
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise EngineError(f"{folder} holds no readable config.json: {error}") from error
        kind = config.get("model_type")
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        odd = [
            name
            for name, wrong in {
                f"model_type {kind}": kind != "qwen3",
                "use_sliding_window": bool(config.get("use_sliding_window")),
                "attention_bias": bool(config.get("attention_bias")),
                f"rope type {rope.get('rope_type')}": rope.get("rope_type", "default") != "default",
                f"activation {config.get('hidden_act')}": config.get("hidden_act") != "silu",
            }.items()
            if wrong
        ]
        if odd:
            raise EngineError(
                f"{folder.name}: {', '.join(odd)} is not served in process; "
                "serve this model with vLLM or any OpenAI-compatible server"
            )
        return cls(
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            inner=config["intermediate_size"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            head=config["head_dim"],
            vocab=config["vocab_size"],
            context=config["max_position_embeddings"],
            eps=config["rms_norm_eps"],
            theta=rope.get("rope_theta") or config["rope_theta"],
            tied=config["tie_word_embeddings"],
        )


class Cache:
    """The keys and values of one dialogue: ``length`` tokens of at most ``capacity``."""

    def __init__(self, shape: Shape, capacity: int, like: Tensor) -> None:
        self.kv = like.new_empty(shape.layers, 2, shape.kv_heads, capacity, shape.head)
        self.length = 0

    def copy_from(self, other: Cache, length: int) -> None:
        """Take over the first ``length`` tokens of another dialogue."""
        self.kv[:, :, :, :length] = other.kv[:, :, :, :length]
        self.length = length


@dataclass(frozen=True)
class Chunk:
    """New tokens of one dialogue. ``keep`` last positions give logits."""

    tokens: Sequence[int]
    cache: Cache
    lora: Lora | None = None
    keep: int = 1


@dataclass(frozen=True)
class _Layer:
    norm_in: Tensor
    qkv: Tensor
    qk_norm: Tensor
    """(H + K, E): the query heads' norm weight, then the key heads'."""
    o: Tensor
    norm_mid: Tensor
    gate_up: Tensor
    down: Tensor


class Qwen3:
    """The weights of one base model, and the forward over them."""

    def __init__(self, shape: Shape, weights: dict[str, Tensor]) -> None:
        self.shape = shape
        take = weights.pop
        self._embed = take("model.embed_tokens.weight")
        self._norm = take("model.norm.weight")
        self._head = self._embed if shape.tied else take("lm_head.weight")
        self._layers: list[_Layer] = []
        for i in range(shape.layers):
            at = f"model.layers.{i}."
            attn = at + "self_attn."
            q_norm, k_norm = take(attn + "q_norm.weight"), take(attn + "k_norm.weight")
            qk_norm = torch.cat([q_norm.expand(shape.heads, -1), k_norm.expand(shape.kv_heads, -1)])
            self._layers.append(
                _Layer(
                    norm_in=take(at + "input_layernorm.weight"),
                    qkv=torch.cat([take(f"{attn}{p}_proj.weight") for p in "qkv"]),
                    qk_norm=qk_norm,
                    o=take(attn + "o_proj.weight"),
                    norm_mid=take(at + "post_attention_layernorm.weight"),
                    gate_up=torch.cat([take(f"{at}mlp.{p}_proj.weight") for p in ("gate", "up")]),
                    down=take(at + "mlp.down_proj.weight"),
                )
            )
        half = torch.arange(0, shape.head, 2, dtype=torch.float32) / shape.head
        angle = torch.outer(
            torch.arange(shape.context, dtype=torch.float32), 1.0 / shape.theta**half
        )
        cos, sin = angle.cos(), angle.sin()
        self._cos = torch.cat([cos, cos], -1).to(self._embed)
        # rotate_half(x) · sin == roll(x, E/2) · (-sin, sin): one kernel less a layer
        self._sin = torch.cat([-sin, sin], -1).to(self._embed)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> Qwen3:
        """Read a folder as transformers saves it: ``config.json`` and ``*.safetensors``.

        Raises:
            EngineError: a file is missing or damaged, or the architecture is another.
        """
        shape = Shape.read(folder)
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise EngineError(f"{folder} holds no .safetensors file")
        weights: dict[str, Tensor] = {}
        total, done = sum(file.stat().st_size for file in files), 0
        try:
            for file in files:
                with safe_open(file, framework="pt") as tensors:
                    for name in tensors.keys():  # noqa: SIM118 - not a mapping
                        tensor = tensors.get_tensor(name)
                        done += tensor.numel() * tensor.element_size()
                        weights[name] = tensor.to(device=device, dtype=dtype)
                        if progress is not None:
                            progress(folder.name, min(done / total, 1.0))
            return cls(shape, weights)
        except KeyError as error:
            raise EngineError(f"{folder} lacks the weight {error}") from error
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise EngineError(f"cannot read the weights in {folder}: {error}") from error

    @property
    def like(self) -> Tensor:
        """A tensor of the base's type, on its device."""
        return self._norm

    def cache(self, capacity: int) -> Cache:
        """An empty cache for a dialogue of at most ``capacity`` tokens."""
        return Cache(self.shape, capacity, self._embed)

    @torch.inference_mode()
    def forward(self, chunks: Sequence[Chunk]) -> list[Tensor]:
        """Read the chunks' tokens into their caches.

        Chunks of one adapter must stand side by side. Returns, for each chunk, the float32 logits
        (keep, V) that follow its last ``keep`` tokens.
        """
        x, spans = self._read(chunks)
        kept = [
            i
            for c, (_, end) in zip(chunks, spans, strict=True)
            for i in range(end - c.keep, end)
        ]
        last = F.rms_norm(x[kept], (self.shape.hidden,), self._norm, self.shape.eps)
        logits = F.linear(last, self._head).float().cpu()
        return list(logits.split([chunk.keep for chunk in chunks]))

    @torch.inference_mode()
    def states(self, chunks: Sequence[Chunk]) -> list[Tensor]:
        """Read the chunks' tokens; returns each chunk's last hidden states (its tokens, D)."""
        x, spans = self._read(chunks)
        normed = F.rms_norm(x, (self.shape.hidden,), self._norm, self.shape.eps)
        return [normed[start:end] for start, end in spans]

    def _read(self, chunks: Sequence[Chunk]) -> tuple[Tensor, list[tuple[int, int]]]:
        """(N, D) after the last layer, and where each chunk's tokens stand."""
        s = self.shape
        spans, positions, flat, n = [], [], [], 0
        for chunk in chunks:
            count, past = len(chunk.tokens), chunk.cache.length
            spans.append((n, n + count, past, chunk.cache.kv))
            positions.extend(range(past, past + count))
            flat.extend(chunk.tokens)
            n += count
        index = torch.tensor([flat, positions], device=self._norm.device)
        x = F.embedding(index[0], self._embed)
        cos, sin = self._cos[index[1]].unsqueeze(1), self._sin[index[1]].unsqueeze(1)
        masks = [self._mask(end - start, past) for start, end, past, _ in spans]
        segments = _segments(chunks)
        for i, layer in enumerate(self._layers):
            h = F.rms_norm(x, (s.hidden,), layer.norm_in, s.eps)
            qkv = _linear(h, layer.qkv, segments, i, "qkv").view(n, -1, s.head)
            qk = F.rms_norm(qkv[:, : s.heads + s.kv_heads], (s.head,), None, s.eps) * layer.qk_norm
            qk = qk * cos + qk.roll(s.head // 2, -1) * sin
            mixed = []
            for (start, end, past, kv), mask in zip(spans, masks, strict=True):
                upto = past + end - start
                keys, values = kv[i, 0, :, :upto], kv[i, 1, :, :upto]
                keys[:, past:] = qk[start:end, s.heads :].transpose(0, 1)
                values[:, past:] = qkv[start:end, s.heads + s.kv_heads :].transpose(0, 1)
                out = F.scaled_dot_product_attention(
                    qk[start:end, : s.heads].transpose(0, 1).unsqueeze(0),
                    keys.unsqueeze(0),
                    values.unsqueeze(0),
                    attn_mask=mask,
                    is_causal=mask is None and end - start > 1,
                    enable_gqa=s.heads != s.kv_heads,
                )
                mixed.append(out[0].transpose(0, 1).reshape(end - start, -1))
            attended = mixed[0] if len(mixed) == 1 else torch.cat(mixed)
            x = x + _linear(attended, layer.o, segments, i, "o")
            h = F.rms_norm(x, (s.hidden,), layer.norm_mid, s.eps)
            gate, up = _linear(h, layer.gate_up, segments, i, "gate_up").chunk(2, -1)
            x = x + _linear(F.silu(gate) * up, layer.down, segments, i, "down")
        for chunk in chunks:
            chunk.cache.length += len(chunk.tokens)
        return x, [(start, end) for start, end, *_ in spans]

    def _mask(self, count: int, past: int) -> Tensor | None:
        """Who may look at whom, where the kernel's own causal mask (no past) does not say it."""
        if count == 1 or past == 0:
            return None
        return torch.ones(count, past + count, dtype=torch.bool, device=self._norm.device).tril(
            past
        )


_Segments = list[tuple[int, int, Lora]]


def _segments(chunks: Sequence[Chunk]) -> _Segments:
    """Stretches of the ragged batch that one adapter acts on."""
    segments: _Segments = []
    start = 0
    for chunk in chunks:
        end = start + len(chunk.tokens)
        if chunk.lora is not None:
            if segments and segments[-1][2] is chunk.lora and segments[-1][1] == start:
                segments[-1] = (segments[-1][0], end, chunk.lora)
            else:
                segments.append((start, end, chunk.lora))
        start = end
    return segments


def _linear(x: Tensor, weight: Tensor, segments: _Segments, layer: int, name: str) -> Tensor:
    """``x @ weightᵀ`` plus each segment's own change. ``name`` is a key of ``lora.FUSED``."""
    y = F.linear(x, weight)
    for start, end, lora in segments:
        pair = lora.pairs.get((layer, name))
        if pair is not None:
            down, up = pair
            y[start:end].addmm_(x[start:end] @ down, up)
    return y
