from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING

import pytest

from specialists.engines.template import call_text, to_chat
from specialists.engines.text import Text
from specialists.foundation.contracts import Message, ToolCall, ToolSpec
from specialists.foundation.errors import ConfigError
from training.tuning import template
from training.tuning.recipe import BaseSection

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
    "name",
    [
        "embedded",
        "qwen3_training",
        "qwen3_instruct_2507",
        "qwen3_instruct_2507_training",
        "ours/qwen3",
        "ours/qwen3_instruct_2507",
    ],
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


# --- which template -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "ours"),
    [("qwen3", "qwen3.jinja"), ("qwen3_instruct_2507", "qwen3_instruct_2507.jinja")],
)
def test_training_form_of_a_hub_base_is_ours(original, ours, qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates[original])
    made = template.prepare(tokenizer, BaseSection(template="training"))
    assert made.chat_template == (template.FOLDER / ours).read_text(encoding="utf-8")
    assert tokenizer.chat_template == templates[original]  # the one given is left as it was
    again = template.prepare(made, BaseSection(template="training"))
    assert again.chat_template == made.chat_template
    template.check(made, turns=True, tools=True)


@pytest.mark.parametrize("name", ["qwen3", "qwen3_instruct_2507"])
def test_ours_render_what_trls_forms_render(name, qwen_tokenizer, templates):
    """Token for token: another text would be another model's."""
    ours = template.prepare(
        dressed(qwen_tokenizer, templates[name]), BaseSection(template="training")
    )
    theirs = dressed(qwen_tokenizer, templates[f"{name}_training"])
    said = [m.model_copy(update={"content": m.content.strip()}) for m in DIALOGUE]
    for dialogue in (said, said[1:3], said[:2]):
        for tools in ([SPEC], []):
            for prompt in (True, False):
                texts = [
                    Text(t, frozenset({t.eos_token_id})).render(dialogue, tools, prompt=prompt)
                    for t in (ours, theirs)
                ]
                assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["qwen3", "qwen3_instruct_2507"])
def test_only_what_the_model_writes_is_learned(name, qwen_tokenizer, templates):
    ours = template.prepare(
        dressed(qwen_tokenizer, templates[name]), BaseSection(template="training")
    )
    out = ours.apply_chat_template(
        to_chat(DIALOGUE),
        tools=[SPEC.openai()],
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    marked = zip(out["input_ids"], out["assistant_masks"], strict=True)
    learned = ours.decode([token for token, mine in marked if mine])
    written = [spoken(m) + "<|im_end|>" for m in DIALOGUE if m.role == "assistant"]
    assert learned == "".join(written)


def test_a_reply_that_thinks_stands_as_it_was_said(qwen_tokenizer, templates):
    """Where TRL's form takes a reply apart, ours does not."""
    reply = Message(role="assistant", content="\n<think>\nno\n</think>12.5")
    ours = template.prepare(
        dressed(qwen_tokenizer, templates["qwen3"]), BaseSection(template="training")
    )
    for tokenizer, kept in ((ours, True), (dressed(ours, templates["qwen3_training"]), False)):
        whole = Text(tokenizer, frozenset()).render([*DIALOGUE[:2], reply], prompt=False)
        assert (reply.content in whole) == kept


def test_a_template_without_a_form_for_training_is_refused(qwen_tokenizer, templates):
    strange = dressed(qwen_tokenizer, templates["qwen3"].replace("# Tools", "# My tools"))
    with pytest.raises(ConfigError, match=r"chat_template\.jinja"):
        template.prepare(strange, BaseSection(name="mine", template="training"))
    with pytest.raises(ConfigError, match="mine has no chat template"):
        template.prepare(dressed(qwen_tokenizer, ""), BaseSection(name="mine"))
    assert template.prepare(strange, BaseSection()) is strange


# --- is it fit ----------------------------------------------------------------------------------


def test_the_embedded_base_is_fit(qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates["embedded"])
    template.check(tokenizer, turns=True, tools=True, listed=False)
    with pytest.raises(ConfigError, match="the list of tools"):
        template.check(tokenizer, turns=True, tools=True)


@pytest.mark.parametrize("name", ["qwen3_training", "qwen3_instruct_2507_training"])
def test_trls_forms_are_fit_as_a_bases_own(name, qwen_tokenizer, templates):
    template.check(dressed(qwen_tokenizer, templates[name]), turns=True, tools=True)


def test_qwen3s_own_template_breaks_the_turn_before(qwen_tokenizer, templates):
    """Serving opens the turn with an empty think block, which the history then lacks."""
    with pytest.raises(ConfigError) as caught:
        template.check(dressed(qwen_tokenizer, templates["qwen3"]), turns=True, tools=True)
    said = str(caught.value)
    assert "turn 3, the model's" in said
    assert r"'<think>\n\n</think>" in said
    assert 'base.template = "training"' in said


def test_one_turn_of_qwen3_lacks_only_marks(qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates["qwen3"])
    template.check(tokenizer, turns=False, tools=False, marks=False)
    with pytest.raises(ConfigError, match="generation"):
        template.check(tokenizer, turns=False, tools=False)


BARE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}<|im_end|>"
    "{% endgeneration %}{% else %}{{ message.content }}<|im_end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_template_that_swallows_calls_is_refused(qwen_tokenizer):
    tokenizer = dressed(qwen_tokenizer, BARE)
    template.check(tokenizer, turns=True, tools=False)
    with pytest.raises(ConfigError, match="leaves out a call's name and a call's arguments"):
        template.check(tokenizer, turns=True, tools=True)


@pytest.mark.parametrize(
    ("chat_template", "said"),
    [
        (BARE.replace("<|im_end|>", ""), "nothing follows it"),
        (BARE.replace("<|im_end|>", "<|endoftext|>"), r"it writes '<\|endoftext\|>'"),
        (
            BARE.replace("<|im_end|>{% endgeneration %}", "{% endgeneration %}<|im_end|>"),
            "its end token too",
        ),
        ("{{ raise_exception('no system here') }}", "no system here"),
        (BARE.replace("{{ message.content }}", "{{ message.content | upper }}", 1), "12.5"),
    ],
)
def test_unfit_templates_say_how(chat_template, said, qwen_tokenizer):
    tokenizer = dressed(qwen_tokenizer, chat_template)
    if "upper" in chat_template:  # digits have no case: only words show it
        template.check(tokenizer, turns=False, tools=False)
        with pytest.raises(ConfigError, match="turn 5"):
            template.check(tokenizer, turns=True, tools=False)
        return
    with pytest.raises(ConfigError, match=said):
        template.check(tokenizer, turns=False, tools=False)


def test_a_tokenizer_without_an_end_is_refused(qwen_tokenizer, templates):
    tokenizer = dressed(qwen_tokenizer, templates["embedded"])
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="eos_token"):
        template.check(tokenizer, turns=False, tools=False)
