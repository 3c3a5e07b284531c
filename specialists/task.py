"""A job: what it is asked and must answer, where its examples come from, how answers are checked.

Every specialist's folder holds one ``Task``. It is the same object in training, in evaluation and
in service, so that what is trained is what is served. It knows nothing of engines or weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel

from specialists.foundation.contracts import (
    Evidence,
    Finding,
    Message,
    Quantity,
    ReplySchema,
    Signals,
    Status,
    Subtask,
    ToolCall,
    ToolSpec,
)
from specialists.foundation.errors import ConfigError
from specialists.workspace.tools import ToolResult, Tools

I = TypeVar("I")  # noqa: E741 - the inputs of a task
A = TypeVar("A")  # the answer of a task

Form = Literal["compact", "full"]
"""How a job is put to a model: handles and a one-word instruction for a small model tuned to the
job, or the instructions in full for any chat model."""

Fold = Literal["train", "dev", "companies", "templates"]
"""train · dev: unseen draws of the training distribution · companies: companies never trained on ·
templates: sentence frames (syntax and verbs) never trained on, with companies never trained on"""


@dataclass(frozen=True)
class Example(Generic[I, A]):
    """A solved case."""

    id: str
    inputs: I
    answer: A
    dialogue: tuple[Message, ...]
    """The whole gold dialogue in compact form: prompt, tool turns, final reply."""
    fold: Fold
    company: str = ""
    template: str = ""
    """Id of the frame that worded it; for public data, of the data set."""
    source: str = "generated"
    calls: tuple[ToolCall, ...] = ()
    """The dialogue's tool calls as the toolbox takes them, in order: what the full form shows."""


@dataclass(frozen=True)
class Score:
    """How right an answer is. ``right`` decides; ``parts`` are logged."""

    right: bool
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    note: str = ""


@dataclass(frozen=True)
class Outcome(Generic[I, A]):
    """One model run on one set of inputs: an answer, or why there is none."""

    inputs: I
    answer: A | None
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None
    signals: Signals | None = None
    """What the confidence was made of."""
    error: str = ""


@dataclass(frozen=True)
class Conclusion:
    """What a subtask's outcomes come to: a finding without its bookkeeping."""

    status: Status
    value: Quantity | str | None = None
    label: str = ""
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None
    signals: Signals | None = None
    """Of the outcome the value comes from; None: the only outcome's, where there is but one."""
    reason: str = ""


class Episode(ABC, Generic[A]):
    """One dialogue under way. Holds its handles; turns the model's short forms into real calls."""

    messages: list[Message]

    @abstractmethod
    def tools(self) -> tuple[ToolSpec, ...]:
        """The tools the next reply may call, arguments narrowed to what this dialogue holds."""

    @abstractmethod
    def schema(self) -> ReplySchema | None:
        """What the next plain reply must look like; None when it must be a tool call."""

    def expand(self, call: ToolCall) -> ToolCall:
        """The call as the toolbox takes it: handles replaced by names and values."""
        return call

    @abstractmethod
    def observe(self, call: ToolCall, result: ToolResult) -> Message:
        """The tool message the model reads next, in short form. ``call`` is the model's own."""

    @abstractmethod
    def answer(self, text: str) -> A:
        """Parse a plain reply.

        Raises:
            AnswerError: the reply is not an answer to this job; the message says what is wrong.
        """


