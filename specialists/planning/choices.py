"""Questions that choose: filters, counts, ranks, best growers, yes or no, parts of a measure.

The wording is ``frames_screens.py``'s; here the slots are filled and the clause is written beside.
"""

from __future__ import annotations

import random

from specialists.foundation.contracts import Quantity
from specialists.planning.asked import Asked
from specialists.planning.clauses import AT, Clause, Form, Noun, Side, Verb, made
from specialists.planning.frames import FRAMES
from specialists.planning.surfaces import Cast, Said, When, join
from specialists.task import Fold
from specialists.workspace.catalogue import Company, Period
from specialists.workspace.numbers import scan
from specialists.workspace.periods import NUMERALS

_SIDES: dict[Side, tuple[str, ...]] = {
    "above": (
        *("above", "above", "over", "more than", "more than", "greater than", "higher than"),
        *("in excess of", "exceeding", "north of", "beyond", "larger than", "of at least"),
        *("at least", "upwards of", "bigger than", ">", "topping", "that exceeded", "better than"),
    ),
    "below": (
        *("below", "below", "under", "less than", "less than", "lower than", "smaller than"),
        *("south of", "short of", "of at most", "at most", "not more than", "<", "beneath"),
        *("that stayed under", "no higher than", "worse than"),
    ),
    "between": ("between",),
}
_MONEY = (
    *("${} billion", "${} million", "${}bn", "{} million", "${}m", "USD {}m", "{} billion"),
    *("${}B", "${}M", "{}bn", "{} million dollars", "{} billion dollars", "{}m", "${} mn"),
)
_PLAIN = ("{}", "{}x", "{} times")
_PERCENT = ("{}%", "{}%", "{} percent", "{} per cent", "{} %")
_FLOWS = frozenset({"revenue", "segment_revenue"})
_COVERED = (
    ("operating_cash_flow", "capital_expenditure"),
    ("operating_cash_flow", "dividends_paid"),
    ("free_cash_flow", "dividends_paid"),
    ("current_assets", "current_liabilities"),
    ("cash_and_equivalents", "long_term_debt"),
    ("cash_and_equivalents", "short_term_debt"),
    ("total_assets", "total_liabilities"),
    ("long_term_debt", "shareholders_equity"),
    ("total_liabilities", "shareholders_equity"),
    ("operating_income", "interest_expense"),
    ("research_and_development", "selling_general_admin"),
    ("research_and_development", "capital_expenditure"),
    ("share_repurchases", "dividends_paid"),
    ("capital_expenditure", "depreciation_amortization"),
    ("net_income", "operating_cash_flow"),
    ("accounts_receivable", "inventory"),
    ("accounts_payable", "accounts_receivable"),
    ("gross_profit", "selling_general_admin"),
    ("operating_income", "net_income"),
    ("goodwill", "shareholders_equity"),
)
_PARTS = (
    ("research_and_development", "revenue"),
    ("selling_general_admin", "revenue"),
    ("cost_of_revenue", "revenue"),
    ("capital_expenditure", "revenue"),
    ("net_income", "revenue"),
    ("gross_profit", "revenue"),
    ("operating_income", "revenue"),
    ("free_cash_flow", "revenue"),
    ("interest_expense", "operating_income"),
    ("income_tax", "pretax_income"),
    ("dividends_paid", "net_income"),
    ("dividends_paid", "free_cash_flow"),
    ("share_repurchases", "operating_cash_flow"),
    ("capital_expenditure", "operating_cash_flow"),
    ("goodwill", "total_assets"),
    ("inventory", "current_assets"),
    ("inventory", "total_assets"),
    ("cash_and_equivalents", "total_assets"),
    ("cash_and_equivalents", "current_assets"),
    ("current_assets", "total_assets"),
    ("long_term_debt", "total_liabilities"),
    ("property_plant_equipment", "total_assets"),
    ("accounts_receivable", "revenue"),
    ("shareholders_equity", "total_assets"),
    ("current_liabilities", "total_liabilities"),
    ("depreciation_amortization", "revenue"),
    ("restructuring_charge", "operating_income"),
    ("order_backlog", "revenue"),
    ("income_tax", "revenue"),
    ("interest_expense", "revenue"),
    ("research_and_development", "gross_profit"),
)
_HOW_MUCH = (
    *("and by how much", "and by how much", "if so, by how much", "and what's the difference"),
    *("and what is the gap", "and how large is the difference", "and by what amount"),
    *("what's the difference", "how big is the gap", "by how much", "and how much exactly"),
)
_HOW_FAST = (
    *("and by what percentage", "and by how many percent", "and how fast", "and at what rate"),
    *("if so, by what percent", "and by how much in percent", "and what was the growth rate"),
)


