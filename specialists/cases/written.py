"""The plan language a person can write: ``(current assets - inventory) / current liabilities``.

A plan is steps between semicolons: ``a = get current assets of Kestrel in 2022; b = inventory; …;
divide(subtract(a, b), c)``. A step is a phrase that the linker understands, an earlier step's name,
or a function or sign over steps. What a phrase does not say, company and year, the question says.
The last step, and every step without a name, is what the case answers with. It becomes clauses of
planning's language; what no clause can say is refused with the reason. It looks nothing up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Literal

from specialists.foundation.errors import InputError
from specialists.planning.clauses import (
    Clause,
    Form,
    Noun,
    Row,
    Verb,
    made,
    row,
    spoken,
    unsound,
)
from specialists.workspace.catalogue import Period
from specialists.workspace.links import Linked, Linker
from specialists.workspace.standins import masked

MAX_DEPTH = 2
"""How deep one measure may be made of others: what a planning model can write."""

Name = Literal[
    "plus",
    "less",
    "over",
    "share",
    "growth",
    "change",
    "cagr",
    "mean",
    "sum",
    "max",
    "min",
    "press",
]
FUNCTIONS: Mapping[str, Name] = {
    "add": "plus",
    "plus": "plus",
    "subtract": "less",
    "minus": "less",
    "divide": "over",
    "ratio": "over",
    "share": "share",
    "growth": "growth",
    "change": "change",
    "cagr": "cagr",
    "average": "mean",
    "mean": "mean",
    "sum": "sum",
    "total": "sum",
    "max": "max",
    "maximum": "max",
    "highest": "max",
    "min": "min",
    "minimum": "min",
    "lowest": "min",
    "press": "press",
    "tone": "press",
}
_SAID = {"plus": "add", "less": "subtract", "over": "divide", "share": "share"}
SIGNS: Mapping[str, Name] = {"+": "plus", "-": "less", "/": "over"}
FORMS: Mapping[Name, Form] = {"plus": "plus", "less": "less", "over": "over", "share": "share"}
BETWEEN: Mapping[Name, Verb] = {"growth": "growth", "change": "change", "cagr": "cagr"}
SPREAD: Mapping[Name, Verb] = {"mean": "mean", "sum": "sum", "max": "max", "min": "min"}

_LEXEME = re.compile(r'"[^"]*"|[(),]|(?<=\s)[-+/](?=\s)|(?<=[)\s])/|(?<=\))\s*[-+/]')
_STEP = re.compile(r"\s*([A-Za-z]\w{0,30})\s*=\s*(.+)", re.DOTALL)
_GET = re.compile(r"^(?:get|find|look up|lookup)\s+", re.IGNORECASE)


class PlanInputError(InputError):
    """A written plan that cannot be read or carried out; says what would be right."""


@dataclass(frozen=True)
class Leaf:
    """A value looked up."""

    measure: Noun | None
    companies: tuple[str, ...]
    rows: tuple[Row, ...]
    periods: tuple[Period, ...]
    words: str


@dataclass(frozen=True)
class Made:
    """A function of others."""

    name: Name
    parts: tuple[Tree, ...]


Tree = Leaf | Made


@dataclass(frozen=True)
class _Value:
    """One measure, perhaps made of others, of one company, row and time."""

    measure: Noun
    companies: tuple[str, ...]
    rows: tuple[Row, ...]
    periods: tuple[Period, ...]


def read(text: str, question: str, linker: Linker) -> tuple[Clause, ...]:
    """The clauses a written plan stands for.

    Args:
        question: the case's question, which says the company and time that steps leave out.

    Raises:
        PlanInputError: a phrase that means nothing here, brackets that do not match, or a plan that
            no clause can say.
    """
    said = _mentions(linker.link(question))
    steps: dict[str, Tree] = {}
    answers: list[Tree] = []
    pieces = [piece.strip() for piece in re.split(r"[;\n]", text) if piece.strip()]
    if not pieces:
        raise PlanInputError("the plan is empty; write e.g. 'growth(revenue)'")
    for place, piece in enumerate(pieces):
        named = _STEP.fullmatch(piece)
        body = named[2] if named else piece
        tree = _Reader(body, steps, lambda words: _leaf(words, linker)).tree()
        if named:
            if named[1] in steps:
                raise PlanInputError(f"two steps are called {named[1]!r}")
            steps[named[1]] = tree
        if not named or place == len(pieces) - 1:
            answers.append(tree)
    return tuple(_clause(_completed(tree, said)) for tree in answers)


# --- reading ------------------------------------------------------------------------------------


class _Reader:
    """A step's words -> a tree. Signs bind as in arithmetic."""

    def __init__(self, text: str, steps: Mapping[str, Tree], leaf: Callable[[str], Leaf]) -> None:
        self._words = list(_lexemes(text))
        self._place = 0
        self._steps = steps
        self._leaf = leaf
        self._text = text

    def tree(self) -> Tree:
        found = self._sum()
        if self._place < len(self._words):
            raise PlanInputError(f"{self._words[self._place]!r} is out of place in {self._text!r}")
        return found

    def _peek(self) -> str:
        return self._words[self._place] if self._place < len(self._words) else ""

    def _take(self) -> str:
        word = self._peek()
        self._place += 1
        return word

    def _sum(self) -> Tree:
        found = self._product()
        while self._peek() in {"+", "-"}:
            sign = SIGNS[self._take()]
            found = Made(sign, (found, self._product()))
        return found

    def _product(self) -> Tree:
        found = self._one()
        while self._peek() == "/":
            self._take()
            found = Made("over", (found, self._one()))
        return found

    def _one(self) -> Tree:
        word = self._take()
        if word == "(":
            inner = self._sum()
            self._close()
            return inner
        if word in {"", ")", ",", *SIGNS}:
            raise PlanInputError(f"a step or a measure is missing in {self._text!r}")
        if self._peek() == "(":
            name = FUNCTIONS.get(word.lower())
            if name is None:
                known = ", ".join(FUNCTIONS)
                raise PlanInputError(f"there is no function {word!r}; there are {known}")
            self._take()
            parts = [self._sum()]
            while self._peek() == ",":
                self._take()
                parts.append(self._sum())
            self._close()
            return Made(name, tuple(parts))
        if word in self._steps:
            return self._steps[word]
        return self._leaf(word.strip('"'))

    def _close(self) -> None:
        if self._take() != ")":
            raise PlanInputError(f"a bracket is not closed in {self._text!r}")


