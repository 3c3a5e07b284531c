"""The values that travel between rooms: messages, completions, evidence, findings, plans.

Everything here is frozen and serialisable (``model_dump_json`` ↔ ``model_validate_json``).
Nothing here computes; the verbs live with the rooms that use them.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- talking to a model -------------------------------------------------------------------------

Role = Literal["system", "user", "assistant", "tool"]


class ToolCall(Value):
    """A model's wish to use a tool."""

    id: str
    name: str
    arguments: dict[str, Any]


class Message(Value):
    """One turn of a dialogue, in the OpenAI shape."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


class ToolSpec(Value):
    """A tool as a model sees it. ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]

    def openai(self) -> dict[str, Any]:
        """The tool in the form that chat templates and OpenAI-compatible servers take."""
        return {"type": "function", "function": self.model_dump()}


class Grammar(Value):
    """A reply held to a context-free grammar, in xgrammar's EBNF with a rule named ``root``."""

    ebnf: str


ReplySchema = dict[str, Any] | Grammar
"""What a reply must look like: a JSON schema, or a grammar."""


class Sampling(Value):
    """How tokens are drawn. ``temperature`` 0 is greedy."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 192
    seed: int | None = None


class TokenLogprob(Value):
    """A generated token and its log-probability (nats) before any grammar mask."""

    text: str
    logprob: float


class Usage(Value):
    """What a call, or a sum of calls, consumed."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    """Calls of a model whose price is not known: ``cost_usd`` is then a lower bound."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            seconds=self.seconds + other.seconds,
            cost_usd=self.cost_usd + other.cost_usd,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
        )


class Completion(Value):
    """One reply. ``message.tool_calls`` is filled when the reply is tool calls."""

    message: Message
    finish_reason: Literal["stop", "length", "tool_calls"]
    logprobs: tuple[TokenLogprob, ...] = ()
    usage: Usage = Usage()
    first_token_s: float | None = None
    """Seconds from the call until the prompt was read and the first token chosen, waiting for other
    dialogues included; None: the engine does not tell."""
    model: str = ""
    adapter: str | None = None


class Delta(Value):
    """The next piece of a reply that is told while it is written."""

    text: str
    restart: bool = False
    """What came before is void: another server begins anew, and this is its text so far."""


# --- where a value comes from -------------------------------------------------------------------

Scalar = str | int | float | bool | None


class Quantity(Value):
    """A number with its unit. ``amount`` is what it is worth: ``value × scale``."""

    value: float
    unit: str = ""
    """ISO currency code, ``%``, ``x`` (a ratio), ``count``, or empty when unknown."""
    scale: float = 1.0
    """1, 1e3 (thousand), 1e6 (million), 1e9 (billion). A percentage has unit ``%`` and scale 1."""

    @property
    def amount(self) -> float:
        return self.value * self.scale


class Cell(Value):
    """One cell of one table version."""

    kind: Literal["cell"] = "cell"
    table: str
    column: str
    row: dict[str, Scalar]
    """The row's key columns: company, period, label …"""
    value: Scalar
    unit: str = ""
    scale: float = 1.0
    known_at: date | None = None
    """When this value became known (a restatement has a later date)."""
    source: str = ""
    """The file or document the row was read from."""


class Span(Value):
    """A stretch of one document's text: ``text == document.text[start:end]``."""

    kind: Literal["span"] = "span"
    document: str
    title: str = ""
    start: int
    end: int
    text: str
    known_at: date | None = None
    source: str = ""


class Step(Value):
    """One calculator step."""

    kind: Literal["step"] = "step"
    expression: str
    result: float


Evidence = Annotated[Cell | Span | Step, Field(discriminator="kind")]


class ToolEvent(Value):
    """A tool call that happened, as the trace shows it."""

    name: str
    arguments: dict[str, Any]
    result: str
    error: str | None = None
    seconds: float = 0.0


class ServedBy(Value):
    """Which weights answered."""

    model: str
    adapter: str | None = None
    """SHA-256 of the adapter, or None for the base model."""
    decision: str | None = None
    """Id of the decision record that justifies the adapter; None means provisional."""


class Signals(Value):
    """What is known, without gold, of an answer's chances of being right. None: not known.

    Whoever knows a signal fills it in; ``specialists.confidence`` makes a probability of them.
    """

    log_probability: float | None = None
    """Sum over all reply tokens of the dialogue (nats), before any grammar mask."""
    mean_log_probability: float | None = None
    """The same, per token."""
    agreement: float | None = None
    """Share of the sampled answers that have the given answer's value and unit; 0 to 1."""
    vote: bool | None = None
    """An independent reader (the encoder's classifier, a ranker) says the same."""
    vote_probability: float | None = None
    """The probability that reader gives to the model's answer; 0 to 1."""
    similarity: float | None = None
    """Cosine of the nearest worked case; -1 to 1."""
    link: float | None = None
    """Score of the least sure mention the answer rests on; 0 to 1."""
    checks: bool | None = None
    """The task's own checks found nothing wrong."""


Status = Literal["ok", "abstained", "failed"]


class Finding(Value):
    """What one subtask found."""

    subtask: str
    specialist: str
    status: Status
    value: Quantity | str | None = None
    label: str = ""
    """What the value is, in words: ``revenue of Acme Corp in 2022``."""
    confidence: float | None = None
    """Probability of being right, where a calibration exists; else the model's own probability."""
    signals: Signals | None = None
    """What the confidence was made of."""
    evidence: tuple[Evidence, ...] = ()
    trace: tuple[ToolEvent, ...] = ()
    replies: tuple[str, ...] = ()
    """The model's replies, verbatim, in order."""
    attempts: int = 1
    refused: bool = False
    """The model answered, and the task's own check refused the answer."""
    usage: Usage = Usage()
    seconds: float = 0.0
    """Wall time of the subtask."""
    served_by: ServedBy | None = None
    reason: str = ""
    """Why it abstained or failed, in words a person can act on."""


# --- plans --------------------------------------------------------------------------------------


class Ref(Value):
    """A reference to an earlier finding: an edge of the plan's graph."""

    ref: str
    """Id of the subtask whose finding is meant."""


class Subtask(Value):
    """One step of a plan."""

    id: str
    specialist: str
    instruction: str
    """What is asked, as a self-contained sentence or phrase."""
    inputs: dict[str, Scalar | Ref] = {}
    """Literals (company, year …) and references to earlier findings, by name."""

    def parents(self) -> tuple[str, ...]:
        """Ids of the subtasks this one waits for, in order of first mention."""
        return tuple(dict.fromkeys(v.ref for v in self.inputs.values() if isinstance(v, Ref)))


class Plan(Value):
    """A directed acyclic graph of subtasks, in topological order."""

    subtasks: tuple[Subtask, ...]
    note: str = ""
    """Why the plan is empty, when it is: what the question asks that this workspace has not."""
