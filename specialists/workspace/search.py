"""Full-text search over documents: BM25 by tantivy, on disk with a version or in memory.

A query is words, never a query language: nothing a person or a model writes can fail to parse. It
is not semantic search, and it returns ids; the texts are in the snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specialists.workspace.catalogue import Company, Document
from specialists.workspace.snapshot import Snapshot

if TYPE_CHECKING:
    import tantivy

MAX_TERMS = 48
"""Words of a query that count; the rest is ignored."""
_TITLE_WEIGHT = 1.5
_OWNER_WEIGHT = 0.6
"""Added when the company asked for is the document's own, and not merely mentioned."""
_STOP_WORDS = (
    "a an and are as at be been but by did do does for from had has have how in into is it its "
    "many much of on or that the their there these they this to was we were what when where which "
    "who why will with would you your about tell me please give show"
)
_STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True)
class Hit:
    """A document found. ``score`` is BM25's: comparable within one query only."""

    document: str
    score: float


class SearchIndex:
    """An index over documents. Reading is safe from many threads and processes."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._searcher = index.searcher()

    @classmethod
    def build(
        cls,
        documents: Iterable[Document],
        companies: Sequence[Company] = (),
        folder: Path | None = None,
    ) -> SearchIndex:
        """Index documents, in ``folder`` (created) or in memory.

        Args:
            companies: whose mentions in the texts make a document found under their name too.
        """
        import tantivy

        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        index = tantivy.Index(_schema(), path=None if folder is None else str(folder), reuse=False)
        writer = index.writer(heap_size=32_000_000, num_threads=1)
        find = _mentions(companies)
        for document in documents:
            about = {document.company} if document.company else set[str]()
            fields = tantivy.Document(
                id=document.id,
                # A headline is its own title: said once, or short headlines would outweigh prose.
                title="" if document.title == document.text else document.title,
                text=document.text,
                owner=_key(document.company or ""),
                company=[
                    _key(n) for n in sorted(about | find(f"{document.title} {document.text}"))
                ],
                kind=document.kind,
                published=document.published.toordinal(),
            )
            if document.year is not None:
                fields.add_integer("year", document.year)
            writer.add_document(fields)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index)

    @classmethod
    def open(cls, folder: Path) -> SearchIndex:
        """The index stored in a version's folder."""
        import tantivy

        return cls(tantivy.Index.open(str(folder)))

    def search(
        self,
        query: str,
        *,
        company: str | None = None,
        year: int | None = None,
        kind: str | None = None,
        as_of: date | None = None,
        limit: int = 5,
    ) -> list[Hit]:
        """The best documents for a query's words, best first; equal scores in the order of ids.

        A query without any telling word finds what the filters leave, newest first.

        Args:
            company: only documents about or mentioning it (its name, case ignored). Words that the
                filters say already are not searched again.
            as_of: only documents published by then.
        """
        import tantivy

        if limit < 1:
            return []
        both, schema = tantivy.Query, _schema()
        must: list[tuple[Any, Any]] = []
        for name, value in (("company", company and _key(company)), ("kind", kind), ("year", year)):
            if value is not None:
                must.append((tantivy.Occur.Must, _quiet(both.term_query(schema, name, value))))
        if as_of is not None:
            upto = both.range_query(
                schema, "published", tantivy.FieldType.Integer, None, as_of.toordinal()
            )
            must.append((tantivy.Occur.Must, _quiet(upto)))
        said = f"{company or ''} {'' if year is None else year}"
        known = set(self.terms(said))
        terms = [t for t in self.terms(query) if t not in known] or self.terms(query)
        if not terms:
            return self._newest(must or [(tantivy.Occur.Must, both.all_query())], limit)
        words: list[tuple[Any, Any]] = []
        for term in terms:
            words.append((tantivy.Occur.Should, both.term_query(schema, "text", term)))
            title = both.boost_query(both.term_query(schema, "title", term), _TITLE_WEIGHT)
            words.append((tantivy.Occur.Should, title))
        must.append((tantivy.Occur.Must, both.boolean_query(words)))
        if company is not None:
            owner = both.const_score_query(
                both.term_query(schema, "owner", _key(company)), _OWNER_WEIGHT
            )
            must.append((tantivy.Occur.Should, owner))
        found = self._searcher.search(both.boolean_query(must), limit + 16).hits
        hits = [Hit(self._id(address), float(score)) for score, address in found]
        return sorted(hits, key=lambda h: (-h.score, h.document))[:limit]

    def terms(self, query: str) -> list[str]:
        """The stemmed words of a query that count, without repeats."""
        words = [w for w in re.findall(r"\w+", query.lower()) if w not in _STOP]
        stems = (s for w in words for s in self._analyzer.analyze(w))
        return list(dict.fromkeys(stems))[:MAX_TERMS]

    @cached_property
    def _analyzer(self) -> tantivy.TextAnalyzer:
        import tantivy

        builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        return (
            builder.filter(tantivy.Filter.remove_long(40))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )

    def _newest(self, must: list[tuple[Any, Any]], limit: int) -> list[Hit]:
        import tantivy

        query = tantivy.Query.boolean_query(must)
        found = self._searcher.search(query, limit, order_by_field="published").hits
        return [Hit(self._id(address), 0.0) for _, address in found]

    def _id(self, address: Any) -> str:
        return self._searcher.doc(address)["id"][0]


_KEPT: dict[str, SearchIndex] = {}
_MOST_KEPT = 8


def index_of(snapshot: Snapshot) -> SearchIndex:
    """A snapshot's index: the stored one, else built in memory; the last few are kept by digest."""
    found = _KEPT.pop(snapshot.digest, None) if snapshot.digest else None
    if found is None and snapshot.index is not None:
        found = SearchIndex.open(snapshot.index)
    elif found is None:
        found = SearchIndex.build(snapshot.documents, snapshot.catalogue.companies)
    if snapshot.digest:
        _KEPT[snapshot.digest] = found
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
    return found


@lru_cache(maxsize=1)
def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in ("title", "text"):
        builder.add_text_field(name, tokenizer_name="en_stem")
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    for name in ("owner", "company", "kind"):
        builder.add_text_field(name, tokenizer_name="raw")
    builder.add_integer_field("year", indexed=True)
    builder.add_integer_field("published", indexed=True, fast=True)
    return builder.build()


def _quiet(query: Any) -> Any:
    """A filter: it decides, but adds nothing to the score."""
    import tantivy

    return tantivy.Query.const_score_query(query, 0.0)


def _key(company: str) -> str:
    return " ".join(company.lower().split())


def _mentions(companies: Sequence[Company]) -> Any:
    """A function from a text to the names of the companies it mentions."""
    names = {_key(n): c.name for c in companies for n in (c.name, *c.aliases) if len(n) > 2}
    if not names:
        return lambda text: set[str]()
    longest = sorted(names, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest)) + r")(?!\w)", re.I)

    def find(text: str) -> set[str]:
        return {names[_key(found)] for found in pattern.findall(text)}

    return find
