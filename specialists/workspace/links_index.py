"""What phrases can mean in one workspace: the linker's index, built once per catalogue.

Keys are folded words (``lexicon.words``). It holds names, titles and the lexicon's synonyms of what
the catalogue has; it never holds a number from a table or a word of a document's text.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from specialists.workspace.catalogue import Catalogue, Column, Company, Table
from specialists.workspace.handles import Kind
from specialists.workspace.lexicon import Words, fold, lexicon, words
from specialists.workspace.ranking import Line

Form = Literal["share", "ratio", "sum", "difference"]


@dataclass(frozen=True)
class Measure:
    """A measure, and the columns that hold it, the likeliest first."""

    options: tuple[tuple[str, str], ...]
    """``(table, column)``"""


@dataclass(frozen=True)
class RowKey:
    """A value of a text column that tells rows apart: a segment, a sector, a line."""

    column: str
    value: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Meaning:
    """One thing a phrase can mean."""

    kind: Kind
    value: Any
    label: str
    key: str
    score: float = 1.0
    parts: tuple[Meaning, Meaning] | None = None
    """A ratio, sum or difference told by two measures, each of which may again be one of two;
    ``form`` says which."""
    form: Form | None = None
    cased: bool = False
    """Only where it is written with a capital: an ordinary word otherwise."""
    written: str = ""
    """Only where it is written just so, whatever the case: a ticker."""
    short: bool = False
    """A name cut short, or without its legal form: another word of a name beside it denies it."""
    weak: bool = False
    """A verb: it means this only where its clause names no measure."""

    def leaves(self) -> tuple[Meaning, ...]:
        """The measures it is told by; itself where it is one."""
        if self.parts is None:
            return (self,)
        return (*self.parts[0].leaves(), *self.parts[1].leaves())


_NOTE = re.compile(
    r"\(\s*(?:[a-z]|\d{1,2}|in [^)]*|\$[^)]*|usd[^)]*|note[^)]*)\s*\)|\[[^\]]*\]", re.I
)
_PAREN = re.compile(r"\(([^)]*)\)")
_SWAP = re.compile(r"\b(\w+ (?:by|in|from|for))\s*\((\w+ (?:by|in|from|for))\)", re.I)
_QUIET = frozenset(
    [
        *("the", "of", "and", "in", "on", "for", "to", "by", "a", "an", "from", "at", "with"),
        *("or", "net", "total", "per", "other", "&", "%", "its", "used", "due"),
    ]
)


def variants(title: str) -> Iterator[tuple[Words, float]]:
    """How a line's title is said: whole, without notes, either side of ``… by (used in)``."""
    whole = words(title)
    yield whole, 1.0
    plain = _NOTE.sub(" ", title)
    yield words(plain), 1.0
    swapped = _SWAP.search(plain)
    if swapped:
        yield words(plain.replace(swapped[0], swapped[1])), 0.97
        yield words(plain.replace(swapped[0], swapped[2])), 0.97
    bare = words(_PAREN.sub(" ", plain))
    yield bare, 0.95
    if len(bare) > 1 and bare[-1] == "net":
        yield bare[:-1], 0.95
    if len(bare) > 2 and bare[0] in {"total", "net"}:
        yield bare[1:], 0.85


PAGE = 80
"""Rows of a page, at most, that a question is ranked against."""
_TIME = (
    *("between", "during", "since", "through", "until", "fiscal", "financial", "years", "latest"),
    *(
        "before",
        "earlier",
        "previous",
        "preceding",
        "prior",
        "current",
        "recent",
        "calendar",
        "ended",
        "three",
        "seven",
    ),
)
"""Words that find years, of five letters and more."""
UNHELD = Meaning("v", None, "not held here", "unheld", 0.5)
"""A figure that nothing here holds."""
PLAIN = Meaning("v", None, "plain words", "plain", 0.5)
"""Words that hold a measure's name and mean none."""


