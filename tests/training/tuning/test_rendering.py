"""What is learned from is, token for token, what serving sends and what the model should answer."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from transformers import AutoTokenizer

from specialists.engines.text import Text
from specialists.foundation.contracts import Message, ToolCall, ToolSpec
from specialists.foundation.errors import ConfigError
from specialists.weights import WEIGHTS
from training import corpus, jobs
from training.tuning.dialogues import Dialogue
from training.tuning.rendering import IGNORED, render, render_all, windows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPEC = ToolSpec(
    name="sql",
    description="Runs a query.",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}},
)
TALK = Dialogue(
    (
        Message(role="system", content="You answer a question about tables with tools."),
        Message(role="user", content="What was revenue in 2022?"),
        Message(
            role="assistant",
            tool_calls=(ToolCall(id="1", name="sql", arguments={"query": "SELECT revenue"}),),
        ),
        Message(role="tool", content="<|im_end|> 12.5", tool_call_id="1", name="sql"),
        Message(role="assistant", content='{"value": 12.5}'),
    ),
    (SPEC,),
)


@pytest.fixture(scope="module")
def embedded() -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(WEIGHTS / "base")


def serving(tokenizer: PreTrainedTokenizerFast) -> Text:
    end = tokenizer.eos_token_id
    assert isinstance(end, int)
    return Text(tokenizer, frozenset({end}))


def assert_as_served(tokenizer: PreTrainedTokenizerFast, dialogue: Dialogue) -> None:
    """Each reply stands behind exactly the tokens that serving would have sent for it, and is the
    reply's own tokens and its end."""
    text, made = serving(tokenizer), render(tokenizer, dialogue)
    turns = [i for i, m in enumerate(dialogue.messages) if m.role == "assistant"]
    assert len(turns) == len(made.replies)
    for turn, (begin, end) in zip(turns, made.replies, strict=True):
        sent = text.encode(text.render(dialogue.messages[:turn], dialogue.tools))
        assert made.ids[:begin] == sent
        assert made.ids[end - 1] == tokenizer.eos_token_id
        whole = text.render(dialogue.messages[: turn + 1], dialogue.tools, prompt=False)
        assert tokenizer.decode(made.ids[:end]) == whole.removesuffix("\n")


@pytest.mark.parametrize("job", jobs.NAMES)
def test_the_jobs_dialogues_are_as_serving_sends_them(
    job: str, embedded: PreTrainedTokenizerFast
) -> None:
    for example in itertools.islice(jobs.task(job).examples("train", 30, 4), 30):
        dialogue = Dialogue(example.dialogue)
        assert_as_served(embedded, dialogue)
        made = render(embedded, dialogue)
        ids, mask = corpus.render(embedded, example.dialogue)
        assert made.ids == ids[: len(made)], "the base learned from the same tokens"
        assert [label != IGNORED for label in made.labels] == [m == 1 for m in mask[: len(made)]]


def test_training_templates_of_hub_bases_render_tools_as_serving_does(
    qwen_tokenizer: PreTrainedTokenizerFast, templates: dict[str, str]
) -> None:
    for name in ("qwen3_training", "qwen3_instruct_2507_training"):
        qwen_tokenizer.chat_template = templates[name]
        assert_as_served(qwen_tokenizer, TALK)
        shown = qwen_tokenizer.decode(render(qwen_tokenizer, TALK).ids)
        assert SPEC.description in shown


def test_trl_renders_the_same_tokens(
    qwen_tokenizer: PreTrainedTokenizerFast, templates: dict[str, str]
) -> None:
    from trl.data_utils import _tokenize

    from specialists.engines.template import to_chat

    qwen_tokenizer.chat_template = templates["qwen3_instruct_2507_training"]
    theirs = _tokenize(
        qwen_tokenizer,
        to_chat(TALK.messages),
        tools=[SPEC.openai()],
        return_assistant_tokens_mask=True,
    )
    made = render(qwen_tokenizer, TALK)
    assert theirs["input_ids"][: len(made)] == made.ids
    for at, (label, mask) in enumerate(zip(made.labels, theirs["assistant_masks"], strict=False)):
        if (label != IGNORED) != (mask == 1):  # TRL also learns the line feed that nobody samples
            assert made.ids[at - 1] == qwen_tokenizer.eos_token_id
            assert qwen_tokenizer.decode([made.ids[at]]) == "\n"


def test_a_text_cannot_end_its_own_turn(embedded: PreTrainedTokenizerFast) -> None:
    made = render(embedded, TALK)
    assert made.ids.count(int(str(embedded.eos_token_id))) == len(TALK.messages)


def test_a_template_that_changes_earlier_turns_is_refused(
    qwen_tokenizer: PreTrainedTokenizerFast, templates: dict[str, str]
) -> None:
    qwen_tokenizer.chat_template = templates["qwen3"]
    with pytest.raises(ConfigError, match=r'base\.template = "training"'):
        render(qwen_tokenizer, TALK)


def test_a_dialogue_without_a_reply_is_refused(embedded: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ConfigError, match="without a reply"):
        render(embedded, Dialogue(TALK.messages[:2]))


def test_long_dialogues_are_counted_and_none_is_cut(embedded: PreTrainedTokenizerFast) -> None:
    short = Dialogue((*TALK.messages[:2], Message(role="assistant", content="12.5")))
    length = len(render(embedded, short))
    kept, left_out = render_all(embedded, [short, TALK, short], length)
    assert left_out == 1
    assert [len(each) for each in kept] == [length, length]


def test_windows_hold_each_once_and_no_more_than_they_may() -> None:
    lengths = [5, 900, 7, 300, 300, 20]
    found = windows(lengths, 600)
    assert sorted(itertools.chain.from_iterable(found)) == list(range(6))
    assert all(len(w) == 1 or sum(lengths[i] for i in w) <= 600 for w in found)


def test_nothing_of_this_machine_is_needed(tmp_path: Path, embedded) -> None:
    embedded.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert render(again, TALK).ids == render(embedded, TALK).ids
