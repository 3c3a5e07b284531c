"""Every job's gold replies can be said under its own grammar, and are spelled as in training.

A grammar that bars the right answer would make a model wrong however good it is.
"""

from __future__ import annotations

from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from specialists import registry
from specialists.engines.grammar import Grammars
from specialists.engines.template import call_text, chat_template
from specialists.engines.text import Text
from specialists.foundation.contracts import Message, ToolCall
from specialists.table_qa.dialogue import CompactEpisode
from specialists.task import Episode, Example
from specialists.workspace.handles import PATTERN
from specialists.workspace.tools import ToolResult
from training import tokenizer as tokenizing

COUNT = 20
SINGLE = ("sentiment", "extraction", "calculation", "planning")


@pytest.fixture(scope="module")
def text() -> Text:
    """A tokenizer as training makes it, with fixed parts of replies as tokens."""
    replies = [
        "\n".join([m.content, *map(call_text, m.tool_calls)])
        for name in registry.TASKS
        for example in registry.task(name).examples("train", 30, 1)
        for m in example.dialogue
        if m.role == "assistant"
    ]
    fixed = tokenizing.mine_scaffolding(replies, at_least=5, limit=40)
    assert fixed
    made: PreTrainedTokenizerFast = tokenizing.train(
        replies, vocabulary=1400, scaffolding=fixed, chat_template=chat_template()
    )
    return Text(made, frozenset({made.eos_token_id}))


def renamed(reply: str, example: Example[object, object], messages: list[Message]) -> str:
    """A gold reply in the handles of another numbering of the same prompt."""
    old, new = (
        [m[0] for m in PATTERN.finditer(" ".join(t.content for t in turns))]
        for turns in (example.dialogue[: len(messages)], messages)
    )
    assert len(old) == len(new)
    names = dict(zip(old, new, strict=True))
    return PATTERN.sub(lambda m: names[m[0]], reply)


def check(grammars: Grammars, text: Text, episode: Episode[Any], gold: str) -> None:
    """Walk a gold reply through its grammar, token by token."""
    hold = grammars.hold(episode.tools(), episode.schema())
    assert hold is not None
    trained, said = text.encode(gold), list[int]()
    while not hold.done:
        said += hold.forced(said)
        assert trained[: len(said)] == said, (gold, text.decode(said))
        if len(said) == len(trained):
            break
        token = trained[len(said)]
        assert token in hold.allowed(), (gold, text.decode(said), text.decode([token]))
        hold.accept(token)
        said.append(token)
    assert said == trained
    assert text.ends & set(hold.allowed().tolist())


@pytest.mark.parametrize("name", SINGLE)
def test_gold_replies_fit_their_grammar(name: str, text: Text) -> None:
    grammars = Grammars(text, text.size)
    task = registry.task(name)
    for fold in ("train", "templates"):
        for example in task.examples(fold, COUNT, 3):
            episode = task.begin(example.inputs)
            gold = renamed(example.dialogue[-1].content, example, episode.messages)
            check(grammars, text, episode, gold)


def test_gold_calls_fit_their_grammar(text: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of gold table dialogues, each under the grammar of its turn."""
    grammars = Grammars(text, text.size)
    observe = CompactEpisode.observe
    seen: list[CompactEpisode] = []

    def checked(episode: CompactEpisode, call: ToolCall, result: ToolResult) -> Message:
        check(grammars, text, episode, call_text(call))
        seen.append(episode)
        return observe(episode, call, result)

    monkeypatch.setattr(CompactEpisode, "observe", checked)
    for example in registry.task("table_qa").examples("templates", COUNT, 3):
        check(grammars, text, seen[-1], example.dialogue[-1].content)
    assert len(seen) > COUNT