class LinkIndex:
    """Phrase -> meanings. Immutable once built."""

    def __init__(self, catalogue: Catalogue, named: Sequence[str] = ()) -> None:
        """
        Args:
            named: companies beside the catalogue's own.
        """
        self._lexicon = lexicon()
        self.phrases: dict[Words, list[Meaning]] = {}
        self.longest: dict[str, int] = {}
        self.children: dict[str, list[tuple[str, str]]] = defaultdict(list)
        """Measure of the whole company -> columns that hold it for a part of the company."""
        self.owner = {table.name: table.company for table in catalogue.tables}
        self._partial: list[tuple[frozenset[str], Meaning]] = []
        self._by_word: dict[str, list[int]] = defaultdict(list)
        years = [year for table in catalogue.tables for year in table.periods]
        years = years or [d.year for d in catalogue.documents if d.year is not None]
        self.first = min(years, default=1900)
        self.last = max(years, default=catalogue.as_of.year - 1)
        concepts = self.concepts = self._columns(catalogue.tables)
        """Measures and attributes of the tables, by the lexicon's key or their own title."""
        self.derived: dict[str, Meaning] = {}
        """Ratios, sums and differences whose two measures are there, by the lexicon's key."""
        self.nested: dict[str, Meaning] = {}
        """Those with a ratio, sum or difference as a part: net debt, EBITDA margin."""
        dated = {table.name for table in catalogue.tables if table.periods}
        self.timeless = frozenset(
            m.label for m in concepts.values() if m.value.options[0][0] not in dated
        )
        """Labels of measures that a table without years holds."""
        self._derived(concepts)
        self._documents(concepts)
        self._row_keys(catalogue.tables)
        measure_words = {word for phrase in self.phrases for word in phrase}
        self._said_besides(concepts)
        for phrase in self._lexicon.unheld:
            row = any(m.kind == "r" for w in phrase for m in self.phrases.get((w,), ()))
            if not row:  # ``online sales`` is held where *Online* is a segment
                self._reserve(phrase, UNHELD)
        for phrase in self._lexicon.plain:
            self._reserve(phrase, PLAIN)
        every_word = {word for phrase in self.phrases for word in phrase}
        companies = _everyone(catalogue, named)
        self.names = self._companies(companies, measure_words)
        """Words of company names: typos in them are mended."""
        self.joined = self._joined(companies)
        """Names of several words written as one."""
        self.seconds = self._seconds(companies)
        self.trades = {
            word
            for company in companies
            for word in words(company.name)[1:]
            if word not in self._lexicon.suffixes and word.isalpha()
        } | self._lexicon.trades
        """Words that companies are called by after their own: *Foods*, *Airlines*."""
        self.page_rows = self._page_rows(catalogue.tables)
        """Labels of rows of tables about one company alone: what a page's question may mean."""
        labels = {c.name for t in catalogue.tables for c in t.columns if c.role == "label"}
        self.lines = {
            phrase
            for phrase, held in self.phrases.items()
            if any(m.kind == "r" and m.value.column in labels for m in held)
        }
        """What tells the rows of a table apart: segments, lines; not sectors."""
        self.terms = measure_words | self._lexicon.vocabulary
        self.known = (
            self.terms
            | every_word
            | self._lexicon.common
            | {fold(w) for w in self._lexicon.common}
            | self._lexicon.suffixes
        )
        self.turns = self._turns(concepts)
        """Measure's key -> the words that make it another one, and that one."""
        self._typo_terms = [w for w in sorted(self.terms) if len(w) >= 5 and w.isalpha()]
        self._typo_names = [w for w in sorted(self.names) if len(w) >= 5 and w.isalpha()]
        self._spelling: dict[str, tuple[str, float]] = {}

    # --- building -------------------------------------------------------------------------------

    def _add(self, phrase: Words, meaning: Meaning) -> None:
        if not phrase:
            return
        known = self.phrases.setdefault(phrase, [])
        if any(m.kind == meaning.kind and m.key == meaning.key for m in known):
            return  # the surer reading was added first
        known.append(meaning)
        if len(phrase) > self.longest.get(phrase[0], 0):
            self.longest[phrase[0]] = len(phrase)

    def _reserve(self, phrase: Words, meaning: Meaning) -> None:
        """Unless a table has it after all."""
        if phrase not in self.phrases:
            self._add(phrase, meaning)

    def _columns(self, tables: tuple[Table, ...]) -> dict[str, Meaning]:
        """Measures and attributes by concept, with their phrases added."""
        found: dict[str, list[tuple[Table, Column]]] = defaultdict(list)
        for table in tables:
            for column in table.columns:
                if column.role == "measure" or (
                    column.role == "attribute" and table.column("company") is not None
                ):
                    found[self._concept(column)].append((table, column))
        terms = {**self._lexicon.measures, **self._lexicon.attributes}
        concepts: dict[str, Meaning] = {}
        extra: dict[str, list[tuple[Words, float]]] = {}
        for key, held in found.items():
            term = terms.get(key)
            if term is not None and term.parent is not None:
                self.children[term.parent] += [(t.name, c.name) for t, c in held]
            if key in self._lexicon.attributes:
                held.sort(key=lambda item: bool(item[0].periods))
            options = tuple(dict.fromkeys((t.name, c.name) for t, c in held))
            label = term.label if term else held[0][1].title or held[0][1].name.replace("_", " ")
            concepts[key] = Meaning("c", Measure(options), label, key)
            extra[key] = [
                item
                for text in dict.fromkeys(
                    t for _, c in held for t in (c.title, c.name, *c.aliases) if t
                )
                for item in variants(text)
            ]
        for strict in (True, False):  # whole titles first: a variant never takes another's title
            for key, meaning in concepts.items():
                for phrase, score in extra[key]:
                    if (score == 1.0) == strict:
                        self._add(phrase, _scored(meaning, score))
        for key, meaning in concepts.items():
            if key in terms:
                for phrase in terms[key].phrases:
                    if phrase in terms[key].verbs:
                        continue
                    if self._lexicon.concepts.get(phrase) == key or phrase not in self.phrases:
                        self._add(phrase, meaning)
            else:
                self._add_partial(extra[key][0][0], meaning)
        return concepts

    def _concept(self, column: Column) -> str:
        if column.name in self._lexicon.measures or column.name in self._lexicon.attributes:
            return column.name
        for text in (column.title, column.name):
            for phrase, score in variants(text):
                key = self._lexicon.concepts.get(phrase)
                if key is not None and score >= 0.95:
                    return key
        return " ".join(words(column.title or column.name)) or column.name

    def _derived(self, concepts: dict[str, Meaning]) -> None:
        entries: list[tuple[str, str, str, Form]] = [
            *((c.key, c.parts[0], c.parts[1], c.kind) for c in self._lexicon.compounds.values()),
            *((r.key, r.numerator, r.denominator, r.kind) for r in self._lexicon.ratios.values()),
        ]
        simple = [e for e in entries if e[1] in concepts and e[2] in concepts]
        for key, one, two, form in simple:
            self._two(key, concepts[one], concepts[two], form, concepts, self.derived)
        held = {**self.derived, **concepts}
        for key, one, two, form in entries:
            if one in held and two in held and key not in held:
                self._two(key, held[one], held[two], form, concepts, self.nested)

    def _two(
        self,
        key: str,
        one: Meaning,
        two: Meaning,
        form: Form,
        concepts: dict[str, Meaning],
        into: dict[str, Meaning],
    ) -> None:
        if key in concepts:
            return
        meaning = Meaning("c", None, key.replace("_", " "), key, parts=(one, two), form=form)
        into[key] = meaning
        entry = self._lexicon.ratios.get(key) or self._lexicon.compounds[key]
        for phrase in entry.phrases:
            self._add(phrase, meaning)

    def _said_besides(self, concepts: dict[str, Meaning]) -> None:
        """What else names a measure, then the verbs that mean it."""
        told = {
            key: self.phrases[term.phrases[0]][0]
            for key, term in self._lexicon.documents.items()
            if key not in concepts and term.phrases[0] in self.phrases
        }
        held = {**told, **self.nested, **self.derived, **concepts}
        book = self._lexicon
        entries = (
            *(*book.measures.values(), *book.attributes.values(), *book.documents.values()),
            *(*book.ratios.values(), *book.compounds.values()),
        )
        verbs = {phrase[0] for entry in entries for phrase in entry.verbs}
        for entry in entries:
            for phrase in entry.also:
                if entry.key in held:
                    self._add(phrase, _scored(held[entry.key], 0.95))
                elif not verbs.isdisjoint(phrase):  # *owe suppliers* is not to *owe*
                    self._reserve(phrase, UNHELD)
        for entry in entries:
            if entry.key in held:
                for phrase in entry.verbs:
                    self._add(phrase, replace(held[entry.key], score=0.75, weak=True))

    def _turns(
        self, concepts: dict[str, Meaning]
    ) -> dict[str, tuple[tuple[frozenset[str], Meaning], ...]]:
        found: dict[str, list[tuple[frozenset[str], Meaning]]] = defaultdict(list)
        for turn in self._lexicon.turns:
            term = self._lexicon.documents.get(turn.into)
            into = concepts.get(turn.into)
            if into is None and term is not None:
                into = Meaning("d", term.label, term.label, term.key)
            if into is not None:
                found[turn.measure].append((turn.words, into))
        return {key: tuple(pairs) for key, pairs in found.items()}

    def _documents(self, concepts: dict[str, Meaning]) -> None:
        for term in self._lexicon.documents.values():
            if term.key not in concepts:
                meaning = Meaning("d", term.label, term.label, term.key)
                for phrase in term.phrases:
                    if phrase not in term.verbs:
                        self._add(phrase, meaning)

    def _row_keys(self, tables: tuple[Table, ...]) -> None:
        where: dict[tuple[str, str], list[str]] = defaultdict(list)
        for table in tables:
            for column in table.columns:
                if column.role in {"label", "attribute"} and column.name != "ticker":
                    for value in column.values:
                        where[column.name, value].append(table.name)
        ordinary = self._lexicon.common
        for (column, value), held in where.items():
            if not re.search(r"[^\W\d_]{2}", value):
                continue
            meaning = Meaning(
                "r", RowKey(column, value, tuple(held)), value, f"{column}={value}".lower()
            )
            for phrase, score in variants(value):
                cased = len(phrase) == 1 and (phrase[0] in ordinary or phrase in self.phrases)
                self._add(phrase, _scored(meaning, score, cased=cased))
            for phrase in self._lexicon.rows.get(words(value), ()):
                cased = len(phrase) == 1 and (phrase[0] in ordinary or phrase in self.phrases)
                self._add(phrase, _scored(meaning, 0.9, cased=cased))
            concept = self._lexicon.concepts.get(words(value))
            if concept is not None and concept in self._lexicon.measures:
                for phrase in self._lexicon.measures[concept].phrases:
                    self._add(phrase, _scored(meaning, 0.9))
            self._add_partial(words(value), meaning)

    def _page_rows(self, tables: tuple[Table, ...]) -> tuple[tuple[Line, Meaning], ...]:
        found: list[tuple[Line, Meaning]] = []
        for table in tables:
            labels = [c for c in table.columns if c.role == "label"]
            if table.column("company") is not None or len(labels) != 1:
                continue
            headers = tuple(c.title for c in table.columns if c.role == "measure")
            for value in labels[0].values:
                row = RowKey(labels[0].name, value, (table.name,))
                key = f"{labels[0].name}={value}".lower()
                found.append((Line(value, headers), Meaning("r", row, value, key)))
        return tuple(found) if len(found) <= PAGE else ()

    def _companies(self, companies: tuple[Company, ...], ordinary: set[str]) -> set[str]:
        heads: Counter[Words] = Counter()
        stripped: dict[str, Words] = {}
        for company in companies:
            name = words(company.name)
            while len(name) > 1 and name[-1] in self._lexicon.suffixes:
                name = name[:-1]
            if len(name) > 1 and name[0] == "the":
                name = name[1:]
            stripped[company.name] = name
            heads.update({name[:n] for n in (1, _pair(name)) if n <= len(name)})
        common = self._lexicon.common | ordinary | self._lexicon.suffixes
        for company in companies:
            meaning = Meaning("e", company.name, company.name, company.name)
            name = stripped[company.name]
            plain = len(name) == 1 and (name[0] in common or len(name[0]) < 3)
            self._add(words(company.name), _scored(meaning, 1.0, cased=plain))
            self._add(name, _scored(meaning, 1.0, cased=plain, short=True))
            for alias in company.aliases:
                phrase = words(alias)
                cased = len(phrase) == 1 and phrase[0] in common
                short = phrase == name[: len(phrase)]  # ``Acme`` of ``Acme Robotics``
                self._add(phrase, _scored(meaning, 1.0, cased=cased, short=short))
            if len(company.ticker) >= 2:
                phrase = words(company.ticker)
                cased = len(company.ticker) < 3 or phrase[0] in common
                ticker = _scored(meaning, 1.0, cased=cased)
                self._add(phrase, replace(ticker, written=company.ticker.lower()))
            for n, score in ((_pair(name), 0.9), (1, 0.85)):
                head = name[:n]
                long = n > 1 or (len(head[0]) >= 4 and head[0] not in common)
                if n < len(name) and heads[head] == 1 and long:
                    self._add(head, _scored(meaning, score, short=True))
            if len(name) >= 3:
                initials = ("".join(word[0] for word in name),)
                self._add(initials, _scored(meaning, 0.7, cased=True))
        return {word for name in stripped.values() for word in name if word not in common}

    def _joined(self, companies: tuple[Company, ...]) -> dict[str, Meaning]:
        found: dict[str, Meaning] = {}
        for company in companies:
            name = re.findall(r"[^\W\d_]+", company.name.lower())
            meaning = Meaning("e", company.name, company.name, company.name, 0.9)
            for count in range(2, len(name) + 1):
                found.setdefault("".join(name[:count]), meaning)
        return {k: m for k, m in found.items() if len(k) >= 7 and (fold(k),) not in self.phrases}

    def _seconds(self, companies: tuple[Company, ...]) -> dict[str, list[tuple[str, Meaning]]]:
        """A name's second word -> its first, and whose it is."""
        found: dict[str, list[tuple[str, Meaning]]] = defaultdict(list)
        for company in companies:
            name = words(company.name)
            if len(name) > 1 and name[1] not in self._lexicon.suffixes:
                meaning = Meaning("e", company.name, company.name, company.name, 0.8)
                found[name[1]].append((name[0], meaning))
        return dict(found)

    def slip(self, word: str, second: str) -> Meaning | None:
        """Whose name begins with ``second`` after a word that ``word`` is a slip of."""
        held = self.seconds.get(second)
        if held is None or len(word) < 3 or self.is_known(word):
            return None
        from rapidfuzz.distance import OSA

        near = [m for head, m in held if head[0] == word[0] and OSA.distance(head, word) == 1]
        return near[0] if len(near) == 1 else None

    def _add_partial(self, phrase: Words, meaning: Meaning) -> None:
        content = frozenset(w for w in phrase if w not in _QUIET and not w.isdigit())
        if len(content) >= 2:
            for word in content:
                self._by_word[word].append(len(self._partial))
            self._partial.append((content, meaning))

    # --- asking ---------------------------------------------------------------------------------

    def spell(self, word: str, written: int = 0) -> tuple[str, float]:
        """The known word an unknown one was meant to be, and how sure; itself if there is none.

        Args:
            written: how many letters it was written with, plural and all.
        """
        if (
            max(len(word), written) < 5
            or len(word) < 4
            or not word.isalpha()
            or word in self.names
            or self.is_known(word)
        ):
            return word, 1.0
        cached = self._spelling.get(word)
        if cached is None:
            cached = self._spelling[word] = self._nearest(word)
        return cached

    def time_word(self, word: str) -> str | None:
        """The word of time that an unknown one was meant to be; None if there is none."""
        if len(word) < 5 or not word.isalpha() or word in self.names or self.is_known(word):
            return None
        key = f"time {word}"
        cached = self._spelling.get(key)
        if cached is None:
            from rapidfuzz import process
            from rapidfuzz.distance import OSA

            hit = process.extractOne(word, _TIME, scorer=OSA.distance, score_cutoff=1)
            fits = hit is not None and hit[0][0] == word[0]
            cached = self._spelling[key] = (hit[0] if hit is not None and fits else word, 1.0)
        return None if cached[0] == word else cached[0]

    def is_known(self, word: str) -> bool:
        """Whether a word is ordinary or a measure's, in this form or without its ending."""
        return word in self.known or any(stem in self.known for stem in _stems(word))

    def _nearest(self, word: str) -> tuple[str, float]:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        reach = 1 if len(word) < 8 else 2
        best, distance = word, reach + 1
        for pool in (self._typo_names, self._typo_terms):
            hit = process.extractOne(word, pool, scorer=OSA.distance, score_cutoff=reach)
            if hit is None or hit[0][0] != word[0]:
                continue
            swapped = len(hit[0]) == len(word) and sorted(hit[0]) != sorted(word)
            if hit[1] < distance and not (len(word) == 5 and swapped):  # stack is no Snacks
                best, distance = hit[0], int(hit[1])
        return best, 1.0 if distance > reach else 0.9 - 0.1 * (distance - 1)

    def partial(self, run: Words) -> list[tuple[int, int, float, Meaning]]:
        """Lines whose title shares most of its telling words with part of a run of words.

        Returns ``(start, end, score, meaning)`` in the run, the best first.
        """
        if not self._partial or not any(w in self._by_word for w in run):
            return []
        found: list[tuple[int, int, float, Meaning]] = []
        seen: set[int] = {i for w in run for i in self._by_word.get(w, ())}
        total = len(self._partial)
        for number in seen:
            content, meaning = self._partial[number]
            places = [k for k, w in enumerate(run) if w in content]
            weight = {w: math.log(1 + total / len(self._by_word[w])) for w in content}
            whole = sum(weight.values())
            best, window = 0.0, (0, 0)
            for i, start in enumerate(places):
                for last in places[i + 1 :]:
                    inside = {w for w in run[start : last + 1] if w in content}
                    telling = sum(w not in _QUIET for w in run[start : last + 1])
                    score = sum(weight[w] for w in inside) / whole * len(inside) / telling
                    enough = len(inside) > 1 and score >= (0.6 if len(inside) < 3 else 0.5)
                    if enough and score > best:
                        best, window = score, (start, last + 1)
            if best:
                found.append((*window, best * 0.9, meaning))
        return sorted(found, key=lambda f: -f[2])


