# pyright: basic
"""Chat templates under training: which one, whether it is fit, and what stands between replies.

What is trained must be what is served. So everything here renders through the engines' own
``Text.render``, and a template that is not the base's own is saved with the adapter
(``chat_template.jinja``), from where serving takes it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from specialists.engines.template import call_text, to_chat
from specialists.engines.text import Text
from specialists.foundation.contracts import Message, ToolCall, ToolSpec
from specialists.foundation.errors import ConfigError
from training.tuning.recipe import BaseSection

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

T = TypeVar("T", bound="PreTrainedTokenizerFast")

FOLDER = Path(__file__).with_name("templates")
"""Our own forms for training, by the name under which TRL ships the original."""
RIGHT = 'base.template = "training" keeps every turn, or take a template that does'
AROUND = 40
"""Characters shown before and after the place where two renderings part."""


# --- which template -----------------------------------------------------------------------------


def prepare(tokenizer: T, base: BaseSection) -> T:
    """The tokenizer with the chat template that a recipe's base section asks for.

    ``training`` means our own form of the base's template where there is one (``templates/``), else
    TRL's. Ours differ from TRL's in what is learned: only what the model itself writes, not the
    empty think block that every prompt of Qwen3 already ends with.

    Raises:
        ConfigError: the base has no chat template, or none is known for training with it.
    """
    original = _default(tokenizer.chat_template)
    if not original:
        raise ConfigError(
            f"the base {base.name} has no chat template; take a model tuned to dialogues, or put a "
            "chat_template.jinja into its folder"
        )
    if base.template == "own":
        return tokenizer
    dressed = copy.copy(tokenizer)
    dressed.chat_template = _for_training(tokenizer, original, base)
    return dressed


def _for_training(tokenizer: Any, original: str, base: BaseSection) -> str:
    import trl
    from trl.chat_template_utils import get_training_chat_template

    shipped = Path(trl.__file__).with_name("chat_templates")
    for ours in FOLDER.glob("*.jinja"):
        for known in (ours, shipped / ours.name):
            if known.read_text(encoding="utf-8").strip() == original.strip():
                return ours.read_text(encoding="utf-8")
    try:
        return get_training_chat_template(tokenizer) or original
    except ValueError as error:
        raise ConfigError(
            f'base.template = "training": no form for training of the chat template of {base.name} '
            "is known; put one that keeps every turn and carries {% generation %} marks into its "
            'folder as chat_template.jinja, and take base.template = "own"'
        ) from error


def _default(template: Any) -> str:
    """The template's text; of a base that ships several, the default one."""
    return str(template.get("default", "")) if isinstance(template, dict) else str(template or "")


# --- is it fit ----------------------------------------------------------------------------------

_SPEC = ToolSpec(
    name="look_up",
    description="Looks something up.",
    parameters={
        "type": "object",
        "properties": {"what": {"type": "string", "description": "In words."}},
        "required": ["what"],
    },
)


def _call(number: int, what: str) -> ToolCall:
    return ToolCall(id=f"call_{number}", name=_SPEC.name, arguments={"what": what})


def _result(number: int, text: str) -> Message:
    return Message(role="tool", name=_SPEC.name, tool_call_id=f"call_{number}", content=text)


_OPENING = (
    Message(role="system", content="Answer."),
    Message(role="user", content="How much?"),
)
_TALK = (
    *_OPENING,
    Message(role="assistant", content="12.5"),
    Message(role="user", content="Sure?"),
    Message(role="assistant", content="Yes."),
)
_WITH_TOOLS = (
    *_OPENING,
    Message(role="assistant", tool_calls=(_call(1, "revenue"),)),
    _result(1, "error: no revenue"),
    Message(role="assistant", tool_calls=(_call(2, "sales"), _call(3, "costs"))),
    _result(2, "12.5"),
    _result(3, "7.25"),
    Message(role="assistant", content="5.25"),
)
"""As an episode goes: an error, two calls at once, an answer."""


