"""Solved calculations, generated: a wording, its numbers among others, the gold program.

Deterministic in the seed. Wordings come from ``frames.py``, names of companies from the synthetic
pools; the two are held out as the folds demand.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from specialists.calculation import program
from specialists.calculation.facts import CalculationInputs, Fact, Prompt
from specialists.calculation.frames import FORMULA, FORMULAS, KINDS, RUNNING
from specialists.calculation.vocabulary import COUNTS, MONEY, SEGMENTS, UNITS, WHOLES
from specialists.foundation.contracts import Message, Quantity
from specialists.foundation.errors import AnswerError, ConfigError
from specialists.task import Example, Fold
from specialists.workspace.handles import Handles
from specialists.workspace.names import company_names
from specialists.workspace.numbers import format_quantity

if TYPE_CHECKING:
    from specialists.calculation.task import Calculation, CalculationTask

WEIGHTS: dict[str, int] = {
    "growth": 14,
    "difference": 9,
    "gap": 6,
    "gap_owners": 4,
    "ratio": 6,
    "ratio_owners": 3,
    "ratio_years": 2,
    "share": 12,
    "share_owners": 5,
    "average": 7,
    "sum": 5,
    "sum_measures": 4,
    "average_measures": 2,
    "extreme": 3,
    "cagr": 4,
    "compare": 3,
    "compare_years": 2,
    "growth_gap": 3,
    "share_change": 2,
    "project": 3,
    "part": 3,
    "whole": 2,
    "per_unit": 3,
    "formula": 10,
    "part_of": 4,
    "listed": 6,
}
_COUNT_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


@dataclass
class _Case:
    """A question before it is worded: what fills the slots, which facts, which program."""

    kind: str
    slots: dict[str, str]
    needed: list[Fact]
    gold: str | None
    """A program whose numbers are ``a``, ``b`` …: the needed facts in order."""
    others: list[Fact] = field(default_factory=list[Fact])
    written: list[str] = field(default_factory=list[str])
    """Numbers told in the question's own words: what the program calls ``w`` and ``z``."""


def generate(
    task: CalculationTask, fold: Fold, count: int, seed: int
) -> Iterator[Example[CalculationInputs, Calculation]]:
    """Examples of a fold."""
    rng = random.Random(f"calculation/{fold}/{seed}")
    split = "train" if fold in ("train", "dev") else "heldout"
    names = company_names(split, 200, seed)
    made = 0
    while made < count:
        kinds = [k for k in WEIGHTS if _phrasing(k).pool(fold)]
        kind = rng.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
        example = _example(task, rng, fold, kind, names, f"calculation-{fold}-{seed}-{made}")
        if example is not None:
            made += 1
            yield example


def _phrasing(kind: str):
    return FORMULA if kind == "formula" else KINDS[kind.upper()]


def _example(
    task: CalculationTask, rng: random.Random, fold: Fold, kind: str, names: list[str], id_: str
) -> Example[CalculationInputs, Calculation] | None:
    """One example, or None where the draw makes no sense (a root of a negative number …)."""
    from specialists.calculation.task import Calculation, reply, run

    case = _case(rng, kind, names)
    try:
        text, template = _phrasing(kind).draw(rng, fold, **case.slots)
    except ConfigError:  # a wording that names two inputs, for a case that has three
        return None
    inputs, order = _inputs(rng, fold, case, text)
    seed = rng.randrange(1 << 30)
    episode = task.begin(inputs, seed=seed)
    try:
        laid_out = _laid_out(inputs, seed)
        if case.gold is None:
            answer, ops = Calculation(), None
        else:
            ops = _bound(case, order, laid_out.facts)
            answer = run(ops, inputs.question, laid_out.facts)
    except AnswerError:
        return None
    dialogue = (*episode.messages, Message(role="assistant", content=reply(ops, laid_out)))
    company = case.needed[0].entity if case.needed else ""
    return Example(id_, inputs, answer, dialogue, fold, company, template)


def _laid_out(inputs: CalculationInputs, seed: int) -> Prompt:
    from specialists.calculation.facts import prompt

    return prompt(inputs, Handles(random.Random(seed)))


