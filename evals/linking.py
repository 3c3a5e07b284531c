"""How well questions find what they speak of: rows and sentences of pages, names, whole questions.

Three measures: the evidence of FinQA's and TAT-QA's development questions among a page's lines, by
method; generated questions of held-out frames and companies whose plan has every handle it needs,
and none too many; names written in other ways, and names of strangers, which must be taken for
nobody's. No model answers anything here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from evals.intervals import wilson
from specialists import registry
from specialists.foundation.contracts import Value
from specialists.planning import check, clauses
from specialists.task import Fold
from specialists.workspace import evidence, ranking
from specialists.workspace.catalogue import Company
from specialists.workspace.evidence import Asked, Source
from specialists.workspace.lexicon import lexicon
from specialists.workspace.links import Linker
from specialists.workspace.names import company_names
from specialists.workspace.pages import catalogue_of
from specialists.workspace.ranking import LINE_FEATURES, Array, Similarity
from specialists.workspace.synthetic import make_snapshot

Say = Callable[[str], None]
DEPTHS = (1, 3, 5, 10)
SEED = 20_000_081


class Share(Value):
    """How many of so many were right, with Wilson's 95 % interval."""

    name: str
    count: int
    right: int
    low: float
    high: float

    @classmethod
    def of(cls, name: str, marks: Sequence[bool]) -> Share:
        low, high = wilson(sum(marks), len(marks))
        return cls(
            name=name, count=len(marks), right=sum(marks), low=round(low, 4), high=round(high, 4)
        )

    @property
    def share(self) -> float:
        return self.right / self.count if self.count else 0.0


class Rows(Value):
    """One method's showing on one set of pages."""

    source: str
    method: str
    questions: int
    recall: dict[int, Share]
    """By k: pieces of evidence that stand among the first k lines."""
    exact: Share
    """Questions whose n pieces of evidence stand among the first n lines."""
    milliseconds: float
    """For one question, on average."""


class Linking(Value):
    """The whole record."""

    rows: tuple[Rows, ...]
    questions: tuple[Share, ...]
    """``templates, sufficient``: no handle is missing; ``templates, exact``: none is left over
    either."""
    names: tuple[Share, ...]
    """By how a name was written; of strangers, how often nobody was meant."""
    phrases: tuple[Share, ...]
    """Wordings of measures that the candidates' texts do not hold: the measure among the first."""
    seconds: float


def measure(
    data: Path | None,
    *,
    pages: int = 400,
    questions: int = 500,
    names: int = 200,
    encoders: Mapping[str, Similarity] | None = None,
    say: Say = print,
) -> Linking:
    """Measure everything.

    Args:
        data: folder of public data; None leaves the pages out.
        pages: questions of each public set, at most; the same ones for every method.
        questions: generated questions of each held-out fold.
        names: questions for each way of writing a name.
        encoders: by name, what gives the similarity of a question and texts.
    """
    begun = time.perf_counter()
    rows: list[Rows] = []
    sources: tuple[Source, ...] = ("finqa", "tatqa")
    for source in sources if data is not None else ():
        assert data is not None
        asked = list(evidence.read(data, "test", source))
        random.Random(SEED).shuffle(asked)
        for method, order in _methods(encoders or {}).items():
            rows.append(judge(source, method, asked[:pages], order))
            say(as_line(rows[-1]))
    asked, named, said = tuple(generated(questions)), tuple(written(names)), tuple(worded())
    for share in (*asked, *named, *said):
        say(f"{share.name:28} {_told(share)}")
    return Linking(
        rows=tuple(rows),
        questions=asked,
        names=named,
        phrases=said,
        seconds=round(time.perf_counter() - begun, 1),
    )


# --- lines of pages -----------------------------------------------------------------------------

Order = Callable[[Asked], Sequence[int]]
"""A page's lines, the likeliest first."""


def _methods(encoders: Mapping[str, Similarity]) -> dict[str, Order]:
    found: dict[str, Order] = {"links": by_links, "bm25": by_bm25, "ranked": by_rank()}
    for name, similarity in encoders.items():
        found[name] = by_similarity(similarity)
        found[f"ranked + {name}"] = by_rank(similarity)
    return found


def by_links(asked: Asked) -> Sequence[int]:
    """The rows that the linker finds in the question, the surest first; then the page's order."""
    linked = Linker(catalogue_of(asked.lines)).link(asked.question)
    sure: dict[str, float] = {}
    for mention in linked.mentions:
        for label, score in mention.candidates:
            worth = mention.score if label == mention.candidates[0][0] else score * 0.1
            sure[label] = max(sure.get(label, 0.0), worth)
    return _sorted([sure.get(line.text, 0.0) for line in asked.lines])