def check(
    tokenizer: PreTrainedTokenizerFast,
    *,
    turns: bool,
    tools: bool,
    listed: bool = True,
    marks: bool = True,
) -> None:
    """Refuse a chat template that cannot be trained with, before anything is.

    Args:
        turns: dialogues have several replies.
        tools: the job uses tools: calls and results must be rendered.
        listed: the tools must be listed for the model to read; not for the embedded base, whose
            adapters are tuned to their tools.
        marks: the loss is on the model's own words alone, so they must be marked.

    Raises:
        ConfigError: how the template is unfit, and what would be right.
    """
    text = _text(tokenizer)
    _ends(text, tokenizer)
    if tools:
        _speaks_of_tools(text, listed)
    if turns:
        _keeps_turns(text, tokenizer, _TALK, ())
    if turns and tools:
        _keeps_turns(text, tokenizer, _WITH_TOOLS, (_SPEC,))
    _keeps_turns(text, tokenizer, _TALK[:3], ())
    if marks:
        _marks(tokenizer, _WITH_TOOLS if tools else _TALK[:3])


def _render(
    text: Text, messages: Sequence[Message], tools: Sequence[ToolSpec] = (), *, prompt: bool
) -> str:
    from jinja2 import TemplateError

    try:
        return text.render(messages, tools, prompt=prompt)
    except (TemplateError, TypeError) as error:
        roles = ", ".join(message.role for message in messages)
        raise ConfigError(
            f"the base's chat template cannot render a dialogue of {roles}: {error}; {RIGHT}"
        ) from error


def _ends(text: Text, tokenizer: Any) -> None:
    """A reply must end in the token that ends replies."""
    end = tokenizer.eos_token
    if not end:
        raise ConfigError(
            "the base's tokenizer has no token that ends a reply (eos_token); name it in its "
            "tokenizer_config.json"
        )
    whole = _render(text, _TALK[:3], prompt=False)
    after = whole[whole.rfind(_TALK[2].content) + len(_TALK[2].content) :]
    if not after.strip().startswith(end):
        found = f"it writes {after!r}" if after.strip() else "nothing follows it"
        raise ConfigError(
            f"the base's chat template does not end a reply with its end token {end!r}: {found}. A "
            "model trained with it would not learn to stop; give the tokenizer the eos_token that "
            "its template writes, or a template that writes it"
        )


def _speaks_of_tools(text: Text, listed: bool) -> None:
    whole = _render(text, _WITH_TOOLS, (_SPEC,), prompt=False)
    missing = [
        what
        for what, there in {
            "a call's name": whole.count(_SPEC.name) >= 3,
            "a call's arguments": '"sales"' in whole,
            "a tool's result": "7.25" in whole,
            "the list of tools": not listed or _SPEC.description in whole,
        }.items()
        if not there
    ]
    if missing:
        raise ConfigError(
            f"the job uses tools, and the base's chat template leaves out {' and '.join(missing)}; "
            "take a base whose template renders tools, calls and results"
        )


def _keeps_turns(
    text: Text, tokenizer: Any, dialogue: Sequence[Message], tools: Sequence[ToolSpec]
) -> None:
    """Every reply must stand in each longer dialogue as it was prompted for and said."""
    end = str(tokenizer.eos_token)
    replies = [i for i, message in enumerate(dialogue) if message.role == "assistant"]
    for place in replies:
        prompt = _render(text, dialogue[:place], tools, prompt=True)
        said = prompt + _spoken(dialogue[place]) + end
        longer = [(dialogue[: place + 1], False), *_prompts(dialogue, replies, place)]
        for messages, opened in longer:
            whole = _render(text, messages, tools, prompt=opened)
            if not whole.startswith(said):
                later = len(messages) - place - 1
                when = f"once {later} more follow" if later else "once it has been said"
                raise ConfigError(
                    f"the base's chat template writes turn {place + 1}, the model's, differently "
                    f"{when}: {_parting(said, whole)}. Trained and served dialogues would differ; "
                    f"{RIGHT}"
                )


