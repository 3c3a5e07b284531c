"""The compact language of plans: clauses of a verb and handles, ``growth <c1> <e1> <p1>``.

A plan is ``none`` or up to four clauses between semicolons. A clause is a verb, perhaps a side
(``above``, ``below``, ``between``), perhaps a turn (``growth``, ``change``), then a measure or
several, companies, rows, periods, numbers, in this order. ``share``, ``over``, ``plus`` and
``less`` before two measures make one of them, and nest: ``share plus <c1> <c2> <c3>``. Several
handles of a kind mean each of them. A worked case's handle in the place of all words before the
handles means: as in that case. What a clause stands for as subtasks is ``expand.py``'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

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
    "which",
    "count",
    "rank",
    "more",
    "fewer",
    "attop",
    "atbottom",
    "atpeak",
    "attrough",
]
"""get: look up · growth, change, cagr: between two years · mean, sum, max, min: over the years of
a range, or over what is listed · peak, trough: the year that had the most, the least · top, bottom:
the companies that had · diff, times: of two values, the first less / over the second · part: a
row's share in the whole · press: the tone of the news · which, count: the companies on a side of a
number (0 where none is named), or of a company named; with a company and a number its years; or a
sector's companies · rank: a company's place among all · more, fewer: yes or no, the first value
against the second, a number or the year before · attop, atbottom, atpeak, attrough: the first
measure of the company, or in the year, that had the most or the least of the second"""

Form = Literal["share", "over", "plus", "less"]
"""Two measures as one: first as a share of second, divided by it, added to it, less it."""
Side = Literal["above", "below", "between"]
"""Where a value must lie for ``which`` and ``count``."""
Turn = Literal["growth", "change"]
"""What is compared: not a value but its growth or change between two years."""

OF_DERIVED: Mapping[str, Form] = {
    "share": "share",
    "ratio": "over",
    "sum": "plus",
    "difference": "less",
}
"""The form that says what the linker calls a share, ratio, sum or difference."""
VERBS: tuple[Verb, ...] = get_args(Verb)
FORMS: tuple[Form, ...] = get_args(Form)
SIDES: tuple[Side, ...] = get_args(Side)
TURNS: tuple[Turn, ...] = get_args(Turn)
TURNED: frozenset[Verb] = frozenset(
    ["peak", "trough", "top", "bottom", "which", "count", "rank", "more", "fewer", "diff"]
)
"""Verbs that can look at growth or change instead of a value."""
AT: frozenset[Verb] = frozenset(["attop", "atbottom", "atpeak", "attrough"])
"""Verbs of two measures: one shown, one that chooses."""
RANKED: frozenset[Verb] = frozenset(["top", "bottom", "peak", "trough"])
"""Verbs that choose the first of a ranking."""
SCREENED: frozenset[Verb] = frozenset(["which", "count"])
ORDER: tuple[Kind, ...] = ("c", "d", "e", "r", "p", "n")
MAX_CLAUSES = 4
NONE = "none"


@dataclass(frozen=True)
class Noun:
    """A measure as a plan speaks of it; one made of two has ``form`` and ``parts``."""

    label: str
    told_by: Literal["tables", "documents"] = "tables"
    form: Form | None = None
    parts: tuple[Noun, ...] = ()

    def leaves(self) -> Iterator[Noun]:
        """The measures it is made of; itself where it is one."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


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
    """Two where ``form`` makes one of them."""
    companies: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    periods: tuple[Period, ...] = ()
    numbers: tuple[Quantity, ...] = ()
    side: Side | None = None
    turn: Turn | None = None
    place: int = 1
    """Of a ranking: 2 for the second highest. No reply writes it; the question's words tell it."""

    @property
    def number(self) -> int | None:
        """How many are asked for."""
        return next((n for q in self.numbers if (n := whole(q)) is not None), None)


class Pointed(Protocol):
    """A worked case, as a clause that points to it needs it."""

    def applied(self, given: Clause) -> tuple[Clause, ...]:
        """The case's clauses over what ``given`` names.

        Raises:
            AnswerError: what is given does not fit the case.
        """
        ...


def made(form: Form, one: Noun, two: Noun) -> Noun:
    """Two measures as one."""
    word = {"share": "as a percentage of", "over": "divided by", "plus": "plus", "less": "minus"}
    return Noun(f"{one.label} {word[form]} {two.label}", one.told_by, form, (one, two))


