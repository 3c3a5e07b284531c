"""What an episode is paid: a deterministic judgement in named parts, and their weighted sum.

The value is judged by the job's own ``score``, as evaluations do; what is paid as right must also
pass the job's own check, as served answers do. No model judges anything here. An episode whose
model, tool or judge broke down is not judged: None, never zero.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from specialists.agent import Run
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import ConfigError
from specialists.table_qa.check import match
from specialists.table_qa.discipline import discipline
from specialists.table_qa.inputs import TableAnswer
from specialists.task import Example, Task

log = logging.getLogger(__name__)

GENERAL: Mapping[str, str] = {
    "parses": "the last reply is an answer to the job",
    "matched": "the answer is gold's, by the job's score",
    "holds": "the job's own check finds nothing wrong with the answer",
    "right": "all of these: what serving would give, and evaluation count as right",
}
TABLES: Mapping[str, str] = {
    "looked": "tables were listed before any was described or queried, each described before it "
    "was queried",
    "right_table": "the answer's cells are of the tables that gold's are of",
    "right_value": "the answer is worth what gold is, or is the same name, or rightly nothing",
    "right_unit": "the answer is in gold's unit",
    "disciplined": "it looked before it queried and invented nothing",
    "invented": "some call names a table, column, company or handle that is nowhere",
    "recovered": "a query that failed was followed by one that did not",
    "malformed": "some reply holds a tool call that nobody can read",
}
"""Of ``table_qa`` alone."""
SCORES: Mapping[str, str] = {
    "answered": "a value is given, as against not found",
    "distance": "how far off on the scale of sentiment, 0 to 1",
    "found": "told or not, as gold is",
    "value": "the figure is worth what gold is",
    "unit": "the figure is in gold's unit",
    "period": "the figure is of gold's year",
    "metric": "the figure is of the metric asked for",
    "entity": "the figure is of the company asked for",
    "program": "the program is gold's, word by word",
    "recall": "share of gold's steps that the plan has",
    "precision": "share of the plan's steps that gold has",
    "working": "the working is consistent and comes to the answer",
}
"""What the jobs' scores tell beside right and wrong, each where the job has it."""
PARTS: Mapping[str, str] = {**GENERAL, **TABLES, **SCORES}
"""Every part there is: what 1 means. None: it does not apply to this episode."""


def check(weights: Mapping[str, float]) -> None:
    """Whether weights can be used.

    Raises:
        ConfigError: there is no such part.
    """
    unknown = sorted(weights.keys() - PARTS.keys())
    if unknown:
        raise ConfigError(
            f"reward.weights: no part {', '.join(unknown)}; there are {', '.join(PARTS)}"
        )


def parts(task: Task[Any, Any], example: Example[Any, Any], run: Run) -> dict[str, float | None]:
    """An episode judged. All are None where its model, a tool or the judge broke down."""
    names = [*GENERAL, *(TABLES if task.name == "table_qa" else ())]
    nothing: dict[str, float | None] = dict.fromkeys(names)
    if run.broken:
        return nothing
    try:
        return nothing | _judged(task, example, run)
    except Exception:  # a broken judge must neither be a zero nor end the other episodes
        log.exception("the judge of %s broke on %s", task.name, example.id)
        return nothing


def reward(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    """The weighted sum; None where the episode could not be judged.

    A part that does not apply adds nothing.

    Raises:
        ConfigError: a weight for a part there is not.
    """
    check(weights)
    if parts.get("parses") is None:
        return None
    return sum(weight * (parts.get(name) or 0.0) for name, weight in weights.items())


def placebo(key: str, p: float) -> float:
    """A reward by lot: 1 with probability ``p``, the same for the same key.

    Args:
        key: what the lot follows from: seed, step, prompt and sample.
        p: how often the start is right, so that the placebo pays as often as the judge would.
    """
    drawn = int.from_bytes(hashlib.sha256(f"placebo/{key}".encode()).digest()[:8], "big")
    return float(drawn < p * 2**64)


def _judged(task: Task[Any, Any], example: Example[Any, Any], run: Run) -> dict[str, float | None]:
    score = task.score(example, run.answer)
    parses = run.answer is not None
    # No answer at all scores as right where gold is "not found"; saying so is what is paid.
    matched = parses and score.right
    holds = parses and not run.problems
    told = {name: value for name, value in score.parts.items() if name not in GENERAL}
    judged: dict[str, float | None] = {
        **told,
        "parses": float(parses),
        "matched": float(matched),
        "holds": float(holds),
        "right": float(matched and holds),
    }
    return judged | _of_tables(example, run) if task.name == "table_qa" else judged


def _of_tables(example: Example[Any, TableAnswer], run: Run) -> dict[str, float | None]:
    gold, answer = example.answer, run.answer
    order = discipline(example.inputs, run.messages, answer)
    tables = {cell.table for cell in gold.cells}
    judged: dict[str, float | None] = {
        "looked": float(order.looked),
        "right_table": None,
        "right_value": float(_same_value(gold, answer)),
        "right_unit": None,
        "disciplined": float(order.disciplined),
        "invented": float(order.invented > 0),
        "recovered": None if order.recovered is None else float(order.recovered),
        "malformed": float(order.malformed > 0),
    }
    if tables:
        judged["right_table"] = float(
            answer is not None and {cell.table for cell in answer.cells} == tables
        )
    if isinstance(gold.value, Quantity):
        value = answer.value if answer is not None else None
        judged["right_unit"] = float(isinstance(value, Quantity) and value.unit == gold.value.unit)
    return judged


def _same_value(gold: TableAnswer, answer: TableAnswer | None) -> bool:
    """Whatever its unit."""
    if answer is None:
        return False
    if gold.value is None or answer.value is None:
        return gold.value is answer.value
    return match(gold.value, answer.value, units=False)
