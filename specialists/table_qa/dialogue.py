"""The dialogue of a small model with the tables: short calls out, short observations back.

The model sees handles alone: tables, measures, companies, years and numbers are tokens, never names
or digits. Each turn's tools admit only calls that can make sense by then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from specialists.foundation.contracts import (
    Cell,
    Evidence,
    Message,
    Quantity,
    ReplySchema,
    ToolCall,
    ToolSpec,
    Value,
)
from specialists.foundation.errors import AnswerError
from specialists.replies import one_object
from specialists.table_qa import arithmetic, query
from specialists.table_qa.inputs import TableAnswer, TableQuestion, begin
from specialists.task import Episode, system
from specialists.workspace.catalogue import Period, Table
from specialists.workspace.handles import PATTERN
from specialists.workspace.links import RowKey
from specialists.workspace.tools import ToolResult

MAX_LISTED = 6
"""Tables one listing names; those that hold a measure asked for come first to count."""
MAX_ROWS = 4


class Reply(Value):
    """What the model writes in the end: a handle, or null."""

    value: str | None


class CompactEpisode(Episode[TableAnswer]):
    """One question in handles."""

    def __init__(
        self, name: str, instructions: str, inputs: TableQuestion, seed: int | None
    ) -> None:
        text, self.handles = begin(inputs.linked, seed)
        self.catalogue = inputs.catalogue
        self.messages = [
            system(name, instructions, "compact"),
            Message(role="user", content=text),
        ]
        self._asked = set(self.handles.of("e", "p", "r"))
        self._listed: dict[str, Table] = {}
        self._described: dict[str, Table] = {}
        self._evidence: dict[str, tuple[Evidence, ...]] = {}
        self._shown: list[str] = []

    # --- what may come next ---------------------------------------------------------------------

    def tools(self) -> tuple[ToolSpec, ...]:
        if not self._listed and not self._seen_listing:
            return (self._list_spec(),)
        specs: list[ToolSpec] = []
        fresh = [h for h in self._listed if h not in self._described]
        if fresh:
            specs.append(_spec("describe_table", "What a table holds", {"table": {"enum": fresh}}))
        pattern = query.pattern(list(self._described.items()), self.handles)
        if pattern:
            properties = {"query": {"type": "string", "pattern": f"^({pattern})$"}}
            specs.append(_spec("sql", "Query the tables described", properties))
        numbers = [h for h in self._evidence if h.startswith("<n")]
        if len(numbers) > 1:
            pattern = arithmetic.pattern(numbers)
            properties = {"expression": {"type": "string", "pattern": f"^{pattern}$"}}
            specs.append(_spec("calculator", "Arithmetic over numbers found", properties))
        return tuple(specs)

    _seen_listing = False

    def _list_spec(self) -> ToolSpec:
        companies = self.handles.of("e")
        properties: dict[str, Any] = {"company": {"enum": companies}} if companies else {}
        return _spec("list_tables", "Tables, of a company or all", properties, required=())

    def schema(self) -> ReplySchema | None:
        if not self._seen_listing:
            return None
        found = list(dict.fromkeys(self._shown))
        return {
            "type": "object",
            "properties": {"value": {"enum": [*found, None]}},
            "required": ["value"],
            "additionalProperties": False,
        }

    # --- calls ----------------------------------------------------------------------------------

    def expand(self, call: ToolCall) -> ToolCall:
        """The real call. One that cannot be read goes out as it is, to be refused by the tool."""
        try:
            return call.model_copy(update={"arguments": self._real(call)})
        except AnswerError:
            return call

    def _real(self, call: ToolCall) -> dict[str, Any]:
        arguments = call.arguments
        if call.name == "list_tables":
            if not arguments.get("company"):
                return {}
            return {"company": self.handles.resolve(_text(arguments, "company")).value}
        if call.name == "describe_table":
            return {"table": self.handles.resolve(_text(arguments, "table")).value}
        if call.name == "sql":
            return {"query": query.sql(self.lookup(call))}
        if call.name == "calculator":
            return {"expression": self._expression(call).text}
        raise AnswerError(f"no tool {call.name}")

    def lookup(self, call: ToolCall) -> query.Lookup:
        """An ``sql`` call, resolved.

        Raises:
            AnswerError: it cannot be read, or the table has not what it asks for.
        """
        return query.read(_text(call.arguments, "query"), self.handles, self.catalogue)

    def table(self, handle: str) -> Table:
        """A table that was listed."""
        return self._listed[handle]

    def _expression(self, call: ToolCall) -> arithmetic.Expression:
        numbers = {h: self.handles.resolve(h).value for h in self.handles.of("n")}
        return arithmetic.write(_text(call.arguments, "expression"), numbers)

    # --- observations ---------------------------------------------------------------------------

    def observe(self, call: ToolCall, result: ToolResult) -> Message:
        try:
            text = self._observed(call, result)
        except AnswerError as error:
            text = f"error: {error}"
        return Message(role="tool", content=text, tool_call_id=call.id, name=call.name)

    def _observed(self, call: ToolCall, result: ToolResult) -> str:
        self._real(call)  # what cannot be read is told in the model's own terms
        if result.error is not None:
            return f"error: {_brief(result.error)}"
        if call.name == "list_tables":
            return self._tables(result.data)
        if call.name == "describe_table":
            return self._columns(_text(call.arguments, "table"))
        if call.name == "calculator":
            return self._result(call, result)
        return self._rows(self.lookup(call), result)

    def _tables(self, data: Sequence[dict[str, Any]]) -> str:
        self._seen_listing = True
        known = {t.name: t for t in self.catalogue.tables}
        tables = [known[d["table"]] for d in data if d["table"] in known]
        holding = [t for t in tables if self._held(t)]
        named = {t.name for t in (holding + [t for t in tables if t not in holding])[:MAX_LISTED]}
        lines: list[str] = []
        for table in tables:
            if table.name in named and self.handles.room("t"):
                handle = self.handles.bind("t", table.name, table.title)
                self._listed[handle] = table
                # The table follows each measure it holds: found by place, in one step.
                held = [f"{h} {handle}" for h in self._held(table)]
                lines.append(" ".join([_title(table), *(held or [handle])]))
        rest = len(tables) - len(lines)
        lines += [f"{rest} more"] if rest else []
        return " ; ".join(lines) or "no tables"

    def _held(self, table: Table) -> list[str]:
        """The measures and row keys asked for that a table holds."""
        held = [
            h
            for h in self.handles.of("c")
            if query.held(self.handles.resolve(h).value, table) is not None
        ]
        return held + [h for h in self.handles.of("r") if _has_row(table, self._row(h))]

    def _row(self, handle: str) -> RowKey:
        return self.handles.resolve(handle).value

    def _columns(self, handle: str) -> str:
        table = self._listed.get(handle)
        if table is None:
            raise AnswerError(f"{handle} is not listed")
        self._described[handle] = table
        parts: list[str] = []
        company = table.column("company")
        parts += ["company"] if company else []
        for h in self.handles.of("e"):
            name = self.handles.resolve(h).value
            parts += [h] if h in self._asked and _has_company(table, name) else []
        parts += ["fiscal_year"] if table.column("period") else []
        for h in self.handles.of("p"):
            period: Period = self.handles.resolve(h).value
            years = set(range(period.first, period.last + 1))
            parts += [h] if h in self._asked and years <= set(table.periods) else []
        parts += ["label"] if table.column("label") else []
        held = self._held(table)
        parts += [h for h in held if h.startswith("<r")] + [":"]
        measures = [h for h in held if h.startswith("<c")]
        rest = sum(c.role == "measure" for c in table.columns) - len(measures)
        return " ".join([*parts, *measures, f"+ {max(rest, 0)}"])

    def _result(self, call: ToolCall, result: ToolResult) -> str:
        written = self._expression(call)
        value = float(result.data["result"])
        quantity = Quantity(value=value, unit=written.unit, scale=written.scale)
        label = self.spell(_text(call.arguments, "expression"))
        operands = [e for h in written.used for e in self._evidence.get(h, ())]
        return self._number(quantity, label, (*operands, *result.evidence))

    def _number(self, quantity: Quantity, label: str, evidence: Sequence[Evidence]) -> str:
        key = f"{label} {len(self._evidence)}"
        handle = self.handles.bind("n", quantity, label, key=key)
        self._evidence[handle] = tuple(evidence)
        self._shown.append(handle)
        return handle

    def _rows(self, lookup: query.Lookup, result: ToolResult) -> str:
        rows: list[list[Any]] = result.data["rows"]
        units: list[Any] = result.data["units"]
        if lookup.aggregate:
            return self._aggregate(lookup, rows, units, result.evidence)
        keys = len(lookup.keys)
        if keys and lookup.order is None:
            return self._wanted(lookup, rows, units, result.evidence)
        shown = [self._row_text(lookup, r, units, keys, result.evidence) for r in rows[:MAX_ROWS]]
        if len(rows) > MAX_ROWS:
            shown.append(f"{len(rows) - MAX_ROWS} more")
        return " ; ".join(shown) or "no rows"

    def _aggregate(
        self,
        lookup: query.Lookup,
        rows: list[list[Any]],
        units: list[Any],
        evidence: Sequence[Evidence],
    ) -> str:
        value, count = (rows[0][0], rows[0][1]) if rows else (None, 0)
        if value is None:
            return "no rows"
        if lookup.years is not None and int(count) < lookup.years:
            return "some years missing"
        label = f"{lookup.aggregate.lower() if lookup.aggregate else ''} of {_label(lookup, {})}"
        return self._number(_quantity(value, units[0]), label, evidence)

    def _wanted(
        self,
        lookup: query.Lookup,
        rows: list[list[Any]],
        units: list[Any],
        evidence: Sequence[Evidence],
    ) -> str:
        """One place for each row wanted, in the order wanted: ``none`` where it is not there."""
        wanted, *others = lookup.keys
        if others:
            raise AnswerError("one OR or ENDS at a time")
        texts: list[str] = []
        for value in wanted.values:
            fit = [r for r in rows if str(r[0]) == str(value)]
            texts.append(
                self._row_text(lookup, fit[0], units, 1, evidence) if len(fit) == 1 else "none"
            )
        return " ; ".join(texts)

    def _row_text(
        self,
        lookup: query.Lookup,
        row: Sequence[Any],
        units: Sequence[Any],
        keys: int,
        evidence: Sequence[Evidence],
    ) -> str:
        known = {c.column.name: row[i] for i, c in enumerate(lookup.keys) if c.column and i < keys}
        known |= {c.name: v for c, v in zip(lookup.columns, row[keys:], strict=True)}
        texts: list[str] = []
        for i, column in enumerate(lookup.columns, keys):
            value = row[i]
            if value is None:
                texts.append("none")
            elif column.type == "number" and column.role == "measure":
                cells = _cells(evidence, column.name, value, known)
                label = _label(lookup, known, column.title or column.name)
                texts.append(self._number(_quantity(value, units[i]), label, cells))
            else:
                texts.append(self._name(column.role, value, evidence))
        return " ".join(texts)

    def _name(self, role: str, value: Any, evidence: Sequence[Evidence]) -> str:
        """A text or a year: the handle it has already, or a new one."""
        handle = self._bound(role, value) or self.handles.bind("v", str(value), str(value))
        self._evidence[handle] = tuple(evidence)
        self._shown.append(handle)
        return handle

    def _bound(self, role: str, value: Any) -> str | None:
        for handle in self.handles.of("e", "p", "r"):
            target = self.handles.resolve(handle).value
            if role == "company" and target == value:
                return handle
            if role == "period" and isinstance(target, Period):
                if target.first == target.last and str(target.first) == str(value):
                    return handle
            elif isinstance(target, RowKey) and target.value == value:
                return handle
        return None

    # --- the end --------------------------------------------------------------------------------

    def answer(self, text: str) -> TableAnswer:
        try:
            reply = Reply.model_validate(one_object(text))
        except ValidationError as error:
            raise AnswerError('the reply is not one JSON object {"value": …}') from error
        if not self._seen_listing:
            raise AnswerError("an answer before anything was looked at")
        if reply.value is None:
            return TableAnswer()
        if reply.value not in self._shown:
            raise AnswerError(f"{reply.value} was found by no tool")
        target = self.handles.resolve(reply.value)
        evidence = _unique(self._evidence[reply.value])
        value = target.value if isinstance(target.value, Quantity) else target.label
        if isinstance(target.value, RowKey):
            value = target.value.value
        elif isinstance(target.value, str):
            value = target.value
        return TableAnswer(value=value, label=target.label, evidence=evidence)

    def spell(self, text: str) -> str:
        """An expression with its numbers in words."""
        labels = {h: self.handles.resolve(h).label for h in self.handles.of("n")}
        return PATTERN.sub(lambda m: labels.get(m[0], m[0]), text)


def _spec(
    name: str, description: str, properties: dict[str, Any], required: Sequence[str] | None = None
) -> ToolSpec:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }
    return ToolSpec(name=name, description=description, parameters=parameters)


def _text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise AnswerError(f"{name} is missing")
    return value


def _brief(error: str) -> str:
    """An error's first words; digits and quotes mean nothing to a small model."""
    words = re.findall(r"[a-z_]+", error.lower())
    return " ".join(words[:8])


