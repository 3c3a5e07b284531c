"""Dialogues collected from a teacher, or from the student itself, and kept where they are right.

Each question is asked with the real tools until enough of the dialogues check out: the answer is
right by the task's ``score`` and its ``validate`` finds nothing. ``traces.jsonl`` gets one line a
question as they are done, whatever came of it; a stopped or killed collection goes on where it was,
and failed calls are tried again. ``traces.json`` says who was asked, how, and at what cost. What is
said depends on the question's own seed, not on the order.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.agent import Run, answer_one
from specialists.foundation.contracts import Message, ToolSpec, Usage
from specialists.foundation.digests import digest
from specialists.foundation.errors import ConfigError, EngineError, RecordError
from specialists.task import Example, Form, Task
from specialists.workspace.limited import Limited
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox
from specialists.workspace.tools import Tools
from training.provenance import now
from training.tuning import processes, teachers
from training.tuning.checkpoints import Checkpoints
from training.tuning.dialogues import Dialogue, unique
from training.tuning.layout import TRACES
from training.tuning.purse import Paying, Purse
from training.tuning.rollouts import seed_of
from training.tuning.teachers import Teacher, Way
from training.tuning.tracebook import Book, Trace, write

if TYPE_CHECKING:
    from training.tuning.recipe import RolloutSection
    from training.tuning.workshop import Workshop

Examples = Sequence[Example[Any, Any]]
Say = Callable[[str], None]
ToolsFor = Callable[[Example[Any, Any]], Tools | None]

LINES, HEADER = "traces.jsonl", "traces.json"
TELL_S = 5.0
"""Seconds between lines of progress."""
TOOL_S = 60.0
"""A tool may take this long at least: whether a dialogue is right must not depend on how busy the
machine is."""
ENOUGH = 20
"""Questions that fail one after the other before the teacher counts as broken."""


@dataclass(frozen=True)
class Asking:
    """How each question is asked."""

    samples: int = 1
    """Dialogues of a question, at most."""
    keep: int = 1
    """Right ones that are kept of each; asking ends when there are as many."""
    seed: int = 0
    """Of handles and of sampled tokens."""
    parallel: int = 16
    """Questions under way at once."""
    budget_usd: float = 0.0
    """0: no limit."""
    asks: bool = True
    """Nothing is asked and nothing written otherwise: what is there is read."""


@dataclass(frozen=True)
class Collected:
    """What there is after collecting, stopped or not."""

    dialogues: list[Dialogue]
    """Each once, in the order of the questions."""
    header: dict[str, Any]
    """What ``traces.json`` says."""
    interrupted: bool = False
    """Someone asked to stop before all questions were done."""


def gather(shop: Workshop) -> tuple[list[Dialogue], dict[str, Any]] | None:
    """What the methods ``distill`` and ``self_sft`` learn from, and what their record says of it.

    Of processes that learn together the first one asks; the others, which come after it, read what
    it wrote. Once there is a checkpoint nothing more is asked: learning goes on with what it began
    with.

    Returns None where it was interrupted; what was collected is on disk.

    Raises:
        ConfigError: a teacher that cannot be, or one that was right on nothing.
        EngineError: the teacher is broken.
    """
    recipe, rollout = shop.recipe, shop.recipe.rollout
    own = recipe.method == "self_sft"
    teacher = teachers.start(shop) if own else teachers.load(recipe, shop.task)
    asking = Asking(
        samples=recipe.self_sft.samples if own else recipe.teacher.samples,
        keep=recipe.self_sft.keep if own else 1,
        seed=recipe.seed_of("sampler"),
        parallel=rollout.parallel if own else recipe.teacher.parallel,
        budget_usd=0.0 if own else recipe.teacher.budget_usd,
        asks=processes.first() and not Checkpoints(shop.folder).all(),
    )

    async def go() -> Collected:
        async with _tools(shop.task, rollout) as tools_for:
            try:
                return await collect(
                    teacher,
                    shop.material.train,
                    asking,
                    shop.folder / TRACES,
                    form=recipe.base.form,
                    tools_for=tools_for,
                    say=lambda text: shop.say(f"{recipe.name}: {text}"),
                )
            finally:
                await teacher.aclose()

    try:
        collected = asyncio.run(go())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None  # the second Ctrl-C
    if collected.interrupted:
        return None
    if not collected.dialogues:
        raise ConfigError(
            f"{teacher.name} was right on none of {collected.header['done']} questions, so there "
            f"is nothing to learn; most often: {collected.header['reasons'] or 'it failed'}"
        )
    return collected.dialogues, {"traces": collected.header}


@asynccontextmanager
async def _tools(task: Task[Any, Any], settings: RolloutSection) -> AsyncGenerator[ToolsFor]:
    """The real tools over each question's own tables."""
    if not task.tool_names:
        yield lambda example: None
        return
    sandbox = Sandbox()

    def made(example: Example[Any, Any]) -> Tools | None:
        snapshot = getattr(example.inputs, "snapshot", None)
        if snapshot is None:
            return None
        limit = max(settings.timeout, TOOL_S)
        return Limited(Toolbox(snapshot, sandbox), limit, settings.output)

    try:
        yield made
    finally:
        await sandbox.aclose()


