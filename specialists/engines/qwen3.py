"""The Qwen3 architecture for serving: many dialogues in one forward, an adapter merged into it.

Not for training, and not a general runner: it reads the ``config.json`` and ``model.safetensors``
that transformers writes and gives the same logits (the tests hold it to that), with none of its
import time and a fraction of its time a token on a small model. A batch is *ragged*: the new tokens
of all dialogues lie end to end, so matrices see one tall input, attention sees each dialogue alone,
and nothing is padded. Each dialogue owns its key-value cache.

An adapter is served as a merged copy of the layers, made when it is first used: adding its change
at every token would cost a small model half as much again as the token itself.

Shapes: N tokens of the batch · D hidden · H query heads · K key-value heads · E head size · V words
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from specialists.engines.lora import FUSED, Lora
from specialists.foundation.errors import EngineError

SPARE_BYTES = 512 * 2**20

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
        self.kv = like.new_empty(shape.layers, capacity, 2, shape.kv_heads, shape.head)
        self.length = 0
        self.layers = list(self.kv)
        """For each layer (capacity, 2, K, E); and the same as attention reads it, (1, K, …, E)."""
        self.keys, self.values = (
            [layer[None, :, i].transpose(1, 2) for layer in self.layers] for i in range(2)
        )

    def copy_from(self, other: Cache, length: int) -> None:
        """Take over the first ``length`` tokens of another dialogue."""
        self.kv[:, :length] = other.kv[:, :length]
        self.length = length


@dataclass(frozen=True)
class Chunk:
    """New tokens of one dialogue. ``keep`` last positions give logits."""

    tokens: Sequence[int]
    cache: Cache
    keep: int = 1


class Matrix:
    """A linear layer's weight, laid out for how it is read.

    One row is bound by memory: it streams ``flat`` (in, out). More rows are bound by arithmetic: on
    a CPU they take a second copy in oneDNN's blocks, in float32 more than twice as quick as torch's
    own product, which MKL computes and makes slow on processors that are not Intel's.
    """

    def __init__(self, flat: Tensor, *, pack: bool) -> None:
        self.flat = flat
        self._packed = (
            torch.ops.mkldnn._reorder_linear_weight(flat.T.contiguous()) if pack else None
        )

    def __call__(self, x: Tensor) -> Tensor:
        if self._packed is None or len(x) == 1:
            return x @ self.flat
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, None, "none", [], "")


@dataclass(frozen=True)
class _Layer:
    norm_in: Tensor
    qkv: Matrix
    qk_norm: Tensor
    """(H + K, E): the query heads' norm weight, then the key heads'."""
    o: Matrix
    norm_mid: Tensor
    gate_up: Matrix
    down: Matrix


class Qwen3:
    """The weights of one base model, and the forward over them. Used by one thread at a time."""

    def __init__(self, shape: Shape, weights: dict[str, Tensor], spare_bytes: int) -> None:
        self.shape = shape
        take = weights.pop
        self._embed = take("model.embed_tokens.weight")
        self._eps = torch.tensor(shape.eps, device=self._embed.device)
        self._norm = take("model.norm.weight")
        head = self._embed if shape.tied else take("lm_head.weight")
        self._pack = (
            self._embed.device.type == "cpu"
            and self._embed.dtype == torch.float32
            and torch.backends.mkldnn.is_available()
            and sum(tensor.nbytes for tensor in weights.values()) <= spare_bytes
        )
        self._head = self._matrix(head)
        self._layers: list[_Layer] = []
        for i in range(shape.layers):
            at = f"model.layers.{i}."
            attn = at + "self_attn."
            q_norm, k_norm = take(attn + "q_norm.weight"), take(attn + "k_norm.weight")
            qk_norm = torch.cat([q_norm.expand(shape.heads, -1), k_norm.expand(shape.kv_heads, -1)])
            self._layers.append(
                _Layer(
                    norm_in=take(at + "input_layernorm.weight"),
                    qkv=self._matrix(*(take(f"{attn}{p}_proj.weight") for p in "qkv")),
                    qk_norm=qk_norm,
                    o=self._matrix(take(attn + "o_proj.weight")),
                    norm_mid=take(at + "post_attention_layernorm.weight"),
                    gate_up=self._matrix(
                        *(take(f"{at}mlp.{p}_proj.weight") for p in ("gate", "up"))
                    ),
                    down=self._matrix(take(at + "mlp.down_proj.weight")),
                )
            )
        size = sum(
            matrix.flat.nbytes * (2 if self._pack else 1)
            for layer in self._layers
            for matrix in (layer.qkv, layer.o, layer.gate_up, layer.down)
        )
        self._copies = max(1, spare_bytes // size)
        self._tuned: dict[Lora, list[_Layer]] = {}
        """Layers with an adapter merged in, the one used last at the end."""
        half = torch.arange(0, shape.head, 2, dtype=torch.float32) / shape.head
        angle = torch.outer(
            torch.arange(shape.context, dtype=torch.float32), 1.0 / shape.theta**half
        )
        cos, sin = angle.cos(), angle.sin()
        self._cos = torch.cat([cos, cos], -1).to(self._embed)
        # rotate_half(x) · sin == roll(x, E/2) · (-sin, sin): one kernel less a layer
        self._sin = torch.cat([-sin, sin], -1).to(self._embed)

    def _matrix(self, *weights: Tensor) -> Matrix:
        """Weights (out, in) as the file has them, side by side."""
        return Matrix(torch.cat([weight.T for weight in weights], 1).contiguous(), pack=self._pack)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        progress: Progress | None = None,
        spare_bytes: int = SPARE_BYTES,
    ) -> Qwen3:
        """Read a folder as transformers saves it: ``config.json`` and ``*.safetensors``.

        Args:
            progress: told how much is read.
            spare_bytes: memory for speed, beyond the base itself: for a second layout of it, if it
                fits, and for as many merged adapters as fit (always one).

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
            return cls(shape, weights, spare_bytes)
        except KeyError as error:
            raise EngineError(f"{folder} lacks the weight {error}") from error
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise EngineError(f"cannot read the weights in {folder}: {error}") from error

    @property
    def like(self) -> Tensor:
        """A tensor of the base's type, on its device."""
        return self._norm

    @property
    def merged(self) -> tuple[str, ...]:
        """Adapters whose merged copies are held, the one used last at the end."""
        return tuple(lora.name for lora in self._tuned)

    def cache(self, capacity: int) -> Cache:
        """An empty cache for a dialogue of at most ``capacity`` tokens."""
        return Cache(self.shape, capacity, self._embed)

    @torch.inference_mode()
    def forward(self, chunks: Sequence[Chunk], lora: Lora | None = None) -> list[Tensor]:
        """Read the chunks' tokens into their caches, all with the same adapter.

        Returns, for each chunk, the float32 logits (keep, V) that follow its last ``keep`` tokens.
        """
        x = self._read(chunks, lora)
        kept: list[int] = []
        n = 0
        for chunk in chunks:
            n += len(chunk.tokens)
            kept.extend(range(n - chunk.keep, n))
        last = self._scaled(x if len(kept) == n else x[kept]) * self._norm
        logits = self._head(last).float().cpu()
        return list(logits.split([chunk.keep for chunk in chunks]))

    @torch.inference_mode()
    def states(self, chunks: Sequence[Chunk], lora: Lora | None = None) -> list[Tensor]:
        """Read the chunks' tokens; returns each chunk's last hidden states (its tokens, D)."""
        states = self._scaled(self._read(chunks, lora)) * self._norm
        return list(states.split([len(chunk.tokens) for chunk in chunks]))

    def _read(self, chunks: Sequence[Chunk], lora: Lora | None) -> Tensor:
        """What the last layer gives for every token, (N, D), one chunk after the other."""
        s = self.shape
        flat: list[int] = []
        positions: list[int] = []
        n = 0
        spans: list[tuple[Cache, int, int, int, Tensor | None]] = []
        for chunk in chunks:
            count, past = len(chunk.tokens), chunk.cache.length
            spans.append((chunk.cache, past, n, n + count, self._mask(count, past)))
            positions.extend(range(past, past + count))
            flat.extend(chunk.tokens)
            n += count
        index = torch.tensor([flat, positions], device=self._norm.device)
        x = F.embedding(index[0], self._embed)
        cos, sin = self._cos[index[1]].unsqueeze(1), self._sin[index[1]].unsqueeze(1)
        turned = s.heads + s.kv_heads
        for i, layer in enumerate(self._layers if lora is None else self._with(lora)):
            h = self._scaled(x) * layer.norm_in
            qkv = layer.qkv(h).view(n, -1, s.head)
            qk = self._scaled(qkv[:, :turned]) * layer.qk_norm
            torch.add(qk * cos, qk.roll(s.head // 2, -1) * sin, out=qkv[:, :turned])
            queries = qkv[:, : s.heads].transpose(0, 1).unsqueeze(0)
            kv = qkv[:, s.heads :].view(n, 2, s.kv_heads, s.head)
            mixed: list[Tensor] = []
            for cache, past, start, end, mask in spans:
                upto = past + end - start
                cache.layers[i][past:upto] = kv[start:end]
                out = F.scaled_dot_product_attention(
                    queries[:, :, start:end],
                    cache.keys[i][:, :, :upto],
                    cache.values[i][:, :, :upto],
                    attn_mask=mask,
                    is_causal=mask is None and end - start > 1,
                    enable_gqa=s.heads != s.kv_heads,
                )
                mixed.append(out.transpose(1, 2))
            attended = mixed[0] if len(mixed) == 1 else torch.cat(mixed, 1)
            x = x + layer.o(attended.reshape(n, -1))
            h = self._scaled(x) * layer.norm_mid
            gate, up = layer.gate_up(h).chunk(2, -1)
            x = x + layer.down(F.silu(gate) * up)
        for chunk in chunks:
            chunk.cache.length += len(chunk.tokens)
        return x

    def _with(self, lora: Lora) -> list[_Layer]:
        """The layers with an adapter merged in; those not used for longest make room."""
        layers = self._tuned.pop(lora, None)
        if layers is None:
            while len(self._tuned) >= self._copies:
                del self._tuned[next(iter(self._tuned))]
            layers = [
                replace(
                    layer,
                    **{
                        name: Matrix(
                            lora.merged(i, name, getattr(layer, name).flat), pack=self._pack
                        )
                        for name in FUSED
                    },
                )
                for i, layer in enumerate(self._layers)
            ]
        self._tuned[lora] = layers
        return layers

    def _scaled(self, x: Tensor) -> Tensor:
        """``x`` at root mean square 1 (RMSNorm), in half the kernels of torch's own on a CPU."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = torch.addcmul(self._eps, norm, norm, value=1 / x.shape[-1]).rsqrt_()
        return (x * scale).to(x.dtype)

    def _mask(self, count: int, past: int) -> Tensor | None:
        """Who may look at whom, where the kernel's own causal mask (no past) does not say it."""
        if count == 1 or past == 0:
            return None
        return torch.ones(count, past + count, dtype=torch.bool, device=self._norm.device).tril(
            past
        )