def _bound(case: _Case, order: dict[str, Quantity], facts: dict[str, Fact]) -> program.Program:
    """The gold program in the prompt's handles.

    Raises:
        AnswerError: a number that the prompt does not show, or shows twice.
    """
    handles: dict[str, str] = {}
    for letter, quantity in order.items():
        fits = [h for h, f in facts.items() if f.quantity == quantity]
        if len(fits) != 1:
            raise AnswerError("a number is not told apart")
        handles[letter] = fits[0]
    assert case.gold is not None
    text = case.gold
    ops = [
        program.Op(
            name,
            tuple(handles.get(a.strip(), a.strip()) for a in args.removesuffix(")").split(",")),
        )
        for name, args in (step.split("(") for step in text.replace("), ", ")\n").split("\n"))
    ]
    return tuple(ops)


def _inputs(
    rng: random.Random, fold: Fold, case: _Case, text: str
) -> tuple[CalculationInputs, dict[str, Quantity]]:
    """Facts as lines, in a sentence or in the question; and which number is which letter."""
    from specialists.workspace.numbers import scan

    needed = list(case.needed)
    order = {letter: fact.quantity for letter, fact in zip("abcdefgh", needed, strict=False)}
    order |= {w: scan(t)[0].quantity for w, t in zip("wz", case.written, strict=False)}
    named = bool(needed[0].name) and f"${needed[0].name}" in text
    if needed[0].name and not named:
        needed = [f.model_copy(update={"name": ""}) for f in needed]
    written = [case.slots.get(k, "") for k in "wz"]
    if all(w and w in text for w in written):  # the question tells its numbers itself
        first, second = (scan(w)[0].quantity for w in written)
        pair = {"a": second, "b": first} if "a" in case.slots else {"a": first, "b": second}
        return CalculationInputs(question=text), pair
    if case.kind in ("growth", "difference", "ratio_years", "compare_years") and (
        not named and rng.random() < 0.25
    ):
        return _running(rng, fold, case, text)
    others = [] if named and rng.random() < 0.8 else case.others
    facts = [*needed, *others]
    rng.shuffle(facts)
    if rng.random() < 0.1:  # the whole page speaks of one company
        facts = [
            f.model_copy(update={"entity": ""}) if len({g.entity for g in facts}) == 1 else f
            for f in facts
        ]
    return CalculationInputs(question=text, facts=tuple(facts)), order


def _running(
    rng: random.Random, fold: Fold, case: _Case, text: str
) -> tuple[CalculationInputs, dict[str, Quantity]]:
    from specialists.workspace.numbers import scan

    a, b = case.needed
    pool: Fold = "train" if fold in ("train", "dev") else fold
    written = [format_quantity(f.quantity) for f in (a, b)]
    slots = {"m": a.measure, "e": a.entity, "a": str(a.year), "b": str(b.year)}
    sentence, _ = RUNNING.draw(rng, pool, N1=written[0], N2=written[1], **slots)
    sentences = [sentence]
    groups: dict[str, list[Fact]] = {}
    for fact in case.others:
        groups.setdefault(fact.measure + fact.entity, []).append(fact)
    for group in groups.values():
        if len(group) == 2 and rng.random() < 0.6:
            first, second = sorted(group, key=lambda f: f.year or 0)
            slots = {"m": first.measure, "e": first.entity, "a": str(first.year)}
            more, _ = RUNNING.draw(
                rng,
                pool,
                N1=format_quantity(first.quantity),
                N2=format_quantity(second.quantity),
                b=str(second.year),
                **slots,
            )
            sentences.append(more)
    rng.shuffle(sentences)
    found = [scan(w)[0].quantity for w in written]
    return CalculationInputs(question=text, context=tuple(sentences[:2])), {
        "a": found[0],
        "b": found[1],
    }


# --- cases --------------------------------------------------------------------------------------


