"""Drawing by hand, as SVG text: shapes, scales, ticks, labels that keep out of each other's way.

No library draws: the same values give the same bytes anywhere, colours are classes of the page's
style sheet (so light, dark and print each have their own), and text is text. Lengths are in the
drawing's own units, which are about a CSS pixel on a wide screen.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from evals.report.letters import visible

SIZE = 13.0
"""Of letters."""
GAP = 15.0
"""Between the middles of labels that stand above each other."""
MARKERS = ("circle", "square", "diamond", "up", "down", "hexagon", "plus", "cross")
"""Shapes that tell arms apart where colours cannot."""


@dataclass(frozen=True)
class Ink:
    """How one arm is drawn in every plot."""

    tone: str
    """Class of its colour in the style sheet."""
    shape: str
    hollow: bool = False

    @property
    def fill(self) -> str:
        """Class of an area in this ink."""
        return f"{self.tone} {'hollow' if self.hollow else 'full'}"


@dataclass(frozen=True)
class Scale:
    """Values to places along an axis, both ends included."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; what lies outside is put at the nearer end."""
        low, high, value = (
            (math.log(self.low), math.log(self.high), math.log(max(value, self.low)))
            if self.log
            else (self.low, self.high, value)
        )
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the scale, at most so many."""
        return _log_ticks(self.low, self.high, most) if self.log else _ticks(self, most)


def _ticks(scale: Scale, most: int) -> list[float]:
    span = scale.high - scale.low
    if span <= 0:
        return [scale.low]
    rough = span / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * (1 - 1e-9))
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        told = [s * 10.0**p for p in powers for s in steps]
        within = [t for t in told if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
        if len(within) <= most:
            return within
    within = [10.0**p for p in powers if low <= 10.0**p <= high]
    return within[:: math.ceil(len(within) / most)]


def around(
    values: Iterable[float], *, room: float = 0.06, least: float = 0.0
) -> tuple[float, float]:
    """Bounds that hold all finite values with room at both ends.

    Args:
        room: share of the span added at each end.
        least: smallest span.
    """
    told = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(told), max(told)
    span = max(high - low, least, 1e-6 * max(abs(low), abs(high)), 1e-9)
    middle = (low + high) / 2
    return middle - span * (0.5 + room), middle + span * (0.5 + room)


def width(text: str, size: float = SIZE) -> float:
    """About how wide a text is in a sans-serif face; rather too much than too little."""
    total = 0.0
    for letter in text:
        if unicodedata.east_asian_width(letter) in "WF":
            total += 1.05
        elif letter in "iljtfI.,:;'|!()[] ·":
            total += 0.39
        elif letter in "mwMW@%—" or letter.isupper():
            total += 0.88
        else:
            total += 0.65
    return total * size


def fit(text: str, room: float, size: float = SIZE) -> str:
    """The text, cut with an ellipsis where it is wider than the room."""
    if width(text, size) <= room:
        return text
    kept = text
    while kept and width(kept + "…", size) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def number(value: float) -> str:
    """A coordinate: one decimal, no negative nought."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


@dataclass
class Drawing:
    """One plot in the making."""

    name: str
    """Its id on the page."""
    title: str
    about: str
    """What it shows, for those who cannot see it."""
    height: float
    width: float = 480.0
    parts: list[Markup] = field(default_factory=list[Markup])

    def add(self, tag: str, cls: str, told: str = "", /, **attributes: float | str) -> None:
        """A shape; ``told`` is what a pointer resting on it reads."""
        inner = Markup("<title>{}</title>").format(visible(told)) if told else Markup()
        shown = Markup("").join(
            Markup(' {}="{}"').format(
                key.replace("_", "-"), value if isinstance(value, str) else number(value)
            )
            for key, value in attributes.items()
        )
        self.parts.append(
            Markup('<{0} class="{1}"{2}>{3}</{0}>').format(Markup(tag), cls, shown, inner)
        )

    def line(self, cls: str, x1: float, y1: float, x2: float, y2: float, told: str = "") -> None:
        """A straight line."""
        self.add("line", cls, told, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, cls: str, points: Sequence[tuple[float, float]], told: str = "") -> None:
        """A line through points."""
        steps = " ".join(
            f"{'M' if place == 0 else 'L'}{number(x)} {number(y)}"
            for place, (x, y) in enumerate(points)
        )
        self.add("path", cls, told, d=steps)

    def text(
        self, x: float, y: float, words: str, cls: str = "", anchor: str = "start", told: str = ""
    ) -> None:
        """Words, their middle line at ``y``."""
        inner = Markup("<title>{}</title>").format(visible(told)) if told else Markup()
        self.parts.append(
            Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}{}</text>').format(
                cls, number(x), number(y + SIZE * 0.35), anchor, inner, visible(words)
            )
        )

    def mark(self, ink: Ink, x: float, y: float, radius: float, told: str = "") -> None:
        """An arm's marker."""
        cls = f"mark {ink.fill}"
        if ink.shape == "circle":
            self.add("circle", cls, told, cx=x, cy=y, r=radius)
            return
        corners = _CORNERS[ink.shape](radius)
        steps = "M" + "L".join(f"{number(x + dx)} {number(y + dy)}" for dx, dy in corners) + "Z"
        self.add("path", cls, told, d=steps)

    def below(
        self, scale: Scale, y: float, top: float, label: str, show: Callable[[float], str]
    ) -> None:
        """The horizontal axis: its line, grid up to ``top``, ticks and label."""
        for tick in scale.ticks():
            x = scale(tick)
            self.line("grid", x, top, x, y)
            self.text(x, y + 12, show(tick), "tick", "middle")
        self.line("axis", scale.start, y, scale.end, y)
        self.text((scale.start + scale.end) / 2, y + 30, label, "label", "middle")

    def beside(self, scale: Scale, x: float, right: float, show: Callable[[float], str]) -> None:
        """The vertical axis at ``x``: grid to ``right`` and ticks."""
        for tick in scale.ticks():
            y = scale(tick)
            self.line("grid", x, y, right, y)
            self.text(x - 6, y, show(tick), "tick", "end")

    def __html__(self) -> str:
        """The drawing as SVG."""
        return str(
            Markup(
                '<svg class="plot" id="{0}" role="img" aria-labelledby="{0}-title {0}-desc" '
                'viewBox="0 0 {1} {2}" xmlns="http://www.w3.org/2000/svg">'
                '<title id="{0}-title">{3}</title><desc id="{0}-desc">{4}</desc>{5}</svg>'
            ).format(
                self.name,
                number(self.width),
                number(self.height),
                visible(self.title),
                visible(self.about),
                Markup("\n").join(self.parts),
            )
        )


