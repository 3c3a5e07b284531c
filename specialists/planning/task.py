"""The job ``planning``: a question and a catalogue → a plan of subtasks for the specialists.

In the compact form the model writes clauses of handles (``clauses.py``) and code writes the plan's
sentences (``expand.py``). In the full form any chat model writes the subtasks itself.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from specialists.foundation.contracts import (
    Evidence,
    Finding,
    Message,
    Plan,
    Ref,
    ReplySchema,
    Scalar,
    Subtask,
    Value,
)
from specialists.foundation.errors import AnswerError, NotFound
from specialists.planning import check, clauses
from specialists.planning.expand import Expander
from specialists.planning.mending import mended, place, undone
from specialists.planning.render import PlanningInputs, compact, in_full
from specialists.planning.surfaces import noun_of
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
from specialists.workspace.links import Linked, Linker
from specialists.workspace.tools import Tools


class WrittenInput(Value):
    """An input as a chat model writes it: a literal ``value``, or ``ref``, an earlier step's id."""

    name: str
    value: Scalar = None
    ref: str | None = None


class WrittenStep(Value):
    """A subtask as a chat model writes it."""

    id: str
    specialist: str
    instruction: str
    inputs: tuple[WrittenInput, ...] = ()


class WrittenPlan(Value):
    """A plan as a chat model writes it."""

    subtasks: tuple[WrittenStep, ...]
    note: str = ""


class PlanningTask(Task[PlanningInputs, Plan]):
    """Breaks a question into subtasks."""

    name = "planning"
    instructions = (
        "Break the finance question into subtasks for the specialists listed. Each subtask has an "
        "id (s1, s2, …), a specialist, an instruction that makes sense by itself (company, measure "
        "and fiscal year in words), and inputs. For table_qa and extraction the inputs are the "
        "literals company, measure and period (a year, or '2019 to 2023'); one subtask asks for "
        "one value, one aggregate over years of one company, or one ranking of companies. For "
        "sentiment they are company and perhaps period. A calculation has the literal input "
        "operation (growth, difference, ratio, share, cagr: two numbers; sum, average, maximum, "
        "minimum: two or more) and its numbers as refs to earlier subtasks, named a, b, …; for "
        "growth and cagr a is the earlier year, for a difference b is taken from a, for a ratio or "
        "share a is divided by b. Never compute yourself. A question without a year means the "
        "latest fiscal year. If the companies, years or measures asked for are not in the "
        "workspace, or the question is not one that its tables and documents can answer (a "
        "forecast, an opinion, advice), return no subtasks and say why in note. Reply with one "
        "JSON object."
    )
    max_turns = 1
    answer_type = Plan

    def begin(
        self, inputs: PlanningInputs, *, form: Form = "compact", seed: int | None = None
    ) -> SingleReply:
        if form == "full":
            messages = [
                system(self.name, self.instructions, form),
                Message(role="user", content=in_full(inputs)),
            ]
            return SingleReply(messages, written_schema(inputs), read_written)
        handles = Handles(random.Random(seed) if seed is not None else None)
        text, linked = compact(inputs, handles)
        messages = [system(self.name, self.instructions, form), Message(role="user", content=text)]
        schema = clauses.grammar(handles)
        return SingleReply(messages, schema, lambda reply: read_compact(reply, inputs, linked))

    async def gather(
        self, subtask: Subtask, given: Mapping[str, Finding], tools: Tools
    ) -> Sequence[PlanningInputs]:
        """The subtask's instruction as a question of its own."""
        if not subtask.instruction.strip():
            raise NotFound("there is no question to plan")
        catalogue = tools.snapshot.catalogue
        return [PlanningInputs(subtask.instruction, catalogue, Linker(catalogue))]

    def conclude(
        self, subtask: Subtask, outcomes: Sequence[Outcome[PlanningInputs, Plan]]
    ) -> Conclusion:
        for outcome in outcomes:
            if outcome.answer is not None and outcome.answer.subtasks:
                steps = outcome.answer.subtasks
                return Conclusion(
                    status="ok",
                    value="; ".join(s.instruction for s in steps),
                    label=f"a plan of {len(steps)} steps",
                    confidence=outcome.confidence,
                )
        notes = [o.answer.note for o in outcomes if o.answer is not None]
        errors = [o.error for o in outcomes if o.error]
        return Conclusion(status="abstained", reason=next(iter([*notes, *errors]), "no plan"))

    def examples(
        self, fold: Fold, count: int, seed: int
    ) -> Iterator[Example[PlanningInputs, Plan]]:
        from specialists.planning.examples import generate

        return generate(self, fold, count, seed)

    def written(self, example: Example[PlanningInputs, Plan]) -> str:
        """The gold plan as a chat model writes it."""
        reply = example.dialogue[-1].content if example.dialogue else ""
        if reply.startswith("<o") and "<c" not in reply and "<d" not in reply:
            raise AnswerError("a worked case alone tells the measure, and the full form shows none")
        return json.dumps(written(example.answer), ensure_ascii=False)

    def score(self, example: Example[PlanningInputs, Plan], answer: Plan | None) -> Score:
        return check.score(example.answer, answer)

    def validate(
        self, inputs: PlanningInputs, answer: Plan, evidence: Sequence[Evidence]
    ) -> list[str]:
        """What makes the plan impossible, and what the question names that the plan leaves out."""
        kinds = "erp" if inputs.cases else "cderp"
        gaps = check.left_out(inputs.linked, answer, kinds)
        return check.check(answer, inputs.specialists) + gaps


