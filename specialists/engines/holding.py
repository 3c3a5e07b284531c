"""How a reply is held to tools and a schema by a server: fields of a chat completion's request.

vLLM takes a grammar, so that it can hold a reply to the very text our models are trained on:
``<tool_call>`` in Hermes form, JSON as ``json.dumps`` writes it. With xgrammar at hand (it needs
torch, so it is optional) the grammar is the local engine's own. Without it vLLM gets a structural
tag, which says the same except that white space between JSON's tokens is the model's to choose.
Other servers have tool calls and ``response_format`` of their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from specialists.engines.template import TOOL_CLOSE, TOOL_OPEN
from specialists.foundation.contracts import Grammar, ReplySchema, ToolSpec
from specialists.foundation.errors import EngineError

KEPT = 256
"""Grammars kept, the least recently used dropped first."""

EXACT = find_spec("xgrammar") is not None
"""xgrammar is installed. It is imported when the first grammar is made, which takes seconds."""


def for_vllm(
    tools: Sequence[ToolSpec], schema: ReplySchema | None, *, exact: bool = EXACT
) -> dict[str, Any]:
    """For vLLM: the template shows the tools, and its tool parser leaves the reply's text alone.

    Args:
        exact: write the local engine's grammar: a matter of milliseconds, or of seconds the first
            time, so nothing for the event loop.

    Raises:
        EngineError: a schema or an EBNF that is not one (where xgrammar is there to tell).
    """
    if not tools and schema is None:
        return {}
    shown = {"tools": [tool.openai() for tool in tools], "tool_choice": "none"} if tools else {}
    if not tools and isinstance(schema, Grammar):
        return {"structured_outputs": {"grammar": schema.ebnf}}
    if exact:
        return {**shown, "structured_outputs": {"grammar": _ebnf(_key(tools, schema))}}
    if not tools:
        return {"structured_outputs": {"json": schema}}
    ways = [_call(tool) for tool in tools]
    if schema is not None:
        ways.append(_reply(schema))
    form = ways[0] if len(ways) == 1 else {"type": "or", "elements": ways}
    return {**shown, "response_format": {"type": "structural_tag", "format": form}}


def for_others(tools: Sequence[ToolSpec], schema: ReplySchema | None) -> dict[str, Any]:
    """For any OpenAI-compatible server: native tool calls, and a strict JSON schema.

    Raises:
        EngineError: a grammar, which the protocol has no words for.
    """
    if isinstance(schema, Grammar):
        raise EngineError(
            "an OpenAI-compatible server takes JSON schemas and no grammars; serve the model with "
            "vLLM (server = 'vllm') or in process"
        )
    fields: dict[str, Any] = {}
    if tools:
        fields["tools"] = [tool.openai() for tool in tools]
        fields["tool_choice"] = "required" if schema is None else "auto"
    if schema is not None:
        form = {"name": "reply", "schema": schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": form}
    return fields


def _key(tools: Sequence[ToolSpec], schema: ReplySchema | None) -> str:
    """Tools and schema as one text. Keys keep their order, which a grammar holds fields to."""
    plain = schema.model_dump() if isinstance(schema, Grammar) else schema
    kind = "ebnf" if isinstance(schema, Grammar) else "json"
    return json.dumps([[tool.model_dump() for tool in tools], kind, plain])


@lru_cache(maxsize=KEPT)
def _ebnf(key: str) -> str:
    """The local engine's grammar, in EBNF."""
    from specialists.engines.grammar import grammar

    tools, kind, plain = json.loads(key)
    schema = Grammar(**plain) if kind == "ebnf" else plain
    return str(grammar([ToolSpec(**tool) for tool in tools], schema))


def _call(tool: ToolSpec) -> dict[str, Any]:
    name = json.dumps(tool.name)
    return {
        "type": "sequence",
        "elements": [
            _literal(f'{TOOL_OPEN}\n{{"name": {name}, "arguments": '),
            {"type": "json_schema", "json_schema": tool.parameters},
            _literal(f"}}\n{TOOL_CLOSE}"),
        ],
    }


def _reply(schema: ReplySchema) -> dict[str, Any]:
    if isinstance(schema, Grammar):
        return {"type": "grammar", "grammar": schema.ebnf}
    return {"type": "json_schema", "json_schema": schema}


def _literal(text: str) -> dict[str, Any]:
    return {"type": "const_string", "value": text}
