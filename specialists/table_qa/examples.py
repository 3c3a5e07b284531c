"""Solved table questions over synthetic workspaces, with the real linker and dialogue.

Deterministic in the seed. A workspace serves some dozens of questions; its tables are shuffled and
thinned out (a table, some rows, some values are missing), so that "not found" is sometimes the
right answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from specialists.foundation.contracts import Message
from specialists.foundation.errors import AnswerError, ToolError
from specialists.phrasing import Phrasing
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.frames import KINDS
from specialists.table_qa.inputs import TableAnswer, TableQuestion, link
from specialists.table_qa.policy import Ask, Script, play
from specialists.table_qa.rows import Row, Rows
from specialists.task import Example, Fold
from specialists.workspace.catalogue import Table
from specialists.workspace.lexicon import lexicon
from specialists.workspace.links import Linker
from specialists.workspace.snapshot import Snapshot
from specialists.workspace.synthetic import make_snapshot

if TYPE_CHECKING:
    from specialists.table_qa.task import TableTask

QUESTIONS_A_WORKSPACE = 60
PAGED = 0.25
"""Share of workspaces made of report pages: small tables, each about one company."""

WEIGHTS: dict[str, int] = {
    "lookup": 16,
    "latest": 2,
    "attribute": 3,
    "difference": 8,
    "growth": 12,
    "ratio": 5,
    "share": 6,
    "ratio_named": 6,
    "ratio_change": 3,
    "plus": 3,
    "minus": 4,
    "average": 7,
    "sum": 5,
    "extreme": 5,
    "year": 7,
    "ranking": 8,
    "ranking_sector": 5,
    "ranking_ratio": 4,
    "year_ratio": 2,
    "across": 3,
    "across_sector": 3,
    "compare": 4,
    "gap": 5,
    "times": 3,
    "segment": 7,
    "segment_growth": 3,
    "segment_share": 5,
    "which_segment": 4,
    "unknown": 3,
}
_PANELS = frozenset(
    (
        *("attribute", "compare", "gap", "times", "ranking", "ranking_sector", "ranking_ratio"),
        *("across", "across_sector", "segment", "segment_growth", "segment_share", "which_segment"),
    )
)
"""Kinds that need companies, or parts of them, side by side in one table."""
_FROM = re.compile(r"\bFROM (<t\d+>)")
_HIGH = ("highest", "largest", "biggest", "greatest", "most", "maximum", "top")
_LOW = ("lowest", "smallest", "least", "minimum")
_UNKNOWN = (
    "customer churn",
    "order backlog",
    "number of employees",
    "patents",
    "website visitors",
    "store count",
    "carbon emissions",
    "headcount",
    "customer satisfaction",
    "market share",
    "credit rating",
    "pension deficit",
)
_TOTALS = (("total", "SUM"), ("average", "AVG"), ("mean", "AVG"), ("combined", "SUM"))


@dataclass
class _World:
    """A workspace to ask about."""

    rows: Rows
    snapshot: Snapshot
    linker: Linker
    years: list[int]
    companies: list[str]
    measures: dict[str, list[tuple[Table, str]]]
    """Column name -> the whole-company tables that hold it."""
    units: dict[str, str]
    sectors: list[str]
    segments: dict[str, list[str]]
    texts: list[str]
    paged: bool = False
    ratios: list[tuple[str, str, str, str]] = field(default_factory=list[tuple[str, str, str, str]])
    """Phrase, numerator, denominator, form."""


@dataclass
class _Case:
    slots: dict[str, str]
    script: Callable[[CompactEpisode], Script]
    kinds: dict[str, int] = field(default_factory=dict[str, int])
    """How many handles of each kind the linker must have found."""


def generate(
    task: TableTask, fold: Fold, count: int, seed: int
) -> Iterator[Example[TableQuestion, TableAnswer]]:
    """Examples of a fold, of the task's slice where it has one."""
    slice_ = task.slice and f"{task.slice}/"
    rng = random.Random(f"table_qa/{slice_}{fold}/{seed}")
    cases = _APART if task.slice == "several" else _CASES
    made = 0
    while made < count:
        world = _world(rng, fold, seed)
        kinds = [k for k in cases if KINDS[k].pool(fold) and not (world.paged and k in _PANELS)]
        weights = [WEIGHTS[k] for k in kinds]
        tries = 0
        until = min(count, made + QUESTIONS_A_WORKSPACE)
        while made < until and tries < 4 * QUESTIONS_A_WORKSPACE:
            tries += 1
            kind = rng.choices(kinds, weights)[0]
            id_ = f"table_qa-{slice_.replace('/', '-')}{fold}-{seed}-{made}"
            example = _example(task, rng, fold, kind, cases[kind], world, id_)
            if example is not None and _in_slice(task.slice, example):
                made += 1
                yield example


