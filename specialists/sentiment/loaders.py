"""Public headlines with labels, as examples. They are read from a folder, never from the network.

``sentfin`` (SEntFiN 1.0, MIT): Indian headlines with a label for each entity named. By the SHA-256
of the lower-case stripped title mod 5: 1 is the test part, 2 to 4 the training part, 0 is never
read here. One in fifteen of the training part is kept apart from all training (``dev``): there the
votes are weighed. ``tfns`` (Twitter Financial News Sentiment, MIT): posts judged as a whole; hashed
the same way, 1 is the test part, all others training. A test text whose words nearly all stand in
one training text is dropped, and so is such a text of ``dev``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from specialists.sentiment.check import Label, SentimentAnswer
from specialists.sentiment.render import SentimentInputs
from specialists.task import Example
from specialists.workspace.masking import mentions

if TYPE_CHECKING:
    from specialists.sentiment.task import SentimentTask

Part = Literal["train", "dev", "test"]
"""train is for training/; dev and test are real wording never trained on, test is for the evals."""

NEAR = 0.8
"""Jaccard overlap of two texts' words, figures masked, from which they count as near-duplicates."""

_TFNS: tuple[Label, ...] = ("negative", "positive", "neutral")
_WORD = re.compile(r"[^\W\d_]+|\d+")

Judged = tuple[str, str, tuple[str, ...], Label]
"""text, entity, others, label"""


def load(
    task: SentimentTask, root: Path, part: Part, sources: Sequence[str] = ("sentfin", "tfns")
) -> Iterator[Example[SentimentInputs, SentimentAnswer]]:
    """Examples of public data below ``root`` (``$FINROUTE_DATA``).

    Raises:
        FileNotFoundError: the folder lacks a source's file.
    """
    for source in sources:
        for number, (text, entity, others, label) in enumerate(SOURCES[source](root, part)):
            inputs = SentimentInputs(text=text, entity=entity, others=others)
            answer = SentimentAnswer(sentiment=label)
            yield Example(
                id=f"{source}/{part}/{number}",
                inputs=inputs,
                answer=answer,
                dialogue=task.solved(inputs, answer),
                fold="templates" if part == "test" else part,
                company=entity,
                template=source,
                source=source,
            )


def sentfin(root: Path, part: Part) -> Iterator[Judged]:
    """Headlines of SEntFiN, one item per entity; entities the title does not name are left out."""
    rows: dict[str, dict[str, Label]] = {}
    with (root / "sentfin" / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            rows.setdefault(row["title"].strip(), row["entities"])
    learned = [title for title in rows if residue(title) in (2, 3, 4)]
    for title in _of_part(part, learned, [t for t in rows if residue(t) == 1]):
        for entity, label in rows[title].items():
            if mentions(title, [entity]):
                yield title, entity, tuple(e for e in rows[title] if e != entity), label


def tfns(root: Path, part: Part) -> Iterator[Judged]:
    """Posts of TFNS, judged as a whole."""
    rows: dict[str, Label] = {}
    with (root / "tfns" / "sent_train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["text"].strip(), _TFNS[int(row["label"])])
    learned = [text for text in rows if residue(text) != 1]
    for text in _of_part(part, learned, [t for t in rows if residue(t) == 1]):
        yield text, "", (), rows[text]


SOURCES: dict[str, Callable[[Path, Part], Iterator[Judged]]] = {"sentfin": sentfin, "tfns": tfns}


def residue(text: str) -> int:
    """The SHA-256 of the lower-case stripped text, mod 5: which part it belongs to."""
    return _hash(text) % 5


def _of_part(part: Part, learned: Sequence[str], tests: Sequence[str]) -> Sequence[str]:
    kept = [text for text in learned if not kept_apart(text)]
    if part == "train":
        return kept
    return (
        apart_from(tests, learned)
        if part == "test"
        else apart_from([text for text in learned if kept_apart(text)], kept)
    )


def kept_apart(text: str) -> bool:
    """Whether a text of the training part is of its ``dev`` part: one in five of residue 4."""
    return residue(text) == 4 and _hash(text) // 5 % 5 == 0


def _hash(text: str) -> int:
    return int(hashlib.sha256(text.strip().lower().encode()).hexdigest(), 16)


def apart_from(texts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Those texts that are no near-duplicate of a known one."""
    bags = [_bag(text) for text in known]
    holding: defaultdict[str, list[int]] = defaultdict(list)
    for number, bag in enumerate(bags):
        for word in bag:
            holding[word].append(number)
    kept: list[str] = []
    for text in texts:
        bag = _bag(text)
        # A near-duplicate shares all but a few words: it shares one of the rarest.
        rarest = sorted(bag, key=lambda word: len(holding[word]))[
            : len(bag) - int(NEAR * len(bag)) + 1
        ]
        near = {number for word in rarest for number in holding[word]}
        if all(len(bag & bags[n]) < NEAR * len(bag | bags[n]) for n in near):
            kept.append(text)
    return kept


def _bag(text: str) -> frozenset[str]:
    return frozenset("#" if w.isdigit() else w for w in _WORD.findall(text.lower()))
