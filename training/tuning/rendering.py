# pyright: basic
"""Dialogues as the tokens that serving sends and the model answers with, and which of them are its
own words.

Every prompt goes through the engines' own ``Text.render`` and is tokenised apart from the reply, as
it is in service: the reply begins where the prompt's last token ends. What the chat template adds
after the token that ends a reply is no part of the reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specialists.engines.text import Text
from specialists.foundation.errors import ConfigError
from training.tuning.dialogues import Dialogue

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

IGNORED = -100
"""The label of a token that is not learned."""


@dataclass(frozen=True)
class Rendered:
    """A whole dialogue in tokens."""

    ids: list[int]
    replies: list[tuple[int, int]]
    """Where each of the model's replies begins and ends (past its end token), in tokens."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labels(self) -> list[int]:
        """The ids of the model's own words, :data:`IGNORED` elsewhere."""
        out = [IGNORED] * len(self.ids)
        for begin, end in self.replies:
            out[begin:end] = self.ids[begin:end]
        return out

    @property
    def targets(self) -> list[int]:
        """The ids of the model's own words alone."""
        return [i for begin, end in self.replies for i in self.ids[begin:end]]


def render(tokenizer: PreTrainedTokenizerFast, dialogue: Dialogue) -> Rendered:
    """A dialogue in tokens.

    Raises:
        ConfigError: the template writes a turn differently once the dialogue goes on, or the
            dialogue has no reply.
    """
    text = _text(tokenizer)
    messages, tools = dialogue.messages, dialogue.tools
    ids: list[int] = []
    replies: list[tuple[int, int]] = []
    done = ""
    """What the ids so far stand for."""
    for place, message in enumerate(messages):
        if message.role != "assistant":
            continue
        prompt = text.render(messages[:place], tools)
        whole = text.render(messages[: place + 1], tools, prompt=False)
        said = _ended(whole, tokenizer)
        if not prompt.startswith(done) or not said.startswith(prompt):
            raise ConfigError(
                f"the base's chat template writes turn {place + 1} or one before it differently "
                "once the dialogue goes on, so that what is trained is not what is served; "
                'base.template = "training" keeps turns as they were'
            )
        ids += text.encode(prompt[len(done) :])
        begin = len(ids)
        ids += text.encode(said[len(prompt) :])
        replies.append((begin, len(ids)))
        done = said
    if not replies:
        raise ConfigError("a dialogue without a reply of the model has nothing to learn from")
    return Rendered(ids, replies)


def render_all(
    tokenizer: PreTrainedTokenizerFast, dialogues: Iterable[Dialogue], longest: int
) -> tuple[list[Rendered], int]:
    """Those of at most ``longest`` tokens, and how many are longer: those are left out, none is
    cut."""
    made = [render(tokenizer, dialogue) for dialogue in dialogues]
    fitting = [each for each in made if len(each) <= longest]
    return fitting, len(made) - len(fitting)


def _ended(whole: str, tokenizer: PreTrainedTokenizerFast) -> str:
    """Up to and with the token that ends the last reply; the template's own addition goes."""
    end = str(tokenizer.eos_token)
    at = whole.rfind(end)
    return whole if at < 0 else whole[: at + len(end)]


def _text(tokenizer: PreTrainedTokenizerFast) -> Text:
    end = tokenizer.eos_token_id
    assert isinstance(end, int)
    return Text(tokenizer, frozenset({end}))


def windows(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices in batches of at most ``tokens`` tokens (one dialogue at least), the short first."""
    out: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if not out or lengths[index] > room:
            out.append([])
            room = tokens
        out[-1].append(index)
        room -= lengths[index]
    return out