def _in_slice(slice_: str, example: Example[TableQuestion, TableAnswer]) -> bool:
    """Whether an example is worked from one table, or from several, as its slice has it."""
    if not slice_:
        return True
    tables = queried(example.dialogue)
    return example.answer.value is not None and (len(tables) > 1) == (slice_ == "several")


def queried(dialogue: Sequence[Message]) -> set[str]:
    """The handles of the tables that a short dialogue queries."""
    return {
        found[1]
        for message in dialogue
        for call in message.tool_calls
        if call.name == "sql" and (found := _FROM.search(str(call.arguments.get("query"))))
    }


def _example(
    task: TableTask,
    rng: random.Random,
    fold: Fold,
    kind: str,
    make: Maker,
    world: _World,
    id_: str,
) -> Example[TableQuestion, TableAnswer] | None:
    """One example, or None where the linker reads the words otherwise than they were meant."""
    case = make(rng, world)
    if case is None:
        return None
    phrasing: Phrasing = KINDS[kind]
    text, template = phrasing.draw(rng, fold, **case.slots)
    text = _cased(rng, text)
    inputs = link(text, world.linker, world.rows.catalogue, snapshot=world.snapshot)
    have = {k: len(inputs.linked.handles.of(k)) for k in ("c", "e", "r", "p")}  # type: ignore[arg-type]
    wanted = {"c": 1, "e": 1, "r": 0, "p": 1, **case.kinds}
    if any(have[k] != n for k, n in wanted.items() if k != "p" or n >= 0):
        return None
    episode = task.compact(inputs, seed=rng.randrange(1 << 30))
    try:
        script = case.script(episode)
        played = play(episode, script, world.rows, rng)
    except (AnswerError, ToolError, IndexError):
        return None
    if len(played.messages) > 2 + 2 * task.max_turns:
        return None
    return Example(
        id_,
        inputs,
        played.answer,
        tuple(played.messages),
        fold,
        case.slots.get("e", ""),
        template,
        calls=tuple(played.calls),
    )


def _cased(rng: random.Random, text: str) -> str:
    if rng.random() < 0.6:
        text = text[:1].upper() + text[1:]
    text = text.replace(" 's", "'s").replace(" ?", "?" if rng.random() < 0.9 else "")
    return text.replace(" ,", ",").replace(" :", ":")


# --- workspaces ---------------------------------------------------------------------------------


def _world(rng: random.Random, fold: Fold, seed: int) -> _World:
    split = "train" if fold in ("train", "dev") else "heldout"
    first = rng.randint(2010, 2020)
    years = tuple(range(first, first + rng.randint(4, 6)))
    snapshot = make_snapshot(
        rng.randrange(1 << 30), split=split, companies=rng.randint(4, 10), years=years
    )
    rows = _thinned(rng, Rows.of(snapshot))
    paged = rng.random() < PAGED
    if paged:
        rows = _paged(rng, rows, years)
    snapshot = rows.snapshot(snapshot, f"table_qa/{fold}/{rng.getrandbits(64):016x}")
    catalogue = rows.catalogue
    measures: dict[str, list[tuple[Table, str]]] = {}
    units: dict[str, str] = {}
    for table in catalogue.tables:
        if table.column("label") is None and table.column("period") is not None:
            for column in table.columns:
                if column.role == "measure":
                    measures.setdefault(column.name, []).append((table, column.title))
                    units[column.name] = column.unit
    segments: dict[str, list[str]] = {}
    for row in rows.tables.get("segments", []):
        segments.setdefault(row["company"], []).append(row["segment"])
    about = next((t for t in catalogue.tables if t.column("period") is None), None)
    texts = [c.name for c in about.columns if c.role == "attribute"] if about else []
    sectors = sorted({c.sector for c in catalogue.companies})
    companies = [c.name for c in catalogue.companies]
    world = _World(
        rows,
        snapshot,
        Linker(catalogue),
        list(years),
        companies,
        measures,
        units,
        sectors,
        segments,
        texts,
    )
    world.paged = paged
    world.ratios = [
        (" ".join(phrase), r.numerator, r.denominator, r.kind)
        for r in lexicon().ratios.values()
        if r.numerator in measures and r.denominator in measures
        for phrase in r.phrases
    ]
    return world


