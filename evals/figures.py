"""Plots of the measures as small SVG files: the same data give the same bytes.

matplotlib is imported when a plot is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.reliability import diagram

INK = ("#1b6ca8", "#d1495b", "#2e8b57", "#8d6a9f", "#c98c1a", "#4a4a4a")
SIZE = (4.6, 3.2)
"""Inches."""


class Plot:
    """One pair of axes, saved when the block ends."""

    def __init__(self, path: Path, *, x: str, y: str, title: str, log: bool = False) -> None:
        self._path = path
        self._names = (x, y, title)
        self._log = log

    def __enter__(self) -> Any:
        import matplotlib

        matplotlib.use("Agg")
        matplotlib.rcParams.update(
            {
                "svg.hashsalt": "finroute",
                "svg.fonttype": "none",
                "font.size": 9,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.grid": True,
                "grid.alpha": 0.25,
            }
        )
        from cycler import cycler
        from matplotlib import pyplot

        matplotlib.rcParams["axes.prop_cycle"] = cycler(color=INK)
        self._figure, axes = pyplot.subplots(figsize=SIZE)
        axes.set_xlabel(self._names[0])
        axes.set_ylabel(self._names[1])
        axes.set_title(self._names[2], fontsize=10)
        if self._log:
            axes.set_xscale("log")
        self._axes = axes
        return axes

    def __exit__(self, kind: object, *_: object) -> None:
        from matplotlib import pyplot

        if kind is None:
            if self._axes.get_legend_handles_labels()[0]:
                self._axes.legend(fontsize=8, frameon=False)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._figure.tight_layout()
            self._figure.savefig(self._path, format="svg", metadata={"Date": None})
        pyplot.close(self._figure)


def risk_coverage(
    path: Path, curves: Mapping[str, Sequence[tuple[float, float, float]]], aim: float
) -> Path:
    """Risk over coverage; each curve is ``reliability.risk_coverage``'s points."""
    with Plot(
        path,
        x="coverage: questions answered",
        y="risk: answers that are wrong",
        title="Risk over coverage, whole answers",
    ) as axes:
        for name, points in curves.items():
            axes.step([p[1] for p in points], [p[2] for p in points], where="post", label=name)
        axes.axhline(aim, color="#999999", linewidth=0.8, linestyle="--")
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
    return path


def reliability(path: Path, told: Mapping[str, tuple[Sequence[float], Sequence[bool]]]) -> Path:
    """Share right over told probability."""
    with Plot(
        path, x="confidence", y="share right", title="What a confidence means, whole answers"
    ) as axes:
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
        for name, (probabilities, right) in told.items():
            bins = diagram(probabilities, right)
            axes.plot([b[0] for b in bins], [b[1] for b in bins], marker="o", ms=4, label=name)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
    return path


def tokens(path: Path, readings: Sequence[Mapping[str, Any]]) -> Path:
    """Exact dialogues of the development fold over the base's tokens, a line for each job."""
    jobs = sorted({job for r in readings for job, read in r["dev"].items() if "dialogues" in read})
    with Plot(
        path,
        x="tokens read (millions)",
        y="dialogues exactly right",
        title="The base while it learns, development fold",
    ) as axes:
        for job in jobs:
            points = [
                (r["tokens"] / 1e6, r["dev"][job]["dialogues"])
                for r in readings
                if "dialogues" in r["dev"].get(job, {})
            ]
            axes.plot(*zip(*points, strict=True), marker="o", ms=3, label=job)
        axes.set_ylim(0, 1)
    return path


def frames(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Exact plans on unseen frames over the number of frames trained on."""
    with Plot(
        path,
        x="sentence frames trained on",
        y="plans exactly right, unseen frames",
        title="Planning over frames, equal tokens",
        log=True,
    ) as axes:
        _line(axes, [(row["frames"], row) for row in rows])
    return path


def parameters(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Exact plans on unseen frames over the model's size."""
    with Plot(
        path,
        x="parameters (millions)",
        y="plans exactly right, unseen frames",
        title="Planning over parameters, equal tokens",
        log=True,
    ) as axes:
        _line(axes, [(row["parameters"] / 1e6, row) for row in rows])
    return path


def _line(axes: Any, rows: Sequence[tuple[float, Mapping[str, Any]]]) -> None:
    """Exact shares with 95 % intervals."""
    from evals.intervals import wilson

    ordered = sorted(rows, key=lambda each: each[0])
    shares = [row["exact"] for _, row in ordered]
    bounds = [wilson(round(row["exact"] * row["heldout"]), row["heldout"]) for _, row in ordered]
    low = [max(0.0, share - bound[0]) for share, bound in zip(shares, bounds, strict=True)]
    high = [max(0.0, bound[1] - share) for share, bound in zip(shares, bounds, strict=True)]
    places = [place for place, _ in ordered]
    axes.errorbar(places, shares, yerr=[low, high], marker="o", ms=4, capsize=2)
    axes.set_ylim(0, 1)
