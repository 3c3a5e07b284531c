"""What fills the slots of a frame: how people write a measure, a company, a year.

A surface is text with its meaning beside it. The meaning is never read back from the text: the
linker must find it there, and what it loses is counted by ``examples.py``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from specialists.planning.clauses import OF_DERIVED, Form, Noun, Row, made
from specialists.workspace.catalogue import Catalogue, Company, Period
from specialists.workspace.lexicon import lexicon
from specialists.workspace.links import Linker
from specialists.workspace.links_index import Meaning

_SPOKEN: dict[Form, tuple[str, ...]] = {
    "share": (
        "{a} as a share of {b}",
        "{a} as a percentage of {b}",
        "{a} as a percent of {b}",
        "{a} as % of {b}",
        "{a} as a fraction of {b}",
        "{a} as a proportion of {b}",
        "share of {a} in {b}",
        "proportion of {a} to {b}",
        "{a} in percent of {b}",
        "{a} in relation to {b}, in percent",
    ),
    "over": (
        "{a} divided by {b}",
        "ratio of {a} to {b}",
        "{a} to {b} ratio",
        "{a}/{b}",
        "{a} over {b}",
        "{a} as a multiple of {b}",
        "{a} per {b}",
        "{a} relative to {b}",
    ),
    "plus": (
        "{a} plus {b}",
        "sum of {a} and {b}",
        "combined {a} and {b}",
        "{a} and {b} combined",
        "{a} and {b} together",
        "{a} + {b}",
    ),
    "less": (
        "{a} minus {b}",
        "{a} less {b}",
        "{a} net of {b}",
        "{a} after deducting {b}",
        "difference between {a} and {b}",
        "gap between {a} and {b}",
        "excess of {a} over {b}",
    ),
}
_DEFINED: dict[Form, tuple[str, ...]] = {
    "share": (" ({0} over {1})", " ({0} divided by {1})", " ({0} / {1})", ", i.e. {0} to {1},"),
    "over": (" ({0} over {1})", " ({0} divided by {1})", " ({0} / {1})", ", that is {0} by {1},"),
    "plus": (" ({0} plus {1})", " ({0} + {1})", ", counting {0} and {1},"),
    "less": (" ({0} less {1})", " ({0} minus {1})", " ({0} - {1})", ", meaning {0} after {1},"),
}
"""A made measure explained in passing."""
_PAIRS = (
    ("gross_profit", "revenue"),
    ("operating_income", "revenue"),
    ("net_income", "revenue"),
    ("research_and_development", "revenue"),
    ("capital_expenditure", "operating_cash_flow"),
    ("capital_expenditure", "revenue"),
    ("inventory", "total_assets"),
    ("goodwill", "total_assets"),
    ("long_term_debt", "shareholders_equity"),
    ("net_income", "total_assets"),
    ("cash_and_equivalents", "total_assets"),
    ("dividends_paid", "free_cash_flow"),
    ("share_repurchases", "free_cash_flow"),
    ("current_assets", "current_liabilities"),
    ("income_tax", "pretax_income"),
    ("selling_general_admin", "revenue"),
    ("cost_of_revenue", "revenue"),
    ("operating_cash_flow", "net_income"),
    ("accounts_receivable", "revenue"),
    ("operating_income", "interest_expense"),
    ("total_assets", "total_liabilities"),
    ("dividends_paid", "share_repurchases"),
    ("operating_cash_flow", "capital_expenditure"),
    ("depreciation_amortization", "operating_income"),
    ("revenue", "employees"),
    ("net_income", "employees"),
    ("order_backlog", "revenue"),
    ("restructuring_charge", "operating_income"),
)
_ONE_YEAR = (
    "in {y}",
    "in {y}",
    "in {y}",
    "for {y}",
    "for {y}",
    "during {y}",
    "in the year {y}",
    "in fiscal {y}",
    "for fiscal {y}",
    "in fiscal year {y}",
    "for fiscal year {y}",
    "in FY{s}",
    "for FY{s}",
    "in FY{y}",
    "for FY {y}",
    "at the end of {y}",
    "as of {y}",
    "by the end of {y}",
    "in calendar {y}",
    "throughout {y}",
    "in financial year {y}",
    "in '{s}",
    "for the year {y}",
    "for the fiscal year {y}",
    "in the {y} fiscal year",
)
_ONE_YEAR_BARE = ("{y}", "{y}", "{y}", "FY{s}", "FY{y}", "fiscal {y}", "FY {y}", "'{s}", "fy{s}")
_LATEST = (
    "last year",
    "in the last year",
    "in the latest year",
    "in the most recent year",
    "last fiscal year",
    "in the latest fiscal year",
    "in the most recent fiscal year",
    "this year",
    "in the current year",
    "for the latest year",
    "for the last fiscal year",
    "in the last reported year",
)
_RANGE = (
    "from {a} to {b}",
    "from {a} to {b}",
    "between {a} and {b}",
    "from {a} through {b}",
    "from {a} until {b}",
    "over {a}-{b}",
    "during {a}-{b}",
    "over {a}–{b}",
    "across {a} to {b}",
    "in the years {a} to {b}",
    "over the years {a} to {b}",
    "from FY{s} to FY{t}",
    "between fiscal {a} and {b}",
    "from fiscal {a} to fiscal {b}",
    "over the period {a} to {b}",
    "for {a}-{b}",
    "in {a}-{t}",
    "between {a} and {b}",
)
_RANGE_BARE = ("{a}-{b}", "{a}–{b}", "{a} to {b}", "FY{s}-FY{t}", "{a}-{t}", "from {a} to {b}")
_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Said:
    """A measure in words. ``nouns`` are two where ``form`` makes one of them."""

    text: str
    nouns: tuple[Noun, ...]
    form: Form | None = None


@dataclass(frozen=True)
class When:
    """A time in words: with its preposition (``at``) and bare."""

    at: str
    bare: str
    periods: tuple[Period, ...]


def join(rng: random.Random, texts: Sequence[str], word: str = "and") -> str:
    """``A, B and C`` in one of its spellings."""
    if len(texts) == 1:
        return texts[0]
    if len(texts) == 2 and word == "and":
        return rng.choice(("{} and {}", "{} and {}", "{} & {}")).format(*texts)
    comma = "," if len(texts) > 2 and rng.random() < 0.3 else ""
    return f"{', '.join(texts[:-1])}{comma} {word} {texts[-1]}"


def noun_of(meaning: Meaning) -> Noun:
    """What the linker tells by parts, as a plan speaks of it."""
    if meaning.parts is None:
        return Noun(meaning.label)
    one, two = (noun_of(part) for part in meaning.parts)
    return made(OF_DERIVED[meaning.form or "share"], one, two)


class Cast:
    """Everything one catalogue offers to ask about."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.linker = Linker(catalogue)
        index = self.linker.index
        self.first, self.last = index.first, index.last
        words = lexicon()
        self._concepts = {
            k: m
            for k, m in index.concepts.items()
            if k in words.measures and not words.measures[k].parent
        }
        self._derived = {
            k: m for k, m in index.derived.items() if m.parts and m.parts[0].key in self._concepts
        }
        self._nested = {
            k: m
            for k, m in index.nested.items()
            if all(leaf.key in self._concepts for leaf in m.leaves())
        }
        self.profile = [k for k in index.concepts if k in words.attributes]
        """Attributes of companies that the tables hold, by the lexicon's key."""
        self._told = {k: t for k, t in words.documents.items() if k not in index.concepts}
        self.titles: dict[str, list[str]] = {}
        self.sectors: list[Row] = []
        self.segments: list[Row] = []
        for table in catalogue.tables:
            for column in table.columns:
                self.titles.setdefault(column.name, []).extend([column.title, *column.aliases])
                rows = [Row(v, column.name) for v in column.values]
                if column.name == "segment":
                    self.segments = rows
                elif column.name == "sector" and not self.sectors:
                    self.sectors = rows
        self._lexicon = words

    # --- measures -------------------------------------------------------------------------------

    def plain(self, rng: random.Random, key: str | None = None) -> Said:
        """One measure of the tables."""
        key = key if key in self._concepts else rng.choice(tuple(self._concepts))
        names = [*self._lexicon.measures[key].spellings]
        if rng.random() < 0.3:
            names = [t for t in self.titles.get(key, []) if t] or names
        return Said(rng.choice(names), (Noun(self._concepts[key].label),))

    def told(self, rng: random.Random, key: str | None = None) -> Said:
        """One figure that only documents tell."""
        key = key if key in self._told else rng.choice(tuple(self._told))
        term = self._told[key]
        return Said(rng.choice(term.spellings), (Noun(term.label, "documents"),))

    def ratio(self, rng: random.Random) -> Said:
        """A ratio, sum or difference: by its name, or by its two measures."""
        draw = rng.random()
        named = self._nested if draw < 0.15 else self._derived if draw < 0.6 else {}
        if named:
            key = rng.choice(tuple(named))
            entry = self._lexicon.ratios.get(key) or self._lexicon.compounds[key]
            whole = noun_of(named[key])
            text = rng.choice(entry.spellings)
            if rng.random() < 0.12 and whole.form is not None:
                text += rng.choice(_DEFINED[whole.form]).format(*(p.label for p in whole.parts))
            return Said(text, whole.parts, whole.form)
        one, two = rng.choice(_PAIRS)
        if rng.random() < 0.35:
            one, two = rng.sample(tuple(self._concepts), 2)
        first, second = self._either(rng, one), self._either(rng, two)
        form: Form = rng.choices(("share", "over", "plus", "less"), (5, 3, 2, 2))[0]
        text = rng.choice(_SPOKEN[form]).format(a=first.text, b=second.text)
        return Said(text, (first.nouns[0], second.nouns[0]), form)

    def single(self, rng: random.Random, key: str) -> Said:
        """One measure by its key, whoever tells it; any other where nothing here has it."""
        return self._either(rng, key)

    def _either(self, rng: random.Random, key: str) -> Said:
        return self.told(rng, key) if key in self._told else self.plain(rng, key)

    def measure(self, rng: random.Random, *, ratios: float = 0.2, told: float = 0.12) -> Said:
        """Any measure."""
        draw = rng.random()
        if draw < ratios:
            return self.ratio(rng)
        return self.told(rng) if draw < ratios + told else self.plain(rng)

    def attribute(self, rng: random.Random) -> Said:
        """A text about a company: its sector, its seat."""
        key = rng.choice(self.profile)
        label = self.linker.index.concepts[key].label
        return Said(rng.choice(self._lexicon.attributes[key].spellings), (Noun(label),))

    def several(self, rng: random.Random, count: int) -> Said:
        """Measures in a list."""
        said: dict[str, Said] = {}
        while len(said) < count:
            one = self.measure(rng, ratios=0, told=0.12)
            said.setdefault(one.nouns[0].label, one)
        return Said(
            join(rng, [s.text for s in said.values()]), tuple(s.nouns[0] for s in said.values())
        )

    # --- companies ------------------------------------------------------------------------------

    def call(self, rng: random.Random, company: Company) -> str:
        """A company, as people call it."""
        names = [company.name] * 4 + [*company.aliases] * 3
        if company.ticker:
            names.append(company.ticker)
        return rng.choice(names)

    # --- times ----------------------------------------------------------------------------------

    def year(self, rng: random.Random, *, missing: float = 0.1) -> When:
        """One year, or none."""
        if rng.random() < missing:
            return When("", "", ())
        year = rng.randint(self.first, self.last)
        if rng.random() < 0.12:
            text = rng.choice(_LATEST)
            return When(text, text, (Period(first=self.last, last=self.last),))
        if rng.random() < 0.03:
            year = self.last - 1
            return When("two years ago", "two years ago", (Period(first=year, last=year),))
        one, bare = rng.choice(_ONE_YEAR), rng.choice(_ONE_YEAR_BARE)
        fill = {"y": year, "s": f"{year % 100:02d}"}
        return When(one.format(**fill), bare.format(**fill), (Period(first=year, last=year),))

    def years(self, rng: random.Random, count: int) -> When:
        """Some years in a list."""
        chosen = sorted(rng.sample(range(self.first, self.last + 1), count))
        if rng.random() < 0.25:
            chosen.reverse()
        text = join(rng, [str(y) for y in chosen])
        periods = tuple(Period(first=y, last=y) for y in chosen)
        return When(f"{rng.choice(('in', 'for', 'in fiscal'))} {text}", text, periods)

    def span(self, rng: random.Random, *, missing: float = 0.08) -> When:
        """A range of years, or none."""
        draw = rng.random()
        if draw < missing:
            return When("", "", ())
        if draw < missing + 0.05:
            text = rng.choice(("over time", "over the years", "over all years", "in all years"))
            return When(text, text, (Period(first=self.first, last=self.last),))
        if draw < missing + 0.2:
            count = rng.randint(2, min(6, self.last - self.first + 1))
            number = rng.choice((str(count), _NUMERALS[count]))
            past = rng.choice(("last", "past"))
            noun = rng.choice(("years", "years", "fiscal years"))
            head = rng.choice(("over the", "in the", "over the", "during the", "for the"))
            text = f"{past} {number} {noun}"
            return When(
                f"{head} {text}", text, (Period(first=self.last - count + 1, last=self.last),)
            )
        first, last = sorted(rng.sample(range(self.first, self.last + 1), 2))
        if draw < missing + 0.3 and first < self.last:
            text = f"since {rng.choice(('', '', 'fiscal ', 'FY'))}{first}"
            return When(text, text, (Period(first=first, last=self.last),))
        fill = {"a": first, "b": last, "s": f"{first % 100:02d}", "t": f"{last % 100:02d}"}
        at, bare = rng.choice(_RANGE).format(**fill), rng.choice(_RANGE_BARE).format(**fill)
        return When(at, bare, (Period(first=first, last=last),))

    def between(self, rng: random.Random) -> When:
        """The time of a growth: a range, one year against the year before, or two years."""
        draw = rng.random()
        if draw < 0.55:
            return self.span(rng, missing=0.06)
        if draw < 0.8:
            when = self.year(rng, missing=0.1)
            if when.periods and when.periods[0].first == self.first:
                return self.span(rng, missing=0)
            return when
        year = rng.randint(self.first + 1, self.last)
        periods = (Period(first=year, last=year), Period(first=year - 1, last=year - 1))
        before = rng.choice(
            (
                "over {q}",
                "from {q}",
                "compared with {q}",
                "versus {q}",
                "vs {q}",
                "against {q}",
                "compared to {q}",
                "from the prior year",
                "over the previous year",
                "on the year before",
                "compared with the prior year",
                "versus the year before",
                "relative to {q}",
            )
        ).format(q=year - 1)
        text = f"{year} {before}"
        return When(
            f"{rng.choice(('in', 'in', 'in fiscal', 'in FY'))} {text}".replace("FY ", "FY"),
            text,
            periods,
        )

    def pair(self, rng: random.Random) -> tuple[When, When]:
        """Two years set against each other."""
        one, two = rng.sample(range(self.first, self.last + 1), 2)

        def say(year: int) -> When:
            text = rng.choice(("{y}", "{y}", "{y}", "FY{s}", "fiscal {y}")).format(
                y=year, s=f"{year % 100:02d}"
            )
            return When(text, text, (Period(first=year, last=year),))

        return say(one), say(two)
