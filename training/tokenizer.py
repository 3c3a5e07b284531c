"""The embedded base's tokenizer: byte-level BPE over what the five jobs and finance prose look
like.

Every handle (``<e1>``) is one token, digits are single, ``€ £ ¥`` are one token each, and the fixed
parts of tool calls and answers are one token each, so that a reply costs few decoding steps. Any
text round-trips byte for byte. It is no general tokenizer: its merges know little outside finance
English.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from specialists.workspace import handles

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TOOL_MARKS = ("<tool_call>", "</tool_call>")
CURRENCIES = ("€", "£", "¥")

_PIECES = r"\n| ?\p{L}+ ?\z| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+ ?\z| ?[^\s\p{L}\p{N}]+|\s+"
"""A word or sign with the space before it and, next to a handle, the space after it: `` of ``
between two handles is one token. A line break stands alone, so a reply's first token never depends
on the prompt's last."""

_SCAFFOLD = re.compile(
    r"""(?:"\]?\}?,\ |\],\ |,\ )?     # the end of the value before
        [\[\{]*"[a-z_]{2,}":\ [\[\{]*  # a key, and the brackets round it
        "?(?:[a-z_]+",\ "arguments":\ \{\}?(?:"[a-z_]+":\ "?)?)?  # a tool's name and first argument
    """,
    re.VERBOSE,
)


def mine_scaffolding(replies: Iterable[str], *, at_least: int, limit: int) -> list[str]:
    """The fixed parts that recur in replies, such as ``{"name": "sql", "arguments": {"query": "``.

    Args:
        replies: assistant turns as they are rendered.
        at_least: how often a part must occur.
        limit: how many to return, the most characters saved first.
    """
    counts: Counter[str] = Counter()
    for reply in replies:
        if "{" in reply:
            counts.update(_SCAFFOLD.findall(reply))
    kept = [part for part, count in counts.items() if count >= at_least and len(part) > 3]
    kept.sort(key=lambda part: (-counts[part] * len(part), part))
    return kept[:limit]


def bare(chat_template: str) -> PreTrainedTokenizerFast:
    """A tokenizer that has learned nothing yet: for rendering dialogues as text."""
    fast = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    fast.chat_template = chat_template
    return fast


def train(
    texts: Sequence[str],
    *,
    vocabulary: int,
    scaffolding: Sequence[str] = (),
    chat_template: str | None = None,
    context: int = 1024,
) -> PreTrainedTokenizerFast:
    """Learn a tokenizer.

    Args:
        texts: what to learn merges from.
        vocabulary: size including bytes, handles, scaffolding and special tokens.
        scaffolding: fixed strings that become one token each.
        chat_template: the template that serves.
        context: the model's context length in tokens.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    added = [*handles.vocabulary(), *TOOL_MARKS, *scaffolding]
    # Added before training, so that no merge is spent on their insides.
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in added])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(added),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    # A currency sign is two or three bytes; often enough seen, it is sure to become one token. It
    # cannot be an added token: byte-level decoders would read £ and ¥ as raw bytes.
    signs = [sign for sign in CURRENCIES for _ in range(max(100, len(texts) // 20))]
    split = re.compile("|".join(re.escape(t) for t in sorted([*SPECIAL, *added], key=len)[::-1]))
    pieces = (piece for text in texts for piece in split.split(text) if piece)
    tokenizer.train_from_iterator([*pieces, *signs], trainer)
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in added])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token=None,
        unk_token=None,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    if chat_template is not None:
        fast.chat_template = chat_template
    return fast
