"""FinQA's and TAT-QA's development questions, answered by the ranker, the language model and both.

None of these questions is trained on. FinQA's ``dev`` names no gold evidence, so *gold evidence*
here is every row and sentence of the page that holds a number of the gold program. Execution
accuracy counts a result that equals ``exe_ans`` to five decimals (``strict``), and beside it one
that is right by the project's own rule, 0.1 % or gold's rounding, percentages and fractions
confused only where a percentage is asked for (``loose``). Intervals are Wilson's.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.intervals import wilson
from specialists.agent import Specialist, answer_one
from specialists.calculation import loaders, page
from specialists.calculation.check import raw_match
from specialists.calculation.facts import CalculationInputs, Fact
from specialists.calculation.page import Page
from specialists.calculation.ranker import Choice, Ranker
from specialists.calculation.second import same
from specialists.foundation.contracts import Quantity, Value

Say = Callable[[str], None]
Result = float | str | None
Said = Mapping[tuple[str, str], Result]
"""A language model's answer by paper and record; None where it has none."""
PAPERS = ("gold evidence", "page")
AT_ONCE = 16
"""Dialogues under way at a time."""
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
AGREED = 0.5
"""What the model's agreement adds to a group's probability."""


class Share(Value):
    """How many of some questions are right."""

    name: str
    count: int
    strict: int
    loose: int
    accuracy: float
    """Strict."""
    low: float
    high: float
    loose_accuracy: float
    loose_low: float
    loose_high: float


class Point(Value):
    """What is answered and right at one threshold of probability."""

    paper: str
    threshold: float
    coverage: float
    precision: float
    """Of the answers given, by the project's rule."""


class Report(Value):
    """A whole measurement."""

    seconds: float
    finqa: tuple[Share, ...]
    """``paper · arm`` and ``paper · ranker · part``; papers are ``gold evidence`` and ``page``."""
    curve: tuple[Point, ...]
    tatqa: tuple[Share, ...]

    def find(self, name: str) -> Share | None:
        """One share by its name."""
        return next((s for s in (*self.finqa, *self.tatqa) if s.name == name), None)


class Mark(Value):
    """One answer judged."""

    strict: bool
    loose: bool
    probability: float = 0.0


def measure(
    data: Path,
    ranker: Ranker,
    *,
    said: Said | None = None,
    limit: int | None = None,
    say: Say = print,
) -> Report:
    """Put both development sets to the ranker, and FinQA to a language model beside it.

    Args:
        data: folder of public data.
        said: the language model's answers (``ask``); None leaves it and the combination out.
        limit: FinQA questions, from the first; None: all.
    """
    begun = time.perf_counter()
    records = list(_records(data / "finqa/dev.jsonl"))[:limit]
    known = {r["id"].split("/")[0] for r in _records(data / "finqa/train_sample_98.jsonl")}
    shares: list[Share] = []
    curve: list[Point] = []
    for paper in PAPERS:
        marks: dict[str, list[tuple[Mapping[str, Any], Mark]]] = {}
        for record in records:
            choices = ranker.choose(shown(record, paper))
            arms: dict[str, tuple[Result, float]] = {"ranker": _first(choices)}
            if said is not None:
                told = said.get((paper, record["id"]))
                arms["model"] = told, 0.0
                arms["both"] = combined(choices, told)
            for arm, (value, probability) in arms.items():
                marks.setdefault(arm, []).append((record, judge(record, value, probability)))
        for arm, judged in marks.items():
            shares.append(share(f"{paper} · {arm}", [m for _, m in judged]))
            say(line(shares[-1]))
        ranked = marks.get("ranker", [])
        for part, chosen in _parts(ranked, known):
            shares.append(share(f"{paper} · ranker · {part}", chosen))
            say(line(shares[-1]))
        curve += _curve(paper, [m for _, m in ranked])
    tat = tuple(tatqa(data, ranker, say))
    seconds = round(time.perf_counter() - begun, 1)
    return Report(seconds=seconds, finqa=tuple(shares), curve=tuple(curve), tatqa=tat)