def _prompts(
    dialogue: Sequence[Message], replies: Sequence[int], place: int
) -> Iterator[tuple[Sequence[Message], bool]]:
    """The dialogue up to each later reply, and whole."""
    for later in replies:
        if later > place:
            yield dialogue[:later], True
    yield dialogue, False


def _spoken(message: Message) -> str:
    """A reply as the model writes it, its end token apart."""
    return "\n".join(filter(None, [message.content, *map(call_text, message.tool_calls)]))


def _parting(said: str, whole: str) -> str:
    """Where two renderings part, in a few words."""
    at = next(
        (i for i, (a, b) in enumerate(zip(said, whole, strict=False)) if a != b),
        min(len(said), len(whole)),
    )
    before = said[max(0, at - AROUND) : at]
    one, other = said[at : at + AROUND], whole[at : at + AROUND]
    return f"after {before!r} stood {one!r}, then {other!r}"


def _marks(tokenizer: Any, dialogue: Sequence[Message]) -> None:
    """What is marked must hold all that the model writes, and its end."""
    from trl.chat_template_utils import has_generation_markers

    template = _default(tokenizer.chat_template)
    if not has_generation_markers(template):
        raise ConfigError(
            "the base's chat template has no {% generation %} marks, so that a loss on the model's "
            'own words alone is not to be had; base.template = "training" marks them'
        )
    out = tokenizer.apply_chat_template(
        to_chat(dialogue),
        tools=[_SPEC.openai()],
        return_dict=True,
        return_assistant_tokens_mask=True,
        enable_thinking=False,
    )
    marked = zip(out["input_ids"], out["assistant_masks"], strict=True)
    learned = tokenizer.decode([token for token, mine in marked if mine])
    at = 0
    for message in dialogue:
        if message.role != "assistant":
            continue
        wanted = _spoken(message) + str(tokenizer.eos_token)
        at = learned.find(wanted, at)
        if at < 0:
            raise ConfigError(
                f"the {{% generation %}} marks of the base's chat template leave out part of "
                f"{wanted!r}: marked is {learned[-2 * AROUND :]!r}. All that the model writes must "
                "be marked, its end token too"
            )
        at += len(wanted)


# --- between replies ----------------------------------------------------------------------------


def bridge(
    tokenizer: PreTrainedTokenizerFast, before: Sequence[Message], new: Sequence[Message]
) -> list[int]:
    """The token ids between the end of a model's reply and the beginning of its next one.

    They do not depend on how the reply was tokenised, so that sampled ids stay as they were:
    prompt + sampled reply (its end token included) + bridge is what the model reads next, and the
    same as the whole dialogue rendered again wherever the reply was tokenised canonically.

    Args:
        before: the dialogue up to and including the reply.
        new: what follows it: tool messages, or a user's.

    Raises:
        ConfigError: the template writes a turn differently once another follows; see ``check``.
    """
    end = str(tokenizer.eos_token)
    text = _text(tokenizer)
    short = text.render(before, prompt=False)
    whole = text.render((*before, *new))
    # After the last end token: only the template writes those (``to_chat`` breaks up those of
    # contents), and if a call's arguments hold one, it stands before the template's own.
    said = short.rfind(end) + len(end)
    if said < len(end) or whole[:said] != short[:said]:
        raise ConfigError(
            "the base's chat template writes a turn differently once another one follows it; "
            f"{RIGHT}"
        )
    return text.encode(whole[said:])


def _text(tokenizer: Any) -> Text:
    """The engines' reading of a tokenizer: dialogues are rendered by the code that serves them."""
    return Text(tokenizer, frozenset({tokenizer.eos_token_id}))