def _thinned(rng: random.Random, rows: Rows) -> Rows:
    """The workspace with its tables in another order, and some of it missing."""
    tables = list(rows.catalogue.tables)
    rng.shuffle(tables)
    if rng.random() < 0.25:
        tables.pop()
    thin: dict[str, list[Row]] = {}
    for table in tables:
        kept = rows.tables[table.name]
        if table.column("period") is not None:
            kept = [r for r in kept if rng.random() > 0.05]
            numbers = [c.name for c in table.columns if c.role == "measure"]
            for row in kept:
                if rng.random() < 0.05:
                    row[rng.choice(numbers)] = None
        thin[table.name] = kept
    catalogue = rows.catalogue.model_copy(update={"tables": tuple(tables)})
    return Rows(catalogue, thin)


def _paged(rng: random.Random, rows: Rows, years: Sequence[int]) -> Rows:
    """The same facts as pages of annual reports: a few lines over a few years of one company."""
    tables: list[Table] = []
    pages: dict[str, list[Row]] = {}
    for table in rows.catalogue.tables:
        period = table.column("period")
        if period is None or table.column("label") is not None:
            continue
        measures = [c for c in table.columns if c.role == "measure"]
        for company in rows.catalogue.companies:
            own = [r for r in rows.tables[table.name] if r["company"] == company.name]
            for last in rng.sample(years, rng.randint(1, 2)):
                kept = [r for r in own if last - rng.randint(2, 4) < r["fiscal_year"] <= last]
                lines = rng.sample(measures, min(len(measures), rng.randint(3, 8)))
                if not kept:
                    continue
                lines.sort(key=measures.index)
                name = f"{company.ticker.lower()}_{last}_page_{len(tables) + 1}"
                pages[name] = [dict(r) for r in kept]
                about = ", ".join(c.title.lower() for c in lines[: rng.choice((2, 4))])
                tables.append(
                    Table(
                        name=name,
                        title=f"{company.name} {last}: {about}",
                        company=company.name,
                        columns=(period, *lines),
                        periods=tuple(sorted({r["fiscal_year"] for r in kept})),
                        rows=len(kept),
                        source="generated",
                    )
                )
    rng.shuffle(tables)
    catalogue = rows.catalogue.model_copy(update={"tables": tuple(tables)})
    return Rows(catalogue, pages)


# --- cases --------------------------------------------------------------------------------------

Maker = Callable[[random.Random, _World], "_Case | None"]


def _words(rng: random.Random, column: str, title: str) -> str:
    """What a measure is called in a question."""
    term = lexicon().measures.get(column)
    if term is None or rng.random() < 0.3:
        return title.lower()
    return rng.choice((term.label, *(" ".join(p) for p in term.phrases)))


def _base(rng: random.Random, world: _World, *, apart: bool = False) -> dict[str, str]:
    """Slots any kind may fill. ``apart``: the measures are in different tables, where some are."""
    company, other = rng.sample(world.companies, 2)
    years, measures = world.years, list(world.measures)
    if world.paged and rng.random() < 0.9:  # most questions are about what some page says
        page = rng.choice([t for t in world.rows.catalogue.tables if len(t.periods) > 1])
        company, years = page.company or company, list(page.periods)
        if rng.random() < 0.9:
            measures = [c.name for c in page.columns if c.role == "measure"]
    first, last = sorted(rng.sample(years, 2))
    measure = rng.choice(measures)
    others = [m for m in measures if m != measure and world.units[m] == world.units[measure]]
    if apart:
        unit = world.units[measure]
        fit = [m for m in world.measures if world.units[m] == unit]
        others = [m for m in fit if _are_apart(world, company, measure, m)]
    pair = (measure, rng.choice(others or list(world.measures)))
    said = [_words(rng, m, world.measures[m][0][1]) for m in pair]
    slots = {"m": said[0], "n": said[1], "e": company, "f": other}
    return {**slots, "a": str(first), "b": str(last)}


