"""The contestants at work: the models behind a design's arms, and how one question went.

``Stage`` holds what answers: one base with all adapters for replies held to a grammar, one for free
replies, each loaded when first asked; endpoints beside them. A contestant answers one question and
says how it went; what went wrong is told, not raised. Nothing is judged here.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evals.decision import classical
from evals.decision.design import Arm, project
from evals.decision.entrants import Entrant, Roster
from evals.decision.samples import Finish
from specialists.agent import Run, Specialist, answer_one
from specialists.engines.base import Engine
from specialists.engines.langchain import LangChainEngine, Misfit, connect
from specialists.engines.lazy import LazyEngine
from specialists.engines.template import call_text
from specialists.foundation.contracts import (
    Completion,
    Message,
    Quantity,
    ReplySchema,
    Sampling,
    ToolSpec,
)
from specialists.foundation.errors import (
    AnswerError,
    ConfigError,
    ContextOverflow,
    DataError,
)
from specialists.replies import one_object
from specialists.table_qa.inputs import TableAnswer
from specialists.task import Example, Form, Task
from specialists.workspace.limited import Limited
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox

TIMEOUT_S, OUTPUT = 10.0, 8_000
"""Of one tool call: wall time, and characters that are read of its result."""
ENDPOINT_S = 120.0
HERE_LANE = "here"
"""In-process engines share the machine's cores."""


@dataclass(frozen=True)
class Said:
    """How one question went."""

    answer: Any = None
    """As the job's episode read it; None: there is none."""
    output: str = ""
    """The last reply, whole."""
    finish: Finish = "stop"
    tokens: int = 0
    prompt_tokens: int = 0
    turns: int = 0
    truncated: bool = False
    problems: tuple[str, ...] = ()
    """What the job's own check finds wrong with the answer."""
    messages: tuple[Message, ...] = ()
    cost_usd: float | None = None
    error: str = ""
    broken: bool = False
    """Engine or tool broke down, so that nobody knows what the contestant would have said."""


@dataclass(frozen=True)
class Way:
    """How a reply is drawn and held."""

    sampling: Sampling
    held: bool
    form: Form


class Contestant:
    """One run of one arm, ready to be asked."""

    def __init__(self, entrant: Entrant, lane: str) -> None:
        self.entrant = entrant
        self.lane = lane
        """Contestants of one lane share a machine: they are asked one after the other."""

    async def answer(self, example: Example[Any, Any], way: Way) -> Said:
        """Ask one question. Nothing is raised but ``Cancelled``."""
        raise NotImplementedError


class Model(Contestant):
    """A language model: base, adapter or endpoint."""

    def __init__(self, entrant: Entrant, stage: Stage) -> None:
        url = entrant.arm.url or entrant.arm.provider
        super().__init__(entrant, url if entrant.arm.kind == "endpoint" else HERE_LANE)
        self._stage = stage

    async def answer(self, example: Example[Any, Any], way: Way) -> Said:
        stage, entrant = self._stage, self.entrant
        engine = _Witness(stage.engine(entrant, held=way.held))
        adapter = entrant.name if entrant.folder is not None else None
        specialist = Specialist(stage.task, engine, adapter, entrant.digest, form=way.form)
        snapshot = getattr(example.inputs, "snapshot", None)
        tools = None
        if snapshot is not None:
            tools = Limited(Toolbox(snapshot, stage.sandbox), TIMEOUT_S, OUTPUT)
        run = await answer_one(specialist, example.inputs, tools, sampling=way.sampling)
        return _said(run, engine.beyond_it)


class _Witness:
    """An engine seen at work in one dialogue: it tells the model's own failures from a breakdown.

    A prompt that is more than the model can read, and an endpoint's reply that does not keep to the
    form when asked twice, are the contestant's own: asked again they would come again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.beyond_it = False

    @property
    def model(self) -> str:
        return self._engine.model

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        """See ``Engine.chat``. Log-probabilities are left out: no judgement needs them."""
        try:
            return await self._engine.chat(
                messages, adapter=adapter, schema=schema, tools=tools, sampling=sampling
            )
        except (ContextOverflow, Misfit):
            self.beyond_it = True
            raise

    async def aclose(self) -> None:
        """The engine is the stage's."""


def _said(run: Run, beyond_it: bool) -> Said:
    last = run.completions[-1] if run.completions else None
    cut = any(completion.finish_reason == "length" for completion in run.completions)
    finish: Finish = "stop"
    if run.broken:
        finish = "error"
    elif cut:
        finish = "length"
    elif last is not None and last.finish_reason == "tool_calls":
        finish = "turns"
    priced = not run.usage.unpriced_calls and run.usage.cost_usd > 0
    return Said(
        answer=run.answer,
        output="" if last is None else _spoken(last.message),
        finish=finish,
        tokens=run.usage.completion_tokens,
        prompt_tokens=run.usage.prompt_tokens,
        turns=len(run.completions),
        truncated=cut,
        problems=run.problems,
        messages=run.messages,
        cost_usd=run.usage.cost_usd if priced else None,
        error=run.outcome.error if run.answer is None else "",
        broken=run.broken and not beyond_it,
    )


def _spoken(message: Message) -> str:
    """A reply as the model said it."""
    return "\n".join(filter(None, [message.content, *map(call_text, message.tool_calls)]))


