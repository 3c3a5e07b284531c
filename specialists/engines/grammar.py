"""Replies held to what they must look like: one grammar from the tools and the answer's schema.

A reply is either one tool call, ``<tool_call>\\n{"name": …, "arguments": …}\\n</tool_call>``, its
arguments held to the tool's JSON schema, or a plain reply held to a JSON schema or an EBNF. JSON is
on one line with ``", "`` and ``": "``, as ``json.dumps`` writes it and the models were trained.
A grammar says what *can* be said; it makes nothing right.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import numpy as np
import xgrammar as xgr

from specialists.engines.template import TOOL_CLOSE, TOOL_OPEN
from specialists.engines.text import Text
from specialists.foundation import contracts
from specialists.foundation.contracts import ReplySchema, ToolSpec
from specialists.foundation.errors import EngineError

CACHE_BYTES = 64 * 2**20


class Grammars:
    """Compiles grammars for one tokenizer; keeps what it compiled. Safe to use from any thread."""

    def __init__(self, text: Text, vocab: int) -> None:
        """``vocab`` is the width of the model's logits, which may exceed the tokenizer's."""
        # A token without bytes cannot be part of any text: that keeps control tokens out.
        decoded = xgr.TokenizerInfo.from_huggingface(text.tokenizer, vocab_size=vocab).decoded_vocab
        spelled = [b"" if i in text.control else decoded[i] for i in range(len(decoded))]
        self._text = text
        self._vocab = vocab
        info = xgr.TokenizerInfo(spelled, vocab_size=vocab, stop_token_ids=sorted(text.ends))
        self._compiler = xgr.GrammarCompiler(info, max_threads=1, cache_limit_bytes=CACHE_BYTES)
        self._lock = threading.Lock()

    def hold(self, tools: Sequence[ToolSpec], schema: ReplySchema | None) -> Hold | None:
        """A fresh hold for one reply; None where anything may be said.

        Raises:
            EngineError: a schema or an EBNF that is not one; the message says what is wrong.
        """
        if not tools and schema is None:
            return None
        made = grammar(tools, schema)
        try:
            with self._lock:
                compiled = self._compiler.compile_grammar(made)
        except (RuntimeError, ValueError) as error:
            raise _unfit(error) from error
        return Hold(compiled, self._text, self._vocab)


def grammar(tools: Sequence[ToolSpec], schema: ReplySchema | None) -> xgr.Grammar:
    """All that may be said: a call of one of the tools, or a reply that fits the schema.

    At least one tool or a schema. ``str`` of it is EBNF, for a server that compiles it itself.

    Raises:
        EngineError: a schema or an EBNF that is not one; the message says what is wrong.
    """
    try:
        ways = [_call(tool) for tool in tools]
        if schema is not None:
            ways.append(_reply(schema))
        return ways[0] if len(ways) == 1 else xgr.Grammar.union(*ways)
    except (RuntimeError, ValueError) as error:
        raise _unfit(error) from error


def _unfit(error: Exception) -> EngineError:
    return EngineError(f"a reply cannot be held to this schema: {error}")


def _call(tool: ToolSpec) -> xgr.Grammar:
    return xgr.Grammar.concat(
        _literal(f'{TOOL_OPEN}\n{{"name": {json.dumps(tool.name)}, "arguments": '),
        _json(tool.parameters),
        _literal(f"}}\n{TOOL_CLOSE}"),
    )


def _reply(schema: ReplySchema) -> xgr.Grammar:
    if isinstance(schema, contracts.Grammar):
        return xgr.Grammar.from_ebnf(schema.ebnf)
    return _json(schema)


def _json(schema: dict[str, object]) -> xgr.Grammar:
    return xgr.Grammar.from_json_schema(
        json.dumps(schema), any_whitespace=False, separators=(", ", ": ")
    )


def _literal(text: str) -> xgr.Grammar:
    return xgr.Grammar.from_ebnf(f"root ::= {json.dumps(text)}")


class Hold:
    """What one reply may still say. Used by one thread at a time."""

    def __init__(self, compiled: xgr.CompiledGrammar, text: Text, vocab: int) -> None:
        self._matcher = xgr.GrammarMatcher(compiled)
        self._bits = xgr.allocate_token_bitmask(1, vocab)
        self._words = self._bits.numpy().view(np.uint8)[0]
        self._text = text
        self._vocab = vocab

    def allowed(self) -> np.ndarray:
        """Ids of the tokens that may come next, ascending; an end among them if it may end."""
        if self._matcher.fill_next_token_bitmask(self._bits):
            return np.flatnonzero(np.unpackbits(self._words, bitorder="little")[: self._vocab])
        return np.arange(self._vocab)

    def accept(self, token: int) -> None:
        """Say this token.

        Raises:
            EngineError: it may not be said here.
        """
        if not self._matcher.accept_token(token):
            raise EngineError(f"token {token} breaks the reply's grammar")

    @property
    def done(self) -> bool:
        """Nothing but the end may follow."""
        if self._matcher.is_terminated():
            return True
        return self._matcher.is_completed() and set(self.allowed().tolist()) <= self._text.ends

    def forced(self, said: Sequence[int]) -> list[int]:
        """The tokens that must come next, whatever the model would say; accepts them.

        Tokens are those the tokenizer itself would use for the whole text, as in training. Where
        what follows could still change how the end is spelled, that end is left to the model.
        """
        ahead = self._matcher.find_jump_forward_string()
        if len(ahead) < 2:
            return []
        fork = self._matcher.fork()
        fork.accept_string(ahead)
        ends = fork.is_completed()
        spelled = self._text.spell(self._text.decode(said) + ahead)
        before = len(said)
        if spelled.ids[:before] != list(said):
            # the model spelled something in its own way: go on from there
            spelled, before = self._text.spell(ahead), 0
        new = spelled.ids[before : None if ends else spelled.settled()]
        for token in new:
            self.accept(token)
        return new