def _are_apart(world: _World, company: str, *measures: str) -> bool:
    """Whether each measure is in some table about the company, and no two are in the same."""
    held = [
        {t.name for t, _ in world.measures[m] if t.company in (None, company)} for m in measures
    ]
    return all(held) and not set.intersection(*held)


def _handles(episode: CompactEpisode, kind: Any) -> list[str]:
    """A kind's handles in the order the question names them."""
    said = episode.messages[1].content.split()
    handles: list[str] = episode.handles.of(kind)
    return sorted(handles, key=lambda h: said.index(h))


def _two(episode: CompactEpisode) -> str:
    """The condition for two years: the ends of a range, or both years named."""
    periods = _handles(episode, "p")
    if len(periods) == 1:
        return f"ENDS({periods[0]})"
    return f"( {' OR '.join(periods)} )"


def _ask(episode: CompactEpisode, *, measures: int = 1, **options: Any) -> Ask:
    kinds = options.pop("by", ("e", "r", "p"))
    where = tuple(h for k in kinds for h in _handles(episode, k))
    return Ask(tuple(_handles(episode, "c")[:measures]), options.pop("where", where), **options)


def _lookup(rng: random.Random, world: _World) -> _Case:
    slots = _base(rng, world)
    if rng.random() < 0.03:
        slots["b"] = slots["a"]
    return _Case(slots, lambda ep: Script((_ask(ep),)))


def _latest(rng: random.Random, world: _World) -> _Case:
    def script(ep: CompactEpisode) -> Script:
        return Script((_ask(ep, order="fiscal_year DESC"),))

    return _Case(_base(rng, world), script, {"p": 0})


def _attribute(rng: random.Random, world: _World) -> _Case | None:
    if not world.texts:
        return None
    column = rng.choice(world.texts)
    term = lexicon().attributes.get(column)
    said = rng.choice([" ".join(p) for p in term.phrases]) if term else column
    slots = {**_base(rng, world), "m": said}
    return _Case(slots, lambda ep: Script((_ask(ep),), answer="first"), {"p": 0})


def _two_years(expression: str) -> Maker:
    def make(rng: random.Random, world: _World) -> _Case:
        def script(ep: CompactEpisode) -> Script:
            ask = _ask(ep, where=(*_handles(ep, "e"), _two(ep)))
            return Script((ask,), expression)

        return _Case(_base(rng, world), script, {"p": -1})

    return make


def _pair(expression: str, *, apart: bool = False) -> Maker:
    """Two measures of one company and year, of one table or of two; ``apart``: of two."""

    def make(rng: random.Random, world: _World) -> _Case | None:
        slots = _base(rng, world, apart=apart)
        return _Case(slots, lambda ep: _of_two(ep, world, expression), {"c": 2})

    return make


def _of_two(ep: CompactEpisode, world: _World, expression: str) -> Script:
    first, second = _handles(ep, "c")
    where = tuple(h for k in ("e", "p") for h in _handles(ep, k))
    about = {ep.handles.resolve(h).value for h in _handles(ep, "e")}
    own = {t.name for t in world.rows.catalogue.tables if t.company is None or t.company in about}
    tables = [
        {t for t, _ in ep.handles.resolve(h).value.options if t in own} for h in (first, second)
    ]
    if tables[0] & tables[1]:
        return Script((Ask((first, second), where),), expression)
    return Script((Ask((first,), where), Ask((second,), where)), expression)


def _ratio_named(rng: random.Random, world: _World) -> _Case | None:
    if not world.ratios:
        return None
    phrase, _, _, form = rng.choice(world.ratios)
    expression = "{0} / {1} * 100" if form == "share" else "{0} / {1}"
    slots = {**_base(rng, world), "m": phrase}
    return _Case(slots, lambda ep: _of_two(ep, world, expression), {"c": 2})


def _ratio_named_apart(rng: random.Random, world: _World) -> _Case | None:
    slots = _base(rng, world)
    fit = [r for r in world.ratios if _are_apart(world, slots["e"], r[1], r[2])]
    if not fit:
        return None
    phrase, _, _, form = rng.choice(fit)
    expression = "{0} / {1} * 100" if form == "share" else "{0} / {1}"
    return _Case({**slots, "m": phrase}, lambda ep: _of_two(ep, world, expression), {"c": 2})


