"""Questions with a known answer, for the ranker of calculation programs: where they come from.

FinQA's training questions over their evidence, FinQA's training pages whole, TAT-QA's training
questions with a number for an answer, and examples of our own generator. A question whose answer
no short program reaches teaches nothing and is left out. Test parts are never read.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.calculation import candidates, features, page, second
from specialists.calculation.candidates import TEMPLATES, Candidates
from specialists.calculation.features import Array, Features
from specialists.calculation.page import Page
from specialists.calculation.ranker import shortened
from specialists.calculation.task import CalculationTask

GENERATED = 2000
"""Examples of our own generator that are tried."""
LONGEST = 20
"""Numbers of a page that programs are tried over, at most."""
WRONG = 1000
"""Wrong candidates of a question that are kept, at most."""
MIXED = 0.6
"""Share of FinQA's questions that are asked again among other questions' lines."""
_RATIOS = [TEMPLATES.index(name) for name in candidates.RATIOS]


@dataclass(frozen=True)
class Question:
    """A question with its answer, before any program is tried."""

    source: str
    group: str
    """Questions of one page, or in the same words, are never split between learning and
    measuring."""
    page: Page
    gold: float | str
    asks: str = "calculation"
    near: float = 6e-6
    """How far a program's value may be off, at most."""
    percent: bool = False
    """Whether gold is told in percent where a program gives the fraction."""
    weight: float = 1.0


@dataclass(frozen=True)
class Case:
    """A question, its candidates and those of them that come to its answer."""

    question: Question
    page: Page
    read: Features
    made: Candidates
    known: NDArray[np.intp]
    """Indices of the candidates that come to the answer."""
    stands_for: float = 1.0
    """How many wrong candidates each one kept stands for."""


def case(question: Question, relevance: Array) -> Case | None:
    """A case, or None where no candidate comes to the answer."""
    asked, leading = shortened(question.page, relevance, LONGEST)
    made = candidates.of(asked, question.asks, leading)
    known = matching(made, question)
    if not len(known):
        return None
    wrong = np.setdiff1d(np.arange(len(made.value)), known)
    share = max(1.0, len(wrong) / WRONG)
    if share > 1.0:
        dice = np.random.default_rng(len(question.page.question))
        wrong = dice.choice(wrong, WRONG, replace=False)
    kept = made.only(np.concatenate([known, wrong]))
    return Case(question, asked, features.of(asked), kept, np.arange(len(known)), share)


def matching(made: Candidates, question: Question) -> NDArray[np.intp]:
    """The candidates that come to a question's answer."""
    words = made.template == TEMPLATES.index("greater(a, b)")
    gold = question.gold
    if isinstance(gold, str):
        return np.flatnonzero(words & (made.value == float(gold == "yes")))
    value = made.value
    if question.percent:
        value = np.where(np.isin(made.template, _RATIOS), value * 100, value)
    return np.flatnonzero(~words & (np.abs(value - gold) <= max(question.near, 1e-6 * abs(gold))))


def questions(data: Path, seed: int) -> Iterator[Question]:
    """Every training question, evidence before mixed and whole pages."""
    evidence = list(finqa(data))
    yield from evidence
    yield from mixed(evidence, seed)
    yield from tatqa(data)
    yield from generated(seed)


def finqa(data: Path) -> Iterator[Question]:
    """FinQA's training questions: over gold evidence, and 98 of them over the whole page too."""
    seen: set[str] = set()
    for record in _records(data / "finqa/train_partial_goldctx.jsonl"):
        context = record["contexts"].partition("\n")[2]
        if record["question"] not in seen:
            seen.add(record["question"])
            asked = page.told(record["question"], context)
            yield Question("finqa", context, asked, _gold(record["answer"]))
    for record in _records(data / "finqa/train_sample_98.jsonl"):
        group = record["id"].rpartition("-")[0]
        gold = _gold(record["exe_ans"])
        whole = page.finqa(record)
        yield Question("finqa page", group, whole, gold)
        if record["question"] not in seen:
            told = " ".join(f"{name}: {text}" for name, text in record["gold_inds"].items())
            yield Question("finqa", group, page.told(record["question"], told), gold)


def mixed(evidence: list[Question], seed: int) -> Iterator[Question]:
    """FinQA's questions over their evidence among lines of other questions: pages to search in."""
    dice = random.Random(seed)
    pool = [q for q in evidence if q.source == "finqa"]
    for question in pool:
        if dice.random() > MIXED:
            continue
        others = dice.sample(pool, 6)
        lines = [*question.page.lines[:-1]]
        numbers = [n for n in question.page.numbers if n.kind != "question"]
        for other in others:
            if other.group == question.group:
                continue
            some = [i for i in range(len(other.page.lines) - 1)]
            for i in dice.sample(some, min(2, len(some))):
                numbers += [replace(n, line=len(lines)) for n in other.page.numbers if n.line == i]
                lines.append(other.page.lines[i])
        order = list(range(len(lines)))
        dice.shuffle(order)
        at = {old: new for new, old in enumerate(order)}
        numbers = sorted(
            (replace(n, line=at[n.line]) for n in numbers), key=lambda n: (n.line, n.place)
        )
        asked = [replace(n, line=len(lines)) for n in question.page.numbers if n.kind == "question"]
        made = Page(
            question.page.question,
            (*(lines[i] for i in order), question.page.lines[-1]),
            (*numbers, *asked),
        )
        yield replace(question, source="mixed", page=made, weight=0.4)


_TABLE = re.compile(r"\[\w+\] type=table\n((?:\|.*\n?)+)")
_TEXT = re.compile(r"\[\w+\] type=text\n(.+)")
_ANSWER = re.compile(r"[$€£]?\s*\(?(-?[\d,]*\.?\d+)\)?\s*(%|percent|thousand|million|billion)?")


def tatqa(data: Path) -> Iterator[Question]:
    """TAT-QA's training questions whose answer is one number."""
    seen: set[tuple[str, str]] = set()
    for record in _records(data / "tatqa/train_partial_ctx.jsonl"):
        told = _ANSWER.fullmatch(record["answer"].strip())
        key = record["question"], record["answer"]
        if told is None or key in seen:
            continue
        seen.add(key)
        value = float(told[1].replace(",", ""))
        tables = _TABLE.findall(record["contexts"])
        grid = [
            [cell.strip() for cell in row.strip().strip("|").split("|")]
            for table in tables[:1]
            for row in table.strip().split("\n")
            if not re.fullmatch(r"[|\s:-]+", row)
        ]
        asked = page.report(record["question"], grid, _TEXT.findall(record["contexts"]))
        decimals = len(told[1].partition(".")[2])
        yield Question(
            source="tatqa",
            group=tables[0] if tables else record["contexts"],
            page=asked,
            gold=value,
            asks="any",
            near=0.51 * 10.0 ** -max(decimals, 2) if decimals else 1e-6,
            percent=told[2] in ("%", "percent"),
            weight=0.5,
        )


def generated(seed: int, count: int = GENERATED) -> Iterator[Question]:
    """Examples of the generator, their numbers in one scale."""
    for number, example in enumerate(CalculationTask().examples("train", count, seed)):
        inputs = example.inputs
        gold = second.in_scale(inputs, example.answer)
        if gold is not None:
            yield Question("generated", f"g{number}", second.read(inputs), gold, weight=0.25)


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _gold(answer: float | str) -> float | str:
    return answer if answer in ("yes", "no") else float(answer)
