"""Generated word problems: gold holds, folds share nothing, levels are what they say."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.foundation.errors import ConfigError
from specialists.maths import cast, frames
from specialists.maths.check import MathsAnswer, equations
from specialists.maths.examples import LEVELS
from specialists.maths.render import LARGEST, MathsInputs, in_digits, in_handles
from specialists.maths.task import MathsTask
from specialists.task import Example, Fold, Form

TASK = MathsTask()
FOLDS: tuple[Fold, ...] = get_args(Fold)
STEPS = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3}
Solved = Example[MathsInputs, MathsAnswer]


@cache
def drawn(fold: Fold) -> tuple[Solved, ...]:
    return tuple(TASK.examples(fold, 600, 3))


@pytest.mark.parametrize("fold", FOLDS)
def test_gold_passes_its_own_check_in_both_forms(fold: Fold) -> None:
    for example in drawn(fold):
        replies: dict[Form, str] = {
            "compact": example.dialogue[-1].content,
            "full": TASK.written(example),
        }
        for form, reply in replies.items():
            answer = TASK.begin(example.inputs, form=form).answer(reply)
            score = TASK.score(example, answer)
            assert score.right, f"{example.id} {form}: {score.note}"
            assert score.parts["working"] == 1, f"{example.id} {form}: {reply}"
            assert TASK.validate(example.inputs, answer, ()) == []


def test_folds_share_no_name_no_thing_and_no_frame() -> None:
    told = {fold: drawn(fold) for fold in FOLDS}
    people = {f: {p for e in told[f] for p in e.inputs.people} for f in FOLDS}
    things = {f: {t for e in told[f] for t in e.inputs.things} for f in FOLDS}
    clauses = {f: {c for e in told[f] for c in e.template.split("+")} for f in FOLDS}
    for known in ("train", "dev"):
        for held in ("companies", "templates"):
            assert people[known].isdisjoint(people[held])
            assert things[known].isdisjoint(things[held])
        assert clauses[known].isdisjoint(clauses["templates"])
    assert clauses["companies"].isdisjoint(clauses["templates"])
    assert len(people["companies"]) >= 40
    questions = [{e.inputs.question for e in told[fold]} for fold in FOLDS]
    assert len(set.union(*questions)) == sum(map(len, questions))


def test_every_grammar_holds_some_clauses_out_and_each_level_has_dozens_of_frames() -> None:
    for grammar in frames.GRAMMARS:
        assert len(grammar.pool("train")) >= 12, grammar.name
        assert len(grammar.pool("templates")) >= 2, grammar.name
    told: defaultdict[int, set[str]] = defaultdict(set)
    for example in drawn("train"):
        told[example.inputs.level].add(example.template)
    assert all(len(told[level]) >= 36 for level in LEVELS), {k: len(v) for k, v in told.items()}


@pytest.mark.parametrize("fold", ["train", "templates"])
def test_levels_have_their_steps_and_their_numbers(fold: Fold) -> None:
    for example in drawn(fold):
        level, working = example.inputs.level, example.answer.working
        assert working.count("=") == STEPS[level], working
        numbers = [int(n) for n in re.findall(r"\d+", f"{example.inputs.question} {working}")]
        assert min(numbers) >= 1
        assert max(numbers) <= LARGEST
        if level == 1:
            assert max(numbers) <= 18
        if level <= 2:
            assert re.search("[*/]", working) is None
        if level == 3:
            assert re.search("[*/]", working) is not None


def test_some_numbers_stand_by() -> None:
    asides = [e for e in drawn("train") if "aside:" in e.template]
    assert {e.inputs.level for e in asides} == {5, 6}
    assert len(asides) > 30
    assert all(e.template.split("+")[-1].startswith("aside") is False for e in asides)


def test_every_number_of_the_working_is_given_or_reckoned() -> None:
    loose = 0
    for example in drawn("train"):
        known = set(re.findall(r"\d+", example.inputs.question))
        for step in example.answer.working.split(", "):
            left, result = step.split("=")
            loose += not set(re.findall(r"\d+", left)) <= known
            known.add(result)
    leftovers = sum(e.template.startswith("leftover") for e in drawn("train"))
    assert loose <= leftovers * 2  # how often it goes into it is found by trying


def test_what_a_small_model_reads_has_no_names_and_no_digits() -> None:
    for example in drawn("companies"):
        asked, reply = (m.content for m in example.dialogue[1:])
        assert not re.search(r"\d", re.sub(r"<[nec]\d+>", "", asked)), asked
        assert not re.search(r"\d", re.sub(r"<n\d+>", "", reply)), reply
        for name in example.inputs.people:
            assert not re.search(rf"\b{name}\b", asked, re.IGNORECASE)
        assert asked == asked.lower()
        assert " ?" in asked or " ." in asked


def test_sliced_by_level() -> None:
    assert TASK.slices == ("1", "2", "3", "4", "5", "6")
    for name in TASK.slices:
        part = TASK.sliced(name)
        made = list(part.examples("dev", 40, 8))
        assert {e.inputs.level for e in made} == {int(name)}
        for example in made:
            assert part.score(example, example.answer).parts[f"level{name}"] == 1
    with pytest.raises(ConfigError, match="no slice '7'"):
        TASK.sliced("7")


@given(st.integers(0, 10**6), st.sampled_from(FOLDS), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_deterministic_and_true_for_any_seed(seed: int, fold: Fold, count: int) -> None:
    first = list(TASK.examples(fold, count, seed))
    assert len(first) == count
    assert first == list(TASK.examples(fold, count, seed))
    longer = list(TASK.examples(fold, count + 5, seed))
    assert longer[:count] == first
    for example in first:
        assert all(equations(example.answer.working))
        assert eval(example.answer.working.rpartition(", ")[2].split("=")[0]) == (
            example.answer.answer
        )


def test_pools_are_large_enough_to_watch_and_to_test_on() -> None:
    assert len(cast.people("train")) >= 120
    assert len(cast.people("heldout")) >= 60
    assert len(cast.things("heldout")) >= 25
    pooled = [p.name for pool in ("train", "heldout") for p in cast.people(pool)]
    assert len(pooled) == len(set(pooled))
    forms = [f for pool in ("train", "heldout") for t in cast.things(pool) for f in (t.one, t.many)]
    assert len(forms) == len(set(forms))


@given(st.text("0123456789 +-*/=,.<>nx", max_size=40))
def test_handles_of_numbers_are_their_values(text: str) -> None:
    plain = text.replace("<", "").replace(">", "")
    assert in_digits(in_handles(plain)) == plain
    assert in_handles(in_handles(plain)) == in_handles(plain)


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("7+5=12", "<n7>+<n5>=<n12>"),
        ("64+1=65", "<n64>+<n1>=65"),
        ("1,200 and 3.5 and 0", "1,200 and 3.5 and 0"),
        ("12.", "<n12>."),
        ("3, 4", "<n3>, <n4>"),
        ("100/4", "100/<n4>"),
        ("x7 7x", "x7 7x"),
    ],
)
def test_only_small_whole_numbers_have_handles(text: str, handles: str) -> None:
    assert in_handles(text) == handles
    assert in_digits(handles) == text


def test_handles_that_there_are_not_mean_nothing() -> None:
    assert in_digits("<n0> <n65> <n99> <n007> <c3>") == "<n0> <n65> <n99> <n007> <c3>"
