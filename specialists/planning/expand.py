"""From clauses to a plan: subtasks with instructions in words, in topological order.

A step that two clauses need is made once. Rankings, filters, counts and best years become one step
with a ``screen`` among its inputs: the clause says all of the query, so code runs it
(``table_qa/screen.py``). Nothing is looked up here: a clause that asks for what the workspace has
not becomes a subtask that fails honestly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from types import MappingProxyType

from specialists.foundation.contracts import Plan, Ref, Scalar, Subtask
from specialists.planning.clauses import AT, Clause, Noun, Row
from specialists.workspace.catalogue import Catalogue, Period
from specialists.workspace.numbers import format_quantity

_Item = tuple[tuple[Noun, ...], str | None, Row | None, Period]
"""One value: measures, company, row, period."""
_OF_TWO = {"share": "share", "over": "ratio", "plus": "sum", "less": "difference"}
_JOINED = {
    "share": "as a percentage of",
    "over": "divided by",
    "plus": "plus",
    "less": "minus",
}
_AGGREGATE = {"mean": "average", "sum": "sum", "max": "highest", "min": "lowest"}
_GIVEN = {"mean": "average", "sum": "sum", "max": "maximum", "min": "minimum"}
_PLACES = ("", "", "second", "third", "fourth", "fifth")
MAX_STEPS = 24


class _Builder:
    """Collects subtasks; the same step asked twice is one."""

    def __init__(self) -> None:
        self.subtasks: list[Subtask] = []
        self._ids: dict[str, str] = {}

    def add(self, specialist: str, instruction: str, inputs: dict[str, Scalar | Ref]) -> str:
        key = f"{specialist}|{instruction}|{inputs}"
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = f"s{len(self.subtasks) + 1}"
            self.subtasks.append(
                Subtask(id=known, specialist=specialist, instruction=instruction, inputs=inputs)
            )
        return known

    def calculate(
        self, operation: str, instruction: str, refs: Sequence[str], **literals: str
    ) -> str:
        inputs: dict[str, Scalar | Ref] = {"operation": operation, **literals}
        for number, ref in enumerate(refs):
            inputs[chr(ord("a") + number)] = Ref(ref=ref)
        return self.add("calculation", instruction, inputs)


class Expander:
    """Turns clauses into a plan over one catalogue's years and companies."""

    def __init__(
        self,
        catalogue: Catalogue,
        first: int,
        last: int,
        timeless: frozenset[str] = frozenset(),
        names: Mapping[tuple[str, str, str], str] = MappingProxyType({}),
    ) -> None:
        """What a plan depends on beside its clauses.

        Args:
            first, last: the fiscal years the data hold.
            timeless: labels of measures that have no year, such as a company's sector.
            names: what a form of two measures' labels is called: ``gross margin``.
        """
        self._names = names
        self._timeless = timeless
        self._first = first
        self._last = last
        firms = [c.name for c in catalogue.companies]
        self._only = firms[0] if len(firms) == 1 else None
        columns = [c for t in catalogue.tables for c in t.columns]
        self._parts = {c.name for c in columns if c.role == "label"}
        """Columns whose values are parts of a company."""

    def plan(self, clauses: Sequence[Clause], note: str = "") -> Plan:
        """The plan; without clauses an empty one that says why."""
        builder = _Builder()
        for clause in clauses:
            self._clause(builder, clause)
        if len(builder.subtasks) > MAX_STEPS:
            too_many = f"the question asks for more than {MAX_STEPS} steps"
            return Plan(subtasks=(), note=too_many)
        return Plan(subtasks=tuple(builder.subtasks), note=note)

    # --- clauses --------------------------------------------------------------------------------

    def _clause(self, builder: _Builder, clause: Clause) -> None:
        if clause.verb == "press":
            periods: tuple[Period | None, ...] = clause.periods or (None,)
            for company, period in product(clause.companies, periods):
                self._press(builder, company, period)
        elif clause.verb in {"growth", "change", "cagr"}:
            self._between(builder, clause)
        elif clause.verb in {"peak", "trough", "rank", "which", "count", *AT}:
            self._screens(builder, clause)
        elif clause.verb in {"more", "fewer"}:
            self._compare(builder, clause)
        elif clause.verb == "part":
            self._part(builder, clause)
        else:
            self._values(builder, clause)

    def _press(self, builder: _Builder, company: str, period: Period | None) -> None:
        inputs: dict[str, Scalar | Ref] = {"company": company}
        if period is not None:
            inputs["period"] = period.label
        when = f" {_when(period)}" if period else ""
        builder.add("sentiment", f"What is the tone of the news about {company}{when}?", inputs)

    def _values(self, builder: _Builder, clause: Clause) -> None:
        ranked = clause.verb in {"top", "bottom"}
        spread = [p for p in clause.periods if p.first != p.last]
        if ranked and not (len(clause.companies) > 1 and _told(clause)):
            self._screens(builder, clause)
            return
        alone = not clause.companies and self._only is None
        if clause.verb in _AGGREGATE and alone and not _told(clause):
            self._screens(builder, clause)
            return
        listed = self._listed(clause)
        if clause.verb in _AGGREGATE and (len(listed) == 1 or spread or not clause.companies):
            wide = len(listed) > 1 and bool(clause.companies)
            if not wide or spread:
                for nouns, company, row, period in listed:
                    self._aggregate(builder, clause, nouns, company, row, period)
                return
        if clause.verb == "get":
            for nouns, company, row, period in listed:
                for year in _years(period):
                    self._value(builder, clause, nouns, company, row, year)
            return
        if clause.verb in {"diff", "times"}:
            two = len(listed) > 2 and clause.form is None  # a pair for each measure
            for noun in clause.measures if two else (None,):
                pair = [item for item in listed if noun is None or item[0] == (noun,)]
                self._against(builder, clause, pair)
            return
        refs = [self._value(builder, clause, n, e, r, p) for n, e, r, p in listed]
        names = [self._phrase(clause, n, e, r, p) for n, e, r, p in listed]
        if ranked:
            most = "largest" if clause.verb == "top" else "smallest"
            owners = json.dumps([e or "" for _, e, _, _ in listed])
            text = f"Which is the {most}: {_listing(names)}?"
            builder.calculate(most, text, refs, names=owners)
            return
        operation = _GIVEN[clause.verb]
        builder.calculate(operation, f"What is the {operation} of {_listing(names)}?", refs)

    def _against(self, builder: _Builder, clause: Clause, pair: Sequence[_Item]) -> None:
        """The first value less, or over, the second; of two years the later comes first."""
        if clause.turn is not None:
            refs, names = self._turned(builder, clause)
        else:
            refs = [self._value(builder, clause, n, e, r, p) for n, e, r, p in pair]
            names = [self._phrase(clause, n, e, r, p) for n, e, r, p in pair]
            if len(clause.periods) == 2 and pair[0][3].first < pair[1][3].first:
                refs, names = refs[::-1], names[::-1]
        if clause.verb == "diff":
            text = f"By how much did {names[0]} exceed {names[1]}?"
            builder.calculate("difference", text, refs)
        else:
            text = f"What was {names[0]} divided by {names[1]}, as a multiple?"
            builder.calculate("ratio", text, refs)

    def _compare(self, builder: _Builder, clause: Clause) -> None:
        """Yes or no: one value above or below another, a number, or itself the year before."""
        if clause.turn is not None:
            refs, names = self._turned(builder, clause)
        else:
            listed = self._listed(clause)
            if len(listed) == 1 and not clause.numbers:
                first, last = self._ends(clause.periods)
                listed = [(*listed[0][:3], last), (*listed[0][:3], first)]
            refs = [self._value(builder, clause, n, e, r, p) for n, e, r, p in listed]
            names = [self._phrase(clause, n, e, r, p) for n, e, r, p in listed]
        word = "higher" if clause.verb == "more" else "lower"
        inputs: dict[str, Scalar | Ref] = {"operation": "greater"}
        if clause.numbers:
            limit = clause.numbers[0]
            text = f"Was {names[0]} {word} than {format_quantity(limit)}?"
            inputs |= {"a": Ref(ref=refs[0]), "limit": limit.amount, "unit": limit.unit}
            inputs["side"] = "above" if clause.verb == "more" else "below"
        else:
            text = f"Was {names[0]} {word} than {names[1]}?"
            one, two = refs if clause.verb == "more" else refs[::-1]
            inputs |= {"a": Ref(ref=one), "b": Ref(ref=two)}
        builder.add("calculation", text, inputs)

    def _turned(self, builder: _Builder, clause: Clause) -> tuple[list[str], list[str]]:
        """Growth or change of each subject: the steps that find them, and how they are called."""
        first, last = self._ends(clause.periods)
        spans = [(first, last)]
        subjects = self._subjects(clause)
        if len(subjects) == 1 and not clause.numbers:
            gap = last.first - first.first
            before = Period(first=first.first - gap, last=first.first - gap)
            spans.append((before, first))
        refs: list[str] = []
        names: list[str] = []
        for subject in subjects:
            for start, end in spans:
                verb = clause.turn or "growth"
                refs.append(self._moved(builder, clause, verb, subject, (start, end)))
                what = self._phrase(clause, *subject, None)
                names.append(f"the {clause.turn} in {what} from {start.label} to {end.label}")
        return refs, names

    def _between(self, builder: _Builder, clause: Clause) -> None:
        span = self._ends(clause.periods)
        for subject in self._subjects(clause):
            self._moved(builder, clause, clause.verb, subject, span)

    def _moved(
        self,
        builder: _Builder,
        clause: Clause,
        verb: str,
        subject: tuple[tuple[Noun, ...], str | None, Row | None],
        ends: tuple[Period, Period],
    ) -> str:
        """The step that finds a growth, a change or a yearly growth between two years."""
        refs = [self._value(builder, clause, *subject, p) for p in ends]
        what = self._phrase(clause, *subject, None)
        span = f"from {ends[0].label} to {ends[1].label}"
        if verb == "growth":
            return builder.calculate("growth", f"By what percentage did {what} grow {span}?", refs)
        if verb == "cagr":
            text = f"What was the compound annual growth rate of {what} {span}?"
            return builder.calculate("cagr", text, refs)
        text = f"By how much did {what} change {span}?"
        return builder.calculate("difference", text, refs[::-1])

    # --- screens --------------------------------------------------------------------------------

    def _screens(self, builder: _Builder, clause: Clause) -> None:
        """A step for each measure, row and time that companies or years are screened for."""
        if clause.verb in {"which", "count"} and clause.side is None:
            self._members(builder, clause)
            return
        years = clause.verb in {"peak", "trough", "atpeak", "attrough"} or (
            clause.verb in {"which", "count"}
            and len(clause.companies) == 1
            and bool(clause.numbers or clause.turn)
        )
        periods: Sequence[Period] = clause.periods or (self._latest(),)
        if clause.turn is not None and not years:
            first, last = self._ends(clause.periods)
            periods = (Period(first=first.first, last=last.last),)
        elif years or clause.turn is not None:
            periods = (self._span(clause.periods),)
        nouns_ = self._nouns(clause) if clause.verb not in AT else [clause.measures]
        for nouns, row, period in product(nouns_, clause.rows or (None,), periods):
            self._screen(builder, clause, nouns, row, period, years)

    def _members(self, builder: _Builder, clause: Clause) -> None:
        """Which companies a sector has, or how many."""
        for row in clause.rows or (None,):
            where = _where(row) if row else ""
            text = f"How many companies are there{where}?"
            if clause.verb == "which":
                text = f"Which companies are there{where}?"
            inputs: dict[str, Scalar | Ref] = {"screen": clause.verb}
            if row is not None:
                inputs["row"] = row.label
            builder.add("table_qa", text, inputs)

    def _screen(
        self,
        builder: _Builder,
        clause: Clause,
        nouns: tuple[Noun, ...],
        row: Row | None,
        period: Period,
        years: bool,
    ) -> None:
        inputs: dict[str, Scalar | Ref] = {"screen": clause.verb.removeprefix("at")}
        if clause.verb in AT:
            inputs["shown"] = nouns[0].label
            nouns = nouns[1:]
        inputs["measure"] = self._measure(clause, nouns, named=True)
        if clause.form is not None or nouns[0].form is not None:
            inputs["formula"] = json.dumps(_formula(clause.form, nouns))
        if len(clause.companies) > 1:
            inputs["companies"] = json.dumps(clause.companies)
        elif clause.companies or (years and self._only):
            inputs["company"] = clause.companies[0] if clause.companies else self._only
        if row is not None:
            inputs["row"] = row.label
        timeless = not clause.form and nouns[0].label in self._timeless
        if not timeless:
            inputs["period"] = period.label
        if clause.turn is not None:
            inputs["turn"] = clause.turn
        if clause.place > 1:
            inputs["place"] = clause.place
        if clause.verb in {"top", "bottom"} and (clause.number or 1) > 1:
            inputs["count"] = clause.number
        if clause.side is not None:
            inputs["side"] = clause.side
            if clause.companies and not years and len(clause.companies) == 1:
                inputs["than"] = clause.companies[0]
                del inputs["company"]
            for name, limit in zip(("limit", "upper"), clause.numbers, strict=False):
                inputs[name] = limit.amount
                inputs["unit"] = limit.unit
        when = "" if timeless else f" {_when(period)}"
        text = self._screen_text(clause, nouns, row, when, years)
        if clause.verb in AT:
            text = self._at_text(clause, nouns[0], str(inputs["shown"]), row, when)
        builder.add("table_qa", text, inputs)

    def _at_text(self, clause: Clause, noun: Noun, shown: str, row: Row | None, when: str) -> str:
        """What is told of whoever, or of the year that, had the most or the least."""
        most = "highest" if clause.verb in {"attop", "atpeak"} else "lowest"
        group = _where(row) if row else ""
        if clause.verb in {"attop", "atbottom"}:
            who = f"company{group}"
            if len(clause.companies) > 1:
                who = f"one of {_listing(clause.companies)}"
            return f"What was the {shown} of the {who} with the {most} {noun.label}{when}?"
        owner = f" of {clause.companies[0]}" if clause.companies else ""
        return f"What was the {shown}{owner} in the year of its {most} {noun.label}{when}?"

    def _screen_text(
        self, clause: Clause, nouns: tuple[Noun, ...], row: Row | None, when: str, years: bool
    ) -> str:
        """What is screened for, as a question."""
        what = self._measure(clause, nouns, named=True)
        if clause.turn is not None:
            what = f"{clause.turn} in {what}"
        group = _where(row) if row else ""
        verb = clause.verb.removeprefix("at")
        most = "highest" if verb in {"top", "peak"} else "lowest"
        if clause.place > 1:
            most = f"{_PLACES[clause.place]} {most}"
        owner = f" of {clause.companies[0]}" if clause.companies else ""
        if years and row is not None:
            owner = f" of the {_group(row)}{owner}"
        if clause.verb in _AGGREGATE:
            word = "sum of the" if clause.verb == "sum" else _AGGREGATE[clause.verb]
            return f"What was the {word} {what} across all companies{group}{when}?"
        if verb in {"peak", "trough"}:
            return f"In which year was the {what}{owner} {most}{when}?"
        if clause.verb == "rank":
            who = clause.companies[0]
            return f"What rank did {who} have by {what} among all companies{group}{when}?"
        if verb in {"top", "bottom"}:
            many = clause.number or 1
            who = f"company{group}" if many == 1 else f"{many} companies{group}"
            if len(clause.companies) == 1:
                who = f"segment{owner}" if many == 1 else f"{many} segments{owner}"
            elif clause.companies:
                who = f"of {_listing(clause.companies)}{group}"
            return f"Which {who} had the {most} {what}{when}?"
        limits = " and ".join(format_quantity(q) for q in clause.numbers)
        if not limits:
            limits = f"that of {clause.companies[0]}" if clause.companies and not years else "zero"
        side = f"{clause.side} {limits}"
        if years:
            head = "In how many years" if clause.verb == "count" else "In which years"
            return f"{head} was the {what}{owner} {side}{when}?"
        several = len(clause.companies) > 1
        who = f"of {_listing(clause.companies)}" if several else f"companies{group}"
        head = f"How many {who}" if clause.verb == "count" else f"Which {who}"
        return f"{head} had {what} {side}{when}?"

    def _aggregate(
        self,
        builder: _Builder,
        clause: Clause,
        nouns: tuple[Noun, ...],
        company: str | None,
        row: Row | None,
        period: Period,
    ) -> None:
        if clause.form is not None or nouns[0].form is not None or _told(clause):
            years = _years(period)
            refs = [self._value(builder, clause, nouns, company, row, y) for y in years]
            if len(refs) == 1:
                return
            names = [self._phrase(clause, nouns, company, row, y) for y in years]
            operation = _GIVEN[clause.verb]
            text = f"What is the {operation} of {_listing(names)}?"
            builder.calculate(operation, text, refs)
            return
        word = _AGGREGATE[clause.verb]
        what = self._phrase(clause, nouns, company, row, None)
        text = f"What was {what.replace('the ', f'the {word} ', 1)} {_when(period)}?"
        inputs = self._inputs(clause, nouns, company, row, period)
        inputs["aggregate"] = word
        builder.add("table_qa", text, inputs)

    def _part(self, builder: _Builder, clause: Clause) -> None:
        for nouns, company, row in self._subjects(clause):
            for period in clause.periods or (self._latest(),):
                if row is not None and row.column and row.column not in self._parts:
                    self._of_group(builder, clause, (nouns, company, row), period)
                    continue
                one = self._value(builder, clause, nouns, company, row, period)
                all_ = self._value(builder, clause, nouns, company, None, period)
                part = self._phrase(clause, nouns, company, row, None)
                whole = self._phrase(clause, nouns, company, None, None)
                text = f"What percentage of {whole} was {part} {_when(period)}?"
                builder.calculate("share", text, [one, all_])

    def _of_group(
        self,
        builder: _Builder,
        clause: Clause,
        subject: tuple[tuple[Noun, ...], str | None, Row],
        period: Period,
    ) -> None:
        """A company's share in its sector."""
        nouns, company, row = subject
        one = self._value(builder, clause, nouns, company, None, period)
        what = f"{nouns[0].label} across all companies{_where(row)}"
        inputs: dict[str, Scalar | Ref] = {
            "screen": "sum",
            "measure": nouns[0].label,
            "row": row.label,
            "period": period.label,
        }
        text = f"What was the sum of the {what} {_when(period)}?"
        whole = builder.add("table_qa", text, inputs)
        part = self._phrase(clause, nouns, company, None, None)
        text = f"What percentage of the {what} was {part} {_when(period)}?"
        builder.calculate("share", text, [one, whole])

    # --- values ---------------------------------------------------------------------------------

    def _value(
        self,
        builder: _Builder,
        clause: Clause,
        nouns: tuple[Noun, ...],
        company: str | None,
        row: Row | None,
        period: Period,
    ) -> str:
        """The step that finds one value: a lookup, or a calculation over two."""
        if clause.form is None and nouns and nouns[0].form is not None:
            inner = Clause("get", nouns[0].form)
            return self._value(builder, inner, nouns[0].parts, company, row, period)
        if clause.form is None:
            what = self._phrase(clause, nouns, company, row, None)
            text = f"What was {what} {_when(period)}?"
            if nouns and nouns[0].label in self._timeless:
                text = f"What is {what}?"
            told = nouns and nouns[0].told_by == "documents"
            inputs = self._inputs(clause, nouns, company, row, period)
            return builder.add("extraction" if told else "table_qa", text, inputs)
        plain = Clause("get")
        refs = [self._value(builder, plain, (noun,), company, row, period) for noun in nouns]
        of = self._phrase(plain, nouns[:1], company, row, None)
        second = nouns[1].label
        text = {
            "share": f"What was {of} as a percentage of {second} {_when(period)}?",
            "over": f"What was {of} divided by {second} {_when(period)}, as a multiple?",
            "plus": f"What was the sum of {of} and {second} {_when(period)}?",
            "less": f"What was {of} minus {second} {_when(period)}?",
        }[clause.form]
        return builder.calculate(_OF_TWO[clause.form], text, refs)

    def _inputs(
        self,
        clause: Clause,
        nouns: tuple[Noun, ...],
        company: str | None,
        row: Row | None,
        period: Period,
    ) -> dict[str, Scalar | Ref]:
        inputs: dict[str, Scalar | Ref] = {}
        if nouns:
            inputs["measure"] = self._measure(clause, nouns)
        if company is not None:
            inputs["company"] = company
        if row is not None:
            inputs["row"] = row.label
        if not (nouns and nouns[0].label in self._timeless):
            inputs["period"] = period.label
        return inputs

    # --- what is meant --------------------------------------------------------------------------

    def _nouns(self, clause: Clause) -> list[tuple[Noun, ...]]:
        if clause.form is not None or not clause.measures:
            return [clause.measures]
        return [(noun,) for noun in clause.measures]

    def _subjects(self, clause: Clause) -> list[tuple[tuple[Noun, ...], str | None, Row | None]]:
        companies: tuple[str | None, ...] = clause.companies or (self._only,)
        rows: tuple[Row | None, ...] = clause.rows or (None,)
        return list(product(self._nouns(clause), companies, rows))

    def _listed(self, clause: Clause) -> list[_Item]:
        periods = clause.periods
        if not periods:
            one = len(self._subjects(clause)) == 1
            whole = clause.verb in _AGGREGATE and one and bool(clause.companies or self._only)
            periods = (self._span(()),) if whole else (self._latest(),)
        return [(*subject, period) for subject in self._subjects(clause) for period in periods]

    def _latest(self) -> Period:
        return Period(first=self._last, last=self._last)

    def _span(self, periods: Sequence[Period]) -> Period:
        if not periods:
            return Period(first=self._first, last=self._last)
        return Period(first=min(p.first for p in periods), last=max(p.last for p in periods))

    def _ends(self, periods: Sequence[Period]) -> tuple[Period, Period]:
        """The two years a growth is between, in order; one year is set against the one before."""
        span = self._span(periods) if periods else self._latest()
        first = span.first if span.first != span.last else span.last - 1
        return Period(first=first, last=first), Period(first=span.last, last=span.last)

    # --- words ----------------------------------------------------------------------------------

    def _measure(self, clause: Clause, nouns: tuple[Noun, ...], *, named: bool = False) -> str:
        """The measure in words; ``named``: a ratio by its name, where it has one."""
        if clause.form is None:
            return nouns[0].label if nouns else ""
        one, two = nouns[0].label, nouns[1].label
        if named and (name := self._names.get((clause.form, one, two))):
            return name
        return f"{one} {_JOINED[clause.form]} {two}"

    def _phrase(
        self,
        clause: Clause,
        nouns: tuple[Noun, ...],
        company: str | None,
        row: Row | None,
        period: Period | None,
        *,
        named: bool = False,
    ) -> str:
        """``the revenue of the Cloud segment of Acme Corp in 2022``."""
        what = self._measure(clause, nouns, named=named)
        parts = [f"the {what}"] if what else [f"the {row.label}" if row else "the value"]
        if row is not None and what:
            parts.append(
                f"of the {_group(row)}" if _group(row) != row.label else f"for {row.label}"
            )
        if company is not None:
            parts.append(f"of {company}")
        if period is not None:
            parts.append(_when(period))
        return " ".join(parts)


def _told(clause: Clause) -> bool:
    """Whether only documents tell a measure of the clause."""
    return any(leaf.told_by == "documents" for m in clause.measures for leaf in m.leaves())


def _formula(form: str | None, nouns: Sequence[Noun]) -> object:
    """A measure made of others: ``["share", "net income", "revenue"]``; a single one is a text."""
    if form is not None:
        return [form, *(_formula(None, (n,)) for n in nouns)]
    (noun,) = nouns
    return _formula(noun.form, noun.parts) if noun.form is not None else noun.label


def _years(period: Period) -> list[Period]:
    return [Period(first=y, last=y) for y in range(period.first, period.last + 1)]


def _when(period: Period) -> str:
    return f"in {period.label}" if period.first == period.last else f"from {period.label}"


def _group(row: Row) -> str:
    for noun in ("segment", "sector", "industry", "division"):
        if noun in row.column:
            return f"{row.label} {noun}"
    return row.label


def _where(row: Row) -> str:
    """`` in the Energy sector``, `` with headquarters Oslo``."""
    group = _group(row)
    if group != row.label or not row.column:
        return f" in the {group}"
    return f" with {row.column.replace('_', ' ')} {row.label}"


def _listing(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
