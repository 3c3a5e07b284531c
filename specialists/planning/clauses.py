"""The compact language of plans: clauses of a verb and handles, ``growth <c1> <e1> <p1>``.

A plan is ``none`` or up to four clauses between semicolons. A clause is a verb, perhaps one word
that makes a measure of two (``share``, ``over``, ``plus``, ``less``), then handles in fixed order:
measures, companies, rows, periods, a number. Several handles of a kind mean each of them. What a
clause stands for as subtasks is ``expand.py``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from specialists.foundation.contracts import Grammar, Quantity
from specialists.foundation.errors import AnswerError
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import PATTERN, Handles, Kind, Target
from specialists.workspace.links import Measure, RowKey

Verb = Literal[
    "get",
    "growth",
    "change",
    "cagr",
    "mean",
    "sum",
    "max",
    "min",
    "peak",
    "trough",
    "top",
    "bottom",
    "diff",
    "times",
    "part",
    "press",
]
"""get: look up · growth, change, cagr: between two years · mean, sum, max, min: over the years of
a range, or over what is listed · peak, trough: the year that had the most, the least · top, bottom:
the company that had · diff, times: of two values, the first less / over the second · part: a row's
share in the whole · press: the tone of the news"""

Form = Literal["share", "over", "plus", "less"]
"""Two measures as one: first as a share of second, divided by it, added to it, less it."""

OF_DERIVED: Mapping[str, Form] = {
    "share": "share",
    "ratio": "over",
    "sum": "plus",
    "difference": "less",
}
"""The form that says what the linker calls a share, ratio, sum or difference."""
VERBS: tuple[Verb, ...] = get_args(Verb)
FORMS: tuple[Form, ...] = get_args(Form)
ORDER: tuple[Kind, ...] = ("c", "d", "e", "r", "p", "n")
MAX_CLAUSES = 4
NONE = "none"


@dataclass(frozen=True)
class Noun:
    """A measure as a plan speaks of it."""

    label: str
    told_by: Literal["tables", "documents"] = "tables"


@dataclass(frozen=True)
class Row:
    """A row key as a plan speaks of it."""

    label: str
    column: str = ""


@dataclass(frozen=True)
class Clause:
    """One clause, its handles resolved."""

    verb: Verb
    form: Form | None = None
    measures: tuple[Noun, ...] = ()
    companies: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    periods: tuple[Period, ...] = ()
    number: int | None = None


def grammar(handles: Handles) -> Grammar:
    """The plans that can be written with a dialogue's handles."""
    pools = {kind: handles.of(kind) for kind in ORDER}
    measures = [*pools["c"], *pools["d"]]
    counts = [h for h in pools["n"] if _count(handles.resolve(h)) is not None]
    rules: list[str] = []
    options: list[str] = []

    def pool(name: str, names: Sequence[str]) -> None:
        if names:
            rules.append(f"{name} ::= " + " | ".join(f'" {h}"' for h in names))

    pool("m", measures)
    pool("e", pools["e"])
    pool("r", pools["r"])
    pool("p", pools["p"])
    pool("n", counts)
    who = "e{0,6} " if pools["e"] else ""
    where = "r{0,4} " if pools["r"] else ""
    when = "p{0,6} " if pools["p"] else ""
    many = "n?" if counts else ""
    if measures:
        first = _either([v for v in VERBS if v not in {"top", "bottom", "press"}])
        two = f"({_either([f' {f}' for f in FORMS])} m m | m{{1,4}})" if len(measures) > 1 else "m"
        rules.append(f"what ::= {two}")
        options.append(f"{first} what {who}{where}{when}")
        options.append(f'("top" | "bottom") what {who}{where}{when}{many}')
    if pools["r"]:
        options.append(f"{_either(['get', 'growth', 'change', 'diff'])} {who}r{{1,4}} {when}")
    if pools["e"]:
        options.append(f'"press" e{{1,4}} {when}')
    if not options:
        return Grammar(ebnf=f'root ::= "{NONE}"\n')
    rules.append("clause ::= " + " | ".join(o.strip() for o in options))
    rules.append(f'root ::= "{NONE}" | clause (" ; " clause){{0,{MAX_CLAUSES - 1}}}')
    return Grammar(ebnf="\n".join(rules) + "\n")


def _either(texts: Sequence[str]) -> str:
    return "(" + " | ".join(f'"{t}"' for t in texts) + ")"


def parse(text: str, handles: Handles) -> tuple[Clause, ...]:
    """Read a compact plan.

    Raises:
        AnswerError: an unknown word, a handle that stands for nothing, handles out of place.
    """
    text = text.strip()
    if text == NONE:
        return ()
    parts = [part.split() for part in text.split(";")]
    if len(parts) > MAX_CLAUSES:
        raise AnswerError(f"more than {MAX_CLAUSES} clauses")
    return tuple(_clause(words, handles) for words in parts)