def _ratio_change(rng: random.Random, world: _World) -> _Case | None:
    fit = _ratios_of_one_table(world)
    if not fit:
        return None
    phrase, _, _, form = rng.choice(fit)
    hundred = " * 100" if form == "share" else ""
    expression = "{2} / {3}" + hundred + " - {0} / {1}" + hundred

    def script(ep: CompactEpisode) -> Script:
        ask = _ask(ep, measures=2, where=(*_handles(ep, "e"), _two(ep)))
        return Script((ask,), expression)

    return _Case({**_base(rng, world), "m": phrase}, script, {"c": 2, "p": -1})


def _over_years(aggregate: str) -> Maker:
    def make(rng: random.Random, world: _World) -> _Case:
        return _Case(_base(rng, world), lambda ep: Script((_ask(ep, aggregate=aggregate),)))

    return make


def _extreme(rng: random.Random, world: _World) -> _Case:
    words, aggregate = rng.choice(((_HIGH[:4], "MAX"), (_LOW[:2], "MIN")))
    slots = {**_base(rng, world), "h": rng.choice(words)}
    return _Case(slots, lambda ep: Script((_ask(ep, aggregate=aggregate),)))


def _superlative(rng: random.Random, *, likes: bool = True) -> tuple[str, str]:
    high, low = (_HIGH[:4], _LOW[:2]) if likes else (_HIGH, _LOW)
    words, way = rng.choices(((high, "DESC"), (low, "ASC")), (3, 2))[0]
    return rng.choice(words), way


def _ranked(key: str, **kinds: int) -> Maker:
    """Which company, year or segment had the most."""

    def make(rng: random.Random, world: _World) -> _Case:
        word, way = _superlative(rng)
        slots = {**_base(rng, world), "h": word, "s": rng.choice(world.sectors)}

        def script(ep: CompactEpisode) -> Script:
            (measure,) = _handles(ep, "c")
            ask = _ask(ep, key=key, order=f"{measure} {way}")
            return Script((ask,), answer="first", labels=key == "label")

        return _Case(slots, script, kinds)

    return make


def _ranked_by_ratio(key: str, **kinds: int) -> Maker:
    """Which company or year had the most of one measure over another, both in one table."""

    def make(rng: random.Random, world: _World) -> _Case | None:
        fit = _ratios_of_one_table(world)
        if not fit:
            return None
        word, way = _superlative(rng)
        phrase = rng.choice(fit)[0]
        if rng.random() < 0.3:
            _, one, other, form = rng.choice(fit)
            labels = [lexicon().measures[c].label for c in (one, other)]
            phrase = (" as a percentage of " if form == "share" else " divided by ").join(labels)

        def script(ep: CompactEpisode) -> Script:
            first, second = _handles(ep, "c")
            order = f"{first} / {second} {way}"
            return Script((_ask(ep, measures=2, key=key, order=order),), answer="first")

        return _Case({**_base(rng, world), "m": phrase, "h": word}, script, {"c": 2, **kinds})

    return make


def _ratios_of_one_table(world: _World) -> list[tuple[str, str, str, str]]:
    held = {m: {t.name for t, _ in tables} for m, tables in world.measures.items()}
    return [r for r in world.ratios if held[r[1]] & held[r[2]]]


def _compare(rng: random.Random, world: _World) -> _Case:
    word, way = _superlative(rng)
    word = rng.choice((word, {"DESC": "higher", "ASC": "lower"}[way]))

    def script(ep: CompactEpisode) -> Script:
        (measure,) = _handles(ep, "c")
        where = (f"( {' OR '.join(_handles(ep, 'e'))} )", *_handles(ep, "p"))
        ask = Ask((measure,), where, key="company", order=f"{measure} {way}")
        return Script((ask,), answer="first")

    return _Case({**_base(rng, world), "h": word}, script, {"e": 2})


def _two_companies(expression: str) -> Maker:
    def make(rng: random.Random, world: _World) -> _Case:
        flip = expression.startswith("{0} /")

        def script(ep: CompactEpisode) -> Script:
            said = ep.handles.of("e")
            by_name = {ep.handles.resolve(h).value: h for h in said}
            names = [by_name[slots["e"]], by_name[slots["f"]]]
            where = (f"( {names[0]} OR {names[1]} )", *_handles(ep, "p"))
            return Script((Ask(tuple(_handles(ep, "c")), where),), expression)

        slots = _base(rng, world)
        del flip
        return _Case(slots, script, {"e": 2})

    return make


