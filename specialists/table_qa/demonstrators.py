"""Demonstrators of mixed discipline: table questions worked the way a general model works them.

For studies of what learning from rewards adds: a start made of these knows the tools and the form,
and guesses tables, makes names up, gives up after an error or answers from the wrong place about as
often as not. Every observation is what the tools say to such calls. Nothing of this is for service;
the dialogues that train the released weights are ``policy.py``'s.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from specialists.foundation.contracts import Message, ToolCall
from specialists.foundation.errors import AnswerError, ConfigError, ToolError
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.table_qa.policy import SLOW, Ask, Player, Script, could, covers, listed
from specialists.table_qa.query import AGGREGATES, KEYS
from specialists.table_qa.rows import Rows
from specialists.task import Example
from specialists.workspace.handles import LIMIT, PATTERN
from specialists.workspace.tools import ToolResult

if TYPE_CHECKING:
    from specialists.table_qa.task import TableTask

Habit = Literal["careful", "mending", "hasty", "blind", "inventing", "quitting", "careless"]


@dataclass(frozen=True)
class Mix:
    """How often each habit is shown (relative weights), and what it comes to."""

    careful: float = 0.30
    """Lists, describes, queries, computes, answers."""
    mending: float = 0.10
    """The same, with an error on the way that is mended."""
    hasty: float = 0.20
    """Queries a listed table without describing it, and not always the right one."""
    blind: float = 0.14
    """Queries a table it has only guessed, before it lists any."""
    inventing: float = 0.10
    """Uses a handle that stands for nothing."""
    quitting: float = 0.06
    """Says "not found" after an error."""
    careless: float = 0.10
    """Asks for something else than was asked: other rows, another table, order or aggregate."""
    wrong_table: float = 0.35
    """How often the hasty pick a wrong table first."""
    mended: float = 0.5
    """How often the hasty, the blind and the inventing go on after an error; else they give up."""
    describes: float = 0.6
    """How often the blind and the inventing describe the table they then query."""

    @property
    def habits(self) -> dict[Habit, float]:
        return {
            "careful": self.careful,
            "mending": self.mending,
            "hasty": self.hasty,
            "blind": self.blind,
            "inventing": self.inventing,
            "quitting": self.quitting,
            "careless": self.careless,
        }


MIXES: Mapping[str, Mix] = {"mixed": Mix()}
"""The demonstrators there are."""
MAX_TRIES = 4
"""Other habits tried where a dialogue comes out longer than it may be; then it is a careful one."""

_SQL = re.compile(
    r"SELECT (?P<select>.+?) FROM (?P<table><t\d+>)(?: WHERE (?P<where>.+?))?"
    r"(?: ORDER BY (?P<order>.+?) LIMIT 1)?"
)
_AGGREGATE = re.compile(r"(SUM|AVG|MIN|MAX)\((.+)\)")
_ABOUT_PARTS = ("segment", "segment_growth", "segment_share", "which_segment")
"""Kinds of question whose rows are parts of a company."""


@dataclass(frozen=True)
class Demonstration:
    """One dialogue and what it comes to."""

    habit: Habit
    messages: tuple[Message, ...]
    answer: TableAnswer | None
    """None: its last reply is no answer; it gave up before it had looked at anything."""


def demonstrations(
    task: TableTask,
    name: str,
    examples: Iterable[Example[TableQuestion, TableAnswer]],
    seed: int,
) -> Iterator[Demonstration]:
    """The examples' questions as a demonstrator works them, one dialogue each, in order.

    Raises:
        ConfigError: no such demonstrator, or examples without a gold dialogue or workspace.
    """
    mix = MIXES.get(name)
    if mix is None:
        raise ConfigError(
            f"the job {task.name!r} has no demonstrator {name!r}; there is {', '.join(MIXES)}"
        )
    kept: tuple[str, Rows] | None = None
    for number, example in enumerate(examples):
        snapshot = example.inputs.snapshot
        if snapshot is None or not any(m.tool_calls for m in example.dialogue):
            raise ConfigError(f"{example.id}: a demonstrator needs a generated example")
        if kept is None or kept[0] != snapshot.digest:
            kept = snapshot.digest, Rows.of(snapshot)
        rng = random.Random(f"demonstrations/{name}/{seed}/{number}/{example.id}")
        yield _demonstration(task, mix, example, kept[1], rng)


def _demonstration(
    task: TableTask,
    mix: Mix,
    example: Example[TableQuestion, TableAnswer],
    rows: Rows,
    rng: random.Random,
) -> Demonstration:
    habits = mix.habits
    for attempt in range(MAX_TRIES + 1):
        habit = rng.choices(list(habits), list(habits.values()))[0]
        habit = "careful" if attempt == MAX_TRIES else habit
        episode = task.compact(example.inputs, seed=rng.randrange(1 << 30))
        script = meant(example, episode)
        player = _Player(episode, rows, rng)
        value = _Worker(player, script, mix, habit, rng).work()
        reply = json.dumps({"value": value})
        messages = (*player.messages, Message(role="assistant", content=reply))
        if player.turns < task.max_turns:
            return Demonstration(habit, messages, _read(episode, reply))
    raise AnswerError(f"{example.id} takes more turns than there are")


def _read(episode: CompactEpisode, reply: str) -> TableAnswer | None:
    try:
        return episode.answer(reply)
    except AnswerError:
        return None


class _Player(Player):
    """Makes calls that may fail."""

    def _result(self, call: ToolCall) -> ToolResult:
        try:
            return super()._result(call)
        except ToolError as error:
            return ToolResult(call.name, call.arguments, error=str(error))


@dataclass
class _Worker:
    """One question worked with one habit."""

    player: _Player
    script: Script
    mix: Mix
    habit: Habit
    rng: random.Random
    tables: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Those listed, each with what it holds of what is asked."""
    described: dict[str, str] = field(default_factory=dict[str, str])
    found: list[str] = field(default_factory=list[str])
    erred: bool = False
    """The error that a habit brings with it has been made."""

    def work(self) -> str | None:
        """The handle it answers with; None is "not found"."""
        if self.habit == "blind" and self.script.asks:
            guess = f"<t{self.rng.randint(1, LIMIT['t'])}>"
            self.player.use("sql", query=self.script.asks[0].text(guess))
            if not self._goes_on():
                return None
        companies = self.player.episode.handles.of("e")
        company = {"company": companies[0]} if companies else {}
        self.tables = listed(self.player.use("list_tables", **company))
        script = self._spoiled() if self.habit == "careless" else self.script
        for ask in script.asks:
            if not self._ask(ask, script.labels):
                return None
        return self._end(script)

    def _goes_on(self) -> bool:
        return self.rng.random() < self.mix.mended

    def _ask(self, ask: Ask, labels: bool) -> bool:
        """Whether a query was answered; what it gave is kept."""
        fit = [h for h in self.tables if could(ask, h, self.tables[h], labels, self.player.episode)]
        if not fit:
            return False
        table, others = self._chosen(ask, fit)
        if not table:
            return False
        if not self.erred and self.habit in ("mending", "quitting", "inventing", "hasty"):
            self.erred = True
            if not self._error(ask, table, others):
                return False
        return self._query(ask.text(table))

    def _fit(self, ask: Ask, labels: bool) -> list[str]:
        """The listed tables that can hold what a query asks for."""
        episode = self.player.episode
        return [h for h in self.tables if could(ask, h, self.tables[h], labels, episode)]

    def _chosen(self, ask: Ask, fit: Sequence[str]) -> tuple[str, list[str]]:
        """The table to query, described or not as the habit has it, and those that do not fit."""
        others = [h for h in self.tables if h not in fit]
        looks = self.habit in ("careful", "mending", "quitting", "careless")
        if not looks and not self.described:
            looks = self.habit in ("blind", "inventing") and (
                self.rng.random() < self.mix.describes
            )
            if not looks:
                return fit[0], others
        for table in fit[:3]:
            if table not in self.described:
                self.described[table] = self.player.use("describe_table", table=table)
            if covers(ask, self.described[table]):
                return table, others
        return "", others

    def _error(self, ask: Ask, table: str, others: Sequence[str]) -> bool:
        """The habit's own error, and whether it is gone on from."""
        if self.habit == "hasty":
            if not others or self.rng.random() >= self.mix.wrong_table:
                return True
            self._query(ask.text(self.rng.choice(others)))
            return self._goes_on()
        if self.habit == "inventing":
            self._query(self._invented(ask.text(table)))
            return self._goes_on()
        if others and self.rng.random() < 0.7:
            wrong = self.rng.choice(others)
            if wrong not in self.described:
                self.described[wrong] = self.player.use("describe_table", table=wrong)
            self._query(ask.text(wrong))
        else:
            self.player.fails("sql", SLOW, query=ask.text(table))
        return self.habit == "mending"

    def _query(self, text: str) -> bool:
        observed = self.player.use("sql", query=text)
        if observed.startswith(("error", "some", "no rows")) or "none" in observed.split():
            return False
        self.found += [w for w in observed.split() if w.startswith("<")]
        return True

    def _invented(self, query: str) -> str:
        """The query with one handle that stands for nothing in the place of a measure."""
        known = self.player.episode.handles
        unbound = [f"<c{i}>" for i in range(1, LIMIT["c"] + 1) if f"<c{i}>" not in known]
        measures = [m[0] for m in PATTERN.finditer(query) if m[1] == "c"]
        return query.replace(self.rng.choice(measures), self.rng.choice(unbound))

    def _end(self, script: Script) -> str | None:
        numbers = [h for h in self.found if h.startswith("<n")]
        if script.expression:
            try:
                expression = script.expression.format(*numbers)
            except IndexError:  # a spoiled query gave fewer numbers than are needed
                return numbers[-1] if numbers else None
            observed = self.player.use("calculator", expression=expression)
            if not observed.startswith("<n"):
                return None
            self.found.append(observed)
        if not self.found:
            return None
        return self.found[0] if script.answer == "first" else self.found[-1]

    def _spoiled(self) -> Script:
        """The script with something else asked for."""
        script, ways = self.script, list[Script]()
        if "{1}" in script.expression:
            swapped = script.expression.replace("{0}", "{x}").replace("{1}", "{0}")
            ways += [
                replace(script, expression=swapped.replace("{x}", "{1}")),
                replace(script, expression=""),
            ]
        for number, ask in enumerate(script.asks):
            ways += [
                replace(script, asks=(*script.asks[:number], other, *script.asks[number + 1 :]))
                for other in self._other(ask)
            ]
        if script.answer == "first" and script.asks:
            ways.append(replace(script, answer="last"))
        astray = replace(script, labels=not script.labels)
        if script.asks and all(self._fit(ask, astray.labels) for ask in script.asks):
            ways.append(astray)  # parts of the company for the whole of it, or the other way about
        return self.rng.choice(ways) if ways else script

    def _other(self, ask: Ask) -> Iterator[Ask]:
        """Queries for something else."""
        if ask.aggregate:
            yield replace(
                ask, aggregate=self.rng.choice([a for a in AGGREGATES if a != ask.aggregate])
            )
        if ask.order.endswith(" DESC"):
            yield replace(ask, order=ask.order.removesuffix(" DESC") + " ASC")
        elif ask.order:
            yield replace(ask, order=ask.order.removesuffix(" ASC") + " DESC")
        for dropped in range(len(ask.where) if len(ask.where) > 1 else 0):
            yield replace(ask, where=(*ask.where[:dropped], *ask.where[dropped + 1 :]))
        if len(ask.measures) == 2:
            yield replace(ask, measures=ask.measures[::-1])