async def ask(specialist: Specialist, data: Path, limit: int | None = None) -> Said:
    """FinQA's development questions put to a language model, over the facts its prompt takes."""
    await specialist.ready()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(paper: str, record: Mapping[str, Any]) -> tuple[tuple[str, str], Result]:
        async with gate:
            run = await answer_one(specialist, inputs(shown(record, paper)), None)
            answer = run.answer
            return (paper, record["id"]), (answer.raw if answer is not None else None)

    records = list(_records(data / "finqa/dev.jsonl"))[:limit]
    return dict(await asyncio.gather(*(one(p, r) for p in PAPERS for r in records)))


def inputs(shown: Page) -> CalculationInputs:
    """A page as the job's prompt takes it: the facts and sentences that share most words."""
    facts: list[Fact] = []
    for number in shown.numbers:
        if number.kind == "cell":
            year = number.years[-1] if number.years else None
            named = number.label if year else f"{number.label} {number.header}".strip()
            unit = "%" if number.percent else ""
            quantity = Quantity(value=number.value, unit=unit)
            facts.append(Fact(quantity=quantity, measure=named, year=year))
    sentences = [line.text for line in shown.lines if line.kind == "prose"]
    return loaders.select(shown.question, facts, sentences)


def shown(record: Mapping[str, Any], paper: str) -> Page:
    """What a paper shows of a record."""
    whole = page.finqa(record)
    return whole.only(evidence(record, whole)) if paper == "gold evidence" else whole


def evidence(record: Mapping[str, Any], whole: Page) -> list[int]:
    """The lines that hold a number of the gold program; every line where none does."""
    told = re.findall(r"(?<![\w#.])-?\d[\d,]*(?:\.\d+)?", record["program"])
    values = {abs(float(t.replace(",", ""))) for t in told}
    lines = {n.line for n in whole.numbers if abs(n.value) in values}
    for name in re.findall(r"table_\w+\(([^,]+), none\)", record["program"]):
        lines |= {
            i
            for i, each in enumerate(whole.lines)
            if each.kind == "cell" and each.text.startswith(name.strip())
        }
    lines.discard(len(whole.lines) - 1)
    return sorted(lines) or list(range(len(whole.lines)))


def combined(choices: Sequence[Choice], said: Result) -> tuple[Result, float]:
    """The likeliest value where the model's agreement counts as well."""
    if not choices:
        return said, 0.0
    scored = [
        (c.probability + (AGREED if said is not None and same(c.value, said) else 0.0), c)
        for c in choices
    ]
    best, choice = max(scored, key=lambda pair: pair[0])
    return choice.value, best / (1.0 + AGREED)


def judge(record: Mapping[str, Any], value: Result, probability: float) -> Mark:
    """An answer against ``exe_ans``."""
    gold = record["exe_ans"]
    if value is None:
        return Mark(strict=False, loose=False, probability=probability)
    loose = raw_match(gold, value, record["question"])
    if isinstance(gold, str) or isinstance(value, str):
        return Mark(strict=gold == value, loose=loose, probability=probability)
    strict = abs(value - gold) <= max(1.1e-5, 1e-9 * abs(gold))
    return Mark(strict=strict, loose=loose or strict, probability=probability)


def share(name: str, marks: Sequence[Mark]) -> Share:
    """Counted, with intervals."""
    strict, loose, count = sum(m.strict for m in marks), sum(m.loose for m in marks), len(marks)
    (low, high), (loose_low, loose_high) = wilson(strict, count), wilson(loose, count)
    return Share(
        name=name,
        count=count,
        strict=strict,
        loose=loose,
        accuracy=round(strict / count, 4) if count else 0.0,
        low=round(low, 4),
        high=round(high, 4),
        loose_accuracy=round(loose / count, 4) if count else 0.0,
        loose_low=round(loose_low, 4),
        loose_high=round(loose_high, 4),
    )


