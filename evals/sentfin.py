"""Real headlines, judged by words, by the language model, by the second reader, and by both.

SEntFiN's and TFNS's test parts, near-duplicates of training texts removed (``loaders.NEAR``). How
much each vote counts is fitted on the ``dev`` parts, which nothing learned from, and kept beside
the second reader's weights. Intervals resample headlines: the companies of one headline are not
independent. It decides about no adapter.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evals.machine import device, now
from specialists import registry
from specialists.agent import answer_one
from specialists.foundation.contracts import Value
from specialists.sentiment import loaders
from specialists.sentiment.check import LABELS, Label, SentimentAnswer
from specialists.sentiment.render import SentimentInputs, render
from specialists.sentiment.task import SentimentTask
from specialists.sentiment.votes import FOLDER, WEIGHING, Reader, Vote, Weighing, pool, told
from specialists.task import Example

AT_ONCE = 64
"""Headlines that are asked about together."""
DRAWS = 4_000
"""Of the bootstrap."""
MOST = 0.25
"""Largest exponent of the language model's vote. Its base may have met the ``dev`` headlines among
the public ones it began with, which flatters it there; the second reader never did.
"""
BESIDE = "tfidf"
"""The arm that the others are compared with."""

Headline = Example[SentimentInputs, SentimentAnswer]
Say = Callable[[str], None]
Marks = npt.NDArray[np.bool_]


class Arm(Value):
    """How often one arm is right on one set."""

    right: int
    accuracy: float
    low: float
    """95 % interval of the accuracy."""
    high: float
    gain: float | None = None
    """Accuracy over that of TF-IDF with logistic regression, paired."""
    gain_low: float | None = None
    """95 % interval of the gain."""
    gain_high: float | None = None


class Paper(Value):
    """One set of real headlines."""

    count: int
    headlines: int
    """Clusters."""
    arms: dict[str, Arm]


class Report(Value):
    """``sentfin.json``."""

    started: str
    device: str
    adapter: str
    """Digest of the sentiment adapter."""
    weighing: Weighing | None
    """None: the second reader is not there."""
    dev: int
    """Headlines that the weighing was fitted on."""
    papers: dict[str, Paper]


async def measure(
    weights: Path, data: Path, *, count: int, threads: int, say: Say, keep: bool = False
) -> Report:
    """Judge all arms on both sets.

    Args:
        count: items of each set, at most; drawn at random.
        keep: write the weighing beside the second reader's weights.
    """
    started, task = now(), SentimentTask()
    reader = Reader(weights / FOLDER)
    embedded = registry.Embedded(weights, threads=threads)
    try:
        dev = list(loaders.load(task, data, "dev"))
        seen = await _model(embedded, dev, say)
        second = reader.votes([e.inputs for e in dev])
        weighing = fit(dev, seen, second) if second is not None else None
        if weighing is not None and keep:
            text = weighing.model_dump_json(indent=2)
            (weights / FOLDER / WEIGHING).write_text(f"{text}\n", encoding="utf-8")
        papers: dict[str, Paper] = {}
        for source in loaders.SOURCES:
            items = list(loaders.load(task, data, "test", (source,)))
            if len(items) > count:
                items = random.Random(7).sample(items, count)
            papers[source] = await _paper(embedded, reader, weighing, items, data, source, say)
        entry = next(e for e in embedded.list() if e.name == task.name)
    finally:
        await embedded.aclose()
    return Report(
        started=started,
        device=device(threads),
        adapter=entry.adapter or "",
        weighing=weighing,
        dev=len(dev),
        papers=papers,
    )


async def _paper(
    embedded: registry.Embedded,
    reader: Reader,
    weighing: Weighing | None,
    items: Sequence[Headline],
    data: Path,
    source: str,
    say: Say,
) -> Paper:
    gold = [e.answer.sentiment for e in items]
    said: dict[str, Sequence[Label]] = {
        "majority": _majority(data, source, len(items)),
        BESIDE: words_alone(data, source, items),
    }
    model = await _model(embedded, items, say)
    said["model"] = [_top(vote) for vote in model]
    second = reader.votes([e.inputs for e in items])
    if second is not None and weighing is not None:
        said["encoder"] = [_top(vote) for vote in second]
        both = [pool(m, s, weighing) for m, s in zip(model, second, strict=True)]
        said["both"] = [_top(vote) for vote in both]
    marks = {
        arm: np.array([a == g for a, g in zip(labels, gold, strict=True)])
        for arm, labels in said.items()
    }
    clusters = [e.inputs.text for e in items]
    arms = {arm: compared(right, marks[BESIDE], clusters) for arm, right in marks.items()}
    for arm, found in arms.items():
        say(
            f"{source:8} {arm:9} {found.accuracy:.3f} [{found.low:.3f}, {found.high:.3f}], "
            f"gain {found.gain:+.3f} [{found.gain_low:+.3f}, {found.gain_high:+.3f}]"
        )
    return Paper(count=len(items), headlines=len(set(clusters)), arms=arms)


async def _model(embedded: registry.Embedded, items: Sequence[Headline], say: Say) -> list[Vote]:
    """The language model's vote on each; even odds where it gave no label."""
    specialist = replace(embedded.specialist("sentiment"), task=SentimentTask(), calibration=None)
    votes: list[Vote] = []
    for start in range(0, len(items), AT_ONCE):
        part = items[start : start + AT_ONCE]
        runs = await asyncio.gather(*(answer_one(specialist, e.inputs) for e in part))
        for run in runs:
            sure = run.outcome.confidence or 1 / len(LABELS)
            even: Vote = {label: 1 / len(LABELS) for label in LABELS}
            votes.append(told(run.answer.sentiment, sure) if run.answer is not None else even)
        if start // AT_ONCE % 10 == 0:
            say(f"the language model: {start + len(part)} of {len(items)}")
    return votes


