# pyright: basic
"""Locally made likenesses of hub bases: their architecture, tokens and chat template, small and
untrained.

For trying a recipe where the weights cannot be had: ``--base.source FOLDER``. It answers nothing;
what it shows is that a recipe runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.foundation.errors import ConfigError

if TYPE_CHECKING:
    from transformers import Qwen2Tokenizer

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
ADDED = (
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
"""Added tokens that are not special: a reply's text keeps them."""


@dataclass(frozen=True)
class Shape:
    """Sizes as a Qwen3 configuration has them; vocabulary apart."""

    layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int
    head: int
    context: int
    theta: float


@dataclass(frozen=True)
class Original:
    """A hub base: its real sizes, and the small ones in the same proportions."""

    shape: Shape
    small: Shape
    template: str
    """Name of its chat template among those that TRL ships."""
    tied: bool = True


ORIGINALS: Mapping[str, Original] = {
    "Qwen/Qwen3-0.6B": Original(
        Shape(28, 1024, 3072, 16, 8, 128, 40_960, 1e6),
        Shape(2, 64, 192, 4, 2, 32, 8_192, 1e6),
        "qwen3",
    ),
    "Qwen/Qwen3-4B-Instruct-2507": Original(
        Shape(36, 2560, 9728, 32, 8, 128, 262_144, 5e6),
        Shape(2, 64, 240, 4, 1, 32, 8_192, 5e6),
        "qwen3_instruct_2507",
    ),
}
"""By hub id. In both the heads together are wider than the model, and the output head is tied to
the embeddings."""


def chat_template(original: str) -> str:
    """The chat template of a hub base, as the base itself carries it.

    Raises:
        ConfigError: no such original.
    """
    import trl

    folder = Path(trl.__file__).with_name("chat_templates")
    path = folder / f"{_original(original).template}.jinja"
    return path.read_text(encoding="utf-8")


def tokenizer(original: str, corpus: Iterable[str], *, vocabulary: int) -> Qwen2Tokenizer:
    """A byte-level BPE tokenizer of the base's class, with its control tokens and chat template.

    Args:
        corpus: texts its merges are learned from.
        vocabulary: tokens, those added included.
    """
    from tokenizers import AddedToken, models, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    bare = Qwen2Tokenizer().backend_tokenizer  # its normaliser, splitting and decoder; no tokens
    bare.model = models.BPE()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(SPECIAL) - len(ADDED),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(corpus, trainer)
    learned: Any = json.loads(bare.to_str())["model"]
    merges: Any = [tuple(pair) for pair in learned["merges"]]
    made = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=merges,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    for token in (*SPECIAL, *ADDED):
        made.add_tokens(AddedToken(token, special=token in SPECIAL, normalized=False))  # type: ignore[arg-type]
    made.chat_template = chat_template(original)
    return made


def make(
    folder: Path,
    original: str,
    corpus: Iterable[str],
    *,
    vocabulary: int = 2_048,
    full: bool = False,
    seed: int = 0,
) -> Path:
    """Save a likeness as transformers saves a model.

    Args:
        original: a hub id among ``ORIGINALS``.
        corpus: texts that the tokenizer's merges are learned from.
        full: in the original's real size, with its real number of embeddings.
        seed: of the weights.

    Raises:
        ConfigError: no such original.
    """
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    like = _original(original)
    text = tokenizer(original, corpus, vocabulary=vocabulary)
    shape = like.shape if full else like.small
    ends: Any = [text.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")]
    config = Qwen3Config(
        # like the original, a few more embeddings than the tokenizer has tokens
        vocab_size=151_936 if full else len(text) + 16,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head,
        max_position_embeddings=shape.context,
        max_window_layers=shape.layers,
        rope_parameters={"rope_type": "default", "rope_theta": shape.theta},
        tie_word_embeddings=like.tied,
        bos_token_id=ends[1],
        eos_token_id=ends[0],
        dtype="bfloat16",
    )
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(config).bfloat16()
    model.generation_config = GenerationConfig(
        eos_token_id=ends, pad_token_id=ends[1], bos_token_id=ends[1], do_sample=True
    )
    model.save_pretrained(folder)
    text.save_pretrained(folder)
    return folder


def _original(name: str) -> Original:
    if name not in ORIGINALS:
        raise ConfigError(f"no likeness of {name!r}; there are {', '.join(ORIGINALS)}")
    return ORIGINALS[name]
