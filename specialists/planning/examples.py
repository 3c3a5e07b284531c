"""Solved plans: questions from the frames, linked by the real linker, with the clauses they mean.

An example whose linking lost something its plan needs is left out of ``train`` and ``dev`` and
counted (``Tally``); in the held-out folds it stays: a user's question would fail the same way.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Literal

from specialists.foundation.contracts import Message, Plan, Quantity
from specialists.foundation.errors import AnswerError
from specialists.planning import choices, clauses, novel, tails
from specialists.planning.asked import Asked
from specialists.planning.clauses import Clause, Row, Verb
from specialists.planning.frames import FRAMES
from specialists.planning.frames_screens import SCREENS
from specialists.planning.pointing import Case, Pattern, expressions, named, slots
from specialists.planning.render import MAX_CASES, PlanningInputs, compact
from specialists.planning.surfaces import Cast, When, join
from specialists.planning.surroundings import IT, ITS, LEADS, THEN, bare, dressed, within
from specialists.task import Example, Fold, system
from specialists.workspace import standins
from specialists.workspace.catalogue import Catalogue, Company
from specialists.workspace.handles import Handles
from specialists.workspace.names import company_names

if TYPE_CHECKING:
    from specialists.planning.task import PlanningTask

Split = Literal["train", "heldout"]
CASED = 0.12
"""Share of questions with worked cases before them."""
NOVEL = 0.4
"""Share of those whose operation only a case explains."""
NEVER_POINTED = frozenset({"cagr", "trough", "times", "bottom", "count_years", "minus_of"})
"""Kinds whose cases never stand before a question of the same kind in training."""
WORKSPACES = 40
"""Catalogues a generator moves through."""

SHARES: tuple[tuple[str, float], ...] = (
    ("get", 20),
    ("growth", 10),
    ("versus", 5),
    ("change", 6),
    ("cagr", 4),
    ("mean", 4),
    ("sum", 3),
    ("max", 2),
    ("min", 2),
    ("peak", 3),
    ("trough", 2),
    ("top", 3),
    ("top_in", 2),
    ("top_n", 2),
    ("top_n_in", 1.2),
    ("things", 2),
    ("bottom", 2),
    ("bottom_in", 1),
    ("bottom_n", 1),
    ("mean_all", 1),
    ("sum_all", 1),
    ("mean_in", 1),
    ("sum_in", 1),
    ("part", 3),
    ("press", 7),
    ("diff", 7),
    ("times", 2),
    ("sum_of", 2),
    ("mean_of", 1),
    ("top_of", 3),
    ("bottom_of", 1),
    ("nothing", 8),
    ("trend", 3),
    ("profile", 3),
    ("faster", 2),
    ("several", 2),
    ("top_segment", 1),
    ("bottom_segment", 1),
    ("which", 4),
    ("count", 4),
    ("which_in", 1),
    ("count_in", 1),
    ("members", 1),
    ("members_count", 1),
    ("all_count", 0.4),
    ("which_grew", 2),
    ("count_grew", 2),
    ("which_rose", 1),
    ("which_fell", 1),
    ("count_rose", 0.7),
    ("count_fell", 0.7),
    ("which_negative", 1),
    ("count_negative", 0.7),
    ("which_than", 0.7),
    ("count_than", 0.7),
    ("which_more", 0.7),
    ("count_more", 0.7),
    ("which_years", 1),
    ("count_years", 1),
    ("top_growth", 3),
    ("bottom_growth", 1),
    ("top_change", 0.7),
    ("top_n_growth", 1.5),
    ("top_of_growth", 2),
    ("peak_growth", 1.5),
    ("trough_growth", 0.7),
    ("rank", 2),
    ("rank_in", 0.7),
    ("more_of", 4),
    ("fewer_of", 1),
    ("more_years", 2.5),
    ("fewer_years", 0.7),
    ("more_self", 2.5),
    ("fewer_self", 1),
    ("more_before", 2),
    ("fewer_before", 0.7),
    ("more_measures", 1.5),
    ("more_limit", 2.5),
    ("more_growth", 1.5),
    ("grew_limit", 0.8),
    ("diff_growth", 0.8),
    ("share_of", 5),
    ("over_of", 1.5),
    ("minus_of", 1.5),
    ("plus_of", 1),
    ("atpeak", 1),
    ("attrough", 0.4),
    ("attop", 0.8),
    ("atbottom", 0.3),
)
"""How often each kind of question is drawn."""

_FIRST = (
    *("get", "get", "get", "growth", "change", "cagr", "mean", "max", "peak", "press", "diff"),
    *("top", "part", "share_of", "more_self", "sum", "top_segment", "profile"),
)
_SECOND = (
    *("press", "press", "press", "get", "get", "get", "growth", "change", "mean", "cagr"),
    *("peak", "sum", "share_of", "more_self", "part", "max", "versus"),
)
_BOTH = (
    "{a} and {b}?",
    "{a}, and {b}?",
    "{a}? and {b}?",
    "{a}? also, {b}?",
    "{a}. {b}.",
    "{a}? {b}?",
    "{a}; {b}",
    "{a} and also {b}",
    "{a}, plus {b}",
    "{a} - and {b}?",
    "first {a}, then {b}",
    "{a}, and in addition {b}",
    "{a}. besides, {b}",
    "{a}, then {b}",
    "{a} as well as {b}",
    "two things: {a}, and {b}",
    "{a}; also {b}",
    "{a}, and by the way, {b}?",
    "{a}? while you are at it, {b}",
    "{a} + {b}",
    "{a}, further {b}",
    "two things: {a}? {b}?",
    "two questions: {a}? and {b}?",
    "1) {a}? 2) {b}?",
    "(1) {a} (2) {b}",
    "a) {a} b) {b}",
    "{a} - {b}?",
    "{a}? then, {b}?",
    "{a}? next, {b}?",
    "{a}? and while we're at it, {b}?",
    "{a} / {b}",
    "{a}? oh, and {b}?",
    "{a} & {b}",
    "{a}, along with {b}",
    "{a}; and {b}",
    "{a}. and {b}?",
    "tell me {a} and {b}",
    "i need two things, {a} and {b}",
    "both please: {a}, {b}",
    "{a}? plus: {b}?",
)
_ONE_COMPANY = ("the company", "the firm", "the group")


@dataclass
class Tally:
    """What a generator drew and what linking lost."""

    drawn: int = 0
    lost: int = 0


@lru_cache(maxsize=WORKSPACES * 2)
def _cast(split: Split, number: int) -> Cast:
    """A catalogue of a random workspace, some of its tables left out."""
    from specialists.workspace.synthetic import make_snapshot

    rng = random.Random(f"planning/cast/{split}/{number}")
    first = rng.randint(2012, 2019)
    years = range(first, first + rng.randint(4, 7))
    catalogue = make_snapshot(
        number, split=split, companies=rng.randint(6, 16), years=years
    ).catalogue
    return Cast(_thinned(catalogue, rng))


def _thinned(catalogue: Catalogue, rng: random.Random) -> Catalogue:
    tables = list(catalogue.tables)
    if rng.random() < 0.3:
        dropped = rng.choice(
            [t for t in tables if t.name in {"cash_flow", "segments", "companies"}]
        )
        tables.remove(dropped)
    return catalogue.model_copy(update={"tables": tuple(tables)})


def generate(
    task: PlanningTask, fold: Fold, count: int, seed: int, tally: Tally | None = None
) -> Iterator[Example[PlanningInputs, Plan]]:
    """``count`` examples of a fold, the same for the same seed."""
    rng = random.Random(f"planning/{fold}/{seed}")
    split: Split = "train" if fold in {"train", "dev"} else "heldout"
    tally = tally or Tally()
    made = 0
    while made < count:
        cast = _cast(split, rng.randrange(WORKSPACES))
        name = f"planning/{fold}/{seed}/{made}"
        tally.drawn += 1
        if rng.random() < CASED:
            example = _cased(task, rng, cast, fold, split, name)
        else:
            example = _example(task, rng, cast, fold, _question(rng, cast, fold, split), name)
        if example is None:
            tally.lost += 1
            continue
        made += 1
        yield example


def _example(
    task: PlanningTask,
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    asked: Asked,
    name: str,
    cases: tuple[Case, ...] = (),
) -> Example[PlanningInputs, Plan] | None:
    from specialists.planning.task import expand, note_on

    inputs = PlanningInputs(asked.text, cast.catalogue, cast.linker, cases=cases)
    handles = Handles(random.Random(rng.randrange(2**32)))
    text, linked = compact(inputs, handles)
    ordered = _in_order(asked.clauses, text, handles)
    reply = _pointing(cases, ordered, text, handles) or clauses.write(ordered, handles)
    if reply is None and fold in {"train", "dev"}:
        return None
    dialogue = (
        system(task.name, task.instructions, "compact"),
        Message(role="user", content=text),
        Message(role="assistant", content=reply or clauses.NONE),
    )
    return Example(
        id=name,
        inputs=inputs,
        answer=expand(inputs, asked.clauses, note_on(linked, asked.clauses)),
        dialogue=dialogue,
        fold=fold,
        company=asked.company,
        template=asked.template,
    )


def _cased(
    task: PlanningTask, rng: random.Random, cast: Cast, fold: Fold, split: Split, name: str
) -> Example[PlanningInputs, Plan] | None:
    """A question with one to three worked cases before it, one of which may be like it."""
    kinds = [k for k, _ in SHARES if k not in {"nothing", "press", "profile", "all_count"}]
    if fold in {"train", "dev"}:
        kinds = [k for k in kinds if k not in NEVER_POINTED]
    like: Case | None = None
    if rng.random() < NOVEL:
        called, noun = novel.name(rng), novel.measure(rng, cast)
        kind = novel.kind(rng)
        asked = novel.ask(rng, cast, fold, kind, called, noun)
        other = _cast(split, rng.randrange(WORKSPACES))
        like = _case(rng, other, novel.ask(rng, other, fold, kind, called, noun))
        if like is None:
            return None
    else:
        kind = rng.choice(kinds)
        asked = _one(rng, cast, fold, kind)
        if rng.random() < 0.65:
            other = _cast(split, rng.randrange(WORKSPACES))
            like = _case(rng, other, _one(rng, other, fold, kind))
    asked = replace(asked, text=dressed(rng, asked.text))
    cases = [like] if like is not None else []
    for _ in range(rng.choice((1, 1, 2, 2)) if like else rng.choice((1, 2, 3))):
        other = _cast(split, rng.randrange(WORKSPACES))
        away = rng.choice([k for k in kinds if k != kind])
        case = _case(rng, other, _one(rng, other, fold, away))
        cases += [case] if case is not None else []
    rng.shuffle(cases)
    return _example(task, rng, cast, fold, asked, name, tuple(cases[:MAX_CASES]))


def _case(rng: random.Random, cast: Cast, asked: Asked) -> Case | None:
    """A solved question as a case; None where linking loses something of it."""
    handles = Handles()
    linked = cast.linker.link(dressed(rng, asked.text), handles)
    masked = standins.masked(linked.text, handles)
    pattern = Pattern.of(asked.clauses, named(masked, handles))
    held = {t.value for _, t in handles.items() if t.kind == "e"}
    if not set(pattern.companies) <= held:
        return None
    return Case(masked.text.lower(), pattern)


def _pointing(
    cases: Sequence[Case], parts: Sequence[Clause], text: str, handles: Handles
) -> str | None:
    """The reply that points to the case of the same operation; None where there is none."""
    if len(parts) != 1 or not cases:
        return None
    (clause,) = parts
    known = named(standins.masked(text.rpartition(" | ")[2], handles), handles)
    pattern = Pattern.of(parts, known)
    spoken = [slots(clause, known)]
    if clause.verb != "get":  # a ratio in words may stand where the case has one measure
        spoken.append(expressions(clause))
    for case, measures in product(cases, spoken):
        given = replace(clause, form=None, measures=measures)
        if case.pattern.operation == pattern.operation and _fits(case.pattern, given, parts):
            handle = handles.bind("o", case.pattern, case.question)
            return clauses.write_pointed(handle, measures, clause, handles)
    return None


def _fits(pattern: Pattern, given: Clause, parts: Sequence[Clause]) -> bool:
    try:
        return pattern.applied(given) == tuple(parts)
    except AnswerError:
        return False


def _in_order(parts: Sequence[Clause], text: str, handles: Handles) -> list[Clause]:
    """Clauses whose lists stand in the order of the text, where order means nothing."""
    places = {name: text.find(name) for name, _ in handles.items()}
    spot: dict[object, int] = {}
    for name, target in handles.items():
        spot[(target.kind, target.label if target.kind != "p" else target.value)] = places[name]
    ordered: list[Clause] = []
    for part in parts:
        if part.verb in {"diff", "times", "more", "fewer"} | clauses.AT:
            ordered.append(part)
            continue
        measures = part.measures
        if part.form is None:
            measures = tuple(
                sorted(
                    measures,
                    key=lambda n: spot.get(("d" if n.told_by == "documents" else "c", n.label), 0),
                )
            )
        ordered.append(
            replace(
                part,
                measures=measures,
                companies=tuple(sorted(part.companies, key=lambda e: spot.get(("e", e), 0))),
                periods=tuple(sorted(part.periods, key=lambda p: spot.get(("p", p), 0))),
            )
        )
    return ordered


# --- questions ----------------------------------------------------------------------------------


def _question(rng: random.Random, cast: Cast, fold: Fold, split: Split) -> Asked:
    kinds, weights = zip(*SHARES, strict=True)
    draw = rng.random()
    if draw < 0.16:
        asked = _compound(rng, cast, fold)
    elif draw < 0.2:
        asked = _introduced(rng, cast, fold)
    else:
        asked = _one(rng, cast, fold, rng.choices(kinds, weights)[0])
        if rng.random() < 0.12:
            asked = tails.followed(rng, cast, asked)
    strange = asked.clauses and rng.random() < 0.08
    if strange:
        asked = _stranger(rng, cast, asked, split)
    text = dressed(rng, asked.text)
    if asked.clauses and not strange and rng.random() < 0.09:
        text = _among(rng, cast, asked, text)
    return replace(asked, text=text)


def _among(rng: random.Random, cast: Cast, asked: Asked, text: str) -> str:
    """The question among sentences that ask nothing, perhaps about another company."""
    named = {e for c in asked.clauses for e in c.companies}
    own = next((c for c in cast.catalogue.companies if c.name in named), None)
    others = [c for c in cast.catalogue.companies if c.name not in named]
    other = cast.call(rng, rng.choice(others)) if named and others else ""
    about = cast.call(rng, own) if own is not None and len(named) == 1 else ""
    return within(rng, text, about, other, choices.figure(rng))


def _compound(rng: random.Random, cast: Cast, fold: Fold) -> Asked:
    """Two or three questions in one; the later ones often say ``its`` and ``that year``."""
    first = _one(rng, cast, fold, rng.choice(_FIRST))
    parts = [first]
    for _ in range(rng.choice((1, 1, 1, 2))):
        parts.append(_follow(rng, cast, fold, first))
    text = bare(parts[0].text)
    for part in parts[1:]:
        text = rng.choice(_BOTH).format(a=bare(text), b=bare(part.text))
    made = list(dict.fromkeys(c for part in parts for c in part.clauses))
    return Asked(text, tuple(made[: clauses.MAX_CLAUSES]), first.template, first.company)


def _introduced(rng: random.Random, cast: Cast, fold: Fold) -> Asked:
    """A company named first, then a question about it."""
    company = rng.choice(cast.catalogue.companies)
    asked = _one(rng, cast, fold, rng.choice(_SECOND), company=company, called="\1")
    lead = rng.choice(LEADS).format(e=cast.call(rng, company))
    text = asked.text.replace("\1's", rng.choice(ITS)).replace("\1", rng.choice(IT))
    return replace(asked, text=f"{lead} {text}")


def _follow(rng: random.Random, cast: Cast, fold: Fold, first: Asked) -> Asked:
    lead = first.clauses[0] if first.clauses else None
    one = lead.companies if lead is not None else ()
    kind = rng.choice(_SECOND)
    if len(one) != 1 or rng.random() < 0.25:
        return _one(rng, cast, fold, kind, timeless=False)
    held = (
        lead.periods if lead is not None and lead.verb == "get" and len(lead.periods) == 1 else ()
    )
    single = bool(held) and held[0].first == held[0].last
    when: When | None = None
    draw = rng.random()
    if single and draw < 0.3:
        then = rng.choice(THEN)
        when = When(then, then, held)
    elif single and kind == "get" and draw < 0.6:
        when = When("", "", held)
    elif kind == "press" and draw < 0.6:
        when = When("", "", ())
    company = next(c for c in cast.catalogue.companies if c.name == one[0])
    part = _one(rng, cast, fold, kind, company=company, called="\1", when=when)
    text = part.text.replace("\1's", rng.choice(ITS)).replace("\1", rng.choice(IT))
    return replace(part, text=text)


def _one(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    *,
    company: Company | None = None,
    called: str | None = None,
    when: When | None = None,
    timeless: bool = True,
) -> Asked:
    """One question of a kind; ``company``, ``called``, ``when`` fix what it shares with another."""
    company = company or rng.choice(cast.catalogue.companies)
    who = called or cast.call(rng, company)
    if kind in {
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
    } | {
        "trend",
        "things",
    }:
        return _about_one(rng, cast, fold, kind, company, who, called is not None, when, timeless)
    if kind in {"versus", "part", "press", "profile", "top_segment", "bottom_segment"}:
        return _special(rng, cast, fold, kind, company, who, when)
    if kind == "nothing":
        other = rng.choice([c for c in cast.catalogue.companies if c != company])
        year = cast.year(rng)
        slots = {"e": who, "f": cast.call(rng, other), "m": cast.measure(rng).text}
        slots |= {"at": year.at, "p": year.bare}
        text, template = FRAMES["nothing"].draw(rng, fold, **slots)
        return Asked(text, (), template, company.name)
    if kind in SCREENS:
        return choices.ask(rng, cast, fold, kind, company, who, when)
    if kind in {"diff", "times", "sum_of", "mean_of", "top_of", "bottom_of", "faster", "several"}:
        return _about_some(rng, cast, fold, kind)
    return _about_all(rng, cast, fold, kind)


def _about_one(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    company: Company,
    who: str,
    fixed: bool,
    when: When | None,
    timeless: bool,
) -> Asked:
    verb: Verb = "get" if kind in {"trend", "things"} else kind  # type: ignore[assignment]
    companies: tuple[str, ...] = (company.name,)
    rows: tuple[Row, ...] = ()
    said = cast.measure(rng)
    draw = rng.random()
    if kind in {"get", "things"} and not fixed and draw < 0.16:
        chosen = rng.sample(cast.catalogue.companies, rng.choice((2, 2, 3)))
        companies = tuple(c.name for c in chosen)
        who = join(rng, [cast.call(rng, c) for c in chosen])
    elif not fixed and cast.segments and draw < 0.25:
        row = rng.choice(cast.segments)
        noun = rng.choice(("segment", "segment", "division", "unit", "business", "arm"))
        form = rng.choice(("{e}'s {r} {n}", "the {r} {n} of {e}", "the {r} {n} at {e}", "{e} {r}"))
        draw_row = rng.random() < 0.35
        if not draw_row:
            who = form.format(e=who, r=row.label, n=noun)
        rows = (row,)
        said = cast.plain(rng, rng.choice(("revenue", "operating_income")))
        if draw_row:
            said = replace(said, text=f"{row.label} {said.text}")
    elif not fixed and draw < 0.28:
        who, companies = rng.choice(_ONE_COMPANY), ()
    many = 1.0 if kind == "things" else 0.18
    if kind in {"get", "growth", "change", "trend", "things"} and not rows and rng.random() < many:
        said = cast.several(rng, rng.choice((2, 2, 3)))
    if when is None:
        when = _time(rng, cast, kind, timeless)
    slots = {"e": who, "m": said.text, "at": when.at, "p": when.bare}
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    clause = Clause(verb, said.form, said.nouns, companies, rows, when.periods)
    return Asked(text, (clause,), template, company.name)


def _time(rng: random.Random, cast: Cast, kind: str, timeless: bool) -> When:
    missing = 0.1 if timeless else 0.0
    if kind == "trend":
        return cast.span(rng, missing=0)
    if kind == "get":
        draw = rng.random()
        if draw < 0.14:
            return cast.years(rng, rng.choice((2, 2, 3)))
        return cast.span(rng, missing=0) if draw < 0.18 else cast.year(rng, missing=missing)
    if kind in {"growth", "change"}:
        return cast.between(rng)
    if kind in {"mean", "sum", "max", "min"} and rng.random() < 0.12:
        return cast.years(rng, rng.choice((2, 3, 3, 4)))
    return cast.span(rng, missing=missing)


def _special(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    company: Company,
    who: str,
    when: When | None,
) -> Asked:
    if kind == "press":
        names: tuple[str, ...] = (company.name,)
        if who != "\1" and rng.random() < 0.12:
            other = rng.choice([c for c in cast.catalogue.companies if c != company])
            names, who = (company.name, other.name), join(rng, [who, cast.call(rng, other)])
        when = when or (cast.year(rng, missing=0.5) if rng.random() < 0.9 else cast.span(rng))
        text, template = FRAMES["press"].draw(rng, fold, e=who, at=when.at, p=when.bare)
        return Asked(
            text, (Clause("press", companies=names, periods=when.periods),), template, company.name
        )
    if kind == "profile":
        if not cast.profile:
            return _one(rng, cast, fold, "get", company=company, called=who, when=when)
        said = cast.attribute(rng)
        text, template = FRAMES["profile"].draw(rng, fold, e=who, m=said.text)
        clause = Clause("get", None, said.nouns, (company.name,))
        return Asked(text, (clause,), template, company.name)
    if kind in {"top_segment", "bottom_segment"}:
        said = cast.plain(rng, rng.choice(("revenue", "revenue", "operating_income")))
        when = when or cast.year(rng)
        slots = {"e": who, "m": said.text, "at": when.at, "p": when.bare}
        text, template = FRAMES[kind].draw(rng, fold, **slots)
        verb: Verb = "top" if kind == "top_segment" else "bottom"
        clause = Clause(verb, None, said.nouns, (company.name,), (), when.periods)
        return Asked(text, (clause,), template, company.name)
    if kind == "versus":
        one, two = cast.pair(rng)
        said = cast.measure(rng)
        text, template = FRAMES["versus"].draw(
            rng, fold, e=who, m=said.text, p=one.bare, q=two.bare
        )
        periods = (*one.periods, *two.periods)
        clause = Clause("growth", said.form, said.nouns, (company.name,), (), periods)
        return Asked(text, (clause,), template, company.name)
    if not cast.segments:
        return _one(rng, cast, fold, "get", company=company, called=who, when=when)
    row = rng.choice(cast.segments)
    said = cast.plain(rng, rng.choice(("revenue", "revenue", "operating_income")))
    when = when or cast.year(rng)
    called = rng.choice(("the {} segment", "{}", "the {} division", "its {} segment")).format(
        row.label
    )
    text, template = FRAMES["part"].draw(
        rng, fold, e=who, m=said.text, r=called, at=when.at, p=when.bare
    )
    clause = Clause("part", None, said.nouns, (company.name,), (row,), when.periods)
    return Asked(text, (clause,), template, company.name)


def _about_some(rng: random.Random, cast: Cast, fold: Fold, kind: str) -> Asked:
    pair = kind in {"diff", "times"} or (kind == "faster" and rng.random() < 0.6)
    few = (3, 3, 4) if kind == "several" else (2, 3, 3, 4)
    chosen = rng.sample(cast.catalogue.companies, 2 if pair else rng.choice(few))
    names = [cast.call(rng, c) for c in chosen]
    said = cast.measure(rng, ratios=0.15)
    if kind in {"diff", "several"} and rng.random() < 0.15:
        said = cast.several(rng, 2)
    when = cast.between(rng) if kind == "faster" else cast.year(rng)
    text, template = FRAMES[kind].draw(
        rng,
        fold,
        a=names[0],
        b=names[1],
        e=join(rng, names),
        o=join(rng, names, "or"),
        m=said.text,
        at=when.at,
        p=when.bare,
    )
    verbs: dict[str, Verb] = {
        "sum_of": "sum",
        "mean_of": "mean",
        "top_of": "top",
        "bottom_of": "bottom",
        "faster": "growth",
        "several": "get",
    }
    verb: Verb = verbs.get(kind, kind)  # type: ignore[arg-type]
    told = tuple(c.name for c, name in zip(chosen, names, strict=True) if name in text)
    clause = Clause(verb, said.form, said.nouns, told, (), when.periods)
    return Asked(text, (clause,), template, chosen[0].name)


def _about_all(rng: random.Random, cast: Cast, fold: Fold, kind: str) -> Asked:
    name, _, where = kind.partition("_")
    verb: Verb = name  # type: ignore[assignment]
    if where == "n_in" and not cast.sectors:
        kind, where = f"{name}_n", "n"
    if where == "in" and not cast.sectors:
        kind, where = f"{name}_all" if name in {"mean", "sum"} else name, ""
    said = cast.plain(rng) if rng.random() < 0.85 or verb in {"mean", "sum"} else cast.ratio(rng)
    when = cast.year(rng)
    rows: tuple[Row, ...] = ()
    numbers: tuple[Quantity, ...] = ()
    slots = {"m": said.text, "at": when.at, "p": when.bare}
    if where in {"in", "n_in"}:
        row = rng.choice(cast.sectors)
        rows, slots["r"] = (row,), row.label
    if where in {"n", "n_in"}:
        numbers, slots["n"] = choices.several(rng)
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    clause = Clause(verb, said.form, said.nouns, (), rows, when.periods, numbers)
    return Asked(text, (clause,), template, "")


# --- surroundings -------------------------------------------------------------------------------


def _stranger(rng: random.Random, cast: Cast, asked: Asked, split: Split) -> Asked:
    """The same question about a company or a year the workspace has not."""
    known = {f for c in cast.catalogue.companies for f in (c.name, *c.aliases, c.ticker)}
    years = sorted({y for c in asked.clauses for p in c.periods for y in (p.first, p.last)})
    single = all(p.first == p.last for c in asked.clauses for p in c.periods)
    if years and single and rng.random() < 0.35 and len(asked.clauses) == 1:
        old = str(years[0])
        if old in asked.text and len(years) == 1:
            away = rng.choice((*range(1980, cast.first - 1), *range(cast.last + 2, 2040)))
            return replace(asked, text=asked.text.replace(old, str(away)), clauses=())
        return asked
    if len(years) <= 1 and len(asked.clauses) == 1 and rng.random() < 0.2:
        return _unheld(rng, cast, asked)
    companies = [e for c in asked.clauses for e in c.companies]
    if not companies:
        return asked
    gone = rng.choice(companies)
    firm = next(c for c in cast.catalogue.companies if c.name == gone)
    names = [n for n in _others(split) if n not in known and n.split()[0] not in " ".join(known)]
    written = sorted(
        (f for f in (firm.name, *firm.aliases, firm.ticker) if f), key=len, reverse=True
    )
    text = asked.text
    for form in written:
        if form in text:
            text = text.replace(form, rng.choice(names))
            break
    else:
        return asked
    kept: list[Clause] = []
    for clause in asked.clauses:
        if gone not in clause.companies:
            kept.append(clause)
            continue
        left = tuple(e for e in clause.companies if e != gone)
        if left and clause.verb in {"get", "press"}:
            kept.append(replace(clause, companies=left))
    return replace(asked, text=text, clauses=tuple(kept))


def _unheld(rng: random.Random, cast: Cast, asked: Asked) -> Asked:
    """The same question about something no table or document tells, or about part of a year."""
    clause = asked.clauses[0]
    year = clause.periods[0].first if clause.periods else None
    if year is not None and str(year) in asked.text:
        part = rng.choice(_PARTS).format(y=year, q=rng.randint(1, 4), o=rng.choice(_ORDINALS))
        text = re.sub(
            rf"\b(?:(?:fiscal|financial|calendar|the) )?(?:year )?{year}\b", part, asked.text
        )
        return replace(asked, text=text, clauses=())
    return asked


_PARTS = ("Q{q} {y}", "q{q} {y}", "the {o} quarter of {y}", "the {o} quarter {y}", "H1 {y}")
_ORDINALS = ("first", "second", "third", "fourth")


@lru_cache(maxsize=2)
def _others(split: Split) -> tuple[str, ...]:
    return tuple(company_names(split, 300, 77))