def fit(items: Sequence[Headline], model: Sequence[Vote], encoder: Sequence[Vote]) -> Weighing:
    """The exponents under which both votes together find the labels likeliest.

    Each source counts the same; the model's exponent is held to ``MOST``. A grid is exact enough
    for two numbers from 900 headlines.
    """
    counts = Counter(e.source for e in items)
    gold = [e.answer.sentiment for e in items]
    share = np.array([1 / counts[e.source] for e in items])
    logs = [
        np.log(np.maximum([[v[label] for label in LABELS] for v in votes], 1e-6))
        for votes in (model, encoder)
    ]
    place = np.array([LABELS.index(label) for label in gold])
    best, found = np.inf, Weighing()
    for first in np.linspace(0, MOST, 6):
        for second in np.linspace(0, 2.0, 41):
            scores = first * logs[0] + second * logs[1]
            scores = scores - scores.max(1, keepdims=True)
            scores = scores - np.log(np.exp(scores).sum(1, keepdims=True))
            loss = -float((share * scores[np.arange(len(place)), place]).sum())
            if loss < best:
                best, found = loss, Weighing(model=round(first, 2), encoder=round(second, 2))
    return found


def words_alone(data: Path, source: str, items: Sequence[Headline]) -> list[Label]:
    """TF-IDF of 1 to 3 words with logistic regression, on the text that the model reads.

    It learns from the set's training part and its dev part as well: more than the others had.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    task = SentimentTask()
    train = [e for part in ("train", "dev") for e in loaders.load(task, data, part, (source,))]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True, token_pattern=r"[^\s]+"),
        LogisticRegression(C=8.0, max_iter=1000),
    )
    model.fit([render(e.inputs) for e in train], [e.answer.sentiment for e in train])
    return [_label(said) for said in model.predict([render(e.inputs) for e in items])]


def _label(said: str) -> Label:
    return next(label for label in LABELS if label == said)


def _majority(data: Path, source: str, count: int) -> list[Label]:
    train = loaders.load(SentimentTask(), data, "train", (source,))
    most, _ = Counter(e.answer.sentiment for e in train).most_common(1)[0]
    return [_label(most)] * count


def _top(vote: Mapping[Label, float]) -> Label:
    return max(LABELS, key=lambda label: vote[label])


@dataclass(frozen=True)
class _Clusters:
    """Items by cluster, and how often each draw takes each cluster."""

    index: npt.NDArray[np.int64]
    """(items,): each item's cluster."""
    taken: npt.NDArray[np.int64]
    """(draws, clusters)."""


def compared(right: Marks, beside: Marks, clusters: Sequence[str], seed: int = 5) -> Arm:
    """Accuracy, and the gain over another arm on the same items, with bootstrap intervals.

    Clusters are drawn with replacement, and both arms are judged on the same draw.
    """
    names = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    index = np.array([names[name] for name in clusters])
    rng = np.random.default_rng(seed)
    taken = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    drawn = _Clusters(index, taken)
    sizes = _resampled(np.ones(len(index)), drawn)
    shares = _resampled(right.astype(float), drawn) / sizes
    others = _resampled(beside.astype(float), drawn) / sizes
    low, high = np.quantile(shares, (0.025, 0.975))
    gain_low, gain_high = np.quantile(shares - others, (0.025, 0.975))
    return Arm(
        right=int(right.sum()),
        accuracy=round(float(right.mean()), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        gain=round(float(right.mean() - beside.mean()), 4),
        gain_low=round(float(gain_low), 4),
        gain_high=round(float(gain_high), 4),
    )


def _resampled(values: npt.NDArray[np.float64], drawn: _Clusters) -> npt.NDArray[np.float64]:
    """(draws,): the sum of the values in each draw."""
    sums = np.zeros(drawn.taken.shape[1])
    np.add.at(sums, drawn.index, values)
    return drawn.taken @ sums
