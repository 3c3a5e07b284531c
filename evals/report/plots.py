"""The plots of a decision: values in, SVG out. What they show stands in a table beside each.

Every mark carries the class ``mark`` and, for a pointer that rests on it, its values in words.
Colours are classes (``t0`` … ``t7``, ``start``), see ``templates/style.css``; shapes tell arms
apart where colours cannot. Gains and accuracies are points here, no fractions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evals.report.svg import (
    MARKERS,
    Drawing,
    Ink,
    Scale,
    apart,
    around,
    beside_points,
    fit,
    number,
    width,
)

TONES = 8
LEFT = 8.0
RIGHT = 472.0
"""Where plots without labels at their sides begin and end."""


def inks(arms: Sequence[str], start: str, controls: Sequence[str] = ()) -> dict[str, Ink]:
    """Each arm's look, the same in every plot: the start in the text's own colour, controls
    hollow, the others by their place among the arms."""
    found: dict[str, Ink] = {}
    others = [arm for arm in arms if arm != start]
    for place, arm in enumerate(others):
        shape = MARKERS[(place + place // TONES) % len(MARKERS)]
        found[arm] = Ink(f"t{place % TONES}", shape, arm in controls)
    if start in arms:
        found[start] = Ink("start", "circle")
    return found


def signed(value: float) -> str:
    """Points with their sign, one decimal: ``+3.2``, ``−0.4``, ``0.0``."""
    rounded = round(value, 1) + 0.0
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def _plain(value: float) -> str:
    return f"{round(value, 6) + 0.0:g}".replace("-", "−")


def _usd(value: float) -> str:
    return f"${value:.3g}"


# --- gains --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """A contrast, in points."""

    label: str
    ink: Ink
    mean: float
    low: float
    high: float
    """Simultaneous over all contrasts."""
    inner: tuple[float, float] | None = None
    """Its own interval, without the others."""


def forest(gains: Sequence[Gain], delta: float, *, name: str = "forest") -> Drawing:
    """Gains with their intervals, no gain and the smallest gain worth having marked."""
    row, top = 44.0, 26.0
    floor = top + row * len(gains) + 4
    drawing = Drawing(
        name,
        "Gains of the arms",
        "One row a contrast: the gain in points and its simultaneous interval. Lines mark no gain "
        f"and the smallest gain worth having, {_plain(delta)} points. The figures are in the "
        "table.",
        floor + 42,
    )
    ends = [v for g in gains for v in (g.low, g.high, g.mean)] + [0.0, delta]
    scale = Scale(*around(ends, room=0.05), LEFT, RIGHT)
    worth, none = scale(delta), scale(0)
    drawing.add("rect", "worth", x=worth, y=top - 4, width=RIGHT - worth, height=floor - top + 4)
    drawing.below(scale, floor, top - 4, "gain, points", _plain)
    drawing.line("zero", none, top - 4, none, floor)
    drawing.line("delta", worth, top - 4, worth, floor)
    told = f"worth having ≥ {_plain(delta)}"
    if worth + width(told, 11) + 4 < RIGHT:
        drawing.text(worth + 4, top - 14, told, "note")
    else:
        drawing.text(RIGHT, top - 14, told, "note", "end")
    drawing.text(none - 4, top - 14, "no gain", "note", "end")
    for place, gain in enumerate(gains):
        y = top + row * place
        figures = f"{signed(gain.mean)} [{signed(gain.low)}, {signed(gain.high)}]"
        room = RIGHT - LEFT - width(figures) - 16
        drawing.text(LEFT, y + 10, fit(gain.label, room), "name", told=gain.label)
        drawing.text(RIGHT, y + 10, figures, "figure", "end")
        y += 29
        whole = f"{gain.label}: {figures}"
        drawing.line(f"whisker {gain.ink.tone}", scale(gain.low), y, scale(gain.high), y, whole)
        for end in (gain.low, gain.high):
            drawing.line(f"whisker {gain.ink.tone}", scale(end), y - 4, scale(end), y + 4)
        if gain.inner is not None:
            low, high = gain.inner
            drawing.line(f"inner {gain.ink.tone}", scale(low), y, scale(high), y)
        drawing.mark(gain.ink, scale(gain.mean), y, 5.5, whole)
    return drawing


@dataclass(frozen=True)
class Companies:
    """One contrast's mean difference on each company's questions, in points."""

    label: str
    ink: Ink
    mean: float
    differences: Mapping[str, float]


def spread(panels: Sequence[Companies], delta: float) -> tuple[float, float]:
    """The vertical bounds that panels of several contrasts share, points."""
    return around([v for p in panels for v in (*p.differences.values(), 0.0, delta)])


def companies(panel: Companies, bounds: tuple[float, float], *, name: str) -> Drawing:
    """A stem a company, from the largest loss to the largest gain.

    Args:
        bounds: of the vertical axis, points.
    """
    tall, top, left = 130.0, 32.0, 42.0
    drawing = Drawing(
        name,
        f"Differences by company: {panel.label}",
        "One stem a company, ordered by its mean difference in points; the dashed line is the mean "
        "over all questions. The figures are in the table.",
        top + tall + 10,
    )
    scale = Scale(*bounds, top + tall, top)
    better = sum(v > 0 for v in panel.differences.values())
    counted = f"better on {better} of {len(panel.differences)}"
    room = RIGHT - LEFT - width(counted) - 16
    drawing.text(LEFT, 10, fit(panel.label, room), "name", told=panel.label)
    drawing.text(RIGHT, 10, counted, "figure", "end")
    for tick in scale.ticks(5):
        y = scale(tick)
        drawing.line("zero" if tick == 0 else "grid", left, y, RIGHT, y)
        drawing.text(left - 6, y, _plain(tick), "tick", "end")
    ordered = sorted(panel.differences.items(), key=lambda each: (each[1], each[0]))
    step = (RIGHT - left) / max(len(ordered), 1)
    radius = min(3.4, max(1.6, step * 0.38))
    for place, (company, value) in enumerate(ordered):
        x, y = left + step * (place + 0.5), scale(value)
        drawing.line(f"stem {panel.ink.tone}", x, scale(0), x, y)
        told = f"{company}: {signed(value)} points"
        drawing.add("circle", f"mark {panel.ink.fill}", told, cx=x, cy=y, r=radius)
    drawing.line("mean", left, scale(panel.mean), RIGHT, scale(panel.mean))
    return drawing


# --- what it costs ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """An arm by what it costs and how often it is right."""

    arm: str
    ink: Ink
    cost: float
    accuracy: float
    low: float
    high: float


def front(places: Sequence[tuple[float, float]]) -> list[int]:
    """Which (cost, accuracy) no other beats in both: the Pareto front, by ascending cost."""
    order = sorted(range(len(places)), key=lambda each: (places[each][0], -places[each][1], each))
    found: list[int] = []
    for each in order:
        if not found or places[each][1] > places[found[-1]][1]:
            found.append(each)
    return found


def frontier(
    places: Sequence[Place], *, name: str, title: str, label: str, unit: str, gate: float | None
) -> Drawing:
    """Accuracy against a cost, the Pareto front drawn through the arms that none beats in both.

    Args:
        unit: ``$`` or ``s``, of the cost.
        gate: largest cost that an adopted arm may have; None: no gate.
    """
    tall, top, left = 236.0, 16.0, 42.0
    floor = top + tall
    drawing = Drawing(
        name,
        title,
        f"Each arm's accuracy in percent, with its 95 % interval, over its {label}; the stepped "
        "line is the Pareto front. The figures are in the table.",
        floor + 42,
    )
    costs = [p.cost for p in places] + ([gate] if gate else [])
    log = min(costs) > 0 and max(costs) / min(costs) > 12
    if log:
        across = Scale(min(costs) / 1.6, max(costs) * 2.4, left, RIGHT, log=True)
    else:
        across = Scale(0, max(costs) * 1.12 or 1, left, RIGHT)
    bounds = around([v for p in places for v in (p.low, p.high)])
    up = Scale(max(bounds[0], 0.0), min(bounds[1], 100.0), floor, top)
    show = _usd if unit == "$" else _plain
    drawing.beside(up, left, RIGHT, _plain)
    drawing.below(across, floor, top, label + (" (log scale)" if log else ""), show)
    drawing.text(left - 34, top - 8, "% right", "note")
    avoid: list[tuple[float, float, float, float]] = []
    if gate:
        x = across(gate)
        words = f"gate {show(float(f'{gate:.3g}'))}{'' if unit == '$' else ' s'}"
        drawing.add("rect", "beyond", x=x, y=top, width=RIGHT - x, height=tall)
        drawing.line("gate", x, top, x, floor)
        inside = x + width(words, 11) + 6 < RIGHT
        drawing.text(
            x + (4 if inside else -4), floor - 9, words, "note", "start" if inside else "end"
        )
        long = width(words, 11) + 6
        avoid.append((x - (0 if inside else long), floor - 17, x + (long if inside else 0), floor))
    best = front([(p.cost, p.accuracy) for p in places])
    steps: list[tuple[float, float]] = []
    for each in best:
        x, y = across(places[each].cost), up(places[each].accuracy)
        steps += [(x, steps[-1][1])] if steps else []
        steps.append((x, y))
    steps.append((RIGHT, steps[-1][1]))
    drawing.path("front", steps)
    avoid += [
        (min(one[0], two[0]), min(one[1], two[1]), max(one[0], two[0]) + 1, max(one[1], two[1]) + 1)
        for one, two in pairwise(steps)
    ]
    avoid += [(across(p.cost) - 1, up(p.high), across(p.cost) + 1, up(p.low)) for p in places]
    for p in places:
        drawing.line(f"whisker {p.ink.tone}", across(p.cost), up(p.low), across(p.cost), up(p.high))
    spots = [(across(p.cost), up(p.accuracy)) for p in places]
    names = [fit(p.arm, 150, 12) for p in places]
    labels = beside_points(spots, names, (left, top - 4, RIGHT, floor), avoid=avoid, size=12)
    for p, words, (x, y, anchor), spot in zip(places, names, labels, spots, strict=True):
        if abs(x - spot[0]) + abs(y - spot[1]) > 15:
            drawing.path(f"leader {p.ink.tone}", [spot, (x + (-2 if anchor == "start" else 2), y)])
        drawing.text(x, y, words, f"tag {p.ink.tone}", anchor)
    for place, (p, (x, y)) in enumerate(zip(places, spots, strict=True)):
        cost = f"{_usd(p.cost)}" if unit == "$" else f"{p.cost:.3g} s"
        told = f"{p.arm}: {p.accuracy:.1f} % right at {cost}"
        drawing.mark(p.ink, x, y, 6.0, told + (", on the front" if place in best else ""))
    return drawing


# --- replies ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Quantiles of a figure: 10, 25, 50, 75 and 90 %."""

    count: int
    quantiles: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Lengths:
    """Tokens of an arm's right and wrong replies; None: there are none."""

    arm: str
    ink: Ink
    right: Spread | None
    wrong: Spread | None


