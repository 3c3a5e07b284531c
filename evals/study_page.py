"""A study's page: what each arm came to, how sure that is, and what it gained over its start.

Made from the episodes alone; the words on what was tried and what it means are written by hand in
``evals/studies/<name>.md`` and put below the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evals.decision.crossed import Estimate, Table, difference, estimate
from evals.decision.outcomes import Codes
from evals.study import BASE, Arm, Asked, Made

START = "start"
GOLD = "sft"
"""The arm that learned from gold: what the others are held against besides the start."""
Run = Mapping[str, float]
"""One training run: a figure for each question, by the question's id."""
_DECODES = {"greedy": "greedy", "sampled": "temperature 1"}


def page(
    title: str,
    asked: Sequence[Asked],
    made: Made,
    *,
    command: str,
    words: str = "",
) -> str:
    """The page in Markdown.

    Args:
        made: how each arm was made.
        words: written by hand.
    """
    lines = [
        f"# {title}",
        "",
        f"Made by `{command}` from the episodes in its results; only the last section is written "
        "by hand. Intervals are 95 %: companies are clusters, training runs vary (three or more of "
        "each arm that learned from the start), Student's t with Satterthwaite's degrees of "
        f"freedom. No grammar held any reply. Asked on {made.device}.",
        "",
    ]
    lines += _made(made.arms)
    for decode, name in _DECODES.items():
        part = [a for a in asked if a.decode == decode]
        if part:
            lines += [f"## Replies at {name}" if decode != "greedy" else "## Greedy replies", ""]
            lines += _tables(part)
    return "\n".join([*lines, words.strip(), ""]).rstrip() + "\n"


def _made(arms: Mapping[str, Arm]) -> list[str]:
    rows = [
        f"| {name} | {arm.method} | {len(arm.runs)} | {_mean(arm.seconds) / 60:.1f} |"
        for name, arm in arms.items()
    ]
    return ["| arm | method | runs | minutes a run |", "|---|---|---|---|", *rows, ""]


def _tables(asked: Sequence[Asked]) -> list[str]:
    papers = list(dict.fromkeys(a.paper for a in asked))
    arms = _arms(asked)
    figures = [name for name in _figures(asked) if name != "right"]
    lines = ["Share of right answers:", "", "| arm | " + " | ".join(papers) + " |"]
    lines += ["|---|" + "---|" * len(papers)]
    lines += [
        f"| {arm} | " + " | ".join(_share(asked, arm, p, "right") for p in papers) + " |"
        for arm in arms
    ]
    for against in (START, *(arm for arm in arms if arm.partition("-")[0] == GOLD)):
        lines += ["", f"Difference from `{against}`, the same questions, in points:", ""]
        lines += ["| arm | " + " | ".join(papers) + " |", "|---|" + "---|" * len(papers)]
        lines += [
            f"| {arm} | "
            + " | ".join(_gain(asked, arm, against, p, "right") for p in papers)
            + " |"
            for arm in arms
            if arm not in (START, BASE, against)
        ]
    lines += ["", "What else was measured, over all papers:", ""]
    lines += ["| arm | " + " | ".join(figures) + " | tokens | replies |"]
    lines += ["|---|" + "---|" * (len(figures) + 2)]
    for arm in arms:
        own = [a for a in asked if a.arm == arm]
        cells = [_share(asked, arm, None, name) for name in figures]
        cells += [f"{_mean([a.tokens for a in own]):.0f}", f"{_mean([a.turns for a in own]):.1f}"]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _arms(asked: Sequence[Asked]) -> list[str]:
    there = list(dict.fromkeys(a.arm for a in asked))
    return sorted(there, key=lambda arm: (arm != BASE, arm != START, arm))


def _figures(asked: Sequence[Asked]) -> list[str]:
    names = dict.fromkeys(name for a in asked for name in a.figures)
    # Levels come as their questions do.
    return [*(n for n in names if "level" not in n), *sorted(n for n in names if "level" in n)]


def runs_of(
    asked: Sequence[Asked], arm: str, paper: str | None, figure: str
) -> list[dict[str, float]]:
    """An arm's training runs: each question's figure, where it has one. A run of the base or the
    start is one."""
    told: dict[int, dict[str, float]] = {}
    for each in asked:
        value = each.figures.get(figure)
        if each.arm == arm and paper in (None, each.paper) and value is not None:
            told.setdefault(each.seed, {})[f"{each.paper}/{each.question}"] = value
    return [told[seed] for seed in sorted(told)]


def clusters(asked: Sequence[Asked]) -> dict[str, str]:
    """By question: its company, or its template where it has none."""
    return {f"{a.paper}/{a.question}": a.company or a.template for a in asked}


def _share(asked: Sequence[Asked], arm: str, paper: str | None, figure: str) -> str:
    runs = runs_of(asked, arm, paper, figure)
    # Recovery is told of episodes that met an error: those differ from run to run.
    shared = set.intersection(*(set(run) for run in runs)) if runs else set[str]()
    if runs and len(shared) < 0.9 * max(len(run) for run in runs):
        values = [value for run in runs for value in run.values()]
        return f"{_mean(values):.2f} of {len(values)}"
    questions = _shared(runs)
    if questions is None:
        return ""
    return _cell(estimate(_table(runs, questions), _companies(asked, questions)))


def _gain(asked: Sequence[Asked], arm: str, against: str, paper: str, figure: str) -> str:
    own, other = runs_of(asked, arm, paper, figure), runs_of(asked, against, paper, figure)
    questions = _shared([*own, *other]) if own and other else None
    if questions is None:
        return ""
    found = difference(
        _table(own, questions), _table(other, questions), _companies(asked, questions)
    )
    told = f"{100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    return f"**{told}**" if found.low > 0 or found.high < 0 else told


def _shared(runs: Sequence[Run]) -> list[str] | None:
    """The questions that all runs have; None: too few for an interval."""
    shared = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    return shared if len(shared) > 1 else None


def _table(runs: Sequence[Run], questions: Sequence[str]) -> Table:
    return np.array([[run[question] for question in questions] for run in runs], dtype=float)


def _companies(asked: Sequence[Asked], questions: Sequence[str]) -> Codes:
    cluster = clusters(asked)
    names = [cluster[question] for question in questions]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _cell(found: Estimate) -> str:
    return f"{found.mean:.3f} [{max(found.low, 0):.3f}, {min(found.high, 1):.3f}]"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
