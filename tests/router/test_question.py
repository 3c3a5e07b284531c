"""What can be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.contracts import MAX_CHARACTERS, Question
from specialists.foundation.errors import QuestionError


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "?", "… – !"])
def test_an_empty_question_is_refused(text: str):
    with pytest.raises(QuestionError, match="empty"):
        Question.of(text)


def test_a_huge_question_is_refused_before_it_is_read():
    with pytest.raises(QuestionError, match="2,001 characters; at most 2,000"):
        Question.of("x" * (MAX_CHARACTERS + 1))
    assert len(Question.of("x" * MAX_CHARACTERS).text) == MAX_CHARACTERS


@pytest.mark.parametrize("bad", ["\x00", "\x1b[31m", "\x7f", "\u202e", "\u2066", "\x85x\x9b"])
def test_control_characters_are_refused_by_name(bad: str):
    with pytest.raises(QuestionError, match=r"control character U\+"):
        Question.of(f"revenue {bad} of Acme")


def test_line_ends_and_runs_of_space_become_single_spaces():
    assert Question.of(" What was\r\n\tthe   revenue? ").text == "What was the revenue?"


@given(st.text(max_size=80))
def test_what_passes_is_printable_and_passes_again(text: str):
    try:
        question = Question.of(text)
    except QuestionError:
        return
    assert Question.of(question.text) == question
    assert "\x1b" not in question.text
    assert question.text == question.text.strip()
