"""Plain finance text for the base model, from the training parts of public data sets, with its
licences.

Only what no held-out fold contains: FinQA's development pages, folds 0 and 1 of SEntFiN and TFNS,
and TAT-QA's development contexts are never read here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELD_OUT = (0, 1)
"""Folds of headlines and posts (SHA-256 of the lower-case stripped text, mod 5) never trained
on."""


@dataclass(frozen=True)
class Source:
    """A file of public data and the terms it comes under."""

    name: str
    file: str
    licence: str


SOURCES = (
    Source("SEntFiN 1.0", "sentfin/train.jsonl", "MIT"),
    Source("Twitter Financial News Sentiment", "tfns/sent_train.csv", "MIT"),
    Source("FinQA", "finqa/train_sample_98.jsonl", "MIT"),
    Source("FinQA", "finqa/train_partial_goldctx.jsonl", "MIT"),
    Source("TAT-QA", "tatqa/train_partial_ctx.jsonl", "CC BY 4.0"),
    Source("SEC agreements NER (FIN5)", "sec_ner/FIN5.txt", "CC BY 3.0"),
    Source("XBRL formulas", "xbrl_formula/train.jsonl", "MIT, Apache-2.0"),
    Source("GSM8K", "gsm8k/train.jsonl", "MIT"),
)

_MARKER = re.compile(r"\b(?:text|table)_\d+: ?|^\[[^\]]*\](?: type=\w+)?$", re.MULTILINE)
_LINK = re.compile(r"https?://\S+")


def trained(text: str) -> bool:
    """Whether a headline or post may be trained on."""
    fold = int(hashlib.sha256(text.strip().lower().encode()).hexdigest(), 16) % 5
    return fold not in HELD_OUT


def read(data: Path) -> Iterator[str]:
    """Passages of prose, lower case as the jobs' prompts are, in the order of :data:`SOURCES`.

    Args:
        data: the folder of public data; files that are not there are left out.
    """
    for source in SOURCES:
        path = data / source.file
        passages = _PASSAGES.get(source.file)
        if passages is not None and path.exists():
            for text in passages(path):
                clean = " ".join(text.lower().split())
                if len(clean) > 20:
                    yield clean


def provenance(data: Path, folders: Collection[str] | None = None) -> list[dict[str, str]]:
    """Name, file, licence and SHA-256 of each source that is there.

    Args:
        folders: only sources in these folders (``sentfin``, ``finqa`` …); None is those prose is
            read from.
    """
    return [
        {
            "name": source.name,
            "file": source.file,
            "licence": source.licence,
            "sha256": hashlib.sha256((data / source.file).read_bytes()).hexdigest(),
        }
        for source in SOURCES
        if (data / source.file).exists()
        and (source.file in _PASSAGES if folders is None else source.file.split("/")[0] in folders)
    ]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _sentfin(path: Path) -> Iterator[str]:
    return (row["title"] for row in _lines(path) if trained(row["title"]))


def _tfns(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if trained(row["text"]):
                yield _LINK.sub("", row["text"])


def _finqa_pages(path: Path) -> Iterator[str]:
    """Whole pages, but none that the development set asks about."""
    held_out = {page(row["id"]) for row in _lines(path.with_name("dev.jsonl"))}
    for row in _lines(path):
        if page(row["id"]) not in held_out:
            yield " ".join([*row["pre_text"], *row["post_text"]])


def page(finqa_id: str) -> str:
    """The page a FinQA id names: ``ETR/2016/page_23.pdf-2`` → ``ETR/2016/page_23.pdf``."""
    return finqa_id.rsplit("-", 1)[0]


def _contexts(path: Path) -> Iterator[str]:
    for row in _lines(path):
        yield f"{_MARKER.sub('', row['contexts']).strip()} {row['question']}"


def _conll(path: Path) -> Iterator[str]:
    words: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            words.append(line.split()[0])
        elif words:
            yield " ".join(words)
            words = []
    if words:
        yield " ".join(words)


_PASSAGES = {
    "sentfin/train.jsonl": _sentfin,
    "tfns/sent_train.csv": _tfns,
    "finqa/train_sample_98.jsonl": _finqa_pages,
    "finqa/train_partial_goldctx.jsonl": _contexts,
    "tatqa/train_partial_ctx.jsonl": _contexts,
    "sec_ner/FIN5.txt": _conll,
}

FILES = frozenset(_PASSAGES)
"""Files that prose is read from."""
