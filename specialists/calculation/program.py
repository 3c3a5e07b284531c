"""The arithmetic programs of FinQA: parsed, printed, held to a grammar (run in ``execute.py``).

``subtract(<n2>, <n1>), divide(#0, <n1>)``: steps separated by commas; an argument is a number's
handle, the result ``#k`` of an earlier step, or a constant ``const_100``. Beyond FinQA: the
``table_`` operations list their numbers, and ``cagr(<n2>, <n1>)`` is the compound yearly growth
between two dated numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from specialists.foundation.contracts import Grammar
from specialists.foundation.errors import AnswerError

BINARY = ("add", "subtract", "multiply", "divide", "greater", "exp")
LISTED = ("table_sum", "table_average", "table_max", "table_min")
ORDERED = ("growth", "change", "cagr")
"""Between two numbers of a time series: see ``order.py``."""
CONSTANTS = {
    "const_1": 1.0,
    "const_2": 2.0,
    "const_3": 3.0,
    "const_4": 4.0,
    "const_5": 5.0,
    "const_6": 6.0,
    "const_7": 7.0,
    "const_8": 8.0,
    "const_9": 9.0,
    "const_10": 10.0,
    "const_12": 12.0,
    "const_100": 100.0,
    "const_365": 365.0,
    "const_1000": 1e3,
    "const_1000000": 1e6,
    "const_m1": -1.0,
}
MAX_STEPS = 6
MAX_LISTED = 12

_STEP = re.compile(r"\s*(\w+)\(\s*([^()]*?)\s*\)\s*")


@dataclass(frozen=True)
class Op:
    """One step: an operation and its arguments as written."""

    name: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.args)})"


Program = tuple[Op, ...]


def parse(text: str) -> Program:
    """Read a program.

    Raises:
        AnswerError: not a program; the message says which part is wrong.
    """
    ops: list[Op] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise AnswerError(f"not an operation: {text[at : at + 40]!r}")
        ops.append(_checked(match[1], tuple(re.split(r"\s*,\s*", match[2])), len(ops)))
        at = match.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise AnswerError(f"operations are separated by commas: {text[at : at + 20]!r}")
            at += 1
    if not 1 <= len(ops) <= MAX_STEPS:
        raise AnswerError(f"a program has 1 to {MAX_STEPS} steps, this one {len(ops)}")
    return tuple(ops)


def _checked(name: str, args: tuple[str, ...], index: int) -> Op:
    if name in BINARY or name in ORDERED:
        if len(args) != 2:
            raise AnswerError(f"{name} takes two arguments")
    elif name in LISTED:
        if not 1 <= len(args) <= MAX_LISTED:
            raise AnswerError(f"{name} takes 1 to {MAX_LISTED} numbers")
    else:
        raise AnswerError(f"unknown operation {name!r}")
    for arg in args:
        if arg.startswith("#"):
            if not (arg[1:].isdigit() and int(arg[1:]) < index):
                raise AnswerError(f"{arg} is not the result of an earlier step")
        elif not arg.startswith("<") and arg not in CONSTANTS:
            raise AnswerError(f"{arg!r} is neither a number's handle, #k nor a constant")
    return Op(name, args)


def render(program: Program) -> str:
    """The program as text: the inverse of ``parse``."""
    return ", ".join(map(str, program))


def numbers(program: Program) -> tuple[str, ...]:
    """The handles a program uses, in order of first use."""
    return tuple(dict.fromkeys(a for op in program for a in op.args if a.startswith("<")))


def grammar(handles: Sequence[str]) -> Grammar:
    """The answer ``{"program": …}`` over exactly these handles; ``null`` where nothing fits."""
    if not handles:
        return Grammar(ebnf='root ::= "{\\"program\\": null}"\n')
    lines = [
        'root ::= "{\\"program\\": " ("null" | "\\"" steps0 "\\"") "}"',
        "number ::= " + " | ".join(f'"{h}"' for h in handles),
        "const ::= " + " | ".join(f'"{c}"' for c in CONSTANTS),
        "binary ::= " + " | ".join(f'"{b}("' for b in BINARY),
        "listed ::= " + " | ".join(f'"{t}("' for t in LISTED),
        "macro ::= " + " | ".join(f'"{m}("' for m in ORDERED),
        f'list ::= listed number (", " number){{0,{MAX_LISTED - 1}}} ")"',
        'pair ::= macro number ", " number ")"',
    ]
    for k in range(MAX_STEPS):
        more = f' (", " steps{k + 1})?' if k + 1 < MAX_STEPS else ""
        earlier = "".join(f' | "#{i}"' for i in range(k))
        lines += [
            f"steps{k} ::= step{k}{more}",
            f'step{k} ::= list | pair | binary arg{k} ", " arg{k} ")"',
            f"arg{k} ::= number | const{earlier}",
        ]
    return Grammar(ebnf="\n".join(lines) + "\n")