def figure(rng: random.Random) -> str:
    """Any sum of money in words."""
    return rng.choice(_MONEY).format(rng.choice((2, 3, 12, 40, 75, 120, 350, 4.2, 900)))


def several(rng: random.Random) -> tuple[tuple[Quantity, ...], str]:
    """How many are wanted, and in words."""
    number = rng.choice((2, 3, 3, 4, 5, 5, 10))
    text = rng.choice((str(number), str(number), NUMERALS[number - 1]))
    return (Quantity(value=float(number)),), text


def limits(
    rng: random.Random, said: Said, turn: str | None
) -> tuple[Side, str, str, tuple[Quantity, ...]]:
    """A side, its word, a number in words, and what it is worth."""
    side: Side = rng.choices(("above", "below", "between"), (6, 4, 0.7))[0]
    share = said.form == "share" or turn == "growth"
    if share:
        forms, figures = _PERCENT, (2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 7.5, 2.5)
    elif said.form == "over":
        forms, figures = _PLAIN, (1, 1.5, 2, 3, 4, 5, 10, 0.5)
    else:
        forms = _MONEY
        figures = (1, 2, 3, 5, 10, 25, 50, 100, 250, 500, 750, 1.5, 2.5, 200, 300, 20)
    form = rng.choice(forms)
    one = rng.choice(figures)
    text = form.format(f"{one:g}")
    if side == "between":
        two = rng.choice([f for f in figures if f != one])
        texts = [form.format(f"{x:g}") for x in sorted((one, two))]
        text = f"{texts[0]} and {texts[1]}"
    found = tuple(n.quantity for n in scan(text) if not n.is_year)
    return side, rng.choice(_SIDES[side]), text, found


def ask(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    company: Company,
    who: str,
    when: When | None,
) -> Asked:
    """A question of a kind of ``frames_screens.SCREENS``."""
    head, _, tail = kind.partition("_")
    if not cast.sectors and (tail == "in" or kind.startswith("members")):
        kind = head if tail == "in" else "all_count"
        head, _, tail = kind.partition("_")
    if kind in {"members", "members_count", "all_count"}:
        return _members(rng, cast, fold, kind)
    if head in {"which", "count"}:
        return _screen(rng, cast, fold, head, tail, company, who)
    if head in AT:
        return _at(rng, cast, fold, kind, company, who)
    if head in {"top", "bottom", "peak", "trough"}:
        return _extreme(rng, cast, fold, kind, company, who)
    if head == "rank":
        return _rank(rng, cast, fold, kind, company, who, when)
    if kind in {"share_of", "over_of", "minus_of", "plus_of"}:
        return _of_two(rng, cast, fold, kind, company, who, when)
    if kind in {"more_of", "fewer_of", "more_growth", "diff_growth"}:
        return _two_companies(rng, cast, fold, kind)
    return _yes_no(rng, cast, fold, kind, company, who, when)


def _members(rng: random.Random, cast: Cast, fold: Fold, kind: str) -> Asked:
    slots: dict[str, str] = {}
    rows = ()
    if kind != "all_count":
        row = rng.choice(cast.sectors)
        rows, slots["r"] = (row,), row.label
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    verb: Verb = "which" if kind == "members" else "count"
    return Asked(text, (Clause(verb, rows=rows),), template, "")


def _screen(
    rng: random.Random, cast: Cast, fold: Fold, head: str, tail: str, company: Company, who: str
) -> Asked:
    verb: Verb = "which" if head == "which" else "count"
    turn = "growth" if tail in {"grew", "rose", "fell"} else None
    said = cast.measure(rng, ratios=0.3 if tail in {"", "in", "years"} else 0.1, told=0)
    when = cast.between(rng) if turn else cast.year(rng)
    side: Side = "below" if tail in {"fell", "negative"} else "above"
    slots = {"e": who}
    companies: tuple[str, ...] = ()
    numbers: tuple[Quantity, ...] = ()
    if tail in {"", "in", "years", "grew"}:
        side, slots["s"], slots["x"], numbers = limits(rng, said, turn)
    rows = ()
    if tail == "in":
        row = rng.choice(cast.sectors)
        rows, slots["r"] = (row,), row.label
    if tail == "years":
        when = cast.span(rng, missing=0.3)
        companies = (company.name,)
    if tail == "than":
        companies = (company.name,)
    form, nouns = said.form, said.nouns
    if tail == "more":
        one, two = _pair(rng, cast, _COVERED)
        slots["w"] = two.text
        said, form, nouns = one, "less", (one.nouns[0], two.nouns[0])
    slots |= {"m": said.text, "at": when.at, "p": when.bare}
    text, template = FRAMES[f"{head}_{tail}" if tail else head].draw(rng, fold, **slots)
    clause = Clause(
        verb,
        form,
        nouns,
        companies,
        rows,
        when.periods,
        numbers,
        side,
        turn,  # type: ignore[arg-type]
    )
    return Asked(text, (clause,), template, company.name if companies else "")


