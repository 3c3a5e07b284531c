"""The worked cases there are, and what they say a new question asks for.

A question is read without any language model: regressions say which shape of plan it asks for, the
nearest case of that shape whose slots fit lends its plan, and code fills the slots. So the reading
is a vote of its own beside the planning model's. Whether a plan finds anything is not its business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from specialists.cases.case import SEPARATOR, Case
from specialists.cases.features import Array, Grams, beside
from specialists.cases.own import OwnCase
from specialists.cases.retrieve import Retriever
from specialists.cases.shapes import SEVERAL, Shapes, class_of
from specialists.workspace.handles import PATTERN, Handles
from specialists.workspace.standins import Masked, Slot, masked

NONE = "none"
MISFIT = 0.04
"""Similarity that a case loses for each step its slots are away from the question's."""
TRIED = 3
"""Shapes that are tried for one whose cases fit the question's slots."""
_CUT = re.compile(
    r"(?:\s*[?.;,+-])*\s+(?:and also|and then|and in addition|as well as|and|then|plus|also|further"
    r"|besides|additionally)\s+|\s*[?.;+]\s+|\s+-\s+|\s*,\s+"
)
_THEN = re.compile(r"\b(?:(?:that|the) (?:same )?year|then)\b")


@dataclass(frozen=True)
class Reading:
    """What the cases say a question asks for."""

    plan: str
    """Compact, in the question's handles; an operation of the user's own as ``@name <e1> <p1>``."""
    probability: float
    """Of the plan's shape."""
    similarity: float
    """Of the case that lent the plan; the least, where there are several clauses."""
    cases: tuple[Case, ...]
    """The cases that lent the plan, one a clause where the question was taken apart."""
    question: Masked


