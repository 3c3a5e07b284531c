"""The dialogue of a large chat model with the tables: names, real SQL, results in full."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from specialists.foundation.contracts import (
    Cell,
    Evidence,
    Message,
    Quantity,
    ReplySchema,
    Step,
    ToolCall,
    ToolSpec,
    Value,
)
from specialists.foundation.errors import AnswerError
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.task import Episode, system
from specialists.workspace.tools import ToolResult


class Reply(Value):
    """What the model writes in the end."""

    value: float | str | None
    unit: str | None = None
    scale: float = 1.0


def _spec(name: str, description: str, **properties: str) -> ToolSpec:
    required = [n for n in properties if n != "company"]
    parameters = {
        "type": "object",
        "properties": {n: {"type": "string", "description": d} for n, d in properties.items()},
        "required": required,
        "additionalProperties": False,
    }
    return ToolSpec(name=name, description=description, parameters=parameters)


TOOLS = (
    _spec("list_tables", "The tables, or those about one company", company="a company's name"),
    _spec("describe_table", "A table's columns, units and periods", table="a table's name"),
    _spec("sql", "Run one SELECT with a filter or an aggregate", query="DuckDB SQL"),
    _spec("calculator", "Evaluate arithmetic", expression="numbers and + - * / ( )"),
)


class FullEpisode(Episode[TableAnswer]):
    """One question in words."""

    def __init__(self, instructions: str, inputs: TableQuestion) -> None:
        question = inputs.question
        if inputs.company and inputs.company.lower() not in question.lower():
            question += f" (company: {inputs.company})"
        self.messages = [
            system("table_qa", instructions, "full"),
            Message(role="user", content=question),
        ]
        self._evidence: list[Evidence] = []
        self._texts: set[str] = set()
        self._numbers: list[tuple[Quantity, tuple[Evidence, ...]]] = []

    def tools(self) -> tuple[ToolSpec, ...]:
        return TOOLS

    def schema(self) -> ReplySchema | None:
        return {
            "type": "object",
            "properties": {
                "value": {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]},
                "unit": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "scale": {"type": "number"},
            },
            "required": ["value", "unit", "scale"],
            "additionalProperties": False,
        }

    def observe(self, call: ToolCall, result: ToolResult) -> Message:
        self._evidence += result.evidence
        if result.error is None and call.name == "sql":
            self._keep(result)
        if result.error is None and call.name == "calculator":
            steps = tuple(e for e in self._evidence if isinstance(e, Cell | Step))
            self._numbers.append((Quantity(value=float(result.data["result"])), steps))
        text = f"error: {result.error}" if result.error is not None else result.text
        return Message(role="tool", content=text, tool_call_id=call.id, name=call.name)

    def _keep(self, result: ToolResult) -> None:
        units: list[Any] = result.data["units"]
        for row in result.data["rows"]:
            for column, value, unit in zip(result.data["columns"], row, units, strict=True):
                if isinstance(value, bool) or value is None:
                    continue
                if isinstance(value, str):
                    self._texts.add(value)
                    continue
                self._texts.add(str(value))
                cells = [e for e in result.evidence if isinstance(e, Cell)]
                own = [c for c in cells if c.column == column and c.value == value]
                unit = unit or {}
                quantity = Quantity(
                    value=float(value), unit=unit.get("unit") or "", scale=unit.get("scale") or 1.0
                )
                self._numbers.append((quantity, tuple(own or cells)))

    def answer(self, text: str) -> TableAnswer:
        try:
            reply = Reply.model_validate_json(text)
        except ValidationError as error:
            raise AnswerError('the reply is not {"value": …, "unit": …, "scale": …}') from error
        if reply.value is None:
            return TableAnswer()
        if isinstance(reply.value, str):
            if reply.value not in self._texts:
                raise AnswerError(f"{reply.value!r} was returned by no tool")
            return TableAnswer(value=reply.value, label=reply.value, evidence=tuple(self._evidence))
        said = Quantity(value=reply.value, unit=reply.unit or "", scale=reply.scale)
        for quantity, evidence in reversed(self._numbers):
            known = quantity.model_copy(update={"unit": quantity.unit or said.unit})
            if known.unit and known.unit != said.unit:
                continue
            amounts = (known.amount, known.value)
            if any(abs(a - b) <= 1e-3 * abs(a) for a in amounts for b in (said.amount, said.value)):
                value = known if quantity.unit else said
                return TableAnswer(value=value, evidence=evidence)
        raise AnswerError(f"{reply.value:g} {reply.unit or ''} was returned by no tool")