class _Maker:
    """Draws facts that belong to one page: years, scale, owners."""

    def __init__(self, rng: random.Random, names: list[str]) -> None:
        self.rng = rng
        last = rng.randint(2005, 2024)
        length = rng.randint(2, 5)
        self.years = list(range(last - length + 1, last + 1))
        self.unit, self.scale = rng.choices(
            (("USD", 1e6), ("USD", 1e3), ("", 1.0), ("USD", 1.0), ("EUR", 1e6), ("USD", 1e9)),
            (8, 3, 4, 2, 1, 1),
        )[0]
        self.owners = rng.sample(names, 4)
        self.money = rng.sample(MONEY, 6)

    def fact(self, measure: str, owner: str, year: int | None, *, count: bool = False) -> Fact:
        rng = self.rng
        value = round(10 ** rng.uniform(0.5, 4.5), rng.choice((0, 0, 1, 2)))
        if rng.random() < 0.06 and not count:
            value = -value
        unit, scale = ("count", rng.choice((1.0, 1e3, 1e6))) if count else (self.unit, self.scale)
        if unit and not count and rng.random() < 0.03:
            scale = rng.choice((1e3, 1e6, 1e9))
        quantity = Quantity(value=value or 1.0, unit=unit, scale=scale)
        return Fact(quantity=quantity, measure=measure, entity=owner, year=year)

    def pair(self, measure: str, owner: str) -> tuple[Fact, Fact]:
        """One measure in two years; about the same size."""
        first, last = sorted(self.rng.sample(self.years, 2))
        a = self.fact(measure, owner, first)
        value = round(a.quantity.value * self.rng.uniform(0.6, 1.6), 2)
        if value == a.quantity.value:
            value += 1.0
        quantity = a.quantity.model_copy(update={"value": value})
        return a, a.model_copy(update={"quantity": quantity, "year": last})

    def span(self, measure: str, owner: str) -> list[Fact]:
        years = self.years[: self.rng.randint(2, len(self.years))]
        return [self.fact(measure, owner, y) for y in years]


def _case(rng: random.Random, kind: str, names: list[str]) -> _Case:
    make = _Maker(rng, names)
    case = _CASES[kind](make)
    for letter, fact in zip(("x", "y"), _named(case), strict=False):
        case.slots[letter] = f"${fact.name}"
    case.slots = {"e": make.owners[0], "f": make.owners[1], "s": "highest", **case.slots}
    if (
        kind not in ("formula", "listed")
        and rng.random() < 0.04
        and len(case.needed) > 1
        and not case.written
    ):
        missing = rng.randrange(len(case.needed))
        if "$" not in "".join(case.slots.values()):
            case.needed.pop(missing)
            case.gold = None
    return case


_INPUT_NAMES = (("first", "second"), ("a", "b"), ("x", "y"), ("earlier", "later"), ("s1", "s2"))


def _named(case: _Case) -> list[Fact]:
    return [f for f in case.needed if f.name][:2]


def _give_names(make: _Maker, facts: list[Fact]) -> list[Fact]:
    """Two facts as inputs of a plan, called in the wording by ``$name``."""
    names = make.rng.choice(_INPUT_NAMES)
    return [f.model_copy(update={"name": n}) for f, n in zip(facts, names, strict=True)]


def _distract(make: _Maker, taken: list[Fact], *, same: bool = True) -> list[Fact]:
    """Facts nobody asked for: other years, other measures, other owners."""
    rng = make.rng
    have = {(f.measure, f.entity, f.year) for f in taken}
    others: list[Fact] = []
    told = list(dict.fromkeys(f.measure for f in taken))  # not a set: the order must be the seed's
    measures = [*told, *make.money[2:4]] if same else list(make.money[2:5])
    owners = list(dict.fromkeys([f.entity for f in taken] + [make.owners[3]]))
    places = list(itertools.product(measures, owners, make.years))
    rng.shuffle(places)
    for measure, owner, year in places[: rng.choice((0, 0, 1, 2, 3, 4, 5))]:
        if (measure, owner, year) not in have:
            others.append(make.fact(measure, owner, year))
    return others


def _two_years(kind: str, gold: str) -> Callable[[_Maker], _Case]:
    def make_case(make: _Maker) -> _Case:
        measure, owner = make.money[0], make.owners[0]
        a, b = make.pair(measure, owner)
        slots = {"m": measure, "a": str(a.year), "b": str(b.year)}
        slots |= {"w": format_quantity(b.quantity), "z": format_quantity(a.quantity)}
        needed = _give_names(make, [a, b])
        return _Case(kind, slots, needed, gold, _distract(make, [a, b]))

    return make_case