def _lexemes(text: str) -> list[str]:
    """Brackets, commas, signs between spaces, and the phrases between them."""
    found: list[str] = []
    place = 0
    for match in _LEXEME.finditer(text):
        found += [text[place : match.start()].strip(), match[0].strip()]
        place = match.end()
    return [word for word in [*found, text[place:].strip()] if word]


def _leaf(words: str, linker: Linker) -> Leaf:
    """A phrase as the linker understands it."""
    phrase = _GET.sub("", words)
    linked = linker.link(phrase)
    leaf = replace(_mentions(linked), words=phrase)
    strange = ", ".join(repr(each) for each in linked.unknown)
    if strange:
        raise PlanInputError(f"{strange} is not in this workspace (in {phrase!r})")
    several = [t.label for _, t in linked.handles.items() if t.kind in {"c", "d"}]
    if leaf.measure is None and len(several) > 1:
        raise PlanInputError(
            f"{phrase!r} names {len(several)} measures ({', '.join(several)}): join them by a "
            "function, or by + - / between spaces"
        )
    if leaf.measure is None and not leaf.companies and not leaf.rows:
        raise PlanInputError(
            f"{phrase!r} is no measure of this workspace, and no earlier step's name; "
            f"measures here are {_some(linker)}"
        )
    return leaf


def _some(linker: Linker) -> str:
    labels = sorted({meaning.label for meaning in linker.index.concepts.values()})
    return ", ".join(labels[:12]) + (" …" if len(labels) > 12 else "")


def _mentions(linked: Linked) -> Leaf:
    """What a linked text names; the measure where it names exactly one."""
    question = masked(linked.text, linked.handles)
    measures = [slot.written for slot in question.slots if slot.kind == "m"]
    targets = [linked.handles.resolve(s.written) for s in question.slots if s.kind != "m"]
    return Leaf(
        measure=spoken(measures[0], linked.handles) if len(measures) == 1 else None,
        companies=tuple(str(t.value) for t in targets if t.kind == "e"),
        rows=tuple(row(t) for t in targets if t.kind == "r"),
        periods=tuple(t.value for t in targets if t.kind == "p"),
        words=linked.original,
    )


def _completed(tree: Tree, said: Leaf) -> Tree:
    """The tree with what its steps leave out taken from the question."""
    if isinstance(tree, Made):
        return replace(tree, parts=tuple(_completed(part, said) for part in tree.parts))
    return replace(
        tree,
        companies=tree.companies or said.companies,
        rows=tree.rows or said.rows,
        periods=tree.periods or said.periods,
    )


# --- writing clauses ----------------------------------------------------------------------------


def _clause(tree: Tree) -> Clause:
    clause = _press(tree) or _single(tree) or _between(tree) or _spread(tree) or _against(tree)
    if clause is None:
        raise PlanInputError(
            "the plan mixes companies or years in a way that no case can hold. A case is one "
            "measure, made of others of the same company and year by add, subtract, divide and "
            "share; its growth, change or cagr between two years; its average, sum, max or min "
            "over years or companies; or the difference or ratio of two companies or years"
        )
    problem = unsound(clause)
    if problem:
        raise PlanInputError(f"the plan cannot be carried out: {problem}")
    return clause


