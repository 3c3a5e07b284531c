"""Chooses the program for a question from all short ones over its page: a vote without a language
model.

Every candidate's score is a sum: how well the question's words suit its template, how well its
pairs of numbers suit their places (one hidden layer over ``features.py``), how its value looks.
Probabilities are over all candidates together, and candidates of one value are one answer. The
coefficients come from ``training/programs.py``; this module is arithmetic on them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from specialists.calculation import candidates, features
from specialists.calculation.candidates import TEMPLATES, Candidates
from specialists.calculation.features import Array, Features
from specialists.calculation.page import Number, Page

WEIGHTS = Path(__file__).parent.parent / "weights" / "programs" / "ranker.npz"
NEVER = -60.0
"""Score of a template that nothing was learned of."""
LONGEST = 26
"""Numbers that programs are tried over, at most."""
_GREATER = TEMPLATES.index("greater(a, b)")


@dataclass(frozen=True)
class Model:
    """Coefficients of one member of the committee; ``H`` hidden units."""

    asked: Array
    """[cues, H]"""
    first: Array
    """[SINGLE, H], of a pair's first number."""
    second: Array
    """[SINGLE, H]"""
    pair: Array
    """[PAIR, H]"""
    hidden: Array
    """[H]"""
    out: Array
    """[H, channels]"""
    straight_first: Array
    """[SINGLE, channels], past the hidden layer"""
    straight_second: Array
    """[SINGLE, channels]"""
    straight_pair: Array
    """[PAIR, channels]"""
    grams: Array
    """[vocabulary, templates]"""
    cues: Array
    """[cues, templates]"""
    bias: Array
    """[templates]"""
    looks: Array
    """[cues, RESULT]"""
    plain: Array
    """[RESULT]"""


@dataclass(frozen=True)
class Choice:
    """One answer and what speaks for it."""

    value: float | str
    """A number by FinQA's convention, or ``yes``/``no``."""
    probability: float
    """Of all candidates of this value together."""
    template: str
    """The likeliest of them."""
    args: tuple[Number, ...]
    """Its numbers, by the template's letters."""

    @property
    def fraction(self) -> bool:
        """Whether the value is a ratio, which may be told in percent."""
        return self.template in candidates.RATIOS


class Ranker:
    """A committee of models over one vocabulary."""

    def __init__(
        self, vocabulary: Sequence[str], members: Sequence[Model], relevance: Array
    ) -> None:
        """``relevance`` [SINGLE] says which numbers of a long page are worth a program."""
        self.relevance = relevance
        self.vocabulary = {gram: i for i, gram in enumerate(vocabulary)}
        self.members = tuple(members)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Ranker:
        """Read the coefficients.

        Raises:
            FileNotFoundError: no such file.
        """
        with np.load(path, allow_pickle=False) as stored:
            vocabulary = json.loads(str(stored["vocabulary"]))
            count = int(stored["members"])
            members = [
                Model(
                    **{
                        name: _widened(name, stored[f"{name}.{k}"].astype(np.float32))
                        for name in Model.__dataclass_fields__
                    }
                )
                for k in range(count)
            ]
            relevance = stored["relevance"].astype(np.float32)
        return cls(vocabulary, members, relevance)

    def save(self, path: Path) -> None:
        """Write the coefficients, in half precision."""
        arrays = {
            f"{name}.{k}": getattr(member, name).astype(np.float16)
            for k, member in enumerate(self.members)
            for name in Model.__dataclass_fields__
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            vocabulary=np.array(json.dumps(list(self.vocabulary))),
            members=np.array(len(self.members)),
            relevance=self.relevance,
            **arrays,
        )

    def known(self, question: str) -> list[int]:
        """The vocabulary's entries that a question has."""
        return [self.vocabulary[g] for g in features.grams(question) if g in self.vocabulary]

    def choose(self, page: Page, asks: str = "calculation") -> list[Choice]:
        """Answers, likeliest first; empty where the page has no numbers to work with."""
        page, leading = shortened(page, self.relevance)
        made = candidates.of(page, asks, leading)
        if not len(made.value):
            return []
        return grouped(page, made, self.probabilities(page, features.of(page), made))

    def probabilities(self, page: Page, read: Features, made: Candidates) -> Array:
        """Of each candidate, [C]: the committee's mean."""
        known = self.known(page.question)
        logs = [_logsoftmax(score(m, read, made, known)) for m in self.members]
        return np.exp(np.stack(logs)).mean(0).astype(np.float32)


def _widened(name: str, stored: Array) -> Array:
    """Templates added after a file was made are never chosen by it."""
    if name not in ("grams", "cues", "bias"):
        return stored
    missing = len(TEMPLATES) - stored.shape[-1]
    room = [(0, 0)] * (stored.ndim - 1) + [(0, missing)]
    return np.pad(stored, room, constant_values=NEVER if name == "bias" else 0.0)


def shortened(page: Page, relevance: Array, longest: int = LONGEST) -> tuple[Page, list[int]]:
    """A long page with its most relevant numbers alone, and which of these lead."""
    worth = features.single(page) @ relevance
    kept = sorted(np.argsort(-worth, kind="stable")[:longest].tolist())
    leading = np.argsort(-worth[kept], kind="stable")[: candidates.TRIPLES].tolist()
    return page.with_numbers(kept), leading


def score(member: Model, read: Features, made: Candidates, known: Sequence[int]) -> Array:
    """One model's scores, [C]."""
    fits = channels(member, read).reshape(-1)
    template = member.bias + read.asked @ member.cues + member.grams[list(known)].sum(0)
    looks = read.asked @ member.looks + member.plain
    arguments = (fits[made.terms] * made.weights).sum(1)
    return (template[made.template] + arguments + made.result @ looks).astype(np.float32)


def channels(member: Model, read: Features) -> Array:
    """How each ordered pair fits each channel, [n, n, channels]."""
    before = (
        (read.single @ member.first)[:, None]
        + (read.single @ member.second)[None, :]
        + read.pair @ member.pair
        + read.asked @ member.asked
        + member.hidden
    )
    straight = (
        (read.single @ member.straight_first)[:, None]
        + (read.single @ member.straight_second)[None, :]
        + read.pair @ member.straight_pair
    )
    return (np.maximum(before, 0.0) @ member.out + straight).astype(np.float32)


def grouped(page: Page, made: Candidates, probability: NDArray[np.float32]) -> list[Choice]:
    """Candidates of one value as one answer."""
    words = made.template == _GREATER
    digits = 6 - 1 - np.floor(np.log10(np.abs(made.value) + 1e-12))
    scale = 10.0 ** np.clip(digits, -9, 9)
    key = np.round(made.value * scale) / scale
    key = np.where(words, 1e18 + made.value, key)
    unique, inverse = np.unique(key, return_inverse=True)
    mass = np.bincount(inverse, probability, len(unique))
    best = np.zeros(len(unique), np.int64)
    order = np.argsort(probability, kind="stable")
    best[inverse[order]] = order
    chosen = np.argsort(-mass, kind="stable")[:20]
    answers: list[Choice] = []
    for group in chosen:
        i = int(best[group])
        value = ("yes" if made.value[i] else "no") if words[i] else float(made.value[i])
        numbers = tuple(page.numbers[k] for k in made.numbers(i))
        answers.append(Choice(value, float(mass[group]), TEMPLATES[made.template[i]], numbers))
    return answers


def _logsoftmax(scores: Array) -> Array:
    high = scores.max()
    return scores - high - np.log(np.exp(scores - high).sum())


@cache
def default() -> Ranker:
    """The ranker that ships with the weights."""
    return Ranker.load()