def _two_measures(kind: str, gold: str, *, whole: bool = False) -> Callable[[_Maker], _Case]:
    def make_case(make: _Maker) -> _Case:
        measure, other, owner = make.money[0], make.money[1], make.owners[0]
        if whole:
            other = make.rng.choice(WHOLES)
        year = make.rng.choice(make.years)
        a, b = make.fact(measure, owner, year), make.fact(other, owner, year)
        slots = {"m": measure, "n": other, "b": str(year)}
        slots |= {"w": format_quantity(a.quantity), "z": format_quantity(b.quantity)}
        needed = _give_names(make, [a, b])
        return _Case(kind, slots, needed, gold, _distract(make, [a, b]))

    return make_case


def _two_owners(kind: str, gold: str, *, total: bool = False) -> Callable[[_Maker], _Case]:
    def make_case(make: _Maker) -> _Case:
        measure = make.money[0]
        owner, other = make.owners[0], "total" if total else make.owners[1]
        year = make.rng.choice(make.years)
        a, b = make.fact(measure, owner, year), make.fact(measure, other, year)
        if total:
            b = b.model_copy(update={"measure": f"total {measure}", "entity": ""})
        slots = {"m": measure, "b": str(year)}
        return _Case(kind, slots, [a, b], gold, _distract(make, [a, b]))

    return make_case


def _many_years(kind: str, op: str) -> Callable[[_Maker], _Case]:
    def make_case(make: _Maker) -> _Case:
        measure, owner = make.money[0], make.owners[0]
        facts = make.span(measure, owner)
        listed = ", ".join(str(f.year) for f in facts[:-1]) + f" and {facts[-1].year}"
        slots = {
            "m": measure,
            "a": str(facts[0].year),
            "b": str(facts[-1].year),
            "k": _COUNT_WORDS[len(facts)],
            "l": listed,
        }
        chosen = op
        if kind == "extreme":
            chosen, superlatives = make.rng.choice(_SUPERLATIVES)
            slots["s"] = make.rng.choice(superlatives)
        others = [f for f in _distract(make, facts) if f.measure != measure]
        if len(facts) == 2:
            facts = _give_names(make, facts)
        gold = f"{chosen}({', '.join('abcdefgh'[: len(facts)])})"
        return _Case(kind, slots, facts, gold, others)

    return make_case


_SUPERLATIVES = (
    ("table_max", ("highest", "largest", "maximum", "peak", "greatest", "biggest")),
    ("table_min", ("lowest", "smallest", "minimum", "least")),
)


def _four(kind: str, gold: str) -> Callable[[_Maker], _Case]:
    def make_case(make: _Maker) -> _Case:
        m, n, owner = make.money[0], make.money[1], make.owners[0]
        first, last = sorted(make.rng.sample(make.years, 2))
        needed = [make.fact(x, owner, y) for x in (m, n) for y in (first, last)]
        slots = {"m": m, "n": n, "a": str(first), "b": str(last)}
        return _Case(kind, slots, needed, gold, _distract(make, needed, same=False)[:2])

    return make_case


def _with_rate(kind: str, gold: str) -> Callable[[_Maker], _Case]:
    def make_case(make: _Maker) -> _Case:
        year = make.rng.choice(make.years)
        fact = make.fact(make.money[0], make.owners[0], year)
        rate = f"{round(make.rng.uniform(0.5, 60), make.rng.choice((0, 1, 2))):g}"
        rate += make.rng.choice(("%", "%", " percent"))
        slots = {"m": fact.measure, "b": str(year), "w": rate}
        return _Case(kind, slots, [fact], gold, _distract(make, [fact]), [rate])

    return make_case


def _per_unit(make: _Maker) -> _Case:
    year = make.rng.choice(make.years)
    unit, label = make.rng.choice(UNITS)
    a = make.fact(make.money[0], make.owners[0], year)
    b = make.fact(label, make.owners[0], year, count=True)
    b = b.model_copy(
        update={"quantity": b.quantity.model_copy(update={"value": abs(b.quantity.value)})}
    )
    slots = {"m": a.measure, "u": unit, "b": str(year)}
    return _Case("per_unit", slots, [a, b], "divide(a, b)", _distract(make, [a, b], same=False))