def _ngon(corners: int, turn: float, grow: float) -> Callable[[float], list[tuple[float, float]]]:
    def made(radius: float) -> list[tuple[float, float]]:
        angles = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
        return [(radius * grow * math.cos(a), radius * grow * math.sin(a)) for a in angles]

    return made


def _cross(turn: float) -> Callable[[float], list[tuple[float, float]]]:
    arms = ((1.15, -0.42), (1.15, 0.42), (0.42, 0.42))

    def made(radius: float) -> list[tuple[float, float]]:
        told: list[tuple[float, float]] = []
        for quarter in range(4):
            angle = turn + quarter * math.pi / 2
            c, s = math.cos(angle) * radius, math.sin(angle) * radius
            told += [(x * c - y * s, x * s + y * c) for x, y in arms]
        return told

    return made


_CORNERS: dict[str, Callable[[float], list[tuple[float, float]]]] = {
    "square": _ngon(4, math.pi / 4, 1.25),
    "diamond": _ngon(4, 0.0, 1.3),
    "up": _ngon(3, -math.pi / 2, 1.35),
    "down": _ngon(3, math.pi / 2, 1.35),
    "hexagon": _ngon(6, 0.0, 1.15),
    "plus": _cross(0.0),
    "cross": _cross(math.pi / 4),
}


def apart(places: Sequence[float], low: float, high: float, gap: float = GAP) -> list[float]:
    """Labels' places along a line, moved as little as needed to stand ``gap`` apart.

    Groups that touch are centred on the mean of their wishes (pool adjacent violators); where there
    is not enough room between ``low`` and ``high``, they go beyond ``high``.
    """
    order = sorted(range(len(places)), key=lambda each: (places[each], each))
    groups: list[tuple[list[int], float]] = []
    for each in order:
        members = [each]
        while True:
            reach = gap * (len(members) - 1) / 2
            middle = sum(places[m] for m in members) / len(members)
            middle = max(min(middle, high - reach), low + reach)
            if not groups or groups[-1][1] + _half(groups[-1][0], gap) <= middle - reach - gap / 2:
                break
            members = groups.pop()[0] + members
        groups.append((members, middle))
    found = [0.0] * len(places)
    for members, middle in groups:
        for place, member in enumerate(members):
            found[member] = middle + gap * (place - (len(members) - 1) / 2)
    return found


def _half(members: Sequence[int], gap: float) -> float:
    return gap * len(members) / 2


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def beside_points(
    points: Sequence[tuple[float, float]],
    labels: Sequence[str],
    within: Box,
    *,
    avoid: Sequence[Box] = (),
    size: float = SIZE,
) -> list[tuple[float, float, str]]:
    """Where each point's label stands: x, y (its middle line) and text anchor.

    Each label in turn takes the place around its point that overlaps least with other points,
    with labels already placed and with what is to be avoided; the nearest of those. Points at the
    same spot so get labels at different ones.
    """
    taken: list[Box] = [(x - 7, y - 7, x + 7, y + 7) for x, y in points]
    taken += list(avoid)
    found: list[tuple[float, float, str]] = []
    for (x, y), label in zip(points, labels, strict=True):
        long = width(label, size)
        best: tuple[float, tuple[float, float, str], Box] | None = None
        for rank, (dx, dy, anchor) in enumerate(_AROUND):
            left = x + dx - (long if anchor == "end" else long / 2 if anchor == "middle" else 0)
            box = (left, y + dy - size * 0.6, left + long, y + dy + size * 0.6)
            cost = sum(_overlap(box, other) for other in taken)
            cost += 4 * _outside(box, within) + rank
            if best is None or cost < best[0]:
                best = (cost, (x + dx, y + dy, anchor), box)
        assert best is not None
        found.append(best[1])
        taken.append(best[2])
    return found


_AROUND = tuple(
    (side * away, up, "start" if side > 0 else "end")
    for up, away in sorted(
        ((up, away) for up in range(-48, 49, 12) for away in (11.0, 22.0, 36.0)),
        key=lambda each: (abs(each[0]) + each[1], each),
    )
    for side in (1, -1)
)
"""Places to try, nearest first: how far right, how far down, and the text's anchor."""


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across * down if across > 0 and down > 0 else 0.0


def _outside(box: Box, within: Box) -> float:
    over = max(within[0] - box[0], 0) + max(box[2] - within[2], 0)
    return 10 * (over + max(within[1] - box[1], 0) + max(box[3] - within[3], 0))