def lengths(rows: Sequence[Lengths], *, name: str = "lengths") -> Drawing:
    """Length of replies by correctness: bars hold the middle half, lines the middle 80 %."""
    row, top = 52.0, 10.0
    floor = top + row * len(rows) + 2
    drawing = Drawing(
        name,
        "Length of right and wrong replies",
        "For each arm the tokens of right replies, above, and of wrong ones, below: the median, "
        "the middle half as a bar, the middle 80 % as a line. The figures are in the table.",
        floor + 42,
    )
    told = [s for r in rows for s in (r.right, r.wrong) if s is not None]
    top_value = max((s.quantiles[4] for s in told), default=1.0)
    scale = Scale(0, top_value * 1.05 or 1, LEFT, RIGHT)
    drawing.below(scale, floor, top, "tokens written", _plain)
    for place, each in enumerate(rows):
        y = top + row * place
        drawing.text(LEFT, y + 9, fit(each.arm, 300), "name", told=each.arm)
        words = " · ".join(
            f"{kind} {s.quantiles[2]:.0f}"
            for kind, s in (("right", each.right), ("wrong", each.wrong))
            if s is not None
        )
        drawing.text(RIGHT, y + 9, words, "figure", "end")
        for line, kind, spread in ((24, "right", each.right), (38, "wrong", each.wrong)):
            if spread is None:
                continue
            p10, p25, p50, p75, p90 = (scale(q) for q in spread.quantiles)
            words = f"{each.arm}, {kind}: median {spread.quantiles[2]:.0f} tokens of {spread.count}"
            drawing.line(f"whisker {each.ink.tone}", p10, y + line, p90, y + line)
            drawing.add(
                "rect", f"mark box {each.ink.tone} {'full' if kind == 'right' else 'hollow'}",
                words, x=p25, y=y + line - 4.5, width=max(p75 - p25, 1.5), height=9, rx=2,
            )  # fmt: skip
            inside = " within" if kind == "right" else ""
            drawing.line(f"median{inside}", p50, y + line - 6, p50, y + line + 6)
    return drawing