def _extreme(
    rng: random.Random, cast: Cast, fold: Fold, kind: str, company: Company, who: str
) -> Asked:
    head = kind.partition("_")[0]
    verb: Verb = head  # type: ignore[assignment]
    turn = "change" if kind.endswith("change") else "growth"
    said = cast.measure(rng, ratios=0.05, told=0)
    slots = {"m": said.text, "e": who}
    companies: tuple[str, ...] = ()
    names: list[str] = []
    numbers: tuple[Quantity, ...] = ()
    when = cast.between(rng)
    if head in {"peak", "trough"}:
        companies, names, when = (company.name,), [who], cast.span(rng)
    if "_of_" in kind:
        chosen = rng.sample(cast.catalogue.companies, rng.choice((2, 2, 3)))
        names = [cast.call(rng, c) for c in chosen]
        companies = tuple(c.name for c in chosen)
        slots |= {"e": join(rng, names), "o": join(rng, names, "or")}
    if "_n_" in kind:
        numbers, slots["n"] = several(rng)
    slots |= {"at": when.at, "p": when.bare}
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    companies = tuple(e for e, name in zip(companies, names, strict=True) if name in text)
    clause = Clause(
        verb,
        said.form,
        said.nouns,
        companies,
        (),
        when.periods,
        numbers,
        None,
        turn,  # type: ignore[arg-type]
    )
    return Asked(text, (clause,), template, companies[0] if companies else "")


def _at(rng: random.Random, cast: Cast, fold: Fold, kind: str, company: Company, who: str) -> Asked:
    """One measure of whoever had the most of another."""
    one, two = cast.plain(rng), cast.plain(rng)
    while two.nouns == one.nouns:
        two = cast.plain(rng)
    yearly = kind in {"atpeak", "attrough"}
    when = cast.span(rng, missing=0.6) if yearly else cast.year(rng)
    slots = {"m": one.text, "w": two.text, "e": who, "at": when.at, "p": when.bare}
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    verb: Verb = kind  # type: ignore[assignment]
    names = (company.name,) if yearly else ()
    clause = Clause(verb, None, (*one.nouns, *two.nouns), names, (), when.periods)
    return Asked(text, (clause,), template, company.name if yearly else "")


def _rank(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    company: Company,
    who: str,
    when: When | None,
) -> Asked:
    said = cast.measure(rng, ratios=0.2, told=0)
    when = when or cast.year(rng)
    slots = {"m": said.text, "e": who, "at": when.at, "p": when.bare}
    rows = ()
    if kind == "rank_in":
        row = rng.choice(cast.sectors)
        rows, slots["r"] = (row,), row.label
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    clause = Clause("rank", said.form, said.nouns, (company.name,), rows, when.periods)
    return Asked(text, (clause,), template, company.name)


def _pair(rng: random.Random, cast: Cast, pairs: tuple[tuple[str, str], ...]) -> tuple[Said, Said]:
    """Two measures that are set against each other."""
    one, two = rng.choice(pairs)
    first, second = cast.single(rng, one), cast.single(rng, two)
    while second.nouns == first.nouns:
        second = cast.plain(rng)
    return first, second


def _of_two(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    company: Company,
    who: str,
    when: When | None,
) -> Asked:
    """One measure as part of another, over, less or plus another; one in twelve made of three."""
    form: Form = {"share_of": "share", "over_of": "over", "minus_of": "less", "plus_of": "plus"}[
        kind
    ]  # type: ignore[assignment]
    one, two = _pair(rng, cast, _PARTS if form == "share" else _COVERED)
    nouns: tuple[Noun, Noun] = (one.nouns[0], two.nouns[0])
    told = one.text
    if form in {"share", "over"} and rng.random() < 0.12:
        third = cast.plain(rng)
        if third.nouns[0] not in nouns:
            inner: Form = rng.choice(("plus", "less"))
            told = rng.choice(_JOINS[inner]).format(a=one.text, b=third.text)
            nouns = (made(inner, nouns[0], third.nouns[0]), nouns[1])
    when = when or cast.year(rng)
    slots = {"m": told, "w": two.text, "e": who, "at": when.at, "p": when.bare}
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    clause = Clause("get", form, nouns, (company.name,), (), when.periods)
    return Asked(text, (clause,), template, company.name)


