"""Generated table questions: deterministic, folds apart, short, and with honest gaps."""

from __future__ import annotations

from specialists.phrasing import held_out
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