@lru_cache(maxsize=16384)
def _stems(word: str) -> tuple[str, ...]:
    """A word without its ending: ``counting`` -> ``count``, ``budgeted`` -> ``budget``."""
    found: list[str] = []
    for ending in ("ing", "ed", "er", "est", "ly"):
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) >= 3:
            found += [stem, f"{stem}e", stem[:-1] if stem[-1] == stem[-2] else stem]
            found += [f"{stem[:-1]}y"] if stem.endswith("i") else []
    return tuple(found)


def _everyone(catalogue: Catalogue, named: Sequence[str]) -> tuple[Company, ...]:
    """The catalogue's companies, and those that only a table or a document is about."""
    known = {c.name for c in catalogue.companies}
    about = [
        *(t.company for t in catalogue.tables),
        *(d.company for d in catalogue.documents),
        *named,
    ]
    others = dict.fromkeys(n for n in about if n and n not in known)
    return (*catalogue.companies, *(Company(name=n) for n in others))


def _pair(name: Words) -> int:
    """How many words of a name make its first two: ``Osric & Dane`` are three."""
    return 3 if len(name) > 2 and name[1] == "&" else 2


def _scored(meaning: Meaning, score: float, *, cased: bool = False, short: bool = False) -> Meaning:
    if score == meaning.score and not cased and not short:
        return meaning
    return replace(meaning, score=score, cased=cased, short=short)
