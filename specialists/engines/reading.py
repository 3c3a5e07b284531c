"""Prompts read, not answered: how likely a vLLM server holds given tokens (``prompt_logprobs``).

Also the only way to its raw log-probabilities of a reply held to a grammar: those that it lists
with the reply are taken after the grammar's mask, whatever ``--logprobs-mode`` says (0.32.0 applies
``apply_grammar_bitmask`` before the sampler sees the logits).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from specialists.engines.wire import Said, Used
from specialists.foundation.contracts import TokenLogprob

ASKED = {"max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}
"""What makes a request a reading. One token must be answered; 0 alternatives beside the prompt's
own tokens."""


class _Token(Said):
    logprob: float
    decoded_token: str | None = None


_Tokens = tuple[dict[int, _Token] | None, ...]


class _Choice(Said):
    prompt_logprobs: _Tokens | None = None


class Reading(Said):
    """The body of a completion that was asked for its prompt's log-probabilities.

    A chat completion tells them at the top, a plain one with its choice.
    """

    choices: tuple[_Choice, ...]
    prompt_logprobs: _Tokens | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    usage: Used | None = None

    def tokens(self, ids: Sequence[int], start: int) -> tuple[TokenLogprob, ...]:
        """The prompt's tokens from ``start`` on; ``ids`` are all of its tokens.

        Raises:
            ValueError: the server did not tell about each of them.
        """
        told = self.prompt_logprobs or (self.choices[0].prompt_logprobs if self.choices else None)
        if told is None or len(told) != len(ids):
            raise ValueError("prompt_logprobs: not one for each token of the prompt")
        found: list[TokenLogprob] = []
        for number, alternatives in zip(ids[start:], told[start:], strict=True):
            token = alternatives.get(number) if alternatives else None
            if token is None:
                raise ValueError(f"prompt_logprobs: token {number} of the prompt is not told")
            found.append(TokenLogprob(text=token.decoded_token or "", logprob=token.logprob))
        return tuple(found)


class Tokenized(Said):
    """What ``/tokenize`` says."""

    tokens: tuple[int, ...]


def through_end(tokens: Sequence[TokenLogprob], ends: Collection[str]) -> tuple[TokenLogprob, ...]:
    """Tokens up to the last that ends a turn; such a token counts and has no text."""
    last = max((i for i, token in enumerate(tokens) if token.text in ends), default=len(tokens))
    return tuple(
        TokenLogprob(text="" if token.text in ends else token.text, logprob=token.logprob)
        for token in tokens[: last + 1]
    )