# --- the grammar --------------------------------------------------------------------------------


def grammar(handles: Handles) -> Grammar:
    """The plans that can be written with a dialogue's handles."""
    pools = {kind: handles.of(kind) for kind in (*ORDER, "o")}
    measures = [*pools["c"], *pools["d"]]
    counts = [h for h in pools["n"] if whole(handles.resolve(h).value) is not None]
    rules: list[str] = []
    options: list[str] = []

    def pool(name: str, names: Sequence[str]) -> None:
        if names:
            rules.append(f"{name} ::= " + " | ".join(f'" {h}"' for h in names))

    pool("m", measures)
    pool("e", pools["e"])
    pool("r", pools["r"])
    pool("p", pools["p"])
    pool("n", pools["n"])
    pool("k", counts)
    who = "e{0,6} " if pools["e"] else ""
    where = "r{0,4} " if pools["r"] else ""
    when = "p{0,6} " if pools["p"] else ""
    many = "k?" if counts else ""
    turn = f"({_either(_spaced(TURNS))})? "
    if measures:
        rules.append(_what(len(measures)))
        about = f"what {who}{where}{when}"
        plain = [v for v in VERBS if v not in {"press", *TURNED, *AT}]
        options.append(f"{_either(plain)} {about}")
        if len(measures) > 1:
            options.append(f"{_either(sorted(AT))} m m {who}{where}{when}")
        options.append(f'("peak" | "trough" | "rank" | "diff") {turn}{about}')
        options.append(f'("top" | "bottom") {turn}{about}{many}')
        limit = "n?" if pools["n"] else ""
        options.append(f'("more" | "fewer") {turn}{about}{limit}')
        both = f' | " between" {turn}{about}n n' if len(pools["n"]) > 1 else ""
        sides = f"{_either(_spaced(('above', 'below')))} {turn}{about}{limit}"
        options.append(f'("which" | "count") ({sides}{both})')
    if pools["r"]:
        options.append(f"{_either(['get', 'growth', 'change', 'diff'])} {who}r{{1,4}} {when}")
        options.append('("which" | "count") r{1,2}')
    options.append('"count"')
    if pools["e"]:
        options.append(f'"press" e{{1,4}} {when}')
    if pools["o"]:
        rules.append("o ::= " + " | ".join(f'"{h}"' for h in pools["o"]))
        what = "m{0,4} " if measures else ""
        limits = "n{0,2}" if pools["n"] else ""
        options.append(f"o {what}{who}{where}{when}{limits}")
    rules.append("clause ::= " + " | ".join(o.strip() for o in options))
    rules.append(f'root ::= "{NONE}" | clause (" ; " clause){{0,{MAX_CLAUSES - 1}}}')
    return Grammar(ebnf="\n".join(rules) + "\n")


def _what(measures: int) -> str:
    if measures < 2:
        return "what ::= m"
    form = _either(_spaced(FORMS))
    inner = f"x ::= m | {form} y y\ny ::= m | {form} m m"
    return f"what ::= {form} x x | m{{1,4}}\n{inner}"


def _spaced(words: Sequence[str]) -> list[str]:
    return [f" {w}" for w in words]


def _either(texts: Sequence[str]) -> str:
    return "(" + " | ".join(f'"{t}"' for t in texts) + ")"


# --- reading ------------------------------------------------------------------------------------


def parse(text: str, handles: Handles) -> tuple[Clause, ...]:
    """Read a compact plan.

    Raises:
        AnswerError: an unknown word, a handle that stands for nothing, handles out of place, or a
            worked case that the handles do not fit.
    """
    text = text.strip()
    if text == NONE:
        return ()
    parts = [part.split() for part in text.split(";")]
    if len(parts) > MAX_CLAUSES:
        raise AnswerError(f"more than {MAX_CLAUSES} clauses")
    return tuple(clause for words in parts for clause in _read(words, handles))