def _press(tree: Tree) -> Clause | None:
    if not isinstance(tree, Made) or tree.name != "press":
        return None
    leaves = [part for part in tree.parts if isinstance(part, Leaf) and part.measure is None]
    if len(leaves) != len(tree.parts):
        raise PlanInputError("press takes companies: press(Acme Corp)")
    names = tuple(dict.fromkeys(name for leaf in leaves for name in leaf.companies))
    return Clause("press", companies=names, periods=leaves[0].periods)


def _get(value: _Value, verb: Verb = "get") -> Clause:
    measure = value.measure
    if _depth(measure) > MAX_DEPTH:
        raise PlanInputError(
            f"a measure may be made of others {MAX_DEPTH} levels deep; make two cases of the plan"
        )
    return Clause(
        verb,
        measure.form,
        measure.parts if measure.form else (measure,),
        value.companies,
        value.rows,
        value.periods,
    )


def _depth(measure: Noun) -> int:
    return 1 + max(map(_depth, measure.parts)) if measure.parts else 0


def _value(tree: Tree) -> _Value | None:
    """The tree as one measure, where all it takes is of the same company, row and time."""
    if isinstance(tree, Leaf):
        if tree.measure is None:
            raise PlanInputError(f"{tree.words!r} names no measure")
        return _Value(tree.measure, tree.companies, tree.rows, tree.periods)
    form = FORMS.get(tree.name)
    values = [_value(part) for part in tree.parts]
    if tree.name == "sum" and len(tree.parts) > 1:
        form = "plus"
    if form is None or any(value is None for value in values):
        return None
    known = [value for value in values if value is not None]
    if len(known) < 2 or (len(known) > 2 and form != "plus"):
        raise PlanInputError(f"{_SAID[tree.name]} takes two values, not {len(known)}")
    first = known[0]
    if any(replace(value, measure=first.measure) != first for value in known):
        return None
    measures = [value.measure for value in known]
    if len(set(measures)) < len(measures):
        return None
    return replace(first, measure=reduce(lambda one, two: made(form, one, two), measures))


def _single(tree: Tree) -> Clause | None:
    value = _value(tree)
    return None if value is None else _get(value)


def _between(tree: Tree) -> Clause | None:
    """Growth, change, yearly growth: of two values of two years, or of one over a span."""
    if not isinstance(tree, Made):
        return None
    verb = BETWEEN.get(tree.name)
    if verb is None and tree.name == "less":
        verb = "change"
    if verb is None:
        return None
    values = [_value(part) for part in tree.parts]
    if len(values) == 1 and tree.name != "less" and values[0] is not None:
        return _get(values[0], verb)
    if len(values) != 2:
        return None
    one, two = values
    if one is None or two is None:
        return None
    if replace(one, periods=two.periods) != two or len(one.periods) != 1 or one == two:
        return None
    return _get(replace(one, periods=(*one.periods, *two.periods)), verb)


def _spread(tree: Tree) -> Clause | None:
    """Average, sum, highest, lowest: of one measure over years or companies."""
    if not isinstance(tree, Made) or tree.name not in SPREAD:
        return None
    values = [_value(part) for part in tree.parts]
    joined = _joined([value for value in values if value is not None])
    if joined is None or any(value is None for value in values):
        return None
    return _get(joined, SPREAD[tree.name])


def _joined(values: Sequence[_Value]) -> _Value | None:
    """Values of one measure as a list: every company with every year, or None."""
    if not values or any(v.measure != values[0].measure for v in values):
        return None
    companies = tuple(dict.fromkeys(e for v in values for e in v.companies))
    rows = tuple(dict.fromkeys(r for v in values for r in v.rows))
    periods = tuple(dict.fromkeys(p for v in values for p in v.periods))
    whole = _Value(values[0].measure, companies, rows, periods)
    return whole if _cells([whole]) == _cells(values) else None


def _cells(values: Sequence[_Value]) -> set[tuple[str, Row | None, Period | None]]:
    """All that values look up: company, row, time."""
    return {
        cell
        for v in values
        for cell in product(v.companies or ("",), v.rows or (None,), v.periods or (None,))
    }


def _against(tree: Tree) -> Clause | None:
    """The difference or ratio of one measure of two companies, rows or years."""
    if not isinstance(tree, Made) or tree.name not in {"less", "over"} or len(tree.parts) != 2:
        return None
    values = [_value(part) for part in tree.parts]
    if any(value is None for value in values):
        return None
    joined = _joined([value for value in values if value is not None])
    if joined is None or len(_cells([joined])) != 2:
        return None
    return _get(joined, "diff" if tree.name == "less" else "times")
