"""The compact language of plans: what it reads, writes, refuses, and what its grammar admits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from specialists.foundation.contracts import Grammar, Quantity
from specialists.foundation.errors import AnswerError
from specialists.planning import clauses
from specialists.planning.clauses import Clause, Noun, Row
from specialists.planning.examples import generate
from specialists.planning.task import TASK
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import PATTERN, Handles
from specialists.workspace.links import Measure, RowKey

P21, P22 = Period(first=2021, last=2021), Period(first=2022, last=2022)


def handles() -> Handles:
    made = Handles()
    made.bind("c", Measure((("income_statement", "revenue"),)), "revenue")
    made.bind("c", Measure((("income_statement", "net_income"),)), "net income")
    made.bind("d", "number of employees", "number of employees")
    made.bind("e", "Acme Corp", "Acme Corp")
    made.bind("e", "Birch Inc", "Birch Inc")
    made.bind("r", RowKey("segment", "Cloud", ("segments",)), "Cloud")
    made.bind("p", P21, "2021")
    made.bind("p", P22, "2022")
    made.bind("n", Quantity(value=3), "3")
    made.bind("n", Quantity(value=5, unit="USD", scale=1e9), "$5 billion")
    made.bind("t", "income_statement", "Income statement")
    return made


def test_reads_handles_as_what_they_stand_for() -> None:
    (clause,) = clauses.parse("growth <c1> <e1> <r1> <p1> <p2>", handles())
    assert clause == Clause(
        "growth", None, (Noun("revenue"),), ("Acme Corp",), (Row("Cloud", "segment"),), (P21, P22)
    )


def test_reads_forms_numbers_and_several_clauses() -> None:
    one, two, three = clauses.parse(
        "get share <c2> <c1> <e1> <p2> ; top <d1> <n1> ; press <e1> <e2>", handles()
    )
    assert one.form == "share"
    assert [n.label for n in one.measures] == ["net income", "revenue"]
    assert two.number == 3
    assert two.measures == (Noun("number of employees", "documents"),)
    assert three.companies == ("Acme Corp", "Birch Inc")


def test_none_is_no_clause() -> None:
    assert clauses.parse("none", handles()) == ()
    assert clauses.write((), handles()) == "none"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "get",
        "get revenue",
        "get <c9> <e1>",
        "get <e1> <c1>",
        "get <c1> <p1> <e1>",
        "get <c1> <c1> <e1>",
        "get <c1> <e1> <t1>",
        "get share <c1> <e1>",
        "share <c1> <c2> <e1>",
        "press <c1>",
        "press",
        "diff <c1> <e1>",
        "diff <c1> <e1> <p1>",
        "times <c1> <e1> <e2> <p1> <p2>",
        "part <c1> <e1> <p1>",
        "peak <c1> <e1> <e2>",
        "get <c1> <e1> ; ",
        "get <c1> <e1> ; none",
        " ; ".join(["get <c1> <e1>"] * 5),
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(AnswerError):
        clauses.parse(text, handles())


def test_writes_what_it_reads() -> None:
    held = handles()
    for text in (
        "get <c1> <c2> <d1> <e1> <e2> <p1> <p2>",
        "change over <c1> <d1> <e1> <p1>",
        "diff <c1> <e2> <e1> <p2>",
        "part <c1> <e1> <r1> ; bottom <c2> <p1> <n1>",
        "get <e1> <r1> <p2>",
    ):
        assert clauses.write(clauses.parse(text, held), held) == text


def test_writing_needs_a_handle_for_everything() -> None:
    clause = Clause("get", None, (Noun("goodwill"),), ("Acme Corp",))
    assert clauses.write([clause], handles()) is None


def test_the_grammar_admits_gold_and_little_else() -> None:
    xgrammar = pytest.importorskip("xgrammar")
    matcher = _acceptor(xgrammar, clauses.grammar(handles()).ebnf)
    for text in (
        "none",
        "get <c1> <e1> <p1>",
        "growth share <c1> <c2> <e1> <p1> <p2> ; press <e1>",
        "top <c1> <n1>",
        "get <e1> <r1> <p2>",
        "top growth <c1> <p1> <n1>",
        "which above share <c1> <c2> <p1> <n1>",
        "get over less <c1> <c2> <d1> <e1>",
        "atpeak <c1> <c2> <e1>",
        "more <c1> <e1> <p1> <p2>",
        "which <r1>",
        "count",
    ):
        assert matcher(text), text
    for text in ("get <c3> <e1>", "get <e1>", "top <c1> <n2>", "none ; none", "get  <c1>", "<c1>"):
        assert not matcher(text), text
    bare = _acceptor(xgrammar, clauses.grammar(Handles()).ebnf)
    assert bare("none")
    assert not bare("get")


def test_every_gold_reply_fits_its_grammar() -> None:
    xgrammar = pytest.importorskip("xgrammar")
    for example in generate(TASK, "train", 60, 17):
        episode = TASK.begin(example.inputs, seed=4)
        schema = episode.schema()
        assert isinstance(schema, Grammar)
        mine, theirs = (
            [w for w in text.split() if PATTERN.fullmatch(w)]
            for text in (episode.messages[1].content, example.dialogue[1].content)
        )
        names = dict(zip(theirs, mine, strict=True))  # the same text, other numbers
        reply = " ".join(names.get(w, w) for w in example.dialogue[2].content.split())
        assert _acceptor(xgrammar, schema.ebnf)(reply), reply


def _acceptor(xgrammar: Any, ebnf: str) -> Callable[[str], bool]:
    """Whether a whole text is in the grammar: a character-level tokenizer of xgrammar's own."""
    vocabulary = [chr(i) for i in range(32, 127)] + ["<eos>"]
    info = xgrammar.TokenizerInfo(
        vocabulary,
        vocab_type=xgrammar.VocabType.RAW,
        stop_token_ids=[len(vocabulary) - 1],
    )
    compiled = xgrammar.GrammarCompiler(info).compile_grammar(ebnf)

    def accepts(text: str) -> bool:
        matcher = xgrammar.GrammarMatcher(compiled)
        ids = [ord(ch) - 32 for ch in text] + [len(vocabulary) - 1]
        return all(matcher.accept_token(i) for i in ids)

    return accepts
