"""What goes to inspect and back is what was said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.inspection import messages as forms
from specialists.foundation.contracts import (
    Completion,
    Message,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from specialists.registry import STUDIED, TASKS, task

TEXT = st.text(max_size=30)
CALLS = st.lists(
    st.builds(ToolCall, id=st.just("call_1"), name=st.just("sql"),
              arguments=st.dictionaries(TEXT, st.none() | st.integers() | TEXT, max_size=2)),
    max_size=2,
)  # fmt: skip
MESSAGES = st.lists(
    st.one_of(
        st.builds(Message, role=st.sampled_from(["system", "user"]), content=TEXT),
        st.builds(Message, role=st.just("assistant"), content=TEXT, tool_calls=CALLS.map(tuple)),
        st.builds(Message, role=st.just("tool"), content=TEXT, tool_call_id=st.just("call_1"),
                  name=st.just("sql")),
    ),
    max_size=5,
)  # fmt: skip


@given(MESSAGES)
def test_a_dialogue_comes_back_as_it_went(dialogue: Sequence[Message]) -> None:
    assert forms.from_inspect(forms.to_inspect(dialogue)) == list(dialogue)


@pytest.mark.parametrize("job", [*TASKS, *STUDIED])
def test_tools_keep_their_exact_schema(job: str) -> None:
    made = task(job)
    example = next(iter(made.examples("templates", 1, 3)))
    for form in ("compact", "full"):
        for spec in made.begin(example.inputs, form=form).tools():
            assert forms.tool_spec(forms.tool_info(spec)) == spec


def test_what_inspects_schema_cannot_say_travels_beside_it() -> None:
    spec = ToolSpec(
        name="pick",
        description="",
        parameters={"type": "object", "properties": {"of": {"const": "<t1>"}}, "required": ["of"]},
    )
    info = forms.tool_info(spec)
    assert "const" not in str(info.parameters.model_dump(exclude_none=True))
    assert forms.tool_spec(info) == spec


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls"])
def test_a_completion_comes_back_as_it_went(finish: str) -> None:
    calls = (ToolCall(id="call_1", name="sql", arguments={"query": "SELECT 1"}),)
    said = Completion(
        message=Message(
            role="assistant", content="x", tool_calls=calls if finish == "tool_calls" else ()
        ),
        finish_reason=finish,  # type: ignore[arg-type]
        logprobs=(TokenLogprob(text="x", logprob=-0.5),),
        usage=Usage(calls=1, prompt_tokens=7, completion_tokens=3, seconds=0.5, unpriced_calls=1),
        model="tiny",
        adapter="a",
    )
    assert forms.from_output(forms.to_output(said), "a") == said