@dataclass(frozen=True)
class Curve:
    """An arm's pass@k and pass^k, in percent, by k."""

    arm: str
    ink: Ink
    ks: tuple[int, ...]
    at: tuple[float, ...]
    hat: tuple[float, ...]


def passes(curves: Sequence[Curve], *, name: str = "passes") -> Drawing:
    """pass@k rising, pass^k falling, from the one point where they meet."""
    tall, top, left = 290.0, 18.0, 42.0
    tags = [fit(c.arm, 128, 12) for c in curves]
    right = RIGHT - max((width(t, 12) for t in tags), default=0) - 14
    floor = top + tall
    drawing = Drawing(
        name,
        "pass@k and pass^k",
        "Share of questions with at least one right sample of k (pass@k, solid, rising) and with k "
        "right samples of k (pass^k, dashed, falling). The figures are in the table.",
        floor + 42,
    )
    ks = sorted({k for c in curves for k in c.ks})
    across = Scale(ks[0], ks[-1], left + 8, right)
    bounds = around([v for c in curves for v in (*c.at, *c.hat)])
    up = Scale(max(bounds[0], 0.0), min(bounds[1], 100.0), floor, top)
    drawing.beside(up, left, right, _plain)
    drawing.text(left - 34, top - 9, "% of questions", "note")
    for k in ks if len(ks) <= 8 else [k for k in ks if k & (k - 1) == 0]:
        drawing.line("grid", across(k), top, across(k), floor)
        drawing.text(across(k), floor + 12, str(k), "tick", "middle")
    drawing.line("axis", left, floor, right, floor)
    drawing.text((left + right) / 2, floor + 30, "k, samples of a question", "label", "middle")
    for c in curves:
        for kind, values, dash in (("pass@", c.at, ""), ("pass^", c.hat, " dashed")):
            spots = [(across(k), up(v)) for k, v in zip(c.ks, values, strict=True)]
            drawing.path(f"curve {c.ink.tone}{dash}", spots)
            for k, v, (x, y) in zip(c.ks, values, spots, strict=True):
                drawing.mark(c.ink, x, y, 3.4, f"{c.arm}: {kind}{k} {v:.1f} %")
    # One name an arm: beside the end of its rising line.
    wished = [up(c.at[-1]) for c in curves]
    for c, words, y in zip(curves, tags, apart(wished, top + 4, floor), strict=True):
        end = (across(c.ks[-1]), up(c.at[-1]))
        drawing.path(f"leader {c.ink.tone}", [(end[0] + 5, end[1]), (right + 10, y)])
        drawing.text(right + 13, y, words, f"tag {c.ink.tone}")
    return drawing