async def collect(
    teacher: Teacher,
    examples: Examples,
    asking: Asking,
    out: Path,
    *,
    form: Form,
    tools_for: ToolsFor = lambda example: None,
    say: Say = print,
) -> Collected:
    """Ask the teacher every question that is not answered in ``out`` yet.

    The first Ctrl-C (or SIGTERM) stops asking and waits for the questions under way; the second
    leaves at once. What is done is on disk either way.

    Args:
        out: folder of ``traces.jsonl`` and ``traces.json``.
        form: the student's.
        tools_for: the tools for a question.

    Raises:
        ConfigError: ``out`` holds traces of another teacher or made otherwise; a budget that cannot
            be kept.
        EngineError: call after call failed.
        RecordError: ``out`` is damaged or cannot be written.
    """
    if not examples:
        raise ConfigError("there are no questions to ask")
    out.mkdir(parents=True, exist_ok=True)
    return await _Collecting(teacher, examples, asking, out, form, tools_for, say).run()


@dataclass
class _Collecting:
    """One collection under way."""

    teacher: Teacher
    examples: Examples
    asking: Asking
    out: Path
    form: Form
    tools_for: ToolsFor
    say: Say
    done: dict[str, Trace] = field(default_factory=dict[str, Trace])
    """By key, what came of a question last."""
    spent: Usage = field(default_factory=Usage)
    """Of all lines, those of questions asked anew too."""
    stop: bool = False
    interrupted: bool = False
    broken: str = ""
    _failed: int = 0
    """Questions that failed since one last did not."""
    _new: int = 0
    """Questions that are done since it began."""
    _told: int = 0
    """How many of those were told of last."""

    async def run(self) -> Collected:
        self._keys = _keys(self.examples)
        self._questions = {key: self._question(key) for key in self._keys}
        header = self._claim()
        with Book(self.out / LINES, writes=self.asking.asks) as book:
            for trace in book.traces:
                self.done[trace.id] = trace
                self.spent += trace.usage
            if not self.asking.asks:
                return Collected(self._dialogues(), header)
            todo = [key for key in self._keys if self._open(key)]
            self.purse = Purse(self.asking.budget_usd, self.teacher.price, self.spent.cost_usd)
            if len(todo) < len(self._keys):
                self.say(f"traces: {len(self._keys) - len(todo):,} questions are done already")
            begun = time.monotonic()
            try:
                if todo:
                    await self.teacher.specialist.ready()
                with self._stopping():
                    await self._ask_all(todo, book)
            finally:
                book.sync()
                header = self._tell_header(header, time.monotonic() - begun)
        if self.broken:
            raise EngineError(
                f"{self.teacher.name} failed on {self._failed} questions one after the other: "
                f"{self.broken}"
            )
        return Collected(self._dialogues(), header, self.interrupted)

    # --- asking --------------------------------------------------------------------------------

    async def _ask_all(self, todo: Sequence[str], book: Book) -> None:
        begun = told = time.monotonic()
        left = iter(todo)

        async def worker() -> None:
            nonlocal told
            for key in left:
                if self.stop:
                    return
                trace = await self._ask(key)
                self.stop = self.stop or self.purse.empty
                if self.purse.empty and trace.error and not trace.usage.calls:
                    return  # it was not asked
                book.add(self._note(trace))
                if time.monotonic() - told >= TELL_S:
                    told = time.monotonic()
                    self._progress(told - begun, len(todo))

        workers = [asyncio.create_task(worker()) for _ in range(self.asking.parallel)]
        try:
            await asyncio.gather(*workers)
        finally:
            for each in workers:
                each.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        self._progress(time.monotonic() - begun, len(todo))
        if self.purse.empty:
            self.say(
                f"traces: the budget of ${self.asking.budget_usd:.4g} has no room for another call "
                f"(${self.purse.spent_usd:.4g} spent): no more questions are asked"
            )

    async def _ask(self, key: str) -> Trace:
        """One question, until enough of its dialogues are right."""
        begun, example = time.monotonic(), self._keys[key]
        payer = Paying(self.teacher.specialist.engine, self.purse)
        specialist = replace(self.teacher.specialist, engine=payer, calibration=None)
        kept: dict[str, tuple[Way, tuple[Message, ...]]] = {}
        tries = right = 0
        reason = error = ""
        samples = self.asking.samples if self._varies(key) else 1
        while tries < samples and len(kept) < self.asking.keep:
            drawn, seed = self._seeds(key, tries)
            run = await answer_one(
                specialist,
                example.inputs,
                self.tools_for(example),
                sampling=self.teacher.sampling.model_copy(update={"seed": drawn}),
                seed=seed,
            )
            if run.broken:
                error = run.outcome.error or "it broke"
                break
            tries += 1
            reason = self._fault(example, run)
            if reason:
                continue
            right += 1
            made = teachers.express(
                specialist.task,
                example,
                run,
                teacher=specialist.form,
                student=self.form,
                seed=seed,
            )
            if isinstance(made, str):
                reason = made
            else:
                kept.setdefault(Dialogue(made[1]).digest, made)
        return Trace(
            id=key,
            question=self._questions[key],
            kept=tuple(messages for _, messages in kept.values()),
            ways=tuple(way for way, _ in kept.values()),
            tries=tries,
            right=right,
            usage=payer.used,
            seconds=round(time.monotonic() - begun, 3),
            reason="" if kept else reason,
            error=error,
        )

    def _fault(self, example: Example[Any, Any], run: Run) -> str:
        """What is wrong with an answer; empty where it is right."""
        if run.answer is None:
            return run.outcome.error or "no answer"
        if run.problems:
            return "; ".join(run.problems)
        score = self.teacher.specialist.task.score(example, run.answer)
        return "" if score.right else f"wrong{f': {score.note}' if score.note else ''}"

    def _note(self, trace: Trace) -> Trace:
        """Take account of a question that is done."""
        self.done[trace.id] = trace
        self.spent += trace.usage
        self._new += 1
        self._failed = self._failed + 1 if trace.error else 0
        if self._failed >= ENOUGH and not self.purse.empty:
            self.stop, self.broken = True, trace.error
        return trace

    def _progress(self, seconds: float, whole: int) -> None:
        if self._told == self._new:
            return
        self._told = self._new
        counts = self._counts()
        pace = self._new / max(seconds, 1e-9)
        left = (whole - self._new) / pace if pace else 0.0
        cost = f", ${self.spent.cost_usd:.4f}" if self.teacher.price else ""
        self.say(
            f"traces: {self._new:,} of {whole:,} questions ({self._new / max(whole, 1):.0%}), "
            f"{counts['kept']:,} dialogues kept, {counts['wrong']:,} wrong, "
            f"{counts['failed']:,} failed{cost}, {pace:.1f} questions/s, "
            f"{left / 60:.1f} min left"
        )

    @contextmanager
    def _stopping(self) -> Generator[None]:
        """Ctrl-C and SIGTERM ask to stop; a second one stops at once."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        numbers = (signal.SIGINT, signal.SIGTERM)
        before: dict[int, Any] = {}

        def heard() -> None:
            if self.interrupted and task is not None:
                task.cancel()
                return
            self.stop = self.interrupted = True
            self.say("stopping when the questions under way are answered; once more stops at once")

        try:
            for number in numbers:
                before[number] = signal.getsignal(number)
                loop.add_signal_handler(number, heard)
        except (ValueError, NotImplementedError, RuntimeError):  # not the main thread, or no Unix
            before.clear()
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    # --- what is there already -----------------------------------------------------------------

    def _seeds(self, key: str, number: int) -> tuple[int, int | None]:
        """Of a try's tokens, and of its handles; None: those are numbered in order."""
        seed = seed_of(self.asking.seed, key, number)
        mixed = teachers.shuffled(self.teacher.specialist.task, self._keys[key])
        return seed % 2**31, seed if mixed else None

    def _varies(self, key: str) -> bool:
        """Whether asking again could bring anything else: another draw, or other handles."""
        return self.teacher.sampling.temperature > 0 or self._seeds(key, 0)[1] is not None

    def _question(self, key: str) -> str:
        """SHA-256 of what the teacher reads first."""
        episode = self.teacher.specialist.task.begin(
            self._keys[key].inputs,
            form=self.teacher.specialist.form,
            seed=self._seeds(key, 0)[1],
        )
        return digest([m.model_dump(mode="json", exclude_defaults=True) for m in episode.messages])

    def _open(self, key: str) -> bool:
        """Whether a question is to be asked: new, another under the same id, or one that failed."""
        trace = self.done.get(key)
        return trace is None or trace.question != self._questions[key] or bool(trace.error)

    def _claim(self) -> dict[str, Any]:
        """The header of this collection; the one on disk must be of the same teacher and asking."""
        asking = self.asking
        claimed: dict[str, Any] = {
            "job": self.teacher.specialist.task.name,
            "teacher": dict(self.teacher.about) | {"name": self.teacher.name},
            "prompt": self.teacher.prompt(self.examples[0].inputs),
            "form": {"teacher": self.teacher.specialist.form, "student": self.form},
            "sampling": self.teacher.sampling.model_dump(exclude={"seed"}),
            "samples": asking.samples,
            "keep": asking.keep,
            "seed": asking.seed,
        }
        path = self.out / HEADER
        if not path.exists():
            if (self.out / LINES).exists():
                raise ConfigError(f"{self.out} has {LINES} and no {HEADER} that says whose it is")
            header = claimed | {"started": now(), "seconds": 0.0}
            write(path, header)
            return header
        try:
            header = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise RecordError(f"{path} is damaged: {error}") from error
        other = {key: (header.get(key), value) for key, value in claimed.items()
                 if header.get(key) != value}  # fmt: skip
        if other:
            told = "; ".join(f"{key} was {was} and is {is_}" for key, (was, is_) in other.items())
            raise ConfigError(
                f"{self.out} holds traces that were collected otherwise: {told}. Collect into "
                "another folder, or remove that one"
            )
        return header

    # --- what comes of it ----------------------------------------------------------------------

    def _dialogues(self) -> list[Dialogue]:
        found: list[Dialogue] = []
        for key, example in self._keys.items():
            if not self._open(key) and self.done[key].kept:
                tools = shown(self.teacher.specialist.task, example, self.form)
                found += [Dialogue(messages, tools) for messages in self.done[key].kept]
        return unique(found)

    def _counts(self) -> dict[str, int]:
        traces = [self.done[key] for key in self._keys if key in self.done]
        return {
            "questions": len(self._keys),
            "done": sum(not t.error for t in traces),
            "failed": sum(bool(t.error) for t in traces),
            "wrong": sum(not t.kept and not t.error for t in traces),
            "kept": sum(len(t.kept) for t in traces),
            "tries": sum(t.tries for t in traces),
            "right": sum(t.right for t in traces),
        }

    def _tell_header(self, header: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        traces = [self.done[key] for key in self._keys if key in self.done]
        reasons = Counter(t.reason[:200] for t in traces if t.reason and not t.kept and not t.error)
        price, wall = self.teacher.price, header["seconds"] + seconds
        dialogues = self._dialogues()
        told = dict(header) | self._counts() | {
            "unique": len(dialogues),
            "ways": dict(Counter(way for t in traces for way in t.ways)),
            "reasons": dict(reasons.most_common(5)),
            "price": price.model_dump() if price else None,
            "budget_usd": self.asking.budget_usd,
            # A machine by the hour is paid once, however many calls it answers at a time.
            "cost_usd": self.spent.cost_usd if price is None or not price.hour_usd
            else price.cost(self.spent.model_copy(update={"seconds": wall})),
            "calls": self.spent.calls,
            "unpriced_calls": self.spent.unpriced_calls,
            "prompt_tokens": self.spent.prompt_tokens,
            "completion_tokens": self.spent.completion_tokens,
            "seconds": round(wall, 1),
            "updated": now(),
            "digest": digest([d.digest for d in dialogues]),
        }  # fmt: skip
        write(self.out / HEADER, told)
        return told


def shown(task: Task[Any, Any], example: Example[Any, Any], form: Form) -> tuple[ToolSpec, ...]:
    """The tools that a dialogue's prompt shows: in the full form those it begins with, in the
    compact form none."""
    if form == "compact" or not task.tool_names:
        return ()
    return task.begin(example.inputs, form=form).tools()


def _keys(examples: Examples) -> dict[str, Example[Any, Any]]:
    """Examples by id; one whose id is taken is told apart by its place among those."""
    keys: dict[str, Example[Any, Any]] = {}
    for example in examples:
        key, number = example.id, 1
        while key in keys:
            number += 1
            key = f"{example.id}~{number}"
        keys[key] = example
    return keys