def by_bm25(asked: Asked) -> Sequence[int]:
    """BM25 over the lines' words, nothing else."""
    features = ranking.line_features(asked.question, asked.lines)
    return _sorted(features[:, LINE_FEATURES.index("bm25_best")])


def by_rank(similarity: Similarity | None = None) -> Order:
    """The fitted ranking, without or with an encoder."""

    def order(asked: Asked) -> Sequence[int]:
        return [r.line for r in ranking.rank(asked.question, asked.lines, similarity)]

    return order


def by_similarity(similarity: Similarity) -> Order:
    """An encoder alone."""

    def order(asked: Asked) -> Sequence[int]:
        return _sorted(similarity(asked.question, [line.told for line in asked.lines]))

    return order


def _sorted(scores: Sequence[float] | Array) -> list[int]:
    return [int(i) for i in np.argsort(-np.asarray(scores, dtype=float), kind="stable")]


def judge(source: str, method: str, asked: Sequence[Asked], order: Order) -> Rows:
    """One method on one set of questions."""
    found: dict[int, list[bool]] = {k: [] for k in DEPTHS}
    exact: list[bool] = []
    begun = time.perf_counter()
    for one in asked:
        place = {line: rank for rank, line in enumerate(order(one))}
        ranks = [min(place[line] for line in group) for group in one.gold]
        for k in DEPTHS:
            found[k] += [rank < k for rank in ranks]
        exact.append(max(ranks) < len(ranks))
    spent = time.perf_counter() - begun
    return Rows(
        source=source,
        method=method,
        questions=len(asked),
        recall={k: Share.of(f"@{k}", marks) for k, marks in found.items()},
        exact=Share.of("exact", exact),
        milliseconds=round(spent / max(len(asked), 1) * 1e3, 2),
    )


def as_line(rows: Rows) -> str:
    """``finqa  ranked   @1 .55  @3 .87  @5 .94  @10 .98  exact .60 [.55, .66] of 400   3.2 ms``."""
    depths = "  ".join(f"@{k} {share.share:.3f}" for k, share in rows.recall.items())
    exact = rows.exact
    return (
        f"{rows.source:6} {rows.method:20} {depths}  exact {exact.share:.3f} "
        f"[{exact.low:.3f}, {exact.high:.3f}] of {exact.count}  {rows.milliseconds:.1f} ms"
    )


# --- whole questions ----------------------------------------------------------------------------

FOLDS: tuple[Fold, ...] = ("templates", "companies")


def generated(count: int) -> Iterator[Share]:
    """Questions whose plan is known: nothing of it lost in linking; nothing linked besides."""
    task = registry.task("planning")
    for fold in FOLDS:
        sufficient: list[bool] = []
        exact: list[bool] = []
        for example in task.examples(fold, count, SEED):
            reply = example.dialogue[-1].content or ""
            held = bool(reply != clauses.NONE or not example.answer.subtasks)
            sufficient.append(held)
            linked = example.inputs.linked
            others = {str(t.value) for _, t in linked.handles.items() if t.kind == "e"}
            over = check.left_out(linked, example.answer)  # companies named in passing apart
            exact.append(
                held and all(o.removeprefix("the plan leaves out ") in others for o in over)
            )
        yield Share.of(f"{fold}, sufficient", sufficient)
        yield Share.of(f"{fold}, exact", exact)


# --- names --------------------------------------------------------------------------------------

_FRAMES = (
    "What was the {m} of {n} in {y}?",
    "How did {n}'s {m} change from {x} to {y}?",
    "{n} {m} {y}",
    "please compare {m} at {n} for {x} and {y}",
    "Tell me, did {n} report more {m} in {y} than in {x}?",
)
Writing = Callable[[random.Random, Company], str]


def _typo(rng: random.Random, company: Company) -> str:
    """One slip of the finger inside the name's first word."""
    head, _, rest = company.name.partition(" ")
    at = rng.randrange(1, max(len(head) - 1, 2))
    kind = rng.randrange(4)
    if kind == 0:
        head = head[:at] + head[at + 1 :]
    elif kind == 1:
        head = head[:at] + head[at] + head[at:]
    elif kind == 2:
        head = head[:at] + head[at : at + 2][::-1] + head[at + 2 :]
    else:
        head = head[:at] + rng.choice("aeiourstn") + head[at + 1 :]
    return f"{head} {rest}".strip()


def _joined(rng: random.Random, company: Company) -> str:
    return "".join(company.name.split()[:2])


WRITINGS: dict[str, Writing] = {
    "whole name": lambda rng, c: c.name,
    "short name": lambda rng, c: c.aliases[0] if c.aliases else c.name,
    "lower case": lambda rng, c: c.name.lower(),
    "upper case": lambda rng, c: c.name.upper(),
    "ticker": lambda rng, c: c.ticker,
    "ticker, lower case": lambda rng, c: c.ticker.lower(),
    "cashtag": lambda rng, c: f"${c.ticker}",
    "name (ticker)": lambda rng, c: f"{c.name} ({c.ticker})",
    "typo": _typo,
    "joined": _joined,
}
STRANGERS = ("stranger", "stranger, lower case", "another's first word")


