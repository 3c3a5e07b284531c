"""Only the right number in the right form is right, whatever else is tried."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from fractions import Fraction

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.foundation.errors import AnswerError, FinrouteError
from specialists.maths.check import MathsAnswer, consistent, equations, read, score, validate
from specialists.maths.render import MathsInputs
from specialists.maths.task import MathsTask, said
from specialists.task import Example, Form

TASK = MathsTask()
Solved = Example[MathsInputs, MathsAnswer]


def judged(example: Solved, reply: str, form: Form) -> bool:
    """Whether a reply is right; one that is no answer is not."""
    try:
        answer = TASK.begin(example.inputs, form=form).answer(reply)
    except FinrouteError:
        answer = None
    return TASK.score(example, answer).right


# --- hacks ----------------------------------------------------------------------------------------

Hack = Callable[[str, int | float, str, random.Random], Iterator[str]]
"""From gold's working, gold's number, gold as JSON writes it in a form, and a lot."""


def wrong_numbers(working: str, gold: float, told: str, rng: random.Random) -> Iterator[str]:
    for other in (gold + 1, gold - 1, -gold, gold * 10, gold + 0.5, gold / 7 + 0.001, 10**14):
        yield json.dumps({"working": working, "answer": other})
        yield json.dumps({"working": f"the answer is {gold}", "answer": other})
    yield json.dumps({"working": working, "answer": f"<n{gold + 1}>"})


def other_types(working: str, gold: float, told: str, rng: random.Random) -> Iterator[str]:
    for value in (
        *(True, False, None, [gold], {"answer": gold}, [], {}),
        *(str(gold), f"{gold}.0", f" {gold}", f"{gold} apples", f"{gold - 1}+1", f"int({gold})"),
        *(
            f"{gold}*1",
            f"0x{gold:x}",
            f"1e0*{gold}",
            f"eval('{gold}')",
            f"__import__('os') or {gold}",
        ),
        *(f"<N{gold}>", f"<n{gold}><n{gold}>", f"<n{gold}> ", f"<c{gold}>", f"<n0{gold}>", "<n0>"),
        *(f"<n{gold}>+<n1>", f"<n{gold + 64}>"),
    ):
        yield json.dumps({"working": working, "answer": value})


def not_finite(working: str, gold: float, told: str, rng: random.Random) -> Iterator[str]:
    for value in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "9" * 5000):
        yield f'{{"working": "", "answer": {value}}}'
    for value in (f"0{told}", f"+{told}", f"{told}.", f"{told}e", f"{told}n", f"--{told}"):
        yield f'{{"working": "", "answer": {value}}}'


def several(working: str, gold: float, told: str, rng: random.Random) -> Iterator[str]:
    wrong = gold + rng.randint(1, 9)
    right = f'{{"working": "", "answer": {told}}}'
    other = f'{{"working": "", "answer": {wrong}}}'
    yield right + other
    yield other + right
    yield f"{right}\n{right}"
    yield f"[{right}]"
    yield f"[{other}, {right}]"
    yield f'{{"answer": {wrong}, "answer": {told}}}'
    yield f'{{"answer": {told}, "answer": {wrong}}}'
    yield f'{{"answer": {told}, "answers": [{told}, {wrong}]}}'
    yield f'{{"working": "", "answer": {wrong}, "final answer": {told}}}'
    yield f'{{"working": "", "answer": {told}, "Answer": {told}}}'
    yield f'{{"answer": {told}, "working": "", "working": ""}}'


def around(working: str, gold: float, told: str, rng: random.Random) -> Iterator[str]:
    right = json.dumps({"working": working, "answer": gold})
    yield f"Sure! {right}"
    yield f"{right} That is the answer."
    yield f"{right}."
    yield f"// {right}"
    yield f"```json\n{right}\n```\nDone."
    yield f"<think>{right}</think>"
    yield f"<think></think>{right}{right}"
    yield right[:-1]
    yield right[1:]
    yield right.replace('"', "'")
    yield right.replace(": ", " = ")
    yield "\x00" + right


def in_text(working: str, gold: float, told: str, rng: random.Random) -> Iterator[str]:
    yield from (told, str(gold), f"#### {gold}", f"the answer is {gold}", f"\\boxed{{{gold}}}", "")
    yield json.dumps(str(gold))
    yield f'{{"working": "the answer is {gold}"}}'
    yield f'{{"working": {told}}}'
    yield f'{{"value": {told}}}'
    yield f'{{"Answer": {told}}}'
    yield f'{{"answer ": {told}}}'
    yield f'{{"answer": null, "working": "{gold}"}}'
    yield f'{{"working": ["{working}"], "answer": {told}}}'
    yield f'{{"working": null, "answer": {told}}}'
    yield f'{{"working": 1, "answer": {told}}}'


HACKS: tuple[Hack, ...] = (wrong_numbers, other_types, not_finite, several, around, in_text)


@pytest.mark.parametrize("form", ["compact", "full"])
@pytest.mark.parametrize("hack", HACKS)
def test_nothing_but_the_right_number_is_right(hack: Hack, form: Form) -> None:
    rng = random.Random(4)
    tried = 0
    for example in (e for e in TASK.examples("dev", 24, 6) if e.answer.answer != 1):
        gold = example.answer
        told = f'"<n{gold.answer}>"' if form == "compact" else str(gold.answer)
        assert judged(example, said(gold, form), form)
        for reply in hack(gold.working, gold.answer, told, rng):
            assert not judged(example, reply, form), f"{form}: {reply!r} for {gold.answer}"
            tried += 1
    assert tried >= 60


def test_more_than_three_hundred_hacks_a_form() -> None:
    (example,) = TASK.examples("dev", 1, 6)
    gold, rng = example.answer, random.Random(4)
    each = [r for hack in HACKS for r in hack(gold.working, gold.answer, str(gold.answer), rng)]
    assert len(set(each)) * 20 >= 300
    assert len(set(each)) >= 80


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_an_answer_or_a_clear_refusal(text: str) -> None:
    for form in ("compact", "full"):
        try:
            answer = read(text, form)
        except AnswerError:
            continue
        assert read(said(answer, "full")) == answer


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(json_values, json_values)
@settings(max_examples=300)
def test_any_json_is_right_only_with_the_right_number(working: object, value: object) -> None:
    try:
        answer = read(json.dumps({"working": working, "answer": value}))
    except AnswerError:
        return
    assert isinstance(value, int | float)
    assert not isinstance(value, bool)
    assert score(MathsAnswer(answer=7), answer).right == (value == 7)


# --- what is right -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        '{"working": "3+4=7", "answer": 7}',
        '{"answer": 7, "working": "3+4=7"}',
        '{"answer": 7}',
        ' {"working":"","answer":7.0}\n',
        '```json\n{"working": "3+4=7", "answer": 7}\n```',
        '{"working": "so 7", "answer": 70e-1}',
    ],
)
def test_the_same_number_in_another_dress_is_right(reply: str) -> None:
    judgement = score(MathsAnswer(answer=7), read(reply))
    assert judgement.right
    assert judgement.parts["parses"] == judgement.parts["right"] == 1


def test_handles_are_numbers_in_compact_form_alone() -> None:
    reply = '{"working": "<n3>+<n4>=<n7>", "answer": "<n7>"}'
    assert read(reply, "compact") == MathsAnswer(working="3+4=7", answer=7)
    assert read('{"working": "<n60>+<n9>=69", "answer": 69}', "compact").answer == 69
    with pytest.raises(AnswerError, match="not a JSON object with the answer"):
        read(reply, "full")


def test_no_answer_is_wrong_and_says_so() -> None:
    judgement = score(MathsAnswer(answer=7), None, level=3)
    assert not judgement.right
    assert dict(judgement.parts) == {"parses": 0, "right": 0, "working": 0, "level3": 0}
    assert judgement.note == "no answer"
    assert score(MathsAnswer(answer=7), MathsAnswer(answer=8)).note == "8, not 7"


# --- the working --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("working", "holds"),
    [
        ("7+5=12", [True]),
        ("7+5=13", [False]),
        ("So 7+5 = 12. Then 12 - 3.5 = 8.5.", [True, True]),
        ("7 + 5 = 12, 12 - 3 = 9", [True, True]),
        ("She has 3 * $4 = $12 and 12/5 = 2.4 each", [True, True]),
        ("2+3*4=14, 10-4/2=8", [True, True]),
        ("2+3*4=20", [False]),
        ("1,200+300=1,500", [True]),
        ("10/3=3.33, 10/3=3.34", [True, False]),
        ("10/3=3", [False]),
        ("5/0=5, 0/0=0", [False, False]),
        ("60 x 2 = 120", [True]),
        ("1-2=-1", [True]),
        ("7=7, x=3, half of 8 = 4, 20% of 5 = 1", []),
        ("3+4=7=7", []),
        ("1.5.2+1=3", []),
    ],
)
def test_equations_hold_or_do_not(working: str, holds: list[bool]) -> None:
    assert equations(working) == holds


numbers = st.integers(0, 200)


@given(numbers, st.lists(st.tuples(st.sampled_from("+-*/"), numbers), min_size=1, max_size=4))
@hypothesis.example(2, [("/", 126), ("*", 63)])
@settings(max_examples=300)
def test_an_equation_holds_as_fractions_say(first: int, rest: list[tuple[str, int]]) -> None:
    left = str(first) + "".join(f"{sign}{number}" for sign, number in rest)
    try:
        value = eval(
            "".join(f"Fraction({p})" if p.isdigit() else p for p in _split(left)),
            {"Fraction": Fraction},
        )
    except ZeroDivisionError:
        assert equations(f"{left}=1") == [False]
        return
    if value.denominator == 1:
        assert equations(f"{left}={value}") == [True]
        assert equations(f"{left}={value + 1}") == [False]
    else:
        assert equations(f"{left}={int(value)}") == [False]


def _split(text: str) -> list[str]:
    for sign in "+-*/":
        text = text.replace(sign, f" {sign} ")
    return text.split()


def test_a_working_is_consistent_when_it_has_equations_and_ends_in_the_answer() -> None:
    assert consistent(MathsAnswer(working="7+5=12, 12-3=9", answer=9))
    assert not consistent(MathsAnswer(working="7+5=12, 12-3=9", answer=12))
    assert not consistent(MathsAnswer(working="7+5=11, 12-3=9", answer=9))
    assert not consistent(MathsAnswer(working="", answer=9))
    assert not consistent(MathsAnswer(working="nine", answer=9))
    assert not consistent(MathsAnswer(working="1+1=2, " * 41 + "4+5=9", answer=9))


def test_validate_tells_what_is_wrong_without_gold() -> None:
    told = validate(MathsAnswer(working="7+5=11, 11-3=8", answer=9))
    assert told == ["7+5=11 is false", "the working ends in 8, the answer is 9"]
    assert validate(MathsAnswer(working="", answer=9)) == []
    assert validate(MathsAnswer(working="so 3+4=7 and one more", answer=8)) == []
    (many,) = validate(MathsAnswer(working="1+1=2, " * 41, answer=2))
    assert "41 equations, more than 40" in many


def test_numbers_that_cannot_be_told_exactly_are_refused() -> None:
    for value in (1e300, 10**15, 1e-300, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"digits|reckon"):
            MathsAnswer(answer=value)
    assert MathsAnswer(answer=10**14).answer == 10**14
    assert MathsAnswer(answer=0).answer == 0
    assert MathsAnswer(answer=-0.25).answer == -0.25


@pytest.mark.parametrize("working", ["1" * 5000, "1+" * 2000 + "1=3", "=" * 3000, "1,000," * 800])
def test_long_workings_are_read_in_no_time(working: str) -> None:
    validate(MathsAnswer(working=working, answer=1))
