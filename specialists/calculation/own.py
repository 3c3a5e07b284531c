"""Calculations of one's own: a question, the numbers at hand, what they come to or how."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from specialists.calculation import program
from specialists.calculation.check import match, near
from specialists.calculation.facts import CalculationInputs, Fact, Prompt, prompt
from specialists.calculation.induce import induce
from specialists.calculation.order import expanded
from specialists.calculation.task import Calculation, run
from specialists.foundation.contracts import Quantity
from specialists.foundation.errors import AnswerError
from specialists.own import NONE, SOURCE, Column, Row, one, seed_of, worth
from specialists.own import quantity as told
from specialists.task import Example
from specialists.workspace.handles import Handles
from specialists.workspace.numbers import format_quantity, scan
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    from specialists.calculation.task import CalculationTask

WORKSPACE = False
COLUMNS = (
    Column("question", "what is to be worked out", required=True),
    Column(
        "facts",
        "the numbers, one a line: revenue in 2022 = $8,497 million; or JSON objects with value and "
        "perhaps unit, scale, measure, entity, year, name",
        "facts",
    ),
    Column("context", "sentences with numbers, one a line"),
    Column("company", "whose numbers they are"),
    Column(
        "answer",
        "what it comes to: a number, yes, no, or none where the numbers do not tell",
        "value",
        answer=True,
    ),
    Column("unit", "of the answer: USD, %, x …; empty: as it comes out", answer=True),
    Column("scale", "of the answer; empty: 1", "scale", answer=True),
    Column(
        "program",
        "how: subtract(8497, 7351), divide(#0, 7351), over the numbers or the facts' names; needed "
        "where several ways come to the answer",
        answer=True,
    ),
)

_IN_YEAR = re.compile(r"\s+(?:in|for|as of)\s+(?:fiscal\s+|FY\s?)?((?:19|20)\d\d)$")
_CALL = re.compile(r"(\w+)\(([^()]*)\)")


def example(
    task: CalculationTask, name: str, row: Row, workspace: Snapshot | None
) -> Example[CalculationInputs, Calculation]:
    """A calculation as an example.

    Raises:
        AnswerError: facts that cannot be read, a program that does not come to the answer, or an
            answer that no one program comes to.
    """
    company = row.get("company", "")
    inputs = CalculationInputs(
        question=row["question"],
        facts=tuple(_facts(row.get("facts", []), company)),
        context=tuple(s.strip() for s in row.get("context", "").splitlines() if s.strip()),
    )
    laid_out = prompt(inputs, Handles())
    ops = _program(inputs, laid_out, row)
    answer = run(ops, inputs.question, laid_out.facts) if ops else Calculation()
    if ops:
        _agrees(answer, row)
    owner = company or next((f.entity for f in inputs.facts if f.entity), "")
    dialogue = task.solved(inputs, answer, seed_of(name))
    return Example(name, inputs, answer, dialogue, "train", owner, source=SOURCE)


def _facts(lines: list[str | dict[str, object]], company: str) -> list[Fact]:
    return [
        _written(line, company) if isinstance(line, str) else _object(line, company)
        for line in lines
    ]


def _object(data: Mapping[str, object], company: str) -> Fact:
    known = {"value", "unit", "scale", "measure", "entity", "year", "name"}
    if unknown := sorted(data.keys() - known):
        raise AnswerError(f"a fact has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    try:
        quantity = Quantity.model_validate(
            {k: data[k] for k in ("value", "unit", "scale") if k in data}
        )
        rest = {k: data[k] for k in ("measure", "entity", "year", "name") if k in data}
        return Fact.model_validate({"entity": company, **rest, "quantity": quantity})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise AnswerError(f"the fact {json.dumps(data)}: {place}: {first['msg']}") from error


def _written(line: str, company: str) -> Fact:
    """``revenue of Acme in 2022 = $8,497 million``."""
    label, sign, number = line.rpartition("=")
    found = [n for n in scan(f" {number} ") if n.text.strip()]
    if not sign or len(found) != 1:
        raise AnswerError(f"the fact {line!r} is not of the form: label = one number")
    measure, year = label.strip(), None
    if when := _IN_YEAR.search(measure):
        measure, year = measure[: when.start()], int(when[1])
    measure = measure.removeprefix("the ")
    if company and f" of {company}" in measure:
        measure = measure.replace(f" of {company}", "")
    return Fact(quantity=found[0].quantity, measure=measure, entity=company, year=year)


# --- how it is worked out -----------------------------------------------------------------------


def _program(inputs: CalculationInputs, laid_out: Prompt, row: Row) -> program.Program | None:
    """The gold program in the prompt's handles; None where the numbers do not tell."""
    if row.get("answer") == NONE:
        if "program" in row:
            raise AnswerError("there is a program, and the answer is none")
        return None
    if "program" in row:
        return expanded(_read(row["program"], laid_out.facts), laid_out.facts)
    gold = row.get("answer")
    if gold is None:
        raise AnswerError("there is neither an answer nor a program")
    if not isinstance(gold, float):
        raise AnswerError(f"{gold!r} needs a program: no number is to be found that comes to it")
    return _induced(inputs, laid_out, told(gold, row))


