# pyright: basic
"""Chat templates under training: what stands between two replies.

What is trained must be what is served, so everything here renders through the engines' own
``Text.render``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from specialists.engines.text import Text
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def bridge(
    tokenizer: PreTrainedTokenizerFast, before: Sequence[Message], new: Sequence[Message]
) -> list[int]:
    """The token ids between the end of a model's reply and the beginning of its next one.

    They do not depend on how the reply was tokenised, so that sampled ids stay as they were:
    prompt + sampled reply (its end token included) + bridge is what the model reads next, and the
    same as the whole dialogue rendered again wherever the reply was tokenised canonically.

    Args:
        before: the dialogue up to and including the reply.
        new: what follows it: tool messages, or a user's.

    Raises:
        ConfigError: the template writes a turn differently once another follows; see ``check``.
    """
    end = str(tokenizer.eos_token)
    text = _text(tokenizer)
    short = text.render(before, prompt=False)
    whole = text.render((*before, *new))
    # After the last end token: only the template writes those (``to_chat`` breaks up those of
    # contents), and if a call's arguments hold one, it stands before the template's own.
    said = short.rfind(end) + len(end)
    if said < len(end) or whole[:said] != short[:said]:
        raise ConfigError(
            "the base's chat template writes a turn differently once another one follows it; "
            'base.template = "training" keeps turns as they were'
        )
    return text.encode(whole[said:])


def _text(tokenizer: Any) -> Text:
    """The engines' reading of a tokenizer: dialogues are rendered by the code that serves them."""
    return Text(tokenizer, frozenset({tokenizer.eos_token_id}))
