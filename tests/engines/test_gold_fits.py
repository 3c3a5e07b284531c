"""Every job's gold replies can be said under its own grammar, and are spelled as in training.

A grammar that bars the right answer would make a model wrong however good it is.
"""

from __future__ import annotations

import itertools

import pytest
from transformers import PreTrainedTokenizerFast

from specialists import registry
from specialists.engines.grammar import Grammars
from specialists.engines.text import Text
from specialists.foundation.contracts import Message
from specialists.task import Example
from specialists.workspace.handles import PATTERN
from training import tokenizer as tokenizing

COUNT = 40
SINGLE = ("sentiment", "extraction", "calculation", "planning")


@pytest.fixture(scope="module")
def text() -> Text:
    """A tokenizer as training makes it, with fixed parts of replies as tokens."""
    from specialists.engines.template import call_text, chat_template

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


@pytest.mark.parametrize("name", SINGLE)
def test_gold_replies_fit_their_grammar(name: str, text: Text) -> None:
    grammars = Grammars(text, text.size)
    task = registry.task(name)
    folds = ("train", "templates")
    for example in itertools.chain(*(task.examples(fold, COUNT // 2, 3) for fold in folds)):
        episode = task.begin(example.inputs)
        gold = renamed(example.dialogue[-1].content, example, episode.messages)
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