def _across(sector: bool) -> Maker:
    def make(rng: random.Random, world: _World) -> _Case:
        word, aggregate = rng.choice(
            (*_TOTALS, ("highest", "MAX"), ("lowest", "MIN"), ("sum", "SUM"))
        )
        slots = {**_base(rng, world), "w": word, "s": rng.choice(world.sectors)}
        kinds = {"e": 0, "r": int(sector)}
        return _Case(slots, lambda ep: Script((_ask(ep, aggregate=aggregate),)), kinds)

    return make


def _segmented(
    rng: random.Random, world: _World, script: Callable[[CompactEpisode], Script], periods: int
) -> _Case | None:
    if not world.segments:
        return None
    company = rng.choice(list(world.segments))
    said = rng.choice(("revenue", "revenue", "sales", "operating income", "operating profit"))
    slots = {**_base(rng, world), "e": company, "m": said}
    slots["g"] = rng.choice(world.segments[company])
    return _Case(slots, script, {"r": 1, "p": periods})


def _segment(rng: random.Random, world: _World) -> _Case | None:
    return _segmented(rng, world, lambda ep: Script((_ask(ep),), labels=True), 1)


def _segment_growth(rng: random.Random, world: _World) -> _Case | None:
    def script(ep: CompactEpisode) -> Script:
        where = (*_handles(ep, "e"), *_handles(ep, "r"), _two(ep))
        return Script((_ask(ep, where=where),), "( {1} - {0} ) / {0} * 100", labels=True)

    return _segmented(rng, world, script, -1)


def _segment_share(rng: random.Random, world: _World) -> _Case | None:
    def script(ep: CompactEpisode) -> Script:
        whole = _ask(ep, by=("e", "p"), aggregate="SUM")
        return Script((_ask(ep), whole), "{0} / {1} * 100", labels=True)

    return _segmented(rng, world, script, 1)


def _which_segment(rng: random.Random, world: _World) -> _Case | None:
    if not world.segments:
        return None
    case = _ranked("label")(rng, world)
    assert case is not None
    said = rng.choice(("revenue", "revenue", "sales", "operating income", "operating profit"))
    return _Case({**case.slots, "m": said}, case.script, {})


def _unknown(rng: random.Random, world: _World) -> _Case:
    """A measure no table holds."""
    slots = {**_base(rng, world), "m": rng.choice(_UNKNOWN)}

    def script(ep: CompactEpisode) -> Script:
        return Script((Ask(("<c0>",), ()),))

    return _Case(slots, script, {"c": 0})


_CASES: dict[str, Maker] = {
    "lookup": _lookup,
    "latest": _latest,
    "attribute": _attribute,
    "difference": _two_years("{1} - {0}"),
    "growth": _two_years("( {1} - {0} ) / {0} * 100"),
    "ratio": _pair("{0} / {1}"),
    "share": _pair("{0} / {1} * 100"),
    "ratio_named": _ratio_named,
    "ratio_change": _ratio_change,
    "plus": _pair("{0} + {1}"),
    "minus": _pair("{0} - {1}"),
    "average": _over_years("AVG"),
    "sum": _over_years("SUM"),
    "extreme": _extreme,
    "year": _ranked("fiscal_year", p=-1),
    "ranking": _ranked("company", e=0),
    "ranking_sector": _ranked("company", e=0, r=1),
    "ranking_ratio": _ranked_by_ratio("company", e=0),
    "year_ratio": _ranked_by_ratio("fiscal_year", p=-1),
    "across": _across(False),
    "across_sector": _across(True),
    "compare": _compare,
    "gap": _two_companies("{0} - {1}"),
    "times": _two_companies("{0} / {1}"),
    "segment": _segment,
    "segment_growth": _segment_growth,
    "segment_share": _segment_share,
    "which_segment": _which_segment,
    "unknown": _unknown,
}

_APART: dict[str, Maker] = {
    "ratio": _pair("{0} / {1}", apart=True),
    "share": _pair("{0} / {1} * 100", apart=True),
    "ratio_named": _ratio_named_apart,
    "plus": _pair("{0} + {1}", apart=True),
    "minus": _pair("{0} - {1}", apart=True),
}
"""Kinds that can take two tables, drawn so that they mostly do."""