def _title(table: Table) -> str:
    """A title's first words, without the company's name."""
    title = table.title.lower().replace((table.company or " ").lower(), " ")
    return " ".join(re.findall(r"[a-z]{2,}", title)[:3])


def _has_row(table: Table, row: RowKey) -> bool:
    return table.name in row.tables


def _has_company(table: Table, name: str) -> bool:
    column = table.column("company")
    if column is None:
        return table.company == name
    return not column.values or name in column.values or len(column.values) >= 500


def _quantity(value: Any, unit: dict[str, Any] | None) -> Quantity:
    unit = unit or {}
    return Quantity(value=float(value), unit=unit.get("unit") or "", scale=unit.get("scale") or 1.0)


def _cells(
    evidence: Sequence[Evidence], column: str, value: Any, known: dict[str, Any]
) -> tuple[Evidence, ...]:
    """The cells a shown number comes from: its column and value, in a row that fits."""
    fit = [
        e
        for e in evidence
        if isinstance(e, Cell)
        and e.column == column
        and e.value == value
        and all(str(e.row[k]) == str(v) for k, v in known.items() if k in e.row)
    ]
    return tuple(fit)


def _label(lookup: query.Lookup, known: dict[str, Any], measure: str = "") -> str:
    """What a number is, in words, from its query and its row."""
    text = measure or lookup.columns[0].title or lookup.columns[0].name
    row = dict(known)
    for condition in lookup.where:
        if condition.column is None:
            text += f" of {condition.values[0]}"
        elif condition.between:
            row.setdefault(condition.column.name, " to ".join(map(str, condition.values)))
        elif len(condition.values) == 1:
            row.setdefault(condition.column.name, condition.values[0])
    if lookup.aggregate:
        for condition in lookup.where:
            if condition.column is not None and not condition.between:
                row[condition.column.name] = " and ".join(map(str, condition.values))
    roles = {c.name: c.role for c in lookup.table.columns}
    names = {r: [str(v) for k, v in row.items() if roles.get(k) == r] for r in set(roles.values())}
    text += "".join(f" of {v}" for v in names.get("label", ()))
    text += "".join(f" in {v}" for v in names.get("attribute", ()) if v not in text)
    text += "".join(f" of {v}" for v in names.get("company", ()))
    return text + "".join(f" in {v}" for v in names.get("period", ()))


def _unique(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple({e.model_dump_json(): e for e in evidence}.values())