class Classical(Contestant):
    """No language model (``classical.py``); it learns when it is first asked."""

    def __init__(self, entrant: Entrant, task: Task[Any, Any]) -> None:
        super().__init__(entrant, HERE_LANE)
        self._task = task

    @cached_property
    def _answerer(self) -> classical.Answerer:
        return classical.answerer(self._task)

    async def answer(self, example: Example[Any, Any], way: Way) -> Said:
        try:
            answer, output = await asyncio.to_thread(self._answerer, example)
        except AnswerError as error:
            return Said(error=str(error), turns=1)
        problems = self._task.validate(example.inputs, answer, ())
        return Said(answer, output, turns=1, problems=tuple(problems))


class Answers(Contestant):
    """Somebody's answers, out of a file; a question is found by its id or its words."""

    def __init__(self, entrant: Entrant, task: Task[Any, Any], answers: Mapping[str, str]) -> None:
        super().__init__(entrant, "files")
        self._task = task
        self._answers = answers

    def missing(self, example: Example[Any, Any]) -> bool:
        """Whether the file has no answer to a question."""
        return self._find(example) is None

    async def answer(self, example: Example[Any, Any], way: Way) -> Said:
        output = self._find(example) or ""
        try:
            answer = self._read(example, output, way.form)
        except AnswerError as error:
            return Said(output=output, error=str(error), turns=1)
        return Said(answer, output, turns=1)

    def _find(self, example: Example[Any, Any]) -> str | None:
        words = getattr(example.inputs, "question", None) or getattr(example.inputs, "text", "")
        return self._answers.get(example.id, self._answers.get(str(words).strip()))

    def _read(self, example: Example[Any, Any], output: str, form: Form) -> Any:
        if self._task.name == "table_qa":  # a dialogue that looked at no table reads no answer
            told = one_object(output)
            value = told.get("value")
            if isinstance(value, int | float) and not isinstance(value, bool):
                unit, scale = str(told.get("unit") or ""), float(told.get("scale") or 1.0)
                value = Quantity(value=float(value), unit=unit, scale=scale)
            elif value is not None and not isinstance(value, str):
                raise AnswerError(f"not a table answer: {output[:200]!r}")
            return TableAnswer(value=value)
        return self._task.begin(example.inputs, form=form).answer(output)


def read_answers(path: Path) -> dict[int, dict[str, str]]:
    """The answers of a CSV or JSONL file, by run and question; without a column ``run``, run 1.

    Raises:
        DataError: columns that are missing, or a question answered twice in one run.
    """
    text = path.read_text(encoding="utf-8-sig")
    rows: list[dict[str, Any]]
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        rows = [dict(row) for row in csv.DictReader(text.splitlines(keepends=True))]
    found: dict[int, dict[str, str]] = {}
    for number, row in enumerate(rows, 1):
        if row.get("question") is None or row.get("output") is None:
            raise DataError(f"{path}: row {number} needs question and output; it has {sorted(row)}")
        run = int(row.get("run") or 1)
        question = str(row["question"]).strip()
        given = row["output"]
        output = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        if found.setdefault(run, {}).setdefault(question, output) != output:
            raise DataError(f"{path}: run {run} answers {question!r} twice, and differently")
    return found


# --- the stage ----------------------------------------------------------------------------------


class Stage:
    """The contestants with the models behind them. Models are loaded when they are first asked."""

    def __init__(
        self,
        roster: Roster,
        task: Task[Any, Any],
        *,
        path: Path,
        rows: int = 32,
        threads: int = 1,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        """
        Args:
            path: of the design: files of answers are found from there.
            rows: dialogues that one in-process engine has under way.
            threads: of the models.
        """
        self.task = task
        self.sandbox = Sandbox()
        self._roster = roster
        self._path = path
        self._settings: dict[str, Any] = {
            "rows": rows,
            "threads": threads,
            "device": device,
            "dtype": dtype,
        }
        self._engines: dict[str, Engine] = {}
        self.contestants = tuple(self._contestant(entrant) for entrant in roster.entrants)

    def _contestant(self, entrant: Entrant) -> Contestant:
        if entrant.arm.kind == "classical":
            return Classical(entrant, self.task)
        if entrant.arm.kind == "answers":
            found = read_answers(project(entrant.arm.file, self._path))
            if entrant.run not in found:
                raise DataError(
                    f"arm {entrant.arm.name}: {entrant.arm.file} has no run {entrant.run}; it has "
                    f"{', '.join(map(str, sorted(found))) or 'none'}"
                )
            return Answers(entrant, self.task, found[entrant.run])
        return Model(entrant, self)

    def engine(self, entrant: Entrant, *, held: bool) -> Engine:
        """What answers for a contestant."""
        if entrant.arm.kind == "endpoint":
            return self._engines.setdefault(entrant.name, _endpoint(entrant.arm))
        name = "held" if held else "free"
        if name not in self._engines:
            self._engines[name] = self._local(held)
        return self._engines[name]

    def _local(self, held: bool) -> Engine:
        folders = {e.name: e.folder for e in self._roster.entrants if e.folder is not None}

        def load() -> Engine:
            from specialists.engines.local import LocalEngine

            return LocalEngine.load(
                self._roster.base, adapters=folders, held=held, **self._settings
            )

        return LazyEngine(self._roster.base.name, load)

    async def aclose(self) -> None:
        """Release models and tools."""
        for engine in self._engines.values():
            await engine.aclose()
        await self.sandbox.aclose()


def _endpoint(arm: Arm) -> Engine:
    key = None
    if arm.api_key_env:
        key = os.environ.get(arm.api_key_env)
        if not key:
            raise ConfigError(f"arm {arm.name}: {arm.api_key_env} is not set")
    chat = connect(
        arm.provider,
        arm.model,
        url=arm.url or None,
        key=key,
        timeout_s=ENDPOINT_S,
        section=f"arm {arm.name}",
    )
    return LangChainEngine(chat, name=arm.model, structured=arm.structured, price=arm.price)
