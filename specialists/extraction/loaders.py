"""Public passages with an asked figure, as examples; read from a folder, never from the network.

``tatqa`` (CC BY 4.0): questions answered by one figure of a paragraph, asked for at most one year;
its dev file is the test part. ``finqa`` (MIT): one-step questions on a change between two years
whose program names both figures and whose text holds them; dev is the test part. To learn from, the
pages of both give more: what their sentences and run-together tables tell by their form
(``filings.py``), and the same asked for a year or a measure that they do not tell. ``sec_ner`` (CC
BY 3.0): sentences of agreements, which tell none of the measures that are asked; a fifth is the
test part.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from specialists.extraction.check import NOT_FOUND, ExtractionAnswer, same_amount
from specialists.extraction.filings import cells, told
from specialists.extraction.measures import clues, concept, dressed, measures
from specialists.extraction.metrics import METRICS
from specialists.extraction.render import LONGEST, ExtractionInputs
from specialists.extraction.years import years
from specialists.foundation.errors import AnswerError
from specialists.task import Example
from specialists.workspace.lexicon import words
from specialists.workspace.numbers import Number, scan

if TYPE_CHECKING:
    from specialists.extraction.task import ExtractionTask

Part = Literal["train", "test"]
"""train is for training/; test is real wording never trained on."""


@dataclass(frozen=True)
class Asked:
    """A passage, what is asked, and where the figure stands (None: it is not told)."""

    text: str
    metric: str
    year: int | None
    """Asked; None: no year is asked for."""
    place: Number | None
    entity: str = ""
    told: int | None = None
    """The figure's year, where none is asked for and the passage tells one."""


def load(
    task: ExtractionTask,
    root: Path,
    part: Part,
    sources: Sequence[str] = ("tatqa", "finqa", "sec_ner"),
) -> Iterator[Example[ExtractionInputs, ExtractionAnswer]]:
    """Examples of public data below ``root`` (``$FINROUTE_DATA``).

    Raises:
        FileNotFoundError: the folder lacks a source's file.
    """
    for source in sources:
        for number, asked in enumerate(SOURCES[source](root, part)):
            inputs = ExtractionInputs(
                text=asked.text, metric=asked.metric, entity=asked.entity, year=asked.year
            )
            answer = _answer(inputs, asked)
            try:
                dialogue = task.solved(inputs, answer)
            except AnswerError:  # the rendering does not see the figure or the year
                continue
            yield Example(
                id=f"{source}/{part}/{number}",
                inputs=inputs,
                answer=answer,
                dialogue=dialogue,
                fold="train" if part == "train" else "templates",
                company=asked.entity,
                template=source,
                source=source,
            )


def _answer(inputs: ExtractionInputs, asked: Asked) -> ExtractionAnswer:
    if asked.place is None:
        return NOT_FOUND
    quantity = dressed(asked.place, inputs.metric, inputs.text)
    return ExtractionAnswer(
        found=True,
        metric=inputs.metric,
        entity=inputs.entity,
        period=asked.year if asked.year is not None else asked.told,
        value=quantity.value,
        unit=quantity.unit,
        scale=quantity.scale,
        start=asked.place.start,
        end=asked.place.end,
    )


# --- TAT-QA ---------------------------------------------------------------------------------------


def tatqa(root: Path, part: Part) -> Iterator[Asked]:
    """Questions on paragraphs whose answer is one figure, for one fiscal year."""
    for question, answer, paragraphs in _tatqa_rows(root / "tatqa", part):
        metric, year = reworded(question)
        given = scan(answer)
        dateless = year is None and _YEAR.search(question) is None and part == "train"
        if not metric or len(given) != 1 or given[0].is_year or len(answer) > 28:
            continue
        if year is None and not dateless:
            continue
        for paragraph in paragraphs:
            asked = _placed(paragraph, metric, year, given[0])
            if asked is not None:
                yield asked
                break
    if part == "train":
        rows = _lines(root / "tatqa" / "train_partial_ctx.jsonl")
        texts = (text for row in rows for name, text in _chunks(row) if not name.endswith("_table"))
        yield from _stated(dict.fromkeys(texts))