# --- runs and power -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Runs:
    """An arm's training runs: each one's accuracy, and their mean with its interval, percent."""

    arm: str
    ink: Ink
    runs: tuple[tuple[str, float], ...]
    """What the run is called, accuracy."""
    mean: float
    low: float
    high: float


def seeds(rows: Sequence[Runs], *, name: str = "seeds") -> Drawing:
    """Each training run's accuracy, by arm: how much a seed matters."""
    row, top = 44.0, 10.0
    floor = top + row * len(rows) + 2
    drawing = Drawing(
        name,
        "Accuracy of each training run",
        "One row an arm, one mark a training run; the band is the arm's 95 % interval and the tick "
        "its mean. The figures are in the table.",
        floor + 42,
    )
    told = [v for r in rows for v in (r.low, r.high, *(a for _, a in r.runs))]
    low, high = around(told, room=0.04, least=2.0)
    scale = Scale(max(low, 0.0), min(high, 100.0), LEFT, RIGHT)
    drawing.below(scale, floor, top, "% right", _plain)
    for place, each in enumerate(rows):
        y = top + row * place
        values = [a for _, a in each.runs]
        words = f"{each.mean:.1f}"
        if len(values) > 1:
            words += f" · {len(values)} runs, {max(values) - min(values):.1f} apart"
        drawing.text(LEFT, y + 9, fit(each.arm, RIGHT - LEFT - width(words) - 16), "name",
                     told=each.arm)  # fmt: skip
        drawing.text(RIGHT, y + 9, words, "figure", "end")
        y += 29
        drawing.add(
            "rect", f"band {each.ink.tone}", f"{each.arm}: {each.mean:.1f} "
            f"[{each.low:.1f}, {each.high:.1f}] %", x=scale(each.low), y=y - 7,
            width=max(scale(each.high) - scale(each.low), 1), height=14, rx=3,
        )  # fmt: skip
        drawing.line("median", scale(each.mean), y - 9, scale(each.mean), y + 9)
        for run, accuracy in each.runs:
            drawing.mark(each.ink, scale(accuracy), y, 4.6, f"{each.arm}, {run}: {accuracy:.1f} %")
    return drawing


