"""The text side of a model: dialogues to token ids, token ids to text, and each token's bytes.

Reads a folder as transformers saves a tokenizer. Knows nothing of weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.engines.template import to_chat
from specialists.foundation.contracts import Message, ToolSpec
from specialists.foundation.errors import EngineError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class Spelled:
    """A text as tokens."""

    text: str
    ids: list[int]
    words: list[int]
    """For each token the number of the word (pre-token) it is part of."""
    offsets: list[tuple[int, int]]
    """For each token the stretch of the text it stands for, in characters."""
    by: Text

    def settled(self) -> int:
        """How many of the tokens stay as they are whatever text follows.

        The last word may grow; and an added token (``<c1>``, a fixed part of a reply) may begin
        anywhere in the end of the text, except inside another one, which changes what stands before
        it.
        """
        if not self.ids:
            return 0
        added = [i for i, token in enumerate(self.ids) if token in self.by.added_ids]
        inside = {
            place for i in added for place in range(self.offsets[i][0] + 1, self.offsets[i][1])
        }
        kept = len(self.ids)
        while kept and self.words[kept - 1] == self.words[-1] and kept - 1 not in added:
            kept -= 1
        end = len(self.text)
        for place in range(max(0, end - self.by.longest), end):
            if place not in inside and self.text[place:] in self.by.beginnings:
                kept = min(kept, _common(self.ids, self.by.encode(self.text[:place])))
        return kept


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many ids two spellings share at their beginning."""
    for place, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return place
    return min(len(left), len(right))


class Text:
    """A tokenizer with its chat template."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, ends: frozenset[int]) -> None:
        self.tokenizer = tokenizer
        self.ends = ends
        """Ids that end a reply."""
        self._fast: Any = tokenizer.backend_tokenizer

    @classmethod
    def load(cls, folder: Path) -> Text:
        """Read ``tokenizer.json`` and what stands beside it.

        Raises:
            EngineError: missing, damaged, without a chat template or without an end-of-turn token.
        """
        # The class itself, not AutoTokenizer: that one imports every model there is (4 s).
        from transformers import PreTrainedTokenizerFast

        try:
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        except (OSError, ValueError, KeyError) as error:
            raise EngineError(f"cannot read the tokenizer in {folder}: {error}") from error
        if not tokenizer.chat_template:
            raise EngineError(f"the tokenizer in {folder} has no chat template")
        ends = {tokenizer.eos_token_id}
        generation = folder / "generation_config.json"
        if generation.is_file():
            eos = json.loads(generation.read_text(encoding="utf-8")).get("eos_token_id")
            ends.update(eos if isinstance(eos, list) else [eos])
        ends.discard(None)
        if not ends:
            raise EngineError(f"the tokenizer in {folder} has no token that ends a reply")
        return cls(tokenizer, frozenset(int(end) for end in ends))

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        *,
        prompt: bool = True,
        template: str | None = None,
    ) -> str:
        """The dialogue as the model reads it; ``prompt`` opens the assistant's turn.

        Args:
            template: of an adapter that was trained with another than the base's own.
        """
        return str(
            self.tokenizer.apply_chat_template(
                to_chat(messages),
                tools=[tool.openai() for tool in tools] or None,
                tokenize=False,
                add_generation_prompt=prompt,
                chat_template=template,
                enable_thinking=False,
            )
        )

    def encode(self, text: str) -> list[int]:
        """Token ids, control tokens recognised, nothing added."""
        return self._fast.encode(text, add_special_tokens=False).ids

    def spell(self, text: str) -> Spelled:
        """The tokens of a text, and where they stand in it."""
        encoding = self._fast.encode(text, add_special_tokens=False)
        return Spelled(text, encoding.ids, encoding.word_ids, encoding.offsets, self)

    def decode(self, ids: Sequence[int]) -> str:
        """Text without control tokens."""
        return self._fast.decode(list(ids), skip_special_tokens=True)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each token's part of the text; a character of several tokens stands at its last one."""
        from tokenizers.decoders import DecodeStream

        stream = DecodeStream(skip_special_tokens=True)
        return [stream.step(self._fast, token) or "" for token in ids]

    @cached_property
    def added(self) -> tuple[str, ...]:
        """Texts of the added tokens that a reply may hold: handles, ``<tool_call>`` …"""
        return tuple(
            token.content
            for token in self.tokenizer.added_tokens_decoder.values()
            if not token.special
        )

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """Every proper beginning of an added token."""
        return frozenset(token[:i] for token in self.added for i in range(1, len(token)))

    @cached_property
    def longest(self) -> int:
        """Characters of the longest added token."""
        return max(map(len, self.added), default=0)

    @cached_property
    def added_ids(self) -> frozenset[int]:
        """Ids of ``added``."""
        return frozenset(
            number
            for number, token in self.tokenizer.added_tokens_decoder.items()
            if not token.special
        )

    @cached_property
    def control(self) -> frozenset[int]:
        """Ids of the special tokens."""
        return frozenset(
            number for number, token in self.tokenizer.added_tokens_decoder.items() if token.special
        )

    @property
    def size(self) -> int:
        """How many ids the tokenizer knows."""
        return len(self.tokenizer)
