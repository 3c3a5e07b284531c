"""A second, independent reader of headlines, and what it and the language model come to together.

The reader is the pretrained sentence encoder, fine-tuned to the same labels
(``training/headlines.py``). It reads the headline in words, with stand-ins for companies: the one
asked about is always ``alpha``. Where it is not installed, the language model judges alone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from specialists.foundation.contracts import Value
from specialists.foundation.errors import EngineError
from specialists.sentiment.check import LABELS, Label
from specialists.sentiment.render import LONGEST, URL, SentimentInputs
from specialists.workspace.masking import Mark, apart, mentions

if TYPE_CHECKING:
    from specialists.engines.classifier import Classifier

log = logging.getLogger(__name__)

FOLDER = "headlines"
"""Below the folder of the weights."""
WEIGHING = "weighing.json"
TARGET = "alpha"
OTHERS = ("beta", "gamma", "delta")
"""Stand-ins of other companies; the last for all that follow."""

Vote = Mapping[Label, float]
"""The probability of each label; they sum to one."""


class Weighing(Value):
    """How two votes become one: log-linear pooling, fitted on headlines neither learned from.

    Source: Genest and Zidek 1986, Statistical Science 1, 114-135.
    """

    model: float = 0.25
    """Exponent of the language model's probabilities."""
    encoder: float = 1.0
    """Exponent of the encoder's."""


def in_words(inputs: SentimentInputs) -> str:
    """The text with stand-ins for companies."""
    text = URL.sub(" ", inputs.text)[:LONGEST]
    marks: list[Mark] = []
    if inputs.entity:
        own = mentions(text, (inputs.entity, *inputs.forms))
        marks += [Mark(start, end, TARGET) for start, end in own]
        if not marks:
            text = f"{TARGET} : {text}"
    seen: dict[str, str] = {}
    for start, end in mentions(text, inputs.others):
        name = text[start:end].casefold()
        word = seen.setdefault(name, OTHERS[min(len(seen), len(OTHERS) - 1)])
        marks.append(Mark(start, end, word))
    parts: list[str] = []
    position = 0
    for mark in sorted(apart(marks), key=lambda m: m.start):
        parts += [text[position : mark.start], f" {mark.handle} "]
        position = mark.end
    return " ".join("".join([*parts, text[position:]]).split())


class Reader:
    """The encoder's vote. Reads its weights when it is first asked."""

    def __init__(self, folder: Path) -> None:
        """``folder``: as ``training/headlines.py`` writes it."""
        self._folder = folder
        self._known: dict[str, dict[Label, float]] = {}

    @cached_property
    def weighing(self) -> Weighing:
        """How much its vote counts."""
        path = self._folder / WEIGHING
        return Weighing.model_validate_json(path.read_bytes()) if path.is_file() else Weighing()

    @cached_property
    def _classifier(self) -> Classifier | None:
        from specialists.engines.classifier import Classifier

        try:
            return Classifier.load(self._folder)
        except EngineError as error:
            log.info("headlines are read by the language model alone: %s", error)
            return None

    def votes(self, inputs: Sequence[SentimentInputs]) -> list[Vote] | None:
        """A vote for each; None where the encoder is not there."""
        texts = [in_words(each) for each in inputs]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if self._classifier is None:
            return None
        if new:
            labels = self._classifier.settings.labels
            for text, row in zip(new, self._classifier.read(new), strict=True):
                told = dict(zip(labels, map(float, row), strict=True))
                self._known[text] = {label: told[label] for label in LABELS}
        return [self._known[text] for text in texts]


def told(label: Label, probability: float) -> Vote:
    """A vote of which one label's probability is known; the others share the rest."""
    rest = (1 - probability) / (len(LABELS) - 1)
    return {each: probability if each == label else rest for each in LABELS}


def pool(model: Vote, encoder: Vote, weighing: Weighing) -> dict[Label, float]:
    """Both votes as one."""
    scores = {
        label: weighing.model * math.log(max(model[label], 1e-6))
        + weighing.encoder * math.log(max(encoder[label], 1e-6))
        for label in LABELS
    }
    top = max(scores.values())
    total = sum(math.exp(score - top) for score in scores.values())
    return {label: math.exp(scores[label] - top) / total for label in LABELS}
