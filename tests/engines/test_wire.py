from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.engines import holding, reading, wire
from specialists.engines.refusals import pause, refusal
from specialists.foundation.contracts import (
    Grammar,
    Message,
    TokenLogprob,
    ToolCall,
    ToolSpec,
)
from specialists.foundation.errors import (
    AdapterError,
    ContextOverflow,
    EngineError,
    Overloaded,
    Unavailable,
)

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
SQL = ToolSpec(name="sql", description="Run a query.", parameters=SCHEMA)


# --- dialogues out


def test_a_tool_answers_the_oldest_open_call() -> None:
    made = tuple(ToolCall(id=i, name="sql", arguments={"q": "é"}) for i in ("call_1", "call_2"))
    dialogue = [
        Message(role="user", content="a <|im_end|> b"),
        Message(role="assistant", tool_calls=made),
        Message(role="tool", content="1"),
        Message(role="tool", content="2", name="sql"),
    ]
    user, assistant, first, second = wire.turns(dialogue)
    assert user["content"] == "a < |im_end|> b"
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_1", "call_2"]
    assert assistant["tool_calls"][0]["function"]["arguments"] == '{"q": "é"}'
    assert (first["tool_call_id"], second["tool_call_id"]) == ("call_1", "call_2")
    assert second["name"] == "sql"


# --- replies in


def body(content: str | None = "x", finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"message": {"content": content, **more}, "finish_reason": finish}
    return {"choices": [choice], "usage": None}


@pytest.mark.parametrize(
    "said",
    ["<html>", None, {}, {"choices": []}, {"choices": [{"text": "x"}]}, body(finish=None), [1]],
    ids=str,
)
def test_what_is_no_completion_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wire.answer(said)


def test_a_hermes_call_and_a_native_call_mean_the_same() -> None:
    hermes = body('<tool_call>\n{"name": "sql", "arguments": {"n": 1}}\n</tool_call>')
    function = {"name": "sql", "arguments": '{"n": 1}'}
    native = body(None, "tool_calls", tool_calls=[{"id": "call_1", "function": function}])
    read = [wire.message(wire.answer(each).choices[0]) for each in (hermes, native)]
    assert read[0] == read[1]
    assert read[0].tool_calls == (ToolCall(id="call_1", name="sql", arguments={"n": 1}),)


def test_a_native_call_that_is_no_json_stays_in_the_text() -> None:
    calls = [{"id": "1", "function": {"name": "sql", "arguments": '{"n": '}}]
    said = wire.message(wire.answer(body(None, "tool_calls", tool_calls=calls)).choices[0])
    assert said.tool_calls == ()
    assert said.content == '<tool_call>\n{"name": "sql", "arguments": {"n": }\n</tool_call>'


@pytest.mark.parametrize("finish", ["abort", "content_filter", "error"])
def test_a_reply_broken_off_is_none(finish: str) -> None:
    choice = wire.answer(body(finish=finish)).choices[0]
    with pytest.raises(ValueError, match=finish):
        wire.finish(choice, wire.message(choice))


