"""The dialogue of a large chat model with the tables: names, real SQL, results in full."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt, StrictStr, ValidationError

from specialists.foundation.contracts import (
    Message,
    Quantity,
    ReplySchema,
    ToolCall,
    ToolSpec,
    Value,
)
from specialists.foundation.errors import AnswerError
from specialists.replies import one_object
from specialists.table_qa.found import Found
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.task import Episode, system
from specialists.workspace.tools import ToolResult


class Reply(Value):
    """What the model writes in the end."""

    value: StrictInt | StrictFloat | StrictStr | None
    unit: StrictStr | None = None
    scale: Annotated[float, Field(gt=0)] = 1.0


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
        self._found = Found()
        self._looked = False

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
        self._looked |= result.error is None and call.name != "calculator"
        if result.error is None and call.name == "sql":
            self._found.rows(call.arguments["query"], result)
        if result.error is None and call.name == "calculator":
            self._found.worked_out(call.arguments["expression"], result)
        text = f"error: {result.error}" if result.error is not None else result.text
        return Message(role="tool", content=text, tool_call_id=call.id, name=call.name)

    def answer(self, text: str) -> TableAnswer:
        try:
            reply = Reply.model_validate(one_object(text))
        except ValidationError as error:
            raise AnswerError('the reply is not {"value": …, "unit": …, "scale": …}') from error
        if not self._looked:
            raise AnswerError("an answer before anything was looked at")
        if reply.value is None:
            return TableAnswer()
        if isinstance(reply.value, str):
            if reply.value not in self._found.texts:
                raise AnswerError(f"{reply.value[:80]!r} was returned by no tool")
            evidence = self._found.texts[reply.value]
            return TableAnswer(value=reply.value, label=reply.value, evidence=evidence)
        said = Quantity(value=reply.value, unit=reply.unit or "", scale=reply.scale)
        meant = self._found.meant(said, scaled="scale" in reply.model_fields_set)
        if meant is None:
            raise AnswerError(f"{reply.value:g} {reply.unit or ''} was returned by no tool")
        return TableAnswer(value=meant.quantity, evidence=meant.evidence)
