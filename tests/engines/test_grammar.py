from __future__ import annotations

import json

import pytest
from transformers import PreTrainedTokenizerFast

from specialists.engines.grammar import Grammars
from specialists.engines.template import call_text
from specialists.engines.text import Text
from specialists.foundation.contracts import Grammar, ToolCall, ToolSpec
from specialists.foundation.errors import EngineError

HANDLES = {
    "type": "object",
    "properties": {
        "found": {"const": True},
        "value": {"enum": ["<c1>", "<c2>"]},
        "note": {"type": "string"},
    },
    "required": ["found", "value", "note"],
    "additionalProperties": False,
}
SQL = ToolSpec(
    name="sql",
    description="",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
        "additionalProperties": False,
    },
)


@pytest.fixture(scope="module")
def text(tokenizer: PreTrainedTokenizerFast) -> Text:
    return Text(tokenizer, frozenset({tokenizer.eos_token_id}))


@pytest.fixture(scope="module")
def grammars(text: Text) -> Grammars:
    return Grammars(text, text.size + 5)  # logits may be wider than the vocabulary


def admits(grammars: Grammars, text: Text, said: str, **kind: object) -> bool:
    """Whether the grammar lets a text be said, as the tokenizer spells it, and end there."""
    hold = grammars.hold(kind.get("tools", ()), kind.get("schema"))  # type: ignore[arg-type]
    assert hold is not None
    for token in text.encode(said):
        if token not in hold.allowed():
            return False
        hold.accept(token)
    return bool(text.ends & set(hold.allowed().tolist()))


def test_json_is_written_as_json_dumps_does(grammars: Grammars, text: Text) -> None:
    good = json.dumps({"found": True, "value": "<c1>", "note": "é 12"}, ensure_ascii=False)
    assert admits(grammars, text, good, schema=HANDLES)
    for bad in (
        good.replace(", ", ","),
        good.replace(": ", ":"),
        good.replace("<c1>", "<t1>"),
        good + " ",
        good[:-1],
        "{}",
    ):
        assert not admits(grammars, text, bad, schema=HANDLES), bad


def test_a_reply_is_a_call_or_an_answer(grammars: Grammars, text: Text) -> None:
    call = '<tool_call>\n{"name": "sql", "arguments": {"query": "SELECT <c1>"}}\n</tool_call>'
    answer = '{"found": true, "value": "<c2>", "note": ""}'
    for said, alone, both in ((call, False, True), (answer, True, True), ("hm", False, False)):
        assert admits(grammars, text, said, schema=HANDLES) is alone
        assert admits(grammars, text, said, tools=[SQL], schema=HANDLES) is both
    assert admits(grammars, text, call, tools=[SQL])
    assert not admits(grammars, text, answer, tools=[SQL])
    assert not admits(grammars, text, call.replace("sql", "rm"), tools=[SQL])


def test_grammars_are_held_to(grammars: Grammars, text: Text) -> None:
    ebnf = Grammar(ebnf='root ::= "add(" [a-z]+ ")"')
    assert admits(grammars, text, "add(revenue)", schema=ebnf)
    assert not admits(grammars, text, "add()", schema=ebnf)


def test_control_tokens_stay_out_of_strings(
    grammars: Grammars, text: Text, tokenizer: PreTrainedTokenizerFast
) -> None:
    hold = grammars.hold((), HANDLES)
    assert hold is not None
    for token in text.encode('{"found": true, "value": "<c1>", "note": "'):
        hold.accept(token)
    allowed = set(hold.allowed().tolist())
    assert len(allowed) > 200  # almost anything, in a string …
    assert not allowed & text.control  # … but neither the end nor another speaker
    assert max(allowed) < len(tokenizer)


def test_no_grammar_where_anything_may_be_said(grammars: Grammars) -> None:
    assert grammars.hold((), None) is None


@pytest.mark.parametrize("schema", [Grammar(ebnf="root ::= missing"), {"type": "nonsense"}])
def test_a_bad_schema_is_named(grammars: Grammars, schema: Grammar | dict[str, str]) -> None:
    with pytest.raises(EngineError, match="cannot be held to this schema"):
        grammars.hold((), schema)


CLOSED = {
    "type": "object",
    "properties": {
        "found": {"const": True},
        "value": {"enum": ["<c1>", "<c2>", "<c11>"]},
        "period": {"enum": ["<t1>", None]},
    },
    "required": ["found", "value", "period"],
    "additionalProperties": False,
}
CALC = ToolSpec(
    name="calculator",
    description="",
    parameters={
        "type": "object",
        "properties": {"expression": {"enum": ["<c1> - <c2>", "<c1> / <c2>", "12 % 7"]}},
        "required": ["expression"],
        "additionalProperties": False,
    },
)


REPLIES = [
    *(
        json.dumps({"found": True, "value": value, "period": period})
        for value in ("<c1>", "<c2>", "<c11>")
        for period in ("<t1>", None)
    ),
    *(
        call_text(ToolCall(id="c", name="calculator", arguments={"expression": expression}))
        for expression in ("<c1> - <c2>", "<c1> / <c2>", "12 % 7")
    ),
]


@pytest.mark.parametrize("reply", REPLIES)
def test_forced_words_are_spelled_as_the_tokenizer_spells_them(
    grammars: Grammars, text: Text, reply: str
) -> None:
    """A model that spells as it was trained never meets a forced token it would not have said."""
    hold = grammars.hold([CALC], CLOSED)
    assert hold is not None
    trained = text.encode(reply)
    said: list[int] = []
    chosen = 0
    while True:
        said += hold.forced(said)
        assert trained[: len(said)] == said, text.decode(said)
        if hold.done:
            break
        chosen += 1
        said.append(trained[len(said)])
        assert said[-1] in hold.allowed()
        hold.accept(said[-1])
    assert said == trained
    assert chosen < len(trained)  # some of it is form, which takes no choosing


def test_what_is_forced_is_not_asked_of_the_model(grammars: Grammars, text: Text) -> None:
    hold = grammars.hold([CALC], None)
    assert hold is not None
    said = hold.forced([])
    assert text.decode(said).startswith('<tool_call>\n{"name": "calculator", "arguments"')
