"""The finance lexicon: what analysts call a measure, a ratio, a figure that only documents tell.

It holds words, not data: which of them a workspace has is the linker's business (``links.py``).
Phrases are compared word by word, lower case, with plurals folded (``words``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

Words = tuple[str, ...]

_WORD = re.compile(r"'s\b|[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")
_SILENT = frozenset({",", ".", "-", "'", "(", ")", '"', "–", "—", ":", ";", "*", "$", "_", "/"})


@dataclass(frozen=True)
class Term:
    """A measure, an attribute or a document-only figure, with everything people call it."""

    key: str
    label: str
    phrases: tuple[Words, ...]
    spellings: tuple[str, ...]
    """The phrases as people write them."""
    unit: str = ""
    parent: str | None = None
    """The measure of the whole company that this one is a part of."""
    also: tuple[Words, ...] = ()
    """What names it besides, words before it included; examples are not made with these."""
    verbs: tuple[Words, ...] = ()
    """What means it where no measure is named: ``how much did Acme earn``."""


@dataclass(frozen=True)
class Ratio:
    """Two measures, one over the other; either may be a compound."""

    key: str
    numerator: str
    denominator: str
    kind: Literal["share", "ratio"]
    phrases: tuple[Words, ...]
    spellings: tuple[str, ...]
    also: tuple[Words, ...] = ()
    verbs: tuple[Words, ...] = ()


@dataclass(frozen=True)
class Compound:
    """Two measures added, or the second taken from the first; either may be a compound."""

    key: str
    parts: tuple[str, str]
    kind: Literal["sum", "difference"]
    phrases: tuple[Words, ...]
    spellings: tuple[str, ...]
    also: tuple[Words, ...] = ()
    verbs: tuple[Words, ...] = ()


@dataclass(frozen=True)
class Turn:
    """A measure that another word of its clause makes a different one: *cash* that is *burned*."""

    measure: str
    into: str
    words: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """All sections of ``lexicon.toml``."""

    measures: Mapping[str, Term]
    attributes: Mapping[str, Term]
    documents: Mapping[str, Term]
    ratios: Mapping[str, Ratio]
    compounds: Mapping[str, Compound]
    concepts: Mapping[Words, str]
    """Phrase -> key of the measure or attribute it names; the earlier entry wins."""
    unheld: tuple[Words, ...]
    """Figures that are asked for and that nothing here holds."""
    plain: tuple[Words, ...]
    """Words that hold a measure's name and mean none."""
    turns: tuple[Turn, ...]
    rows: Mapping[Words, tuple[Words, ...]]
    """Values of text columns -> what people call them."""
    common: frozenset[str]
    suffixes: frozenset[str]
    trades: frozenset[str]
    """Words of companies' names that say what they do."""
    vocabulary: frozenset[str]
    """Every word any phrase holds, folded."""


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """A lower-case word without its plural: ``liabilities`` -> ``liability``; ``and`` is ``&``."""
    if word == "and":
        return "&"
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1]


@lru_cache(maxsize=65536)
def words(text: str) -> Words:
    """A text's folded words, without silent punctuation and possessives."""
    found = _WORD.findall(text.lower().replace("’", "'").replace("_", " "))
    return tuple(fold(w) for w in found if w not in _SILENT and w != "'s")


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that ships with the project."""
    data = tomllib.loads((Path(__file__).parent / "lexicon.toml").read_text(encoding="utf-8"))
    measures, attributes, documents = (
        _terms(data[section]) for section in ("measures", "attributes", "documents")
    )
    ratios = {
        k: Ratio(k, v["numerator"], v["denominator"], v["kind"], *_said(v))
        for k, v in data["ratios"].items()
    }
    compounds = {
        k: Compound(k, (v["parts"][0], v["parts"][1]), v["kind"], *_said(v))
        for k, v in data["compounds"].items()
    }
    concepts: dict[Words, str] = {}
    for term in (*measures.values(), *attributes.values()):
        for phrase in (words(term.key), *term.phrases):
            concepts.setdefault(phrase, term.key)
    entries = (*measures.values(), *attributes.values(), *documents.values())
    every = [p for t in (*entries, *ratios.values(), *compounds.values()) for p in t.phrases]
    return Lexicon(
        measures=measures,
        attributes=attributes,
        documents=documents,
        ratios=ratios,
        compounds=compounds,
        concepts=concepts,
        unheld=tuple(words(p) for p in data["unheld"]["phrases"]),
        plain=tuple(words(p) for p in data["plain"]["phrases"]),
        turns=tuple(
            Turn(t["measure"], t["into"], frozenset(fold(w) for w in t["words"]))
            for t in data["turns"]
        ),
        rows={words(k): tuple(words(p) for p in v) for k, v in data["rows"].items()},
        common=frozenset(data["words"]["common"].split()),
        suffixes=frozenset(data["words"]["suffixes"]),
        trades=frozenset(fold(w) for w in data["words"]["trades"].split()),
        vocabulary=frozenset(w for p in every for w in p),
    )


def _said(
    entry: Mapping[str, Any],
) -> tuple[tuple[Words, ...], tuple[str, ...], tuple[Words, ...], tuple[Words, ...]]:
    """Phrases, spellings, what else names it, and verbs."""
    synonyms: list[str] = entry["synonyms"]
    return (
        _unique(synonyms),
        tuple(synonyms),
        _unique(entry.get("also", ())),
        _unique(entry.get("verbs", ())),
    )


def _unique(texts: Iterable[str]) -> tuple[Words, ...]:
    return tuple(dict.fromkeys(words(t) for t in texts))


def _terms(section: Mapping[str, Any]) -> dict[str, Term]:
    found: dict[str, Term] = {}
    for key, v in section.items():
        phrases, spellings, also, verbs = _said(v)
        found[key] = Term(
            key, v["label"], phrases, spellings, v.get("unit", ""), v.get("parent"), also, verbs
        )
    return found
