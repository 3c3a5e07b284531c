"""What the linked text decides of a reply is put right; the rest stays the model's word."""

from __future__ import annotations

import pytest

from specialists.planning.examples import generate
from specialists.planning.mending import mended, place, undone
from specialists.planning.task import TASK


@pytest.mark.parametrize(
    ("text", "reply", "right"),
    [
        (
            "mean ( <c1> as a share of <c2> ) of <e1> <p1>",
            "mean share <c1> <c1> <e1> <p1>",
            "mean share <c1> <c2> <e1> <p1>",
        ),
        (
            "( ( <c1> plus <c2> ) divided by <c3> ) of <e1> for <p1>",
            "get over plus <c1> <c2> <c2> <e1> <p1>",
            "get over plus <c1> <c2> <c3> <e1> <p1>",
        ),
        (
            "what proportion of its <c1> does <e1> spend on <c2> in <p1> ?",
            "get share <c1> <c2> <e1> <p1>",
            "get share <c2> <c1> <e1> <p1>",
        ),
        (
            "for each dollar of <c1> , how much <c2> did <e1> have ?",
            "get over <c1> <c2> <e1>",
            "get over <c2> <c1> <e1>",
        ),
        (
            "share of <c1> in <c2> at <e1>",
            "get share <c1> <c2> <e1>",
            "get share <c1> <c2> <e1>",
        ),
        ("which companies are <c1> in <r1> ?", "which <c1> <r1>", "which <r1>"),
        ("<c1> of <e1> in <p1>", "get <c1> <e1> <p1> <p1>", "get <c1> <e1> <p1>"),
        ("hello", "none", "none"),
    ],
)
def test_mended(text: str, reply: str, right: str) -> None:
    assert mended(reply, text) == right


def test_gold_is_never_changed() -> None:
    for example in generate(TASK, "train", 300, 23):
        text, reply = example.dialogue[1].content, example.dialogue[2].content
        if not reply.startswith("<o"):
            assert mended(reply, text.rpartition(" | ")[2]) == reply


def test_places_and_what_no_verb_does() -> None:
    assert place("which company had the second highest <c1> ?") == 2
    assert place("in the second year , who had the highest <c1> ?") == 1
    assert undone("what is the median <c1> in <r1> ?") == "median"
    assert undone("what <c1> did <e1> report in <p1> ?") == ""