def written(count: int) -> Iterator[Share]:
    """Names in every writing, and strangers' names; over workspaces of held-out companies."""
    for name, writing in WRITINGS.items():
        yield Share.of(name, [_meant(i, writing) for i in range(count)])
    for kind in STRANGERS:
        yield Share.of(kind, [_nobody(i, kind) for i in range(count)])


_WORLDS: dict[int, tuple[tuple[Company, ...], Linker]] = {}


def _world(number: int) -> tuple[tuple[Company, ...], Linker]:
    seed = SEED + number % 4
    if seed not in _WORLDS:
        catalogue = make_snapshot(seed, split="heldout", companies=30).catalogue
        _WORLDS[seed] = (catalogue.companies, Linker(catalogue))
    return _WORLDS[seed]


def _question(rng: random.Random, linker: Linker, name: str) -> str:
    book = lexicon()
    measures = [k for k in linker.index.concepts if k in book.measures]
    said = rng.choice(book.measures[rng.choice(measures)].spellings)
    years = sorted(rng.sample(range(linker.index.first, linker.index.last + 1), 2))
    return rng.choice(_FRAMES).format(m=said, n=name, x=years[0], y=years[1])


def _meant(number: int, writing: Writing) -> bool:
    """Whether the company is found, and no other."""
    rng = random.Random(f"{SEED}/{number}")
    companies, linker = _world(number)
    company = rng.choice(companies)
    linked = linker.link(_question(rng, linker, writing(rng, company)))
    return {t.value for _, t in linked.handles.items() if t.kind == "e"} == {company.name}


def _nobody(number: int, kind: str) -> bool:
    """Whether a stranger's name is taken for nobody's, and is told as unknown."""
    rng = random.Random(f"{SEED}/{number}/{kind}")
    companies, linker = _world(number)
    if kind == "another's first word":
        known = rng.choice([c for c in companies if len(c.name.split()[0]) > 4])
        trade = rng.choice([t for t in ("Airlines", "Foods", "Motors", "Bank", "Mining")
                            if t not in known.name])  # fmt: skip
        name = f"{known.name.split()[0]} {trade}"
    else:
        name = rng.choice(company_names("train", 60, SEED + number))
        name = name.lower() if kind == "stranger, lower case" else name
    linked = linker.link(_question(rng, linker, name))
    return not linked.handles.of("e") and bool(linked.unknown)


# --- phrases ------------------------------------------------------------------------------------


def worded() -> Iterator[Share]:
    """What the lexicon says besides its synonyms; the candidates' texts hold those alone."""
    _, linker = _world(0)
    book = lexicon()
    held = {**linker.index.nested, **linker.index.derived, **linker.index.concepts}
    entries = (
        *(*book.measures.values(), *book.documents.values()),
        *(*book.ratios.values(), *book.compounds.values()),
    )
    queries = [
        (" ".join(phrase), entry.key)
        for entry in entries
        if entry.key in held or entry.key in book.documents
        for phrase in (*entry.also, *entry.verbs)
    ]
    found = [[c.key for c in linker.candidates(phrase, 5)] for phrase, _ in queries]
    for k in (1, 3, 5):
        marks = [key in keys[:k] for (_, key), keys in zip(queries, found, strict=True)]
        yield Share.of(f"measure among the first {k}", marks)


# --- telling ------------------------------------------------------------------------------------


def markdown(record: Linking) -> str:
    """The record as tables."""
    lines = [
        "| pages | method | recall @1 | @3 | @5 | @10 | exact |",
        "|---|---|---|---|---|---|---|",
    ]
    for rows in record.rows:
        cells = " | ".join(f"{rows.recall[k].share:.3f}" for k in DEPTHS)
        lines.append(f"| {rows.source} | {rows.method} | {cells} | {_told(rows.exact)} |")
    lines += ["", "| generated questions | share |", "|---|---|"]
    lines += [f"| {share.name} | {_told(share)} |" for share in record.questions]
    lines += ["", "| names written as | right |", "|---|---|"]
    lines += [f"| {share.name} | {_told(share)} |" for share in record.names]
    lines += ["", "| a measure in a stranger's words | right |", "|---|---|"]
    lines += [f"| {share.name} | {_told(share)} |" for share in record.phrases]
    return "\n".join(lines)


def _told(share: Share) -> str:
    return f"{share.share:.3f} [{share.low:.3f}, {share.high:.3f}] of {share.count}"
