"""Full-form gold: what hub bases learn from passes each job's own check."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from specialists.engines.template import parse_reply
from specialists.foundation.errors import AnswerError, InputError
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox
from training import jobs
from training.tuning import demonstrated

SINGLE = ("sentiment", "extraction", "calculation", "planning")


def silent(_: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("name", SINGLE)
async def test_gold_in_full_form_is_right(name):
    task = jobs.task(name)
    examples = list(task.examples("train", 60, 4))
    told: list[str] = []
    dialogues = await demonstrated.gold(task, examples, told.append)
    assert len(dialogues) >= 50 if name == "planning" else len(dialogues) == 60
    assert bool(told) == (len(dialogues) < 60)
    for dialogue in dialogues:
        system, user, reply = dialogue.messages
        assert system.content == task.instructions
        assert user.role == "user"
        assert reply.role == "assistant"
        assert json.loads(reply.content) is not None
        assert dialogue.tools == ()
    if not told:  # the order is kept, and each is the very answer of its example
        for example, dialogue in zip(examples, dialogues, strict=True):
            episode = task.begin(example.inputs, form="full")
            assert tuple(episode.messages) == dialogue.messages[:-1]
            assert task.score(example, episode.answer(dialogue.messages[-1].content)).right


async def test_table_questions_are_worked_on_the_real_tools():
    """Every call is one the toolbox takes, every observation the toolbox's own."""
    task = jobs.task("table_qa")
    examples = list(task.examples("train", 40, 4))
    told: list[str] = []
    dialogues = await demonstrated.gold(task, examples, told.append)
    assert not told
    sandbox = Sandbox()
    for example, dialogue in zip(examples, dialogues, strict=True):
        assert [spec.name for spec in dialogue.tools] == list(task.tool_names)
        tools = Toolbox(example.inputs.snapshot, sandbox)
        episode = task.begin(example.inputs, form="full")
        assert tuple(episode.messages) == dialogue.messages[:2]
        assert dialogue.messages[2].tool_calls[0].name == "list_tables"
        for said, seen in zip(dialogue.messages[2:-1:2], dialogue.messages[3:-1:2], strict=True):
            (call,) = said.tool_calls
            result = await tools.call(call.name, call.arguments)
            if "longer than it may" in seen.content:
                continue
            assert episode.observe(call, result) == seen
        answer = episode.answer(dialogue.messages[-1].content)
        assert task.score(example, answer).right
        if example.answer.value is not None:
            assert answer.evidence
    await sandbox.aclose()


async def test_slow_queries_and_wrong_tables_are_kept():
    task = jobs.task("table_qa")
    examples = [
        e
        for e in task.examples("train", 300, 4)
        if any("longer than it may" in m.content for m in e.dialogue)
    ][:2]
    assert examples
    for dialogue in await demonstrated.gold(task, examples, silent):
        late = [i for i, m in enumerate(dialogue.messages) if "longer than it may" in m.content]
        assert late
        again = dialogue.messages[late[0] + 1].tool_calls[0]
        assert again.arguments == dialogue.messages[late[0] - 1].tool_calls[0].arguments


async def test_compact_form_is_what_examples_carry():
    task = jobs.task("table_qa")
    examples = list(task.examples("train", 3, 4))
    dialogues = await demonstrated.gold(task, examples, silent, form="compact")
    assert [d.messages for d in dialogues] == [e.dialogue for e in examples]


async def test_gold_that_fails_its_own_check_is_refused():
    task = jobs.task("sentiment")
    good, bad = list(task.examples("train", 2, 4))
    other = "negative" if bad.answer.sentiment == "positive" else "positive"
    wrong = bad.dialogue[-1].model_copy(update={"content": json.dumps({"sentiment": other})})
    bad = replace(bad, dialogue=(*bad.dialogue[:-1], wrong))
    with pytest.raises(InputError) as caught:
        await demonstrated.gold(task, [good, bad], silent)
    assert bad.id in str(caught.value)
    assert f'gold says {{"sentiment": "{other}"}}' in str(caught.value)
    assert f"{other}, not {bad.answer.sentiment}" in str(caught.value)


async def test_answers_without_dialogues_are_left_out():
    task = jobs.task("table_qa")
    (example,) = task.examples("train", 1, 4)
    bare = replace(example, dialogue=example.dialogue[:2], calls=())
    told: list[str] = []
    for form in ("compact", "full"):
        dialogues = await demonstrated.gold(task, [bare, example], told.append, form=form)
        assert len(dialogues) == 1
        assert await demonstrated.gold(task, [bare], silent, form=form) == []
    assert "1 of 2 table_qa examples have an answer and no dialogue" in told[0]


async def test_many_that_cannot_be_shown_stop_the_run():
    task = jobs.task("table_qa")
    found = next(e for e in task.examples("train", 40, 4) if e.answer.value is not None)
    other = next(
        e for e in task.examples("train", 40, 9) if e.answer.value not in (None, found.answer.value)
    )
    swapped = replace(found, answer=other.answer)
    with pytest.raises(InputError, match="1 of 1 table_qa examples cannot be shown"):
        await demonstrated.gold(task, [swapped], silent)
    with pytest.raises(AnswerError, match="no tools were given"):
        await task.demonstrate(found)


async def test_a_demonstrated_reply_is_what_the_engine_would_read():
    """Text → reply → text: nothing is lost on the way through the template's own parser."""
    task = jobs.task("table_qa")
    (dialogue,) = await demonstrated.gold(task, list(task.examples("train", 1, 4)), silent)
    assert parse_reply(dialogue.messages[-1].content) == dialogue.messages[-1]
