"""How orderly a dialogue with the tools was: whether it looked before it asked, and made names up.

Pure, over what was said and observed; it holds for the short dialogue and the full one. It says
nothing of whether the answer is right, and nothing here steers a dialogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from specialists.engines.template import TOOL_OPEN
from specialists.foundation.contracts import Message, ToolCall
from specialists.foundation.errors import QueryRefused
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.table_qa.query import AGGREGATES, KEYS
from specialists.workspace import admission
from specialists.workspace.catalogue import Catalogue
from specialists.workspace.handles import PATTERN

_WORD = re.compile(r"[A-Za-z_]\w*")
_READ = re.compile(r"\b(?:FROM|JOIN)\s+\"?([A-Za-z_]\w*)", re.IGNORECASE)
_KEYWORDS = ("select", "from", "where", "and", "or", "order", "by", "desc", "asc", "limit", "ends")
_LANGUAGE = {*_KEYWORDS, *(w.casefold() for w in (*AGGREGATES, *KEYS))}
"""The words of the short SQL."""


@dataclass(frozen=True)
class Discipline:
    """What can be said of one dialogue."""

    listed: bool
    """The tables were listed before the first was described or queried."""
    described: bool
    """Each table was described before it was queried."""
    errors: int
    """Calls that came back with an error."""
    recovered: bool | None
    """After a query that failed a later one succeeded; None where no query failed."""
    invented: int
    """Different names in calls (tables, columns, companies, handles) that are nowhere: not in the
    workspace, and not among the handles seen by then."""
    malformed: int
    """Replies that hold a tool call nobody can read."""
    answered: bool
    """It ended with a value, as against "not found" or nothing."""
    turns: int
    """Replies."""
    queries: int
    """Calls of ``sql``."""

    @property
    def looked(self) -> bool:
        """Listed and described before it queried."""
        return self.listed and self.described

    @property
    def disciplined(self) -> bool:
        """Looked before it queried, and invented nothing."""
        return self.looked and self.invented == 0


@dataclass(frozen=True)
class _Made:
    """A call that was made, and how it ended."""

    call: ToolCall
    reply: int
    """Which reply it was part of. What one reply calls is called at once."""
    failed: bool
    seen: frozenset[str]
    """The handles that had been shown by then."""


def discipline(
    inputs: TableQuestion, messages: Sequence[Message], answer: TableAnswer | None
) -> Discipline:
    """The discipline of a dialogue.

    Args:
        messages: all of it, from the prompt to the last reply.
        answer: what it came to; None where it came to none.
    """
    made = list(_made(messages))
    queries = [m for m in made if m.call.name == "sql"]
    spoken = [m for m in messages if m.role == "assistant"]
    failed = [n for n, q in enumerate(queries) if q.failed]
    names = _Names.of(inputs.catalogue)
    return Discipline(
        listed=_listed(made),
        described=_described(made),
        errors=sum(m.failed for m in made),
        recovered=any(not q.failed for q in queries[failed[0] :]) if failed else None,
        invented=len({name for m in made for name in names.unknown(m)}),
        malformed=sum(TOOL_OPEN in m.content for m in spoken),
        answered=answer is not None and answer.value is not None,
        turns=len(spoken),
        queries=len(queries),
    )


def _made(messages: Sequence[Message]) -> Iterator[_Made]:
    """The calls of a dialogue that have come back."""
    seen: set[str] = set()
    for at, message in enumerate(messages):
        if message.role != "assistant":
            seen |= _handles(message.content)
            continue
        results = messages[at + 1 : at + 1 + len(message.tool_calls)]
        for call, result in zip(message.tool_calls, results, strict=False):
            yield _Made(call, at, result.content.startswith("error:"), frozenset(seen))


def _listed(made: Sequence[_Made]) -> bool:
    listings = [m.reply for m in made if m.call.name == "list_tables" and not m.failed]
    looks = [m.reply for m in made if m.call.name in ("describe_table", "sql")]
    return bool(listings) and (not looks or listings[0] < looks[0])


def _described(made: Sequence[_Made]) -> bool:
    described: dict[str, int] = {}
    for each in made:
        if each.call.name == "describe_table" and not each.failed:
            described.setdefault(_text(each.call, "table").casefold(), each.reply)
    return all(
        described.get(table, each.reply) < each.reply
        for each in made
        if each.call.name == "sql"
        for table in tables(_text(each.call, "query"))
    )


def tables(query: str) -> set[str]:
    """The tables a query reads, by handle or by name in lower case; as far as it can be read."""
    if _handles(query):
        return {h for h in _handles(query) if h.startswith("<t")}
    try:
        parsed = admission.parse(query)
    except QueryRefused:
        return {name.casefold() for name in _READ.findall(query[: admission.MAX_LENGTH])}
    made_here = {cte.alias_or_name.casefold() for cte in parsed.find_all(exp.CTE)}
    return {t.name.casefold() for t in parsed.find_all(exp.Table)} - made_here


@dataclass(frozen=True)
class _Names:
    """All names there are in a workspace, in lower case."""

    tables: frozenset[str]
    columns: frozenset[str]
    companies: frozenset[str]
    owners: frozenset[str]
    """Columns that hold companies."""

    @classmethod
    def of(cls, catalogue: Catalogue) -> _Names:
        columns = [c for t in catalogue.tables for c in t.columns]
        companies = [
            name for c in catalogue.companies for name in (c.name, c.ticker, *c.aliases) if name
        ]
        companies += [t.company for t in catalogue.tables if t.company]
        return cls(
            frozenset(t.name.casefold() for t in catalogue.tables),
            frozenset(c.name.casefold() for c in columns),
            frozenset(name.strip().casefold() for name in companies),
            frozenset(c.name.casefold() for c in columns if c.role == "company"),
        )

    def unknown(self, made: _Made) -> set[str]:
        """The names in a call that are nowhere."""
        call = made.call
        texts = [v for v in call.arguments.values() if isinstance(v, str)]
        handles = {h for text in texts for h in _handles(text)}
        unknown = handles - made.seen
        if call.name == "sql":
            query = _text(call, "query")
            return unknown | (self._words(query) if _handles(query) else self._sql(query))
        if call.name == "describe_table":
            return unknown | self._missing(_text(call, "table"), self.tables)
        if call.name == "list_tables":
            return unknown | self._missing(_text(call, "company"), self.companies)
        return unknown

    @staticmethod
    def _missing(name: str, known: frozenset[str]) -> set[str]:
        folded = name.strip().casefold()
        return {folded} - known if folded and not _handles(name) else set()

    def _words(self, query: str) -> set[str]:
        """Of a short query."""
        words = {w.casefold() for w in _WORD.findall(PATTERN.sub(" ", query))}
        return words - _LANGUAGE - self.columns - self.tables

    def _sql(self, query: str) -> set[str]:
        """Of a query in DuckDB's SQL."""
        unknown = tables(query) - self.tables
        try:
            parsed = admission.parse(query)
        except QueryRefused:
            return unknown
        made_here = {alias.alias.casefold() for alias in parsed.find_all(exp.Alias)}
        for alias in parsed.find_all(exp.TableAlias):
            made_here |= {column.name.casefold() for column in alias.columns}
        columns = {column.name.casefold() for column in parsed.find_all(exp.Column)}
        return unknown | (columns - self.columns - made_here) | self._companies(parsed)

    def _companies(self, parsed: exp.Query) -> set[str]:
        """Texts that a column of companies is held against."""
        texts: set[str] = set()
        for test in parsed.find_all(exp.EQ, exp.In):
            sides = [
                test.this,
                *(test.expressions if isinstance(test, exp.In) else [test.expression]),
            ]
            if any(isinstance(s, exp.Column) and s.name.casefold() in self.owners for s in sides):
                texts |= {s.name.casefold() for s in sides if _is_text(s)}
        return texts - self.companies


def _is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and node.is_string


def _handles(text: str) -> set[str]:
    return {match[0] for match in PATTERN.finditer(text)}


def _text(call: ToolCall, name: str) -> str:
    """An argument, where it is text."""
    arguments: Mapping[str, Any] = call.arguments
    value = arguments.get(name)
    return value if isinstance(value, str) else ""
