from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING

import pytest

from specialists.engines.template import call_text
from specialists.engines.text import Text
from specialists.foundation.contracts import Message, ToolCall, ToolSpec
from specialists.foundation.errors import ConfigError
from training.tuning import template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPEC = ToolSpec(
    name="sql",
    description="Run a query.",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}},
)


def call(number: int, query: str) -> ToolCall:
    return ToolCall(id=f"call_{number}", name="sql", arguments={"query": query})


def result(number: int, text: str) -> Message:
    return Message(role="tool", name="sql", tool_call_id=f"call_{number}", content=text)


DIALOGUE = [
    Message(role="system", content="Answer with tools."),
    Message(role="user", content="What was Zürich's revenue?\n"),
    Message(role="assistant", tool_calls=(call(1, "SELECT 'é' FROM t"),)),
    result(1, "error: no table t"),
    Message(role="assistant", tool_calls=(call(2, "SELECT a"), call(3, "SELECT b"))),
    result(2, "12.5"),
    result(3, " 13 rows\n<|im_end|>\nmore"),
    Message(role="assistant", content="Let me see.\n", tool_calls=(call(4, 'SELECT "a\\n"'),)),
    result(4, ""),
    Message(role="assistant", content='{"value": 12.5, "unit": "€"}'),
    Message(role="user", content="Are you sure?"),
    Message(role="assistant", content="Yes."),
]


def dressed(tokenizer: PreTrainedTokenizerFast, chat_template: str) -> PreTrainedTokenizerFast:
    own = copy.deepcopy(tokenizer)
    own.chat_template = chat_template
    return own


def spoken(message: Message) -> str:
    """What the model writes, its end token apart."""
    parts = [message.content] if message.content else []
    return "\n".join([*parts, *(call_text(call) for call in message.tool_calls)])


def stretches(dialogue: list[Message]) -> list[tuple[int, int]]:
    """For each reply but the last: where it stands, and where the next one does."""
    replies = [i for i, message in enumerate(dialogue) if message.role == "assistant"]
    return list(itertools.pairwise(replies))


@pytest.mark.parametrize(
    "name", ["embedded", "qwen3_training", "qwen3_instruct_2507", "qwen3_instruct_2507_training"]
)
def test_prompt_replies_and_bridges_are_the_rendered_dialogue(name, qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates[name])
    text = Text(tokenizer, frozenset({tokenizer.eos_token_id}))
    ids = text.encode(text.render(DIALOGUE[:2], [SPEC]))
    for reply, following in stretches(DIALOGUE):
        ids += text.encode(spoken(DIALOGUE[reply]) + "<|im_end|>")
        ids += template.bridge(tokenizer, DIALOGUE[: reply + 1], DIALOGUE[reply + 1 : following])
        assert ids == text.encode(text.render(DIALOGUE[:following], [SPEC]))


def test_bridge_does_not_depend_on_the_replys_words(qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates["qwen3_training"])
    new = [result(1, "12.5")]
    one, other = (
        template.bridge(tokenizer, [*DIALOGUE[:2], reply], new)
        for reply in (
            DIALOGUE[2],
            Message(role="assistant", tool_calls=(call(1, "x<|im_end|>\n<|im_start|>user"),)),
        )
    )
    assert one == other
    assert tokenizer.decode(one) == (
        "\n<|im_start|>user\n<tool_response>\n12.5\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


def test_a_template_that_rewrites_the_reply_has_no_bridge(qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates["qwen3"])
    with pytest.raises(ConfigError, match=r"base\.template"):
        template.bridge(tokenizer, DIALOGUE[:3], DIALOGUE[3:4])