def line(share: Share) -> str:
    """``page · ranker   0.301 [0.272, 0.332]  loose 0.310   of 883``."""
    return (
        f"{share.name:45} {share.accuracy:.3f} [{share.low:.3f}, {share.high:.3f}]"
        f"  loose {share.loose_accuracy:.3f}  of {share.count:4d}"
    )


def _first(choices: Sequence[Choice]) -> tuple[Result, float]:
    return (choices[0].value, choices[0].probability) if choices else (None, 0.0)


def _parts(
    ranked: Sequence[tuple[Mapping[str, Any], Mark]], known: set[str]
) -> Iterator[tuple[str, list[Mark]]]:
    """By ticker and by the operations of the gold program."""
    seen = [m for r, m in ranked if r["id"].split("/")[0] in known]
    yield "tickers named in training", seen
    yield "other tickers", [m for r, m in ranked if r["id"].split("/")[0] not in known]
    kinds: dict[str, list[Mark]] = {}
    for record, mark in ranked:
        kinds.setdefault(" ".join(re.findall(r"(\w+)\(", record["program"])), []).append(mark)
    common = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    yield from common[:8]
    yield "other programs", [m for _, marks in common[8:] for m in marks]


def _curve(paper: str, marks: Sequence[Mark]) -> Iterator[Point]:
    for threshold in THRESHOLDS:
        given = [m for m in marks if m.probability >= threshold]
        yield Point(
            paper=paper,
            threshold=threshold,
            coverage=round(len(given) / len(marks), 4) if marks else 0.0,
            precision=round(sum(m.loose for m in given) / len(given), 4) if given else 0.0,
        )


def tatqa(data: Path, ranker: Ranker, say: Say = print) -> Iterator[Share]:
    """TAT-QA's development questions with one answer: arithmetic, and spans.

    A number counts where it is gold's to two decimals, in gold's own scale; the scale's word is
    not asked of it. A span that is no number is answered by no number, so it is wrong.
    """
    marks: dict[str, list[Mark]] = {}
    contexts = json.loads((data / "tatqa/tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    for context in contexts:
        paragraphs = [p["text"] for p in sorted(context["paragraphs"], key=lambda p: p["order"])]
        for asked in context["questions"]:
            kind = asked["answer_type"]
            if kind not in ("arithmetic", "span"):
                continue
            read = page.report(asked["question"], context["table"]["table"], paragraphs)
            choices = ranker.choose(read, "any")
            gold = _number(asked["answer"])
            right = gold is not None and bool(choices) and _tells(choices[0], gold, asked["scale"])
            probability = choices[0].probability if choices else 0.0
            mark = Mark(strict=right, loose=right, probability=probability)
            names = [kind]
            if kind == "span":
                names.append("span that is a number" if gold is not None else "span of words")
            for name in names:
                marks.setdefault(name, []).append(mark)
    for name, judged in marks.items():
        made = share(f"TAT-QA · {name}", judged)
        say(line(made))
        yield made


def _number(answer: Any) -> float | None:
    if isinstance(answer, list):
        if len(answer) != 1:
            return None
        answer = answer[0]
    if isinstance(answer, int | float):
        return float(answer)
    text = re.sub(r"[$€£%,\s]", "", str(answer))
    text = re.sub(r"(?:million|thousand|billion)s?$", "", text)
    negative = text.startswith("(") and text.endswith(")")
    try:
        value = float(text.strip("()"))
    except ValueError:
        return None
    return -value if negative else value


def _tells(choice: Choice, gold: float, scale: str) -> bool:
    value = choice.value
    if isinstance(value, str):
        return False
    if scale == "percent" and choice.fraction:
        value *= 100.0
    return abs(value - gold) <= max(0.0051, 1e-6 * abs(gold))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for text in stream:
            yield json.loads(text)