_JOINS = {
    "plus": ("{a} plus {b}", "{a} and {b} together", "the sum of {a} and {b}", "{a} + {b}"),
    "less": ("{a} minus {b}", "{a} less {b}", "{a} net of {b}", "{a} excluding {b}", "{a} - {b}"),
}


def _two_companies(rng: random.Random, cast: Cast, fold: Fold, kind: str) -> Asked:
    one, two = rng.sample(cast.catalogue.companies, 2)
    turn = "growth" if kind.endswith("growth") else None
    said = cast.measure(rng, ratios=0.15, told=0 if turn else 0.1)
    when = cast.between(rng) if turn else cast.year(rng)
    slots = {"a": cast.call(rng, one), "b": cast.call(rng, two), "m": said.text}
    slots |= {"at": when.at, "p": when.bare}
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    verb: Verb = kind.partition("_")[0]  # type: ignore[assignment]
    names = (one.name, two.name)
    clause = Clause(verb, said.form, said.nouns, names, (), when.periods, (), None, turn)  # type: ignore[arg-type]
    asked: tuple[Clause, ...] = (clause,)
    if kind in {"more_of", "fewer_of"} and rng.random() < 0.3:
        text = _with(rng, text, _HOW_MUCH)
        asked = (clause, Clause("diff", said.form, said.nouns, names, (), when.periods))
    return Asked(text, asked, template, one.name)


def _with(rng: random.Random, text: str, tails: tuple[str, ...]) -> str:
    """The question with a second one that leans on it."""
    bare = text.strip().rstrip("?. ")
    joint = rng.choice((", ", "? ", " ", "? ", " - ", "; "))
    return f"{bare}{joint}{rng.choice(tails)}?"


def _yes_no(
    rng: random.Random,
    cast: Cast,
    fold: Fold,
    kind: str,
    company: Company,
    who: str,
    when: When | None,
) -> Asked:
    verb: Verb = "fewer" if kind.startswith("fewer") else "more"
    turn = "growth" if kind == "grew_limit" else None
    said = cast.measure(rng, ratios=0.2, told=0.08)
    slots = {"e": who, "m": said.text}
    numbers: tuple[Quantity, ...] = ()
    form, nouns = said.form, said.nouns
    periods: tuple[Period, ...]
    follow: Clause | None = None
    tails = _HOW_MUCH
    if kind in {"more_years", "fewer_years"}:
        one, two = cast.pair(rng)
        slots |= {"p": one.bare, "q": two.bare}
        periods = (*one.periods, *two.periods)
        follow = Clause("change", form, nouns, (company.name,), (), periods)
    elif kind in {"more_self", "fewer_self"}:
        when = cast.between(rng)
        slots |= {"at": when.at, "p": when.bare}
        periods = when.periods
        follow = Clause("change", form, nouns, (company.name,), (), periods)
    elif kind in {"more_before", "fewer_before"}:
        when = cast.year(rng, missing=0)
        while when.periods[0].first == cast.first:
            when = cast.year(rng, missing=0)
        slots |= {"at": when.at, "p": when.bare}
        year = when.periods[0].first
        periods = (*when.periods, Period(first=year - 1, last=year - 1))
        follow = Clause("change", form, nouns, (company.name,), (), periods)
    elif kind == "more_measures":
        one, two = _pair(rng, cast, _COVERED)
        when = when or cast.year(rng)
        slots |= {"m": one.text, "w": two.text, "at": when.at, "p": when.bare}
        form, nouns, periods = None, (one.nouns[0], two.nouns[0]), when.periods
        follow = Clause("get", "less", nouns, (company.name,), (), periods)
    else:
        side, slots["s"], slots["x"], numbers = limits(rng, said, turn)
        while side == "between":
            side, slots["s"], slots["x"], numbers = limits(rng, said, turn)
        verb = "more" if side == "above" else "fewer"
        when = cast.between(rng) if turn else when or cast.year(rng)
        slots |= {"at": when.at, "p": when.bare}
        periods = when.periods
    text, template = FRAMES[kind].draw(rng, fold, **slots)
    clause = Clause(verb, form, nouns, (company.name,), (), periods, numbers, None, turn)  # type: ignore[arg-type]
    asked: tuple[Clause, ...] = (clause,)
    if follow is not None and rng.random() < 0.3:
        if follow.verb == "change" and rng.random() < 0.35:
            follow = Clause("growth", form, nouns, (company.name,), (), periods)
            tails = _HOW_FAST
        text = _with(rng, text, tails)
        asked = (clause, follow)
    return Asked(text, asked, template, company.name)
