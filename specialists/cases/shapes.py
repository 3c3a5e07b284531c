"""Which shape of plan a question asks for: logistic regressions over its features.

A shape's words are told apart by part: its verb, the side of a limit, growth or change, the form
that makes one measure of two, and whether things are taken in another order than named. Each part
has a regression of its own, since *which above growth* shares what it has in common with *top
growth*. A question that asks for several things is one class: ``several``. It fills no slot and
knows no case.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from specialists.cases.case import SEPARATOR, TURNED
from specialists.cases.features import Array
from specialists.foundation.errors import EngineError

SEVERAL = "several"
ABSENT = "-"
SIDES = frozenset(["above", "below", "between"])
TURNS = frozenset(["growth", "change"])
STRENGTH = 30.0
"""Inverse of the regressions' penalty (scikit-learn's ``C``)."""
STEPS = 100
"""Iterations of a fit from nothing."""

Parts = tuple[str, str, str, str, str]
PARTS = 5


@lru_cache(maxsize=4096)
def parts(shape: str) -> Parts:
    """Verb, side, turn, form and order of a shape; several clauses are ``several``."""
    if SEPARATOR in shape:
        return SEVERAL, ABSENT, ABSENT, ABSENT, ABSENT
    verb, *rest = shape.split() or [ABSENT]
    side = next((word for word in rest if word in SIDES), ABSENT)
    turn = next((word for word in rest if word in TURNS), ABSENT)
    order = TURNED if TURNED in rest else ABSENT
    form = " ".join(word for word in rest if word not in SIDES | TURNS | {TURNED})
    return verb, side, turn, form or ABSENT, order


@dataclass(frozen=True)
class Part:
    """One fitted regression."""

    names: tuple[str, ...]
    weights: Array
    """(classes, features), a row for each class."""
    bias: Array

    def log_probabilities(self, row: Array) -> Mapping[str, float]:
        """Of each class (nats) for one row of features."""
        scores = self.weights @ row + self.bias
        scores = scores - scores.max()
        logs = scores - np.log(np.exp(scores).sum())
        return dict(zip(self.names, map(float, logs), strict=True))


@dataclass(frozen=True)
class Shapes:
    """The fitted parts and the shapes there are."""

    known: tuple[str, ...]
    """Shapes of the cases, those of several clauses as ``several``."""
    parts: tuple[Part, ...]

    def probabilities(self, row: Array) -> dict[str, float]:
        """Of each known shape, likeliest first."""
        logs = [part.log_probabilities(row) for part in self.parts]
        sums = np.array(
            [sum(log[name] for log, name in zip(logs, parts(s), strict=True)) for s in self.known]
        )
        odds = np.exp(sums - sums.max())
        odds /= odds.sum()
        order = np.argsort(-odds, kind="stable")
        return {self.known[i]: float(odds[i]) for i in order}


def class_of(shape: str) -> str:
    """The class a shape belongs to."""
    return SEVERAL if SEPARATOR in shape else shape


def fit(
    rows: Array,
    shapes: Sequence[str],
    weights: npt.NDArray[np.float64] | None = None,
    before: Shapes | None = None,
) -> Shapes:
    """Fit the regressions.

    Args:
        rows: (n, features).
        shapes: of each row's plan.
        weights: how much each row counts.
        before: an earlier fit over the first of these features, to go on from in fewer steps.

    Raises:
        EngineError: scikit-learn is not installed.
    """
    told = [parts(shape) for shape in shapes]
    fitted = tuple(
        _part(rows, [each[i] for each in told], weights, before.parts[i] if before else None)
        for i in range(PARTS)
    )
    return Shapes(tuple(dict.fromkeys(map(class_of, shapes))), fitted)


def _part(
    rows: Array,
    names: Sequence[str],
    weights: npt.NDArray[np.float64] | None,
    before: Part | None,
) -> Part:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise EngineError(
            "to fit worked cases scikit-learn is needed: pip install 'finroute[embedded]'"
        ) from error

    classes = sorted(set(names))
    width = rows.shape[1]
    if len(classes) == 1:
        return Part((classes[0],), np.zeros((1, width), np.float32), np.zeros(1, np.float32))
    model = LogisticRegression(C=STRENGTH, max_iter=STEPS, warm_start=True)
    if before is not None and before.weights.shape[1] <= width and len(classes) > 2:
        known = {name: i for i, name in enumerate(before.names)}
        coef, bias = np.zeros((len(classes), width)), np.full(len(classes), before.bias.min())
        for row, name in enumerate(classes):
            if name in known:
                coef[row, : before.weights.shape[1]] = before.weights[known[name]]
                bias[row] = before.bias[known[name]]
        model.coef_, model.intercept_ = coef, bias
        model.classes_ = np.array(classes)
        model.max_iter = STEPS // 2
    with warnings.catch_warnings():  # it stops after so many steps on purpose
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, np.array(names), weights)
    coef, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(coef) == 1:  # two classes: scikit-learn keeps the row of the second
        coef, bias = np.vstack([-coef / 2, coef / 2]), np.concatenate([-bias / 2, bias / 2])
    return Part(tuple(classes), coef.astype(np.float32), bias.astype(np.float32))