# --- what a gold dialogue means -------------------------------------------------------------------


def meant(example: Example[TableQuestion, TableAnswer], episode: CompactEpisode) -> Script:
    """The script behind a gold dialogue, in the handles of another dialogue about the question.

    A question that gold did not query for comes without queries.
    """
    names = _renamed(example.dialogue[1].content, episode.messages[1].content)
    asks: list[Ask] = []
    numbers: list[str] = []
    expression = ""
    for call, observed in _calls(example.dialogue):
        if call.name == "sql" and not observed.startswith("error"):
            asks.append(_ask(str(call.arguments["query"]), names))
            numbers += [w for w in observed.split() if w.startswith("<n")]
        if call.name == "calculator":
            places = {h: f"{{{i}}}" for i, h in enumerate(numbers)}
            expression = PATTERN.sub(
                lambda m, places=places: places[m[0]], str(call.arguments["expression"])
            )
    value = json.loads(example.dialogue[-1].content)["value"]
    name = value is not None and not value.startswith("<n")
    kind = example.template.partition(":")[0]
    return Script(
        tuple(asks),
        expression,
        answer="first" if name or (asks and asks[0].key) else "last",
        labels=kind in _ABOUT_PARTS,
    )


def _renamed(gold: str, here: str) -> dict[str, str]:
    old, new = ([m[0] for m in PATTERN.finditer(text)] for text in (gold, here))
    return dict(zip(old, new, strict=True))


def _calls(dialogue: Sequence[Message]) -> Iterator[tuple[ToolCall, str]]:
    for at, message in enumerate(dialogue):
        for number, call in enumerate(message.tool_calls):
            yield call, dialogue[at + 1 + number].content


def _ask(query: str, names: Mapping[str, str]) -> Ask:
    match = _SQL.fullmatch(query)
    if match is None:
        raise AnswerError(f"gold asks in another way: {query}")
    select, where, order = (
        PATTERN.sub(lambda m: names.get(m[0], m[0]), match[part] or "")
        for part in ("select", "where", "order")
    )
    aggregate = _AGGREGATE.fullmatch(select)
    shown = [aggregate[2]] if aggregate else select.split(", ")
    key = shown[0] if shown[0] in KEYS else ""
    return Ask(
        tuple(shown[1:] if key else shown),
        tuple(where.split(" AND ")) if where else (),
        aggregate[1] if aggregate else "",
        key,
        order,
    )
