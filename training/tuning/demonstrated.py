"""Gold dialogues in the form a base is served in, each proved by the job's own check.

The compact form is what examples carry. In full form a dialogue is written anew: instructions, real
calls on the real tools, an answer in words. One whose answer does not pass its own check is never
learned from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from specialists.foundation.errors import AnswerError, InputError
from specialists.task import Example, Form, Task
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox
from training.tuning.dialogues import Dialogue

Say = Callable[[str], None]
MOST = 0.1
"""Share of the examples that may be left out because a form cannot show them."""


async def gold(
    task: Task[Any, Any], examples: Sequence[Example[Any, Any]], say: Say, form: Form = "full"
) -> list[Dialogue]:
    """The gold dialogues of examples, in order.

    An example that the form cannot show (its compact dialogue rests on a worked case, its calls
    come to something else on the real tools) is left out, and counted in what is said; so is one
    that has an answer and no dialogue.

    Raises:
        InputError: a gold answer that fails its own check; more than a tenth of the examples left
            out.
    """
    made: list[Dialogue] = []
    left_out: Counter[str] = Counter()
    worked = [e for e in examples if e.dialogue and e.dialogue[-1].role == "assistant"]
    if bare := len(examples) - len(worked):
        say(f"left out: {bare} of {len(examples)} {task.name} examples have an answer and no "
            "dialogue that comes to it")  # fmt: skip
    async with _sandbox(task, form) as sandbox:
        for example in worked:
            try:
                made.append(await _one(task, example, form, sandbox))
            except AnswerError as error:
                left_out[str(error)] += 1
    if left_out:
        _tell(left_out, len(worked), task.name, form, say)
    return made


async def _one(
    task: Task[Any, Any], example: Example[Any, Any], form: Form, sandbox: Sandbox | None
) -> Dialogue:
    snapshot = getattr(example.inputs, "snapshot", None)
    tools = Toolbox(snapshot, sandbox) if sandbox is not None and snapshot is not None else None
    messages, shown = await task.demonstrate(example, form=form, tools=tools)
    if form == "full" and not task.tool_names:  # with tools, the demonstration has proved itself
        prove(task, example, messages[-1].content)
    return Dialogue(messages, shown)


def prove(task: Task[Any, Any], example: Example[Any, Any], reply: str) -> None:
    """Hold a gold reply in full form against the job's own check.

    Raises:
        InputError: it is no answer, or not the right one.
    """
    try:
        score = task.score(example, task.begin(example.inputs, form="full").answer(reply))
        fault = "" if score.right else score.note or "not right"
    except AnswerError as error:
        fault = str(error)
    if fault:
        raise InputError(
            f"the gold answer of {example.id} fails the check of {task.name}: gold says {reply}; "
            f"the check says: {fault}"
        )


def _tell(left_out: Counter[str], count: int, name: str, form: Form, say: Say) -> None:
    total = left_out.total()
    why = "; ".join(f"{number} × {reason}" for reason, number in left_out.most_common(3))
    told = f"{total} of {count} {name} examples cannot be shown in {form} form: {why}"
    if total > MOST * count:
        raise InputError(told)
    say(f"left out: {told}")


@asynccontextmanager
async def _sandbox(task: Task[Any, Any], form: Form) -> AsyncGenerator[Sandbox | None]:
    if form == "compact" or not task.tool_names:
        yield None
        return
    sandbox = Sandbox()
    try:
        yield sandbox
    finally:
        await sandbox.aclose()
