"""One model and its tools, turn by turn, until a finding.

The same loop runs every job: what is asked, what may be called and what counts as an answer is the
task's; what is said is the model's; what a call gives is the toolbox's. Nothing that goes wrong is
raised: it is a finding that says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from specialists import confidence
from specialists.engines.base import Engine
from specialists.engines.template import call_text
from specialists.foundation.contracts import (
    Completion,
    Evidence,
    Finding,
    Message,
    Sampling,
    ServedBy,
    Subtask,
    ToolCall,
    ToolEvent,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import (
    AnswerError,
    Cancelled,
    FinrouteError,
    InputError,
    ToolError,
)
from specialists.foundation.records import Calibration
from specialists.task import Conclusion, Episode, Form, Outcome, Task
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.tools import ToolResult, Tools

log = logging.getLogger(__name__)


async def _at_once() -> None:
    return


@dataclass(frozen=True)
class Specialist:
    """A task bound to the model that does it."""

    task: Task[Any, Any]
    engine: Engine
    adapter: str | None = None
    """Name of the adapter in the engine; None is the base model itself."""
    digest: str | None = None
    """SHA-256 of the adapter."""
    calibration: Calibration | None = None
    decision: str | None = None
    """Id of the decision record that justifies the adapter; None means provisional."""
    form: Form = "compact"
    ready: Callable[[], Awaitable[None]] = _at_once
    """Awaited before each use: attests the adapter once, and refuses one that is not right."""

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def served_by(self) -> ServedBy:
        return ServedBy(model=self.engine.model, adapter=self.digest, decision=self.decision)


@dataclass(frozen=True)
class Run:
    """One dialogue, from its inputs to its outcome."""

    outcome: Outcome[Any, Any]
    """What counts: no answer where it did not hold or the model is too unsure."""
    answer: Any = None
    """What the model answered, held or not."""
    problems: tuple[str, ...] = ()
    """What is wrong with ``answer``, by the task's own check."""
    completions: tuple[Completion, ...] = ()
    events: tuple[ToolEvent, ...] = ()
    cause: Exception | None = None
    """What broke, the model or a tool, as against: the model gave no good answer."""
    messages: tuple[Message, ...] = ()
    """The whole dialogue, from its prompt to the last thing said."""

    @property
    def broken(self) -> bool:
        """Whether the model or a tool broke down."""
        return self.cause is not None

    @property
    def usage(self) -> Usage:
        return sum((c.usage for c in self.completions), Usage())


async def run(
    specialist: Specialist,
    subtask: Subtask,
    given: Mapping[str, Finding],
    tools: Tools,
    *,
    sampling: Sampling = Sampling(),
) -> Finding:
    """Do a subtask.

    Args:
        given: findings of its parents, by the input name that refers to them.
        sampling: how the model's tokens are drawn.

    Raises:
        Cancelled: the caller left. Nothing else: what goes wrong is a finding that says so.
    """
    begun = time.perf_counter()
    watched = _Watched(tools)
    runs: Sequence[Run] = ()
    settled: Conclusion | None = None
    try:
        if specialist.form == "compact":
            settled = await specialist.task.settle(subtask, given, watched)
        if settled is None:
            inputs = await specialist.task.gather(subtask, given, watched)
            runs = await asyncio.gather(
                *(answer_one(specialist, each, watched, sampling=sampling) for each in inputs)
            )
        conclusion = settled or _conclude(specialist, subtask, runs)
    except Cancelled:
        raise
    except (InputError, AnswerError) as error:
        conclusion = Conclusion("abstained", reason=str(error))
    except FinrouteError as error:
        conclusion = Conclusion("failed", reason=str(error))
    except Exception as error:
        log.exception("specialist %s broke on subtask %s", specialist.name, subtask.id)
        conclusion = Conclusion("failed", reason=f"an error in {specialist.name}: {error!r}")
    completions = [completion for run in runs for completion in run.completions]
    return Finding(
        subtask=subtask.id,
        specialist=specialist.name,
        status=conclusion.status,
        value=conclusion.value,
        label=conclusion.label,
        confidence=conclusion.confidence,
        signals=conclusion.signals or (runs[0].outcome.signals if len(runs) == 1 else None),
        evidence=conclusion.evidence,
        trace=tuple(watched.events),
        replies=tuple(_spoken(completion.message) for completion in completions),
        refused=conclusion.status != "ok" and any(run.problems for run in runs),
        usage=sum((run.usage for run in runs), Usage()),
        seconds=time.perf_counter() - begun,
        served_by=specialist.served_by if settled is None else None,
        reason=conclusion.reason,
    )


def _conclude(specialist: Specialist, subtask: Subtask, runs: Sequence[Run]) -> Conclusion:
    """The task's conclusion; failed where nothing came because everything broke."""
    if runs and all(run.broken for run in runs):
        return Conclusion("failed", reason=runs[0].outcome.error)
    conclusion = specialist.task.conclude(subtask, [run.outcome for run in runs])
    if conclusion.status == "ok" or conclusion.reason:
        return conclusion
    errors = [run.outcome.error for run in runs if run.outcome.error]
    reason = errors[0] if errors else "no answer was found"
    return Conclusion(conclusion.status, label=conclusion.label, reason=reason)