def _induced(inputs: CalculationInputs, laid_out: Prompt, gold: Quantity) -> program.Program:
    """The one program of a step or two that comes to a number."""
    amounts = {handle: fact.quantity.amount for handle, fact in laid_out.facts.items()}
    rounding = _rounding(gold)
    wanted = gold.amount
    if gold.unit == "%" and not any(f.quantity.unit == "%" for f in laid_out.facts.values()):
        wanted, rounding = wanted / 100.0, rounding / 100.0
    found = induce(amounts, wanted, rounding)
    if found is None:
        numbers = ", ".join(format_quantity(f.quantity) for f in laid_out.facts.values())
        raise AnswerError(
            f"no program, or more than one, of a step or two over {numbers or 'no numbers'} comes "
            f"to {format_quantity(gold)}; give the program"
        )
    return found


def _rounding(gold: Quantity) -> float:
    """Half a unit of the last digit that was given, as an amount."""
    text = f"{gold.value:.12g}"
    decimals = len(text.partition(".")[2]) if "e" not in text else 12
    return 0.5 * 10.0**-decimals * gold.scale if decimals else 0.0


def _read(text: str, facts: Mapping[str, Fact]) -> program.Program:
    """A program over numbers or names as one over handles."""
    if _CALL.sub("", text).strip(" ,;\n"):
        raise AnswerError(f"{text!r} is no program: write subtract(a, b), divide(#0, b)")
    calls = [
        f"{name}({', '.join(_handle(a.strip(), facts) for a in arguments.split(','))})"
        for name, arguments in _CALL.findall(text)
    ]
    return program.parse(", ".join(calls))


def _handle(said: str, facts: Mapping[str, Fact]) -> str:
    if said.startswith("#") or said in program.CONSTANTS:
        return said
    named = [h for h, f in facts.items() if said and said in (f.name, f.label, f.measure)]
    if not named:
        try:
            value = float(said.replace(",", "").rstrip("%"))
        except ValueError:
            value = float("nan")
        named = [h for h, f in facts.items() if value in (f.quantity.value, f.quantity.amount)]
    return one(
        named, f"{said!r} in the program", [format_quantity(f.quantity) for f in facts.values()]
    )


def _agrees(answer: Calculation, row: Row) -> None:
    """Hold the program's result against the answer given beside it."""
    gold = row.get("answer")
    if gold is None:
        return
    if not isinstance(gold, float):
        if gold.casefold() != answer.value:
            raise AnswerError(f"the program comes to {_shown(answer)}, the answer is {gold}")
        return
    stated = told(gold, row)
    if not isinstance(answer.value, Quantity):
        raise AnswerError(f"the program comes to {_shown(answer)}, the answer is {gold:g}")
    if not row.get("unit"):
        stated = stated.model_copy(update={"unit": answer.value.unit})
    close = near(stated.amount, answer.value.amount, _rounding(stated))
    if not (match(stated, answer.value) or (close and stated.unit == answer.value.unit)):
        raise AnswerError(
            f"the program comes to {_shown(answer)}, the answer is {format_quantity(stated)}"
        )


def _shown(answer: Calculation) -> str:
    value = answer.value
    return format_quantity(value) if isinstance(value, Quantity) else str(value)


def meaning(row: Row) -> str:
    """The number, or else the program."""
    gold = row.get("answer")
    if isinstance(gold, float):
        return worth(gold, row)
    return str(gold if gold is not None else " ".join(str(row.get("program")).split()))