def _clause(words: list[str], handles: Handles) -> Clause:
    if not words or words[0] not in VERBS:
        raise AnswerError(f"a clause begins with one of {', '.join(VERBS)}")
    verb: Verb = words[0]
    rest = words[1:]
    form: Form | None = None
    if rest and rest[0] in FORMS:
        form, rest = rest[0], rest[1:]
    found: dict[Kind, list[Target]] = {kind: [] for kind in ORDER}
    last = 0
    for word in rest:
        if not PATTERN.fullmatch(word):
            raise AnswerError(f"{word!r} is no handle")
        target = handles.resolve(word)
        if target.kind not in found:
            raise AnswerError(f"a {target.kind} handle has no place in a plan")
        place = 1 if target.kind == "c" else ORDER.index(target.kind)
        if place < last:
            raise AnswerError(f"{word} is out of place in {' '.join(words)!r}")
        last = place
        if target in found[target.kind]:
            raise AnswerError(f"{word} stands twice in {' '.join(words)!r}")
        found[target.kind].append(target)
    measures = [handles.resolve(w) for w in rest if w[1] in "cd"]
    clause = Clause(
        verb=verb,
        form=form,
        measures=tuple(noun(t) for t in measures),
        companies=tuple(str(t.value) for t in found["e"]),
        rows=tuple(row(t) for t in found["r"]),
        periods=tuple(t.value for t in found["p"]),
        number=next((_count(t) for t in found["n"]), None),
    )
    problem = unsound(clause)
    if problem:
        raise AnswerError(f"{' '.join(words)!r}: {problem}")
    return clause


def unsound(clause: Clause) -> str:
    """Why a clause cannot be carried out; empty when it can."""
    if clause.verb == "press":
        return "" if clause.companies and not clause.measures else "press takes companies"
    if not clause.measures and not clause.rows:
        return "no measure"
    if clause.form is not None and len(clause.measures) != 2:
        return f"{clause.form} takes two measures"
    if clause.verb in {"peak", "trough"} and len(clause.companies) > 1:
        return f"{clause.verb} takes one company"
    if clause.verb in {"diff", "times"} and not _two(clause):
        return f"{clause.verb} takes two values"
    if clause.verb == "part" and (len(clause.rows) != 1 or len(clause.measures) != 1):
        return "part takes one measure and one row"
    return ""


def _two(clause: Clause) -> bool:
    """Whether it names two values: two companies, rows or years, or else two measures."""
    width = 1
    for side in (clause.companies, clause.rows, clause.periods):
        width *= max(1, len(side))
    alone = width == 1 and clause.form is None and len(clause.measures) == 2
    return width == 2 or alone


def noun(target: Target) -> Noun:
    """A measure handle's target as a plan speaks of it."""
    return Noun(target.label, "tables" if isinstance(target.value, Measure) else "documents")


def row(target: Target) -> Row:
    """A row handle's target as a plan speaks of it."""
    value = target.value
    return Row(target.label, value.column if isinstance(value, RowKey) else "")


def _count(target: Target) -> int | None:
    """A number handle as a count of companies."""
    quantity = target.value
    if not isinstance(quantity, Quantity) or quantity.unit not in {"", "count"}:
        return None
    whole = quantity.amount == int(quantity.amount) and 1 <= quantity.amount <= 50
    return int(quantity.amount) if whole else None


def write(clauses: Sequence[Clause], handles: Handles) -> str | None:
    """Clauses in compact form, or None where a dialogue lacks a handle for something they need."""
    if not clauses:
        return NONE
    names = {_known(target): name for name, target in handles.items()}
    texts: list[str] = []
    for clause in clauses:
        wanted: list[tuple[str, object]] = [
            ("d" if n.told_by == "documents" else "c", n.label) for n in clause.measures
        ]
        wanted += [("e", name) for name in clause.companies]
        wanted += [("r", r.label) for r in clause.rows]
        wanted += [("p", p) for p in clause.periods]
        if clause.number is not None:
            wanted.append(("n", clause.number))
        if any(item not in names for item in wanted):
            return None
        head = [clause.verb] if clause.form is None else [clause.verb, clause.form]
        texts.append(" ".join([*head, *(names[item] for item in wanted)]))
    return " ; ".join(texts)


def _known(target: Target) -> tuple[str, object]:
    if target.kind == "e":
        return "e", str(target.value)
    if target.kind == "p":
        return "p", target.value
    if target.kind == "n":
        return "n", _count(target)
    return target.kind, target.label
