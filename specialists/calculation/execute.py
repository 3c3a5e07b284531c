"""Runs a program over quantities: amounts reconciled across scales, units worked out step by step.

Plain arithmetic with dimensions; it decides nothing about what a question meant except whether a
ratio is told in percent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from specialists.calculation.program import CONSTANTS, LISTED, Op, Program
from specialists.foundation.contracts import Quantity, Step
from specialists.foundation.errors import AnswerError

CONST, RATIO, PERCENT = "const", "x", "%"

_PERCENT_WORDS = re.compile(
    r"%|percent|per cent|\bshare of\b|\bportion\b|proportion|\bmargin|\brates?\b|growth|\bgrow\b|"
    r"\bgrew\b|\bshare did\b|what share|\bshrink|\bshrank|\byield\b|\bcagr\b|return on|fraction",
    re.IGNORECASE,
)
_RATIO_WORDS = re.compile(
    r"\bratio\b|\btimes\b|\bmultiple\b|\bturnover\b|\bcoverage\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Term:
    """A number under way. ``amount`` = value × scale; for ``%`` it is in percent points."""

    amount: float
    unit: str
    scale: float = 1.0


@dataclass(frozen=True)
class Dated:
    """A number with the year it is about, where known: ``cagr`` needs it."""

    quantity: Quantity
    year: int | None = None


@dataclass(frozen=True)
class Result:
    """What a program came to."""

    value: Quantity | str
    """With unit and scale; ``yes`` or ``no`` for a comparison."""
    raw: float | str
    """By FinQA's convention: shares and growth are fractions, money is in its table's scale."""
    steps: tuple[Step, ...]


def wants_percent(question: str) -> bool:
    """Whether a ratio asked for in these words is told in percent: a share, a rate, a margin."""
    if re.search(r"%|percent|per cent", question, re.IGNORECASE):
        return True
    return bool(_PERCENT_WORDS.search(question)) and not _RATIO_WORDS.search(question)


def run(program: Program, numbers: Mapping[str, Dated], *, percent: bool) -> Result:
    """Execute a program.

    Args:
        numbers: the quantity behind each handle.
        percent: tell a plain ratio in percent.

    Raises:
        AnswerError: an unknown handle, units that do not fit, or no finite result.
    """
    terms: list[Term | str] = []
    steps: list[Step] = []
    for op in program:
        args = [_term(arg, numbers, terms) for arg in op.args]
        try:
            result = _cagr(op, args, numbers) if op.name == "cagr" else _apply(op.name, args)
        except (ZeroDivisionError, OverflowError) as error:
            raise AnswerError(f"{op} has no finite result") from error
        if isinstance(result, Term) and not math.isfinite(result.amount):
            raise AnswerError(f"{op} has no finite result")
        terms.append(result)
        steps.append(_step(op, args, result, numbers))
    last = terms[-1]
    if isinstance(last, str):
        return Result(last, last, tuple(steps))
    return Result(
        _told(last, percent or grows(program)),
        last.amount / (100.0 if last.unit == PERCENT else last.scale),
        tuple(steps),
    )


def grows(program: Program) -> bool:
    """Whether the last step is a relative change: ``(b - a) / a``, ``b / a - 1`` or ``cagr``."""
    last = program[-1]
    if last.name == "cagr":
        return True
    inner = program[int(last.args[0][1:])] if last.args[0].startswith("#") else None
    if inner is None:
        return False
    if last.name == "divide":
        return inner.name == "subtract" and inner.args[1] == last.args[1]
    return last.name == "subtract" and last.args[1] == "const_1" and inner.name == "divide"


def _term(arg: str, numbers: Mapping[str, Dated], terms: list[Term | str]) -> Term:
    if arg.startswith("#"):
        term = terms[int(arg[1:])]
        if isinstance(term, str):
            raise AnswerError(f"{arg} is {term!r}, not a number")
        return term
    if arg in CONSTANTS:
        return Term(CONSTANTS[arg], CONST)
    if arg not in numbers:
        raise AnswerError(f"{arg} stands for no number here")
    quantity = numbers[arg].quantity
    if quantity.unit == PERCENT:
        return Term(quantity.value, PERCENT)
    return Term(quantity.amount, quantity.unit, quantity.scale)


def _fraction(term: Term) -> Term:
    return Term(term.amount / 100.0, RATIO) if term.unit == PERCENT else term


def _alike(name: str, args: list[Term]) -> tuple[list[Term], str, float]:
    """Terms of one unit, that unit, and the scale to tell the result in."""
    units = {t.unit for t in args} - {"", CONST}
    if PERCENT in units and (RATIO in units or any(t.unit == CONST for t in args)):
        args = [_fraction(t) for t in args]
        units = {t.unit for t in args} - {"", CONST}
    if len(units) > 1:
        raise AnswerError(f"{name} mixes units: {' and '.join(sorted(units))}")
    unit = units.pop() if units else ("" if any(t.unit == "" for t in args) else CONST)
    scale = max(t.scale for t in args)
    if unit == PERCENT:
        scale = 1.0
    return args, unit, scale


def _apply(name: str, args: list[Term]) -> Term | str:
    if name in LISTED or name in ("add", "subtract", "greater"):
        args, unit, scale = _alike(name, args)
        amounts = [t.amount for t in args]
        if name == "greater":
            return "yes" if amounts[0] > amounts[1] else "no"
        total = {
            "add": lambda: math.fsum(amounts),
            "subtract": lambda: amounts[0] - amounts[1],
            "table_sum": lambda: math.fsum(amounts),
            "table_average": lambda: math.fsum(amounts) / len(amounts),
            "table_max": lambda: max(amounts),
            "table_min": lambda: min(amounts),
        }[name]()
        return Term(total, unit, scale)
    a, b = args
    if name == "exp":
        a, b = _fraction(a), _fraction(b)
        power = a.amount**b.amount
        if isinstance(power, complex):
            raise AnswerError("a root of a negative number")
        return Term(power, RATIO if a.unit in (RATIO, CONST) else a.unit, a.scale)
    if name == "multiply":
        return _times(a, b)
    return _over(a, b)


def _times(a: Term, b: Term) -> Term:
    if CONST in (a.unit, b.unit):
        term, const = (a, b) if b.unit == CONST else (b, a)
        if term.unit == RATIO and const.amount == 100.0:
            return Term(term.amount * 100.0, PERCENT)
        return Term(term.amount * const.amount, term.unit, term.scale)
    a, b = _fraction(a), _fraction(b)
    if RATIO in (a.unit, b.unit):
        term = a if b.unit == RATIO else b
        return Term(a.amount * b.amount, term.unit, term.scale)
    units = {a.unit, b.unit} - {"", "count"}
    if len(units) > 1:
        raise AnswerError(f"multiply mixes units: {' and '.join(sorted(units))}")
    unit = units.pop() if units else a.unit or b.unit
    return Term(a.amount * b.amount, unit, max(a.scale, b.scale))


def _over(a: Term, b: Term) -> Term:
    if b.unit == CONST:
        if a.unit == PERCENT and b.amount == 100.0:
            return Term(a.amount / 100.0, RATIO)
        return Term(a.amount / b.amount, a.unit, a.scale)
    if a.unit == PERCENT and b.unit == PERCENT:
        return Term(a.amount / b.amount, RATIO)
    a, b = _fraction(a), _fraction(b)
    if b.unit == RATIO:
        return Term(a.amount / b.amount, a.unit, a.scale)
    if a.unit == b.unit or a.unit == "" or b.unit == "":
        return Term(a.amount / b.amount, RATIO)
    if a.unit in (CONST, RATIO):
        return Term(a.amount / b.amount, RATIO)
    if b.unit == "count":
        return Term(a.amount / b.amount, a.unit)
    raise AnswerError(f"divides {a.unit} by {b.unit}")


def _cagr(op: Op, args: list[Term], numbers: Mapping[str, Dated]) -> Term:
    later, earlier = args
    years = _years(op, numbers)
    (later, earlier), _, _ = _alike(op.name, [later, earlier])
    ratio = later.amount / earlier.amount
    if ratio <= 0:
        raise AnswerError("compound growth needs two numbers of one sign")
    return Term(ratio ** (1.0 / years) - 1.0, RATIO)


def _years(op: Op, numbers: Mapping[str, Dated]) -> int:
    last, first = numbers[op.args[0]].year, numbers[op.args[1]].year
    if last is None or first is None or last <= first:
        raise AnswerError("compound growth needs a later and an earlier year")
    return last - first


_SIGN = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "exp": "**", "greater": ">"}


def _step(op: Op, args: list[Term], result: Term | str, numbers: Mapping[str, Dated]) -> Step:
    """The step with its numbers, in amounts (percentages as they entered the arithmetic)."""
    shown = [_shown(t) for t in args]
    if op.name == "cagr":
        text = f"({shown[0]} / {shown[1]}) ** (1 / {_years(op, numbers)}) - 1"
    elif op.name == "table_sum":
        text = " + ".join(shown)
    elif op.name == "table_average":
        text = f"({' + '.join(shown)}) / {len(shown)}"
    elif op.name in LISTED:
        text = f"{op.name.removeprefix('table_')}({', '.join(shown)})"
    else:
        text = f"{shown[0]} {_SIGN[op.name]} {shown[1]}"
    value = float(result == "yes") if isinstance(result, str) else result.amount
    return Step(expression=text, result=value)


def _shown(term: Term) -> str:
    text = f"{term.amount:.12g}"
    return f"({text})" if term.amount < 0 else text


def _told(term: Term, percent: bool) -> Quantity:
    if term.unit == RATIO:
        return (
            Quantity(value=term.amount * 100.0, unit=PERCENT)
            if percent
            else Quantity(value=term.amount, unit=RATIO)
        )
    if term.unit in (CONST, PERCENT):
        return Quantity(value=term.amount, unit="" if term.unit == CONST else PERCENT)
    return Quantity(value=term.amount / term.scale, unit=term.unit, scale=term.scale)