class CaseLibrary:
    """Cases with their classifier and retriever. Immutable; safe to share."""

    def __init__(
        self,
        cases: Sequence[Case],
        retriever: Retriever,
        grams: Grams,
        shapes: Shapes,
        own: Sequence[OwnCase] = (),
    ) -> None:
        """The first four speak of the same cases in the same order; ``own`` are the last ones."""
        self.own = {case.name: case for case in own}
        self.cases = tuple(cases)
        self._retriever = retriever
        self._grams = grams
        self._shapes = shapes
        self._by_shape: dict[str, list[int]] = {}
        for place, case in enumerate(self.cases):
            self._by_shape.setdefault(case.shape, []).append(place)

    def nearest(self, text: str, count: int) -> list[tuple[Case, float]]:
        """The cases most like a masked question, with their similarity, the nearest first."""
        _, similarities = self._retriever.read(text)
        order = np.argsort(-similarities, kind="stable")[:count]
        return [(self.cases[i], float(similarities[i])) for i in order]

    def nearest_own(self, text: str, count: int) -> list[tuple[Case, float]]:
        """The same among the user's own cases."""
        _, similarities = self._retriever.read(text)
        first = len(self.cases) - len(self.own)
        order = np.argsort(-similarities[first:], kind="stable")[:count] + first
        return [(self.cases[i], float(similarities[i])) for i in order]

    def read(self, text: str, handles: Handles) -> list[Reading]:
        """What a linked question asks for, the likeliest reading first; none where no case fits.

        Args:
            text: as ``planning.render.compact`` writes it, without cases before it.
        """
        question = masked(text, handles)
        seen = self._seen(question.text)
        likeliest = next(iter(seen.shapes))
        if likeliest == SEVERAL:
            apart = self._apart(text, handles)
            if apart is not None:
                return [self._joined(question, seen, apart)]
            whole = self._whole(question, seen)
            return [] if whole is None else [whole]
        return list(self._singles(question, seen))

    def alone(self, text: str, handles: Handles) -> Reading | None:
        """By the nearest case that fits, whatever its shape: what the classifier is measured by."""
        question = masked(text, handles)
        seen = self._seen(question.text)
        lent = self._lent(question, seen.similarities, range(len(self.cases)))
        if lent is None:
            return None
        plan, case, similarity = lent
        return Reading(
            plan, seen.shapes.get(class_of(case.shape), 0.0), similarity, (case,), question
        )

    # --- one clause -----------------------------------------------------------------------------

    def _seen(self, text: str) -> _Seen:
        vector, similarities = self._retriever.read(text)
        row = beside(self._grams.rows([text])[:1], None if vector is None else vector[None])[0]
        return _Seen(self._shapes.probabilities(row), similarities)

    def _single(self, question: Masked, seen: _Seen) -> Reading | None:
        return next(self._singles(question, seen), None)

    def _singles(self, question: Masked, seen: _Seen) -> Iterator[Reading]:
        """Readings of one clause, by the likeliest shapes whose cases fit."""
        tried = 0
        for shape, probability in seen.shapes.items():
            if shape == SEVERAL:
                continue
            tried += 1
            if tried > TRIED:
                break
            lent = self._lent(question, seen.similarities, self._by_shape.get(shape, ()))
            if lent is not None:
                plan, case, similarity = lent
                yield Reading(plan, probability, similarity, (case,), question)

    def _whole(self, question: Masked, seen: _Seen) -> Reading | None:
        """A question of several clauses, by a case of several."""
        places = [
            place
            for shape, held in self._by_shape.items()
            if class_of(shape) == SEVERAL
            for place in held
        ]
        lent = self._lent(question, seen.similarities, places)
        if lent is None:
            return None
        plan, case, similarity = lent
        return Reading(plan, seen.shapes[SEVERAL], similarity, (case,), question)

    def _lent(
        self, question: Masked, similarities: Array, places: Sequence[int]
    ) -> tuple[str, Case, float] | None:
        """The plan of the nearest of some cases that fits, the case, and its similarity."""
        best: tuple[float, str, Case, float] | None = None
        for place in sorted(places, key=lambda i: -similarities[i]):
            similarity = float(similarities[place])
            if best is not None and similarity <= best[0]:
                break
            case = self.cases[place]
            plan = case.filled(question)
            if plan is None:
                continue
            score = similarity - MISFIT * case.misfit(question)
            if best is None or score > best[0]:
                best = (score, plan, case, similarity)
        return None if best is None else best[1:]

    # --- several clauses ------------------------------------------------------------------------

    def _apart(self, text: str, handles: Handles) -> list[Reading] | None:
        """The likeliest way to take a question apart into two or three, each read by itself."""
        cuts = _cuts(text)
        read: dict[tuple[int, int], Reading | None] = {}
        best: tuple[float, list[Reading]] | None = None
        for ways in _ways(len(cuts)):
            edges = [(0, 0), *(cuts[i] for i in ways), (len(text), len(text))]
            spans = [(one[1], two[0]) for one, two in pairwise(edges)]
            parts: list[Reading] = []
            before: tuple[Slot, ...] = ()
            for start, end in spans:
                key = (start, end)
                if key not in read:
                    read[key] = self._part(text[start:end], handles, before)
                part = read[key]
                if part is None:
                    break
                parts.append(part)
                before = (*before, *part.question.slots)
            if len(parts) < len(spans):
                continue
            chance = float(np.prod([p.probability for p in parts])) ** (1 / len(parts))
            if best is None or chance > best[0]:
                best = (chance, parts)
        return None if best is None else best[1]

    def _part(self, text: str, handles: Handles, before: tuple[Slot, ...]) -> Reading | None:
        """A part of a question; what it does not name is taken from the parts before it."""
        if not PATTERN.search(text):
            return None
        own = masked(text, handles)
        seen = self._seen(own.text)
        kinds = {slot.kind for slot in own.slots}
        taken = list(own.slots)
        if "e" not in kinds:
            taken += [slot for slot in before if slot.kind == "e"]
        if not kinds & {"p", "s"} and _THEN.search(text):
            taken += [slot for slot in before if slot.kind == "p"][:1]
        question = Masked(own.text, tuple(dict.fromkeys(taken)))
        reading = self._single(question, seen)
        return None if reading is None or reading.plan == NONE else reading

    def _joined(self, question: Masked, seen: _Seen, parts: Sequence[Reading]) -> Reading:
        clauses = dict.fromkeys(part.plan for part in parts)
        return Reading(
            plan=f" {SEPARATOR} ".join(clauses),
            probability=seen.shapes[SEVERAL] * float(np.prod([p.probability for p in parts])),
            similarity=min(part.similarity for part in parts),
            cases=tuple(case for part in parts for case in part.cases),
            question=question,
        )


@dataclass(frozen=True)
class _Seen:
    shapes: dict[str, float]
    similarities: Array


def _cuts(text: str) -> list[tuple[int, int]]:
    """Where a question could be taken apart: spans that belong to neither side."""
    return [m.span() for m in _CUT.finditer(text) if m.start() > 0 and m.end() < len(text)][:8]


def _ways(cuts: int) -> list[tuple[int, ...]]:
    """One cut or two."""
    pairs = [(i, j) for i in range(cuts) for j in range(i + 1, cuts)]
    return [*((i,) for i in range(cuts)), *pairs]
