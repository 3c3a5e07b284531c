"""Who is learned from: a job bound to a model of any form, what it costs, and how what it says
becomes what the student would say.

A teacher answers as a specialist in service does: the task's own prompt, the real tools, the task's
own check. Its dialogue is kept word for word where teacher and student are asked in the same form.
Where they are not, the reply alone is put to the test in the student's form (``express``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from specialists.agent import Run, Specialist
from specialists.engines.base import Engine
from specialists.engines.fits import mismatch
from specialists.engines.hub import find
from specialists.engines.lazy import LazyEngine
from specialists.foundation.contracts import Message, Sampling
from specialists.foundation.digests import digest
from specialists.foundation.errors import AnswerError, ConfigError
from specialists.foundation.prices import Price
from specialists.foundation.records import artefact_digest
from specialists.task import Example, Form, Task
from specialists.weights import WEIGHTS

if TYPE_CHECKING:
    from training.tuning.recipe import Recipe, TeacherSection
    from training.tuning.workshop import Workshop

RELEASED = "released"
ADAPTER = "teacher"
"""Its adapter's name in its engine."""

Way = Literal["own words", "same reply", "filtered gold"]
"""How a dialogue came to be the student's. own words: the teacher's dialogue as it was held · same
reply: the teacher's reply under the prompt of the student's form · filtered gold: the gold dialogue
of a question that the teacher answered right"""


@dataclass(frozen=True)
class Teacher:
    """A specialist to learn from."""

    specialist: Specialist
    sampling: Sampling = Sampling()
    price: Price | None = None
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What it is, for the record."""

    @property
    def name(self) -> str:
        return self.specialist.engine.model

    def prompt(self, inputs: Any) -> str:
        """SHA-256 of how it is asked: instructions as rendered, tools, form.

        In the compact form tools count by name, since what they admit differs from question to
        question.
        """
        task, form = self.specialist.task, self.specialist.form
        episode = task.begin(inputs, form=form, seed=0)
        tools = [tool.openai() for tool in episode.tools()] if form == "full" else task.tool_names
        instructions = [m.content for m in episode.messages if m.role == "system"]
        return digest(
            {"job": task.name, "form": form, "instructions": instructions, "tools": tools}
        )

    async def aclose(self) -> None:
        """Release its model."""
        await self.specialist.engine.aclose()


def load(recipe: Recipe, task: Task[Any, Any]) -> Teacher:
    """The teacher a recipe names.

    Raises:
        ConfigError: it cannot be what the recipe says, or its dialogues could not become the
            student's.
        EngineError: a local model that cannot be found or read.
    """
    told = recipe.teacher
    possible(task, told.form, recipe.base.form)
    sampling = Sampling(temperature=told.temperature, top_p=told.top_p, max_tokens=told.reply)
    if told.engine == "local":
        specialist, about = _local(recipe, task)
    else:
        specialist, about = _served(told, task)
    return Teacher(specialist, sampling, told.price, {"engine": told.engine, **about})


def start(shop: Workshop) -> Teacher:
    """The student as it starts, to be its own teacher."""
    recipe, student, rollout = shop.recipe, shop.student, shop.recipe.rollout
    adapter = Path(recipe.start) if recipe.start else None
    specialist = _in_process(
        shop.task,
        student.base,
        adapter,
        name=recipe.base.name,
        form=recipe.base.form,
        dtype=recipe.base.dtype,
        device=student.device,
        rows=rollout.parallel,
        threads=recipe.learning.threads,
        held=rollout.held,
        template=str(student.tokenizer.chat_template),
    )
    about = {
        "engine": "local",
        "model": recipe.base.name,
        "base": student.digest,
        "adapter": artefact_digest(adapter) if adapter else None,
        "held": rollout.held,
    }
    sampling = Sampling(
        temperature=rollout.temperature, top_p=rollout.top_p, max_tokens=rollout.reply
    )
    return Teacher(specialist, sampling, None, about)


def local_folders(recipe: Recipe) -> tuple[Path, Path | None]:
    """Where a local teacher's base and adapter are.

    Raises:
        ConfigError: no adapter where the recipe says there is one.
        EngineError: no such base.
    """
    told = recipe.teacher
    source = told.source or recipe.base.source
    base = find(source) if source else WEIGHTS / "base"
    if not told.adapter or (told.source and told.adapter == RELEASED):
        if not told.source:
            raise ConfigError(
                "teacher: neither teacher.source nor teacher.adapter is set, so the teacher would "
                "be the student's own base; method self_sft learns from that"
            )
        return base, None
    adapter = WEIGHTS / recipe.specialist if told.adapter == RELEASED else Path(told.adapter)
    if not (adapter / "adapter_config.json").is_file():
        what = "there is no released one of this job" if told.adapter == RELEASED else str(adapter)
        raise ConfigError(
            f"teacher.adapter: {what}: no adapter (adapter_config.json); make one with a recipe of "
            "its own, and give its folder"
        )
    return base, adapter


def _local(recipe: Recipe, task: Task[Any, Any]) -> tuple[Specialist, dict[str, Any]]:
    from training.tuning.loading import device

    told = recipe.teacher
    base, adapter = local_folders(recipe)
    name = told.source or recipe.base.name
    specialist = _in_process(
        task,
        base,
        adapter,
        name=Path(name).name if Path(name).is_dir() else name,
        form=told.form,
        dtype=recipe.base.dtype,
        device=device(recipe.base),
        rows=told.parallel,
        threads=recipe.learning.threads,
        held=told.held,
    )
    return specialist, {
        "model": specialist.engine.model,
        "base": artefact_digest(base),
        "adapter": artefact_digest(adapter) if adapter else None,
        "held": told.held,
    }


def _in_process(
    task: Task[Any, Any],
    base: Path,
    adapter: Path | None,
    *,
    name: str,
    form: Form,
    **settings: Any,
) -> Specialist:
    """A model of this machine, read when it is first asked: nobody may have to ask it."""

    def read() -> Engine:
        from specialists.engines.local import LocalEngine

        adapters = {ADAPTER: adapter} if adapter else None
        return LocalEngine.load(base, name=name, adapters=adapters, **settings)

    lazy = LazyEngine(name, read)

    async def ready() -> None:
        await lazy.engine()

    return Specialist(task, lazy, ADAPTER if adapter else None, form=form, ready=ready)


def _served(told: TeacherSection, task: Task[Any, Any]) -> tuple[Specialist, dict[str, Any]]:
    from specialists.engines.langchain import LangChainEngine, connect

    if not told.source:
        raise ConfigError("teacher.source: name the model that the endpoint serves")
    if told.adapter not in ("", RELEASED):
        raise ConfigError("teacher.adapter: only a local teacher has one")
    key = None
    if told.api_key_env:
        key = os.environ.get(told.api_key_env)
        if not key:
            raise ConfigError(f"teacher.api_key_env: {told.api_key_env} is not set")
    chat = connect(
        told.provider,
        told.source,
        url=told.url or None,
        key=key,
        timeout_s=told.timeout_s,
        section="teacher",
    )
    engine = LangChainEngine(chat, name=told.source, structured=told.structured)
    about = {"model": told.source, "provider": told.provider, "url": _public(told.url)}
    return Specialist(task, engine, form=told.form), about


def _public(url: str) -> str:
    """A server's address without a name or password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