def _read(words: list[str], handles: Handles) -> tuple[Clause, ...]:
    if not words:
        raise AnswerError("an empty clause")
    said = " ".join(words)
    case: Pointed | None = None
    if words[0].startswith("<o"):
        case = handles.resolve(words[0]).value
        given, rest = _handles("get", words[1:], handles)
    elif words[0] in VERBS:
        given, rest = _handles(words[0], words[1:], handles)
    else:
        raise AnswerError(f"a clause begins with one of {', '.join(VERBS)}")
    if rest:
        raise AnswerError(f"{rest[0]} is out of place in {said!r}")
    read = case.applied(given) if case is not None else (given,)
    for clause in read:
        problem = unsound(clause)
        if problem:
            raise AnswerError(f"{said!r}: {problem}")
    return read


def _handles(verb: Verb, words: list[str], handles: Handles) -> tuple[Clause, list[str]]:
    """A clause of a verb from the words after it, and the words that do not fit."""
    rest = list(words)
    side: Side | None = None
    turn: Turn | None = None
    if rest and rest[0] in SIDES and verb in SCREENED:
        side = rest.pop(0)  # type: ignore[assignment]
    if rest and rest[0] in TURNS and verb in TURNED:
        turn = rest.pop(0)  # type: ignore[assignment]
    form: Form | None = None
    if rest and rest[0] in FORMS:
        whole_ = _made(rest, handles, 3)
        form, measures = whole_.form, list(whole_.parts)
    else:
        measures = [noun(t) for t in _run(rest, handles, "cd")]
    return Clause(
        verb=verb,
        form=form,
        measures=tuple(measures),
        companies=tuple(str(t.value) for t in _run(rest, handles, "e")),
        rows=tuple(row(t) for t in _run(rest, handles, "r")),
        periods=tuple(t.value for t in _run(rest, handles, "p")),
        numbers=tuple(t.value for t in _run(rest, handles, "n")),
        side=side,
        turn=turn,
    ), rest


def _made(rest: list[str], handles: Handles, depth: int) -> Noun:
    """The measure at the head of ``rest``, which loses it."""
    if not rest:
        raise AnswerError("a measure is missing")
    word = rest.pop(0)
    if word in FORMS:
        if depth == 0:
            raise AnswerError(f"{word} is nested too deep")
        one, two = _made(rest, handles, depth - 1), _made(rest, handles, depth - 1)
        return made(word, one, two)
    if not PATTERN.fullmatch(word) or word[1] not in "cd":
        raise AnswerError(f"{word!r} is no measure")
    return noun(handles.resolve(word))


def spoken(text: str, handles: Handles) -> Noun:
    """A measure in handles, perhaps made of two: ``share <c1> <c2>``.

    Raises:
        AnswerError: not one measure.
    """
    return _made(text.split(), handles, 3)


def _run(rest: list[str], handles: Handles, kinds: str) -> list[Target]:
    """The handles of some kinds at the head of ``rest``, which loses them."""
    found: list[Target] = []
    while rest:
        if not PATTERN.fullmatch(rest[0]):
            raise AnswerError(f"{rest[0]!r} is no handle")
        if rest[0][1] not in kinds:
            break
        target = handles.resolve(rest[0])
        if target in found:
            raise AnswerError(f"{rest[0]} stands twice in one clause")
        found.append(target)
        rest.pop(0)
    return found


def unsound(clause: Clause) -> str:
    """Why a clause cannot be carried out; empty when it can."""
    verb = clause.verb
    one = len(clause.measures) == 1 or clause.form is not None
    if verb == "press":
        return "" if clause.companies and not clause.measures else "press takes companies"
    if clause.form is not None and len(clause.measures) != 2:
        return f"{clause.form} takes two measures"
    if verb in SCREENED:
        return _unscreened(clause, one)
    if not clause.measures and (not clause.rows or verb not in {"get", "growth", "change", "diff"}):
        return "no measure"
    if verb in {"peak", "trough", "atpeak", "attrough"} and len(clause.companies) > 1:
        return f"{verb} takes one company"
    if verb in AT and (len(clause.measures) != 2 or clause.form is not None):
        return f"{verb} takes two measures"
    if verb == "rank" and not (one and len(clause.companies) == 1):
        return "rank takes one measure and one company"
    if verb in {"diff", "times"} and not _two(clause):
        return f"{verb} takes two values"
    if verb in {"more", "fewer"}:
        width = _subjects(clause) if clause.turn is not None else _width(clause)
        single = width == 1 and one
        if clause.numbers and not single:
            return f"{verb} sets one value against a number"
        if not single and not (_two(clause) and (one or _alone(clause))):
            return f"{verb} takes two values, or one and a number"
    if verb == "part" and (len(clause.rows) != 1 or len(clause.measures) != 1):
        return "part takes one measure and one row"
    return ""