async def answer_one(
    specialist: Specialist,
    inputs: Any,
    tools: Tools | None = None,
    *,
    sampling: Sampling = Sampling(),
    seed: int | None = None,
    turns: int | None = None,
) -> Run:
    """Hold one dialogue about one set of inputs.

    Args:
        tools: what calls are made on; None where the task has no tools.
        seed: shuffles the handles' numbers; None numbers them in order.
        turns: replies there may be; None: as many as the task allows.

    Raises:
        Cancelled: the caller left. What else goes wrong is in the run.
    """
    talk = _Dialogue(specialist, tools, sampling, turns or specialist.task.max_turns)
    evidence: tuple[Evidence, ...] = ()
    answer: Any = None
    try:
        await specialist.ready()
        episode = specialist.task.begin(inputs, form=specialist.form, seed=seed)
        answer = await talk.hold(episode)
        evidence = tuple(talk.evidence)
        problems = tuple(specialist.task.validate(inputs, answer, evidence))
    except Cancelled:
        raise
    except FinrouteError as error:
        cause = None if isinstance(error, InputError | AnswerError) else error
        return talk.run(Outcome(inputs, None, error=str(error)), cause=cause)
    except Exception as error:
        log.exception("specialist %s broke", specialist.name)
        said = f"an error in {specialist.name}: {error!r}"
        return talk.run(Outcome(inputs, None, error=said), cause=error)
    signals = confidence.merge(
        confidence.spoken(talk.completions).model_copy(update={"checks": not problems}),
        specialist.task.signals(inputs, answer, evidence),
    )
    sure = confidence.confidence(signals, specialist.calibration)
    error = "; ".join(problems) or confidence.doubt(sure, specialist.calibration)
    outcome: Outcome[Any, Any] = Outcome(
        inputs,
        None if error else answer,
        evidence=evidence,
        confidence=sure,
        signals=signals,
        error=error,
    )
    return talk.run(outcome, answer=answer, problems=problems)


@dataclass
class _Dialogue:
    """One dialogue under way, and what it leaves behind."""

    specialist: Specialist
    tools: Tools | None
    sampling: Sampling
    turns: int
    """Replies there may be."""
    completions: list[Completion] = field(default_factory=list[Completion])
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    events: list[ToolEvent] = field(default_factory=list[ToolEvent])
    messages: list[Message] = field(default_factory=list[Message])

    async def hold(self, episode: Episode[Any]) -> Any:
        """Speak until there is an answer.

        Raises:
            AnswerError: no answer in the turns there are, or one that is none.
        """
        self.messages = episode.messages
        for turn in range(self.turns):
            schema = episode.schema()
            last = turn == self.turns - 1 and schema is not None
            completion = await self.specialist.engine.chat(
                episode.messages,
                adapter=self.specialist.adapter,
                schema=schema,
                tools=() if last else episode.tools(),
                sampling=self.sampling,
                logprobs=True,
            )
            self.completions.append(completion)
            if completion.finish_reason == "length":
                raise AnswerError("the model's reply was longer than it may be")
            if not completion.message.tool_calls:
                return episode.answer(completion.message.content)
            if not self.specialist.task.tool_names:
                raise AnswerError(f"{self.specialist.name} uses no tools")
            episode.messages.append(completion.message)
            calls = completion.message.tool_calls
            results = await _together([self._use(episode, call) for call in calls])
            for call, result in zip(calls, results, strict=True):
                self.evidence += result.evidence
                self.events.append(_event(result))
                episode.messages.append(episode.observe(call, result))
        raise AnswerError(f"no answer after {self.turns} turns")

    async def _use(self, episode: Episode[Any], call: ToolCall) -> ToolResult:
        """Make a call; a call that cannot be made is an error the model reads.

        The calls of one reply are made at once: none can speak of what another finds.
        """
        known = self.specialist.task.tool_names
        if call.name not in known:
            said = f"there is no tool {call.name[:60]!r}; there are {', '.join(known)}"
            return ToolResult(call.name, call.arguments, text=f"error: {said}", error=said)
        try:
            meant = episode.expand(call)
        except (AnswerError, ToolError) as error:
            return ToolResult(call.name, call.arguments, error=str(error))
        if self.tools is None:
            raise ToolError(f"{self.specialist.name} was given no tools to call {meant.name}")
        return await self.tools.call(meant.name, meant.arguments)

    def run(
        self,
        outcome: Outcome[Any, Any],
        *,
        answer: Any = None,
        problems: tuple[str, ...] = (),
        cause: Exception | None = None,
    ) -> Run:
        # The last reply has not joined the dialogue unless tools were called after it.
        last = [c.message for c in self.completions[-1:]]
        said = [m for m in last if not any(m is message for message in self.messages)]
        return Run(
            outcome,
            answer,
            problems,
            tuple(self.completions),
            tuple(self.events),
            cause,
            (*self.messages, *said),
        )


async def _together(calls: Sequence[Coroutine[Any, Any, ToolResult]]) -> list[ToolResult]:
    """The results of calls made at once, in the calls' order. Where one breaks, the others end."""
    if len(calls) == 1:
        return [await calls[0]]
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


class _Watched:
    """Tools that write down what is called, in order of completion."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.events: list[ToolEvent] = []

    @property
    def snapshot(self) -> Snapshot:
        return self._tools.snapshot

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return self._tools.specs(names)

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        result = await self._tools.call(name, arguments)
        self.events.append(_event(result))
        return result


def _event(result: ToolResult) -> ToolEvent:
    return ToolEvent(
        name=result.name,
        arguments=result.arguments,
        result=result.text,
        error=result.error,
        seconds=result.seconds,
    )


def _spoken(message: Message) -> str:
    """A reply as the model said it."""
    return "\n".join(filter(None, [message.content, *map(call_text, message.tool_calls)]))
