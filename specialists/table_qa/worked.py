"""How a question with a known answer is worked: scripts tried in turn, until one comes to it.

For data of one's own, which tells answers and no dialogues: look-ups, aggregates, rankings, and
arithmetic of a step or two over what the question names. A script that comes to the answer shows a
right way; where none does, there is an answer and nothing to imitate.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError, ToolError
from specialists.table_qa.check import match
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.inputs import TableQuestion
from specialists.table_qa.policy import Ask, Play, Script, play
from specialists.table_qa.rows import Rows
from specialists.workspace.handles import Kind

if TYPE_CHECKING:
    from specialists.table_qa.task import TableTask

BETWEEN = ("{1} - {0}", "( {1} - {0} ) / {0} * 100", "{0} - {1}", "{1} / {0}", "{0} / {1}")
"""Two years' numbers, the earlier first."""
OF_TWO = ("{0} / {1} * 100", "{0} / {1}", "{0} - {1}", "{0} + {1}", "{1} - {0}", "{1} / {0}")
"""Two measures' numbers, or two companies', in the question's order."""


def work(
    task: TableTask, inputs: TableQuestion, gold: Quantity | str | None, rows: Rows, seed: int
) -> Play | None:
    """A dialogue that comes to the answer; None where no script does.

    Args:
        gold: a quantity without a unit matches any unit; None: the tables do not hold it.
        rows: of the workspace that the question is about.
        seed: of the handles' numbers.
    """
    silent: Play | None = None
    for script in list(_scripts(task.compact(inputs, seed=seed))):
        try:
            played = play(
                task.compact(inputs, seed=seed), script, rows, random.Random(seed), detours=0.0
            )
        except (AnswerError, ToolError, IndexError, ZeroDivisionError, TypeError):
            continue  # the script does not fit this question
        value = played.answer.value
        if gold is None:
            if value is not None:
                return None
            silent = silent or played
        elif value is not None and match(gold, value, units=_united(gold)):
            return played
    return silent


def _united(gold: Quantity | str) -> bool:
    return isinstance(gold, Quantity) and bool(gold.unit)


def _scripts(episode: CompactEpisode) -> Iterator[Script]:
    """The likeliest first: of two that come to the same number, the plainer is meant."""
    said = episode.messages[1].content.split()

    def handles(kind: Kind) -> list[str]:
        found = episode.handles.of(kind)
        return sorted(found, key=lambda h: said.index(h) if h in said else len(said))

    measures, companies, rows, periods = (handles(k) for k in ("c", "e", "r", "p"))
    if not measures:
        yield Script((Ask(("<c0>",), ()),))  # a measure that no table holds
        return
    who = (*companies, *rows)
    labels = bool(rows)
    for labelled in (labels, not labels):
        yield from _plain(measures, who, periods, labelled)
        yield from _ranked(measures, companies, rows, periods, labelled)
        if len(measures) > 1:
            yield from _pairs(measures, (*who, *periods), labelled)
        if len(companies) == 2:
            both = f"( {companies[0]} OR {companies[1]} )"
            for expression in OF_TWO:
                yield Script((Ask((measures[0],), (both, *periods)),), expression)
        if rows:
            parts = Ask((measures[0],), (*who, *periods))
            whole = Ask((measures[0],), (*companies, *periods), aggregate="SUM")
            yield Script((parts, whole), OF_TWO[0], labels=labelled)


def _plain(
    measures: list[str], who: tuple[str, ...], periods: list[str], labels: bool
) -> Iterator[Script]:
    """One measure: looked up, over years, between two."""
    one, where = (measures[0],), (*who, *periods)
    yield Script((Ask(one, where),), labels=labels)
    yield Script((Ask(one, where),), answer="first", labels=labels)
    if not periods:
        yield Script((Ask(one, who, order="fiscal_year DESC"),), labels=labels)
    if periods:
        ends = f"ENDS({periods[0]})" if len(periods) == 1 else f"( {' OR '.join(periods)} )"
        for expression in BETWEEN:
            yield Script((Ask(one, (*who, ends)),), expression, labels=labels)
    for aggregate in ("AVG", "SUM", "MAX", "MIN"):
        yield Script((Ask(one, where, aggregate=aggregate),), labels=labels)


def _ranked(
    measures: list[str], companies: list[str], rows: list[str], periods: list[str], labels: bool
) -> Iterator[Script]:
    """Which year, company or part had the most or the least."""
    for way in ("DESC", "ASC"):
        order = f"{measures[0]} {way}"
        where = (*companies, *rows, *periods)
        for key in ("fiscal_year", "company", "label"):
            ask = Ask((measures[0],), where, key=key, order=order)
            yield Script((ask,), answer="first", labels=labels or key == "label")
        if len(companies) == 2:
            both = f"( {companies[0]} OR {companies[1]} )"
            ask = Ask((measures[0],), (both, *periods), key="company", order=order)
            yield Script((ask,), answer="first")


def _pairs(measures: list[str], where: tuple[str, ...], labels: bool) -> Iterator[Script]:
    """Two measures, of one table or of two."""
    for expression in OF_TWO:
        first, second = measures[:2]
        yield Script((Ask((first, second), where),), expression, labels=labels)
        apart = (Ask((first,), where), Ask((second,), where))
        yield Script(apart, expression, labels=labels)
