from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from specialists.agent import Specialist, answer_one, run
from specialists.foundation.contracts import (
    Completion,
    Finding,
    Message,
    Quantity,
    ReplySchema,
    Sampling,
    Step,
    Subtask,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import AnswerError, Cancelled, EngineError, NotFound
from specialists.foundation.records import Calibration, Logistic
from specialists.task import Conclusion, Episode, Example, Fold, Form, Outcome, Score, Task, system
from specialists.workspace.calculator import evaluate
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.tools import ToolResult, Tools

SUBTASK = Subtask(id="s1", specialist="sums", instruction="2 and 3", inputs={})


class Sums(Task[str, Any]):
    """Adds numbers with the calculator: the smallest job that needs a tool."""

    name = "sums"
    instructions = "Add."
    tool_names = ("calculator",)
    max_turns = 3

    def begin(
        self, inputs: str, *, form: Form = "compact", seed: int | None = None
    ) -> Episode[Any]:
        return Adding(
            [system(self.name, self.instructions, form), Message(role="user", content=inputs)]
        )

    async def gather(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Sequence[str]:
        if "unknown" in subtask.instruction:
            raise NotFound("no company named Unknown in this workspace")
        if "bug" in subtask.instruction:
            raise KeyError("oops")
        return subtask.instruction.split(" | ")

    def conclude(self, subtask: Subtask, outcomes: Sequence[Outcome[str, Any]]) -> Conclusion:
        told = [o for o in outcomes if o.answer is not None]
        if not told:
            return Conclusion("abstained")
        return Conclusion(
            "ok",
            value=Quantity(value=sum(o.answer for o in told)),
            evidence=tuple(e for o in told for e in o.evidence),
            confidence=min(o.confidence or 0.0 for o in told),
        )

    def examples(self, fold: Fold, count: int, seed: int) -> Iterator[Example[str, Any]]:
        return iter(())

    def score(self, example: Example[str, Any], answer: Any) -> Score:
        return Score(answer == example.answer)

    def validate(self, inputs: str, answer: Any, evidence: Any) -> list[str]:
        return [f"{answer} is negative"] if answer < 0 else []


class Adding(Episode[Any]):
    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages

    def tools(self) -> tuple[ToolSpec, ...]:
        return (ToolSpec(name="calculator", description="", parameters={"type": "object"}),)

    def schema(self) -> ReplySchema:
        return {"type": "object"}

    def expand(self, call: ToolCall) -> ToolCall:
        if "<n9>" in str(call.arguments):
            raise AnswerError("<n9> stands for nothing")
        return call

    def observe(self, call: ToolCall, result: ToolResult) -> Message:
        content = result.error or json.dumps(result.data)
        return Message(role="tool", content=content, tool_call_id=call.id, name=call.name)

    def answer(self, text: str) -> Any:
        try:
            return json.loads(text)["sum"]
        except (ValueError, KeyError) as error:
            raise AnswerError(f"no sum in {text}") from error


class Calculator:
    """The one tool, over an empty workspace."""

    snapshot = Snapshot(
        Catalogue(workspace="w", version="1", as_of=date(2024, 1, 1), companies=(), tables=()), {}
    )

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        return ()

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        result = evaluate(arguments["expression"])
        step = Step(expression=arguments["expression"], result=result)
        return ToolResult(name, arguments, data=result, text=str(result), evidence=(step,))


Say = Callable[[Sequence[Message]], "str | ToolCall | Message | Exception"]


class Scripted:
    """An engine whose replies are written out; it keeps what it was asked."""

    model = "scripted"

    def __init__(self, say: Say, probability: float = 0.9) -> None:
        self._say, self._logprob = say, math.log(probability)
        self.asked: list[tuple[list[Message], tuple[ToolSpec, ...]]] = []

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
        await asyncio.sleep(0)
        self.asked.append((list(messages), tuple(tools)))
        said = self._say(messages)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, ToolCall):
            message = Message(role="assistant", tool_calls=(said,))
        else:
            message = Message(role="assistant", content=said) if isinstance(said, str) else said
        return Completion(
            message=message,
            finish_reason="tool_calls" if message.tool_calls else "stop",
            logprobs=(TokenLogprob(text="x", logprob=self._logprob),),
            usage=Usage(calls=1, prompt_tokens=5, completion_tokens=2),
        )

    async def aclose(self) -> None: ...


def adder(messages: Sequence[Message]) -> str | ToolCall:
    """Calls the calculator, then repeats what it gave."""
    if messages[-1].role == "tool":
        return f'{{"sum": {messages[-1].content}}}'
    expression = messages[-1].content.replace("and", "+")
    return ToolCall(id="c1", name="calculator", arguments={"expression": expression})


def does(say: Say, **fields: Any) -> Specialist:
    return Specialist(task=Sums(), engine=Scripted(say, fields.pop("probability", 0.9)), **fields)


async def do(specialist: Specialist, instruction: str = "2 and 3") -> Finding:
    subtask = SUBTASK.model_copy(update={"instruction": instruction})
    return await run(specialist, subtask, {}, Calculator())


async def test_tools_are_used_until_there_is_an_answer() -> None:
    finding = await do(does(adder, adapter="sums", digest="d" * 64))
    assert finding.status == "ok"
    assert finding.value == Quantity(value=5)
    assert [(e.name, e.arguments) for e in finding.trace] == [
        ("calculator", {"expression": "2 + 3"})
    ]
    assert finding.evidence == (Step(expression="2 + 3", result=5),)
    assert finding.replies == (
        '<tool_call>\n{"name": "calculator", "arguments": {"expression": "2 + 3"}}\n</tool_call>',
        '{"sum": 5.0}',
    )
    assert finding.usage.calls == 2
    assert finding.usage.prompt_tokens == 10
    assert finding.served_by is not None
    assert finding.served_by.adapter == "d" * 64
    assert finding.confidence == pytest.approx(0.81)  # both replies' words count


async def test_inputs_are_answered_side_by_side_and_concluded_together() -> None:
    finding = await do(does(adder), "1 and 1 | 2 and 2")
    assert finding.value == Quantity(value=6)
    assert finding.usage.calls == 4


async def test_the_last_turn_offers_no_tools() -> None:
    engine = Scripted(lambda m: ToolCall(id="c", name="calculator", arguments={"expression": "1"}))
    finding = await do(Specialist(task=Sums(), engine=engine))
    assert [bool(tools) for _, tools in engine.asked] == [True, True, False]
    assert finding.status == "abstained"
    assert "no answer after 3 turns" in finding.reason


async def test_a_tool_that_is_not_the_jobs_is_not_called() -> None:
    def say(messages: Sequence[Message]) -> str | ToolCall:
        if messages[-1].role == "tool":
            assert messages[-1].content == "there is no tool 'search'; there are calculator"
            return '{"sum": 0}'
        return ToolCall(id="c", name="search", arguments={"expression": "1"})

    one = await answer_one(does(say), "x", Calculator())
    assert one.answer == 0
    assert [e.error is None for e in one.events] == [False]


async def test_a_job_without_tools_gets_no_answer_from_a_call() -> None:
    class Telling(Sums):
        tool_names = ()

    call = ToolCall(id="c", name="calculator", arguments={"expression": "1"})
    one = await answer_one(Specialist(Telling(), Scripted(lambda m: call)), "x")
    assert one.outcome.error == "sums uses no tools"
    assert not one.broken


async def test_fewer_turns_may_be_allowed() -> None:
    engine = Scripted(lambda m: ToolCall(id="c", name="calculator", arguments={"expression": "1"}))
    one = await answer_one(Specialist(Sums(), engine), "x", Calculator(), turns=2)
    assert [bool(tools) for _, tools in engine.asked] == [True, False]
    assert one.outcome.error == "no answer after 2 turns"
    assert not one.broken


class Waiting(Calculator):
    """Calls that end in the order of their waiting, not of their making."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.under_way = 0
        self.most = 0

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.02 / evaluate(arguments["expression"]))
            if arguments["expression"] == "3":
                raise EngineError("the tool is out of order")
            self.ended.append(arguments["expression"])
            return await super().call(name, arguments)
        finally:
            self.under_way -= 1


def several(*expressions: str) -> Say:
    def say(messages: Sequence[Message]) -> str | Message:
        if messages[-1].role == "tool":
            told = [m.content for m in messages if m.role == "tool"]
            return json.dumps({"sum": 0, "told": told})
        calls = [
            ToolCall(id=f"c{i}", name="calculator", arguments={"expression": e})
            for i, e in enumerate(expressions)
        ]
        return Message(role="assistant", tool_calls=tuple(calls))

    return say


async def test_the_calls_of_one_reply_are_made_at_once_and_told_in_order() -> None:
    tools = Waiting()
    specialist = does(several("1", "<n9>", "4", "2"))
    one = await answer_one(specialist, "x", tools)
    assert tools.most == 3
    assert tools.ended == ["4", "2", "1"]
    assert [e.arguments["expression"] for e in one.events] == ["1", "<n9>", "4", "2"]
    told = [m.content for m in _last(specialist)[-4:]]
    assert told == ["1.0", "<n9> stands for nothing", "4.0", "2.0"]
    assert [m.tool_call_id for m in _last(specialist)[-4:]] == ["c0", "c1", "c2", "c3"]
    assert one.answer == 0


async def test_where_one_call_breaks_the_others_end() -> None:
    tools = Waiting()
    one = await answer_one(does(several("1", "3", "2")), "x", tools)
    assert one.broken
    assert one.outcome.error == "the tool is out of order"
    assert tools.under_way == 0
    assert tools.ended == []


async def test_an_error_of_our_own_is_in_the_run_too(caplog: pytest.LogCaptureFixture) -> None:
    one = await answer_one(does(lambda m: KeyError("oops")), "x", Calculator())
    assert one.broken
    assert one.outcome.error == "an error in sums: KeyError('oops')"
    assert "specialist sums broke" in caplog.text


def _last(specialist: Specialist) -> list[Message]:
    assert isinstance(specialist.engine, Scripted)
    return specialist.engine.asked[-1][0]


async def test_a_call_that_cannot_be_expanded_is_told_to_the_model() -> None:
    def say(messages: Sequence[Message]) -> str | ToolCall:
        if messages[-1].role == "tool":
            assert messages[-1].content == "<n9> stands for nothing"
            return '{"sum": 0}'
        return ToolCall(id="c", name="calculator", arguments={"expression": "<n9>"})

    assert (await do(does(say))).status == "ok"


async def test_an_answer_that_does_not_hold_is_not_given() -> None:
    finding = await do(does(lambda m: '{"sum": -1}'))
    assert finding.status == "abstained"
    assert finding.reason == "-1 is negative"
    assert finding.value is None


async def test_evaluations_see_the_answer_behind_an_abstention() -> None:
    one = await answer_one(does(lambda m: '{"sum": -1}'), "x", Calculator())
    assert one.outcome.answer is None
    assert one.answer == -1
    assert one.problems == ("-1 is negative",)


async def test_the_whole_dialogue_is_kept() -> None:
    one = await answer_one(does(adder), "2 and 3", Calculator())
    assert [m.role for m in one.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert one.messages[-1].content == '{"sum": 5.0}'
    endless = does(lambda m: ToolCall(id="c", name="calculator", arguments={"expression": "1"}))
    stopped = await answer_one(endless, "x", Calculator())
    assert [m.role for m in stopped.messages[2:]] == ["assistant", "tool"] * 3


async def test_words_that_are_no_answer_abstain() -> None:
    finding = await do(does(lambda m: "I think five"))
    assert finding.status == "abstained"
    assert "no sum in I think five" in finding.reason


async def test_what_the_workspace_has_not_is_said() -> None:
    finding = await do(does(adder), "unknown")
    assert finding.status == "abstained"
    assert finding.reason == "no company named Unknown in this workspace"


async def test_a_broken_model_is_a_failed_finding() -> None:
    finding = await do(does(lambda m: EngineError("the server does not answer")))
    assert finding.status == "failed"
    assert finding.reason == "the server does not answer"


async def test_one_broken_dialogue_leaves_the_others_standing() -> None:
    def say(messages: Sequence[Message]) -> str | ToolCall | Exception:
        return EngineError("gone") if "7" in messages[1].content else adder(messages)

    finding = await do(does(say), "7 and 7 | 2 and 2")
    assert finding.status == "ok"
    assert finding.value == Quantity(value=4)


async def test_a_bug_is_a_failed_finding_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    finding = await do(does(adder), "bug")
    assert finding.status == "failed"
    assert "KeyError" in finding.reason
    assert "sums broke on subtask s1" in caplog.text


async def test_a_caller_who_left_is_not_answered() -> None:
    with pytest.raises(Cancelled):
        await do(does(lambda m: Cancelled("gone")))


async def test_calibrated_doubt_abstains() -> None:
    calibration = Calibration(
        specialist="sums",
        adapter=None,
        logistic=Logistic(intercept=1.0, weights={"words": 2.0}, usual={"words": 0.0}),
        threshold=0.7,
        fold="dev",
        count=100,
    )
    sure = await do(does(lambda m: '{"sum": 1}', probability=0.95, calibration=calibration))
    assert sure.status == "ok"
    assert sure.confidence == pytest.approx(1 / (1 + math.exp(-1 - 2 * math.log(0.95))))
    assert sure.signals is not None
    assert sure.signals.log_probability == pytest.approx(math.log(0.95))
    assert sure.signals.checks is True
    unsure = await do(does(lambda m: '{"sum": 1}', probability=0.5, calibration=calibration))
    assert unsure.status == "abstained"
    assert "too unsure" in unsure.reason


async def test_a_specialist_that_is_not_ready_fails() -> None:
    async def refuse() -> None:
        raise EngineError("the adapter is altered")

    finding = await do(does(adder, ready=refuse))
    assert finding.status == "failed"
    assert finding.reason == "the adapter is altered"
