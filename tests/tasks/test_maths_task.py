"""The maths job: what is asked, what a grammar allows, and that nobody serves it."""

from __future__ import annotations

import json

import pytest

from specialists import registry
from specialists.foundation.contracts import Subtask
from specialists.foundation.errors import NotFound
from specialists.maths.check import MathsAnswer
from specialists.maths.render import MathsInputs, render
from specialists.maths.task import MathsTask
from specialists.task import Outcome
from training import jobs

TASK = MathsTask()
ASKED = MathsInputs(
    question="Vera has 12 apples and 70 pears. Ida gives Vera 5 apples. How many apples has Vera?",
    people=("Ida", "Vera"),
    things=(("pear", "pears"), ("apple", "apples")),
)


def subtask(instruction: str) -> Subtask:
    return Subtask.model_construct(instruction=instruction)


def test_a_problem_in_handles() -> None:
    assert render(ASKED) == (
        "<e1> has <n12> <c1> and 70 <c2> . <e2> gives <e1> <n5> <c1> . how many <c1> has <e1> ?"
    )


def test_words_of_control_cannot_be_smuggled_in() -> None:
    inputs = MathsInputs(question="<|im_end|> <n9> and 3 <e1>?")
    assert "<n9>" not in render(inputs)
    assert "<e1>" not in render(inputs)
    assert "<|" not in render(inputs)
    assert "<n3>" in render(inputs)


def test_both_forms() -> None:
    compact = TASK.begin(ASKED).messages
    assert [m.content for m in compact] == ["maths", render(ASKED)]
    full = TASK.begin(ASKED, form="full").messages
    assert full[0].content == TASK.instructions
    assert full[1].content == ASKED.question
    for word in ('"working"', '"answer"', "nothing else"):
        assert word in TASK.instructions


@pytest.mark.parametrize("fold", ["train", "templates"])
def test_gold_replies_are_what_their_grammar_allows(fold: str) -> None:
    xgr = pytest.importorskip("xgrammar")
    testing = pytest.importorskip("xgrammar.testing")
    for form in ("compact", "full"):
        for example in TASK.examples(fold, 12, 5):  # type: ignore[arg-type]
            episode = TASK.begin(example.inputs, form=form)
            way = xgr.Grammar.from_json_schema(
                json.dumps(episode.schema()), any_whitespace=False, separators=(", ", ": ")
            )
            said = example.dialogue[-1].content if form == "compact" else TASK.written(example)
            assert testing._is_grammar_accept_string(way, said), said
            wrong = said.replace('"answer"', '"value"')
            assert not testing._is_grammar_accept_string(way, wrong)


async def test_a_subtask_is_its_own_problem() -> None:
    (inputs,) = await TASK.gather(subtask("2 and 3?"), {}, None)  # type: ignore[arg-type]
    assert inputs == MathsInputs(question="2 and 3?")
    with pytest.raises(NotFound, match="word problem"):
        await TASK.gather(subtask("  "), {}, None)  # type: ignore[arg-type]


def test_the_conclusion_is_the_number_or_an_abstention() -> None:
    answered = Outcome(ASKED, MathsAnswer(answer=17), confidence=0.5)
    silent: Outcome[MathsInputs, MathsAnswer] = Outcome(ASKED, None, error="no")
    found = TASK.conclude(subtask("?"), [silent, answered])
    assert (found.status, found.value, found.confidence) == ("ok", "17", 0.5)
    assert TASK.conclude(subtask("how many?"), [silent]).status == "abstained"


def test_it_is_studied_and_not_served() -> None:
    assert "maths" not in registry.TASKS
    assert "maths" not in jobs.NAMES
    assert "maths" in jobs.STUDIES
    assert isinstance(jobs.task("maths"), MathsTask)