# --- from the teacher's form to the student's ------------------------------------------------


def possible(task: Task[Any, Any], teacher: Form, student: Form) -> None:
    """Whether there is a way from the teacher's dialogues to the student's.

    Raises:
        ConfigError: there is none.
    """
    if teacher == student or not task.tool_names or student == "compact":
        return
    raise ConfigError(
        f"teacher.form: a dialogue with tools in the {teacher} form of {task.name} cannot be told "
        f"in the {student} form; give a teacher of the student's form (teacher.form = "
        f'"{student}")'
    )


def shuffled(task: Task[Any, Any], example: Example[Any, Any]) -> bool:
    """Whether the gold dialogue's handles are numbered at random, so that a model learns none of
    their numbers, or in order, as in service. Whoever is asked the question is asked likewise."""
    if not example.dialogue:
        return False
    prompt = task.begin(example.inputs).messages
    return tuple(prompt) != example.dialogue[: len(prompt)]


def express(
    task: Task[Any, Any],
    example: Example[Any, Any],
    run: Run,
    *,
    teacher: Form,
    student: Form,
    seed: int | None,
) -> tuple[Way, tuple[Message, ...]] | str:
    """A right dialogue of the teacher's as the student would hold it; or why it cannot be.

    Args:
        run: of the teacher, its answer right.
        seed: of the teacher's handles; the student's get the same.
    """
    if teacher == student:
        return "own words", run.messages
    why = f"a {teacher} dialogue with tools cannot be told in the {student} form"
    if not task.tool_names:
        made = _same_reply(task, example, run, student, seed)
        if not isinstance(made, str):
            return "same reply", made
        why = f"its reply is none in the {student} form: {made}"
    if student == "compact" and example.dialogue:
        return "filtered gold", example.dialogue
    return why


def _same_reply(
    task: Task[Any, Any], example: Example[Any, Any], run: Run, form: Form, seed: int | None
) -> tuple[Message, ...] | str:
    """The reply under the student's prompt, if it is a right answer there too."""
    episode = task.begin(example.inputs, form=form, seed=seed)
    schema, text = episode.schema(), _on_one_line(run.messages[-1].content)
    try:
        if isinstance(schema, dict) and (fault := mismatch(json.loads(text), schema)):
            return fault
        answer = episode.answer(text)
    except (AnswerError, json.JSONDecodeError) as error:
        return str(error)
    problems = task.validate(example.inputs, answer, ())
    if problems:
        return "; ".join(problems)
    if not task.score(example, answer).right:
        return "it means something else there"
    return (*episode.messages, Message(role="assistant", content=text))


def _on_one_line(text: str) -> str:
    """JSON as the embedded models write it; any other text as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except json.JSONDecodeError:
        return text