def _part_of(make: _Maker) -> _Case:
    measure, owner = make.money[0], make.owners[0]
    segment = make.rng.choice(SEGMENTS)
    year = make.rng.choice(make.years)
    part = make.fact(f"{measure} of the {segment} segment", owner, year)
    whole = make.fact(measure, owner, year)
    slots = {"m": measure, "g": segment, "b": str(year)}
    others = _distract(make, [whole], same=False) if make.rng.random() < 0.4 else []
    return _Case("part_of", slots, [part, whole], "divide(a, b)", others)


_LISTED = (
    ("table_average", ("average", "average", "mean")),
    ("table_sum", ("sum", "sum", "total")),
    ("table_max", ("maximum", "largest", "highest")),
    ("table_min", ("minimum", "smallest", "lowest")),
)


def _listed(make: _Maker) -> _Case:
    """Values one by one: of one company in some years, or of some companies in one year."""
    measure, year = make.money[0], make.rng.choice(make.years)
    if make.rng.random() < 0.5:
        facts = make.span(measure, make.owners[0])
    else:
        facts = [make.fact(measure, o, year) for o in make.owners[: make.rng.randint(2, 4)]]
    names = [f"the {f.measure} of {f.entity} in {f.year}" for f in facts]
    op, words = make.rng.choice(_LISTED)
    slots = {"s": make.rng.choice(words), "l": f"{', '.join(names[:-1])} and {names[-1]}"}
    gold = f"{op}({', '.join('abcdefgh'[: len(facts)])})"
    return _Case("listed", slots, facts, gold)


def _formula(make: _Maker) -> _Case:
    rng = make.rng
    names, measures, gold = FORMULAS[rng.choice(list(FORMULAS))]
    year, owner = rng.choice(make.years), make.owners[0]
    facts: list[Fact] = []
    for measure in measures:
        fact = make.fact(measure, owner, year, count=measure in COUNTS)
        value = abs(fact.quantity.value)
        quantity = fact.quantity.model_copy(update={"value": value})
        if measure == "interest rate":
            quantity = Quantity(value=round(rng.uniform(0.5, 15), 2), unit="%")
        elif "price" in measure or "per share" in measure:
            unit = make.unit or ""
            quantity = Quantity(value=round(rng.uniform(1, 300), 2), unit=unit)
        facts.append(fact.model_copy(update={"quantity": quantity}))
    others = [f for f in _distract(make, facts, same=False) if f.measure not in measures][:3]
    slots = {"o": rng.choice(names), "b": str(year)}
    return _Case("formula", slots, facts, gold, others)


_CASES: dict[str, Callable[[_Maker], _Case]] = {
    "growth": _two_years("growth", "subtract(b, a), divide(#0, a)"),
    "difference": _two_years("difference", "subtract(b, a)"),
    "ratio_years": _two_years("ratio_years", "divide(b, a)"),
    "compare_years": _two_years("compare_years", "greater(b, a)"),
    "cagr": _two_years("cagr", "cagr(b, a)"),
    "gap": _two_measures("gap", "subtract(a, b)"),
    "ratio": _two_measures("ratio", "divide(a, b)"),
    "share": _two_measures("share", "divide(a, b)"),
    "sum_measures": _two_measures("sum_measures", "add(a, b)"),
    "average_measures": _two_measures("average_measures", "table_average(a, b)"),
    "compare": _two_measures("compare", "greater(a, b)"),
    "gap_owners": _two_owners("gap_owners", "subtract(a, b)"),
    "ratio_owners": _two_owners("ratio_owners", "divide(a, b)"),
    "share_owners": _two_owners("share_owners", "divide(a, b)", total=True),
    "average": _many_years("average", "table_average"),
    "sum": _many_years("sum", "table_sum"),
    "extreme": _many_years("extreme", "table_max"),
    "growth_gap": _four(
        "growth_gap",
        "subtract(b, a), divide(#0, a), subtract(d, c), divide(#2, c), subtract(#1, #3)",
    ),
    "share_change": _four("share_change", "divide(b, d), divide(a, c), subtract(#0, #1)"),
    "project": _with_rate("project", "multiply(a, w), add(a, #0)"),
    "part": _with_rate("part", "multiply(a, w)"),
    "whole": _with_rate("whole", "divide(a, w)"),
    "per_unit": _per_unit,
    "formula": _formula,
    "part_of": _part_of,
    "listed": _listed,
}
