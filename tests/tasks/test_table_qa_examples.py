"""Generated table questions: deterministic, folds apart, short, and with honest gaps."""

from __future__ import annotations

import pytest

from specialists.foundation.errors import ConfigError
from specialists.phrasing import held_out
from specialists.table_qa.examples import queried
from specialists.table_qa.frames import KINDS
from specialists.table_qa.task import TableTask

TASK = TableTask()


def test_the_same_seed_gives_the_same_examples() -> None:
    first, again = (list(TASK.examples("train", 40, 8)) for _ in range(2))
    assert [e.dialogue for e in first] == [e.dialogue for e in again]
    assert [e.inputs.question for e in first] != [
        e.inputs.question for e in TASK.examples("train", 40, 9)
    ]


def test_folds_share_neither_companies_nor_templates() -> None:
    trained = list(TASK.examples("train", 300, 1))
    apart = list(TASK.examples("templates", 300, 1))
    known = list(TASK.examples("companies", 100, 1))
    companies = {c.name for e in trained for c in e.inputs.catalogue.companies}
    for fold in (apart, known):
        assert not companies & {c.name for e in fold for c in e.inputs.catalogue.companies}
    assert not {e.template for e in trained} & {e.template for e in apart}
    assert {e.template.split(":")[0] for e in trained} == set(KINDS)


def test_there_are_hundreds_of_frames_and_the_planners_own_are_trained() -> None:
    templates = [t for k in KINDS.values() for t in k.templates]
    assert len(templates) > 400
    assert all(k.pool("templates") for k in KINDS.values())
    plans = [t for t in templates if t.strip() == "{plan}"]
    assert plans
    assert not any(held_out(t) for t in plans)


def test_dialogues_are_short_and_some_questions_have_no_answer() -> None:
    examples = list(TASK.examples("train", 300, 4))
    words = sorted(
        sum(
            len(m.content.split())
            + sum(len(str(v).split()) + 4 for c in m.tool_calls for v in c.arguments.values())
            for m in e.dialogue
        )
        for e in examples
    )
    assert words[len(words) // 2] < 90
    assert words[-1] < 200
    missing = sum(e.answer.value is None for e in examples) / len(examples)
    assert 0.03 < missing < 0.25


@pytest.mark.parametrize(("name", "fewest", "most"), [("one", 1, 1), ("several", 2, 9)])
def test_a_slice_holds_the_questions_of_so_many_tables(name: str, fewest: int, most: int) -> None:
    for fold in ("train", "templates"):
        examples = list(TASK.sliced(name).examples(fold, 150, 3))
        assert len({e.id for e in examples}) == 150
        for example in examples:
            assert fewest <= len(queried(example.dialogue)) <= most
            assert example.answer.value is not None
            assert TASK.score(example, example.answer).right
            assert len(example.dialogue) <= 2 + 2 * TASK.max_turns


def test_a_slice_is_deterministic_and_leaves_the_job_as_it_is() -> None:
    several = TASK.sliced("several")
    first, again = (list(several.examples("dev", 30, 8)) for _ in range(2))
    assert [e.dialogue for e in first] == [e.dialogue for e in again]
    assert several.name == TASK.name
    assert TASK.slice == ""
    assert any(len(queried(e.dialogue)) < 2 for e in TASK.examples("dev", 30, 8))
    companies = {c.name for e in first for c in e.inputs.catalogue.companies}
    apart = several.examples("companies", 60, 8)
    assert not companies & {c.name for e in apart for c in e.inputs.catalogue.companies}


def test_an_unknown_slice_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match="no slice 'two': it has one, several"):
        TASK.sliced("two")
