# pyright: basic
"""The coefficients that rank a page's lines and cells, fitted on public questions.

A listwise logistic loss: the lines that hold a piece of evidence against all lines of the page.
Only the training parts are read; one in five of their questions is kept apart to choose the
penalty. It fits numbers for ``workspace/ranking.json`` and trains no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from specialists.workspace import evidence, ranking
from specialists.workspace.evidence import Asked
from specialists.workspace.ranking import CELL_FEATURES, LINE_FEATURES, Similarity

Say = Callable[[str], None]
PENALTIES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
SOURCE_WEIGHTS = {"finqa": 3.0, "tatqa": 1.0}
"""FinQA has far fewer whole pages to learn from than TAT-QA."""
_ENCODED = ("similar", "similar_best")
List = tuple[np.ndarray, list[list[int]], float]
"""Features of the candidates, for each piece of evidence the candidates that hold it, a weight."""


def pages(data: Path) -> list[Asked]:
    """Training questions over whole pages."""
    return [
        a
        for source in ("finqa", "tatqa")
        for a in evidence.read(data, "train", source)
        if a.whole and len(a.lines) > 1
    ]


def kept_apart(asked: Asked) -> bool:
    """Whether a training question serves to choose settings; by its page's first line, so that no
    page is on both sides."""
    told = asked.lines[0].told + asked.lines[-1].told
    return hashlib.sha256(told.encode()).digest()[0] % 5 == 0


def fit(data: Path, similarity: Similarity | None = None, say: Say = print) -> dict[str, Any]:
    """Coefficients as ``ranking.json`` holds them.

    Args:
        similarity: an encoder's; without one, ``line_with_encoder`` is left out.
    """
    asked = pages(data)
    held = {"line": _fit_lines(asked, None, say)}
    if similarity is not None:
        held["line_with_encoder"] = _fit_lines(asked, similarity, say)
    held |= _fit_cells(asked, held["line"], say)
    return held


def write(held: dict[str, Any], path: Path) -> None:
    """One feature a line, so that a change can be read."""
    path.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


def _fit_lines(asked: Sequence[Asked], similarity: Similarity | None, say: Say) -> dict[str, float]:
    def made(a: Asked) -> List:
        similar = similarity(a.question, [x.told for x in a.lines]) if similarity else None
        features = ranking.line_features(a.question, a.lines, similar)
        return features, [sorted(g) for g in a.gold], SOURCE_WEIGHTS[a.source]

    free = [n for n in LINE_FEATURES if similarity is not None or n not in _ENCODED]
    name = "lines with an encoder" if similarity else "lines"
    lists = [(kept_apart(a), made(a)) for a in asked]
    return _choose(lists, LINE_FEATURES, free, name, say)


def _fit_cells(asked: Sequence[Asked], line: dict[str, float], say: Say) -> dict[str, Any]:
    weights = np.array([line.get(n, 0.0) for n in LINE_FEATURES])
    lists: list[tuple[bool, List]] = []
    for a in asked:
        places = [(i, j) for i, x in enumerate(a.lines) for j in range(len(x.headers))]
        number = {p: k for k, p in enumerate(places)}
        gold = [sorted(number[c] for c in group if c in number) for group in a.cells]
        gold = [g for g in gold if g]
        if not gold:
            continue
        scores = ranking.line_features(a.question, a.lines) @ weights
        rows = scores[[i for i, _ in places]][:, None]
        features = np.hstack([rows, ranking.cell_features(a.question, a.lines, places)])
        lists.append((kept_apart(a), (features, gold, SOURCE_WEIGHTS[a.source])))
    names = ("line_in_cell", *CELL_FEATURES)
    found = _choose(lists, names, names, "cells", say)
    return {"line_in_cell": found.pop("line_in_cell", 0.0), "cell": found}


def _choose(
    lists: Sequence[tuple[bool, List]],
    names: Sequence[str],
    free: Sequence[str],
    what: str,
    say: Say,
) -> dict[str, float]:
    """Fit with the penalty that does best on the questions kept apart, then on all of them."""
    columns = [names.index(n) for n in free]
    train, dev = ([x for apart, x in lists if apart is side] for side in (False, True))
    trials = [(_loss_of(dev, columns, _solve(train, columns, p)), p) for p in PENALTIES]
    loss, penalty = min(trials)
    say(f"{what}: {len(train)} questions, {len(dev)} kept apart, loss {loss:.3f} nats there, "
        f"penalty {penalty}")  # fmt: skip
    solved = _solve([x for _, x in lists], columns, penalty)
    return {n: round(float(w), 4) for n, w in zip(free, solved, strict=True)}


def _solve(lists: Sequence[List], columns: Sequence[int], penalty: float) -> torch.Tensor:
    torch.manual_seed(0)
    ready = [(torch.from_numpy(f[:, columns]), _members(gold, len(f)), w) for f, gold, w in lists]
    total = sum(w for *_, w in ready)
    weights = torch.zeros(len(columns), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = sum(w * _nll(f @ weights, m) for f, m, w in ready) / total
        loss = loss + penalty * weights.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return weights.detach()


def _loss_of(lists: Sequence[List], columns: Sequence[int], weights: torch.Tensor) -> float:
    losses = [
        float(_nll(torch.from_numpy(f[:, columns]) @ weights, _members(gold, len(f))))
        for f, gold, _ in lists
    ]
    return sum(losses) / max(len(losses), 1)


def _members(gold: Sequence[Sequence[int]], count: int) -> torch.Tensor:
    """(pieces of evidence, candidates) 0 where a candidate holds the piece, else minus infinity."""
    members = torch.full((len(gold), count), float("-inf"), dtype=torch.float64)
    for k, held in enumerate(gold):
        members[k, list(held)] = 0.0
    return members


def _nll(scores: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    """Minus the log-probability that a line drawn holds the piece, averaged over the pieces."""
    likely = torch.log_softmax(scores, dim=0)
    return -torch.logsumexp(likely + members, dim=1).mean()