def written_schema(inputs: PlanningInputs) -> ReplySchema:
    """The JSON schema of a chat model's plan, its specialists narrowed to those there are."""
    schema: dict[str, Any] = WrittenPlan.model_json_schema()
    step: dict[str, Any] = schema["$defs"]["WrittenStep"]
    step["properties"]["specialist"]["enum"] = list(inputs.specialists)
    return schema


def written(plan: Plan) -> dict[str, Any]:
    """A plan as a chat model writes it: what ``read_written`` reads, before it is text."""
    steps = [
        {
            "id": step.id,
            "specialist": step.specialist,
            "instruction": step.instruction,
            "inputs": [
                {"name": name, "ref": value.ref}
                if isinstance(value, Ref)
                else {"name": name, "value": value}
                for name, value in step.inputs.items()
            ],
        }
        for step in plan.subtasks
    ]
    return {"subtasks": steps, "note": plan.note}


def read_written(reply: str) -> Plan:
    """A chat model's plan.

    Raises:
        AnswerError: not the JSON asked for.
    """
    try:
        written = WrittenPlan.model_validate(one_object(reply))
    except ValidationError as error:
        raise AnswerError("the reply is not one JSON object with subtasks") from error
    steps = tuple(
        Subtask(
            id=step.id,
            specialist=step.specialist,
            instruction=step.instruction,
            inputs={i.name: Ref(ref=i.ref) if i.ref else i.value for i in step.inputs},
        )
        for step in written.subtasks
    )
    note = written.note if steps or written.note else "nothing the workspace can answer is asked"
    return Plan(subtasks=steps, note=note)


def read_compact(reply: str, inputs: PlanningInputs, linked: Linked) -> Plan:
    """The plan that clauses of handles stand for.

    Raises:
        AnswerError: not the compact language, or handles in a place they cannot have.
    """
    parts = clauses.parse(mended(reply, linked.text), linked.handles)
    words = undone(linked.text)
    if words:
        return Plan(subtasks=(), note=f"{words!r} is nothing that is worked out here")
    ranked = [c for c in parts if c.verb in clauses.RANKED and c.number is None]
    if ranked and (which := place(linked.text)) > 1:
        parts = tuple(replace(c, place=which) if c in ranked else c for c in parts)
    return expand(inputs, parts, note_on(linked, parts))


def expand(inputs: PlanningInputs, parts: Sequence[clauses.Clause], note: str = "") -> Plan:
    """Clauses as a plan over the inputs' catalogue."""
    index = inputs.linker.index
    whole = {m.label: noun_of(m) for m in (*index.nested.values(), *index.derived.values())}
    names = {
        (noun.form, noun.parts[0].label, noun.parts[1].label): label
        for label, noun in whole.items()
        if noun.form is not None
    }
    expander = Expander(inputs.catalogue, index.first, index.last, index.timeless, names)
    return expander.plan(parts, note)


def note_on(linked: Linked, parts: Sequence[clauses.Clause]) -> str:
    """What the question names that the workspace has not, or why the plan is empty."""
    if linked.unknown:
        names = ", ".join(repr(phrase) for phrase in linked.unknown)
        return f"not in this workspace: {names}"
    return "" if parts else "the question asks for nothing this workspace can answer"


TASK = PlanningTask()