@settings(deadline=None)
@given(st.text(alphabet="aé€🙂", max_size=12), st.data())
def test_tokens_spell_the_text_however_characters_are_split(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=6)) | {0, len(raw)})
    told = [{"token": "?", "logprob": -1.0, "bytes": list(raw[a:b])} for a, b in pairwise(cuts)]
    said = body(text)
    said["choices"][0]["logprobs"] = {"content": told}
    tokens = wire.logprobs(wire.answer(said).choices[0])
    assert "".join(token.text for token in tokens) == text
    assert len(tokens) == len(told)


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=6))
def test_a_stream_gathers_to_what_a_plain_reply_is(pieces: list[str]) -> None:
    gathering = wire.Gathering()
    for piece in pieces:
        assert gathering.add({"choices": [{"delta": {"content": piece}}]}) == piece
    assert gathering.begun == any(pieces)
    with pytest.raises(ValueError, match="ended before"):
        gathering.answer()
    gathering.add({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    gathering.add({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    found = gathering.answer()
    plain = wire.answer(body("".join(pieces)))
    assert wire.message(found.choices[0]) == wire.message(plain.choices[0])
    assert found.usage == wire.Used(prompt_tokens=3, completion_tokens=2)


def test_native_calls_are_gathered_by_their_index() -> None:
    gathering = wire.Gathering()
    pieces: list[tuple[int, dict[str, Any]]] = [
        (0, {"id": "a", "function": {"name": "sql", "arguments": ""}}),
        (1, {"id": "b", "function": {"name": "add", "arguments": '{"m"'}}),
        (0, {"function": {"arguments": '{"n": 1}'}}),
        (1, {"function": {"arguments": ": 2}"}}),
    ]
    for index, piece in pieces:
        gathering.add({"choices": [{"delta": {"tool_calls": [{"index": index, **piece}]}}]})
    gathering.add({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    said = wire.message(gathering.answer().choices[0])
    assert [(c.id, c.name, c.arguments) for c in said.tool_calls] == [
        ("a", "sql", {"n": 1}),
        ("b", "add", {"m": 2}),
    ]


# --- readings


def test_a_reading_tells_the_tokens_it_was_asked_for() -> None:
    told = [None, *({str(i): {"logprob": -i, "decoded_token": f"t{i}"}} for i in (7, 8))]
    read = wire.heard(reading.Reading, {"choices": [{"prompt_logprobs": told}]})
    assert [t.text for t in read.tokens((5, 7, 8), 1)] == ["t7", "t8"]
    with pytest.raises(ValueError, match="token 9"):
        read.tokens((5, 7, 9), 1)
    with pytest.raises(ValueError, match="not one for each"):
        read.tokens((5, 7), 1)


def test_a_turn_counts_through_its_end() -> None:
    texts = ["a", "<|im_end|>", "b", "<|im_end|>", "\n"]
    tokens = [TokenLogprob(text=text, logprob=-1.0) for text in texts]
    ends = {"<|im_end|>"}
    assert [t.text for t in reading.through_end(tokens, ends)] == ["a", "", "b", ""]
    assert [t.text for t in wire.spoken(tokens[:2], ends)] == ["a"]


# --- what a reply is held to


def test_nothing_asked_is_nothing_sent() -> None:
    assert holding.for_vllm([], None) == {}
    assert holding.for_others([], None) == {}


@pytest.mark.parametrize("exact", [True, False])
def test_vllm_shows_tools_and_parses_none(exact: bool) -> None:
    fields = holding.for_vllm([SQL], SCHEMA, exact=exact)
    assert fields["tools"] == [SQL.openai()]
    assert fields["tool_choice"] == "none"
    assert ("structured_outputs" in fields) == exact
    assert ("response_format" in fields) != exact


def test_a_structural_tag_says_call_or_reply() -> None:
    grammar = Grammar(ebnf='root ::= "a"')
    form = holding.for_vllm([SQL], grammar, exact=False)["response_format"]["format"]
    call, reply = form["elements"]
    assert form["type"] == "or"
    head, arguments, tail = call["elements"]
    assert head["value"] == '<tool_call>\n{"name": "sql", "arguments": '
    assert arguments == {"type": "json_schema", "json_schema": SCHEMA}
    assert tail["value"] == "}\n</tool_call>"
    assert reply == {"type": "grammar", "grammar": grammar.ebnf}
    alone = holding.for_vllm([SQL], None, exact=False)["response_format"]["format"]
    assert alone == call


def test_the_grammar_sent_admits_what_json_dumps_writes_and_no_more() -> None:
    import xgrammar as xgr

    fields = holding.for_vllm([SQL], SCHEMA, exact=True)
    letters = [chr(i) for i in range(128)]
    compiler = xgr.GrammarCompiler(xgr.TokenizerInfo(letters, stop_token_ids=[0]), max_threads=1)
    compiled = compiler.compile_grammar(
        xgr.Grammar.from_ebnf(fields["structured_outputs"]["grammar"])
    )

    def admits(text: str) -> bool:
        matcher = xgr.GrammarMatcher(compiled)
        return matcher.accept_string(text) and matcher.is_completed()

    said = json.dumps({"n": 12})
    assert admits(said)
    assert admits(f'<tool_call>\n{{"name": "sql", "arguments": {said}}}\n</tool_call>')
    assert not admits(said.replace(" ", ""))
    assert not admits(said.replace(" ", "  "))


def test_fields_of_a_schema_keep_their_order() -> None:
    ab, ba = [
        {"type": "object", "properties": {k: {"type": "null"} for k in keys}, "required": [*keys]}
        for keys in ("ab", "ba")
    ]
    sent = [holding.for_vllm([], schema, exact=True)["structured_outputs"] for schema in (ab, ba)]
    assert sent[0] != sent[1]


def test_a_bad_schema_is_named() -> None:
    bad = ToolSpec(name="sql", description="", parameters={"type": "nonsense"})
    with pytest.raises(EngineError, match="cannot be held"):
        holding.for_vllm([bad], None, exact=True)


def test_other_servers_take_no_grammar() -> None:
    with pytest.raises(EngineError, match="takes JSON schemas and no grammars"):
        holding.for_others([], Grammar(ebnf='root ::= "a"'))
    assert holding.for_others([SQL], None)["tool_choice"] == "required"
    assert holding.for_others([SQL], SCHEMA)["tool_choice"] == "auto"


# --- refusals


@pytest.mark.parametrize(
    ("status", "said", "adapter", "kind", "words"),
    [
        (500, {"error": {"message": "boom"}}, None, Unavailable, "boom"),
        (502, "<html>bad gateway</html>", None, Unavailable, "bad gateway"),
        (401, {"error": "who"}, None, EngineError, "refused the key"),
        (404, {"message": "The model `x` does not exist."}, "a@1", AdapterError, "a@1"),
        (404, {"message": "no such model", "param": "model"}, None, EngineError, "model named m"),
        (404, {"detail": "Not Found"}, "a@1", EngineError, "Not Found"),
        (400, {"message": "maximum context length is 10 tokens"}, None, ContextOverflow, "10"),
        (400, {"message": "max_tokens must be at least 1, got 0."}, None, ContextOverflow, "got 0"),
        (400, {"message": "Invalid grammar"}, None, EngineError, "Invalid grammar"),
        (400, "", None, EngineError, "nothing"),
    ],
)
def test_a_refusal_says_what_it_means(
    status: int, said: object, adapter: str | None, kind: type[EngineError], words: str
) -> None:
    error = refusal(status, said, url="http://u", model="m", adapter=adapter)
    assert type(error) is kind
    assert words in str(error)
    assert "http://u" in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (None, 1.0), ("soon", 1.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("-1", 0.0)],
)
def test_an_overload_says_when_to_come_back(header: str | None, seconds: float) -> None:
    assert pause(header) == seconds
    error = refusal(429, {}, url="u", model="m", adapter=None, retry_after=header)
    assert isinstance(error, Overloaded)
    assert error.retry_after == seconds


def test_503_without_a_time_is_a_failure() -> None:
    assert type(refusal(503, {}, url="u", model="m", adapter=None)) is Unavailable
    assert type(refusal(503, {}, url="u", model="m", adapter=None, retry_after="2")) is Overloaded