class Task(ABC, Generic[I, A]):
    """One narrow job."""

    name: ClassVar[str]
    instructions: ClassVar[str]
    """The job in full, for a chat model that was not tuned to it."""
    tool_names: ClassVar[tuple[str, ...]] = ()
    max_turns: ClassVar[int] = 1
    answer_type: ClassVar[type[BaseModel]]
    slices: ClassVar[tuple[str, ...]] = ()
    """Parts of the generated examples that can be had alone; see ``sliced``."""
    slice: str = ""
    """The part whose examples are made; empty: all there are."""

    @abstractmethod
    def begin(self, inputs: I, *, form: Form = "compact", seed: int | None = None) -> Episode[A]:
        """Open a dialogue. ``seed`` shuffles handle numbers (training); None: in order."""

    @abstractmethod
    async def gather(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Sequence[I]:
        """The inputs a subtask means: links its words, searches documents, takes earlier findings.

        Args:
            given: findings of the subtask's parents, by the *input name* that refers to them.

        Raises:
            NotFound: the subtask speaks of something this workspace has not.
        """

    async def settle(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Conclusion | None:
        """What code alone makes of a subtask that says all there is to decide; None: a model must.

        Raises:
            NotFound: the subtask speaks of something this workspace has not.
        """
        return None

    @abstractmethod
    def conclude(self, subtask: Subtask, outcomes: Sequence[Outcome[I, A]]) -> Conclusion:
        """What the outcomes come to. Abstains where nothing right can be said."""

    @abstractmethod
    def examples(self, fold: Fold, count: int, seed: int) -> Iterator[Example[I, A]]:
        """Generated examples, deterministic in ``seed``. Folds share no companies or templates."""

    def demonstrations(
        self, name: str, examples: Iterable[Example[I, A]], seed: int
    ) -> Iterator[tuple[Message, ...]]:
        """The examples as a named kind of demonstrator would show them, for studies of learning.

        Args:
            name: of the demonstrator. The gold dialogues are the examples' own, not one of these.
            seed: of whatever the demonstrator draws by lot.

        Raises:
            ConfigError: the job has no such demonstrator.
        """
        raise ConfigError(f"the job {self.name!r} has no demonstrator {name!r}: it has only gold")

    def sliced(self, name: str) -> Self:
        """The same job, its examples those of one slice.

        Raises:
            ConfigError: there is no such slice.
        """
        if name not in self.slices:
            known = f"it has {', '.join(self.slices)}" if self.slices else "it has none"
            raise ConfigError(f"{self.name} has no slice {name!r}: {known}")
        part = copy(self)
        part.slice = name
        return part

    async def demonstrate(
        self, example: Example[I, A], *, form: Form = "full", tools: Tools | None = None
    ) -> tuple[tuple[Message, ...], tuple[ToolSpec, ...]]:
        """The whole gold dialogue in a form, and the tools its prompt shows.

        Args:
            tools: over the workspace the example asks about, where the job uses tools.

        Raises:
            AnswerError: this example cannot be shown in this form; the message says why.
        """
        if form == "compact":
            return example.dialogue, ()
        episode = self.begin(example.inputs, form=form)
        reply = Message(role="assistant", content=self.written(example))
        return (*episode.messages, reply), episode.tools()

    def written(self, example: Example[I, A]) -> str:
        """Gold as a reply in full form; by default what the compact form says.

        Raises:
            AnswerError: gold cannot be said in full form.
        """
        return example.dialogue[-1].content

    @abstractmethod
    def score(self, example: Example[I, A], answer: A | None) -> Score:
        """Against gold. None (no answer came) is wrong unless gold is 'not found'."""

    @abstractmethod
    def validate(self, inputs: I, answer: A, evidence: Sequence[Evidence]) -> list[str]:
        """Without gold: what is wrong with an answer, in words; empty when nothing is."""

    def equipped(self, weights: Path) -> Task[I, A]:
        """The same job with what lies beside the adapters for it; most jobs need nothing.

        Args:
            weights: folder of the weights. Nothing is loaded yet.
        """
        return self

    def signals(self, inputs: I, answer: A, evidence: Sequence[Evidence]) -> Signals:
        """What this job knows of an answer's chances besides the model's own probability.

        Votes, similarities, link scores; log-probabilities and checks are filled in elsewhere.
        """
        return Signals()


def system(name: str, instructions: str, form: Form) -> Message:
    """The system message: the job's name alone for the model tuned to it, else its instructions."""
    return Message(role="system", content=name if form == "compact" else instructions)


class SingleReply(Episode[Any]):
    """An episode of one reply and no tools: the common case."""

    def __init__(self, messages: list[Message], schema: ReplySchema, parse: Any) -> None:
        self.messages = messages
        self._schema = schema
        self._parse = parse

    def tools(self) -> tuple[ToolSpec, ...]:
        return ()

    def schema(self) -> ReplySchema:
        return self._schema

    def observe(self, call: ToolCall, result: ToolResult) -> Message:
        raise NotImplementedError("a single reply uses no tools")

    def answer(self, text: str) -> Any:
        return self._parse(text)
