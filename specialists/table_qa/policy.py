"""How a table question is worked when one knows what it means: the turns that training shows.

A script speaks in handles' roles; the dialogue it makes is the real one, run against real rows, so
that every observation in training is one that service would give.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

from specialists.foundation.contracts import Message, ToolCall
from specialists.foundation.errors import AnswerError
from specialists.table_qa import query
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.inputs import TableAnswer
from specialists.table_qa.rows import Rows
from specialists.workspace.tools import ToolResult

MAX_DESCRIBED = 3
"""Tables looked into for one query before giving up."""
SLOW = "the query took longer than it may"
"""What a busy sandbox says; asking again is right."""


@dataclass(frozen=True)
class Ask:
    """One query of a script. Measures, conditions and order are handles of the dialogue."""

    measures: tuple[str, ...]
    where: tuple[str, ...] = ()
    aggregate: str = ""
    key: str = ""
    order: str = ""
    """``<c1> DESC``"""

    def text(self, table: str) -> str:
        shown = ", ".join(self.measures)
        if self.aggregate:
            shown = f"{self.aggregate}({shown})"
        if self.key:
            shown = f"{self.key}, {shown}"
        text = f"SELECT {shown} FROM {table}"
        if self.where:
            text += f" WHERE {' AND '.join(self.where)}"
        return text + (f" ORDER BY {self.order} LIMIT 1" if self.order else "")


@dataclass(frozen=True)
class Script:
    """Queries, then perhaps arithmetic over the numbers found (``{0}``, ``{1}`` … in order)."""

    asks: tuple[Ask, ...]
    expression: str = ""
    answer: str = "last"
    """``last``: the last number · ``first``: the first thing found, a name before its number."""
    labels: bool = False
    """Whether rows are parts of a company (segments): then only such a table will do."""


@dataclass
class Play:
    """A script played: the dialogue and what it came to."""

    messages: list[Message]
    answer: TableAnswer
    reply: str = ""
    turns: int = 0
    found: list[str] = field(default_factory=list[str])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    """As the toolbox takes them."""


class Player:
    """Makes calls of a dialogue on plain rows, and keeps what was said."""

    def __init__(self, episode: CompactEpisode, rows: Rows, rng: random.Random) -> None:
        self.episode = episode
        self.rows = rows
        self.rng = rng
        self.messages = list(episode.messages)
        self.turns = 0
        self.calls: list[ToolCall] = []

    def use(self, name: str, **arguments: str) -> str:
        """One call and its observation."""
        self.turns += 1
        call = ToolCall(id=f"call_{self.turns}", name=name, arguments=arguments)
        self.messages.append(Message(role="assistant", tool_calls=(call,)))
        self.calls.append(self.episode.expand(call))
        observed = self.episode.observe(call, self._result(call))
        self.messages.append(observed)
        return observed.content

    def fails(self, name: str, error: str, **arguments: str) -> None:
        """One call that its tool could not do this time."""
        self.turns += 1
        call = ToolCall(id=f"call_{self.turns}", name=name, arguments=arguments)
        self.messages.append(Message(role="assistant", tool_calls=(call,)))
        self.calls.append(self.episode.expand(call))
        self.messages.append(self.episode.observe(call, ToolResult(name, {}, error=error)))

    def _result(self, call: ToolCall) -> ToolResult:
        real = self.episode.expand(call).arguments
        if call.name == "list_tables":  # in any order, so that place says nothing
            result = self.rows.list_tables(real.get("company"))
            self.rng.shuffle(result.data)
            return result
        if call.name == "describe_table":
            return self.rows.describe_table(real["table"])
        if call.name == "calculator":
            return self.rows.calculator(real["expression"])
        try:
            return self.rows.sql(self.episode.lookup(call))
        except AnswerError:  # the observation tells the model so
            return ToolResult(call.name, real)


def play(
    episode: CompactEpisode,
    script: Script,
    rows: Rows,
    rng: random.Random,
    *,
    detours: float = 0.06,
) -> Play:
    """Work a question to its end; with chance ``detours`` by way of one wrong turn that is mended.

    Raises:
        AnswerError: the script does not fit this workspace.
    """
    player = Player(episode, rows, rng)
    companies = episode.handles.of("e")
    listing = (
        player.use("list_tables", company=companies[0]) if companies else player.use("list_tables")
    )
    tables = listed(listing)
    shown: dict[str, str] = {}
    found: list[str] = []
    detour = rng.random() < detours
    for ask in script.asks:
        fit = [h for h in tables if could(ask, h, tables[h], script.labels, episode)]
        if not fit:
            return _end(player, None, found)
        table = next((h for h in fit if h in shown and covers(ask, shown[h])), fit[0])
        others = [h for h in tables if h != table and h not in shown]
        slow = detour and rng.random() < 0.3
        if detour and not slow and others and not shown:
            wrong = rng.choice(others)
            shown[wrong] = player.use("describe_table", table=wrong)
        for candidate in [table, *(h for h in fit if h != table)][:MAX_DESCRIBED]:
            table = candidate
            if table not in shown:
                shown[table] = player.use("describe_table", table=table)
            if covers(ask, shown[table]):
                break
        else:
            return _end(player, None, found)
        if slow:
            player.fails("sql", SLOW, query=ask.text(table))
            detour = False
        observed = player.use("sql", query=ask.text(table))
        if observed.startswith(("error", "some", "no rows")) or "none" in observed.split():
            return _end(player, None, found)
        found += [w for w in observed.split() if w.startswith("<")]
    if script.expression:
        numbers = [h for h in found if h.startswith("<n")]
        observed = player.use("calculator", expression=script.expression.format(*numbers))
        if not observed.startswith("<n"):
            raise AnswerError(observed)
        found.append(observed)
    return _end(player, found[0] if script.answer == "first" else found[-1], found)


def _end(player: Player, value: str | None, found: list[str]) -> Play:
    reply = json.dumps({"value": value})
    answer = player.episode.answer(reply)
    player.messages.append(Message(role="assistant", content=reply))
    return Play(player.messages, answer, reply, player.turns, found, player.calls)


def listed(listing: str) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for part in listing.split(" ; "):
        words = part.split()
        if words and words[-1].startswith("<t"):
            tables[words[-1]] = [w for w in words if w != words[-1]]
    return tables


def could(ask: Ask, handle: str, words: list[str], labels: bool, episode: CompactEpisode) -> bool:
    """Whether a listed table holds the measures and rows of a query."""
    rows = [w for c in ask.where for w in c.split() if w.startswith("<r")]
    if not {*ask.measures, *rows} <= set(words):
        return False
    return labels == (episode.table(handle).column("label") is not None)


def covers(ask: Ask, description: str) -> bool:
    """Whether a description shows all that a query's conditions need."""
    words = set(description.split())
    wanted = [h for c in ask.where for h in query_handles(c)]
    keys = {k for k in (ask.key, ask.order.split(" ")[0]) if k in query.KEYS}
    return {*wanted, *ask.measures} <= words and keys <= words


def query_handles(text: str) -> list[str]:
    """The handles a condition names."""
    return [w.removeprefix("ENDS(").removesuffix(")") for w in text.split() if "<" in w]
