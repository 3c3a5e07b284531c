r"""Mathematics with a short answer: GSM8K, MATH-500, AIME, AMC, Minerva, OlympiadBench.

A problem is asked of any chat model, which puts its answer into ``\boxed{}``, and judged by
``expressions.equal``. Those whose answer is a plain number are examples of the maths job as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from evals.public import expressions, origin
from evals.public.catalogue import Published, published
from evals.public.rows import Row
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError

if TYPE_CHECKING:
    from specialists.maths.check import MathsAnswer
    from specialists.maths.render import MathsInputs
    from specialists.maths.task import MathsTask
    from specialists.task import Example

MINERVA = 0.01
"""Relative difference that a number of OCWCourses may have (Lewkowycz et al. 2022, appendix)."""


class Problem(Value):
    """A problem and its answer."""

    id: str
    source: str
    """Name of the set."""
    problem: str
    answer: str
    """As published: a number, LaTeX, or a few words."""
    tolerance: float = 0.0
    """Relative difference that a number may have."""
    subject: str = ""
    level: str = ""


def problems(
    name: str, *, source: str | Path | None = None, data: Path | None = None
) -> Iterator[Problem]:
    """The problems of a set, in its order.

    Args:
        source: see ``origin.read``. Of GSM8K in the data folder only the part that no training
            reads is given.

    Raises:
        NotFound: no such set.
        ConfigError: it holds no problems.
        InputError: the rows are not what they must be; names file, line and field.
    """
    about = published(name)
    if about.kind != "problems":
        raise ConfigError(f"{about.title} holds no problems of mathematics")
    home = source is None and name == "gsm8k"
    for number, row in enumerate(origin.read(about, source, data)):
        made = _problem(about, row, number)
        if not home or _kept_apart(made.problem):
            yield made


def _kept_apart(question: str) -> bool:
    from specialists.maths.loaders import part_of

    return part_of(question) == "dev"


def _problem(about: Published, row: Row, number: int) -> Problem:
    told = row.text(about.fields[0])
    context = row.values.get("context")
    return Problem(
        id=f"{about.name}/{_id(row, number)}",
        source=about.name,
        problem=f"{context}\n\n{told}" if isinstance(context, str) and context else told,
        answer=_answer(about, row),
        tolerance=_tolerance(about, row),
        subject=str(row.values.get("subject") or row.values.get("subfield") or ""),
        level=str(row.values.get("level") or ""),
    )


def _id(row: Row, number: int) -> str:
    told = row.values.get("unique_id", row.values.get("id", ""))
    return str(told) if told not in ("", None) else str(number)


def _answer(about: Published, row: Row) -> str:
    if about.name == "gsm8k":
        _, mark, number = row.text("answer").rpartition("####")
        if not mark or expressions.value(number) is None:
            raise row.wrong("answer", "steps that end with #### and a number", number)
        return number.strip().replace(",", "")
    told = row.get(about.fields[1])
    if isinstance(told, list):
        told = ", ".join(str(each).strip() for each in told)
    if isinstance(told, float) and told.is_integer():
        told = int(told)  # AMC's are published as 27.0
    if isinstance(told, bool) or not isinstance(told, str | int | float) or not str(told).strip():
        raise row.wrong(about.fields[1], "an answer", told)
    return str(told).strip()


def _tolerance(about: Published, row: Row) -> float:
    """Of a number: Minerva's own rule, or what OlympiadBench grants this problem."""
    if about.name == "minerva":
        return MINERVA
    told = row.values.get("error")
    if about.name != "olympiadbench" or told in (None, ""):
        return 0.0
    gold = expressions.value(_answer(about, row))
    try:
        allowed = abs(float(str(told).split(",")[0]))
    except ValueError as error:
        raise row.wrong("error", "a number", told) from error
    return allowed / abs(gold) if gold else 0.0


# --- judged -------------------------------------------------------------------------------------

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SAID = re.compile(r"(?:final answer|answer)\s*(?:is|:)\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


def final(reply: str) -> str | None:
    r"""The answer a reply ends in: its last ``\boxed{…}``, else what its last "answer is" says."""
    boxed = None
    for found in _BOX.finditer(reply):
        content = _balanced(reply, found.end())
        boxed = content if content is not None else boxed
    if boxed is not None:
        return boxed.strip()
    said = _SAID.findall(reply)
    return said[-1].rstrip(".").strip() if said else None


def _balanced(text: str, begun: int) -> str | None:
    depth = 1
    for place in range(begun, min(len(text), begun + 2 * expressions.LONGEST)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[begun:place]
    return None


def right(problem: Problem, reply: str) -> bool:
    """Whether a reply ends in the problem's answer."""
    said = final(reply)
    return said is not None and expressions.equal(problem.answer, said, tolerance=problem.tolerance)


# --- the maths job ------------------------------------------------------------------------------


def as_examples(
    task: MathsTask, given: Iterable[Problem]
) -> Iterator[Example[MathsInputs, MathsAnswer]]:
    """The problems whose answer is a plain number, as examples of the maths job; others are not.

    The job judges by exact equality, so problems with a tolerance are left out.
    """
    from specialists.maths.check import MathsAnswer, plain
    from specialists.maths.render import MathsInputs
    from specialists.task import Example

    for each in given:
        told = each.answer.strip().strip("$").replace(",", "")
        if each.tolerance or not re.fullmatch(r"-?\d+(?:\.\d+)?", told):
            continue
        try:
            answer = MathsAnswer(answer=plain(Decimal(told)))
        except ValueError:
            continue  # more digits than the job tells apart
        inputs = MathsInputs(question=each.problem)
        yield Example(
            id=each.id,
            inputs=inputs,
            answer=answer,
            dialogue=tuple(task.begin(inputs).messages),
            fold="templates",
            template=each.id,
            source=each.source,
        )
