"""Handles: stable within a dialogue, limited, and honest about what they do not know."""

import random

import pytest

from specialists.foundation.errors import AnswerError
from specialists.workspace.handles import LIMIT, PATTERN, Handles, vocabulary


def test_the_same_key_gives_the_same_handle():
    handles = Handles()
    assert handles.bind("e", "Acme Corp", "Acme Corp") == "<e1>"
    assert handles.bind("e", "Globex", "Globex") == "<e2>"
    assert handles.bind("e", "Acme Corp", "Acme Corp") == "<e1>"
    assert handles.bind("n", 3, "3", key="a") != handles.bind("n", 3, "3", key="b")


def test_a_seed_shuffles_numbers_and_nothing_else():
    names = {Handles(random.Random(seed)).bind("c", 1, "revenue") for seed in range(50)}
    assert len(names) > 10
    assert all(PATTERN.fullmatch(name) for name in names)


def test_every_handle_there_can_be_is_in_the_vocabulary():
    handles, words = Handles(), set(vocabulary())
    for kind, limit in LIMIT.items():
        for i in range(limit):
            assert handles.bind(kind, i, f"{kind} {i}") in words
        assert handles.room(kind) == 0
        with pytest.raises(AnswerError, match=f"more than {limit}"):
            handles.bind(kind, "one more", "one more")
    assert len(words) == sum(LIMIT.values())


def test_an_unknown_handle_is_an_answer_error():
    with pytest.raises(AnswerError, match="<n7> stands for nothing"):
        Handles().resolve("<n7>")


def test_spelling_out_leaves_unknown_handles_alone():
    handles = Handles()
    handles.bind("c", None, "revenue")
    assert handles.spell("<c1> of <e9>") == "revenue of <e9>"