def _tatqa_rows(folder: Path, part: Part) -> Iterator[tuple[str, str, list[str]]]:
    if part == "test":
        for page in json.loads((folder / "tatqa_dataset_dev.json").read_text(encoding="utf-8")):
            by_order = {str(p["order"]): p["text"] for p in page["paragraphs"]}
            for row in page["questions"]:
                span = row["answer_type"] == "span" and row["answer_from"] == "text"
                if span and len(row["answer"]) == 1:
                    told = [by_order[k] for k in row["rel_paragraphs"] if k in by_order]
                    yield row["question"], row["answer"][0], told
        return
    for row in _lines(folder / "train_partial_ctx.jsonl"):
        by_id = dict(_chunks(row))
        quoted = [e["chunk_id"] for e in row["evidence"] if e["quote"].strip() in row["answer"]]
        told = [by_id[k] for k in quoted if k in by_id and not k.endswith("_table")]
        yield row["question"], row["answer"], told


def _chunks(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The paragraphs and tables of a training row, by their ids."""
    parts = re.split(r"\n*\[([0-9a-f]+(?:_table)?)\] type=(?:text|table)\n", row["contexts"])
    return list(zip(parts[1::2], parts[2::2], strict=False))


_QUESTION = re.compile(
    r"^\s*(?:what|how much|how many)\s+(?:(?:was|were|is|are|did)\s+)?(?:the\s+|its\s+)?"
    r"(?:company['’]?s\s+)?(?:total\s+)?(?:amounts?\s+of\s+|value\s+of\s+)?(?P<metric>.+?)\s*\?*\s*$",
    re.IGNORECASE,
)
_YEAR = re.compile(
    r",?\s*(?:(?:in|for|as of|as at|at|during|by|of|on)\s+)?(?:the\s+)?(?:(?:fiscal|financial)\s+)?"
    r"(?:years?\s+)?(?:ended\s+|ending\s+)?(?:on\s+)?(?:[A-Z][a-z]+\s+\d{1,2}\s*,\s*|\d{1,2}\s+[A-Z][a-z]+\s+)?"
    r"(?<!\d)((?:19|20)\d\d)(?!\d)"
)


def reworded(question: str) -> tuple[str, int | None]:
    """``What was the rent expense in 2019?`` → ``("rent expense", 2019)``; None: not one year."""
    told = {int(y) for y in _YEAR.findall(question)}
    match = _QUESTION.match(_YEAR.sub("", question))
    metric = " ".join(match["metric"].split()).strip(" ,") if match else ""
    return metric, told.pop() if len(told) == 1 else None


def _placed(paragraph: str, metric: str, year: int | None, given: Number) -> Asked | None:
    """The passage around the figure, if the paragraph holds it once and speaks of the year.

    Where no year is asked, it must speak of one at most.
    """
    found = [n for n in scan(paragraph) if same_amount(n.quantity, given.quantity)]
    if len(found) != 1:
        return None
    first = max(0, min(found[0].start - LONGEST // 2, len(paragraph) - LONGEST))
    while first > 0 and paragraph[first - 1] not in " \n":
        first += 1
    text = paragraph[first : first + LONGEST]
    place = next((n for n in scan(text) if same_amount(n.quantity, given.quantity)), None)
    spoken = {y for _, _, y in years(text, None)}
    if place is None or (year not in spoken if year is not None else len(spoken) > 1):
        return None
    return Asked(text, metric, year, place, told=None if year else next(iter(spoken), None))


def _stated(texts: Iterable[str]) -> Iterator[Asked]:
    """What texts tell by their form; some of it asked for a year or a measure they do not tell."""
    other = "goodwill"
    for text in texts:
        for fact in (*told(text), *cells(text)):
            digest = int(hashlib.sha256(f"{fact.metric}{fact.place}".encode()).hexdigest(), 16)
            if _TABLE.search(fact.text) and digest % 2:  # tables are many
                continue
            spoken = {y for _, _, y in years(fact.text, None)}
            if digest % 9 == 1:
                later = max(spoken | {fact.year}) + 1 + digest // 9 % 3
                yield Asked(fact.text, fact.metric, later, None)
            elif digest % 9 == 2 and all(
                key != concept(other) for *_, key in measures(fact.text, other)
            ):
                yield Asked(fact.text, other, fact.year, None)
            else:
                yield Asked(fact.text, fact.metric, fact.year, fact.place)
            other = fact.metric


# --- FinQA ----------------------------------------------------------------------------------------

_MARKS = re.compile(r"\[finqa\w*\] type=\w+\s*|\b(?:text|table)_\d+: ?")
"""What the rows put before each sentence and each line of a table."""

_TABLE = re.compile(r"(?:19|20)\d\d is [^;]{1,30} ;")
"""A table told in words."""

_CHANGE = re.compile(
    r"(?:change|increase|decrease|growth|decline|difference)(?: rate)? (?:in|of|for) (?:the )?"
    r"(?P<metric>.+?) (?:from|between) (?:fiscal )?(?P<first>(?:19|20)\d\d)"
    r" (?:to|and) (?:fiscal )?(?P<last>(?:19|20)\d\d)",
    re.IGNORECASE,
)
_SUBTRACT = re.compile(r"^subtract\((-?[\d.]+), (-?[\d.]+)\)")


def finqa(root: Path, part: Part) -> Iterator[Asked]:
    """Both figures of a change between two years, where one sentence of the page tells them."""
    if part == "train":
        rows = _lines(root / "finqa" / "train_partial_goldctx.jsonl")
        yield from _stated(dict.fromkeys(_MARKS.sub("\n", row["contexts"]) for row in rows))
    name = "train_sample_98.jsonl" if part == "train" else "dev.jsonl"
    for row in _lines(root / "finqa" / name):
        question = _CHANGE.search(row["question"])
        program = _SUBTRACT.match(row["program"])
        if not question or not program:
            continue
        later, earlier = float(program[1]), float(program[2])
        first, last = sorted((int(question["first"]), int(question["last"])))
        for sentence in re.split(r"(?<= \.) ", f"{row['pre_text']} {row['post_text']}"):
            numbers = scan(sentence)
            places = [
                next((n for n in numbers if abs(n.quantity.value) == abs(value)), None)
                for value in (later, earlier)
            ]
            told = {y for _, _, y in years(sentence, None)}
            if None in places or not {first, last} <= told or len(sentence) > LONGEST:
                continue
            for year, place in zip((last, first), places, strict=True):
                yield Asked(sentence, question["metric"].strip(), year, place)
            break


# --- SEC NER --------------------------------------------------------------------------------------


def sec_ner(root: Path, part: Part) -> Iterator[Asked]:
    """Sentences of agreements with figures in them, asked for a measure they do not speak of."""
    metrics = sorted(METRICS)
    for tokens, tags in tagged(root / "sec_ner" / "FIN5.txt"):
        text = " ".join(tokens)[:LONGEST]
        digest = int(hashlib.sha256(text.encode()).hexdigest(), 16)
        if (digest % 5 == 1) != (part == "test") or len(tokens) < 12:
            continue
        metric = METRICS[metrics[digest // 5 % len(metrics)]][3][0]
        if not clues(metric).isdisjoint(words(text)):
            continue
        parties = [t for t, tag in zip(tokens, tags, strict=True) if tag == "I-ORG"]
        yield Asked(text, metric, None, None, entity=parties[0] if parties else "")


def tagged(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Sentences of a CoNLL file as tokens and entity tags."""
    tokens: list[str] = []
    tags: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[0] != "-DOCSTART-":
            tokens.append(fields[0])
            tags.append(fields[-1])
        elif tokens:
            yield tokens, tags
            tokens, tags = [], []
    if tokens:
        yield tokens, tags


SOURCES: dict[str, Callable[[Path, Part], Iterator[Asked]]] = {
    "tatqa": tatqa,
    "finqa": finqa,
    "sec_ner": sec_ner,
}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