@dataclass(frozen=True)
class Chance:
    """How often the whole rule adopts at one true gain (points), in percent."""

    gain: float
    adopted: float
    low: float
    high: float


def power(rows: Sequence[Chance], delta: float, aim: float, wanted: float) -> Drawing:
    """How often the whole rule adopts, by the true gain.

    Args:
        wanted: the power the design asks for, percent.
    """
    tall, top, left = 220.0, 22.0, 42.0
    floor = top + tall
    drawing = Drawing(
        "power",
        "Power of the whole rule",
        "Share of simulated studies in which an arm is adopted, over its true gain in points. At a "
        "true gain of 0 it is the rate of false adoption. The figures are in the table.",
        floor + 42,
    )
    gains = [r.gain for r in rows] + [delta, aim]
    across = Scale(min(0.0, *gains), max(gains) * 1.04 or 1, left, RIGHT)
    up = Scale(0, 100, floor, top)
    drawing.beside(up, left, RIGHT, _plain)
    drawing.below(across, floor, top, "true gain, points", _plain)
    drawing.text(left - 34, top - 12, "% adopted", "note")
    drawing.line("delta", across(delta), top, across(delta), floor)
    drawing.text(across(delta) + 4, floor - 9, f"δ {_plain(delta)}", "note")
    if aim != delta:
        drawing.line("gate", across(aim), top, across(aim), floor)
        drawing.text(across(aim) + 4, floor - 9, f"aim {_plain(aim)}", "note")
    drawing.line("mean", left, up(wanted), RIGHT, up(wanted))
    ordered = sorted(rows, key=lambda each: each.gain)
    band = [(across(r.gain), up(r.low)) for r in ordered]
    band += [(across(r.gain), up(r.high)) for r in reversed(ordered)]
    steps = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in band) + "Z"
    drawing.add("path", "band t0", d=steps)
    drawing.path("curve t0", [(across(r.gain), up(r.adopted)) for r in ordered])
    for r in ordered:
        told = f"true gain {_plain(r.gain)}: adopted in {r.adopted:.1f} % of studies"
        drawing.mark(Ink("t0", "circle"), across(r.gain), up(r.adopted), 4.2, told)
    return drawing