def _unscreened(clause: Clause, one: bool) -> str:
    if clause.side is None:
        return f"{clause.verb} takes a side" if clause.measures or clause.companies else ""
    wanted = 2 if clause.side == "between" else 1
    numbers = len(clause.numbers)
    if not one or not (numbers == wanted or (numbers == 0 and wanted == 1)):
        return f"{clause.verb} {clause.side} takes one measure and {wanted} numbers"
    return ""


def _width(clause: Clause) -> int:
    width = 1
    for side in (clause.companies, clause.rows, clause.periods):
        width *= max(1, len(side))
    return width


def _subjects(clause: Clause) -> int:
    return max(1, len(clause.companies)) * max(1, len(clause.rows))


def _two(clause: Clause) -> bool:
    """Whether it names two values: two companies, rows or years, or else two measures."""
    width = _width(clause)
    if clause.turn is not None:  # the years say between what the change is
        width = _subjects(clause)
    return width == 2 or _alone(clause)


def _alone(clause: Clause) -> bool:
    """Whether two measures are all that it names two of."""
    years = 1 if clause.turn is not None else max(1, len(clause.periods))
    others = max(1, len(clause.companies)) * max(1, len(clause.rows)) * years
    return others == 1 and clause.form is None and len(clause.measures) == 2


def noun(target: Target) -> Noun:
    """A measure handle's target as a plan speaks of it."""
    return Noun(target.label, "tables" if isinstance(target.value, Measure) else "documents")


def row(target: Target) -> Row:
    """A row handle's target as a plan speaks of it."""
    value = target.value
    return Row(target.label, value.column if isinstance(value, RowKey) else "")


def whole(quantity: object) -> int | None:
    """A number as a count of companies."""
    if not isinstance(quantity, Quantity) or quantity.unit not in {"", "count"}:
        return None
    even = quantity.amount == int(quantity.amount) and 1 <= quantity.amount <= 50
    return int(quantity.amount) if even else None


# --- writing ------------------------------------------------------------------------------------


def write(clauses: Sequence[Clause], handles: Handles) -> str | None:
    """Clauses in compact form, or None where a dialogue lacks a handle for something they need."""
    if not clauses:
        return NONE
    names = {_known(target): name for name, target in handles.items()}
    texts: list[str] = []
    for clause in clauses:
        words = [w for w in (clause.verb, clause.side, clause.turn, clause.form) if w]
        texts.append(" ".join([*words, *_rest(clause, clause.measures, names)]))
    return _whole(" ; ".join(texts))


def write_pointed(
    case: str, measures: Sequence[Noun], clause: Clause, handles: Handles
) -> str | None:
    """A clause that points to a worked case.

    Args:
        case: the case's handle.
        measures: what fills the case's measures, in order.
        clause: companies, rows, periods and numbers.
    """
    names = {_known(target): name for name, target in handles.items()}
    return _whole(" ".join([case, *_rest(clause, measures, names)]))


def _whole(text: str) -> str | None:
    return None if "?" in text else text


def _rest(clause: Clause, measures: Sequence[Noun], names: Mapping[object, str]) -> Iterator[str]:
    """A clause's handles in order; ``?`` stands for one that is not there."""
    for measure in measures:
        yield from _spelled(measure, names)
    wanted: list[object] = [("e", name) for name in clause.companies]
    wanted += [("r", r.label) for r in clause.rows]
    wanted += [("p", p) for p in clause.periods]
    wanted += [_worth(q) for q in clause.numbers]
    yield from (names.get(item, "?") for item in wanted)


def _spelled(measure: Noun, names: Mapping[object, str]) -> Iterator[str]:
    if measure.form is not None:
        yield measure.form
        for part in measure.parts:
            yield from _spelled(part, names)
        return
    kind = "d" if measure.told_by == "documents" else "c"
    yield names.get((kind, measure.label), "?")


def _known(target: Target) -> object:
    if target.kind == "e":
        return "e", str(target.value)
    if target.kind == "p":
        return "p", target.value
    if target.kind == "n":
        return _worth(target.value)
    return target.kind, target.label


def _worth(quantity: Quantity) -> object:
    return "n", round(quantity.amount, 6), quantity.unit.replace("count", "")
