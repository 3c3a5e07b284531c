"""The job ``calculation``: numbers in context → an arithmetic program in handles → its result.

The model writes the program; code runs it, reconciles scales and works out the unit. The model
never writes a digit.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from specialists.calculation import execute, planned, program
from specialists.calculation.facts import CalculationInputs, Fact, Prompt, prompt
from specialists.calculation.order import contracted, expanded
from specialists.foundation.contracts import (
    Cell,
    Evidence,
    Finding,
    Grammar,
    Message,
    Quantity,
    Signals,
    Span,
    Step,
    Subtask,
    Value,
)
from specialists.foundation.errors import AnswerError, NotFound
from specialists.replies import one_object
from specialists.task import (
    Conclusion,
    Example,
    Fold,
    Form,
    Outcome,
    Score,
    SingleReply,
    Task,
    system,
)
from specialists.workspace.handles import Handles
from specialists.workspace.numbers import format_quantity
from specialists.workspace.tools import Tools


class Calculation(Value):
    """A program that ran. ``program`` is None where the numbers at hand do not give the answer."""

    program: str | None = None
    """As the model wrote it, in the handles of its own dialogue."""
    value: Quantity | str | None = None
    """The result with unit and scale; ``yes``/``no`` for a comparison."""
    raw: float | str | None = None
    """The result by FinQA's convention: shares and growth rates are fractions."""
    label: str = ""
    """The calculation in words: ``(revenue in 2022 - revenue in 2021) / revenue in 2021``."""
    steps: tuple[Step, ...] = ()
    used: tuple[Fact, ...] = ()
    """The facts the program uses, in order of first use."""


class Reply(Value):
    """What the model writes."""

    program: str | None


class CalculationTask(Task[CalculationInputs, Calculation]):
    """Arithmetic over given numbers."""

    name = "calculation"
    instructions = (
        "Write the arithmetic program that answers the question from the numbers given. Each "
        "number has a handle such as <n1>. A program is steps separated by commas; an "
        "argument is a handle, the result #k of step k (from 0), or a constant const_1, "
        "const_2 … const_100, const_1000, const_1000000. Operations: add, subtract, multiply,"
        " divide, greater, exp (two arguments); table_sum, table_average, table_max, "
        "table_min (any handles); change, growth, cagr (earlier, later): the "
        "absolute, the relative and the yearly compound change; do not multiply shares by 100; "
        'scales are reconciled for you. Reply with one JSON object {"program": "subtract(<n2>, '
        '<n1>), divide(#0, <n3>)"}, or {"program": null} when the numbers given cannot answer'
        " the question."
    )
    max_turns = 1
    answer_type = Calculation

    def begin(
        self, inputs: CalculationInputs, *, form: Form = "compact", seed: int | None = None
    ) -> SingleReply:
        handles = Handles(random.Random(seed) if seed is not None else None)
        laid_out = prompt(inputs, handles)
        text = laid_out.text if form == "compact" else _in_full(inputs, laid_out)
        messages = [system(self.name, self.instructions, form), Message(role="user", content=text)]
        return SingleReply(messages, schema(laid_out), lambda reply: parse(reply, inputs, laid_out))

    async def gather(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Sequence[CalculationInputs]:
        companies = [c.name for c in tools.snapshot.catalogue.companies]
        return [gather(subtask, given, companies)]

    async def settle(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Conclusion | None:
        """A calculation whose operation the plan names needs no model."""
        operation = subtask.inputs.get("operation")
        if operation not in planned.PLANNED:
            return None
        companies = [c.name for c in tools.snapshot.catalogue.companies]
        return settled(subtask, gather(subtask, given, companies))

    def conclude(
        self, subtask: Subtask, outcomes: Sequence[Outcome[CalculationInputs, Calculation]]
    ) -> Conclusion:
        for outcome in outcomes:
            answer = outcome.answer
            if answer is None or answer.value is None:
                continue
            return Conclusion(
                status="ok",
                value=answer.value,
                label=answer.label,
                evidence=(*_sources(answer), *answer.steps),
                confidence=outcome.confidence,
            )
        errors = [o.error for o in outcomes if o.error]
        reason = errors[0] if errors else "the numbers found do not give the answer"
        return Conclusion(status="abstained", reason=f"{subtask.instruction}: {reason}")

    def examples(
        self, fold: Fold, count: int, seed: int
    ) -> Iterator[Example[CalculationInputs, Calculation]]:
        from specialists.calculation.examples import generate

        return generate(self, fold, count, seed)

    def written(self, example: Example[CalculationInputs, Calculation]) -> str:
        """The gold program in the handles of the full form."""
        laid_out = prompt(example.inputs, Handles())
        laid_out = replace(laid_out, text=_in_full(example.inputs, laid_out))
        return told(example.answer, laid_out)

    def solved(
        self, inputs: CalculationInputs, answer: Calculation, seed: int | None = None
    ) -> tuple[Message, ...]:
        """The whole gold dialogue in compact form.

        Raises:
            AnswerError: the answer has no program, or one over numbers that are not shown.
        """
        laid_out = prompt(inputs, Handles(random.Random(seed) if seed is not None else None))
        said = Message(role="assistant", content=told(answer, laid_out))
        return (*self.begin(inputs, seed=seed).messages, said)

    def score(
        self, example: Example[CalculationInputs, Calculation], answer: Calculation | None
    ) -> Score:
        from specialists.calculation.check import score

        return score(example, answer)

    def validate(
        self, inputs: CalculationInputs, answer: Calculation, evidence: Sequence[Evidence]
    ) -> list[str]:
        from specialists.calculation.check import validate

        return validate(inputs, answer)

    def signals(
        self, inputs: CalculationInputs, answer: Calculation, evidence: Sequence[Evidence]
    ) -> Signals:
        from specialists.calculation.second import opinion

        return opinion(inputs, answer)


def schema(laid_out: Prompt) -> Grammar:
    """The grammar of programs over a prompt's numbers."""
    return program.grammar(tuple(laid_out.facts))


def parse(reply: str, inputs: CalculationInputs, laid_out: Prompt) -> Calculation:
    """Read a reply and run its program.

    Raises:
        AnswerError: not the JSON asked for, or a program that does not run.
    """
    try:
        written = Reply.model_validate(one_object(reply))
    except ValidationError as error:
        raise AnswerError('the reply is not one JSON object {"program": …}') from error
    if written.program is None:
        return Calculation()
    meant = expanded(program.parse(written.program), laid_out.facts)
    return run(meant, inputs.question, laid_out.facts)


def settled(subtask: Subtask, inputs: CalculationInputs) -> Conclusion:
    """The result of the operation that a plan names, over its inputs in order.

    Raises:
        AnswerError: not the numbers it takes, units that do not fit, no finite result.
    """
    facts = {f"<n{i}>": fact for i, fact in enumerate(inputs.facts, 1)}
    limit = subtask.inputs.get("limit")
    if isinstance(limit, int | float):  # a number that the question names
        unit = str(subtask.inputs.get("unit") or "")
        first = next(iter(facts.values()))
        fact = Fact(quantity=_limit(float(limit), unit, first.quantity), measure="the limit")
        above = subtask.inputs.get("side") != "below"
        facts = {"<n1>": first, "<n2>": fact} if above else {"<n1>": fact, "<n2>": first}
    if inputs.operation == "cagr" and len(facts) == 2:
        facts = _dated(facts, inputs.question)
    ops = planned.written(inputs.operation, tuple(facts))
    answer = run(ops, inputs.question, facts, percent=inputs.operation in planned.IN_PERCENT)
    value = answer.value
    if inputs.operation in {"largest", "smallest"}:
        value = _whose(subtask, answer, inputs.facts)
    return Conclusion(
        status="ok",
        value=value,
        label=answer.label,
        evidence=(*_sources(answer), *answer.steps),
    )


def _whose(subtask: Subtask, answer: Calculation, facts: Sequence[Fact]) -> str:
    """The names of those whose number the result is."""
    names: list[str] = json.loads(str(subtask.inputs.get("names") or "[]"))
    best = answer.value.amount if isinstance(answer.value, Quantity) else None
    return " and ".join(
        name
        for name, fact in zip(names, facts, strict=False)
        if best is not None and math.isclose(fact.quantity.amount, best, rel_tol=1e-12)
    )


def _limit(amount: float, unit: str, beside: Quantity) -> Quantity:
    """A limit as a quantity of the kind it is held against.

    Raises:
        AnswerError: the units do not fit, or a bare number is held against money.
    """
    unit = unit.replace("count", "")
    own = beside.unit.partition("/")[0]
    if unit and unit not in {own, beside.unit}:
        raise AnswerError(f"a limit in {unit} says nothing about {beside.unit or 'a number'}")
    if not unit and own not in {"", "%", "x", "count"} and abs(amount) < beside.scale:
        raise AnswerError("the limit says neither a currency nor millions or billions")
    if beside.unit == "%":
        return Quantity(value=amount, unit="%")
    return Quantity(value=amount / beside.scale, unit=beside.unit, scale=beside.scale)


def _dated(facts: Mapping[str, Fact], question: str) -> dict[str, Fact]:
    """The two facts with the years the question names, where they have none of their own."""
    years = [int(y) for y in re.findall(r"\b(?:19|20)\d\d\b", question)][-2:]
    if len(years) < 2:
        return dict(facts)
    return {
        handle: fact if fact.year is not None else fact.model_copy(update={"year": year})
        for (handle, fact), year in zip(facts.items(), years, strict=True)
    }


def run(
    ops: program.Program,
    question: str,
    facts: Mapping[str, Fact],
    *,
    percent: bool | None = None,
) -> Calculation:
    """Run a program over facts.

    Args:
        percent: whether a plain ratio is told in percent; None: as the question sounds.

    Raises:
        AnswerError: an unknown handle, units that do not fit, no finite result.
    """
    numbers = {h: execute.Dated(f.quantity, f.year) for h, f in facts.items()}
    if percent is None:
        percent = execute.wants_percent(question)
    result = execute.run(ops, numbers, percent=percent)
    return Calculation(
        program=program.render(ops),
        value=result.value,
        raw=result.raw,
        label=_spelled(ops, facts),
        steps=result.steps,
        used=tuple(facts[h] for h in program.numbers(ops)),
    )


def reply(ops: program.Program | None, laid_out: Prompt) -> str:
    """A gold reply, as short as it can be written."""
    written = contracted(ops, laid_out.facts, laid_out.text) if ops else None
    return json.dumps({"program": program.render(written) if written else None})


def told(answer: Calculation, laid_out: Prompt) -> str:
    """A gold reply for an answer that was worked out in another dialogue's handles.

    Raises:
        AnswerError: it has no program, or one over numbers that are not shown.
    """
    if answer.program is None:
        if answer.raw is not None:
            raise AnswerError("gold has a result and no program")
        return reply(None, laid_out)
    ops = program.parse(answer.program)
    names: dict[str, str] = {}
    for old, fact in zip(program.numbers(ops), answer.used, strict=True):
        new = next((h for h, f in laid_out.facts.items() if f == fact), None)
        if new is None:
            raise AnswerError(f"the prompt does not show {fact.label}")
        names[old] = new
    renamed = tuple(program.Op(op.name, tuple(names.get(a, a) for a in op.args)) for op in ops)
    return reply(renamed, laid_out)


def gather(
    subtask: Subtask, given: Mapping[str, Finding], companies: Sequence[str]
) -> CalculationInputs:
    """A subtask's question and its earlier findings as facts.

    Raises:
        NotFound: a finding it needs has no number.
    """
    facts: list[Fact] = []
    for name, finding in given.items():
        if not isinstance(finding.value, Quantity):
            what = finding.label or name
            raise NotFound(f"{what} is not a number: {finding.reason or finding.value!r}")
        facts.append(_fact(name, finding, finding.value, companies))
    operation = subtask.inputs.get("operation")
    return CalculationInputs(
        question=subtask.instruction,
        facts=tuple(facts),
        operation=operation if isinstance(operation, str) else "",
    )


_IN_YEAR = re.compile(r"\s+(?:in|for|as of)\s+(?:fiscal\s+|FY\s?)?((?:19|20)\d\d)$")


def _fact(name: str, finding: Finding, quantity: Quantity, companies: Sequence[str]) -> Fact:
    """A finding as a fact: its label says measure, company and year, else its cells do."""
    measure = re.sub(r"^the\s+", "", finding.label or name)
    rows = [e.row for e in finding.evidence if isinstance(e, Cell)]
    years = {v for r in rows for k, v in r.items() if "year" in k and isinstance(v, int)}
    year = years.pop() if len(years) == 1 else None
    if told := _IN_YEAR.search(measure):
        year, measure = int(told[1]), measure[: told.start()]
    entity = ""
    for company in sorted(companies, key=len, reverse=True):
        if f"of {company}" in measure:
            entity, measure = company, measure.replace(f" of {company}", "")
            break
    return Fact(
        quantity=quantity,
        measure=measure,
        entity=entity,
        year=year,
        name=name,
        evidence=tuple(e for e in finding.evidence if isinstance(e, Cell | Span)),
    )


def _in_full(inputs: CalculationInputs, laid_out: Prompt) -> str:
    lines = [f"Question: {inputs.question}", *inputs.context, "Numbers:"]
    lines += [
        f"{handle} = {format_quantity(fact.quantity)}"
        + (f" ({fact.label})" if fact.measure else " (as written above)")
        for handle, fact in laid_out.facts.items()
    ]
    return "\n".join(lines)


_WORDS: dict[str, str] = {"add": "+", "subtract": "-", "multiply": "×", "divide": "/", "exp": "^"}


def _spelled(ops: program.Program, facts: Mapping[str, Fact]) -> str:
    """The program in words, the numbers by their labels."""
    said: list[str] = []

    def say(arg: str, inner: bool) -> str:
        if arg.startswith("#"):
            text = said[int(arg[1:])]
            return f"({text})" if inner and " " in text else text
        if arg.startswith("<"):
            fact = facts[arg]
            return fact.label if fact.measure else format_quantity(fact.quantity)
        return f"{program.CONSTANTS[arg]:g}"

    for op in ops:
        if op.name in _WORDS:
            said.append(f"{say(op.args[0], True)} {_WORDS[op.name]} {say(op.args[1], True)}")
        elif op.name == "greater":
            said.append(f"whether {say(op.args[0], True)} exceeds {say(op.args[1], True)}")
        else:
            what = op.name.removeprefix("table_")
            said.append(f"{what} of {', '.join(say(a, False) for a in op.args)}")
    return said[-1]


def _sources(answer: Calculation) -> list[Evidence]:
    """The cells and spans behind the numbers used, each once."""
    found = [e for fact in answer.used for e in fact.evidence]
    return list({e.model_dump_json(): e for e in found}.values())
